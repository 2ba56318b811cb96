"""What a narrator's prompt cache saves: `python -m inference.lab.cache_bench NARRATOR [PART …]`.

Uses an engine process as a worker does, with prompts built and replies cleaned as for players.
Prints one JSON object per figure. Times of a busy machine say little: each part alternates with
what it is compared with, and prints ratios.

- `ahead`: the time to the first token in two adventures, one with a prefill before each action and
  one without;
- `cache`: the share of each prompt that is found in the cache, with twice as many stories as slots:
  for a next turn, one whose action fires another card (which changes the prompt from the cards on),
  a retry, and another action after an undo.
"""

import argparse
import os
import queue
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inference.config import InferenceConfig
from inference.contract.request import Card, GenerationRequest, Passage, StoryContext
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.lab.bench import TIMEOUT_SECONDS, print_figure
from inference.narrators import Narrator, load_narrators
from inference.prompts import Report, reply_stream
from inference.worker.idle.read_ahead import next_request

PARTS = ("ahead", "cache")
MEMORY = (
    "You are {name}, a courier on the frozen canal. You carry a sealed box for the harbour "
    "master of Oster and must not open it. Your sledge dog is called Pim. You owe money to Marta "
    "Vell, who keeps the inn at the third lock. It is the coldest winter that anyone remembers."
)
NOTE = "Concrete details, and a touch of dry humour."
CARDS = (
    Card(title="Marta", keys=("Marta", "inn"), text="Marta Vell never forgets a debt or a dog."),
    Card(title="Box", keys=("box", "seal"), text="The box is warm, and heavier at night."),
    Card(title="Lock", keys=("lock", "gate"), text="The third lock is kept by two old sisters."),
    Card(title="Pim", keys=("Pim", "dog"), text="Pim is lame in one leg and afraid of bells."),
)
OPENING = (
    "The ice groans under the sledge as you come round the bend. Ahead the third lock stands dark, "
    "but for one window of the inn. Pim stops and lays back his ears. Somebody has drawn a line "
    "across the ice in red paint, and beyond it, upright in the snow, stands an empty chair."
)
ACTIONS = (
    "walk around the chair and look for footprints",
    "knock at the door of the inn",
    "ask Marta who painted the line",
    "put the box under the table",
    "listen at the window",
    "give Pim the rest of the bread",
    "follow the red line along the bank",
    "offer to pay half of what I owe",
    "look into the lock",
    "hide behind the woodpile and wait",
    "call out to whoever is there",
    "turn the chair around",
)


@dataclass
class Reply:
    """A request and its reply. Times are of time.monotonic()."""

    request: GenerationRequest
    narrator: Narrator
    started: float
    times: list[float] = field(default_factory=list)  # of its tokens
    raw: str = ""
    cached: int = 0  # tokens of the prompt
    report: Report | None = None
    finished: bool = False

    @property
    def first_token_seconds(self) -> float:
        """Seconds from the request to the first token."""
        return self.times[0] - self.started

    @property
    def text(self) -> str:
        """The cleaned text, as players see it."""
        stream = reply_stream(self.request, self.narrator)
        stream.feed(self.raw)
        stream.finish("length")
        return stream.told or "Nothing happens."


