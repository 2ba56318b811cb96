"""Identifiers are the field's words: names that a new engineer had to decode do not come back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLD_WORDS = frozenset(
    """
    company companies seat seats deed deeds door doctor survey trial interpreter attendance leash
    lore troupe storyteller storytellers bulk bell retelling overlooked lastgood pace
    leisure retell hopeless luck sulk unfit unasked whence painted leftovers deciding confirming
    leisure nudge retell retells retellings retold tellings
    """.split()  # noqa: SIM905 (a list of words)
)
# Data that is stored, and files of hosts that name it so.
KEPT = {
    "deed": "columns of the database, and forms that fill them",
    "pace": "an option of the scripted engine in narrators files",
    "door": "a door that is drawn on covers",
}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def files() -> Iterator[Path]:
    for room in ("dungeon", "game", "inference", "scripts"):
        for file in sorted((ROOT / room).rglob("*.py")):
            if not {"migrations", "node_modules"} & set(file.parts):
                yield file


def identifiers(source: str) -> Iterator[tuple[int, str]]:
    """Names that the source gives to something, with their lines."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def old_words(name: str) -> set[str]:
    return {word.lower() for word in WORD.findall(name)} & OLD_WORDS - KEPT.keys()


def test_no_identifier_has_an_old_word():
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files()
        for line, name in [(1, file.stem), *identifiers(file.read_text(encoding="utf-8"))]
        if old_words(name)
    ]
    assert not found, "\n".join(found)


def test_an_old_word_is_found_in_every_kind_of_name():
    source = "class SeatMap:\n    def take_seat(self, a_seat):\n        self.seat = DOCTOR = 1\n"
    assert [line for line, name in identifiers(source) if old_words(name)] == [1, 2, 2, 3, 3]


def test_what_is_kept_is_still_there():
    names = {name for file in files() for _, name in identifiers(file.read_text(encoding="utf-8"))}
    words = {word.lower() for name in names for word in WORD.findall(name)}
    assert KEPT.keys() <= words, "take out what is gone"
