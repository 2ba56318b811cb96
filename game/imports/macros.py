"""Fills in `{{char}}`, `{{user}}` and their kin, and turns `${…}` into questions of a scenario.

In a scenario `{{user}}` becomes the placeholder `${player}`: a name fits every sentence, which
"you" does not. In a story under way it is the player's name where the file says it, else "you".
"""

import re
from functools import partial
from typing import Any

from game.imports.notes import Notes

PLAYER = "player"
PLAYER_QUESTION = "What is your name?"
PLAYER_DEFAULT = "Alex"
NO_DEFAULT = "…"  # a scenario needs one for each question

MACRO = re.compile(r"\{\{([^{}]*)\}\}|<(USER|BOT|CHAR)>")
PLACE = re.compile(r"\$\{([^{}\n]{0,400})\}|\$(?=[$A-Za-z_{])")
LONGEST_NAME = 30
DEEPEST_MACROS = 4  # macros inside each other

USER = {"user", "username", "player", "persona"}
CHAR = {"char", "character", "bot", "charname"}
NOTHING = {"original", "trim", "noop", "banned", "hidden_key", "comment", "//"}

# What follows "you" where a name stood.
YOUR = (
    (re.compile(r"\byou(['’])s\b", re.IGNORECASE), "your"),
    (re.compile(r"\b(you) is\b", re.IGNORECASE), r"\1 are"),
    (re.compile(r"\b(you) was\b", re.IGNORECASE), r"\1 were"),
    (re.compile(r"\b(you) has\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\b(you) does\b", re.IGNORECASE), r"\1 do"),
    (re.compile(r"\b(you) isn(['’])t\b", re.IGNORECASE), r"\1 aren\2t"),
    (re.compile(r"\b(you) wasn(['’])t\b", re.IGNORECASE), r"\1 weren\2t"),
)
MARKED_YOU = "\ue000you\ue000"  # a "you" that stands for a macro; of the private use area
SENTENCE_START = re.compile(rf"(^|[.!?…]['\"”’*]*\s+|\n[ \t]*|^[\"“*]){MARKED_YOU}")


class StoryTexts:
    """Fills in the texts of a story under way, or of cards alone."""

    def __init__(self, notes: Notes, char: str = "", user: str = "") -> None:
        self.notes, self.char, self.user = notes, char, user

    def fill(self, text: str, char: str = "") -> str:
        """The text without macros and `${…}`. `char` is the name for `{{char}}` of a card."""
        text = self.fill_places(text) if "$" in text else text
        return self.fill_macros(text, char) if "{{" in text or "<" in text else text

    def fill_places(self, text: str) -> str:
        """Leave the words of `${…}`, which nobody was asked."""
        return PLACE.sub(lambda found: self.words_of(found[1], found[0]), text)

    def words_of(self, inner: str | None, whole: str) -> str:
        """What stands for one `${…}`; a dollar sign stays."""
        if inner is None:
            return whole
        self.notes.add("unanswered", whole, "changed")
        question, _, default = inner.partition("^")
        if question.strip().lower() in ("character.name", "character name"):
            return self.user or "you"
        return default.strip() or question.strip() or NO_DEFAULT

    def fill_macros(self, text: str, char: str) -> str:
        """Replace every macro."""
        name = char or self.char
        for _ in range(DEEPEST_MACROS):
            filled = MACRO.sub(lambda found: self.macro(found[1], found[2], name), text)
            if filled == text:
                break
            text = filled
        return in_second_person(text) if MARKED_YOU in text else text

    def macro(self, inner: str | None, tag: str | None, char: str) -> str:
        """What stands for one macro."""
        written = (inner if inner is not None else tag or "").strip()
        word, _, rest = written.partition(":")
        word = word.strip().lower()
        if word in USER:
            return self.player_words()
        if word in CHAR and char:
            self.notes.add("macro_filled", "{{char}}", "changed")
            return char
        if word == "newline":
            return "\n"
        if word in ("random", "pick"):
            self.notes.add("macro_first", f"{{{{{word}}}}}", "changed")
            return re.split(r"::|,", rest.lstrip(":"))[0].strip()
        if word not in NOTHING and not written.startswith("//"):
            self.notes.add("macro_removed", f"{{{{{written}}}}}", "dropped")
        return ""

    def player_words(self) -> str:
        """What stands for `{{user}}`."""
        self.notes.add("macro_filled", "{{user}}", "changed")
        return self.user or MARKED_YOU


