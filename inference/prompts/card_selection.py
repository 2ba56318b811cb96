"""Selects the story cards of a prompt within their share. Pure."""

from dataclasses import dataclass, field

from inference.contract.request import Card, StoryContext
from inference.prompts import cards as story_cards
from inference.prompts.cards import card_text
from inference.prompts.cutting import Count
from inference.prompts.parts import Firing, Line

# Cards fire on keys in this much of the latest text.
RECENT_LINES = 6
RECENT_CHARS = 3000


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
    pinned: list[Card] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    fired: list[Firing] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    room_for_others: int = 0  # than the pinned ones
    size_of_fired: int = 0

    def take_all(self, context: StoryContext, recent: str) -> None:
        """Take pinned cards, cards that the recent text mentions, and cards that those name."""
        rest = self.take_only_pinned(context)
        mentioned = [(found, "") for found in story_cards.fired(rest, recent)]
        new = [*self.pinned, *self.take_fired(mentioned)]
        for _ in range(story_cards.STEPS):
            seen = {id(found.card) for found, _ in mentioned}
            rest = [card for card in rest if id(card) not in seen]
            if not new or not rest:
                return
            named = story_cards.named(rest, new)
            mentioned = [(found, source.title) for found, source in named]
            new = self.take_fired(mentioned)

    def take_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards and those that they name, as pinned; returns the others."""
        self.take_all(context, "")
        self.pinned += self.cards
        taken = {id(card) for card in self.pinned}
        return [card for card in context.cards if not card.pinned and id(card) not in taken]

    def take_only_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards; returns the others."""
        for card in context.cards:
            if card.pinned and self.take(card):
                self.pinned.append(card)
                self.fired.append(Firing(title=card.title))
        self.room_for_others = self.room
        return [card for card in context.cards if not card.pinned]

    def take_fired(self, mentioned: list[tuple[story_cards.Found, str]]) -> list[Card]:
        """Take cards in this order where there is room; returns those that were taken."""
        taken = []
        for found, via in mentioned:
            if self.take(found.card):
                taken.append(found.card)
                self.fired.append(Firing(title=found.card.title, key=found.key, via=via))
        self.cards += taken
        return taken

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
