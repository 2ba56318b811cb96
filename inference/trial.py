"""Trying a narrator without a game: its engine in this process, one story at a time."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.config import InferenceConfig
from inference.engines.base import Engine
from inference.engines.host import load
from inference.narrators import Narrator
from inference.prompts import Report, build, reply_stream
from inference.request import GenerationRequest, Passage, StoryContext
from inference.sampling import SamplingParams

REFERENCE_TOKENS = 24
# Processors round differently, and one token that falls the other way changes all that follow.
# Weights that are read wrongly differ at the first word.
REFERENCE_WORDS = 5

OPENING = (
    "You stand at the top of the cellar stairs with a lamp in your hand. Somewhere below, in the "
    "dark, something coughs."
)
ACTIONS = (
    Passage(kind="do", action="go down the stairs and hold up the lamp"),
    Passage(kind="say", action="Who is there?"),
    Passage(kind="continue"),
)


@dataclass
class Told:
    """A reply and what it took. Times are in seconds."""

    reply: str
    report: Report
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float = 0.0

    @property
    def speed(self) -> float:
        """Tokens a second after the first one."""
        after_first = self.seconds - self.first_token_seconds
        return (self.tokens - 1) / after_first if after_first > 0 and self.tokens > 1 else 0.0


@dataclass
class Trial:
    """A story told in this process. Raises ModelError, ValueError or RuntimeError on loading."""

    narrator: Narrator
    config: InferenceConfig
    memory: str = ""
    story: list[Passage] = field(default_factory=list)

    def __post_init__(self) -> None:
        began = time.monotonic()
        self.engine: Engine = load(self.narrator, self.config)
        self.load_seconds = time.monotonic() - began

    def tell(self, action: Passage, show: Callable[[str], None] = lambda piece: None) -> Told:
        """Tell what follows `action`, which is added to the story with its reply.

        `show` gets each piece as players would. Ctrl-C stops the telling and keeps the words.
        """
        context = StoryContext(memory=self.memory, story=tuple(self.story), action=action)
        request = GenerationRequest(
            adventure="trial", turn="trial", attempt=1, narrator=self.narrator.name, context=context
        )
        built = build(
            request,
            self.narrator,
            self.engine.count,
            self.engine.render_chat,
            self.engine.context_tokens,
        )
        stream = reply_stream(request, self.narrator)
        told = Told(reply="", report=built.report)
        began = time.monotonic()
        number = self.engine.submit(built.text, built.sampling)
        try:
            while self.engine.busy:
                for text in self.engine.step():
                    if not told.tokens and text.tokens:
                        told.first_token_seconds = time.monotonic() - began
                    told.tokens += text.tokens
                    show(stream.feed(text.text))
                    if stream.done:
                        self.engine.cancel(number)
                    if text.finish:
                        show(stream.finish(text.finish))
        except KeyboardInterrupt:
            self.engine.cancel(number)
            while self.engine.busy:
                self.engine.step()
            show(stream.finish("cancelled"))
        told.seconds = time.monotonic() - began
        told.reply = stream.told
        self.story.append(action.model_copy(update={"reply": stream.told}))
        return told

    def greedy(self, prompt: str, tokens: int = REFERENCE_TOKENS) -> str:
        """What the model says after `prompt` when it always takes the likeliest token."""
        self.engine.submit(
            prompt, SamplingParams(max_tokens=tokens, temperature=0, repetition_penalty=1)
        )
        said = ""
        while self.engine.busy:
            said += "".join(text.text for text in self.engine.step())
        return said

    def reference_problem(self) -> str:
        """One line where the model does not say what it should; empty where it does."""
        reference = self.narrator.reference
        if reference is None:
            return ""
        said = self.greedy(reference.prompt)
        if said.split()[:REFERENCE_WORDS] == reference.text.split()[:REFERENCE_WORDS]:
            return ""
        return (
            f"narrator {self.narrator.name!r} says {said.strip()[:60]!r} where "
            f"{reference.text.strip()[:60]!r} is right: its weights are not read as they are meant"
        )


def memory_in_use() -> int:
    """The most bytes of memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
