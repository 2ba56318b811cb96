"""The commands that README.md and docs/ tell people to type, and what is known of each."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# Beside README.md and docs/: pages that tell somebody what to type.
ALSO = [
    "CONTRIBUTING.md",
    "SECURITY.md",
    "locale/README.md",
    "data/adventures/README.md",
    "data/adapters/README.md",
    "inference/lab/evaluation/labelled/README.md",
    "inference/lab/evaluation/labelled/guide.md",
    "inference/lab/recall/README.md",
]
# Fences: `sh` is typed as it stands, `console` has commands after `$ ` and what they answer.
LANGUAGES = {"sh", "console", "text", "yaml", "json", "python", "nginx", "caddy"}
PROGRAMS = {
    *("make", "manage.py", "grue", "docker", "docker-compose", "kubectl", "kustomize", "python"),
    *(
        "python3",
        "sh",
        "pip",
        "uv",
        "celery",
        "dvc",
        "git",
        "cp",
        "kosoku",
        "kill",
        "apt-get",
        "curl",
    ),
    *("llama-server", "vllm", "ollama", "koboldcpp", "nvidia-smi"),
}
ASSIGNMENT = r"[A-Z][A-Z_]*=\S*"


@dataclass(frozen=True)
class Command:
    page: str
    line: int
    text: str  # one command, without prompt and comment

    @property
    def words(self) -> list[str]:
        """Without variables in front and without `.venv/bin/`."""
        words = shlex.split(self.text)
        while words and re.fullmatch(ASSIGNMENT, words[0]):
            words = words[1:]
        if words and words[0].startswith(".venv/bin/"):
            words[0] = words[0].removeprefix(".venv/bin/")
        if words[:2] in (["python", "manage.py"], ["python3", "manage.py"]):
            words = words[1:]
        return words

    @property
    def method(self) -> dict[str, Any] | None:
        """How it is tried: the first entry of docs_commands.yaml that matches."""
        for entry in methods():
            if re.fullmatch(re.escape(entry["match"]).replace(r"\*", ".*"), self.text):
                return entry
        return None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@cache
def methods() -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "tests" / "docs_commands.yaml").read_text(encoding="utf-8"))


def pages() -> list[Path]:
    return [
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *(ROOT / each for each in ALSO),
    ]


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    lines: tuple[str, ...]


@cache
def read(page: Path) -> tuple[list[Block], list[tuple[int, str]]]:
    """The fenced blocks of a page, and its other lines with their numbers."""
    name = page.relative_to(ROOT).as_posix()
    blocks, prose, inside = [], [], None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if fence and inside is None:
            inside = (number, fence[1], [])
        elif fence:
            blocks.append(Block(name, inside[0], inside[1], tuple(inside[2])))
            inside = None
        elif inside is None:
            prose.append((number, line))
        else:
            inside[2].append(line)
    assert inside is None, f"{name}:{inside[0]}: a fence that nothing closes"
    return blocks, prose


@cache
def commands() -> list[Command]:
    return [each for page in pages() for each in commands_of(page)]


def commands_of(page: Path) -> list[Command]:
    blocks, prose = read(page)
    name = page.relative_to(ROOT).as_posix()
    found = []
    for block in blocks:
        if block.language in ("sh", "console"):
            for number, line in typed(block):
                found += [Command(name, number, each) for each in split(line)]
    # A span of code may go on in the next line.
    text = "\n".join(line for _, line in prose)
    starts = [number for number, _ in prose]
    for span in re.finditer(r"(?<!`)`([^`]+)`(?!`)", text):
        line = " ".join(span[1].split())
        if is_command(line):
            number = starts[text.count("\n", 0, span.start())]
            found += [Command(name, number, each) for each in split(line)]
    return sorted(found, key=lambda each: each.line)


def typed(block: Block) -> list[tuple[int, str]]:
    """The lines of a block that somebody types, with their numbers; `\\` at an end joins them."""
    found, begun = [], ""
    for offset, line in enumerate(block.lines, 1):
        if block.language == "console":
            if not line.startswith("$ ") and not begun:
                continue
            line = line.removeprefix("$ ")
        line = begun + re.sub(r"(^|\s)#\s.*$", "", line).strip()
        begun = line.removesuffix("\\") if line.endswith("\\") else ""
        if line and not begun:
            found.append((block.line + offset, line))
    return found


def split(line: str) -> list[str]:
    """`a && b | c` is three commands."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars="|&;")
    lexer.whitespace_split = True
    parts, now = [], []
    for token in lexer:
        if set(token) <= set("|&;"):
            parts.append(now)
            now = []
        else:
            now.append(token)
    return [" ".join(each) for each in [*parts, now] if each]


def is_command(text: str) -> bool:
    """Whether a span of code is something to type, and not a name, a path or a pattern."""
    if re.fullmatch(ASSIGNMENT, text) or "|" in text.split(" ")[0]:
        return False
    words = re.sub(rf"^({ASSIGNMENT} )+", "", text).split(" ")
    program = words[0].removeprefix(".venv/bin/")
    if re.fullmatch(r"scripts/[\w.-]+", program):
        return len(words) > 1 or "." not in program
    if program == "kill":
        return words[1:2] != [] and words[1].startswith("-")
    return program in PROGRAMS and len(words) > 1
