"""How fast an engine generates: `python -m inference.lab.bench NARRATOR`.

Prints one JSON object per figure. Stories have about 400 tokens of prompt and 60 of reply. The
first turn has a cold cache; for the next turn the cache holds all but the last action. `bare` is
the engine's own loop in this process; `process` is an engine process as workers have it, which also
builds the prompts. The two alternate, since a machine's speed changes from minute to minute;
`ratio` compares the best rounds of both.
"""

import argparse
import json
import os
import queue
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from inference import prompts
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import Engine, NewText
from inference.engines.host import load
from inference.engines.process import EngineProcess
from inference.narrators import Narrator, load_narrators

STORIES = (1, 8, 16)
PROMPT_TOKENS = 400
REPLY_TOKENS = 60
TIMEOUT_SECONDS = 600.0  # without any text, after which a run is given up

Turn = Literal["cold", "next"]

SENTENCES = (
    "You follow the river down through the reeds until the mill comes into view.",
    "The miller counts the sacks twice and says that one of them was not there before.",
    "Far away a bell rings, and the crows rise from the field all at once.",
    "You find a key in the ashes, warm still, with a number scratched on its side.",
    "Nobody in the inn looks up when the door opens, which is strange in itself.",
    "A cart stands across the road with its lamps lit and no horse before it.",
)


@dataclass
class Run:
    """The replies of some stories generated in one batch. Times are of time.monotonic()."""

    started: float
    ended: float = 0.0
    tokens: int = 0
    first_token: dict[int, float] = field(default_factory=dict)
    replies: dict[int, str] = field(default_factory=dict)
    finished: int = 0

    def add(self, number: int, text: NewText) -> None:
        """Add new text of story `number`. Raises RuntimeError where its reply failed."""
        self.tokens += text.tokens
        self.replies[number] = self.replies.get(number, "") + text.text
        if text.tokens:
            self.first_token.setdefault(number, time.monotonic())
        if text.finish == "error":
            raise RuntimeError(text.error)
        if text.finish:
            self.finished += 1
            self.ended = time.monotonic()

    @property
    def tokens_per_second(self) -> float:
        """All generated tokens per second from the first request to the last token."""
        return self.tokens / (self.ended - self.started)

    @property
    def first_token_seconds(self) -> float:
        """Seconds from the first request to the first token: the median over the stories."""
        return statistics.median(at - self.started for at in self.first_token.values())


Runner = Callable[[dict[int, GenerationRequest]], Run]


def engine_runner(engine: Engine, narrator: Narrator) -> Runner:
    """Generate in the engine's own loop. Prompts are built before the clock starts."""

    def run_all(requests: dict[int, GenerationRequest]) -> Run:
        built = {
            number: prompts.build(
                request, narrator, engine.count, engine.render_chat, engine.context_tokens
            )
            for number, request in requests.items()
        }
        run = Run(started=time.monotonic())
        numbers = {
            engine.submit(each.text, each.sampling): number for number, each in built.items()
        }
        while engine.busy:
            for text in engine.step():
                run.add(numbers[text.request], text)
        return run

    return run_all


def process_runner(process: EngineProcess, steps: "queue.SimpleQueue[list[NewText]]") -> Runner:
    """Generate in an engine process as a worker does, whose prompts are built there."""

    def run_all(requests: dict[int, GenerationRequest]) -> Run:
        run = Run(started=time.monotonic())
        for number, request in requests.items():
            process.submit(number, request)
        while run.finished < len(requests):
            for text in steps.get(timeout=TIMEOUT_SECONDS):
                run.add(text.request, text)
        return run

    return run_all


def make_story(number: int, count: Callable[[str], int]) -> list[Passage]:
    """A story of about PROMPT_TOKENS tokens. No two numbers give the same text."""
    text = f"Day {number} of the journey."
    place = number
    while count(text) < PROMPT_TOKENS:
        text += " " + SENTENCES[place % len(SENTENCES)]
        place += 1 + number % 5
    return [Passage(kind="opening", reply=text)]


