"""docs/glossary.md: the names that it explains are in the code, and each word stands there once."""

import re

from django.conf import settings

PAGE = (settings.BASE_DIR / "docs" / "glossary.md").read_text(encoding="utf-8")
DEFINED = re.compile(r"^\s*(?:async )?(?:def|class) (\w+)|^(\w+)(?::[^=\n]+)? = ", re.M)


def chapter(title: str) -> str:
    return PAGE[PAGE.index(f"## {title}\n") :].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows[1:]]


def names_in_the_code() -> set[str]:
    """Modules, classes, functions and variables of modules."""
    found = set()
    for room in ("dungeon", "game", "inference"):
        for file in (settings.BASE_DIR / room).rglob("*.py"):
            if "migrations" not in file.parts:
                found.add(file.stem)
                matches = DEFINED.finditer(file.read_text(encoding="utf-8"))
                found.update(match[1] or match[2] for match in matches)
    return found


def test_a_private_name_that_is_gone_from_the_code_leaves_the_page():
    page = set(re.findall(r"`(\w+)`", " ".join(first_cells(chapter("Names in the code")))))
    assert len(page) > 0
    gone = page - names_in_the_code()
    assert not gone, "renamed: take these out of docs/glossary.md"


def test_each_word_stands_once_and_in_order():
    for title in ("The game", "The system"):
        words = first_cells(chapter(title))
        assert words == sorted(set(words), key=str.lower), title


def test_a_name_that_is_not_in_the_code_is_noticed():
    assert "Company_of_nobody" not in names_in_the_code()
    assert {"turns", "Turn", "take_action", "COMMANDS"} <= names_in_the_code()
