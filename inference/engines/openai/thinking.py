"""Removes a model's thinking, `<think>…</think>`, from text as it streams. Pure."""

OPENING_TAGS = ("<think>", "<thinking>")
CLOSING_TAGS = ("</think>", "</thinking>")


class ThinkingFilter:
    """Takes text in pieces of any size and returns what is not between the tags.

    `inside` is True while the model thinks, `found` once there was any tag. A closing tag alone is
    removed as well: its opening tag was in the prompt.
    """

    def __init__(self) -> None:
        self.inside = False
        self.found = False
        self._held = ""  # may be the beginning of a tag
        self._has_text = False  # any visible character so far

    def feed(self, text: str) -> str:
        """The visible part of `text` and of what was held back."""
        self._held += text
        visible = ""
        while True:
            tags = CLOSING_TAGS if self.inside else (*OPENING_TAGS, *CLOSING_TAGS)
            place, tag = find_first(self._held, tags)
            if tag:
                before = self._held[:place]
                self._held = self._held[place + len(tag) :]
                visible += "" if self.inside else before
                self.inside = tag in OPENING_TAGS
                self.found = True
                continue
            keep = len(self._held) - partial_tag_length(self._held, tags)
            visible += "" if self.inside else self._held[:keep]
            self._held = self._held[keep:]
            return self._without_leading_space(visible)

    def finish(self) -> str:
        """The text that was held back and is no tag after all."""
        visible, self._held = "" if self.inside else self._held, ""
        return self._without_leading_space(visible)

    def _without_leading_space(self, visible: str) -> str:
        # Empty lines between the thinking and the reply belong to neither.
        if self.found and not self._has_text:
            visible = visible.lstrip()
        self._has_text = self._has_text or bool(visible.strip())
        return visible


def find_first(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """The position of the first of `tags` in `text` and the tag; (-1, "") where there is none."""
    found = [(text.find(tag), tag) for tag in tags if tag in text]
    return min(found, default=(-1, ""))


def partial_tag_length(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `tags`."""
    longest = max(map(len, tags)) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in tags):
            return length
    return 0
