"""How long a running reply waits for its next token while another story's prompt is computed."""

import os
import queue
import statistics
import time
from collections.abc import Callable

from inference.config import InferenceConfig
from inference.contract.request import Passage
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.lab.baselines import CONTEXT_TOKENS
from inference.lab.bench import TIMEOUT_SECONDS, make_request, make_story, print_figure
from inference.narrators import Narrator

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
    steps: queue.SimpleQueue[tuple[float, list[NewText]]] = queue.SimpleQueue()
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
    steps: "queue.SimpleQueue[tuple[float, list[NewText]]]",
    narrator: Narrator,
    other: list[Passage],
    running: list[Passage] | None,
) -> tuple[float, list[float]]:
    """Seconds to the first token of `other`, and between the tokens of `running` meanwhile.

    A model may end the running reply early: it is then requested again, and the time until its next
    token, for which no player would wait, is not counted.
    """
    waits: list[float] = []
    current = RUNNING  # its requests have odd numbers
    last: float | None = None
    running_request = running and make_request(
        narrator, running, "walk on", narrator.sampling.max_tokens
    )
    if running_request:
        process.submit(current, running_request)
    generated = 0
    while running_request and generated < TOKENS_BEFORE_PREFILL:
        last, texts = steps.get(timeout=TIMEOUT_SECONDS)
        for text in texts:
            generated += text.tokens
            if text.finish == "error":
                raise RuntimeError(text.error)
            if text.finish:
                generated, current = 0, current + 2
                process.submit(current, running_request)
    start, first = time.monotonic(), 0.0
    process.submit(OTHER, make_request(narrator, other, "look around", 8))
    unfinished = {OTHER} | ({current} if running_request else set())
    while unfinished:
        now, texts = steps.get(timeout=TIMEOUT_SECONDS)
        for text in texts:
            if text.request == current and text.tokens and not first:
                if last is not None:
                    waits.append(now - last)
                last = now
            elif text.request == OTHER and text.tokens and not first:
                first = now - start
                if last is not None:
                    waits.append(now - last)  # this wait has not ended yet
                process.cancel(current)
            if text.finish == "error":
                raise RuntimeError(text.error)
            if text.finish:
                unfinished.discard(text.request)
            if text.finish and text.request == current and running_request and not first:
                last, current = None, current + 2
                process.submit(current, running_request)
                unfinished.add(current)
    return first, waits


def other_story(number: int, count: Callable[[str], int]) -> list[Passage]:
    """A story of at most PREFILL_TOKENS tokens. No two numbers give the same text."""
    parts = [make_story(100 + 7 * number + part, count)[0].reply for part in range(3)]
    while count(" ".join(parts)) > PREFILL_TOKENS:
        parts[-1] = parts[-1].rpartition(". ")[0] + "."
    return [Passage(kind="opening", reply=" ".join(parts))]
