"""Whether a server reads all that it is sent: some cut a long story at a length of their own.

Ollama takes a prompt of any length, cuts it at its `num_ctx` and says nothing. The tale then loses
its memory and its beginning. So a server is asked what it has read of a prompt that fills the
narrator's context, and of one half as long: what it reads must grow as the prompts do.
"""

from dataclasses import dataclass
from itertools import count as counting_from

from inference.engines.base import Message
from inference.engines.openai import OpenAIEngine

# A prompt twice as long that grows by less than this share of its due was cut.
SHARE_READ = 0.9

SENTENCES = (
    "the lamp went out and somebody laughed behind the door.",
    "a cart came down the hill with nobody to lead the horse.",
    "the clerk wrote the name twice and crossed it out again.",
    "rain fell on the market and the bells began to ring.",
    "the key was warm, and on its side a number was scratched.",
)


@dataclass(frozen=True)
class Window:
    """Tokens of the prompt that fills the window. `theirs` is None where the server says none."""

    ours: int
    theirs: int | None
    problem: str = ""  # one line, with its remedy


def check_window(engine: OpenAIEngine, reply_tokens: int) -> Window:
    """Have the server read a full window, less `reply_tokens`. Raises ValueError if it will not."""
    room = engine.context_tokens - reply_tokens
    half, full = prompt_of(engine, room // 2, "Half"), prompt_of(engine, room, "Full")
    ours = engine.count(full)
    remedy = engine.dialect.more_context.format(tokens=engine.context_tokens)
    try:
        half_read, read = engine.tokens_read(half), engine.tokens_read(full)
    except ValueError as error:
        raise ValueError(
            f"a prompt of {ours} tokens was not answered: {error} ({remedy}, or lower `context`)"
        ) from error
    if half_read is None or read is None:
        return Window(ours, None)
    due = half_read * ours // engine.count(half)
    if read < SHARE_READ * due:
        return Window(
            ours,
            read,
            f"it read {read} tokens of a prompt of about {due} and dropped the rest without a "
            f"word: {remedy}, or write `context: {read}`",
        )
    if read > ours:
        fitting = engine.context_tokens * ours // read
        return Window(
            ours,
            read,
            f"it counts {read} tokens where {ours} were expected: write `context: {fitting}`, or "
            "long stories will not fit",
        )
    return Window(ours, read)


def prompt_of(engine: OpenAIEngine, room: int, title: str) -> str:
    """A story of at most `room` tokens, its end as it is asked. No two titles begin alike.

    Else a server that keeps what it has read might count only what is new.
    """
    story = f"{title} of a story."
    whole = as_prompt(engine, story)
    for number in counting_from():
        story += f"\nOn day {number} {SENTENCES[number % len(SENTENCES)]}"
        longer = as_prompt(engine, story)
        if engine.count(longer) > room:
            return whole
        whole = longer
    raise AssertionError("numbers do not end")


def as_prompt(engine: OpenAIEngine, story: str) -> str:
    if not engine.chats:
        return story
    return engine.render_chat([Message("system", "Go on."), Message("user", story)], "")
