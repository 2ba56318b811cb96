"""What happened before, for narrators that no longer read it: made, kept, edited.

A summary belongs to a turn and tells what happened up to it; it holds for the turn's descendants.
When a part of the story leaves the narrator's window, sentences of it are kept at once. A narrator
that is good at it is then asked to say it better, when it has nothing else to tell. What a player
writes stays.
"""

import logging
from uuid import UUID

import redis
from django.db.models.functions import Now

from game.models import LONGEST_SUMMARY, Adventure, Kind, Player, Summary, Turn, TurnContext
from game.moderation import screening
from game.play import narration, tree
from game.play.changes import NoSuchAdventure, change_adventure, publish_fields
from game.play.context import passage, summary_held_by
from game.play.events import queue_client
from game.play.protocol import Refused, clean_text
from inference.contract.prompt_report import UnreadableReport, unpack
from inference.contract.request import Passage, SummaryRequest, SummaryResult
from inference.worker.summaries import SHORTEST_ADDITION, extract, length_for

logger = logging.getLogger(__name__)

# Of what has gone, at most this much is summed up at once, in bytes: the newest.
MOST_BYTES = 100_000


# Machines


def catch_up(turn_id: UUID) -> None:
    """After a telling: sum up what its narrator could no longer read, if that is new."""
    turn = Turn.objects.select_related("adventure").filter(pk=turn_id).first()
    if turn is None or not turn.adventure.summarise:
        return
    last = last_gone(turn)
    if last is None:
        return
    with change_adventure(turn.adventure_id) as adventure:
        before = summary_held_by(last)
        if before is not None and before.turn_id == last:
            return
        story = story_between(before, last)
        own = before.text[: before.own] if before else ""
        earlier = before.text[before.own :].strip() if before else ""
        limit = limit_for(adventure, own)
        added = extract(earlier, story, limit) if limit else ""
        summary = Summary.objects.create(
            turn_id=last,
            text=joined(own, added),
            own=len(own),
            by=Summary.By.EXTRACT,
        )
        publish_fields(adventure)
    if limit:
        ask_narrator(turn.adventure, summary, earlier, story, limit)


def last_gone(turn: Turn) -> UUID | None:
    """The last turn of which this turn's narrator was given nothing any more."""
    kept = TurnContext.objects.filter(turn=turn).first()
    if kept is None or turn.parent_id is None:
        return None
    try:
        details = unpack(kept.details)
    except UnreadableReport as wrong:
        logger.warning("turn %s: what its narrator was given cannot be read: %s", turn.pk, wrong)
        return None
    path = tree.whole_path(turn.parent_id)
    gone = path[: len(path) - details.passages + details.first]
    return gone[-1] if gone else None


def story_between(before: Summary | None, last: UUID) -> tuple[Passage, ...]:
    """The passages after the summary's turn up to `last`, oldest first."""
    path = tree.whole_path(last)
    if before is not None:
        path = path[path.index(before.turn_id) + 1 :]
        if before.turn.kind == Kind.OPENING and before.by == Summary.By.PLAYER:
            path = [before.turn_id, *path]  # written at the beginning, it sums up nothing yet
    kept: list[Passage] = []
    room = MOST_BYTES
    for each in reversed(tree.turns_in_order(path)):
        one = passage(each)
        room -= len(one.model_dump_json().encode())
        if room < 0:
            break
        kept.append(one)
    return tuple(reversed(kept))


def limit_for(adventure: Adventure, own: str) -> int:
    """How many characters there are beside a player's own; 0 where that is too little."""
    try:
        limit = length_for(narration.narrator_of(adventure))
    except Refused:
        return 0
    room = limit - len(own)
    return room if room >= SHORTEST_ADDITION else 0


def ask_narrator(
    adventure: Adventure, summary: Summary, before: str, story: tuple[Passage, ...], limit: int
) -> None:
    """Have the narrator say it better when it is idle, if it is one that can."""
    narrator = narration.narrator_of(adventure)
    if narrator.summaries != "narrator":
        return
    request = SummaryRequest(
        adventure=str(adventure.pk),
        turn=str(summary.turn_id),
        narrator=narrator.name,
        before=before,
        story=story,
        limit=limit,
        replaces=summary.text,
    )
    try:
        queue_client().enqueue_background(request)
    except redis.RedisError as problem:
        logger.warning("adventure %s: no summary asked for: %s", adventure.pk, problem)


def record(result: SummaryResult) -> bool:
    """Put the narrator's words where the extract stands. False where a player was there first."""
    try:
        with change_adventure(UUID(result.adventure)) as adventure:
            summary = Summary.objects.filter(
                turn=UUID(result.turn), turn__adventure=adventure, by=Summary.By.EXTRACT
            ).first()
            wanted = summary is not None and summary.text == result.replaces
            wanted = wanted and screening.allowed_summary(result.text, adventure)
            if summary is None or not wanted or not adventure.summarise:
                return False
            summary.text = joined(summary.text[: summary.own], result.text)
            summary.by = Summary.By.NARRATOR
            summary.changed = Now()
            summary.save()
            publish_fields(adventure)
            return True
    except NoSuchAdventure:
        return False  # deleted meanwhile


def joined(own: str, added: str) -> str:
    return "\n".join(part for part in (own, added) if part)[:LONGEST_SUMMARY]


# Players


@screening.noted()
def write(adventure_id: UUID, player: Player, text: str) -> Summary:
    """The player's own words, in place of the summary that holds at the head.

    Where there is none they go to the beginning, and hold everywhere. Raises NoSuchAdventure, and
    Refused where a rule stands against them.
    """
    with change_adventure(adventure_id, player) as adventure:
        screening.screen([text], "summary", player, adventure)
        assert adventure.head_id is not None
        text = clean_text(text)[:LONGEST_SUMMARY]
        held = summary_held_by(adventure.head_id)
        if held is None:
            held = Summary(turn=adventure.turns.get(kind=Kind.OPENING))
        if (held.text, held.own) == (text, len(text)) and held.by == Summary.By.PLAYER:
            return held
        held.text, held.own, held.by, held.changed = text, len(text), Summary.By.PLAYER, Now()
        held.save()
        publish_fields(adventure)
        return held
