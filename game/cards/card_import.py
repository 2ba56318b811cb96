"""Card import: reads the lists of cards that other games export.

Supported are our own list, AI Dungeon's story cards and world info, NovelAI's lorebooks, and the
world info of KoboldAI and SillyTavern, also inside files of whole stories and characters. The
fields have different names and the same meaning: a title, keys, a text, and whether the card is
always in the prompt.
"""

from collections.abc import Iterable, Iterator
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
from game.models import LONGEST_NOTE
from game.play.protocol import clean_text

LONGEST_TITLE = 80
MOST_OF_ALL_KEYS = 2_000  # characters of a card's keys together
MOST_READ = 100_000  # characters of a text that are cleaned; enough to see that it is too long
MOST_KEYS_READ = 1_000  # of one card, before empty and repeated ones are dropped

# Names of the fields that hold the list, outermost first, and of an entry's fields.
LISTS = (
    *("entries", "cards", "storyCards", "story_cards", "worldInfo", "world_info"),
    *("worldinfo", "worldinfo_v2", "lorebook", "character_book", "content", "data"),
)
TITLES = ("title", "displayName", "name", "comment")
KEYS = ("keys", "key", "triggers")
TEXTS = ("text", "value", "entry", "content")
PINNED = ("pinned", "forceActivation", "constant")


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


def read_cards(content: bytes) -> ImportedCards:
    """Read the cards in a JSON file. Raises CardImportError if there is no list of them."""
    try:
        return cards_of(sandbox.read("json", content))
    except Unreadable as problem:
        raise CardImportError(sandbox.message_of(problem)) from None


def cards_of(data: Any) -> ImportedCards:
    """The cards in plain data. Raises CardImportError if there is no list of them."""
    entries = find_entries(data)
    if entries is None:
        raise CardImportError(
            _(
                "No cards found in that file. It should be a list of {title, keys, text}, or a "
                "file of story cards, world info or a lorebook."
            )
        )
    imported = ImportedCards()
    for number, entry in enumerate(entries, 1):
        try:
            imported.cards.append(read_entry(entry, number))
        except CardImportError as problem:
            imported.problems.append(str(problem))
    return imported


def find_entries(data: Any, depth: int = 4) -> list[Any] | None:
    """The list of entries in a file, at any of the places that games put it; else None."""
    if isinstance(data, list):
        return data
    if not isinstance(data, dict) or not depth:
        return None
    for name in LISTS:
        inner = data.get(name)
        if name == "entries" and isinstance(inner, dict):
            return list(inner.values())
        if isinstance(inner, list | dict):
            found = find_entries(inner, depth - 1)
            if found is not None:
                return found
    return None


def read_entry(entry: Any, number: int) -> CardContent:
    """One entry as a card. Raises CardImportError with the reason if it is none."""
    if not isinstance(entry, dict):
        raise CardImportError(_("Entry %(number)s is not a card.") % {"number": number})
    text = first_text(entry, TEXTS)
    written = list(islice(keys_in(entry), MOST_KEYS_READ))
    options = options_in(entry)
    if options.get("regex"):
        keys = normalise_keys(written, patterns=True)
    else:
        keys = normalise_keys(key for key in written if not is_pattern(key))
    title = first_text(entry, TITLES) or (keys[0] if keys else text)
    title = " ".join(title.split())[:LONGEST_TITLE]
    label = f"“{title}”" if title else _("Entry %(number)s") % {"number": number}
    pinned = any(entry.get(name) is True for name in PINNED)
    if not keys and not pinned and any(map(is_pattern, written)):
        raise CardImportError(
            _("%(card)s: its keys are patterns; only plain words are supported.") % {"card": label}
        )
    problem = card_problem(keys, text, pinned, options)
    if problem:
        raise CardImportError(f"{label}: {problem}")
    return CardContent(title, keys, text, pinned, options=options)


def options_in(entry: dict[str, Any]) -> dict[str, Any]:
    """The options of an entry of our own lists, and whether one of another game is switched off."""
    written = entry.get("options")
    options = usable_options(written)[0] if isinstance(written, dict) else {}
    if entry.get("enabled") is False or entry.get("disable") is True:
        options["disabled"] = True
    return options


def first_text(entry: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of these fields that has a text, cleaned; "" if none has."""
    found = (entry.get(name) for name in names)
    # Cleaning reads each character, so a far too long text is cut first.
    texts = (clean_text(each[:MOST_READ]) for each in found if isinstance(each, str))
    return next((text for text in texts if text), "")


def keys_in(entry: dict[str, Any]) -> Iterator[str]:
    """An entry's keys as they are written: a list, or a text with commas."""
    for name in KEYS:
        written = entry.get(name)
        if isinstance(written, str):
            yield from split_keys(written)
        elif isinstance(written, list):
            yield from (each for each in written if isinstance(each, str))


def is_pattern(key: str) -> bool:
    """Whether a key is a regular expression, as NovelAI and SillyTavern allow."""
    key = key.strip()
    return len(key) > 2 and key[0] == "/" and key.rfind("/") > 1


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
