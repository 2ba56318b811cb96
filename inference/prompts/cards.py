"""Which story cards fire: those whose keys a text has, as their options ask for it. Pure.

`inference.prompts.key_matching` says what a key is found as.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from inference.contract.request import Card, Passage
from inference.prompts.key_matching import (
    SearchedText,
    secondary_found,
    secondary_holds,
)
from inference.reply import neutralise, shown_action
from inference.words import folded

STEPS = 2  # how deep cards may name other cards

# The newest turns whose mentions may bring a card into a prompt: about as many as a window holds.
CARD_TURNS = 40
CARD_BYTES = 40_000
# The other cards are sent too if they take no more bytes than this: the reply may mention them, and
# the worker reads the next prompt ahead with the cards it has.
OTHER_CARD_BYTES = 6_000

Holds = Callable[[Card, SearchedText], bool]


class Found(NamedTuple):
    """A card whose key a text has, that key, and the end of its last match in the folded text.

    `holds`: its secondary keys do not keep it out. `left` is how many more turns a card stays that
    fired before; None for one that the text mentions.
    """

    card: Card
    key: str
    place: int
    holds: bool = True
    left: int | None = None


def card_text(card: Card) -> str:
    """The card as the narrator reads it."""
    return neutralise(card.text).strip()


def fired(cards: Iterable[Card], text: str) -> list[Found]:
    """The cards with a key in `text`, each once, the best and then the last mentioned first."""
    return [each for each in found_in(cards, SearchedText(text)) if each.holds]


def secondary_in(card: Card, searched: SearchedText) -> bool:
    """Whether a card's secondary keys let it fire in a text."""
    return secondary_holds(card.options, secondary_found(card, searched))


def found_in(
    cards: Iterable[Card], searched: SearchedText, holds: Holds = secondary_in
) -> list[Found]:
    """The cards with a key in an indexed text, the best and then the last mentioned first.

    `holds` decides whether their secondary keys let them fire.
    """
    found: list[Found] = []
    for card in cards:
        best = -1
        for written in card.keys:
            place = searched.last(written, card)
            if place > best:
                best, best_key = place, written
        if best >= 0:
            kept = not card.options.secondary_keys or holds(card, searched)
            found.append(Found(card, best_key, best, kept))
    return sorted(found, key=priority)  # stable: else in the cards' order


def priority(found: Found) -> tuple[int, int]:
    """The order in which cards of one text get room."""
    return -found.card.options.order, -found.place


def named(
    cards: Iterable[Card], sources: Sequence[Card], holds: Holds = secondary_in
) -> list[tuple[Found, Card]]:
    """The cards whose keys occur in the texts of `sources`, each with the source that names it.

    Cards that the first source names come first.
    """
    backwards = sources[::-1]  # so that the last mention is the first source's
    texts = [card_text(source) for source in backwards]
    searched = SearchedText("\n".join(texts))
    ends = list(accumulate(len(folded(text)) + 1 for text in texts))
    return [
        (found, backwards[bisect_left(ends, found.place)])
        for found in found_in(cards, searched, holds)
        if found.holds
    ]


def reachable(cards: Sequence[Card], text: str) -> list[Card]:
    """The cards that may enter a prompt whose story is `text`, in order of priority.

    Pinned cards, those that the text mentions, and those that they name, STEPS deep. That one of
    the secondary keys keeps a card out is not known before the prompt.
    """
    cards = [card for card in cards if not card.options.disabled]
    result = [card for card in cards if card.pinned]
    rest = [card for card in cards if not card.pinned]
    mentioned = [found.card for found in found_in(rest, SearchedText(text), may_hold)]
    new = result + mentioned
    result = list(new)
    for _ in range(STEPS):
        seen = {id(card) for card in mentioned}
        rest = [card for card in rest if id(card) not in seen]
        if not new or not rest:
            break
        new = mentioned = [found.card for found, _ in named(rest, new, may_hold)]
        result += new
    return result


def may_hold(card: Card, searched: SearchedText) -> bool:
    """Whether a part of a text may satisfy what a card asks of its secondary keys."""
    return card.options.secondary_logic.startswith("not") or secondary_in(card, searched)


def cards_for(cards: list[Card], story: tuple[Passage, ...]) -> tuple[Card, ...]:
    """The cards that could fire, most likely first, at most CARD_BYTES.

    An adventure may have thousands. The worker decides which of them fire, since it knows the
    budget.
    """
    cards = [card for card in cards if not card.options.disabled]
    likely = reachable(cards, text_of(story[-CARD_TURNS:]))
    likely += staying(cards, likely, story)
    sent = cards_within(likely, CARD_BYTES)
    reachable_ids = {id(card) for card in likely}
    others = [card for card in cards if id(card) not in reachable_ids]
    all_fit = len(cards_within(others, OTHER_CARD_BYTES)) == len(others)
    return (*sent, *others) if all_fit else tuple(sent)


def staying(cards: list[Card], likely: list[Card], story: tuple[Passage, ...]) -> list[Card]:
    """The cards that may still stay, since they fired more than CARD_TURNS ago."""
    known = {id(card) for card in likely}
    long = [card for card in cards if card.options.sticky >= CARD_TURNS and id(card) not in known]
    if not long:
        return []
    turns = max(card.options.sticky for card in long) + 1
    return [found.card for found in found_in(long, SearchedText(text_of(story[-turns:])), may_hold)]


def text_of(story: tuple[Passage, ...]) -> str:
    """The texts of turns in which keys are looked for."""
    return "\n".join(
        part
        for each in story
        for part in (shown_action(each.kind, each.action, each.player), each.reply)
    )


def cards_within(cards: list[Card], room: int) -> list[Card]:
    """The first cards that take at most `room` bytes together."""
    found: list[Card] = []
    for card in cards:
        room -= len(card.model_dump_json().encode())
        if room < 0:
            break
        found.append(card)
    return found
