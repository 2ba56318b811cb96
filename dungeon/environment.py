"""Reads settings from the environment, each with an error that names the variable."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def refuse(name: str, wants: str) -> NoReturn:
    """Stop start-up with one line: which variable, and what it wants."""
    sys.exit(f"grue: {name} {wants}")


def read(name: str, default: T, parse: Callable[[str], T], wants: str) -> T:
    """The variable `name` parsed, or `default` where it is unset or empty."""
    raw = os.environ.get(name, "")
    if raw == "":
        return default
    try:
        return parse(raw)
    except ValueError:
        refuse(name, f"{wants} (it is {raw!r})")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "") or default


def boolean(name: str, default: bool) -> bool:
    def parse(raw: str) -> bool:
        if raw.lower() in TRUE | FALSE:
            return raw.lower() in TRUE
        raise ValueError(raw)

    return read(name, default, parse, "wants yes or no")


def whole(name: str, default: int, least: int, most: int) -> int:
    def parse(raw: str) -> int:
        value = int(raw)
        if not least <= value <= most:
            raise ValueError(raw)
        return value

    return read(name, default, parse, f"wants a whole number from {least} to {most}")


def one_of(name: str, default: str, choices: list[str]) -> str:
    def parse(raw: str) -> str:
        if raw.upper() not in choices:
            raise ValueError(raw)
        return raw.upper()

    return read(name, default, parse, f"wants one of {', '.join(choices)}")


def words(name: str) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def url(name: str, default: str, schemes: tuple[str, ...], example: str) -> str:
    def parse(raw: str) -> str:
        if not raw.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(raw)
        return raw

    return read(name, default, parse, f"wants an address like {example}")


def path(name: str, default: Path) -> Path:
    return Path(os.environ.get(name, "") or default).expanduser().resolve()
