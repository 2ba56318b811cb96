"""What a narrator's cache saves: `python -m inference.lab.reading NARRATOR [WHAT …]`.

Everything goes the worker's way: an engine process, prompts built as for players, replies cleaned.
Prints one JSON object a figure. Times of a machine that does other things say little; each part
takes turns with what it is compared with, and prints ratios.

- `ahead`: the first word of each turn of two adventures, one of which is read ahead while its
  player types, and one that is not;
- `cache`: how much of its prompt a turn finds in the cache, with twice as many stories as slots:
  a next turn, one whose action fires another card (which changes the prompt from where cards
  stand), a retry, and another action after an undo.
"""

import argparse
import os
import queue
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inference.config import InferenceConfig
from inference.contract.request import Card, GenerationRequest, Passage, StoryContext
from inference.engines.base import NewText
from inference.engines.process import EngineProcess
from inference.lab.bench import PATIENCE, say
from inference.narrators import Narrator, load_narrators
from inference.prompts import Report, reply_stream
from inference.worker.read_ahead import next_request

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
class Heard:
    """One request: when it was asked, its words by when they came, and what its prompt was."""

    request: GenerationRequest
    narrator: Narrator
    began: float
    times: list[float] = field(default_factory=list)
    raw: str = ""
    cached: int = 0
    report: Report | None = None
    over: bool = False

    @property
    def first_word(self) -> float:
        return self.times[0] - self.began

    @property
    def reply(self) -> str:
        """As players see it."""
        stream = reply_stream(self.request, self.narrator)
        stream.feed(self.raw)
        stream.finish("length")
        return stream.told or "Nothing happens."


