"""How long a running reply waits for its next token while another story's prompt is computed."""

import os
import queue
import statistics
import time
from collections.abc import Callable

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.lab.baselines import CONTEXT_TOKENS
from inference.lab.bench import TIMEOUT_SECONDS, make_request, make_story, print_figure
from inference.narrators import Narrator

Steps = queue.SimpleQueue[tuple[float, list[NewText]]]  # texts, and when they arrived

RUNNING_TOKENS = 500  # the longest reply of the running story
TOKENS_BEFORE_PREFILL = 8  # of the running reply
PREFILL_TOKENS = 1000  # the other story's prompt
RUNNING, OTHER = 1, 2  # numbers of requests


def measure_pauses(
    narrator: Narrator, config: InferenceConfig, count: Callable[[str], int], rounds: int
) -> None:
    """Print how long a running reply waits for its next token during another story's prefill."""
    narrator = narrator.model_copy(
        update={
            "slots": 2,
            "context": 2 * CONTEXT_TOKENS,
            "sampling": narrator.sampling.model_copy(update={"max_tokens": RUNNING_TOKENS}),
        }
    )
    steps: Steps = queue.SimpleQueue()
    process = EngineProcess(
        narrator,
        config,
        lambda texts: steps.put((time.monotonic(), texts)),
        None,
        lambda _: os._exit(1),
    )
    process.start()
    process.wait_ready(TIMEOUT_SECONDS)
    gaps: list[float] = []
    slower: list[float] = []
    for turn in range(rounds + 1):
        alone, _ = first_token(process, steps, narrator, other_story(4 * turn, count), None)
        running = other_story(4 * turn + 1, count)
        beside, waits = first_token(
            process, steps, narrator, other_story(4 * turn + 2, count), running
        )
        if turn:  # the first round warms up
            gaps += waits
            slower.append(beside / alone)
    process.stop(timeout=5)
    gaps.sort()
    what = {"way": narrator.engine, "prompt": PREFILL_TOKENS}
    print_figure("pause_seconds_p99", round(gaps[int(0.99 * (len(gaps) - 1))], 2), **what)
    print_figure("pause_seconds_longest", round(gaps[-1], 2), **what)
    print_figure("first_word_to_alone", round(statistics.median(slower), 2), **what)


def first_token(
    process: EngineProcess,
    steps: Steps,
    narrator: Narrator,
    other: list[Passage],
    running: list[Passage] | None,
) -> tuple[float, list[float]]:
    """Seconds to the first token of `other`, and between the tokens of `running` meanwhile.

    A model may end the running reply early: it is then requested again, and the time until its next
    token, for which no player would wait, is not counted.
    """
    request = running and make_request(narrator, running, "walk on", narrator.sampling.max_tokens)
    current, last = start_running(process, steps, request) if request else (RUNNING, None)
    prefill = Prefill(process, request or None, current, last)
    process.submit(OTHER, make_request(narrator, other, "look around", 8))
    while prefill.unfinished:
        now, texts = steps.get(timeout=TIMEOUT_SECONDS)
        for text in texts:
            prefill.take(now, text)
    return prefill.first, prefill.waits


def start_running(
    process: EngineProcess, steps: Steps, request: GenerationRequest
) -> tuple[int, float]:
    """Run `request` until TOKENS_BEFORE_PREFILL tokens of one reply have come.

    Returns the number of its request, which is odd, and the time of its last token.
    """
    current, generated, last = RUNNING, 0, 0.0
    process.submit(current, request)
    while generated < TOKENS_BEFORE_PREFILL:
        last, texts = steps.get(timeout=TIMEOUT_SECONDS)
        for text in texts:
            generated += text.tokens
            if text.finish == "error":
                raise RuntimeError(text.error)
            if text.finish:
                generated, current = 0, current + 2
                process.submit(current, request)
    return current, last


class Prefill:
    """What the engine's steps bring from the request of OTHER to the end of all requests."""

    def __init__(
        self,
        process: EngineProcess,
        request: GenerationRequest | None,
        current: int,
        last: float | None,
    ) -> None:
        """`request` runs beside OTHER as number `current`; its last token came at `last`."""
        self.first = 0.0  # seconds to the first token of OTHER
        self.waits: list[float] = []  # seconds between tokens of the running reply until then
        self.unfinished = {OTHER} | ({current} if request else set())
        self._process = process
        self._request = request
        self._current = current
        self._last = last
        self._start = time.monotonic()

    def take(self, now: float, text: NewText) -> None:
        """Take one text of a step at `now`. Raises RuntimeError where the engine failed."""
        if text.tokens and not self.first:
            self._time(now, text)
        if text.finish == "error":
            raise RuntimeError(text.error)
        if text.finish:
            self._finish(text)

    def _time(self, now: float, text: NewText) -> None:
        if text.request not in (self._current, OTHER):
            return
        if self._last is not None:
            self.waits.append(now - self._last)  # for OTHER, a wait that has not ended yet
        if text.request == self._current:
            self._last = now
        else:
            self.first = now - self._start
            self._process.cancel(self._current)

    def _finish(self, text: NewText) -> None:
        self.unfinished.discard(text.request)
        if text.request == self._current and self._request and not self.first:
            self._last, self._current = None, self._current + 2
            self._process.submit(self._current, self._request)
            self.unfinished.add(self._current)


def other_story(number: int, count: Callable[[str], int]) -> list[Passage]:
    """A story of at most PREFILL_TOKENS tokens. No two numbers give the same text."""
    parts = [make_story(100 + 7 * number + part, count)[0].reply for part in range(3)]
    while count(" ".join(parts)) > PREFILL_TOKENS:
        parts[-1] = parts[-1].rpartition(". ")[0] + "."
    return [Passage(kind="opening", reply=" ".join(parts))]
