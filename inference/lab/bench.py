"""How fast a narrator's engine tells: `python -m inference.lab.bench NARRATOR`.

Prints one JSON object for each figure. Stories have about 400 tokens of prompt and 60 told; each is
told cold and then a turn further, when the engine's cache knows all but the last action. `bare` is
the engine's own loop in this process; `process` is the way that workers go, where each turn also
has its prompt built. The two take turns, since a machine is not as fast in one minute as in the
next; `ratio` is the median over the rounds.
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
TOLD_TOKENS = 60
PATIENCE = 600.0  # seconds without a word after which a run is given up

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
    """What was heard of some stories told at once. Times are time.monotonic()."""

    began: float
    ended: float = 0.0
    tokens: int = 0
    first: dict[int, float] = field(default_factory=dict)
    replies: dict[int, str] = field(default_factory=dict)
    finished: int = 0

    def hear(self, number: int, text: NewText) -> None:
        self.tokens += text.tokens
        self.replies[number] = self.replies.get(number, "") + text.text
        if text.tokens:
            self.first.setdefault(number, time.monotonic())
        if text.finish == "error":
            raise RuntimeError(text.error)
        if text.finish:
            self.finished += 1
            self.ended = time.monotonic()

    @property
    def tokens_per_second(self) -> float:
        """From the first request to the last token, prompts included."""
        return self.tokens / (self.ended - self.began)

    @property
    def first_token_seconds(self) -> float:
        """The median over the stories."""
        return statistics.median(at - self.began for at in self.first.values())


Tell = Callable[[dict[int, GenerationRequest]], Run]


def bare(engine: Engine, narrator: Narrator) -> Tell:
    """Tell by the engine's own loop. Prompts are built before the clock starts."""

    def tell(requests: dict[int, GenerationRequest]) -> Run:
        built = {
            number: prompts.build(
                request, narrator, engine.count, engine.render_chat, engine.context_tokens
            )
            for number, request in requests.items()
        }
        run = Run(began=time.monotonic())
        numbers = {
            engine.submit(each.text, each.sampling): number for number, each in built.items()
        }
        while engine.busy:
            for text in engine.step():
                run.hear(numbers[text.request], text)
        return run

    return tell


def through(process: EngineProcess, steps: "queue.SimpleQueue[list[NewText]]") -> Tell:
    """Tell as a worker does."""

    def tell(requests: dict[int, GenerationRequest]) -> Run:
        run = Run(began=time.monotonic())
        for number, request in requests.items():
            process.submit(number, request)
        while run.finished < len(requests):
            for text in steps.get(timeout=PATIENCE):
                run.hear(text.request, text)
        return run

    return tell


def story(number: int, count: Callable[[str], int]) -> list[Passage]:
    """About PROMPT_TOKENS of a story like no other."""
    told = f"Day {number} of the journey."
    place = number
    while count(told) < PROMPT_TOKENS:
        told += " " + SENTENCES[place % len(SENTENCES)]
        place += 1 + number % 5
    return [Passage(kind="opening", reply=told)]


def asked(
    narrator: Narrator, passages: list[Passage], action: str, told: int = TOLD_TOKENS
) -> GenerationRequest:
    # prompts.py adds a margin to end the sentence in; here each story is to be as long as the next.
    tokens = max(1, int(told / (1 + prompts.MARGIN)))
    return GenerationRequest(
        adventure="bench",
        turn="bench",
        attempt=1,
        narrator=narrator.name,
        context=StoryContext(story=tuple(passages), action=Passage(kind="do", action=action)),
        sampling=narrator.sampling.model_copy(update={"max_tokens": tokens}),
    )


def tell_twice(
    tell: Tell, narrator: Narrator, stories: dict[int, list[Passage]]
) -> dict[Turn, Run]:
    """Tell a turn of each story cold, then the next one."""
    action = "go on along the road"
    cold = tell({number: asked(narrator, told, action) for number, told in stories.items()})
    further = {
        number: [*told, Passage(kind="do", action=action, reply=cold.replies[number])]
        for number, told in stories.items()
    }
    follow = {
        number: asked(narrator, told, "look back and listen") for number, told in further.items()
    }
    return {"cold": cold, "next": tell(follow)}


def bench(narrator: Narrator, config: InferenceConfig, rounds: int) -> None:
    steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
    process = EngineProcess(narrator, config, steps.put, None, lambda cause: sys.exit(cause))
    process.start()
    info = process.wait_ready(PATIENCE)
    engine = load(narrator, config)
    ways = {"bare": bare(engine, narrator), "process": through(process, steps)}
    say("load_seconds", round(info.load_seconds, 1))
    fresh = 0
    for count in STORIES:
        runs: dict[str, dict[Turn, list[Run]]] = {way: {"cold": [], "next": []} for way in ways}
        for turn in range(rounds + 1):
            for way in sorted(ways, reverse=turn % 2 == 1):  # neither is always first
                stories = {n: story(n, engine.count) for n in range(fresh, fresh + count)}
                fresh += count
                told = tell_twice(ways[way], narrator, stories)
                if turn:  # the first round warms up
                    for which, run in told.items():
                        runs[way][which].append(run)
        report(count, runs)
    say("resident_megabytes", resident_megabytes(info.pid))
    process.stop(timeout=5)


def report(count: int, runs: dict[str, dict[Turn, list[Run]]]) -> None:
    """Print the best of the rounds."""
    best: dict[tuple[str, Turn], float] = {}
    for way, told in runs.items():
        for turn, each in told.items():
            what = {"way": way, "stories": count, "turn": turn}
            best[way, turn] = max(run.tokens_per_second for run in each)
            say("tokens_per_second", round(best[way, turn], 1), **what)
            first = min(run.first_token_seconds for run in each)
            say("first_token_seconds", round(first, 3), **what)
    for turn in runs["bare"]:
        ratio = best["process", turn] / best["bare", turn]
        say("ratio", round(ratio, 3), stories=count, turn=turn)


def say(figure: str, value: float, **what: object) -> None:
    print(json.dumps({"figure": figure, "value": value, **what}), flush=True)  # noqa: T201


def resident_megabytes(pid: int) -> int:
    """Linux only; 0 elsewhere."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    return int(status.read_text().split("VmRSS:")[1].split()[0]) // 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast a narrator's engine tells.")
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
