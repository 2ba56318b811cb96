"""The phrases that small models wear out, as Grue ships them; phrases made ready to look for."""

from functools import cache, lru_cache
from pathlib import Path

from inference.reply.phrases import Phrases

FILE = Path(__file__).with_name("worn.txt")
KEPT = 16  # lists that are ready to be used again: the longest takes 7 MB


@cache
def worn_phrases() -> tuple[str, ...]:
    """The list that ships."""
    lines = (line.strip() for line in FILE.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@lru_cache(maxsize=KEPT)
def phrases_for(banned: tuple[str, ...], worn: bool) -> Phrases:
    """Phrases of a host or a writer, and with `worn` those that ship."""
    return Phrases((*banned, *(worn_phrases() if worn else ())))
