"""Turns, adventures and whole snapshots as plain data for pages."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import redis
from django.db.models.functions import MD5, Left
from django.utils.translation import gettext as _

from game.models import Adventure, Chapter, Membership, Player, Turn
from game.play import dice, edits, narration, tree, wording
from game.play.events import queue_client, redis_breaker
from game.play.protocol import Refused, SiblingAction, Snapshot, TableData, TurnData, TurnStatus
from game.tables import roster
from game.tables import state as table_state
from inference.queue.streams import FIRST

TURNS_SHOWN = 100
LONGEST_LABEL = 120  # code points of an action in a list of actions
SiblingActions = dict[tuple[str, str, str], SiblingAction]
UNKNOWN = ""  # in place of the id of a turn.started, while the log cannot be read


def turn_data(turn: Turn) -> TurnData:
    """One turn for pages."""
    return turns_data([turn])[0]


def turns_data(turns: list[Turn]) -> list[TurnData]:
    """Turns for pages, each with its siblings."""
    versions = edits.count_versions([turn.pk for turn in turns if turn.edited])
    # A turn under way ends no chapter yet.
    ended = [turn.pk for turn in turns if turn.status != "queued"]
    chapters = dict(Chapter.objects.filter(turn__in=ended).values_list("turn_id", "title"))
    authors = authors_of(turns)
    children = defaultdict(list)
    actions: defaultdict[UUID, SiblingActions] = defaultdict(dict)
    parents = {turn.parent_id for turn in turns}
    found = Turn.objects.filter(parent_id__in=parents).order_by("created", "pk")
    for child, parent, kind, beginning, digest, character in found.values_list(
        *("pk", "parent_id", "kind", Left("action", LONGEST_LABEL + 1), MD5("action")),
        "character",
    ):
        children[parent].append(str(child))
        here = SiblingAction(shown=label(kind, beginning, character), turns=[])
        actions[parent].setdefault((kind, digest, character), here).turns.append(str(child))
    return [
        TurnData(
            id=str(turn.pk),
            parent=str(turn.parent_id) if turn.parent_id else None,
            kind=turn.kind,
            action=turn.action,
            shown=wording.shown_turn(turn),
            character=turn.character,
            member=authors.get(turn.player_id) if turn.character else None,
            reply=turn.reply,
            status=turn.status,  # type: ignore[arg-type]
            attempt=turn.attempt,
            edited=turn.edited,
            created=turn.created.isoformat(),
            told=turn.told.isoformat() if turn.told else None,
            reason=turn.reason,
            siblings=children[turn.parent_id] if turn.parent_id else [str(turn.pk)],
            actions=(
                list(actions[turn.parent_id].values())
                if turn.parent_id and len(children[turn.parent_id]) > 1
                else []
            ),
            versions=versions.get(turn.pk, 0),
            chapter=chapters.get(turn.pk, ""),
            dice=dice.roll_data(turn.dice),
        )
        for turn in turns
    ]


def authors_of(turns: list[Turn]) -> dict[UUID | None, str]:
    """The members who acted in these turns, by player, where several play."""
    named = [turn for turn in turns if turn.character]
    if not named:
        return {}
    players = {turn.player_id for turn in named}
    found = Membership.objects.filter(adventure=named[0].adventure_id, player__in=players)
    return {player: str(member) for player, member in found.values_list("player", "pk")}


def label(kind: str, action: str, character: str = "") -> str:
    """An action on one line, cut if it is long; "" for a continue."""
    shown = " ".join(wording.shown(kind, action, character).split())
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1].rstrip()}…"


def with_words_so_far(adventure: Adventure, turn: TurnData) -> TurnData:
    """A turn under way, with its reply so far from the log."""
    try:
        logged = queue_client().reply_so_far(str(adventure.pk), turn.id)
    except redis.RedisError:
        # The page keeps the words it has.
        return turn.model_copy(update={"telling": UNKNOWN})
    # With its end in the log it still counts as running, until Postgres has the end as well.
    status: TurnStatus = "running" if logged.leased or logged.end else "queued"
    fields = {"reply": logged.reply, "status": status, "telling": logged.telling}
    return turn.model_copy(update=fields)


def adventure_data(adventure: Adventure) -> dict[str, Any]:
    """The adventure's own fields for pages."""
    return {
        "id": str(adventure.pk),
        "title": adventure.title,
        "scenario": adventure.scenario_id,
        "memory": adventure.memory,
        "authors_note": adventure.authors_note,
        "first_actions": adventure.first_actions,
        "narrator": narrator_data(adventure),
        "version": adventure.version,
        "cards": adventure.cards.seen().count(),
        "dice": adventure.dice,
        "summarise": adventure.summarise,
        "suggestions": adventure.suggestions,
        "audience": adventure.audience,
    }


