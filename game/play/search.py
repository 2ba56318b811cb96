"""Searches words in adventures, and finds the passages that have them."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from game.models import Adventure, Turn
from game.play import tree
from inference.reply import shown_action

SHORTEST = 2  # characters of a query; a single letter would match nearly every turn
LONGEST = 100
AROUND = 90  # code points shown before and after a match
PATH_LIMIT = 100_000  # turns of a path
# What pages show before an action (inference.reply.actions) that is not stored with it.
SHOWN_BEFORE = re.compile(r'^>?\s*you\s+(?:say\s+)?["“]?', re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A match in a text, with the text around it."""

    before: str
    found: str
    after: str


@dataclass(frozen=True)
class Hit:
    """A turn that matches a search."""

    turn: UUID
    adventure: UUID
    passage: Passage
    here: bool  # on the path to the adventure's head, not on another branch


def normalise_query(text: str) -> str:
    """A search field's text without superfluous spaces, cut to LONGEST."""
    return " ".join(text.replace("\0", "").split())[:LONGEST]


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
    action = shown_action(turn.kind, turn.action)  # type: ignore[arg-type]
    texts = (action, turn.action, turn.reply)
    found = (passage(text, [each]) for each in words for text in texts)
    return next((each for each in found if each), None)


def turns_with(adventure: Adventure, words: str) -> QuerySet[Turn]:
    """The turns of all branches that have these words in a row, oldest first."""
    found = Q(reply__iregex=pattern(words)) | Q(action__iregex=pattern(words))
    if bare := SHOWN_BEFORE.sub("", words):
        found |= Q(action__iregex=pattern(bare))
    return adventure.turns.filter(found).order_by("created", "pk")


def hits(adventure: Adventure, turns: list[Turn], words: str) -> list[Hit]:
    """The matches in these turns, in the order of the story."""
    head = adventure.head_id
    ids = tree.path_ids(head, PATH_LIMIT) if head and turns else []
    path = {turn: index for index, turn in enumerate(ids)}
    # Turns that were stored in one transaction have the same time.
    turns = sorted(turns, key=lambda turn: (turn.created, path.get(turn.pk, len(path))))
    variants = [words, SHOWN_BEFORE.sub("", words)]
    found = []
    for turn in turns:
        if (match := find_passage(turn, variants)) is not None:
            found.append(Hit(turn.pk, adventure.pk, match, turn.pk in path))
    return found


def best_hits(adventures: list[Adventure], q: str) -> dict[UUID, Hit]:
    """For each adventure the turn with the most words of `q`, the newest of several."""
    words = q.split()
    if not words:
        return {}
    count: Case | F = Value(0, output_field=IntegerField())  # type: ignore[assignment]
    some = Q()
    for word in words:
        has = Q(reply__icontains=word) | Q(action__icontains=word)
        some |= has
        count = count + Case(When(has, then=1), default=0, output_field=IntegerField())  # type: ignore[assignment]
    turns = (
        Turn.objects.filter(some, adventure__in=adventures)
        .annotate(has=count)
        .order_by("adventure_id", "-has", "-created", "-pk")
        .distinct("adventure_id")
    )
    longest_first = [q, *sorted(words, key=len, reverse=True)]
    heads = {each.pk: each for each in adventures}
    found = {}
    for turn in turns:
        match = find_passage(turn, longest_first)
        if match is not None:
            here = on_path(turn.pk, heads[turn.adventure_id].head_id)
            found[turn.adventure_id] = Hit(turn.pk, turn.adventure_id, match, here)
    return found


def on_path(turn: UUID, head: UUID | None) -> bool:
    """Whether a turn is on the path to the head."""
    return head is not None and turn in tree.path_ids(head, PATH_LIMIT)
