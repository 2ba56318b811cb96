r"""Regular expressions as keys of cards, on RE2: linear in the text, whoever wrote them. Pure.

What RE2 leaves out is refused: look-around and references back. Its `\b` and `\w` know the letters
of ASCII alone.
"""

import re
from functools import lru_cache
from typing import Any, Literal

# Memory for a pattern's states, in bytes. Where that is short, RE2 falls back to an automaton that
# takes time in proportion to what a step may be in the middle of: `[^,]{1,999}z` took 90 ms for
# 3,300 characters, `a{1000}` 60 ms. So repetitions are counted, by the size of the program for
# characters of one byte; `\p{L}` is large only because it has many ranges.
MEMORY = 1024 * 1024
LARGEST_PROGRAM = 250  # instructions
LARGEST_IN_ALL = 4_000
LONGEST_PATTERN = 200  # characters

SLASHED = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)  # as in JavaScript, with flags
FLAGS = {"i": "i", "m": "m", "s": "s", "u": "", "g": "", "v": "", "y": ""}


class PatternError(ValueError):
    """A pattern cannot be used. `detail` is RE2's message, where it is its syntax."""

    def __init__(self, why: Literal["syntax", "size", "empty"], detail: str = "") -> None:
        super().__init__(f"{why} {detail}".strip())
        self.why = why
        self.detail = detail


@lru_cache(maxsize=128)
def compiled(written: str, case_sensitive: bool = False) -> Any:
    """A pattern whose match ends where the last match of `written` does. Cached.

    `written` may stand between slashes, with flags. Raises PatternError.
    """
    import re2  # noqa: PLC0415  which processes without such cards do not need

    slashed = SLASHED.fullmatch(written)
    pattern, letters = (slashed[1], slashed[2]) if slashed else (written, "")
    if len(written) > LONGEST_PATTERN:
        raise PatternError("size")
    if unknown := [each for each in letters if each not in FLAGS]:
        raise PatternError("syntax", f"flag {unknown[0]}")
    flags = "".join(FLAGS[each] for each in letters)
    if not case_sensitive and "i" not in flags:
        flags += "i"
    options = re2.Options()
    options.max_mem = MEMORY
    options.never_capture = True
    options.log_errors = False
    inside = f"(?{flags}:{pattern})" if flags else f"(?:{pattern})"
    try:
        re2.compile(pattern, options)  # without the frame, which could close its brackets
        alone = re2.compile(f"^{inside}$", options)
        # Greedy: what precedes the last match is as long as possible, so one pass finds it.
        found = re2.compile(f"(?s:.*){inside}", options)
        options.encoding = re2.Options.Encoding.LATIN1
        narrow = re2.compile(inside.encode(), options)
    except re2.error as wrong:
        detail = wrong.args[0] if wrong.args else ""
        message = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        too_large = "too large" in message or "repetition size" in message
        raise PatternError("size" if too_large else "syntax", message) from None
    if narrow.programsize > LARGEST_PROGRAM or found.programsize > LARGEST_IN_ALL:
        raise PatternError("size")
    if alone.match("") is not None:
        raise PatternError("empty")
    return found


def last_match(written: str, case_sensitive: bool, text: str) -> int:
    """The end of the last match of a pattern; -1 without one, or if it cannot be used."""
    try:
        match = compiled(written, case_sensitive).match(text)
    except PatternError:  # stored by another version
        return -1
    return -1 if match is None else int(match.end())
