"""Stores what turns change in the state of the world: read by rules or by a narrator.

All but `record_reading` are called with the adventure locked.
"""

import logging
from collections.abc import Iterable
from itertools import chain
from uuid import UUID

from game.models import Adventure, Turn, TurnChanges
from game.play import dice, edits, read_ahead, tree
from game.play.changes import NoSuchAdventure, change_adventure
from game.play.events import publish_on_commit
from game.play.protocol import WorldChanged
from game.state.worlds import (
    as_data,
    changes_of,
    drop_caches,
    refreshed_state,
    upsert,
)
from inference.contract.questions import digest_of
from inference.contract.request import Passage
from inference.contract.world import MOST_CHANGES, Source, WorldChange
from inference.log_context import where
from inference.reply.third_person import worded_action
from inference.world import turns
from inference.world.folding import Entries, fold

logger = logging.getLogger(__name__)


def read_turn(turn: Turn) -> None:
    """Store what rules read from a turn's texts, in place of what they read before."""
    before = (
        refreshed_state(turn.parent_id).entries if turn.parent_id else entries_of_scenario(turn)
    )
    store(turn.pk, "rule", read_by_rules(turn, before))


def reread_turn(adventure: Adventure, turn: Turn) -> None:
    """After an edit: read a turn again, and forget what a narrator read from its old texts."""
    store(turn.pk, "narrator", ())
    read_turn(turn)
    if adventure.head_id is not None:
        refreshed_state(adventure.head_id)


def read_by_rules(turn: Turn, before: Entries) -> list[WorldChange]:
    """What rules read from a turn's texts; nothing where a rule fails, since the turn stands."""
    if not turn.action and not turn.reply:
        return []
    passage = Passage(
        kind=turn.kind,  # type: ignore[arg-type]
        action=worded_action(turn.kind, turn.action, turn.character),
        player=turn.character,
        reply=turn.reply,
        outcome=dice.outcome_line(turn.dice),
    )
    names = known_names(turn)  # an error of the database is no rule's, and fails the change
    try:
        player = turns.name_of_player(turn.adventure.memory)
        return turns.read_changes(passage, before, names, player)
    except Exception as problem:
        logger.error("turn %s: rules could not read it: %s", turn.pk, where(problem))
        return []


def known_names(turn: Turn) -> frozenset[str]:
    """The names that a turn's adventure has: in its memory, its cards and the newest turns."""
    newest = tree.path_ids(turn.parent_id, turns.NEWEST_TURNS) if turn.parent_id else []
    texts = Turn.objects.filter(pk__in=newest).values_list("action", "reply")
    titles = turn.adventure.cards.values_list("title", flat=True)
    return turns.known_names(turn.adventure.memory, titles, chain.from_iterable(texts))


def entries_of_scenario(opening: Turn) -> Entries:
    """What an opening's scenario declares, before anything is read from its text."""
    declared = [each for each in changes_of(opening.pk) if each.source == "scenario"]
    return fold({}, str(opening.pk), 0, declared)


def store(turn_id: UUID, source: Source, changes: Iterable[WorldChange]) -> bool:
    """Replace the changes of one source in a turn; at most MOST_CHANGES. Whether any differs."""
    before = changes_of(turn_id)
    new = tuple(changes)[:MOST_CHANGES]
    after = tuple(each for each in before if each.source != source) + new
    if after == before:
        return False
    upsert([TurnChanges(turn_id=turn_id, changes=as_data(after))], "changes")
    drop_caches(turn_id)
    return True


# Readings that come later


def record_reading(
    adventure_id: UUID, turn_id: UUID, changes: Iterable[WorldChange], digest: str
) -> bool:
    """Store what a narrator read from a turn whose texts had this digest.

    False if the turn is gone or its texts have changed since: the reading is dropped then.
    """
    try:
        with change_adventure(adventure_id) as adventure:
            turn = adventure.turns.filter(pk=turn_id).first()
            if (
                turn is None
                or digest_of(worded_action(turn.kind, turn.action, turn.character), turn.reply)
                != digest
            ):
                return False
            read = [
                each.model_copy(update={"source": "narrator", "hidden": False}) for each in changes
            ]
            if store(turn.pk, "narrator", read):
                announce(adventure, turn.pk)
                read_ahead.request_on_commit(adventure)
            return True
    except NoSuchAdventure:
        return False  # it was deleted meanwhile


def announce(adventure: Adventure, turn_id: UUID) -> None:
    """Publish that the state changed at a turn, other than by telling or editing it."""
    if adventure.head_id is not None:
        refreshed_state(adventure.head_id)
    publish_on_commit(
        adventure, WorldChanged(turn=str(turn_id), last_edit=edits.last_edit(adventure))
    )