def make_request(
    narrator: Narrator, passages: list[Passage], action: str, reply_tokens: int = REPLY_TOKENS
) -> GenerationRequest:
    """The request for a turn whose reply has `reply_tokens`."""
    # `prompts.build` adds a margin for the end of the last sentence: it is taken off here.
    tokens = max(1, int(reply_tokens / (1 + prompts.MARGIN)))
    return GenerationRequest(
        adventure="bench",
        turn="bench",
        attempt=1,
        narrator=narrator.name,
        context=StoryContext(story=tuple(passages), action=Passage(kind="do", action=action)),
        sampling=narrator.sampling.model_copy(update={"max_tokens": tokens}),
    )


def run_two_turns(
    runner: Runner, narrator: Narrator, stories: dict[int, list[Passage]]
) -> dict[Turn, Run]:
    """Generate a first turn of each story, then the next one."""
    action = "go on along the road"
    cold = runner(
        {number: make_request(narrator, past, action) for number, past in stories.items()}
    )
    further = {
        number: [*past, Passage(kind="do", action=action, reply=cold.replies[number])]
        for number, past in stories.items()
    }
    follow = {
        number: make_request(narrator, past, "look back and listen")
        for number, past in further.items()
    }
    return {"cold": cold, "next": runner(follow)}


def bench(narrator: Narrator, config: InferenceConfig, rounds: int) -> None:
    """Measure a narrator for each number of STORIES, and print the figures."""
    steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
    process = EngineProcess(narrator, config, steps.put, None, lambda cause: sys.exit(cause))
    process.start()
    info = process.wait_ready(TIMEOUT_SECONDS)
    engine = load(narrator, config)
    runners = {
        "bare": engine_runner(engine, narrator),
        "process": process_runner(process, steps),
    }
    print_figure("load_seconds", round(info.load_seconds, 1))
    fresh = 0
    for count in STORIES:
        runs: dict[str, dict[Turn, list[Run]]] = {way: {"cold": [], "next": []} for way in runners}
        for turn in range(rounds + 1):
            for way in sorted(runners, reverse=turn % 2 == 1):  # neither is always first
                stories = {n: make_story(n, engine.count) for n in range(fresh, fresh + count)}
                fresh += count
                both = run_two_turns(runners[way], narrator, stories)
                if turn:  # the first round warms up
                    for which, run in both.items():
                        runs[way][which].append(run)
        report(count, runs)
    print_figure("resident_megabytes", resident_megabytes(info.pid))
    process.stop(timeout=5)


def report(count: int, runs: dict[str, dict[Turn, list[Run]]]) -> None:
    """Print the best of the rounds."""
    best: dict[tuple[str, Turn], float] = {}
    for way, turns in runs.items():
        for turn, each in turns.items():
            what = {"way": way, "stories": count, "turn": turn}
            best[way, turn] = max(run.tokens_per_second for run in each)
            print_figure("tokens_per_second", round(best[way, turn], 1), **what)
            first = min(run.first_token_seconds for run in each)
            print_figure("first_token_seconds", round(first, 3), **what)
    for turn in runs["bare"]:
        ratio = best["process", turn] / best["bare", turn]
        print_figure("ratio", round(ratio, 3), stories=count, turn=turn)


def print_figure(figure: str, value: float, **what: object) -> None:
    """Print one figure as a line of JSON; `what` says of what it is."""
    print(json.dumps({"figure": figure, "value": value, **what}), flush=True)  # noqa: T201


def resident_megabytes(pid: int) -> int:
    """The resident memory of a process in MB. Linux only; 0 elsewhere."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    return int(status.read_text().split("VmRSS:")[1].split()[0]) // 1000


def main() -> None:
    """Read the command line and run the bench."""
    parser = argparse.ArgumentParser(description="How fast a narrator's engine generates.")
    parser.add_argument("narrator")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--narrators-file", type=Path, default=Path("narrators.yaml"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args()
    config = InferenceConfig(
        redis_url="", narrators_file=given.narrators_file, models_dir=given.models_dir
    )
    bench(load_narrators(given.narrators_file).get(given.narrator), config, given.rounds)


if __name__ == "__main__":
    main()
