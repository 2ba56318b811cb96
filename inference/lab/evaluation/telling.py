"""Telling many replies at once, as a worker does: prompt, engine, ReplyStream, loop doctor."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from inference.contract.request import GenerationRequest
from inference.engines.base import Engine, NewText, RequestId
from inference.narrators import Narrator
from inference.prompts import Report, build, reply_stream
from inference.reply import ReplyStream
from inference.worker import retry_reply

AT_ONCE = 16


@dataclass
class Told:
    """A reply, and what it took. `report` is of its first prompt; `seconds` are the wall's."""

    reply: str = ""
    report: Report | None = None
    tokens: int = 0
    seconds: float = 0.0
    raw: list[str] = field(default_factory=list)  # each telling as the engine gave it
    resampled: list[str] = field(default_factory=list)  # why it was told again
    shortened: str = ""
    error: str = ""

    @property
    def prompt(self) -> str:
        return "".join(piece.text for piece in self.report.pieces) if self.report else ""


@dataclass
class Telling:
    """A reply under way."""

    place: int
    request: GenerationRequest
    stream: ReplyStream
    told: Told
    began: float


class Teller:
    """Has an engine of this process tell requests, AT_ONCE of them at a time."""

    def __init__(self, narrator: Narrator, engine: Engine) -> None:
        self.narrator = narrator
        self.engine = engine
        self._under_way: dict[RequestId, Telling] = {}

    def tell(
        self,
        requests: Sequence[GenerationRequest],
        heard: Callable[[int, Told], None] = lambda place, told: None,
    ) -> list[Told]:
        """What came of each request, in their order. `heard` gets each as it is done.

        Raises EngineBroken.
        """
        done: list[Told] = [Told() for _ in requests]
        waiting = deque(enumerate(requests))
        while waiting or self._under_way:
            while waiting and len(self._under_way) < min(AT_ONCE, self.narrator.slots):
                place, request = waiting.popleft()
                stream = reply_stream(request, self.narrator, again=retry_reply.may_retry(1))
                self._begin(Telling(place, request, stream, done[place], time.monotonic()))
                if done[place].error:
                    heard(place, done[place])
            for text in self.engine.step() if self._under_way else ():
                telling = self._under_way.get(text.request)
                if telling is not None and self._take(telling, text):
                    heard(telling.place, telling.told)
        while self.engine.busy:  # what was cancelled says so
            self.engine.step()
        return done

    def _begin(self, telling: Telling) -> None:
        """Submit what is to be told. What is wrong with one prompt fails it alone."""
        engine = self.engine
        try:
            built = build(
                telling.request,
                self.narrator,
                engine.count,
                engine.render_chat,
                engine.context_tokens,
            )
            number = engine.submit(built.text, built.sampling)
        except ValueError as error:
            telling.told.error = str(error)
            return
        telling.told.report = telling.told.report or built.report
        telling.told.raw.append("")
        self._under_way[number] = telling

    def _take(self, telling: Telling, text: NewText) -> bool:
        """Take what a step brought for a reply. Whether it is done for good."""
        told, stream = telling.told, telling.stream
        told.tokens += text.tokens
        told.raw[-1] += text.text
        stream.feed(text.text)
        if not stream.done and text.finish is not None:
            told.error = text.error
            stream.finish("stop" if text.finish == "stop" else "length")
        if not stream.done:
            return False
        del self._under_way[text.request]
        if text.finish is None:
            self.engine.cancel(text.request)
        again = None
        if not told.error:
            again = retry_reply.retry_request(telling.request, self.narrator.sampling, stream)
        if again is not None:
            told.resampled.append(retry_reply.NAMES[stream.fault])
            telling.request = again
            may = retry_reply.may_retry(1 + len(told.resampled))
            telling.stream = reply_stream(again, self.narrator, may)
            self._begin(telling)
            return bool(told.error)
        stream.close()
        told.reply = stream.told
        told.shortened = retry_reply.NAMES[stream.fault] if stream.told else ""
        told.seconds = time.monotonic() - telling.began
        return True
