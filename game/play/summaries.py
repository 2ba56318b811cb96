"""Summaries of the turns that no longer fit into the prompt.

A summary belongs to a turn, says what happened up to it, and holds for the turn's descendants. When
turns drop out of the prompt, sentences of them are added to the summary at once. A narrator that
writes summaries then replaces these sentences in the background. A player's own words stay.
"""

import logging
from uuid import UUID

import redis
from django.db.models.functions import Now

from game.models import LONGEST_SUMMARY, Adventure, Kind, Player, Summary, Turn, TurnContext
from game.moderation import screening
from game.play import narration, tree
from game.play.changes import NoSuchAdventure, change_adventure, publish_fields
from game.play.context import passage, summary_at
from game.play.events import queue_client
from game.play.protocol import Refused, clean_text
from inference.contract.prompt_report import UnreadableReport, unpack
from inference.contract.request import Passage, SummaryRequest, SummaryResult
from inference.worker.summaries import SHORTEST_ADDITION, extract, length_for

logger = logging.getLogger(__name__)

MOST_BYTES = 100_000  # of the newest dropped turns that are summarised at once


# Automatic summaries


def summarise_dropped_turns(turn_id: UUID) -> None:
    """After a reply: add sentences of turns that its prompt no longer had to the summary."""
    turn = Turn.objects.select_related("adventure").filter(pk=turn_id).first()
    if turn is None or not turn.adventure.summarise:
        return
    last = last_dropped(turn)
    if last is None:
        return
    with change_adventure(turn.adventure_id) as adventure:
        before = summary_at(last)
        if before is not None and before.turn_id == last:
            return
        story = story_between(before, last)
        own = before.text[: before.own] if before else ""
        earlier = before.text[before.own :].strip() if before else ""
        limit = limit_for(adventure, own)
        added = extract(earlier, story, limit) if limit else ""
        summary = Summary.objects.create(
            turn_id=last,
            text=join_summary(own, added),
            own=len(own),
            by=Summary.By.EXTRACT,
        )
        publish_fields(adventure)
    if limit:
        request_summary(turn.adventure, summary, earlier, story, limit)


def last_dropped(turn: Turn) -> UUID | None:
    """The last turn on the path that was not in this turn's prompt at all."""
    stored = TurnContext.objects.filter(turn=turn).first()
    if stored is None or turn.parent_id is None:
        return None
    try:
        details = unpack(stored.details)
    except UnreadableReport as wrong:
        logger.warning("turn %s: its prompt report cannot be read: %s", turn.pk, wrong)
        return None
    path = tree.whole_path(turn.parent_id)
    dropped = path[: len(path) - details.passages + details.first]
    return dropped[-1] if dropped else None


def story_between(before: Summary | None, last: UUID) -> tuple[Passage, ...]:
    """The passages after the summary's turn up to `last`, oldest first, at most MOST_BYTES."""
    path = tree.whole_path(last)
    if before is not None:
        path = path[path.index(before.turn_id) + 1 :]
        if before.turn.kind == Kind.OPENING and before.by == Summary.By.PLAYER:
            path = [before.turn_id, *path]  # a player's text at the opening does not summarise it
    newest_first: list[Passage] = []
    room = MOST_BYTES
    for each in reversed(tree.turns_in_order(path)):
        one = passage(each)
        room -= len(one.model_dump_json().encode())
        if room < 0:
            break
        newest_first.append(one)
    return tuple(reversed(newest_first))


def limit_for(adventure: Adventure, own: str) -> int:
    """How many characters an automatic summary may add to a player's text; 0 if too few."""
    try:
        limit = length_for(narration.narrator_of(adventure))
    except Refused:
        return 0
    room = limit - len(own)
    return room if room >= SHORTEST_ADDITION else 0


def request_summary(
    adventure: Adventure, summary: Summary, before: str, story: tuple[Passage, ...], limit: int
) -> None:
    """Request a summary from the narrator in the background, if it writes summaries."""
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
        logger.warning("adventure %s: no summary requested: %s", adventure.pk, problem)


def record(result: SummaryResult) -> bool:
    """Store a narrator's summary in place of the extract. False if that has changed since."""
    try:
        with change_adventure(UUID(result.adventure)) as adventure:
            summary = Summary.objects.filter(
                turn=UUID(result.turn), turn__adventure=adventure, by=Summary.By.EXTRACT
            ).first()
            current = summary is not None and summary.text == result.replaces
            usable = current and screening.allows_output(result.text, adventure)
            if summary is None or not usable or not adventure.summarise:
                return False
            summary.text = join_summary(summary.text[: summary.own], result.text)
            summary.by = Summary.By.NARRATOR
            summary.changed = Now()
            summary.save()
            publish_fields(adventure)
            return True
    except NoSuchAdventure:
        return False  # deleted meanwhile


def join_summary(own: str, added: str) -> str:
    """A player's text and an automatic one as one summary, cut to LONGEST_SUMMARY."""
    return "\n".join(part for part in (own, added) if part)[:LONGEST_SUMMARY]


# Players' summaries


@screening.record_rejections()
def write(adventure_id: UUID, player: Player, text: str) -> Summary:
    """Replace the summary that holds at the head by the player's text.

    Without one, the text is stored at the opening and holds everywhere. Raises NoSuchAdventure, and
    Refused if it breaks a rule.
    """
    with change_adventure(adventure_id, player) as adventure:
        screening.screen([text], "summary", player, adventure)
        assert adventure.head_id is not None
        text = clean_text(text)[:LONGEST_SUMMARY]
        summary = summary_at(adventure.head_id)
        if summary is None:
            summary = Summary(turn=adventure.turns.get(kind=Kind.OPENING))
        if (summary.text, summary.own) == (text, len(text)) and summary.by == Summary.By.PLAYER:
            return summary
        summary.text, summary.own = text, len(text)
        summary.by, summary.changed = Summary.By.PLAYER, Now()
        summary.save()
        publish_fields(adventure)
        return summary
