"""How well a narrator reads the state of the world, and what its questions cost an idle worker.

    python -m inference.lab.narrator_reading NARRATOR [dev|held] [--turns N] [--shown]

Takes labelled turns that a narrator would be asked about, reads each one's prompt ahead, as a
worker has done by then, and times what comes after: the reading, and suggested actions. Prints
figures as JSON, a line each, and precision and recall of the readings as a table. `--shown` prints
what was answered, of the turns that may be read (dev). docs/world.md has figures.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.world import WorldChange
from inference.engines.base import Engine
from inference.engines.host import load
from inference.lab.bench import print_figure
from inference.lab.evaluation.world_labels import (
    LabelledTurn,
    is_known,
    read_turns,
    says,
    score_turns,
    table,
)
from inference.narrators import Narrator, load_narrators
from inference.prompts import build_question, stable_front
from inference.worker.idle.questions import Job, jobs_after
from inference.worker.idle.read_ahead import next_request


def request_of(turn: LabelledTurn, narrator: Narrator) -> GenerationRequest:
    """The request of a labelled turn, with suggestions."""
    action = Passage(kind=turn.kind, action=turn.action, outcome=turn.outcome)
    return GenerationRequest(
        adventure=turn.id,
        turn=turn.id,
        attempt=1,
        narrator=narrator.name,
        context=StoryContext(story=turn.story, action=action, world=turn.world),
        suggestions=True,
    )


class Asking:
    """An engine in this process, and the seconds that each kind of question took."""

    def __init__(self, narrator: Narrator, engine: Engine) -> None:
        self.narrator = narrator
        self.engine = engine
        self.seconds: dict[str, list[float]] = {"reading": [], "suggestions": []}
        self.tokens: dict[str, list[int]] = {"reading": [], "suggestions": []}

    def wait_for(self, number: int) -> tuple[str, int]:
        """The text of a request, and its number of tokens."""
        text, tokens = "", 0
        while True:
            for new in self.engine.step():
                if new.request != number:
                    continue
                text, tokens = text + new.text, tokens + new.tokens
                if new.finish == "error":
                    raise RuntimeError(new.error)
                if new.finish:
                    return text, tokens

    def read_ahead(self, request: GenerationRequest, reply: str) -> None:
        """Prefill the next turn's prompt."""
        front = stable_front(next_request(request, reply), *self.given)
        number = self.engine.prefill(front)
        if number is not None:
            self.wait_for(number)

    @property
    def given(self) -> tuple[Narrator, Any, Any, int]:
        """What prompts are built with."""
        engine = self.engine
        return self.narrator, engine.count, engine.render_chat, engine.context_tokens

    def answer(self, job: Job) -> str:
        """The answer to a question, which is timed."""
        built = build_question(job.question, *self.given)
        began = time.monotonic()
        number = self.engine.submit(built.text, built.sampling, built.output)
        text, tokens = self.wait_for(number)
        self.seconds[job.kind].append(time.monotonic() - began)
        self.tokens[job.kind].append(tokens)
        return text


def ask_about(
    turns: Sequence[LabelledTurn], asking: Asking, shown: bool
) -> dict[str, Sequence[WorldChange]]:
    """What was read of each turn, by its id."""
    found: dict[str, Sequence[WorldChange]] = {}
    for turn in turns:
        request = request_of(turn, asking.narrator)
        asking.read_ahead(request, turn.reply)
        for job in jobs_after(request, turn.reply, asking.narrator):
            answer = asking.answer(job)
            read: Any = job.parse(answer)
            if job.kind == "reading":
                found[turn.id] = read.changes if read else ()
            if shown:
                sys.stdout.write(f"{turn.id} {job.kind}: {answer}\n")
        if shown:
            show(turn, found[turn.id])
    return found


def show(turn: LabelledTurn, changes: Sequence[WorldChange]) -> None:
    """Print what was read wrongly of a turn."""
    for change in changes:
        right = any(says(label, change) for label in turn.changes) or is_known(turn, change)
        verdict = "right" if right else "WRONG"
        line = f"  {verdict} {change.name} {change.field} {change.value}"
        sys.stdout.write(f"{line}: {change.sentence}\n")


def of_same_kind(turn: LabelledTurn) -> LabelledTurn:
    """The turn with the labels that a narrator is asked about: people and things."""
    kept = tuple(each for each in turn.changes if each.part in ("person", "thing"))
    return turn.model_copy(update={"changes": kept})


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with the narrator that `arguments` name, or the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("narrator")
    parser.add_argument("set", nargs="?", choices=["dev", "held2"], default="dev")
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--skip", type=int, default=0, help="turns that are left out first")
    parser.add_argument("--shown", action="store_true")
    parser.add_argument("--narrators-file", type=Path, default=Path("narrators.yaml"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args(arguments)
    narrator = load_narrators(given.narrators_file).get(given.narrator)
    narrator = narrator.model_copy(update={"slots": 1, "state": "narrator"})
    config = InferenceConfig(
        redis_url="", narrators_file=given.narrators_file, models_dir=given.models_dir.resolve()
    )
    every = [turn for turn in read_turns(given.set) if turn.kind != "opening"]
    asked = [
        turn
        for turn in every
        if jobs_after(request_of(turn, narrator), turn.reply, narrator)[0].kind == "reading"
    ]
    step = max(1, len(asked) // given.turns)
    turns = asked[given.skip :: step][: given.turns]
    asking = Asking(narrator, load(narrator, config))
    found = ask_about(turns, asking, given.shown and given.set == "dev")
    share = len(asked) / len(every)
    print_figure("turns_asked_about", round(share, 3), set=given.set)
    for kind, seconds in asking.seconds.items():
        tokens = round(statistics.mean(asking.tokens[kind]), 1)
        some = {"kind": kind, "turns": len(seconds), "tokens": tokens}
        print_figure("mean_seconds", round(statistics.mean(seconds), 2), **some)
        print_figure("max_seconds", round(max(seconds), 2), kind=kind)
    counts = score_turns(map(of_same_kind, turns), lambda turn: found[turn.id])
    sys.stdout.write(f"{table(counts)}{json.dumps({'turns': [turn.id for turn in turns]})}\n")


if __name__ == "__main__":
    main()