class CacheBench:
    """An engine process and the replies it has generated."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        self.narrator = narrator
        self.steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
        self.replies: dict[int, Reply] = {}
        self.last_request = 0
        self.process = EngineProcess(
            narrator, config, self.steps.put, self.add_report, lambda why: sys.exit(why)
        )
        self.process.start()
        self.process.wait_ready(TIMEOUT_SECONDS)

    def add_report(self, number: int, report: Report) -> None:
        """Keep the prompt report of request `number`."""
        self.replies[number].report = report

    def submit(self, request: GenerationRequest, prefill: bool = False) -> Reply:
        """Send a request to the engine process, or its prefill alone."""
        self.last_request += 1
        number = self.last_request
        reply = self.replies[number] = Reply(request, self.narrator, time.monotonic())
        (self.process.prefill if prefill else self.process.submit)(number, request)
        return reply

    def receive(self, until: Callable[[], bool]) -> None:
        """Read steps until `until` is true. Raises RuntimeError where a reply fails."""
        while not until():
            for new in self.steps.get(timeout=TIMEOUT_SECONDS):
                reply = self.replies[new.request]
                if new.finish == "error":
                    raise RuntimeError(new.error)
                reply.raw += new.text
                reply.cached += new.cached or 0
                reply.times += [time.monotonic()] * (new.tokens > 0)
                reply.finished = reply.finished or new.finish is not None

    def generate(self, request: GenerationRequest, prefill: bool = False) -> Reply:
        """Generate one reply, or compute the prefill of its prompt, and wait for the end."""
        reply = self.submit(request, prefill)
        self.receive(lambda: reply.finished)
        return reply


@contextmanager
def running_bench(narrator: Narrator, config: InferenceConfig) -> Iterator[CacheBench]:
    """A bench whose engine process ends with the block."""
    bench = CacheBench(narrator, config)
    try:
        yield bench
    finally:
        bench.process.stop(timeout=5)


def make_request(
    number: int, narrator: Narrator, story: tuple[Passage, ...], action: str
) -> GenerationRequest:
    """A turn of the adventure with this number; no two adventures have a common prefix."""
    return GenerationRequest(
        adventure=str(number),
        turn=f"{number}-{len(story)}",
        attempt=1,
        narrator=narrator.name,
        context=StoryContext(
            memory=MEMORY.format(name=f"Courier {number}"),
            authors_note=NOTE,
            cards=CARDS,
            card_characters=sum(len(card.text) for card in CARDS),
            story=story,
            action=Passage(kind="do", action=action),
        ),
    )


def without_action(request: GenerationRequest) -> GenerationRequest:
    """The same turn before its action is known, for a prefill."""
    context = request.context.model_copy(update={"action": Passage(kind="continue")})
    return request.model_copy(update={"context": context})


def story_with(reply: Reply) -> tuple[Passage, ...]:
    """The story with this reply as its last passage."""
    return next_request(reply.request, reply.text).context.story


BEGINNING: tuple[Passage, ...] = (Passage(kind="opening", reply=OPENING),)


# ---- ahead


def measure_prefill(bench: CacheBench, turns: int) -> None:
    """Play two adventures turn by turn, one with a prefill before each action, one without."""
    stories: dict[str, tuple[Passage, ...]] = {"ahead": BEGINNING, "without": BEGINNING}
    times: dict[str, list[float]] = defaultdict(list)
    narrator = bench.narrator
    for index in range(turns):
        for way in sorted(stories, reverse=index % 2 == 1):  # none is always first
            action = ACTIONS[index % len(ACTIONS)]
            request = make_request(1 if way == "ahead" else 2, narrator, stories[way], action)
            if way == "ahead":
                bench.generate(without_action(request), prefill=True)
            reply = bench.generate(request)
            stories[way] = story_with(reply)
            times[way].append(reply.first_token_seconds)
            tokens = reply.report.tokens if reply.report else 0
            what = {"way": way, "turn": index, "prompt": tokens, "cached": reply.cached}
            print_figure("first_word_seconds", round(reply.first_token_seconds, 3), **what)
    for which, part in (("first turn", slice(0, 1)), ("next turns", slice(1, None))):
        medians = {way: statistics.median(each[part]) for way, each in times.items()}
        for way, seconds in medians.items():
            print_figure("median_first_word_seconds", round(seconds, 3), way=way, of=which)
        print_figure("ahead_to_without", round(medians["ahead"] / medians["without"], 3), of=which)


# ---- cache


def measure_cache(bench: CacheBench, stories: int, rounds: int) -> None:
    """Play stories in rotation, so that each has lost its slot before its next turn."""
    narrator = bench.narrator
    last: dict[int, Reply] = {}
    for number in range(stories):
        last[number] = bench.generate(make_request(number, narrator, BEGINNING, ACTIONS[0]))
    cards = {number: reply.report.fired for number, reply in last.items() if reply.report}
    shares: dict[str, list[float]] = defaultdict(list)
    for index in range(1, rounds + 1):
        for number in range(stories):
            what = ("next", "next", "retry", "undo")[index % 4] if index > 2 else "next"
            before = last[number].request
            action = ACTIONS[(index + number) % len(ACTIONS)]
            if what == "retry":
                request = before
            elif what == "undo":
                request = make_request(number, narrator, before.context.story, action)
            else:
                request = make_request(number, narrator, story_with(last[number]), action)
            reply = last[number] = bench.generate(request)
            if reply.report is not None:
                if what == "next" and reply.report.fired != cards.get(number):
                    what = "next, other cards"
                cards[number] = reply.report.fired
                shares[what].append(reply.cached / reply.report.tokens)
    for what, each in shares.items():
        some = {"stories": stories, "slots": narrator.slots, "after": what}
        print_figure("share_cached", round(statistics.mean(each), 3), **some)
        print_figure("least_share_cached", round(min(each), 3), **some)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that `arguments` name, or the command line; all where it names none."""
    parser = argparse.ArgumentParser(description="What a narrator's cache saves.")
    parser.add_argument("narrator")
    # argparse holds the default against the choices too.
    parser.add_argument("parts", nargs="*", default=[], choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--turns", type=int, default=12, help="of `ahead`")
    parser.add_argument("--stories", type=int, default=8, help="of `cache`")
    parser.add_argument("--rounds", type=int, default=6, help="of `cache`")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--option", nargs="*", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--narrators-file", type=Path, default=Path("narrators.yaml"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args(arguments)
    parts = given.parts or PARTS
    config = InferenceConfig(
        redis_url="", narrators_file=given.narrators_file, models_dir=given.models_dir.resolve()
    )
    narrator = load_narrators(given.narrators_file).get(given.narrator)
    more = {name: int(value) for name, value in (each.split("=") for each in given.option)}
    options = {**narrator.options, **more}
    narrator = narrator.model_copy(update={"slots": given.slots, "options": options})
    if "ahead" in parts:
        with running_bench(narrator, config) as bench:
            bench.generate(make_request(99, narrator, BEGINNING, "warm up"))
            measure_prefill(bench, given.turns)
    if "cache" in parts:
        with running_bench(narrator, config) as bench:
            measure_cache(bench, given.stories, given.rounds)


if __name__ == "__main__":
    main()
