"""A model's own special tokens, taken out of what people wrote.

A prompt is built without those of common families already (`text.neutralise`); a model may have
others. In a chat the template's own tokens must be read as such, so that whatever looks like one in
a message has to go before it is rendered.
"""

import re
from collections.abc import Iterable

# How special tokens look, where nothing says which are. An ordinary word that looks so is no loss
# to a story.
LIKE_SPECIAL = re.compile(r"<[^<>\s]{1,60}>|\[[A-Za-z/_]{2,40}\]")


class SpecialTokens:
    """The special tokens of one model, by name."""

    def __init__(self, names: Iterable[str]) -> None:
        # White space and single letters are tokens of their own in some models, and no structure.
        self.names = {name for name in names if len(name.strip()) > 1}
        longest_first = sorted(self.names, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def without(self, text: str) -> str:
        """`text` with none of them left, not even one that taking another out would leave."""
        before = None
        while before != text:
            before = text
            text = self._any.sub("", text)
        return text
