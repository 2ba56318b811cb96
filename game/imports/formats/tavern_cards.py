"""World info of SillyTavern, books of character cards, memories of Agnai, lorebooks of Risu."""

import re
from typing import Any

from game.imports.documents import CardDocument
from game.imports.fields import Fields
from game.imports.keys import is_pattern, set_keys, title_of
from game.imports.macros import StoryTexts
from game.imports.notes import Notes

LOGIC = {0: "and_any", 1: "not_all", 2: "not_any", 3: "and_all"}
DECORATOR = re.compile(r"@@@?([a-z_]+)[ \t]*([^\n]*)")
MOST_DECORATORS = 100


def read_tavern(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """An entry of SillyTavern's world info."""
    fields = Fields(entry, notes, "entries.")
    card = begin(fields, texts, "comment", "name")
    set_keys(card, keys_of(fields, texts, card, "key", "keys"), notes)
    card.pinned = fields.flag("constant") is True
    if fields.flag("disable"):
        card.options["disabled"] = True
    secondary = keys_of(fields, texts, card, "keysecondary", "secondary_keys")
    add_secondary(card, fields, secondary, fields.flag("selective"))
    read_extensions(card, fields)
    add_order(card, fields.number("order"))
    return end(card, fields)


def read_book(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """An entry of a character's book, version 2 or 3."""
    fields = Fields(entry, notes, "character_book.")
    card = begin(fields, texts, "comment", "name")
    patterns = fields.flag("use_regex") is True
    set_keys(card, keys_of(fields, texts, card, "keys", "key"), notes, patterns)
    if patterns:
        card.options["regex"] = True
    card.pinned = fields.flag("constant") is True
    if fields.flag("enabled") is False:
        card.options["disabled"] = True
    extensions = fields.inner("extensions")
    for name in ("selectiveLogic", "case_sensitive", "match_whole_words"):
        if name in extensions.data and name not in fields.data:
            fields.data = {**fields.data, name: extensions.take(name)}
    selective = fields.flag("selective")
    secondary = keys_of(fields, texts, card, "secondary_keys")
    add_secondary(card, fields, secondary, selective)
    read_extensions(card, extensions)
    read_cases(card, fields)
    add_order(card, fields.number("insertion_order"))
    card = end(card, fields)
    left = extensions.rest()
    if left:
        card.kept["extensions"] = left
    return card


def read_agnai(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """An entry of an Agnai memory book."""
    fields = Fields(entry, notes, "entries.")
    card = CardDocument(title=texts.fill(fields.text("name")))
    card.text = texts.fill(fields.text("entry"), card.title).strip()
    set_keys(card, keys_of(fields, texts, card, "keywords"), notes)
    if fields.flag("enabled") is False:
        card.options["disabled"] = True
    weight = fields.number("weight")
    if weight:
        card.options["order"] = weight
    return end(card, fields)


def read_risu(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """An entry of a Risu lorebook."""
    fields = Fields(entry, notes, "data.")
    card = begin(fields, texts, "comment")
    patterns = fields.flag("useRegex") is True
    set_keys(card, keys_of(fields, texts, card, "key"), notes, patterns)
    if patterns:
        card.options["regex"] = True
    card.pinned = fields.flag("alwaysActive") is True
    secondary = keys_of(fields, texts, card, "secondkey")
    add_secondary(card, fields, secondary, fields.flag("selective"), "secondkey")
    add_order(card, fields.number("insertorder"))
    chance = fields.number("activationPercent")
    if chance is not None and 0 < chance < 100:
        card.options["probability"] = chance
    return end(card, fields)


# ---- parts of an entry


def begin(fields: Fields, texts: StoryTexts, *titles: str) -> CardDocument:
    """A card with its title and its text, and what decorators before the text say."""
    card = CardDocument(title=texts.fill(fields.text(*titles)))
    content, decorators = split_decorators(fields.text("content"))
    card.text = texts.fill(content, card.title).strip()
    for name, value in decorators:
        if not apply_decorator(card, name, value):
            card.kept.setdefault("decorators", []).append(f"@@{name} {value}".strip())
            fields.notes.add("decorator", f"@@{name}", "kept", detail=value)
    return card


def end(card: CardDocument, fields: Fields) -> CardDocument:
    """The card with what is left of its entry."""
    card.kept = {**fields.rest(), **card.kept}
    card.title = card.title or title_of(card)
    return card


def keys_of(fields: Fields, texts: StoryTexts, card: CardDocument, *names: str) -> list[str]:
    """The keys in the first of these fields that has some. Patterns with commas stay whole."""
    value = next((fields.data[name] for name in names if fields.data.get(name)), None)
    if isinstance(value, str) and is_pattern(value):
        for name in names:
            fields.take(name)
        return [value]
    return [key if is_pattern(key) else texts.fill(key, card.title) for key in fields.texts(*names)]


def add_secondary(
    card: CardDocument,
    fields: Fields,
    secondary: list[str],
    selective: bool | None,
    name: str = "secondary_keys",
) -> None:
    """Give a card the keys that have to be there too, unless the entry has them switched off."""
    logic = fields.number("selectiveLogic")
    if not secondary:
        return
    if selective is False:
        fields.taken -= {name, "keysecondary", "secondary_keys", "selectiveLogic"}
        fields.notes.add("secondary_off", name, "kept")
        return
    if logic is None and "secondary_logic" in card.options:
        return
    card.options |= {
        "secondary_keys": secondary,
        "secondary_logic": LOGIC.get(logic or 0, "and_any"),
    }


def read_extensions(card: CardDocument, fields: Fields) -> None:
    """The conditions that SillyTavern has beside those of the specification."""
    chance = fields.number("probability")
    used = fields.flag("useProbability")
    if chance is not None and used is not False and chance < 100:
        if chance > 0:
            card.options["probability"] = chance
        else:
            card.options["disabled"] = True
            fields.taken.discard("probability")
    elif used is False and chance is not None and chance < 100:
        fields.taken -= {"probability", "useProbability"}
    for name in ("sticky", "cooldown"):
        turns = fields.number(name)
        if turns and turns > 0:
            card.options[name] = (turns + 1) // 2  # it counts messages, of which a turn has two
    for name in ("scanDepth", "scan_depth"):
        depth = fields.number(name)
        if depth and depth > 0:
            card.options["depth"] = (depth + 1) // 2
    group = fields.text("group")
    if group:
        card.options["group"] = group
    read_cases(card, fields)


def read_cases(card: CardDocument, fields: Fields) -> None:
    """Whether capitals count, and whether a key has to be a whole word."""
    for option, names in (
        ("case_sensitive", ("caseSensitive", "case_sensitive")),
        ("whole_words", ("matchWholeWords", "match_whole_words")),
    ):
        for name in names:
            value = fields.flag(name)
            if value is not None:
                card.options[option] = value


def add_order(card: CardDocument, order: int | None) -> None:
    """The order of a card: greater is nearer to the end of the prompt, here as there."""
    if order is not None:
        card.options["order"] = order


# ---- decorators of version 3


def split_decorators(content: str) -> tuple[str, list[tuple[str, str]]]:
    """A text without the `@@` lines at its beginning, and those as (name, value)."""
    found: list[tuple[str, str]] = []
    lines = content.lstrip().split("\n", MOST_DECORATORS)
    place = 0
    for line in lines[:MOST_DECORATORS]:
        match = DECORATOR.fullmatch(line.strip())
        if match is None:
            break
        # `@@@name` stands for the decorator before it, where a program does not know that one.
        found.append((match[1], match[2].strip()))
        place += 1
    return ("\n".join(lines[place:]) if place else content), found


def apply_decorator(card: CardDocument, name: str, value: str) -> bool:
    """Turn a decorator into an option. False for one that has no meaning here."""
    number = int(value) if value.isdecimal() and len(value) < 10 else None
    keys = [each.strip() for each in value.split(",") if each.strip()]
    if name in ("activate", "constant"):
        card.pinned = True
    elif name == "dont_activate":
        card.options["disabled"] = True
    elif name == "scan_depth" and number:
        card.options["depth"] = (number + 1) // 2
    elif name == "probability" and number:
        card.options["probability"] = min(number, 100)
    elif name == "additional_keys" and keys and "secondary_keys" not in card.options:
        card.options |= {"secondary_keys": keys, "secondary_logic": "and_any"}
    elif name == "exclude_keys" and keys and "secondary_keys" not in card.options:
        card.options |= {"secondary_keys": keys, "secondary_logic": "not_any"}
    else:
        return False
    return True
