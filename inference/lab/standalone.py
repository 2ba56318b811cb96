"""Runs a narrator without the game: its engine in this process, one story, no Redis or database."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import Engine
from inference.engines.host import load
from inference.narrators import Narrator
from inference.prompts import Report, build, reply_stream
from inference.reply import ReplyStream
from inference.worker import retry_reply

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
class StandaloneReply:
    """A reply with its prompt report and figures. Times are in seconds, all attempts together."""

    reply: str
    report: Report
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float = 0.0
    resampled: list[str] = field(default_factory=list)  # why earlier attempts were discarded
    shortened: str = ""  # why the reply was cut; empty where it was not

    @property
    def speed(self) -> float:
        """Tokens per second after the first token."""
        after_first = self.seconds - self.first_token_seconds
        return (self.tokens - 1) / after_first if after_first > 0 and self.tokens > 1 else 0.0


@dataclass
class StandaloneStory:
    """A story and the engine that continues it. Raises ModelError, ValueError or RuntimeError.

    `story` are the turns so far, `load_seconds` how long the engine took to load.
    """

    narrator: Narrator
    config: InferenceConfig
    memory: str = ""
    story: list[Passage] = field(default_factory=list)

    def __post_init__(self) -> None:
        began = time.monotonic()
        self.engine: Engine = load(self.narrator, self.config)
        self.load_seconds = time.monotonic() - began

    def take_turn(
        self, action: Passage, show: Callable[[str], None] = lambda piece: None
    ) -> StandaloneReply:
        """Generate the reply to `action`, and add both to the story.

        `show` gets each piece of text as players would. Ctrl-C ends the reply and keeps its text.
        Raises ValueError where the prompt does not fit, and EngineBroken.
        """
        context = StoryContext(memory=self.memory, story=tuple(self.story), action=action)
        request: GenerationRequest | None = GenerationRequest(
            adventure="trial", turn="trial", attempt=1, narrator=self.narrator.name, context=context
        )
        result: StandaloneReply | None = None
        began = time.monotonic()
        while request is not None:
            again = retry_reply.may_retry(1 + (len(result.resampled) if result else 0))
            stream = reply_stream(request, self.narrator, again)
            result = self._generate(request, stream, result, began, show)
            request = retry_reply.retry_request(request, self.narrator.sampling, stream)
            if request is not None:
                result.resampled.append(retry_reply.NAMES[stream.fault])
            result.shortened = retry_reply.NAMES[stream.fault]
            result.reply = stream.told
        assert result is not None
        result.seconds = time.monotonic() - began
        self.story.append(action.model_copy(update={"reply": result.reply}))
        return result

    def _generate(
        self,
        request: GenerationRequest,
        stream: ReplyStream,
        result: StandaloneReply | None,
        began: float,
        show: Callable[[str], None],
    ) -> StandaloneReply:
        """Feed one attempt of the engine into `stream`, and add its figures to `result`."""
        built = build(
            request,
            self.narrator,
            self.engine.count,
            self.engine.render_chat,
            self.engine.context_tokens,
        )
        result = result or StandaloneReply(reply="", report=built.report)
        number = self.engine.submit(built.text, built.sampling)
        try:
            while self.engine.busy:
                for text in self.engine.step():
                    if not result.tokens and text.tokens:
                        result.first_token_seconds = time.monotonic() - began
                    result.tokens += text.tokens
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
        return result


def peak_memory() -> int:
    """The largest resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
