"""What a rule of a reply is, and what it can say."""

from typing import ClassVar, Literal, NamedTuple

from inference.reply.draft import Draft, Fault

Decision = Literal["show", "wait", "hold", "drop", "leave out", "end", "erase"]


class Verdict(NamedTuple):
    """What a rule decides about the text that is held, the latest word included.

    show       nothing is against it
    hold       not yet: it may become something that is to go
    wait       the same, but another rule may still decide otherwise
    drop       forget the sentence, and go on
    leave out  as `Draft.leave_out`: at the start of a reply drop the sentence, later end before it
    end        end the reply before it
    erase      end the reply, and never show what is held or was left out
    """

    decision: Decision
    fault: Fault = ""
    # What ends the reply, where the words before the latest stand and may be shown.
    mark: Literal["", "."] = ""
    kept: bool = False  # what is dropped is shown after all if the reply has nothing else


SHOW, WAIT, HOLD = Verdict("show"), Verdict("wait"), Verdict("hold")
DROP, END = Verdict("drop"), Verdict("end")


def end_with(fault: Fault) -> Verdict:
    """End the reply for this fault."""
    return Verdict("end", fault)


def leave_out(fault: Fault, mark: Literal["", "."] = "") -> Verdict:
    """Leave the sentence out for this fault."""
    return Verdict("leave out", fault, mark)


class Unit(NamedTuple):
    """The latest word, or grapheme where a script has no spaces. The sentence holds it already."""

    word: str
    reworded: str  # the word as it is shown
    before: str  # the sentence before it
    marks: str  # the quotations that were open before it
    quoted: bool  # it stands in one, or the sentence began in one
    said: str  # the sentence with it, in lower case and with straight apostrophes


class Rule:
    """A rule that a reply is checked against.

    It has its own state, sees the text so far, and is asked at the events whose methods it defines.
    `inference.reply.rules.rules_for` says in which order.
    """

    # This rule is asked about a word only after these verdicts of the rules before it.
    after: ClassVar[tuple[Decision, ...]] = ("show",)

    def admit(self, words: str) -> Verdict:
        """Before a word is held, and even where it is left out."""
        return SHOW

    def pause(self) -> Verdict:
        """Before anything else is made of a sentence that ended."""
        return SHOW

    def reword(self, word: str, draft: Draft) -> str:
        """The next word as it is shown. The sentence does not hold it yet."""
        return word

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """A word is complete and held."""
        return SHOW

    def continues(self, following: str, draft: Draft) -> bool:
        """Whether a sentence that ended is one with the next, which begins with `following`."""
        return False

    def close(self, draft: Draft) -> Verdict:
        """A sentence is complete and some of it is held."""
        return SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The text ends, and some of its last sentence is held. "hold" withholds it."""
        return SHOW

    def release(self, text: str, shown: int) -> str:
        """What of `text` may be shown, where `shown` characters stand before it."""
        return text

    def after_release(self) -> Verdict:
        """Some text was released."""
        return SHOW

    def resume(self, word: str) -> None:
        """An earlier attempt showed `word`."""

    def interrupt(self) -> None:
        """A sentence was left out: the next word does not follow the last that was heard."""


def bare(sentence: str) -> str:
    """As `plain`, without what ends the sentence."""
    return plain(sentence).strip().rstrip(".!?…")


def plain(sentence: str) -> str:
    """A sentence as `Unit.said` has it."""
    return sentence.lower().replace("’", "'")
