"""Makes rows of the cards of a document."""

import uuid
from typing import Any

from game.cards.card_import import LONGEST_KEY, LONGEST_TITLE, MOST_KEYS, normalise_keys
from game.cards.options import patterns_problem, usable_options
from game.imports.documents import CardDocument
from game.imports.fitting import one_line, shortened
from game.imports.notes import Notes
from game.models import LONGEST_NOTE, StoryCard
from game.play.protocol import clean_text


class CardBuilder:
    """Builds rows of cards for one adventure or scenario; equal cards are made once."""

    def __init__(self, notes: Notes, room: int, **story: Any) -> None:
        self.notes, self.room, self.story = notes, room, story
        self.rows: list[StoryCard] = []
        self.kept: dict[str, dict[str, Any]] = {}  # by the card's id
        self.there: set[tuple[str, tuple[str, ...], str]] = set()

    def leave_out(self, cards: list[StoryCard]) -> None:
        """Do not make cards again that are equal to these."""
        self.there |= {(each.title, tuple(each.keys), each.text) for each in cards}

    def add(self, document: CardDocument) -> None:
        """The row of one card, if there is room and it has a text."""
        text = shortened(document.text, LONGEST_NOTE, self.notes, "cards.text")
        if not text:
            self.notes.add("card_without_text", "cards", "dropped")
            return
        keys = self.keys_of(document)
        title = one_line(document.title, LONGEST_TITLE)
        title = title or one_line(keys[0] if keys else text, LONGEST_TITLE)
        if (title, keys, text) in self.there:
            self.notes.add("card_there", "cards", "dropped")
            return
        if len(self.rows) >= self.room:
            self.notes.add("cards_too_many", "cards", "dropped")
            return
        if not keys and not document.pinned:
            self.notes.add("card_without_keys", "cards.keys", "changed")
        self.there.add((title, keys, text))
        options, problems = usable_options(document.options)
        for name in problems:
            self.notes.add("option_unknown", f"cards.{name}", "dropped")
        card = StoryCard(
            id=uuid.uuid4(),
            title=title,
            keys=list(keys),
            text=text,
            pinned=document.pinned,
            hidden=document.hidden,
            options=options,
            **self.story,
        )
        self.rows.append(card)
        kept = {**document.kept}
        if text != clean_text(document.text):
            kept["text"] = document.text
        if kept:
            self.kept[str(card.pk)] = kept

    def keys_of(self, document: CardDocument) -> tuple[str, ...]:
        """The keys that can be, each once."""
        patterns = document.options.get("regex") is True
        keys = normalise_keys(document.keys, patterns)
        fitting = tuple(key for key in keys if len(key) <= LONGEST_KEY)[:MOST_KEYS]
        if patterns:
            fitting = tuple(key for key in fitting if not patterns_problem([key]))
        if len(fitting) < len(keys):
            self.notes.add("keys_left_out", "cards.keys", "dropped", len(keys) - len(fitting))
        return fitting

    def texts(self) -> list[str]:
        """The texts of all rows, for screening."""
        return [
            text for card in self.rows for text in (card.title, ", ".join(card.keys), card.text)
        ]