class Listener:
    """An engine process, and what it says."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        self.narrator = narrator
        self.steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
        self.heard: dict[int, Heard] = {}
        self.last = 0
        self.process = EngineProcess(
            narrator, config, self.steps.put, self.note_prompt, lambda why: sys.exit(why)
        )
        self.process.start()
        self.process.wait_ready(PATIENCE)

    def note_prompt(self, number: int, report: Report) -> None:
        self.heard[number].report = report

    def submit(self, request: GenerationRequest, ahead: bool = False) -> Heard:
        self.last += 1
        heard = self.heard[self.last] = Heard(request, self.narrator, time.monotonic())
        (self.process.prefill if ahead else self.process.submit)(self.last, request)
        return heard

    def listen(self, until: Callable[[], bool]) -> None:
        """Take what comes until `until` says that it is enough."""
        while not until():
            for new in self.steps.get(timeout=PATIENCE):
                heard = self.heard[new.request]
                if new.finish == "error":
                    raise RuntimeError(new.error)
                heard.raw += new.text
                heard.cached += new.cached or 0
                heard.times += [time.monotonic()] * (new.tokens > 0)
                heard.over = heard.over or new.finish is not None

    def tell(self, request: GenerationRequest, ahead: bool = False) -> Heard:
        heard = self.submit(request, ahead)
        self.listen(lambda: heard.over)
        return heard


@contextmanager
def listening(narrator: Narrator, config: InferenceConfig) -> Iterator[Listener]:
    listener = Listener(narrator, config)
    try:
        yield listener
    finally:
        listener.process.stop(timeout=5)


def asked(
    number: int, narrator: Narrator, story: tuple[Passage, ...], action: str
) -> GenerationRequest:
    """A turn of the adventure with this number; no two begin alike."""
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


def following(request: GenerationRequest) -> GenerationRequest:
    """The same turn while nobody knows its action."""
    context = request.context.model_copy(update={"action": Passage(kind="continue")})
    return request.model_copy(update={"context": context})


def told(heard: Heard) -> tuple[Passage, ...]:
    """The story with the reply that was heard."""
    return next_request(heard.request, heard.reply).context.story


BEGINNING: tuple[Passage, ...] = (Passage(kind="opening", reply=OPENING),)


# ---- ahead


def measure_ahead(listener: Listener, turns: int) -> None:
    """Two adventures, turn by turn: one read ahead, and one not."""
    stories: dict[str, tuple[Passage, ...]] = {"ahead": BEGINNING, "without": BEGINNING}
    times: dict[str, list[float]] = defaultdict(list)
    narrator = listener.narrator
    for index in range(turns):
        for way in sorted(stories, reverse=index % 2 == 1):  # none is always first
            action = ACTIONS[index % len(ACTIONS)]
            request = asked(1 if way == "ahead" else 2, narrator, stories[way], action)
            if way == "ahead":
                listener.tell(following(request), ahead=True)  # while the player types
            heard = listener.tell(request)
            stories[way] = told(heard)
            times[way].append(heard.first_word)
            tokens = heard.report.tokens if heard.report else 0
            what = {"way": way, "turn": index, "prompt": tokens, "cached": heard.cached}
            say("first_word_seconds", round(heard.first_word, 3), **what)
    for which, part in (("first turn", slice(0, 1)), ("next turns", slice(1, None))):
        medians = {way: statistics.median(each[part]) for way, each in times.items()}
        for way, seconds in medians.items():
            say("median_first_word_seconds", round(seconds, 3), way=way, of=which)
        say("ahead_to_without", round(medians["ahead"] / medians["without"], 3), of=which)


# ---- cache


def measure_cache(listener: Listener, stories: int, rounds: int) -> None:
    """Stories in turn, each of which has lost its slot to others when its next turn comes."""
    narrator = listener.narrator
    last: dict[int, Heard] = {}
    for number in range(stories):
        last[number] = listener.tell(asked(number, narrator, BEGINNING, ACTIONS[0]))
    cards = {number: heard.report.fired for number, heard in last.items() if heard.report}
    shares: dict[str, list[float]] = defaultdict(list)
    for index in range(1, rounds + 1):
        for number in range(stories):
            what = ("next", "next", "retry", "undo")[index % 4] if index > 2 else "next"
            before = last[number].request
            action = ACTIONS[(index + number) % len(ACTIONS)]
            if what == "retry":
                request = before
            elif what == "undo":
                request = asked(number, narrator, before.context.story, action)
            else:
                request = asked(number, narrator, told(last[number]), action)
            heard = last[number] = listener.tell(request)
            if heard.report is not None:
                if what == "next" and heard.report.fired != cards.get(number):
                    what = "next, other cards"
                cards[number] = heard.report.fired
                shares[what].append(heard.cached / heard.report.tokens)
    for what, each in shares.items():
        some = {"stories": stories, "slots": narrator.slots, "after": what}
        say("share_cached", round(statistics.mean(each), 3), **some)
        say("least_share_cached", round(min(each), 3), **some)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a narrator's cache saves.")
    parser.add_argument("narrator")
    parser.add_argument("what", nargs="*", default=PARTS, choices=[*PARTS, []])
    parser.add_argument("--turns", type=int, default=12, help="of `ahead`")
    parser.add_argument("--stories", type=int, default=8, help="of `cache`")
    parser.add_argument("--rounds", type=int, default=6, help="of `cache`")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--option", nargs="*", default=[], metavar="NAME=NUMBER")
    parser.add_argument("--narrators-file", type=Path, default=Path("narrators.yaml"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args()
    config = InferenceConfig(
        redis_url="", narrators_file=given.narrators_file, models_dir=given.models_dir.resolve()
    )
    narrator = load_narrators(given.narrators_file).get(given.narrator)
    more = {name: int(value) for name, value in (each.split("=") for each in given.option)}
    options = {**narrator.options, **more}
    narrator = narrator.model_copy(update={"slots": given.slots, "options": options})
    if "ahead" in given.what:
        with listening(narrator, config) as listener:
            listener.tell(asked(99, narrator, BEGINNING, "warm up"))
            measure_ahead(listener, given.turns)
    if "cache" in given.what:
        with listening(narrator, config) as listener:
            measure_cache(listener, given.stories, given.rounds)


if __name__ == "__main__":
    main()
