"""Places story cards beside the actions whose turns first mention them. Pure.

A card stands in front of the first action in the prompt that mentions it, or that answers a reply
which mentions it, and it stays there: between two cuts of the story the prompt only grows at its
end, and the engine's cache holds all before. A card that is mentioned again REPEAT_TURNS later
stands there once more, since small models forget what is far away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from inference.contract.request import Card
from inference.prompts import cards as story_cards
from inference.prompts.cards import card_text
from inference.prompts.cutting import Count
from inference.prompts.parts import Firing, Line, PlacedCard

REPEAT_TURNS = 12


@dataclass
class CardPlacer:
    """Places the cards of one prompt. What a text mentions is looked up once, for every cut."""

    cards: Sequence[Card]
    count: Count
    sizes: dict[int, int] = field(default_factory=dict)
    mentions: dict[str, list[tuple[Card, Firing]]] = field(default_factory=dict)

    def place(
        self, story: tuple[Line, ...], action: str, passages: int, room: int
    ) -> tuple[tuple[PlacedCard, ...], list[str]]:
        """The cards of a prompt with these lines of the story, within `room` tokens.

        `passages` is the number of passages of the whole story, and so the current action's index.
        Where the room is short, the cards that were placed first are left out. Returns also the
        titles of those that the newest texts mention and that have no room at all.
        """
        actions, replies = texts_by_passage(story)
        actions[passages] = action
        first = min(actions.keys() | replies.keys())
        placed: list[PlacedCard] = []
        placed_at: dict[int, int] = {}
        for passage in range(first, passages + 1):
            for text, by_action in (
                (replies.get(passage - 1), False),
                (actions.get(passage), True),
            ):
                for card, firing in self.mentioned_in(text or ""):
                    if passage - placed_at.get(id(card), -REPEAT_TURNS) >= REPEAT_TURNS:
                        placed_at[id(card)] = passage
                        placed.append(PlacedCard(card, passage, by_action, firing))
        kept = self.newest_within(placed, room)
        inside = {id(each.card) for each in kept}
        newest = [
            *self.mentioned_in(replies.get(passages - 1, "")),
            *self.mentioned_in(action),
        ]
        out = {card.title: None for card, _ in newest if id(card) not in inside}
        return kept, list(out)

    def mentioned_in(self, text: str) -> list[tuple[Card, Firing]]:
        """The cards that a text mentions by title, then those that their texts name."""
        if text not in self.mentions:
            self.mentions[text] = self.find(text) if text else []
        return self.mentions[text]

    def find(self, text: str) -> list[tuple[Card, Firing]]:
        """As `mentioned_in`, without the lookup."""
        rest = [card for card in self.cards if card_text(card)]
        new = [
            (found.card, Firing(title=found.card.title, key=found.key))
            for found in story_cards.fired(rest, text)
        ]
        result: list[tuple[Card, Firing]] = []
        for _ in range(story_cards.STEPS + 1):
            result += sorted(new, key=lambda each: each[0].title)
            seen = {id(card) for card, _ in result}
            rest = [card for card in rest if id(card) not in seen]
            if not new or not rest:
                break
            named = story_cards.named(rest, [card for card, _ in new])
            new = [
                (found.card, Firing(title=found.card.title, key=found.key, via=source.title))
                for found, source in named
            ]
        return result

    def newest_within(self, placed: list[PlacedCard], room: int) -> tuple[PlacedCard, ...]:
        """The newest of the placed cards that fit into `room` tokens, in their order."""
        kept = []
        for each in reversed(placed):
            if self.size(each.card) <= room:
                room -= self.size(each.card)
                kept.append(each)
        return tuple(reversed(kept))

    def size(self, card: Card) -> int:
        """The card's length in tokens."""
        if id(card) not in self.sizes:
            self.sizes[id(card)] = self.count(card_text(card))
        return self.sizes[id(card)]

    def tokens(self, placed: tuple[PlacedCard, ...]) -> int:
        """The tokens of the placed cards together."""
        return sum(self.size(each.card) for each in placed)


def texts_by_passage(story: tuple[Line, ...]) -> tuple[dict[int, str], dict[int, str]]:
    """The actions and the replies of a story's lines by passage."""
    actions: dict[int, str] = {}
    replies: dict[int, str] = {}
    for line in story:
        if line.passage is not None and line.side in ("action", "reply"):
            (actions if line.side == "action" else replies)[line.passage] = line.text
    return actions, replies
