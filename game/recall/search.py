"""Finds the sentences of old turns that a prompt should have again.

Only turns of the given path are found, whatever is on other branches, and each is read from the
turn itself: a text that was edited or deleted is never recalled.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from game.models import Adventure, RecallEntry, RecallMark, TurnContext
from game.play.tree import Step
from game.recall import indexing
from game.recall.index import AdventureIndex, IndexCache, Stamp, packed, unpacked
from game.recall.ranking import NEWEST_NAME_WEIGHT, NEWEST_WEIGHT, Chosen, PathRanking
from game.recall.tasks import request_index
from game.recall.terms import (
    ACTION,
    FORMAT,
    HASH,
    sentences,
    shortened,
    terms_of,
    words_of,
)
from game.recall.texts import TurnTexts
from inference.contract.prompt_report import UnreadableReport, unpack
from inference.contract.request import Passage
from inference.contract.world import Recalled
from inference.languages import language_of
from inference.prompts.budget import EARLIER_SHARE
from inference.reply import shown_action

logger = logging.getLogger(__name__)

SHARE = EARLIER_SHARE  # of the prompt's room, for everything that is recalled
ACTION_SHARE = 1 / 3  # of that, for what only the action asks for: it delays the first word
PINNED_SHARE = 1 / 3  # of that at most, for what the player pinned
BYTES_PER_TOKEN = 4.2  # about the same in all scripts
PROMPT_SHARE = 0.5  # of the room, for the newest turns, where no earlier prompt tells
MOST_BYTES = 16_000  # of all that is recalled, whatever the window is
MOST_TURNS = 60  # that each of both questions may find
SHORT = 70  # bytes of a short sentence: no more turns are looked at than have room with such
MOST_PINNED = 20
PINNED_BYTES = 500  # of one turn
NEWEST = 2  # turns that ask
OLDER_SHARE = 0.5  # of a turn that asks, for each that is newer
AT_ONCE = 20  # turns without an entry that are indexed here and now; more in the background
MOST_ACTION = 2_000  # code points of an action that ask
MOST_REASON = 4  # words

cache = IndexCache()


def recall(
    adventure: Adventure,
    path: Sequence[Step],
    action: Passage,
    newest: Sequence[Passage],
    room: int,
    narrator: str = "",
) -> tuple[Recalled, ...]:
    """What to remember for a turn below `path` (oldest first): pinned turns, then the best first.

    `newest` are the last passages of the path, `room` is that of the whole prompt in tokens,
    `narrator` who answers, where that is known. What
    the action did not ask for comes first and does not depend on it. Turns that the prompt has
    anyway are not looked at.
    """
    limit = first_in_prompt(path, room, narrator)
    if limit == 0:
        return ()
    marks = dict(RecallMark.objects.filter(turn__adventure=adventure).values_list("turn", "mark"))
    pinned = [turn for turn, mark in marks.items() if mark == RecallMark.Mark.PINNED]
    index = cache.of(adventure.pk)
    with index.lock:
        complete_now = complete(index, path, pinned)
        found = find(index, path, limit, action, newest, room, marks)
    if not complete_now:
        request_index(adventure.pk)  # without the lock: Redis may be slow
    cache.trim()
    texts = indexing.read_texts(path[each.number].id for each in found.every)
    return read(found, path, texts, room)


def first_in_prompt(path: Sequence[Step], room: int, narrator: str = "") -> int:
    """The number of the first turn that the next prompt will have anyway.

    It is known from the last turn's prompt; without that, or where another narrator was given it,
    it is estimated.
    """
    if not path:
        return 0
    packed = TurnContext.objects.filter(turn=path[-1].id).values_list("details", flat=True).first()
    if packed:
        try:
            report = unpack(packed)
        except UnreadableReport:
            logger.warning("turn %s: its prompt report cannot be read", path[-1].id)
        else:
            if narrator in ("", report.narrator):
                return max(0, len(path) - 1 - (report.passages - report.first))
    left = room * PROMPT_SHARE * BYTES_PER_TOKEN
    number = len(path)
    while number and left > 0:
        number -= 1
        left -= path[number].bytes
    return number


# ---- the index


def complete(index: AdventureIndex, path: Sequence[Step], pinned: Sequence[UUID]) -> bool:
    """Add the turns of the path to the index that it does not know with their present texts.

    They are read from their entries. Where a few have none, these are read here; where many have
    none, all but pinned ones are left out. False where entries are to be made in the background.
    """
    missing = {step.id: Stamp.of(step) for step in index.missing(path)}
    if not missing or index.full:
        return True
    entries = RecallEntry.objects.filter(pk__in=missing, format=FORMAT)
    for turn, size, edit, terms in entries.values_list("pk", "bytes", "edit", "terms"):
        stamp = Stamp(size, edit)
        if missing.get(turn) == stamp:
            del missing[turn]
            index.add(turn, stamp, unpacked(bytes(terms)))
    if not missing:
        return True
    here = (
        list(missing) if len(missing) <= AT_ONCE else [turn for turn in missing if turn in pinned]
    )
    for texts in indexing.read_texts(here):
        index.add(texts.id, texts.stamp, unpacked(packed(texts.sentences())))
    return False


# ---- what is asked


@dataclass(frozen=True)
class Found:
    """The turns that matter, by what asks for them, each best first; and the terms that asked."""

    pinned: list[Chosen]
    newest: list[Chosen]
    action: list[Chosen]
    asked: Mapping[int, float]
    language: str

    @property
    def every(self) -> list[Chosen]:
        """All of them; a turn may be in it more than once."""
        return [*self.pinned, *self.newest, *self.action]


def find(
    index: AdventureIndex,
    path: Sequence[Step],
    limit: int,
    action: Passage,
    newest: Sequence[Passage],
    room: int,
    marks: Mapping[UUID, str],
) -> Found:
    """The turns before `limit` that matter, for a prompt of `room` tokens. Pure."""
    index.follow(path)
    marked = {index.slots[turn]: mark for turn, mark in marks.items() if turn in index.slots}
    ranking = PathRanking(index, limit, marked)
    pinned = [slot for slot, mark in marked.items() if mark == RecallMark.Mark.PINNED]
    by_newest = ranking.asked(newest_terms(index, path), NEWEST_NAME_WEIGHT, NEWEST_WEIGHT)
    language = language_of("\n".join(map(text_of, newest)))
    by_action = ranking.asked(action_terms(action, language))
    most = min(MOST_TURNS, bytes_for(room) // SHORT)  # half as many for the action
    return Found(
        pinned=ranking.pins(pinned, by_newest)[:MOST_PINNED],
        newest=ranking.best(by_newest, most),
        action=ranking.best(by_action, max(1, most // 2)),
        asked={**by_newest, **by_action},
        language=language,
    )


def bytes_for(room: int) -> int:
    """How many bytes may be recalled for a prompt of `room` tokens."""
    return int(min(room * SHARE * BYTES_PER_TOKEN, MOST_BYTES))


def newest_terms(index: AdventureIndex, path: Sequence[Step]) -> dict[int, float]:
    """The terms of the newest turns, each with its share: less in an older turn."""
    found: dict[int, float] = {}
    share = 1.0
    for step in path[: -NEWEST - 1 : -1]:
        if index.has(step):
            for value in index.entries[index.slots[step.id]]:
                found[value & HASH] = max(found.get(value & HASH, 0.0), share)
        share *= OLDER_SHARE
    return found


def action_terms(action: Passage, language: str) -> dict[int, float]:
    """The terms of the player's action; nothing for Continue.

    A few words seldom tell their language: without a sign it is that of the story.
    """
    text = shown_action(action.kind, action.action, action.player)[:MOST_ACTION]
    return {term & HASH: 1.0 for term in terms_of(text, language_of(text, language))}


def text_of(passage: Passage) -> str:
    """The texts of a passage."""
    return f"{passage.action}\n{passage.reply}"


# ---- the sentences


def read(
    found: Found, path: Sequence[Step], texts: Iterable[TurnTexts], room: int
) -> tuple[Recalled, ...]:
    """The sentences of the turns that were found, from their texts. Pure."""
    room = bytes_for(room)
    reader = Reader({each.id: each for each in texts}, path, found)
    pinned = reader.take(found.pinned, int(room * PINNED_SHARE), pinned=True)
    used = sum(map(size_of, pinned))
    newest = reader.take(found.newest, int(room * (1 - ACTION_SHARE)) - used)
    action = reader.take(found.action, int(room * ACTION_SHARE), by_action=True)
    return (*pinned, *newest, *action)


class Reader:
    """Makes what is recalled of turns' texts. No sentence is taken twice."""

    def __init__(self, texts: Mapping[UUID, TurnTexts], path: Sequence[Step], found: Found) -> None:
        self.texts = texts
        self.path = path
        self.found = found
        self.taken: set[str] = set()

    def take(
        self, chosen: Iterable[Chosen], room: int, *, by_action: bool = False, pinned: bool = False
    ) -> list[Recalled]:
        """What is recalled of these turns, in their order, within `room` bytes."""
        taken = []
        for each in chosen:
            step = self.path[each.number]
            texts = self.texts.get(step.id)
            if texts is None or texts.stamp != (step.bytes, step.edit):
                continue  # edited a moment ago
            own = min(room, PINNED_BYTES) if pinned else room
            kept = self.sentences(texts, each, own)
            if not kept:
                continue
            text = " ".join(kept)
            recalled = Recalled(
                turn=str(step.id),
                number=each.number,
                text=text,
                score=round(each.score, 3),
                reason=self.reason(text, each, texts) if not pinned else "pinned",
                by_action=by_action,
            )
            room -= size_of(recalled)
            taken.append(recalled)
        return taken

    def sentences(self, texts: TurnTexts, chosen: Chosen, room: int) -> list[str]:
        """The chosen sentences of a turn that have room, in the order of the turn."""
        every = dict(enumerate(sentences(texts.reply)))
        if texts.shown:
            every[ACTION] = shortened(" ".join(texts.shown.split()))
        kept = {}
        for number in chosen.sentences:
            text = every.get(number, "")
            size = len(text.encode()) + 1
            if text and text not in self.taken and size <= room:
                kept[number] = text
                room -= size
        self.taken.update(kept.values())
        return [kept[number] for number in sorted(kept, key=lambda each: (each != ACTION, each))]

    def reason(self, text: str, chosen: Chosen, texts: TurnTexts) -> str:
        """The words that matched, those that say most first; in the turn if not in the sentence."""
        for place in (text, f"{texts.reply}\n{texts.shown}"):
            found: dict[int, str] = {}
            for word, term in words_of(place, self.found.language):
                if term & HASH in chosen.matched:
                    found.setdefault(term & HASH, word)
            if found:
                best = sorted(found, key=lambda term: -self.found.asked[term])
                return ", ".join(found[term] for term in best[:MOST_REASON])
        return ""


def size_of(recalled: Recalled) -> int:
    """The room that something recalled takes, in bytes."""
    return len(recalled.text.encode()) + 1
