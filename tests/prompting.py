"""Requests and prompts for the tests of what the narrator is given."""

import re

from inference import prompts
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import Message
from inference.narrators import Narrator

MEMORY = "You are Jonna, stuck in a cable car."
NOTE = "Short sentences."
OPENING = "The hens have gone quiet. Matthias sits on the floor."


def count(text: str) -> int:
    """Words and marks, as the scripted engine counts, and long words by the piece."""
    return sum(1 + len(word) // 8 for word in re.findall(r"\w+|[^\w\s]", text))


def count_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // 3 + bool(text)


def count_pairs(text: str) -> int:
    return -(-len(text) // 2)


def render_chat(messages: list[Message], begun: str) -> str:
    turns = "".join(f"<|im_start|>{each.role}\n{each.content}<|im_end|>\n" for each in messages)
    return f"{turns}<|im_start|>assistant\n{begun}"


def narrator(format: str = "chat", max_tokens: int = 40, **more) -> Narrator:
    return Narrator(
        name="n",
        line="x",
        engine="scripted",
        format=format,
        sampling=SamplingParams(max_tokens=max_tokens),
        **more,
    )


def request(
    kind="do", action="take the rope", told="", story=None, outcome="", **context
) -> GenerationRequest:
    context.setdefault("memory", MEMORY)
    context.setdefault("authors_note", NOTE)
    if story is None:
        story = (Passage(kind="opening", reply=OPENING),)
    return GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="n",
        told=told,
        context=StoryContext(
            story=tuple(story),
            action=Passage(kind=kind, action=action, outcome=outcome),
            **context,
        ),
    )


def build(request, narrator=None, window=2048, count=count):
    return prompts.build(request, narrator or globals()["narrator"](), count, render_chat, window)


def told_turns(number: int, first: int = 0) -> list[Passage]:
    return [
        Passage(
            kind="do",
            action=f"take step {index}",
            reply=f"Step {index} creaks. The wind turns round the tower and comes back as {index}.",
        )
        for index in range(first, first + number)
    ]
