"""What a model says to itself is not story: `<think>…</think>` is taken out as it streams. Pure."""

OPENS = ("<think>", "<thinking>")
CLOSES = ("</think>", "</thinking>")


class Unthinking:
    """Text in, in any pieces; out what is not between the tags. `inside` while the model thinks.

    `thought` says that there was any. A closing tag alone is taken out as well: its opening one
    stood in the prompt.
    """

    def __init__(self) -> None:
        self.inside = False
        self.thought = False
        self._held = ""  # may be the beginning of a tag
        self._told = False  # any visible letter so far

    def feed(self, text: str) -> str:
        """What of `text`, and of what was held, may be read."""
        self._held += text
        said = ""
        while True:
            tags = CLOSES if self.inside else (*OPENS, *CLOSES)
            place, tag = first_of(self._held, tags)
            if tag:
                before = self._held[:place]
                self._held = self._held[place + len(tag) :]
                said += "" if self.inside else before
                self.inside = tag in OPENS
                self.thought = True
                continue
            keep = len(self._held) - beginning_of_a_tag(self._held, tags)
            said += "" if self.inside else self._held[:keep]
            self._held = self._held[keep:]
            return self._without_leading_space(said)

    def finish(self) -> str:
        """What was held and is no tag after all."""
        said, self._held = "" if self.inside else self._held, ""
        return self._without_leading_space(said)

    def _without_leading_space(self, said: str) -> str:
        # The empty lines between thinking and telling belong to neither.
        if self.thought and not self._told:
            said = said.lstrip()
        self._told = self._told or bool(said.strip())
        return said


def first_of(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """The first of `tags` in `text` and where it stands; an empty one where there is none."""
    found = [(text.find(tag), tag) for tag in tags if tag in text]
    return min(found, default=(-1, ""))


def beginning_of_a_tag(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `tags`."""
    longest = max(map(len, tags)) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in tags):
            return length
    return 0
