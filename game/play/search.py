"""Searches words in adventures, and finds the passages that have them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from psycopg2.errors import QueryCanceled

from game.models import Adventure, Turn
from game.play import tree
from game.play.wording import shown_turn
from inference.reply.characters import composed

SHORTEST = 2  # characters of a query; a single letter would match nearly every turn
LONGEST = 100
MOST_WORDS = 10  # that are searched in all adventures; of more, the longest
SECONDS = 3.0  # that the database may spend on one statement of a search
HITS_PER_STORY = 3  # shown of each adventure in the list
AROUND = 90  # code points shown before and after a match
PATH_LIMIT = 100_000  # turns of a path
# What pages show before an action (inference.reply.actions) that is not stored with it.
SHOWN_BEFORE = re.compile(r'^>?\s*you\s+(?:say\s+)?["“]?', re.IGNORECASE)

# One pass over the texts of some adventures. `{mask}` has a bit for each word, `{has}` counts them.
STORIES = """
WITH texts AS (
    SELECT id, adventure_id, created, upper(action || E'\\n' || reply) AS text FROM game_turn
    WHERE adventure_id = ANY(%(adventures)s::uuid[]) OFFSET 0
), found AS (
    SELECT id, adventure_id, created, {mask} AS mask, {has} AS has FROM texts
)
SELECT adventure_id, bit_or(mask), count(*) FILTER (WHERE mask = %(every)s),
    (array_agg(id ORDER BY has DESC, created DESC, id))[:%(most)s],
    (array_agg(has ORDER BY has DESC, created DESC, id))[:%(most)s]
FROM found WHERE mask > 0 GROUP BY adventure_id
"""


class SearchTooSlow(Exception):
    """The database took longer than SECONDS."""


@dataclass(frozen=True)
class Passage:
    """A match in a text, with the text around it."""

    before: str
    found: str
    after: str


@dataclass(frozen=True)
class Hit:
    """A turn that matches a search. `number` is its place on its path, the opening being 0."""

    turn: UUID
    adventure: UUID
    passage: Passage
    here: bool = True  # on the path to the adventure's head, not on another branch
    number: int | None = None


@dataclass(frozen=True)
class StoryHits:
    """An adventure that has every word of a search: some of its turns, and how many have all."""

    adventure: UUID
    turns: list[UUID]
    count: int


def normalise_query(text: str) -> str:
    """A search field's text as stories are stored: NFC, single spaces, cut to LONGEST."""
    return " ".join(composed(text[: 10 * LONGEST].replace("\0", "")).split())[:LONGEST]


def is_long_enough(q: str) -> bool:
    """Whether a query has SHORTEST characters, or one of a script in which one is a word."""
    return len(q) >= SHORTEST or any(unicodedata.east_asian_width(each) == "W" for each in q)


