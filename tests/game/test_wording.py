"""The words of the interface: plain, and one word for one thing (docs/wording.md).

Looks at everything that a player, a moderator or an operator can read: templates, scripts, and
the strings of Python code that are no docstrings.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')

# What a phrase of the interface was called once => what it is called now.
ARCHAIC = {
    r"no way to the host": "offline",
    r"do(?:es)? not belong together": "wrong name or password",
    r"\bput away\b": "archive",
    r"\b(?:take|takes|taken|taking|took) (?:it |them |the \w+ )?home\b": "export",
    r"\b(?:take|takes|taken|took) (?:it |one |them )?back\b": "unpublish, delete, undo, withdraw",
    r"\b(?:bring|brings|brought) (?:it|them|cards|back|along)\b": "import, restore, move",
    r"\bwas brought\b": "import",
    r"\bTake out\b": "restore",
    r"\bevery way it went\b": "all branches",
    r"\bline to tempt\b": "tagline",
    r"\bleave this out\b": "remove",
    r"\btold already\b": "start of the reply",
    r"the first after": "time to first token",
    r"\bchosen ones\b": "selected",
    r"\bI look at this\b|\blooks at this case\b": "assign",
    r"\bwho reads what\b": "privacy",
    r"\bto be had\b": "available",
    r"\bas many as fit\b|\d fit\b|\)s fit\b|\)d fit\b|\} fit\b": "the limit is",
    r"\bthis (?:house|place)\b|\brun the place\b": "this host, the operator",
    r"\bfor good\b": "permanently",
    r"\btold by\b": "narrator:",
    r"\bword(?:s)? are kept\b": "what you typed is kept",
    r"\bon the shelf\b|\bthe shelf\b": "your adventures",
    r"\bleads nowhere\b": "no longer works",
    r"\bdid not come\b|\bon its way\b": "could not load, loading",
    r"\bsigned out\b|\bsign in\b|\bsigns in\b": "logged out, log in",
    r"\bonce more\b": "again",
    r"\bother telling\b|\b(?:previous|next) telling\b": "reply",
    r"\bwaking the\b|\bsetting the table\b": "starting, preparing",
}

# Scenario: what an adventure is begun from. Adventure: what is being played.
TWO_WORDS = {
    r"\b(?:a|your own|own|other|all|another) beginnings?\b|^beginnings$": "scenario",
    r"\b(?:your|all your|other|these|shared|private|public|deleted) stor(?:y|ies)\b": "adventure",
    r"\bstor(?:y|ies) of yours\b|\bthis story\b": "adventure",
    r"\bopen(?:ed)? (?:a|this|the whole) story\b": "adventure",
    r"\bplaythroughs?\b|\bsession(?:s)? of play\b": "adventure",
}


def python_texts(path):
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value


def script_texts(path):
    for at, line in enumerate(path.read_text().splitlines(), 1):
        code = re.sub(r"(?:^|\s)//.*", "", line)
        for text in SCRIPT_TEXT.findall(code):
            yield at, text[1:-1]


def template_texts(path):
    yield from enumerate(path.read_text().splitlines(), 1)


# Texts that a program reads and no person: prompts, patterns of rules, training data, words that
# narrators say and that are cleaned away.
NOT_SHOWN = (
    "migrations",
    "finetune",
    "evaluation",
    "prompts",
    "reply",
    "rules",
    "screening",
    "beginnings",
)


@cache
def shown():
    """Every text that can be shown, as (place, text)."""
    found = []
    kinds = (
        ("templates", "*.*", template_texts),
        ("static/js", "*.js", script_texts),
        ("game", "*.py", python_texts),
        ("dungeon", "*.py", python_texts),
        ("inference", "*.py", python_texts),
    )
    for folder, pattern, texts in kinds:
        for path in sorted((ROOT / folder).rglob(pattern)):
            place = path.relative_to(ROOT)
            if not path.is_file() or set(place.parts[:-1]) & set(NOT_SHOWN):
                continue
            found += [(f"{place}:{at}", text) for at, text in texts(path)]
    return found


def offences(phrases):
    return [
        f"{place}: “{match.group()}”: say {better}"
        for place, text in shown()
        for phrase, better in phrases.items()
        for match in [re.search(phrase, text, re.IGNORECASE)]
        if match
    ]


def test_no_archaic_phrase_is_back():
    found = offences(ARCHAIC)
    assert not found, "\n".join(found)


def test_a_scenario_is_begun_from_and_an_adventure_is_played():
    found = offences(TWO_WORDS)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("404.html", "Page not found"),
        ("403.html", "Access denied"),
        ("403_csrf.html", "Form expired"),
        ("429.html", "Too many requests"),
        ("500.html", "Server error"),
        ("offline/offline.html", "You’re offline"),
    ],
)
def test_a_page_that_stands_for_another_says_in_its_title_and_heading_what_is_wrong(page, heading):
    text = (ROOT / "templates" / page).read_text()
    assert re.search(rf"block title %}}{{% translate \"{heading}\" %}}", text)
    assert re.search(rf"<h1>{{% translate \"{heading}\" %}}</h1>", text)
