"""A list of chat messages as one prompt text, and back. Pure.

Engines take a prompt as text. A server applies the model's own chat template, so that the messages
travel to this engine in a format of ours and are taken apart again for the request.
"""

import re
from typing import Any

from inference.engines.base import Message

SEPARATOR = "\x1e"  # before each message; removed from their contents
HEADER = re.compile(r"(system|user|assistant)\n")


def is_chat(prompt: str) -> bool:
    """Whether a prompt was made by `join_messages`."""
    return SEPARATOR in prompt


def join_messages(messages: list[Message]) -> str:
    """The messages as one text."""
    return "\n".join(
        f"{SEPARATOR}{each.role}\n{each.content.replace(SEPARATOR, '')}" for each in messages
    )


def split_messages(prompt: str) -> list[Message]:
    """The messages of a prompt; any other text is one message of the user.

    Raises ValueError where the prompt has a separator without a role.
    """
    if not is_chat(prompt):
        return [Message("user", prompt)]
    messages = []
    for part in prompt.split(SEPARATOR)[1:]:
        found = HEADER.match(part)
        if found is None:
            raise ValueError("the prompt is no chat")
        role: Any = found[1]
        messages.append(Message(role, part[found.end() :].removesuffix("\n")))
    return messages


def reply_prefix(prompt: str) -> str:
    """The beginning of the reply that the prompt ends with; "" where the reply is all to come."""
    last = split_messages(prompt)[-1]
    return last.content if last.role == "assistant" else ""
