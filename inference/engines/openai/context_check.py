"""Checks that a server reads a whole prompt: some truncate long ones without an error.

Ollama truncates every prompt to its `num_ctx`, and the story loses its memory and its beginning. So
the check sends a prompt that fills the narrator's context, and one half as long, and compares how
many tokens the server says it has read of each.
"""

from dataclasses import dataclass
from itertools import count

from inference.engines.base import Message
from inference.engines.openai import OpenAIEngine

# A full prompt of which less than this share of the expected tokens was read was truncated.
MIN_SHARE_READ = 0.9

SENTENCES = (
    "the lamp went out and somebody laughed behind the door.",
    "a cart came down the hill with nobody to lead the horse.",
    "the clerk wrote the name twice and crossed it out again.",
    "rain fell on the market and the bells began to ring.",
    "the key was warm, and on its side a number was scratched.",
)


@dataclass(frozen=True)
class ContextCheck:
    """The result for the prompt that fills the context, in tokens."""

    counted: int  # by the engine
    read: int | None  # by the server; None where it does not say
    problem: str = ""  # one line, with its remedy; empty where nothing is wrong


def check_context(engine: OpenAIEngine, reply_tokens: int) -> ContextCheck:
    """Have the server read a full context less `reply_tokens`, and compare the token counts.

    Raises ValueError with one line where the server rejects the prompt or does not answer.
    """
    room = engine.context_tokens - reply_tokens
    half, full = make_prompt(engine, room // 2, "Half"), make_prompt(engine, room, "Full")
    counted = engine.count(full)
    remedy = engine.dialect.context_remedy.format(tokens=engine.context_tokens)
    try:
        half_read, read = engine.count_read_tokens(half), engine.count_read_tokens(full)
    except ValueError as error:
        raise ValueError(
            f"a prompt of {counted} tokens was not answered: {error} ({remedy}, or lower `context`)"
        ) from error
    if half_read is None or read is None:
        return ContextCheck(counted, None)
    expected = half_read * counted // engine.count(half)
    if read < MIN_SHARE_READ * expected:
        return ContextCheck(
            counted,
            read,
            f"it read {read} tokens of a prompt of about {expected} and dropped the rest without a "
            f"word: {remedy}, or write `context: {read}`",
        )
    if read > counted:
        fitting = engine.context_tokens * counted // read
        return ContextCheck(
            counted,
            read,
            f"it counts {read} tokens where {counted} were expected: write `context: {fitting}`, "
            "or long stories will not fit",
        )
    return ContextCheck(counted, read)


def make_prompt(engine: OpenAIEngine, max_tokens: int, title: str) -> str:
    """A prompt of at most `max_tokens` and almost as many.

    Each check uses two titles: with a common prefix, a server with a prompt cache might count new
    tokens only.
    """
    story = f"{title} of a story."
    longest = as_prompt(engine, story)
    for number in count():
        story += f"\nOn day {number} {SENTENCES[number % len(SENTENCES)]}"
        longer = as_prompt(engine, story)
        if engine.count(longer) > max_tokens:
            return longest
        longest = longer
    raise AssertionError("numbers do not end")


def as_prompt(engine: OpenAIEngine, story: str) -> str:
    """`story` in the narrator's prompt format."""
    if not engine.chats:
        return story
    return engine.render_chat([Message("system", "Go on."), Message("user", story)], "")