class ScenarioTexts(StoryTexts):
    """Fills in the texts of a scenario, and collects its questions in `placeholders`.

    `declared` are the file's own questions, by the key that stands in `${…}`: {question, default}.
    """

    def __init__(
        self, notes: Notes, char: str = "", declared: dict[str, dict[str, str]] | None = None
    ) -> None:
        super().__init__(notes, char)
        self.placeholders: list[dict[str, str]] = []
        self.names: dict[str, str] = {}  # what stands in `${…}`, with the name here
        for key, asked in (declared or {}).items():
            self.ask(key, asked.get("question") or key, asked.get("default", ""))

    def fill_places(self, text: str) -> str:
        """Each `${…}` with the name of its question; other dollar signs are escaped."""
        return PLACE.sub(lambda found: self.place(found[1]), text)

    def place(self, inner: str | None) -> str:
        """What stands for one `${…}`."""
        if inner is None:
            return "$$"
        if not (written := " ".join(inner.split())):
            return NO_DEFAULT
        if written not in self.names:
            question, _, default = written.partition("^")
            self.ask(written, question.strip(), default.strip())
            self.notes.add("question", question.strip(), "changed")
        return f"${{{self.names[written]}}}"

    def ask(self, key: str, question: str, default: str) -> None:
        """Add a question under a name that is free."""
        name = stem = name_of("character_name" if key == "character.name" else key)
        for letter in "bcdefghijklmnopqrstuvwxyz":
            if name not in self.names.values():
                break
            name = f"{stem[: LONGEST_NAME - 2]}_{letter}"
        if name in self.names.values():  # 25 questions that begin alike
            name = f"{stem[:10]}_{letters_of(len(self.names))}"
        if key == "character.name":
            question = PLAYER_QUESTION
        self.names[key] = name
        self.placeholders.append(
            {"name": name, "question": question, "default": default or NO_DEFAULT}
        )

    def player_words(self) -> str:
        """The placeholder for the player's name, which is asked for once."""
        if PLAYER not in self.names:
            self.names[PLAYER] = PLAYER
            self.placeholders.append(
                {"name": PLAYER, "question": PLAYER_QUESTION, "default": PLAYER_DEFAULT}
            )
        self.notes.add("macro_asked", "{{user}}", "changed")
        return f"${{{PLAYER}}}"


def in_second_person(text: str) -> str:
    """A text in which "you" stands for a name, with its verbs and capitals where they are plain."""
    text = SENTENCE_START.sub(r"\1You", text).replace(MARKED_YOU, "you")
    for pattern, replacement in YOUR:
        text = pattern.sub(partial(like, replacement), text)
    return text


def like(replacement: str, found: re.Match[str]) -> str:
    """A replacement that begins with a capital where what it replaces does."""
    written = found.expand(replacement)
    return written.capitalize() if found[0][0] == "Y" and written[0] == "y" else written


def name_of(question: str) -> str:
    """A placeholder's name for a question: its letters, as `[a-z_]+`."""
    words = re.sub(r"[^a-z]+", "_", question.lower()).strip("_")
    return words[:LONGEST_NAME].strip("_") or "answer"


def letters_of(number: int) -> str:
    """A number in letters, for names."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def declared_of(placeholders: list[Any], key: str, question: tuple[str, ...], default: str) -> Any:
    """The questions of a file's list for ScenarioTexts, by the names of their fields there."""
    found = {}
    for each in placeholders:
        if isinstance(each, dict) and isinstance(each.get(key), str) and each[key].strip():
            asked = next((each[name] for name in question if isinstance(each.get(name), str)), "")
            usual = each.get(default)
            found[each[key].strip()] = {
                "question": asked or each[key],
                "default": usual if isinstance(usual, str) else "",
            }
    return found
