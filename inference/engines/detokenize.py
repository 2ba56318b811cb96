"""From token ids to text as it grows, without half characters and without lost spaces.

Ids cannot be turned into text one by one: a character may span several ids, and some tokenizers
drop the space before the first id that they are given. So a window of ids is decoded again at each
step, and what it says more than before is new. vLLM and text-generation-inference do the same.
"""

LOST = "\N{REPLACEMENT CHARACTER}"  # what some tokenizers say for half a character; others nothing
CONTEXT = 8  # ids of the prompt that stand before the first new one
WINDOW = 24  # ids after which the window begins anew
PATIENCE = 6  # ids to wait for the rest of a character; UTF-8 needs four at most


class Unfolding:
    """The text of one reply as its ids arrive.

    Each step calls `add` for the new ids, decodes `window`, and gives the outcome to `unfold`.
    Decoding stays outside so that one call of the library can serve a whole step.
    """

    def __init__(self, prompt: list[int], prompt_text: str) -> None:
        """`prompt` is the end of the prompt, at most CONTEXT ids; `prompt_text` is they decoded."""
        self.window = prompt
        self._said = prompt_text  # what the window said when text was last given out
        self._given = len(prompt)  # ids of the window that stand behind `_said`
        self._next = len(prompt)  # where the last text given out began: the next window's start

    def add(self, ids: list[int]) -> None:
        """Lengthen the window by new ids."""
        self.window = self.window + ids

    def unfold(self, decoded: str, last: bool) -> str:
        """The new text, given what `window` decodes to. Half a character waits, but not for ever.

        On the `last` call, half a character that will never be whole is left out.
        """
        waiting = len(self.window) - self._given
        if decoded.endswith(LOST) and waiting < PATIENCE and not last:
            return ""
        if len(decoded) <= len(self._said):
            return ""
        new = decoded[len(self._said) :]
        self._said = decoded
        self._next, self._given = self._given, len(self.window)
        return new.replace(LOST, "")

    @property
    def overlong(self) -> bool:
        """Whether the window should begin anew, to keep decoding cheap."""
        return len(self.window) >= WINDOW and self._given == len(self.window)

    def begin_anew(self) -> list[int]:
        """Shorten the window to the ids behind the newest text, and return it to be decoded.

        What begins in the middle of a character decodes to the same nonsense now and later, so
        it cancels out.
        """
        self.window = self.window[self._next :]
        self._given -= self._next
        self._next = 0
        return self.window

    def begun_anew(self, decoded: str) -> None:
        """Take note of what the shortened window says."""
        self._said = decoded
