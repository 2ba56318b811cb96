"""Everything about a player, as one JSON file that they take home.

Every model of the game goes in, one that is written tomorrow as well, unless it is named in
LEFT_OUT. Other players who stand in a row do not: theirs is not told.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import ForeignKey, Model, QuerySet
from django.utils import timezone
from django.utils.text import slugify

from game.library import shown
from game.models import Adventure, Appeal, Membership, Player, ShareTexts, StoryCard, TurnContext
from game.play.context_views import seen_titles
from inference.contract.prompt_report import UnreadableReport, unpack

# By the model's name, why it is not the player's to take.
LEFT_OUT: dict[str, str] = {
    "Case": "what moderators look at; what they decided is in the notices, with the words",
}
# Fields that are a machine's, or a secret.
NOT_TOLD = {"password", "digest"}
MANY = 500  # rows that are looked for at once


def file_name(player: Player) -> str:
    """The name of the file with a player's data."""
    return f"grue-{slugify(player.username) or 'player'}.json"


def export_of(player: Player) -> str:
    """Everything that is stored of a player, as JSON."""
    told = {
        "from": "Grue",
        "made": timezone.now(),
        "player": about(player),
        **{name: rows for name, rows in sorted(rows_of(player).items())},
    }
    return json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def about(player: Player) -> dict[str, Any]:
    emails = EmailAddress.objects.filter(user=player).values("email", "verified", "primary")
    return {
        **fields_of(player, player),
        "emails": list(emails),
        "authenticator_app": is_mfa_enabled(player),
    }


def rows_of(player: Player) -> dict[str, list[dict[str, Any]]]:
    """Rows by their table's name: what names the player, and all that hangs on what is theirs."""
    found: dict[type[Model], dict[Any, Model]] = defaultdict(dict)
    theirs = Membership.objects.filter(player=player, role=Membership.Role.OWNER)
    owned = Adventure.objects.filter(pk__in=theirs.values("adventure"))
    collect(owned, found)
    hangs_on(list(owned), found)
    for relation in Player._meta.related_objects:
        model = relation.related_model
        if told(model):
            rows = list(model._base_manager.filter(**{relation.field.name: player}))
            collect(rows, found)
    for card in [card for card in found[StoryCard].values() if hides(card)]:
        del found[StoryCard][card.pk]
    collect(StoryCard.objects.filter(scenario__author=player), found)
    collect(Appeal.objects.filter(notice__player=player), found)
    return {
        str(model._meta.verbose_name_plural): [fields_of(row, player) for row in rows.values()]
        for model, rows in found.items()
    }


def hides(card: Any) -> bool:
    """Whether a card of an adventure is not yet for its players: another one wrote it."""
    return bool(card.hidden and card.adventure_id)


def told(model: Any) -> bool:
    ours = model._meta.app_config is apps.get_app_config("game")
    return ours and not model._meta.auto_created and model.__name__ not in LEFT_OUT


def collect(
    rows: Iterable[Model] | QuerySet[Any], found: dict[type[Model], dict[Any, Model]]
) -> list[Model]:
    """Note rows. Those that were new."""
    new = [row for row in rows if row.pk not in found[type(row)]]
    for row in new:
        found[type(row)][row.pk] = row
    return new


def hangs_on(rows: list[Any], found: dict[type[Model], dict[Any, Model]]) -> None:
    """Note what goes when these rows go: an adventure's turns, a turn's edits, and so on."""
    if not rows:
        return
    for relation in type(rows[0])._meta.related_objects:
        model = relation.related_model
        if not told(model) or relation.on_delete.__name__ != "CASCADE":
            continue
        for first in range(0, len(rows), MANY):
            some = {f"{relation.field.name}__in": rows[first : first + MANY]}
            hangs_on(collect(model._base_manager.filter(**some), found), found)


def fields_of(row: Model, player: Player) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if field.name in NOT_TOLD:
            continue
        value = getattr(row, field.attname)
        if isinstance(field, ForeignKey) and issubclass(field.related_model, Player):
            value = value and ("you" if value == player.pk else "somebody else")
        values[field.name] = value
    if isinstance(row, TurnContext):
        values["details"] = opened(row)
    if isinstance(row, ShareTexts):
        texts = shown.of(row.share)
        values["content"] = asdict(texts) | {"cards": shown.cards_seen(texts)}
    return values


def opened(context: TurnContext) -> Any:
    try:
        given = unpack(context.details).model_dump(mode="json")
        return given | {"left_out": seen_titles(context.turn, given["left_out"])}
    except UnreadableReport:
        return None
