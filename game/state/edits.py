"""The player's changes of the state of the world. They hold until the player changes them again."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from game import disk_space
from game.models import Adventure, Player, Status, Turn
from game.moderation import screening
from game.play import edits as play_edits
from game.play import read_ahead
from game.play.changes import change_adventure
from game.play.protocol import Refused, clean_text
from game.state.changes import announce, store
from game.state.worlds import (
    CHANGES,
    as_data,
    changes_of,
    current_turn,
    entries_at,
    refreshed_state,
    set_by_player,
)
from inference.contract.world import MOST_CHANGES, Field, Part, WorldChange
from inference.world.folding import (
    LONGEST_NAMES,
    LONGEST_VALUE,
    MOST,
    VALUES,
    Entries,
    Key,
    fold_name,
    key_of,
)

LONGEST_BODY = 64 * 1024  # bytes of a request's JSON
MOST_STORED = 2 * 1024**2  # bytes of all that players set in one adventure

STORED = """
SELECT coalesce(sum(octet_length(
    jsonb_path_query_array(c.changes, '$[*] ? (@.source == "player")')::text)), 0)
FROM game_turnchanges c JOIN game_turn t ON t.id = c.turn_id WHERE t.adventure_id = %s
"""


class WorldError(Exception):
    """Changes that cannot be stored. The message tells the player what to do."""


class PlayerChange(BaseModel):
    """One change as a page sends it; an empty value removes the entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: Part
    name: str = ""
    field: Field = ""
    value: str


class EntryName(BaseModel):
    """Which value of the state a page means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    part: Part
    name: str = ""
    field: Field = ""


Item = TypeVar("Item", bound=BaseModel)

PLAYER_CHANGES = TypeAdapter(list[PlayerChange])
ENTRY_NAMES = TypeAdapter(list[EntryName])


def parse_changes(body: bytes) -> list[WorldChange]:
    """The player's changes in a request's JSON. Raises WorldError."""
    return [checked(each) for each in parse(body, PLAYER_CHANGES)]


def parse_keys(body: bytes) -> set[Key]:
    """The keys of the entries that a request's JSON names. Raises WorldError."""
    return {(each.part, fold_name(each.name), each.field) for each in parse(body, ENTRY_NAMES)}


