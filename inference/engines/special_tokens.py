"""Removes a model's special tokens from what people wrote.

Prompts are built without those of common model families (`inference.reply.neutralise`); a model
may have others. In a chat the tokenizer reads the template's special tokens, so that all of them
have to be removed from messages before these are rendered.
"""

import re
from collections.abc import Iterable

# What special tokens look like, for models that do not list them. Ordinary words hardly match.
LIKE_SPECIAL = re.compile(r"<[^<>\s]{1,60}>|\[[A-Za-z/_]{2,40}\]")


class SpecialTokens:
    """The special tokens of one model, by name."""

    def __init__(self, names: Iterable[str]) -> None:
        # White space and single letters are listed in some models, and are no special tokens.
        self.names = {name for name in names if len(name.strip()) > 1}
        longest_first = sorted(self.names, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def without(self, text: str) -> str:
        """`text` without special tokens, including those that a removal puts together."""
        before = None
        while before != text:
            before = text
            text = self._any.sub("", text)
        return text
