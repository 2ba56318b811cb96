"""Estimates how much of a prompt the engine has read before."""

import zlib
from collections import OrderedDict

from inference.prompts import Report
from inference.prompts.cutting import common_front

STORIES = 512  # whose last prompts are kept: some kilobytes each


class PrefixStats:
    """The last prompts of the `stories` that this worker ran last, compressed."""

    def __init__(self, stories: int = STORIES) -> None:
        self.stories = stories
        self.kept: OrderedDict[str, bytes] = OrderedDict()

    def shared(self, adventure: str, report: Report) -> int:
        """About how many tokens this prompt has in common with the story's last, from its front.

        It is estimated by characters: tokens are spread evenly enough for a counter.
        """
        prompt = "".join(piece.text for piece in report.pieces)
        compressed = self.kept.pop(adventure, None)
        self.kept[adventure] = zlib.compress(prompt.encode(), 1)
        while len(self.kept) > self.stories:
            self.kept.popitem(last=False)
        if compressed is None or not prompt:
            return 0
        before = zlib.decompress(compressed).decode()
        return report.tokens * common_front(before, prompt) // len(prompt)
