"""One turn while it is told: its words on their way to the log, and what comes of it.

The turn that a narrator is tried with, before it gets any, is here too.
"""

import threading
import time
from dataclasses import dataclass, field

from inference.contract.prompt_report import details_of, pack
from inference.contract.request import (
    GenerationRequest,
    Outcome,
    Passage,
    Result,
    StoryContext,
    Token,
)
from inference.contract.screening import Finding
from inference.engines.base import NewText
from inference.narrators import Narrator
from inference.prompts import Report
from inference.queue.lease import Lease
from inference.reply import ReplyStream
from inference.worker import retry_reply

BROKEN = "Something went wrong on this host while this was told. Try again."
NO_WORDS = "The narrator gave no answer. Try again, or rephrase your action."
NOT_SHOWN = (
    "What the narrator told broke a rule of this host, each time, so it is not shown. "
    "Try again, or say it differently."
)

WARM_TOKENS = 8  # of a reply, after which a narrator is known to tell


def warm_up_request(narrator: Narrator) -> GenerationRequest:
    """A turn that nobody plays: whoever tells its beginning can tell."""
    opening = Passage(kind="opening", reply="You stand at the top of the stairs with a lamp.")
    context = StoryContext(story=(opening,), action=Passage(kind="do", action="go down"))
    return GenerationRequest(
        adventure="warm-up", turn="warm-up", attempt=1, narrator=narrator.name, context=context
    )


@dataclass
class WarmUp:
    """The turn that a narrator is tried with. `problem` says why it cannot tell."""

    number: int
    tokens: int = 0
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    def take(self, news: list[NewText]) -> None:
        """What one step brought."""
        for new in news:
            if new.request != self.number or self.done.is_set():
                continue
            self.tokens += new.tokens
            if new.finish == "error":
                self.problem = new.error or "the engine failed"
            elif new.finish is not None and not self.tokens:
                self.problem = "it found no words for its first turn"
            if new.finish is not None or self.tokens >= WARM_TOKENS:
                self.done.set()


class TurnBroken(Exception):
    """Something went wrong with one turn alone, and it was logged."""


@dataclass
class ReplyInProgress:
    """One turn while it is told."""

    lease: Lease
    stream: ReplyStream
    index: int  # where the next piece goes, in code points
    began: float
    unsent: list[Token] = field(default_factory=list)
    offered: int = 0  # how many of them Redis may have already, though it did not say so
    tokens: int = 0
    first: float | None = None
    error: str = ""
    given: Report | None = None  # what the narrator was given, once its prompt is built
    broken: bool = False  # something went wrong with this turn alone
    lost: bool = False  # the lease is another's, or the engine died: say nothing more
    resampled: list[str] = field(default_factory=list)  # why it was told again
    screened: list[Finding] = field(default_factory=list)  # what rules found in earlier tellings
    banned: list[str] = field(default_factory=list)  # phrases that were told otherwise
    cut: bool = False  # the engine ended it before a phrase that it would have told
    done: threading.Event = field(default_factory=threading.Event)

    def take(self, new: NewText) -> None:
        """Take what one step brought."""
        self.tokens += new.tokens
        self.banned += new.banned
        self.cut = self.cut or new.shortened
        if new.tokens and self.first is None:
            self.first = time.monotonic()
        self.say(self.stream.feed(new.text))
        if self.stream.done or new.finish is None:
            return
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        self.say(self.stream.finish("stop" if new.finish == "stop" else "length"))

    def say(self, text: str) -> None:
        """Have some words logged, in one piece with those that wait.

        A piece that was offered stays as it is: readers know by its index that it came twice.
        """
        if not text:
            return
        request, start = self.lease.request, self.index
        self.index += len(text)
        if len(self.unsent) > self.offered:
            before = self.unsent.pop()
            start, text = before.index, before.text + text
        piece = Token(turn=request.turn, attempt=request.attempt, index=start, text=text)
        self.unsent.append(piece)

    def offer(self) -> tuple[Lease, list[Token]]:
        """What is to be logged now, for `QueueClient.append`."""
        self.offered = len(self.unsent)
        return self.lease, self.unsent

    def note_logged(self) -> None:
        """What was offered stands in the log: it waits no more."""
        self.unsent.clear()
        self.offered = 0

    @property
    def shortened(self) -> str:
        """Why the reply is shorter than it might be."""
        fault = self.stream.fault or ("banned" if self.cut else "")
        return retry_reply.NAMES[fault] if self.stream.told else ""

    def details(self, narrator: Narrator) -> str:
        """What the narrator was given, packed; "" where no prompt was built."""
        if not self.given:
            return ""
        return pack(details_of(self.given, narrator, self.resampled, self.shortened, self.banned))

    def result(self, narrator: Narrator) -> Result:
        request, now = self.lease.request, time.monotonic()
        reply = self.stream.told
        outcome: Outcome = "told"
        reason = ""
        if self.error:
            outcome, reason = "failed", f"The narrator could not go on: {self.error}"
        elif not reply:
            outcome = "failed"
            reason = NOT_SHOWN if self.stream.fault == "rule" else NO_WORDS
        return Result(
            adventure=request.adventure,
            turn=request.turn,
            attempt=request.attempt,
            outcome=outcome,
            reply=reply,
            reason=reason,
            tokens=self.tokens,
            seconds=now - self.began,
            first_token_seconds=None if self.first is None else self.first - self.began,
            details=self.details(narrator),
            resampled=tuple(self.resampled),
            shortened=self.shortened,
            screened=tuple(self.found()),
        )

    def found(self) -> list[Finding]:
        """What rules found in all its tellings, each rule once."""
        now = self.stream.rules.found if self.stream.rules else []
        return list({each.rule: each for each in (*self.screened, *now)}.values())

    def tell_again(self, stream: ReplyStream) -> None:
        """Go on with another stream: the one before went wrong."""
        self.resampled.append(retry_reply.NAMES[self.stream.fault])
        self.screened = self.found()
        self.stream, self.cut = stream, False
        self.done.clear()
