"""Raw text read into units: words, or graphemes in scripts without spaces.

Markup and template tokens are taken out on the way, and so is what a model thinks aloud.
"""

import re
import unicodedata
from typing import Protocol

from inference.reply.characters import character, extends, spaceless, wider
from inference.reply.structure import HALF_TOKEN, MARKUP, MAY_BE_TOKEN, TEMPLATE_TOKEN

# A longer word is no word: a script without spaces that is not listed, or a model gone astray.
LONGEST_WORD = 64
# What is read at once: plain letters, which cannot be structure, or one character.
STRETCH = re.compile(r"[A-Za-z0-9]+|.", re.DOTALL)
MAY_BE_STRUCTURE = re.compile(r"[<\[]")


class Units(Protocol):
    """Takes what a reader reads."""

    @property
    def done(self) -> bool:
        """Whether the reply is complete and no more is to be read."""

    @property
    def empty(self) -> bool:
        """Whether nothing is shown or held of the reply."""

    def begin_unit(self, first: str, space: str) -> bool:
        """After `space` a unit begins with `first`. False where that ends the reply."""

    def take_unit(self, word: str, space: str) -> str:
        """A unit is complete. Returns the white space that the next one inherits."""

    def begin_command(self) -> None:
        """A line begins with `>`, as players' actions do."""

    def end_text(self) -> None:
        """A template token stands here: the text ends before it."""


class Reader:
    """Reads raw text character by character, so that how it was split makes no difference."""

    def __init__(self, units: Units) -> None:
        self.word = ""  # the unit being read
        self._units = units
        self._space = ""  # the white space before it: "", " ", "\n" or "\n\n"
        self._thinking = False  # the model talks to itself

    def read(self, raw: str) -> None:
        """Read `raw` until the reply is complete."""
        for run in STRETCH.findall(raw):
            if self._units.done:
                return
            self.take(run[0])
            if self._goes_on_with(run):
                self.word += run[1:]
                continue
            for each in run[1:]:
                if self._units.done:
                    return
                self.take(each)

    def take(self, each: str) -> None:
        """Read one character."""
        each = character(each)
        if each in ("*", "`", ""):  # emphasis is markup, not story
            return
        if each.isspace():
            if self.word:
                self.complete()
            self._space = wider(self._space, each)
            return
        if not self.word:
            self._begin_unit(each)
        elif self.word[-1] == "<" and each == "｜":
            pass  # a template token of DeepSeek's, whose bar is wide
        elif self._ends_before(each):
            self.complete()
            self._begin_unit(each)
        if self._units.done:
            return
        self.word += each
        self._look_for_tokens()

    def complete(self) -> None:
        """The unit is complete."""
        word = MARKUP.sub("", unicodedata.normalize("NFC", self.word))
        self.word = ""
        if self._thinking or not word:
            return
        space, self._space = self._space, ""
        self._space = self._units.take_unit(word, space)

    def _goes_on_with(self, run: str) -> bool:
        """Whether the rest of a run of plain letters belongs to the unit, and nothing else."""
        known = self.word[-1:] == run[0] and not MAY_BE_STRUCTURE.search(self.word)
        return known and len(self.word) + len(run) <= LONGEST_WORD and not self._units.done

    def _ends_before(self, each: str) -> bool:
        """Whether the unit ends though no white space follows."""
        if spaceless(each) or spaceless(self.word[-1]):
            return not extends(each)
        return len(self.word) >= LONGEST_WORD and not (
            extends(each) or MAY_BE_TOKEN.search(self.word)
        )

    def _begin_unit(self, first: str) -> None:
        space = self._space
        if not self._units.begin_unit(first, space):
            return
        if first == ">" and not self._thinking and ("\n" in space or self._units.empty):
            self._units.begin_command()

    def _look_for_tokens(self) -> None:
        if not MAY_BE_STRUCTURE.search(self.word):
            return
        if self._thinking:
            if self.word.endswith("</think>"):
                self._thinking = False
                self.word = self._space = ""
            return
        found = TEMPLATE_TOKEN.search(self.word) or HALF_TOKEN.search(self.word)
        if found is None:
            return
        if found[0].lower() in ("<think>", "[think]") and self._units.empty:
            self._thinking = True
            self.word = ""
            return
        self.word = self.word[: found.start()]
        if self.word:
            self.complete()
        self._units.end_text()
