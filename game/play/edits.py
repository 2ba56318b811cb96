"""Stores, prunes and restores earlier versions of a turn's texts.

Called by `game.play.turns` with the adventure locked.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import MD5
from django.utils.translation import gettext as _

from game.accounts.limits import too_many_of
from game.models import Adventure, Edit, Player, Status, Turn
from game.play.protocol import LastEdit, Refused

MAX_VERSIONS = 50  # of one turn, not counting the original of each text
RETRY_SECONDS = 60

Texts = dict[str, str]  # by Edit.Field

SIZE = """
SELECT coalesce(sum(octet_length(t.action) + octet_length(t.reply) + coalesce((
    SELECT sum(octet_length(e.before)) FROM game_edit e WHERE e.turn_id = t.id), 0)), 0)
FROM game_turn t WHERE t.adventure_id = %s
"""


def size_of(text: str) -> int:
    """The size of a text in bytes of UTF-8."""
    return len(text.encode())


def measure(adventure_id: UUID) -> int:
    """The size of an adventure in bytes: its actions, replies and earlier versions."""
    with connection.cursor() as cursor:
        cursor.execute(SIZE, [adventure_id])
        [size] = cursor.fetchone()
        return int(size)


def refuse_when_too_large(adventure: Adventure, more: int = 0) -> None:
    """Raise Refused if `more` bytes would exceed MAX_ADVENTURE_MB."""
    if adventure.size + more > settings.MAX_ADVENTURE_MB * 1024 * 1024:
        raise Refused(
            "not_allowed",
            _(
                "This adventure has reached %(size)s MB, the most that this host keeps of one. "
                "It stays as it is. To go on, copy only this path on your shelf (More, Copy), "
                "and play in the copy."
            )
            % {"size": settings.MAX_ADVENTURE_MB},
        )


def refuse_too_many(player: Player) -> None:
    """Count one more edit of the player. Raises Refused beyond LIMITS["edit"]."""
    if too_many_of(player, "edit"):
        raise Refused(
            "too_many",
            _("Too many edits. What you typed is kept; save it in a minute."),
            retry_after=RETRY_SECONDS,
        )


def changes(turn: Turn, texts: Mapping[str, str | None]) -> Texts:
    """Those of `texts` that differ from the turn's."""
    return {
        field: text
        for field, text in texts.items()
        if text is not None and text != getattr(turn, field)
    }


def replace(adventure: Adventure, turn: Turn, texts: Texts, player: Player) -> dict[str, int]:
    """Replace texts of a turn. Returns the ids of the Edits with the replaced texts, by field."""
    versions: dict[str, int] = {}
    for field, text in texts.items():
        before = getattr(turn, field)
        version = Edit.objects.create(turn=turn, field=field, before=before, by=player)
        versions[field] = version.pk
        setattr(turn, field, text)
        adventure.size += size_of(text)
    turn.edited = True
    turn.save(update_fields=[*texts, "edited"])
    adventure.size = max(0, adventure.size - prune(turn))
    return versions


def prune(turn: Turn) -> int:
    """Delete duplicate versions and the oldest beyond MAX_VERSIONS. Returns the bytes freed.

    The original of each text stays, since moderators need it to tell who wrote what.
    """
    first: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    pruned: dict[int, int] = {}
    versions = list(turn.edits.order_by("at", "pk"))
    for each in versions:
        first.setdefault(each.field, each.pk)
    others = [each for each in reversed(versions) if each.pk != first[each.field]]
    for each in others:
        content = (each.field, each.before)
        if content in seen or len(seen) == MAX_VERSIONS:
            pruned[each.pk] = size_of(each.before)
        else:
            seen.add(content)
    Edit.objects.filter(pk__in=pruned).delete()
    return sum(pruned.values())


def is_original(turn: Turn, field: str, text: str) -> bool:
    """Whether a text is what the turn had before its first edit."""
    first = turn.edits.filter(field=field).order_by("at", "pk").first()
    return first is not None and first.before == text


def texts_to_screen(turn: Turn, texts: Texts) -> list[str]:
    """Those of new texts that rules apply to: not the narrator's own reply."""
    return [
        text
        for field, text in texts.items()
        if not (field == Edit.Field.REPLY and is_original(turn, field, text))
    ]


# The edit that undo and redo apply to


def last_edit(adventure: Adventure) -> LastEdit | None:
    """The edit that was the last change of the adventure, for pages."""
    last = adventure.last_edit
    return LastEdit(turn=last["turn"], undone=last["undone"]) if last else None


def record_last_edit(
    adventure: Adventure, turn: Turn, versions: dict[str, int], *, undone: bool
) -> None:
    """Set the edit (ids of versions by field) that undo or redo applies to."""
    adventure.last_edit = {"turn": str(turn.pk), "undone": undone, "versions": versions}


def record_last_world_edit(
    adventure: Adventure, turn: Turn, before: list[dict[str, Any]], *, undone: bool
) -> None:
    """Set the edit of the state of the world that undo or redo applies to.

    `before` are the player's changes of the turn that it replaced. While a turn is under way, undo
    is about that turn.
    """
    if not adventure.turns.filter(status=Status.QUEUED).exists():
        adventure.last_edit = {"turn": str(turn.pk), "undone": undone, "world": before}


def world_to_restore(
    adventure: Adventure, *, undone: bool
) -> tuple[Turn, list[dict[str, Any]]] | None:
    """As `texts_to_restore`: the turn of the last edit, and the player's changes before it."""
    last: dict[str, Any] | None = adventure.last_edit
    if not last or last["undone"] != undone or "world" not in last:
        return None
    turn = adventure.turns.filter(pk=last["turn"]).first()
    return (turn, last["world"]) if turn else None


def texts_to_restore(adventure: Adventure, *, undone: bool) -> tuple[Turn, Texts] | None:
    """The turn of the last edit, and its texts before; None if something else changed since.

    `undone`: the edit must have been undone (for redo) or not (for undo).
    """
    last: dict[str, Any] | None = adventure.last_edit
    if not last or last["undone"] != undone or "versions" not in last:
        return None
    turn = adventure.turns.filter(pk=last["turn"]).first()
    if turn is None:
        return None
    texts = dict(turn.edits.filter(pk__in=last["versions"].values()).values_list("field", "before"))
    return (turn, texts) if texts else None


# Earlier versions, for pages


def other_versions(turns: list[UUID]) -> QuerySet[Edit]:
    """Versions of these turns that differ from the current text."""
    found = Edit.objects.filter(turn_id__in=turns)
    for field in Edit.Field.values:
        found = found.exclude(field=field, before=F(f"turn__{field}"))
    return found


def count_versions(turns: list[UUID]) -> dict[UUID, int]:
    """How many different earlier versions each of these turns has."""
    if not turns:
        return {}
    counts: dict[UUID, int] = {}
    every = other_versions(turns).values_list("turn_id", "field", MD5("before")).distinct()
    for turn, _field, _digest in every.order_by():
        counts[turn] = counts.get(turn, 0) + 1
    return counts


def versions_data(turn: Turn) -> list[dict[str, Any]]:
    """The earlier versions of a turn, newest first, each text once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    first = {
        field: turn.edits.filter(field=field).order_by("at", "pk").first()
        for field in Edit.Field.values
    }
    for each in other_versions([turn.pk]).order_by("-at", "-pk"):
        original = first[each.field]
        found.setdefault(
            (each.field, each.before),
            {
                "field": each.field,
                "text": each.before,
                "until": each.at.isoformat(),
                "original": original is not None and original.before == each.before,
            },
        )
    return list(found.values())
