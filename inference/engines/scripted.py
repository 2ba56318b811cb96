"""An engine with canned replies at a set speed. For tests, load tests and demonstrations."""

import os
import random
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.abilities import ignored_by
from inference.engines.base import EngineBroken, Finish, Message, NewText, RequestId, check_size
from inference.narrators import Narrator

TOKEN = re.compile(r"\s*(?:\w+|[^\w\s]+)|\s+")
STEP_SECONDS = 0.02  # how long a step waits for a token to be due, so that requests can join
ECHO_TOKENS = 24
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
CLOCK_SENTENCE = 12  # words
CLOCK = re.compile(r"q([0-9a-z]{5,10})\.?")
CRASH_CODE = 70

REPLIES = (
    "You push the door and it swings open without a sound. Cold air rises from below, and a stair "
    "winds down into the dark. Somewhere beneath you, water is dripping.",
    "You look around. The lantern throws long shadows over shelves of dusty bottles. One of them "
    "has been moved not long ago: there is a clean ring in the dust beside it.",
    "You wait, and listen. Footsteps pass outside, slow and heavy, then stop. A key turns in the "
    "lock. Whoever it is, they know that you are here.",
)


class ScriptedOptions(BaseModel):
    """`options` of a scripted narrator. Times are in seconds; counts are over the engine's life."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replies: tuple[str, ...] = Field(default=REPLIES, min_length=1)
    in_turn: bool = False  # the first reply first, and so on, whatever the prompt says
    answers: tuple[str, ...] = ()  # in turn, where a format is asked for; refused without any
    echo: bool = False  # reply with the end of the prompt instead
    # Replies of words that hold the time they were made; the fewest and the most tokens of one.
    clock: tuple[int, int] | None = None
    pace: float = Field(default=40, ge=0)  # tokens per second for each request; 0 is no limit
    first_token_seconds: float = Field(default=0, ge=0)
    prefill_seconds: float | None = Field(default=None, ge=0)  # None: prefill does nothing
    step_seconds: float = Field(default=0, ge=0)  # what each step takes at least
    load_seconds: float = Field(default=0, ge=0)
    crash_after_tokens: int | None = None  # the process is gone, as in a segmentation fault
    hang_after_tokens: int | None = None  # step() never returns
    error_after_tokens: int | None = None  # step() raises EngineBroken


@dataclass
class Reply:
    """A request under way: the tokens still to come and when the next one is due."""

    tokens: list[str]
    finish: Finish
    due: float = 0.0  # time.monotonic(); 0 until it has a slot
    prefill_only: bool = False  # fill the cache and generate nothing


class ScriptedEngine:
    """Keeps the promise of `Engine` without a model. A token is a word or a run of punctuation."""

    can_avoid = False
    continues = True

    def __init__(self, narrator: Narrator) -> None:
        self.context_tokens = narrator.context
        self._options = ScriptedOptions.model_validate(narrator.options)
        self.reads_ahead = self._options.prefill_seconds is not None
        self._slots = narrator.slots
        self._replies: dict[RequestId, Reply] = {}  # in order of arrival: the first have slots
        self._cancelled: list[RequestId] = []
        self._last_request = 0
        self._generated = 0
        self._answered = 0
        time.sleep(self._options.load_seconds)

    @property
    def busy(self) -> bool:
        """Whether any reply is waiting or running."""
        return bool(self._replies or self._cancelled)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on and that this engine does not support."""
        return ignored_by("scripted", sampling)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return len(TOKEN.findall(text))

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The messages with their roles in brackets."""
        said = "".join(f"[{message.role}]\n{message.content}\n" for message in messages)
        return f"{said}[assistant]\n{begun}"

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a reply.

        Raises ValueError where the prompt is empty or does not fit the context, and for an
        `output` without the option `answers`.
        """
        if output is not None and not self._options.answers:
            raise ValueError(
                "the scripted engine cannot keep to a schema or a grammar: "
                "take the llama engine for this narrator"
            )
        tokens = self.count(prompt)
        check_size(tokens, sampling, self.context_tokens)
        for number in [number for number, each in self._replies.items() if each.prefill_only]:
            self.cancel(number)
        new_tokens = TOKEN.findall(
            self._reply_text(prompt, sampling.seed) if output is None else self._next_answer()
        )
        finish: Finish = "length" if len(new_tokens) > sampling.max_tokens else "stop"
        self._last_request += 1
        self._replies[self._last_request] = Reply(new_tokens[: sampling.max_tokens], finish)
        return self._last_request

    def prefill(self, prompt: str) -> RequestId | None:
        """Queue a prefill that takes `prefill_seconds`; None where this option is not set."""
        if not self.reads_ahead:
            return None
        self._last_request += 1
        self._replies[self._last_request] = Reply([], "stop", prefill_only=True)
        return self._last_request

    def cancel(self, request: RequestId) -> None:
        """End a request; the next step reports it."""
        if self._replies.pop(request, None):
            self._cancelled.append(request)

    def step(self) -> list[NewText]:
        """Return the tokens that are due, one per reply. Fails as the options ask for."""
        texts = [NewText(request, "", 0, "cancelled") for request in self._cancelled]
        self._cancelled.clear()
        replies = [each for each in self._replies.items() if not each[1].prefill_only]
        running = replies[: self._slots] or list(self._replies.items())[:1]
        now = time.monotonic()
        for _, reply in running:
            wait = self._options.prefill_seconds if reply.prefill_only else None
            wait = self._options.first_token_seconds if wait is None else wait
            reply.due = reply.due or now + wait
        time.sleep(max(self._options.step_seconds, self._wait_seconds(running, texts)))
        now = time.monotonic()
        for request, reply in running:
            if reply.due <= now:
                texts.append(self._next_token(request, reply))
        return texts

    def _wait_seconds(self, running: list[tuple[RequestId, Reply]], texts: list[NewText]) -> float:
        """How long to wait for the next token, in seconds."""
        if texts or not running:
            return 0.0
        due = min(reply.due for _, reply in running) - time.monotonic()
        return min(max(due, 0.0), STEP_SECONDS)

    def _next_token(self, request: RequestId, reply: Reply) -> NewText:
        if reply.tokens:
            self._fail_as_configured()
            self._generated += 1
        text = reply.tokens.pop(0) if reply.tokens else ""
        if text and self._options.clock:
            # The space comes with the word before it, so that each token is a whole word.
            left = len(reply.tokens)
            end = "" if left % CLOCK_SENTENCE else "."
            text = clock_word(time.monotonic()) + end + (" " if left else "")
        if self._options.pace:
            reply.due += 1 / self._options.pace
        if reply.tokens:
            return NewText(request, text, 1)
        del self._replies[request]
        return NewText(request, text, 1 if text else 0, reply.finish)

    def _next_answer(self) -> str:
        """The next of the canned answers, the first again after the last."""
        answers = self._options.answers
        self._answered += 1
        return answers[(self._answered - 1) % len(answers)]

    def _fail_as_configured(self) -> None:
        """Break in the way the options ask for, once enough tokens were generated."""
        options = self._options
        if options.crash_after_tokens is not None and self._generated >= options.crash_after_tokens:
            os._exit(CRASH_CODE)
        if options.error_after_tokens is not None and self._generated >= options.error_after_tokens:
            raise EngineBroken("the script says that the engine breaks here")
        if options.hang_after_tokens is not None and self._generated >= options.hang_after_tokens:
            while True:
                time.sleep(3600)

    def _reply_text(self, prompt: str, seed: int | None) -> str:
        """The rest of a reply that the prompt ends with, or a reply picked by seed or prompt."""
        if self._options.echo:
            return "".join(TOKEN.findall(prompt)[-ECHO_TOKENS:])
        if self._options.clock:
            length = random.Random(seed).randint(*self._options.clock)  # noqa: S311  nothing secret
            return " tick" * length
        replies = self._options.replies
        if self._options.in_turn:
            return replies[self._last_request % len(replies)]
        overlapping = max(overlap(prompt, reply) for reply in replies)
        fitting = [reply for reply in replies if overlap(prompt, reply) == overlapping]
        return pick(fitting, prompt if overlapping == 0 else "", seed)[overlapping:]