def narrator_data(adventure: Adventure) -> dict[str, Any]:
    """The narrator of the next turn for pages; a missing one keeps its name and says why."""
    try:
        narrator = narration.narrator_of(adventure)
    except Refused as refused:
        name = adventure.narrator
        line = refused.message
        return {
            "name": name,
            "title": name,
            "line": line,
            "builtin": False,
            "small": False,
            "words_go_to": "",
        }
    line = narrator.line
    if adventure.narrator not in ("", narrator.name):
        line = _("“%(gone)s” is no longer on this host: %(name)s tells this adventure now.") % {
            "gone": adventure.narrator,
            "name": narrator.shown_name,
        }
    return {
        "name": narrator.name,
        "title": narrator.shown_name,
        "line": line,
        "builtin": narrator.builtin,
        "small": narrator.small,
        "words_go_to": narrator.words_go_to,  # another machine that gets the prompt, or ""
    }


def without_plot(adventure: dict[str, Any]) -> dict[str, Any]:
    """`adventure_data` for members who do not own it: memory and note are the owner's."""
    return {**adventure, "memory": "", "authors_note": ""}


def snapshot(adventure_id: UUID, player: Player | None = None) -> Snapshot:
    """The adventure as it stands, for the page of `player`.

    Raises Adventure.DoesNotExist, also for who is no member.

    Memory and note are in it for the owner alone, and without a player.

    The log's last id is read before the database: later entries may repeat what the snapshot has,
    but none is skipped.
    """
    try:
        last_id = queue_client().last_id(str(adventure_id))
    except redis.RedisError:
        last_id = FIRST
    adventure = Adventure.objects.select_related("head").get(pk=adventure_id)
    member = roster.member_of(adventure, player) if player is not None else None
    if player is not None and member is None:
        raise Adventure.DoesNotExist
    head = adventure.head
    assert head is not None, "an adventure begins with its opening"
    turns = turns_data(tree.turns_in_order(tree.path_ids(head.pk, TURNS_SHOWN)))
    if turns[-1].status == "queued":
        turns[-1] = with_words_so_far(adventure, turns[-1])
    last_edit = edits.last_edit(adventure)
    fields = adventure_data(adventure)
    if member is not None and member.role != Membership.Role.OWNER:
        fields = without_plot(fields)
    table = table_state.table_data(adventure)
    if table is not None and member is not None:
        seen = table_state.seen_table(table.model_dump(), str(member.pk))
        table = TableData.model_validate(seen)
    can_undo_edit = last_edit is not None and not last_edit.undone
    return Snapshot(
        id=last_id,
        adventure=fields,
        turns=turns,
        earlier=turns[0].parent is not None,
        head=str(head.pk),
        undo=head.parent_id is not None or can_undo_edit,
        redo=str(head.last_child_id) if head.last_child_id else None,
        last_edit=last_edit,
        suggestions=suggested_actions(adventure, head),
        table=table,
        you=roster.viewer_data(member) if member else None,
    )


def suggested_actions(adventure: Adventure, head: Turn) -> list[str]:
    """The actions that the narrator suggested after the head; none while Redis is down."""
    if not adventure.suggestions or redis_breaker.is_open:
        return []
    try:
        return queue_client().suggestions(str(adventure.pk), str(head.pk))
    except redis.RedisError:
        redis_breaker.trip()
        return []


def turns_before(adventure: Adventure, turn: Turn) -> list[TurnData]:
    """The TURNS_SHOWN turns before `turn` on its path, oldest first."""
    if turn.parent_id is None:
        return []
    return turns_data(tree.turns_in_order(tree.path_ids(turn.parent_id, TURNS_SHOWN)))


def turns_up_to(turn: Turn) -> list[TurnData]:
    """The last TURNS_SHOWN turns of the path that ends at `turn`, oldest first."""
    return turns_data(tree.turns_in_order(tree.path_ids(turn.pk, TURNS_SHOWN)))
