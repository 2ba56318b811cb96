"""Card import: the cards in files of other programs, and the rules for every card.

game.imports.reading reads the files: lists of cards, stories and characters. Here their cards are
checked by the same rules as those that are typed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from game.cards.options import LONGEST_KEY as LONGEST_KEY
from game.cards.options import MOST_KEYS as MOST_KEYS
from game.cards.options import (
    keys_problem,
    patterns_problem,
    unique_keys,
    usable_options,
)
from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports.documents import CardDocument, FileDocument
from game.imports.reading import read_file
from game.models import LONGEST_NOTE
from game.play.protocol import clean_text

LONGEST_TITLE = 80
MOST_OF_ALL_KEYS = 2_000  # characters of a card's keys together
MOST_READ = 100_000  # characters of a text that are cleaned; enough to see that it is too long
MOST_KEYS_READ = 1_000  # of one card, before empty and repeated ones are dropped


class CardImportError(Exception):
    """A file has no list of cards, or an entry is no card. The message is for the player."""


@dataclass(frozen=True)
class CardContent:
    """A card as it would be stored."""

    title: str
    keys: tuple[str, ...]
    text: str
    pinned: bool = False
    hidden: bool = False
    options: dict[str, Any] = field(default_factory=dict)  # as game.cards.options reads them


@dataclass
class ImportedCards:
    """The cards of a file, and messages about the entries that were left out."""

    cards: list[CardContent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_cards(content: bytes, filename: str = "") -> ImportedCards:
    """Read the cards in a file of any format. Raises CardImportError if it has none."""
    try:
        return cards_in(read_file(content, filename))
    except Unreadable as problem:
        raise CardImportError(sandbox.message_of(problem)) from None


def cards_in(document: FileDocument) -> ImportedCards:
    """The cards of a document, those of its stories too. Raises CardImportError without any."""
    lists = [document.cards, *(each.cards for each in document.adventures)]
    lists += [each.cards for each in document.scenarios]
    found = [card for cards in lists for card in cards]
    if not found and document.scenarios:
        raise CardImportError(
            _(
                "There are no cards in that file. It holds a scenario: import it on the page "
                "“Import”."
            )
        )
    if not found:
        raise CardImportError(_("There are no cards in that file."))
    imported = ImportedCards()
    for number, card in enumerate(found, 1):
        try:
            imported.cards.append(content_of(card, number))
        except CardImportError as problem:
            imported.problems.append(str(problem))
    return imported


def content_of(card: CardDocument, number: int) -> CardContent:
    """A card of a document as it would be stored. Raises CardImportError with what is wrong."""
    # Cleaning reads each character, so a far too long text is cut first.
    text = clean_text(card.text[:MOST_READ])
    options, _problems = usable_options(card.options)
    keys = normalise_keys(card.keys, patterns=bool(options.get("regex")))
    title = " ".join(clean_text(card.title[:MOST_READ]).split())[:LONGEST_TITLE]
    label = f"“{title}”" if title else _("Entry %(number)s") % {"number": number}
    problem = card_problem(keys, text, card.pinned, options)
    if problem:
        raise CardImportError(f"{label}: {problem}")
    return CardContent(title, keys, text, card.pinned, options=options)


# Rules for every card, typed or imported


def split_keys(written: str, patterns: bool = False) -> list[str]:
    """The keys in a text, separated by commas or line ends, not cleaned.

    `patterns`: they are regular expressions, in which commas mean something.
    """
    if patterns:
        return written.split("\n", MOST_KEYS_READ)[:MOST_KEYS_READ]
    commas = written.replace("\n", ",").replace("，", ",").replace("、", ",")
    return commas.split(",", MOST_KEYS_READ)[:MOST_KEYS_READ]


def normalise_keys(keys: Iterable[str], patterns: bool = False) -> tuple[str, ...]:
    """The keys that can match a word, cleaned, each once, in their order."""
    return unique_keys(islice(keys, MOST_KEYS_READ), patterns)


def card_problem(
    keys: tuple[str, ...], text: str, pinned: bool, options: dict[str, Any] | None = None
) -> str:
    """What is wrong with a card, in words for the player; "" if nothing is."""
    if not text:
        return _("It has no text.")
    if len(text) > LONGEST_NOTE:
        return _("Its text has %(length)s characters; the limit is %(most)s. Shorten it.") % {
            "length": f"{len(text):,}",
            "most": f"{LONGEST_NOTE:,}",
        }
    if not keys and not pinned:
        return _("Add at least one key, or pin it.")
    if problem := keys_problem(keys):
        return problem
    secondary = (options or {}).get("secondary_keys", [])
    if sum(map(len, (*keys, *secondary))) > MOST_OF_ALL_KEYS:
        return _("Its keys have more than %(most)s characters together. Leave some out.") % {
            "most": f"{MOST_OF_ALL_KEYS:,}"
        }
    if (options or {}).get("regex"):
        return patterns_problem((*keys, *secondary))
    return ""