def clock_word(seconds: float) -> str:
    """A word that says when it was made, in milliseconds of the machine's monotonic clock."""
    left, digits = int(seconds * 1000), ""
    while left:
        left, digit = divmod(left, 36)
        digits = DIGITS[digit] + digits
    # Padded: in the first half hour after boot it would be too short to differ from a word.
    return f"q{digits:0>5}"


def time_in(word: str) -> float | None:
    """When a word was made, on a machine whose clock both know; None for other words."""
    found = CLOCK.fullmatch(word)
    return int(found[1], 36) / 1000 if found else None


def overlap(prompt: str, reply: str) -> int:
    """How many of the first characters of `reply`, but not all, end the `prompt`.

    An overlap shorter than the first token is taken for chance.
    """
    first = TOKEN.match(reply)
    least = first.end() if first else 1
    lengths = range(min(len(reply) - 1, len(prompt)), least - 1, -1)
    return next((length for length in lengths if prompt.endswith(reply[:length])), 0)


def pick(replies: Sequence[str], prompt: str, seed: int | None) -> str:
    """One of `replies`, the same for the same seed; without a seed, for the same prompt."""
    if seed is None:
        return replies[zlib.crc32(prompt.encode()) % len(replies)]
    return random.Random(seed).choice(replies)  # noqa: S311  nothing secret


def load(narrator: Narrator, config: InferenceConfig) -> ScriptedEngine:
    """The engine of a scripted narrator. It needs nothing from the host."""
    return ScriptedEngine(narrator)
