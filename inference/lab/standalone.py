"""Trying a narrator without a game: its engine in this process, one story at a time."""

import logging
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import Engine
from inference.engines.host import load
from inference.models import arithmetic
from inference.models.export import reference_of
from inference.models.store import model_path
from inference.narrators import Narrator, Reference
from inference.prompts import Report, build, reply_stream
from inference.reply import ReplyStream
from inference.worker import retry_reply

logger = logging.getLogger(__name__)

REFERENCE_TOKENS = 24
# Processors round differently, and one token that falls the other way changes all that follow: a
# reference is best where the likeliest token is far ahead of the next. Weights that are read
# wrongly differ within a few words.
REFERENCE_WORDS = 5

# For a GGUF without a reference. Plain words: any tokenizer splits them the same a second time.
PROOF_PROMPT = "You open the door of the old mill and look around. On the table"
PROOF_TOKENS = 16

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
    resampled: list[str] = field(default_factory=list)  # why it was told again
    shortened: str = ""

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
        request: GenerationRequest | None = GenerationRequest(
            adventure="trial", turn="trial", attempt=1, narrator=self.narrator.name, context=context
        )
        told: Told | None = None
        began = time.monotonic()
        while request is not None:
            again = retry_reply.may_retell(1 + (len(told.resampled) if told else 0))
            stream = reply_stream(request, self.narrator, again)
            told = self.tell_once(request, stream, told, began, show)
            request = retry_reply.retelling(request, self.narrator.sampling, stream)
            if request is not None:
                told.resampled.append(retry_reply.NAMES[stream.fault])
            told.shortened = retry_reply.NAMES[stream.fault]
            told.reply = stream.told
        assert told is not None
        told.seconds = time.monotonic() - began
        self.story.append(action.model_copy(update={"reply": told.reply}))
        return told

    def tell_once(
        self,
        request: GenerationRequest,
        stream: ReplyStream,
        told: Told | None,
        began: float,
        show: Callable[[str], None],
    ) -> Told:
        """Have the engine tell a request into `stream`; what it took is added to `told`."""
        built = build(
            request,
            self.narrator,
            self.engine.count,
            self.engine.render_chat,
            self.engine.context_tokens,
        )
        told = told or Told(reply="", report=built.report)
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
        return told


@dataclass(frozen=True)
class Proof:
    """What became of the question whether a model's weights are read as they are meant."""

    problem: str = ""  # one line; empty where nothing is wrong
    said: str = ""  # how it was proved; empty where there is nothing to prove it by


def prove(narrator: Narrator, config: InferenceConfig) -> Proof:
    """Have the model say greedily what is known, or what its file says when computed apart.

    Loads it for as long as that takes. Raises ModelError, ValueError or RuntimeError.
    """
    if narrator.engine == "openai" or not narrator.model:
        return Proof()
    engine = load(exactly(narrator), config)
    path = model_path(narrator, config.models_dir)
    reference = narrator.reference or (reference_of(path) if path.is_dir() else None)
    if reference is not None:
        return by_reference(narrator, engine, reference)
    if narrator.engine == "openvino" and path.is_file():
        return by_arithmetic(narrator, engine, path)
    return Proof()


def by_reference(narrator: Narrator, engine: Engine, reference: Reference) -> Proof:
    """The narrator's own reference, or what the checkpoint said when an IR was made of it."""
    said = greedy(engine, reference.prompt)
    right = " ".join(reference.text.split()[:REFERENCE_WORDS])
    if " ".join(said.split()).startswith(right):
        return Proof(said="says what it should")
    return Proof(
        f"narrator {narrator.name!r} says {said.strip()[:60]!r} where "
        f"{reference.text.strip()[:60]!r} is right: its weights are not read as they are meant"
    )


def by_arithmetic(narrator: Narrator, engine: Any, path: Path) -> Proof:
    """What the engine tells of a GGUF greedily, gone over with numpy."""
    said = greedy(engine, PROOF_PROMPT, PROOF_TOKENS)
    prompt = engine.ids(PROOF_PROMPT)
    told = engine.ids(PROOF_PROMPT + said)[len(prompt) :]
    if not told:
        return Proof(f"narrator {narrator.name!r} says nothing after {PROOF_PROMPT!r}")
    try:
        right, looked_at = arithmetic.agreeing(path, prompt, told)
    except arithmetic.Unknown as unknown:
        logger.info("narrator %s: not proved: %s is not computed apart", narrator.name, unknown)
        return Proof()
    if right >= arithmetic.AGREEING * looked_at:
        return Proof(said=f"says what its file says ({right} of {looked_at} tokens)")
    return Proof(
        f"narrator {narrator.name!r} says {said.strip()[:60]!r}, and its file says otherwise "
        f"({right} of {looked_at} tokens are right): its weights are not read as they are meant"
    )


def exactly(narrator: Narrator) -> Narrator:
    """The narrator as it computes when nothing is rounded for speed.

    Where a processor has AMX, openvino computes in bfloat16: the built-in model then tells of King
    Edward III and not of a brave knight, though its weights are right.
    """
    if narrator.engine != "openvino":
        return narrator
    return narrator.model_copy(update={"options": {**narrator.options, "precision": "f32"}})


def greedy(engine: Engine, prompt: str, tokens: int = REFERENCE_TOKENS) -> str:
    """What a model says after `prompt` when it always takes the likeliest token."""
    engine.submit(prompt, SamplingParams(max_tokens=tokens, temperature=0, repetition_penalty=1))
    said = ""
    while engine.busy:
        said += "".join(text.text for text in engine.step())
    return said


def memory_in_use() -> int:
    """The most bytes of memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