@contextmanager
def time_limit() -> Iterator[None]:
    """Cancel a statement of the database after SECONDS. Raises SearchTooSlow."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(SECONDS * 1000)}")
            yield
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
    except OperationalError as problem:
        if isinstance(problem.__cause__, QueryCanceled):
            raise SearchTooSlow from problem
        raise


def pattern(words: str) -> str:
    """A regular expression for PostgreSQL and Python: these words in a row, any space between."""
    return r"\s+".join(re.escape(word) for word in words.split())


def passage(text: str, words: list[str], around: int = AROUND) -> Passage | None:
    """The first match of the first of `words` that occurs in `text`; None without one."""
    for each in words:
        if not each or not (match := re.search(pattern(each), text, re.IGNORECASE)):
            continue
        begin, end = match.span()
        before, after = text[max(0, begin - around) : begin], text[end : end + around]
        if begin > around:
            before = "… " + (before.split(None, 1)[-1] if " " in before else before)
        if end + around < len(text):
            after = (after.rsplit(None, 1)[0] if " " in after else after) + " …"
        return Passage(on_one_line(before), on_one_line(match.group()), on_one_line(after))
    return None


def on_one_line(text: str) -> str:
    """The text with each run of white space as one space."""
    return re.sub(r"\s+", " ", text)


def find_passage(turn: Turn, words: list[str]) -> Passage | None:
    """The passage of a turn with one of `words`: in its shown action, its action or its reply."""
    action = shown_turn(turn)
    texts = (action, turn.action, turn.reply)
    found = (passage(text, [each]) for each in words for text in texts)
    return next((each for each in found if each), None)


def turns_with(adventure: Adventure, q: str) -> list[UUID]:
    """The turns of all branches that have these words in a row, oldest first.

    Where no turn does, those that have each of the words.
    """
    bare = SHOWN_BEFORE.sub("", q)
    found = in_a_row("reply", q) | in_a_row("action", q)
    if bare:
        found |= in_a_row("action", bare)
    turns = adventure.turns.order_by("created", "pk").values_list("pk", flat=True)
    ids = list(turns.filter(found))
    words = q.split()
    if ids or len(words) < 2:
        return ids
    for word in words:
        turns = turns.filter(Q(reply__icontains=word) | Q(action__icontains=word))
    return list(turns)


def in_a_row(field: str, words: str) -> Q:
    """The condition that a field has these words in a row.

    Regular expressions are slow: they are tried where each of the words is.
    """
    found = Q()
    for word in words.split():
        found &= Q(**{f"{field}__icontains": word})
    return found & Q(**{f"{field}__iregex": pattern(words)}) if " " in words else found


def hits(adventure: Adventure, ids: list[UUID], words: str) -> list[Hit]:
    """The matches in these turns, in the order of the story."""
    numbers = numbers_of(adventure, ids)
    # Turns that were stored in one transaction have the same time.
    turns = sorted(Turn.objects.in_bulk(ids).values(), key=lambda t: (t.created, numbers[t.pk]))
    variants = [words, SHOWN_BEFORE.sub("", words), *longest_first(words)]
    found = []
    for turn in turns:
        number, here = numbers[turn.pk]
        if (match := find_passage(turn, variants)) is not None:
            found.append(Hit(turn.pk, adventure.pk, match, here, number))
    return found


def longest_first(words: str) -> list[str]:
    """Each word once, the longest first."""
    return sorted(dict.fromkeys(words.split()), key=len, reverse=True)


def numbers_of(adventure: Adventure, ids: Iterable[UUID]) -> dict[UUID, tuple[int, bool]]:
    """By turn its place on its path, and whether it is on the path to the adventure's head."""
    ids = list(ids)
    if not ids or adventure.head_id is None:
        return {}
    path = {turn: n for n, turn in enumerate(tree.path_ids(adventure.head_id, PATH_LIMIT))}
    found = {turn: (path[turn], True) for turn in ids if turn in path}
    elsewhere = [turn for turn in ids if turn not in path]
    if elsewhere:
        parents = dict(adventure.turns.values_list("pk", "parent_id"))
        for turn in elsewhere:
            steps, at = 0, turn
            while at not in path and parents[at] is not None:
                steps, at = steps + 1, parents[at]
            found[turn] = (path.get(at, 0) + steps, False)
    return found


def search_stories(adventures: list[UUID], q: str) -> dict[UUID, tuple[set[str], StoryHits]]:
    """By adventure the words of `q` that its turns have, and the turns with most of them."""
    words = longest_first(q)[:MOST_WORDS]
    if not words or not adventures:
        return {}
    tests = [f"(strpos(text, upper(%(word{n})s)) > 0)::int" for n in range(len(words))]
    statement = STORIES.format(
        mask=" | ".join(f"({test} << {n})" for n, test in enumerate(tests)), has=" + ".join(tests)
    )
    values: dict[str, Any] = {f"word{n}": word for n, word in enumerate(words)}
    values |= {"adventures": adventures, "every": 2 ** len(words) - 1, "most": HITS_PER_STORY}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    found = {}
    for adventure, mask, count, turns, has in rows:
        best = [turn for turn, words_in_it in zip(turns, has, strict=True) if words_in_it == has[0]]
        present = {word for n, word in enumerate(words) if mask >> n & 1}
        found[adventure] = (present, StoryHits(adventure, best, count))
    return found


def find_stories(titles: dict[UUID, str], q: str) -> list[StoryHits]:
    """Of the adventures in `titles`, those with every word of `q` in their titles or turns."""
    words = longest_first(q)[:MOST_WORDS]
    in_turns = search_stories(list(titles), q)
    found = []
    for adventure, title in titles.items():
        present, hits = in_turns.get(adventure, (set(), StoryHits(adventure, [], 0)))
        if all(word in present or word.casefold() in title.casefold() for word in words):
            found.append(hits)
    return found


def story_passages(stories: list[StoryHits], q: str) -> dict[UUID, list[Hit]]:
    """By adventure the passages of its turns that have most words of `q`."""
    turns = Turn.objects.in_bulk([turn for story in stories for turn in story.turns])
    variants = [q, *longest_first(q)]
    return {
        story.adventure: [
            Hit(turn, story.adventure, match)
            for turn in story.turns
            if turn in turns  # it may have been deleted meanwhile
            and (match := find_passage(turns[turn], variants)) is not None
        ]
        for story in stories
    }


def on_path(turn: UUID, head: UUID | None) -> bool:
    """Whether a turn is on the path to the head."""
    return head is not None and turn in tree.path_ids(head, PATH_LIMIT)
