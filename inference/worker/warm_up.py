"""The warm-up of an engine: a short turn that nobody plays, before its narrator gets any turns."""

import threading
import time
from dataclasses import dataclass, field

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import NewText
from inference.engines.process import EngineFailed, EngineProcess
from inference.narrators import Narrator

WARM_TOKENS = 8  # of a reply, after which an engine counts as working
WATCH_EVERY = 0.5  # seconds between looks at the engine meanwhile
WARM_UP_SECONDS = 600.0  # most that it may take: a server may send for ever


def warm_up_request(narrator: Narrator) -> GenerationRequest:
    """The request of the warm-up turn."""
    opening = Passage(kind="opening", reply="You stand at the top of the stairs with a lamp.")
    context = StoryContext(story=(opening,), action=Passage(kind="do", action="go down"))
    return GenerationRequest(
        adventure="warm-up", turn="warm-up", attempt=1, narrator=narrator.name, context=context
    )


@dataclass
class WarmUp:
    """The warm-up turn of one engine. `problem` says why the engine does not work."""

    number: int  # the engine's number of the request
    tokens: int = 0
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    def take(self, news: list[NewText]) -> None:
        """Count the tokens of one step."""
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

    def run(self, engine: EngineProcess, narrator: Narrator) -> None:
        """Have the engine generate WARM_TOKENS. Raises EngineFailed, and ends the engine then."""
        engine.submit(self.number, warm_up_request(narrator))
        problem, deadline = "", time.monotonic() + WARM_UP_SECONDS
        while not problem and not self.done.wait(WATCH_EVERY):
            if not engine.alive:
                problem = "the engine died"
            elif time.monotonic() > deadline:
                problem = f"it did not tell {WARM_TOKENS} tokens in {WARM_UP_SECONDS:.0f} s"
            elif engine.seconds_in_step() > narrator.step_seconds:
                problem = f"a step took over {narrator.step_seconds} s"
        problem = problem or self.problem
        engine.cancel(self.number)
        if problem:
            engine.stop(timeout=0)
            raise EngineFailed(f"narrator {narrator.name!r} cannot tell: {problem}")
