"""Selects the story cards of a prompt within their share. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from inference.contract.request import Card, StoryContext
from inference.prompts import cards as story_cards
from inference.prompts.card_timing import StoryTexts, is_timed
from inference.prompts.cards import Found, card_text
from inference.prompts.cutting import Count
from inference.prompts.key_matching import SearchedText
from inference.prompts.parts import Firing, Line, PassedOver

# Cards fire on keys in this much of the latest text.
RECENT_LINES = 6
RECENT_CHARS = 3000

Mentioned = tuple[Found, str]  # and the title of the card that names it, or ""


def recent_text(story: tuple[Line, ...], action: Line | None, told: str) -> str:
    """The latest text, which is searched for the keys of cards."""
    lines = [line.text for line in story[-RECENT_LINES:]]
    if action is not None:
        lines.append(action.text)
    return "\n".join([*lines, told])[-RECENT_CHARS:]


def loose_characters(context: StoryContext) -> int:
    """The length in characters of all cards that are not pinned, sent or not."""
    pinned = sum(len(card.text) for card in context.cards if card.pinned)
    sent = sum(len(card.text) for card in context.cards)
    return max(context.card_characters, sent) - pinned


@dataclass
class CardSelection:
    """Selects the cards of a prompt within `room` tokens, each once."""

    room: int
    count: Count
    texts: StoryTexts
    pinned: list[Card] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    fired: list[Firing] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)  # those of which a card is taken
    room_for_others: int = 0  # than the pinned ones
    size_of_fired: int = 0

    def take_all(self, context: StoryContext, recent: str) -> None:
        """Take pinned cards, cards that the recent text mentions, and cards that those name."""
        rest = self.take_only_pinned(context)
        self.take_others(rest, [(found, "") for found in self.mentioned(rest, recent)], self.pinned)

    def take_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards and those that they name, as pinned; returns the others."""
        self.take_others(self.take_only_pinned(context), [], self.pinned)
        self.pinned += self.cards
        taken = {id(card) for card in self.pinned}
        return [card for card in context.cards if not card.pinned and id(card) not in taken]

    def take_only_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards, the best first; returns the others."""
        pinned = [card for card in context.cards if card.pinned]
        for card in sorted(pinned, key=lambda each: -each.options.order):
            if self.is_first_of_group(card) and self.take(card):
                self.pinned.append(card)
                self.fired.append(Firing(title=card.title))
        self.room_for_others = self.room
        return [card for card in context.cards if not card.pinned]

    def take_others(
        self, rest: list[Card], mentioned: list[Mentioned], sources: list[Card]
    ) -> None:
        """Take the cards that are mentioned, and those that they or `sources` name."""
        new = [*sources, *self.take_fired(mentioned)]
        for _ in range(story_cards.STEPS):
            seen = {id(found.card) for found, _ in mentioned}
            rest = [card for card in rest if id(card) not in seen]
            if not new or not rest:
                return
            named = story_cards.named(rest, new)
            mentioned = [(found, source.title) for found, source in named]
            new = self.take_fired(mentioned)

    def mentioned(self, cards: list[Card], recent: str) -> list[Found]:
        """The cards that the text mentions which each of them searches, and those that stay."""
        found: list[tuple[int, Found]] = []
        by_depth = sorted(cards, key=depth_of)
        for depth, group in groupby(by_depth, key=depth_of):
            window = self.texts.window(self.texts.newest, depth) if depth else recent
            text = SearchedText(window)
            length = len(text.index.text)
            # Without a text nothing rests and nothing stays: these are the cards of pinned ones.
            for each in self.in_time(list(group), text) if window else ():
                found.append((length - each.place, each))
        found.sort(key=lambda each: (-each[1].card.options.order, each[0]))
        return [each for _, each in found]

    def in_time(self, cards: list[Card], text: SearchedText) -> Iterator[Found]:
        """The cards with a key in a text that do not rest, and those that stay without one."""
        found = {id(each.card): each for each in story_cards.found_in(cards, text)}
        for card in cards:
            each = found.get(id(card))
            if is_timed(card):
                each = self.timed(card, each)
            if each is not None:
                yield each

    def timed(self, card: Card, found: Found | None) -> Found | None:
        """A card that stays or rests, as it was found, or where it only stays without a key."""
        timing = self.texts.timing(card)
        if timing.stays:
            return Found(card, "", 0, left=timing.left)
        if card.options.cooldown and not timing.fires:
            if found is not None and timing.rests:
                self.pass_over(card, "cooldown", timing.rests)
            return None
        return found

    def take_fired(self, mentioned: Iterable[Mentioned]) -> list[Card]:
        """Take cards in this order where there is room; returns those that were taken."""
        taken = []
        for found, via in mentioned:
            if self.may_fire(found) and self.take(found.card):
                taken.append(found.card)
                self.fired.append(firing_of(found, via))
        self.cards += taken
        return taken

    def may_fire(self, found: Found) -> bool:
        """Whether a card that was found fires; else it says why not."""
        card = found.card
        if found.left is not None:  # it fired before
            return self.is_first_of_group(card)
        if not found.holds:
            return self.pass_over(card, "secondary")
        if not self.texts.is_lucky(card, self.texts.newest):
            return self.pass_over(card, "probability")
        return self.is_first_of_group(card)

    def is_first_of_group(self, card: Card) -> bool:
        """Whether no better card of the group is taken."""
        group = card.options.group
        if group and group in self.groups:
            return self.pass_over(card, "group")
        if group:
            self.groups.add(group)
        return True

    def pass_over(self, card: Card, why: str, turns: int = 0) -> bool:
        """Note why a card with a key in the text does not fire; False."""
        self.passed_over[card.title] = PassedOver(title=card.title, why=why, turns=turns)
        return False

    def take(self, card: Card) -> bool:
        """Take a card; False where it is empty or has no room."""
        text = card_text(card)
        size = self.count(text) if text else 0
        if not text:
            return False
        if size > self.room:
            self.left_out.append(card.title)
            return False
        self.room -= size
        if not card.pinned:
            self.size_of_fired += size
        return True


def depth_of(card: Card) -> int:
    """How many turns a card searches; 0 for the usual text."""
    return card.options.depth or 0


def firing_of(found: Found, via: str = "") -> Firing:
    """What the report says of a card that fired."""
    if found.left is not None:
        return Firing(title=found.card.title, rule="sticky", turns=found.left)
    rule = "secondary" if found.card.options.secondary_keys else ""
    return Firing(title=found.card.title, key=found.key, via=via, rule=rule)
