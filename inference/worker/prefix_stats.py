"""How much of a prompt its engine has read before, as far as the worker can see."""

import zlib
from collections import OrderedDict

from inference.prompts import Report
from inference.prompts.cutting import common_front

STORIES = 512  # whose last prompts are remembered: some kilobytes each


class PrefixStats:
    """The last prompt of each story that this worker told lately, squeezed."""

    def __init__(self, stories: int = STORIES) -> None:
        self.stories = stories
        self.kept: OrderedDict[str, bytes] = OrderedDict()

    def shared(self, adventure: str, report: Report) -> int:
        """About how many tokens this prompt has in common with the story's last, from its front.

        By characters: tokens are spread evenly enough over a story for a counter.
        """
        prompt = "".join(piece.text for piece in report.pieces)
        squeezed = self.kept.pop(adventure, None)
        self.kept[adventure] = zlib.compress(prompt.encode(), 1)
        while len(self.kept) > self.stories:
            self.kept.popitem(last=False)
        if squeezed is None or not prompt:
            return 0
        before = zlib.decompress(squeezed).decode()
        return report.tokens * common_front(before, prompt) // len(prompt)
