"""Keys of cards as other programs write them: words, patterns between slashes, alternatives."""

import re
from itertools import islice, product

from game.imports.documents import CardDocument
from game.imports.notes import Notes

SPECIAL = set("\\.+*?()|[]{}^$/")
MOST_EXPANDED = 32  # keys that one key with alternatives becomes
LONGEST_EXPANDED = 2_000  # characters of it
PATTERN = re.compile(r"/.+/[a-z]*", re.DOTALL)
SCRIPT = re.compile(r"#\[[^\]]*\]\s*$")  # settings of AI Dungeon's scripts behind a key
GROUP = re.compile(r"\(([^()|]*(?:\|[^()|]*)+)\)")


def is_pattern(key: str) -> bool:
    """Whether a key is a regular expression between slashes."""
    return PATTERN.fullmatch(key.strip()) is not None


def expand_key(key: str) -> list[str]:
    """A key without a script's settings, and each of its alternatives: `(old |)mill` is two."""
    if len(key) > LONGEST_EXPANDED:
        return [key]
    key = SCRIPT.sub("", key).strip()
    if "(" not in key or "|" not in key or is_pattern(key):
        return [key] if key else []
    parts = GROUP.split(key)  # text and alternatives in turn
    choices = [each.split("|") if place % 2 else [each] for place, each in enumerate(parts)]
    found = (" ".join("".join(each).split()) for each in islice(product(*choices), MOST_EXPANDED))
    return list(dict.fromkeys(each for each in found if each))


def set_keys(card: CardDocument, written: list[str], notes: Notes, patterns: bool = False) -> None:
    """Give a card its keys. Keys that had to be changed are kept as `kept["keys as written"]`.

    `patterns` says that all of them are regular expressions, without slashes.
    """
    if patterns:
        written = [each if is_pattern(each) else f"/{each}/" for each in written]
    keys = [key for each in written for key in expand_key(each)]
    if keys != written:
        notes.add("keys_expanded", "keys", "changed")
    card.keys = list(dict.fromkeys(keys))
    if any(map(is_pattern, card.keys)):
        card.options["regex"] = True
        card.keys = [key if is_pattern(key) else pattern_of(key) for key in card.keys]


def pattern_of(key: str) -> str:
    """A word as a pattern: where one key of a card is a pattern, all of them are."""
    inner = "".join(f"\\{each}" if each in SPECIAL else each for each in key)
    return f"/\\b{inner}\\b/" if key.isascii() and key[:1].isalnum() else f"/{inner}/"


def title_of(card: CardDocument) -> str:
    """A title for a card whose file has none: its first key or its first words."""
    if card.keys:
        return card.keys[0]
    return " ".join(card.text.split()[:6])
