"""Texts held against rules, word by word: pure, for what players write and what narrators tell.

    words      what a text is made of, and what a disguised word stands for
    patterns   how rules say what they look for
    listening  a text that is heard word by word, and what was found in it

A rule is plain data and travels with a request; `game.moderation` reads the file that hosts edit.
docs/moderation.md says how patterns are written.
"""

from inference.contract.screening import Finding, Rule, Screening, Severity
from inference.screening.listening import Listener, Screen, found_in, screen_for
from inference.screening.patterns import PatternError, parsed

__all__ = [
    "Finding",
    "Listener",
    "PatternError",
    "Rule",
    "Screen",
    "Screening",
    "Severity",
    "found_in",
    "parsed",
    "screen_for",
]
