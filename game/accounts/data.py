"""The data export: everything that is stored of a player, as one JSON file.

Every model of the game is exported, future ones included, unless OMITTED_MODELS names it. Other
players that a row refers to are replaced by "somebody else".
"""

import base64
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

from game.imports import keeping
from game.library import share_content
from game.models import (
    Adventure,
    Appeal,
    Import,
    ImportedStory,
    Membership,
    Player,
    Proposal,
    ShareTexts,
    StoryCard,
    TurnChanges,
    TurnContext,
)
from game.play.context_views import seen_cards, seen_titles
from game.state.worlds import seen_changes
from inference.contract.prompt_report import UnreadableReport, unpack
from inference.prompts.formats import HIDDEN

# Models that are not exported, each with the reason.
OMITTED_MODELS: dict[str, str] = {
    "Case": "what moderators look at; what they decided is in the notices, with the words",
    "RecallEntry": "numbers computed from the turns' texts, which are exported",
}
# Fields that are never exported: secrets.
OMITTED_FIELDS = {"password", "digest"}
BATCH_SIZE = 500  # rows whose dependents are read with one query


def file_name(player: Player) -> str:
    """The name of the file with a player's data."""
    return f"grue-{slugify(player.username) or 'player'}.json"


def export_of(player: Player) -> str:
    """Everything that is stored of a player, as JSON."""
    export = {
        "from": "Grue",
        "made": timezone.now(),
        "player": account_details(player),
        **{name: rows for name, rows in sorted(rows_of(player).items())},
    }
    return json.dumps(export, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)


def account_details(player: Player) -> dict[str, Any]:
    """The player's row, their e-mail addresses, and whether an authenticator app is set up."""
    emails = EmailAddress.objects.filter(user=player).values("email", "verified", "primary")
    return {
        **fields_of(player, player),
        "emails": list(emails),
        "authenticator_app": is_mfa_enabled(player),
    }


def rows_of(player: Player) -> dict[str, list[dict[str, Any]]]:
    """The player's rows by table name: what refers to the player, and what depends on that."""
    found: dict[type[Model], dict[Any, Model]] = defaultdict(dict)
    theirs = Membership.objects.filter(player=player, role=Membership.Role.OWNER)
    owned = Adventure.objects.filter(pk__in=theirs.values("adventure"))
    collect(owned, found)
    collect_dependents(list(owned), found)
    for relation in Player._meta.related_objects:
        model = relation.related_model
        if is_exported(model):
            rows = list(model._base_manager.filter(**{relation.field.name: player}))
            collect(rows, found)
    # Of what is proposed at a table only the player's own: others' drafts are theirs.
    for draft in [draft for draft in found[Proposal].values() if not is_own(draft, player)]:
        del found[Proposal][draft.pk]
    collect(Proposal.objects.filter(member__player=player), found)
    for card in [card for card in found[StoryCard].values() if is_hidden_from_players(card)]:
        del found[StoryCard][card.pk]
    collect(StoryCard.objects.filter(scenario__author=player), found)
    collect(Appeal.objects.filter(notice__player=player), found)
    return {
        str(model._meta.verbose_name_plural): [fields_of(row, player) for row in rows.values()]
        for model, rows in found.items()
    }


def is_own(draft: Any, player: Player) -> bool:
    """Whether a proposal is the player's."""
    return bool(draft.member.player_id == player.pk)


def is_hidden_from_players(card: Any) -> bool:
    """Whether a card of an adventure is still hidden: it is its author's, not the player's."""
    return bool(card.hidden and card.adventure_id)


def is_exported(model: Any) -> bool:
    """Whether rows of a model belong in the export."""
    ours = model._meta.app_config is apps.get_app_config("game")
    return ours and not model._meta.auto_created and model.__name__ not in OMITTED_MODELS


def collect(
    rows: Iterable[Model] | QuerySet[Any], found: dict[type[Model], dict[Any, Model]]
) -> list[Model]:
    """Add rows to `found`. Returns those that were not in it yet."""
    new = [row for row in rows if row.pk not in found[type(row)]]
    for row in new:
        found[type(row)][row.pk] = row
    return new


def collect_dependents(rows: list[Any], found: dict[type[Model], dict[Any, Model]]) -> None:
    """Add rows that would be deleted with these: turns of adventures, their edits, and so on."""
    if not rows:
        return
    for relation in type(rows[0])._meta.related_objects:
        model = relation.related_model
        if not is_exported(model) or relation.on_delete.__name__ != "CASCADE":
            continue
        for first in range(0, len(rows), BATCH_SIZE):
            some = {f"{relation.field.name}__in": rows[first : first + BATCH_SIZE]}
            collect_dependents(collect(model._base_manager.filter(**some), found), found)


def fields_of(row: Model, player: Player) -> dict[str, Any]:
    """A row's fields as plain data, without secrets and without other players' ids."""
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if field.name in OMITTED_FIELDS:
            continue
        value = getattr(row, field.attname)
        if isinstance(field, ForeignKey) and issubclass(field.related_model, Player):
            value = value and ("you" if value == player.pk else "somebody else")
        values[field.name] = value
    if isinstance(row, TurnContext):
        values["details"] = unpacked_details(row)
    if isinstance(row, ShareTexts):
        texts = share_content.load(row.share)
        world = {turn: seen_changes(changes) for turn, changes in texts.world.items()}
        seen = {"cards": share_content.visible_cards(texts), "world": world}
        values["content"] = asdict(texts) | seen
    if isinstance(row, Import):
        values["content"] = row.content and base64.b64encode(bytes(row.content)).decode()
    if isinstance(row, ImportedStory):
        kept = keeping.unpack(row.kept)
        values["kept"] = kept and asdict(kept)
    if isinstance(row, TurnChanges):
        del values["folded"]  # computed from the changes of the path
        values["changes"] = seen_changes(row.changes)
    return values


def unpacked_details(context: TurnContext) -> Any:
    """A turn's prompt report without what players do not know yet; None if it is unreadable."""
    try:
        details = unpack(context.details).model_dump(mode="json")
        for part in details["parts"]:
            if part["origin"] == "world" and part["title"] == HIDDEN:
                part["text"] = ""
        return details | {
            "left_out": seen_titles(context.turn, details["left_out"]),
            "passed_over": seen_cards(context.turn, details["passed_over"]),
        }
    except UnreadableReport:
        return None
