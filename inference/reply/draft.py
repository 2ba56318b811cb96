"""A reply as far as it was read: what was shown of it, what is held back, what was left out."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from inference.reply.characters import letters, spaceless
from inference.reply.quotes import opens_at_end, quoting
from inference.reply.sentences import END, PAUSES, ends_sentence

# What may become something to withhold is held, at most this much of it, in characters.
LONGEST_HELD = 400
# What is wrong with a reply that ends before the model ended it.
Fault = Literal[
    "",
    "loop",
    "repeats",
    "speaks",
    "person",
    "tense",
    "echo",
    "empty",
    "endless",
    "rule",
    "banned",
    "dead",
    "lost",
    "absent",
]
Quotation = Literal["", "open", "closed"]


class Filter(Protocol):
    """Sees every text right before it is shown, and may shorten it."""

    def release(self, text: str, shown: int) -> str:
        """What of `text` may be shown, where `shown` characters stand before it."""


class Shown:
    """The text that was released. It only ever grows."""

    def __init__(self, max_chars: int) -> None:
        self.text = ""
        self.marks = ""  # what would close the quotations that are open in it, innermost last
        self.max_chars = max_chars
        self.filters: Sequence[Filter] = ()
        self._pieces: list[str] = []  # released since `take`

    def show(self, text: str) -> None:
        """Release `text`, as far as the filters let it through."""
        if not self.text:
            text = text.lstrip()
        for each in self.filters:
            text = each.release(text, len(self.text))
        if not text:
            return
        self.marks = quoting(self.marks, text, self.text[-1:])
        self.text += text
        self._pieces.append(text)

    def append(self, text: str) -> None:
        """Release an end mark, if there is room for it."""
        if text and len(self.text) + len(text) <= self.max_chars:
            self.text += text
            self._pieces.append(text)

    def take(self) -> str:
        """What was released since the last call."""
        pieces = "".join(self._pieces)
        self._pieces.clear()
        return pieces

    def resume(self, text: str) -> None:
        """Count `text` as shown by an earlier attempt, exactly as it is."""
        self.text = text
        self._pieces.clear()


class Draft:
    """The text of a reply so far, as rules see it.

    It stands in this order: `shown.text`, `held`, `tail`. `sentence` is the one being told, what
    is held of it included.
    """

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.fault: Fault = ""
        self.fact = ""  # what the reply contradicted, as a sentence, where that is its fault
        self.held = ""  # complete units that may not be shown yet
        self.safe = 0  # how much of what is held waits for the end of its sentence alone
        self.tail = ""  # a comma waits for the next word: a reply should not end in one
        self.withheld = ""  # first sentences that were left out: better than no reply at all
        self.leaving_out = False  # the sentence being told is left out
        self.sentence = ""
        self.number = 0  # of the sentence being told
        self.begun_to_show = False  # some of the sentence was shown
        self.began_quoted = False  # the sentence began inside a quotation
        self.sentences: list[str] = []  # finished ones, as letters
        self.before = ""  # the sentence before this one in the same paragraph
        self.marks = ""  # what would close the quotations that are open, innermost last
        # A quotation that begins a sentence, until it is known who says it.
        self.quotation: Quotation = ""

    @property
    def text(self) -> str:
        """All that was shown."""
        return self.shown.text

    @property
    def empty(self) -> bool:
        """Whether nothing is shown or held: the reply may still begin with anything."""
        return not (self.shown.text or self.held)

    @property
    def begun(self) -> bool:
        """Whether a unit was taken, shown or not."""
        return bool(self.shown.text or self.held or self.tail or self.withheld or self.leaving_out)

    @property
    def narrates(self) -> bool:
        """Whether the sentence is the narrator's own, outside quotation from its first word."""
        return not (self.marks or self.began_quoted)

    def add(self, word: str, space: str) -> None:
        """Let the sentence go on with `word`."""
        if not self.sentence:
            self.number += 1
            self.began_quoted = bool(self.marks)
            if "\n" in space:
                self.before = ""
        self.sentence = (self.sentence + space.replace("\n", " ") + word).lstrip()
        last = (self.shown.text + self.held + self.tail)[-1:]
        self.marks = quoting(self.marks, space + word, last)

    def hold(self, text: str) -> None:
        """Hold `text`; what a reply should not end with waits in `tail` for the next unit."""
        text = self.tail + text
        kept = text.rstrip(PAUSES + " \n")
        while kept and opens_at_end(kept, self.marks):
            kept = kept[:-1].rstrip(PAUSES + " \n")
        self.held += kept
        self.tail = text[len(kept) :]

    def let_go(self, length: int | None = None) -> None:
        """Show what is held, or the first `length` characters of it."""
        if self.held and self.fault == "echo":
            self.fault = ""  # something more came after all
        self.shown.show(self.held[:length])
        self.held = "" if length is None else self.held[length:]
        self.safe = 0

    def leave_out(self, fault: Fault) -> Literal["show", "hold", "end"]:
        """Leave out the sentence, and say what that means for its last word.

        At the start of a reply it is left out and the reply goes on ("hold"); later the reply ends
        before it. A sentence that an earlier attempt began is told as it comes ("show").
        """
        if self.shown.text:
            if not self.held.strip():
                return "show"
            self.fault = fault
            return "end"
        self.fault = fault
        self.withheld += self.held + self.tail
        self.held = self.tail = self.quotation = ""
        self.safe = 0
        self.leaving_out = True
        return "hold"

    def drop(self) -> None:
        """Forget the sentence."""
        self.held = self.sentence = self.tail = ""
        self.safe = 0

    def resume(self, told: str) -> Iterator[str]:
        """Count `told` as shown by an earlier attempt, whatever it holds. Yields its words."""
        for match in re.finditer(r"(\s*)(\S+)", told):
            space, word = match[1], match[2]
            if ends_sentence(self.sentence, space, word[0]):
                self.end_sentence()
            self.sentence = (self.sentence + space.replace("\n", " ") + word).lstrip()
            yield from word if spaceless(word[0]) else [word]
            self.shown.show(space + word)
        self.shown.resume(told)
        self.begun_to_show = bool(told) and END.search(told) is None
        self.marks = self.shown.marks

    def erase(self) -> None:
        """Forget all that was not shown, so that it never is."""
        self.held = self.withheld = self.tail = ""
        self.safe = 0

    def end_sentence(self) -> None:
        """Count the sentence as finished."""
        sentence = letters(self.sentence)
        if sentence:
            self.sentences.append(sentence)
        if self.quotation != "open":
            self.before = "" if self.began_quoted else self.sentence
        self.sentence = ""
        self.begun_to_show = False
