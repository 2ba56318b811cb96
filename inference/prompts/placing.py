"""Places story cards beside the actions whose turns first mention them. Pure.

A card stands in front of the first action in the prompt that mentions it, or that answers a reply
which mentions it, and it stays there: between two cuts of the story the prompt only grows at its
end, and the engine's cache holds all before. A card that is mentioned again REPEAT_TURNS later
stands there once more, since small models forget what is far away.

So a card that rests only waits longer until it stands again; one that stays stands at the first
turn of a story that was cut after it fired; and of a group, the best that one turn mentions is
placed, whichever stands in the prompt already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.contract.request import Card
from inference.prompts import cards as story_cards
from inference.prompts.card_selection import firing_of
from inference.prompts.card_timing import StoryTexts, has_key, is_timed, texts_by_passage
from inference.prompts.cards import Found, card_text
from inference.prompts.cutting import Count
from inference.prompts.key_matching import SearchedText, searched
from inference.prompts.parts import Firing, Line, PassedOver, PlacedCard

REPEAT_TURNS = 12

Mention = tuple[Card, Firing]


class Placement(NamedTuple):
    """The placed cards, the titles of those that the newest texts mention and that have no room,
    and the cards that these texts mention and that do not fire."""

    placed: tuple[PlacedCard, ...]
    left_out: list[str]
    passed_over: tuple[PassedOver, ...]


@dataclass
class Stage:
    """The reply before an action, or the action: a text at which cards are placed.

    `groups` are those of which the turn has placed a card.
    """

    passage: int
    text: str
    by_action: bool
    groups: set[str]


@dataclass
class CardPlacer:
    """Places the cards of one prompt. What a text mentions is looked up once, for every cut."""

    cards: Sequence[Card]
    count: Count
    texts: StoryTexts
    sizes: dict[int, int] = field(default_factory=dict)
    mentions: dict[tuple[str, int, bool], list[Found]] = field(default_factory=dict)
    named: dict[tuple[str, int, bool], list[Mention]] = field(default_factory=dict)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the cards by what has to be known to place them."""
        self.cards = [card for card in self.cards if card_text(card)]
        self.timed = [card for card in self.cards if is_timed(card)]
        self.asks_others = any(card.options.secondary_keys for card in self.cards)

    def place(self, story: tuple[Line, ...], action: str, room: int) -> Placement:
        """The cards of a prompt with these lines of the story, within `room` tokens.

        Where the room is short, the cards that were placed first are left out, those of the least
        order before others.
        """
        newest = self.texts.newest
        actions, replies = texts_by_passage(story)
        actions[newest] = action
        first = min(actions.keys() | replies.keys())
        placed_at, placed = self.before(first)
        self.passed_over = {}
        mentioned: dict[str, Card] = {}
        for passage in range(first, newest + 1):
            groups: set[str] = set()
            for text, by_action in (
                (replies.get(passage - 1, ""), False),
                (actions.get(passage, ""), True),
            ):
                stage = Stage(passage, text, by_action, groups)
                for card, firing in self.firing_at(stage, placed_at):
                    if passage == newest:
                        mentioned[card.title] = card
                    if self.rests(card, passage, placed_at) <= 0:
                        placed_at[id(card)] = passage
                        placed.append(PlacedCard(card, passage, by_action, firing))
        kept = self.best_within(placed, room)
        inside = {id(each.card) for each in kept}
        out = [title for title, card in mentioned.items() if id(card) not in inside]
        shown = {each.card.title for each in kept}
        passed = tuple(each for title, each in self.passed_over.items() if title not in shown)
        resting = {each.title for each in passed}
        return Placement(kept, [title for title in out if title not in resting], passed)

    def before(self, first: int) -> tuple[dict[int, int], list[PlacedCard]]:
        """Where cards that stay or rest were placed before the first turn in the prompt, and those
        that stayed until then."""
        placed_at: dict[int, int] = {}
        placed: list[PlacedCard] = []
        for card in self.timed if first > 0 else ():
            fired = self.texts.fired_at(card, 0, first, gap_of(card))
            if not fired:
                continue
            placed_at[id(card)] = fired[-1]
            left = card.options.sticky - (first - fired[-1])
            if left >= 0:
                placed_at[id(card)] = first
                firing = Firing(title=card.title, rule="sticky", turns=left)
                placed.append(PlacedCard(card, first, False, firing))
        return placed_at, placed

    def rests(self, card: Card, passage: int, placed_at: dict[int, int]) -> int:
        """For how many turns a card is not placed again; 0 or less where it may be."""
        last = placed_at.get(id(card))
        return 0 if last is None else gap_of(card) - (passage - last)

    def firing_at(self, stage: Stage, placed_at: dict[int, int]) -> Iterator[Mention]:
        """The cards that fire at a stage: the less important first, then by title, and then those
        that they name."""
        mentions = self.mentioned_at(stage)
        best = sorted(mentions, key=lambda each: -each[0].options.order)
        fires = {id(card) for card, _ in best if self.may_fire(card, stage, placed_at)}
        return (each for each in mentions if id(each[0]) in fires)

    def may_fire(self, card: Card, stage: Stage, placed_at: dict[int, int]) -> bool:
        """Whether chance, the card's rest and its group let it fire; else it is noted why not."""
        if not self.texts.is_lucky(card, stage.passage):
            return self.pass_over(card, stage, "probability")
        rests = self.rests(card, stage.passage, placed_at)
        if card.options.cooldown and rests > 0:
            return self.pass_over(card, stage, "cooldown", rests)
        group = card.options.group
        if group and group in stage.groups:
            return self.pass_over(card, stage, "group")
        if group:
            stage.groups.add(group)
        return True

    def pass_over(self, card: Card, stage: Stage, why: str, turns: int = 0) -> bool:
        """Note why a card does not fire where the newest texts mention it; False."""
        if stage.passage == self.texts.newest:
            self.passed_over[card.title] = PassedOver(title=card.title, why=why, turns=turns)
        return False

    def mentioned_at(self, stage: Stage) -> list[Mention]:
        """The cards that a text mentions, and those that their texts name, by title each."""
        if not stage.text:
            return []
        known = self.known_as(stage)
        found = self.found_at(stage)
        if known not in self.named:
            self.named[known] = self.with_named(found)
        for each in found:
            if not each.holds:
                self.pass_over(each.card, stage, "secondary")
        return self.named[known]

    def known_as(self, stage: Stage) -> tuple[str, int, bool]:
        """What decides which cards a stage mentions: its text; its place, with secondary keys."""
        if self.asks_others:
            return stage.text, stage.passage, stage.by_action
        return stage.text, 0, False

    def found_at(self, stage: Stage) -> list[Found]:
        """The cards with a key in a text, and those with a secondary key there whose key the turns
        before have."""
        known = self.known_as(stage)
        if known not in self.mentions:
            text = searched(stage.text)

            def holds(card: Card, _text: SearchedText) -> bool:
                return self.texts.holds(card, stage.passage, stage.by_action)

            found = story_cards.found_in(self.cards, text, holds)
            if self.asks_others:
                inside = {id(each.card) for each in found}
                found += [
                    each
                    for card in self.cards
                    if id(card) not in inside and (each := self.completed(card, stage, text))
                ]
            self.mentions[known] = found
        return self.mentions[known]

    def completed(self, card: Card, stage: Stage, text: SearchedText) -> Found | None:
        """A card whose key the turns before have, and of whose secondary keys this text has one."""
        options = card.options
        if not options.secondary_keys or options.secondary_logic.startswith("not"):
            return None
        if not any(text.last(key, card) >= 0 for key in options.secondary_keys):
            return None
        window = searched(self.texts.window_of(card, stage.passage, stage.by_action))
        if not has_key(card, window) or not self.texts.holds(card, stage.passage, stage.by_action):
            return None
        key = next(key for key in card.keys if window.last(key, card) >= 0)
        return Found(card, key, 0)

    def with_named(self, found: list[Found]) -> list[Mention]:
        """The cards that were found and hold, and those that their texts name, STEPS deep."""
        new = [(each.card, firing_of(each)) for each in found if each.holds]
        rest = list(self.cards)
        result: list[Mention] = []
        for _ in range(story_cards.STEPS + 1):
            result += sorted(new, key=lambda each: (each[0].options.order, each[0].title))
            seen = {id(card) for card, _ in result}
            rest = [card for card in rest if id(card) not in seen]
            if not new or not rest:
                break
            named = story_cards.named(rest, [card for card, _ in new])
            new = [(found.card, firing_of(found, source.title)) for found, source in named]
        return result

    def best_within(self, placed: list[PlacedCard], room: int) -> tuple[PlacedCard, ...]:
        """The placed cards that fit into `room` tokens, the best and then the newest of them, in
        their order."""
        kept = set()
        places = range(len(placed) - 1, -1, -1)
        for place in sorted(places, key=lambda each: -placed[each].card.options.order):
            size = self.size(placed[place].card)
            if size <= room:
                room -= size
                kept.add(place)
        return tuple(each for place, each in enumerate(placed) if place in kept)

    def size(self, card: Card) -> int:
        """The card's length in tokens."""
        if id(card) not in self.sizes:
            self.sizes[id(card)] = self.count(card_text(card))
        return self.sizes[id(card)]

    def tokens(self, placed: tuple[PlacedCard, ...]) -> int:
        """The tokens of the placed cards together."""
        return sum(self.size(each.card) for each in placed)


def gap_of(card: Card) -> int:
    """How many turns later a card is placed again at the earliest."""
    options = card.options
    if not options.cooldown:
        return REPEAT_TURNS
    return max(REPEAT_TURNS, options.sticky + options.cooldown + 1)
