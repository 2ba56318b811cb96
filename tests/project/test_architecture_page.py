"""docs/architecture.md and its like: the files they name exist, and the functions are in them."""

import ast
import itertools
import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
FOLDERS = "dungeon|game|inference|tests|docs|static|templates|scripts|deploy|data|requirements"
PAGES = [
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs" / name for name in ("architecture.md", "glossary.md", "protocol.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
QUESTIONS = """
    a player's retry
    automatic retry of a bad reply
    where a reply is cut
    context budget
    lease
    scenario rating
    autoscaling metric
    rate limit
    waiting time
    import of AI Dungeon cards
    which engine reads a file
    connections of a player
    closing a banned player's socket
    backup
    chat template
"""


def named_paths(text: str) -> set[str]:
    """Paths in code, and in drawings, where no backticks mark them."""
    marked = re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text)
    drawings = re.findall(r"^```text$(.*?)^```$", text, re.M | re.S)
    drawn = re.findall(rf"\b(?:{FOLDERS})/[\w./-]+", "\n".join(drawings))
    return {*marked, *drawn}


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def defined_in(path: str) -> set[str]:
    """The functions, methods and classes of a file."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".js"):
        return set(re.findall(r"^\s*(?:export )?(?:function |class |async )?(\w+)\(", source, re.M))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


def wrong_functions(text: str) -> list[str]:
    """Rows `file | function` whose file does not define that function.

    What is looked for may also be a name in a string, such as a metric's.
    """
    wrong = []
    for file, name in itertools.chain.from_iterable(map(itertools.pairwise, rows(text))):
        path = re.fullmatch(rf"`((?:{FOLDERS})/[\w./-]+\.(?:py|js))`", file)
        function = re.fullmatch(r"`(\w+)`", name)
        if not path or not function:
            continue
        if not (ROOT / path[1]).exists():
            wrong.append(f"{path[1]} is not there")
            continue
        source = (ROOT / path[1]).read_text(encoding="utf-8")
        if function[1] not in defined_in(path[1]) and f'"{function[1]}"' not in source:
            wrong.append(f"{path[1]} has no {function[1]}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_on_the_page_exists(page):
    missing = [
        path
        for path in sorted(named_paths(page.read_text(encoding="utf-8")))
        if not (ROOT / path).exists()
    ]
    assert not missing, f"{page.name} names what is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_function_beside_a_file_is_in_it(page):
    assert not wrong_functions(page.read_text(encoding="utf-8")), page.name


def test_a_path_and_a_function_that_are_wrong_are_found():
    assert named_paths("see `game/turn.py` and\n```text\n│ inference/workers.py │\n```\n") == {
        "game/turn.py",
        "inference/workers.py",
    }
    row = "| 1 | `game/play/turns.py` | `retry_turn` | x |"
    assert wrong_functions(row) == []
    assert wrong_functions(row.replace("retry_turn", "retry_turns"))
    assert wrong_functions(row.replace("turns.py", "turn.py"))


def test_the_fifteen_questions_have_one_file_each():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("## Where is …") :]
    answers = {row[0]: row[1:] for row in rows(table)[2:]}
    assert list(answers) == [line.strip() for line in QUESTIONS.strip().splitlines()]
    for question, (file, name) in answers.items():
        assert re.fullmatch(r"`[\w./]+\.py`", file), question
        assert re.fullmatch(r"`\w+`", name), question
