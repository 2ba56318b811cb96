"""Finding words in adventures, and showing where they are."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from game.models import Adventure, Turn
from game.play import tree
from inference.reply import shown_action

SHORTEST = 2  # characters; a single letter is everywhere
LONGEST = 100
AROUND = 90  # code points shown on either side of what was found
PATH_LIMIT = 100_000  # turns of a path that are looked through
# How the page shows an action (inference.reply.actions), where only its words are stored.
SHOWN_BEFORE = re.compile(r'^>?\s*you\s+(?:say\s+)?["“]?', re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A place in a text where something was found, with what is around it."""

    before: str
    found: str
    after: str


@dataclass(frozen=True)
class Hit:
    """A turn in which something was found."""

    turn: UUID
    adventure: UUID
    passage: Passage
    here: bool  # on the path to the adventure's head, not on another branch


def asked(text: str) -> str:
    """What somebody types into a search field, as it is looked for."""
    return " ".join(text.replace("\0", "").split())[:LONGEST]


def pattern(words: str) -> str:
    """For PostgreSQL and Python alike: these words in a row, however they are spaced."""
    return r"\s+".join(re.escape(word) for word in words.split())


def passage(text: str, words: list[str], around: int = AROUND) -> Passage | None:
    """The first place in `text` of the first of `words` that is in it."""
    for each in words:
        if not each or not (match := re.search(pattern(each), text, re.IGNORECASE)):
            continue
        begin, end = match.span()
        before, after = text[max(0, begin - around) : begin], text[end : end + around]
        if begin > around:
            before = "… " + (before.split(None, 1)[-1] if " " in before else before)
        if end + around < len(text):
            after = (after.rsplit(None, 1)[0] if " " in after else after) + " …"
        return Passage(flat(before), flat(match.group()), flat(after))
    return None


def flat(text: str) -> str:
    """On one line; a space at either end stays."""
    return re.sub(r"\s+", " ", text)


def where_found(turn: Turn, words: list[str]) -> Passage | None:
    """The passage of a turn that has one of `words`: in its action as shown, or its reply."""
    action = shown_action(turn.kind, turn.action)  # type: ignore[arg-type]
    texts = (action, turn.action, turn.reply)
    found = (passage(text, [each]) for each in words for text in texts)
    return next((each for each in found if each), None)


def turns_with(adventure: Adventure, words: str) -> QuerySet[Turn]:
    """The turns of an adventure that have these words in a row, on every branch, oldest first."""
    found = Q(reply__iregex=pattern(words)) | Q(action__iregex=pattern(words))
    if bare := SHOWN_BEFORE.sub("", words):
        found |= Q(action__iregex=pattern(bare))
    return adventure.turns.filter(found).order_by("created", "pk")


def hits(adventure: Adventure, turns: list[Turn], words: str) -> list[Hit]:
    """Where in these turns the words are."""
    head = adventure.head_id
    ids = tree.path_ids(head, PATH_LIMIT) if head and turns else []
    path = {turn: place for place, turn in enumerate(ids)}
    # Turns that were stored at once have one time.
    turns = sorted(turns, key=lambda turn: (turn.created, path.get(turn.pk, len(path))))
    tried = [words, SHOWN_BEFORE.sub("", words)]
    found = []
    for turn in turns:
        if (place := where_found(turn, tried)) is not None:
            found.append(Hit(turn.pk, adventure.pk, place, turn.pk in path))
    return found


def best_hits(adventures: list[Adventure], q: str) -> dict[UUID, Hit]:
    """For each adventure the turn with the most of the words of `q`, the newest of several."""
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
        place = where_found(turn, longest_first)
        if place is not None:
            here = on_path(turn.pk, heads[turn.adventure_id].head_id)
            found[turn.adventure_id] = Hit(turn.pk, turn.adventure_id, place, here)
    return found


def on_path(turn: UUID, head: UUID | None) -> bool:
    """Whether a turn is on the path to the head."""
    return head is not None and turn in tree.path_ids(head, PATH_LIMIT)