def parse(body: bytes, items: TypeAdapter[list[Item]]) -> list[Item]:
    """The items of a request's JSON. Raises WorldError."""
    if len(body) > LONGEST_BODY:
        raise WorldError(
            _("That is larger than %(size)d KiB. Save fewer changes at once.")
            % {"size": LONGEST_BODY // 1024}
        )
    try:
        sent = items.validate_json(body)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise WorldError(f"{place}: {first['msg']}" if place else first["msg"]) from None
    if not sent:
        raise WorldError(_("There is no change to save."))
    if len(sent) > MOST_CHANGES:
        raise WorldError(
            _("%(count)d changes; at most %(most)d can be saved at once.")
            % {"count": len(sent), "most": MOST_CHANGES}
        )
    return sent


def checked(change: PlayerChange) -> WorldChange:
    """A change with cleaned texts, as the player's. Raises WorldError if it makes no sense."""
    name, value = one_line(change.name), one_line(change.value)
    if (change.part, change.field) not in VALUES:
        raise WorldError(
            _("A %(part)s has no field “%(field)s”.") % {"part": change.part, "field": change.field}
        )
    longest = LONGEST_NAMES.get(change.part)
    if longest is None and name:
        raise WorldError(_("A %(part)s has no name, only a value.") % {"part": change.part})
    if longest is not None and not name:
        raise WorldError(_("Give it a name."))
    allowed = VALUES[change.part, change.field]
    if allowed is not None and value and value not in allowed:
        raise WorldError(
            _("“%(value)s” is not possible here. Choose one of these: %(allowed)s.")
            % {"value": value[:40], "allowed": ", ".join(allowed)}
        )
    refuse_too_long(name, longest or 0)
    if allowed is None:
        refuse_too_long(value, LONGEST_VALUE[change.part])
    return WorldChange(
        part=change.part, name=name, field=change.field, value=value, source="player"
    )


def one_line(text: str) -> str:
    """The text as it is stored, on one line."""
    return " ".join(clean_text(text).split())


def refuse_too_long(text: str, most: int) -> None:
    """Raise WorldError if a text has more than `most` code points."""
    if len(text) > most:
        raise WorldError(
            _("“%(start)s…” has %(length)s characters; the limit is %(most)s. Shorten it.")
            % {"start": text[:20], "length": f"{len(text):,}", "most": f"{most:,}"}
        )


@screening.record_rejections()
def change_world(
    adventure_id: UUID,
    player: Player,
    changes: Sequence[WorldChange],
    turn_id: UUID | None = None,
) -> None:
    """Store the player's changes with a turn (None: the current one).

    Raises WorldError, NoSuchAdventure, and Refused if a text breaks a rule or the disk is full.
    Nothing is stored then.
    """
    with change_adventure(adventure_id, player) as adventure:
        disk_space.refuse_when_full()
        turn = turn_to_change(adventure, turn_id)
        screening.screen(texts_of(changes), "world", player, adventure)
        before = refreshed_state(turn.pk).entries
        if not store_edit(adventure, turn, merge(own_changes(turn.pk), changes)):
            return
        after = entries_at(turn.pk)
        refuse_ineffective(after, changes)
        refuse_crowding_out(before, after, changes)


def unlock(adventure_id: UUID, player: Player, keys: set[Key], turn_id: UUID | None = None) -> None:
    """Give some entries back to the story from a turn on (None: the current one).

    Their state is then what the other sources say, and they may change it again. What was set with
    an earlier turn stays there, and on other branches. Raises WorldError, NoSuchAdventure, and
    Refused if the disk is full.
    """
    with change_adventure(adventure_id, player) as adventure:
        disk_space.refuse_when_full()
        turn = turn_to_change(adventure, turn_id)
        kept = [each for each in own_changes(turn.pk) if key_of(each) not in keys]
        earlier = set_by_player(turn.parent_id) if turn.parent_id else set()
        store_edit(adventure, turn, [*kept, *map(release_of, sorted(keys & earlier))])


def own_changes(turn_id: UUID) -> list[WorldChange]:
    """The player's changes of a turn."""
    return [each for each in changes_of(turn_id) if each.source == "player"]


def release_of(key: Key) -> WorldChange:
    """The change that gives an entry back to the story."""
    part, name, field = key
    return WorldChange(part=part, name=name, field=field, value="", source="player", released=True)


def store_edit(
    adventure: Adventure, turn: Turn, own: Sequence[WorldChange], *, undone: bool = False
) -> bool:
    """Store the player's changes of a turn, as an edit or (`undone`) as its undoing.

    Whether anything differs. Raises WorldError beyond the limits.
    """
    if len(own) > MOST_CHANGES:
        raise WorldError(
            _(
                "This turn has %(most)d changes of yours, the maximum. Make the others after "
                "your next action."
            )
            % {"most": MOST_CHANGES}
        )
    before = own_changes(turn.pk)
    if not store(turn.pk, "player", own):
        return False
    refuse_too_much(adventure)
    play_edits.record_last_world_edit(adventure, turn, as_data(tuple(before)), undone=undone)
    announce(adventure, turn.pk)
    read_ahead.request_on_commit(adventure)
    return True


def restore_changes(
    adventure: Adventure, player: Player, turn: Turn, stored: list[dict[str, Any]], *, undone: bool
) -> Turn:
    """Undo or redo an edit of the state. It counts as an edit, and rules apply to its texts.

    Raises Refused.
    """
    disk_space.refuse_when_full()
    play_edits.refuse_too_many(player)
    own = CHANGES.validate_python(stored)
    screening.screen(texts_of(own), "world", player, adventure)
    try:
        store_edit(adventure, turn, own, undone=undone)
    except WorldError as problem:
        raise Refused("not_allowed", str(problem)) from None
    return turn


def turn_to_change(adventure: Adventure, turn_id: UUID | None) -> Turn:
    """The turn with which a change is stored.

    Raises Refused if the adventure has no such turn, or it is queued.
    """
    if turn_id is None:
        return current_turn(adventure)
    turn = adventure.turns.filter(pk=turn_id).first()
    if turn is None:
        raise Refused("unknown_turn", _("That turn is not in this adventure. Reload the page."))
    if turn.status == Status.QUEUED:
        raise Refused("busy", _("The narrator is still telling this turn. Try again then."))
    return turn


def texts_of(changes: Sequence[WorldChange]) -> list[str]:
    """The texts that the player wrote: names, and values that are no choice."""
    values = [each.value for each in changes if VALUES[each.part, each.field] is None]
    return [text for text in (*(each.name for each in changes), *values) if text]


def merge(before: Sequence[WorldChange], new: Sequence[WorldChange]) -> list[WorldChange]:
    """The player's changes of one turn with newer ones, which replace those of the same entry."""
    merged = {key_of(each): each for each in before}
    for each in new:
        merged.pop(key_of(each), None)
        merged[key_of(each)] = each
    return list(merged.values())


def refuse_ineffective(after: Entries, changes: Sequence[WorldChange]) -> None:
    """Raise WorldError if a change is not in the state after it: nobody dead is here."""
    for change in merge([], changes):
        life = after.get(("person", fold_name(change.name), "life"))
        here = change.field == "here" and change.value == "yes"
        if here and life is not None and life.value == "dead" and not life.hidden:
            raise WorldError(_("%(name)s is dead. Set them alive first.") % {"name": change.name})


def refuse_too_much(adventure: Adventure) -> None:
    """Raise WorldError if what players set in an adventure takes over MOST_STORED."""
    with connection.cursor() as cursor:
        cursor.execute(STORED, [adventure.pk])
        if cursor.fetchone()[0] > MOST_STORED:
            raise WorldError(
                _(
                    "You have set %(size)d MiB in this adventure, the maximum. Edit the text of a "
                    "turn instead."
                )
                % {"size": MOST_STORED // 1024**2}
            )


def refuse_crowding_out(before: Entries, after: Entries, changes: Sequence[WorldChange]) -> None:
    """Raise WorldError if, beyond a limit, something that the player set before was dropped."""
    removed = {key_of(each)[:2] for each in changes if each.value in ("", "done")}
    for part, most in MOST.items():
        set_before, set_after = (
            {
                key[:2]
                for key, each in state.items()
                if key[0] == part and each.locked and each.value
            }
            for state in (before, after)
        )
        if set_before - set_after - removed:
            raise WorldError(
                _("You have set %(most)d of these, the maximum. Remove one first.") % {"most": most}
            )
