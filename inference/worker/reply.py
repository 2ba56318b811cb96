"""One turn while its reply is generated: the pieces for the log, and the Result in the end."""

import threading
import time
from dataclasses import dataclass, field

from inference.contract.prompt_report import compact_report, pack
from inference.contract.request import Outcome, Result, Token
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


class TurnBroken(Exception):
    """Something went wrong with one turn alone, and it was logged."""


@dataclass
class ReplyInProgress:
    """One turn while its reply is generated. Times are time.monotonic()."""

    lease: Lease
    stream: ReplyStream
    index: int  # where the next piece goes, in code points
    began: float
    unsent: list[Token] = field(default_factory=list)
    offered: int = 0  # how many of them Redis may have already, though it did not confirm it
    tokens: int = 0
    first_token_at: float | None = None
    error: str = ""
    report: Report | None = None  # of the prompt, once it is built
    broken: bool = False  # something went wrong with this turn alone
    lost: bool = False  # the lease is another's, or the engine died: write nothing more
    resampled: list[str] = field(default_factory=list)  # why it was retried, once for each time
    screened: list[Finding] = field(default_factory=list)  # of rules, in discarded attempts
    banned: list[str] = field(default_factory=list)  # phrases that the engine avoided
    cut: bool = False  # the engine ended it before a banned phrase
    done: threading.Event = field(default_factory=threading.Event)

    def take(self, new: NewText) -> None:
        """Add the text of one step."""
        self.tokens += new.tokens
        self.banned += new.banned
        self.cut = self.cut or new.shortened
        if new.tokens and self.first_token_at is None:
            self.first_token_at = time.monotonic()
        self.add_text(self.stream.feed(new.text))
        if self.stream.done or new.finish is None:
            return
        if new.finish == "error":
            self.error = new.error or "the engine failed"
        self.add_text(self.stream.finish("stop" if new.finish == "stop" else "length"))

    def add_text(self, text: str) -> None:
        """Add cleaned text to the unsent pieces, in one piece with text that was not offered yet.

        A piece that was offered stays as it is: readers find duplicates by their index.
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
        """The unsent pieces, for `QueueClient.append`."""
        self.offered = len(self.unsent)
        return self.lease, self.unsent

    def note_logged(self) -> None:
        """Drop the unsent pieces: they are in the log."""
        self.unsent.clear()
        self.offered = 0

    @property
    def shortened(self) -> str:
        """Why the reply is shorter than it might be; "" where it is not."""
        fault = self.stream.fault or ("banned" if self.cut else "")
        return retry_reply.NAMES[fault] if self.stream.told else ""

    def details(self, narrator: Narrator) -> str:
        """The packed prompt report; "" where no prompt was built."""
        if not self.report:
            return ""
        return pack(
            compact_report(self.report, narrator, self.resampled, self.shortened, self.banned)
        )

    def result(self, narrator: Narrator) -> Result:
        """The Result, once the reply is done."""
        request, now = self.lease.request, time.monotonic()
        first = self.first_token_at
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
            first_token_seconds=None if first is None else first - self.began,
            details=self.details(narrator),
            resampled=tuple(self.resampled),
            shortened=self.shortened,
            screened=tuple(self.findings()),
        )

    def findings(self) -> list[Finding]:
        """The findings of rules, discarded attempts included, each rule once."""
        now = self.stream.rules.found if self.stream.rules else []
        return list({each.rule: each for each in (*self.screened, *now)}.values())

    def restart(self, stream: ReplyStream) -> None:
        """Go on with another stream after a bad reply."""
        self.resampled.append(retry_reply.NAMES[self.stream.fault])
        self.screened = self.findings()
        self.stream, self.cut = stream, False
        self.done.clear()
