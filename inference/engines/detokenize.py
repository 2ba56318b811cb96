"""Incremental detokenization: new text from new token ids, without half characters or lost spaces.

Ids cannot be decoded one by one: a character may span several ids, and some tokenizers drop the
space before the first id. So a window of ids is decoded again at each step, and the text beyond
that of the step before is new. vLLM and text-generation-inference do the same.
"""

LOST = "\N{REPLACEMENT CHARACTER}"  # half a character in some tokenizers; others give nothing
CONTEXT = 8  # ids of the prompt that are decoded before the first new one
WINDOW = 24  # ids after which the window is shortened
MAX_WAITING = 6  # ids to wait for the rest of a character; UTF-8 needs four at most


class Detokenizer:
    """Detokenizes one reply as its ids arrive.

    Each step calls `add` with the new ids, decodes `window`, and passes the text to `new_text`.
    Decoding stays outside so that one call of the library can serve a whole batch.
    """

    def __init__(self, prompt: list[int], prompt_text: str) -> None:
        """`prompt` is the end of the prompt, at most CONTEXT ids; `prompt_text` is its text."""
        self.window = prompt
        self._text = prompt_text  # of the window when text was last returned
        self._decoded = len(prompt)  # ids of the window that `_text` is of
        self._next_start = len(prompt)  # of the window: where the last returned text begins

    def add(self, ids: list[int]) -> None:
        """Lengthen the window by new ids."""
        self.window = self.window + ids

    def new_text(self, decoded: str, last: bool) -> str:
        """The new text, where `decoded` is the text of `window`. Half a character is held back.

        It is left out on the `last` call, and after MAX_WAITING ids.
        """
        waiting = len(self.window) - self._decoded
        if decoded.endswith(LOST) and waiting < MAX_WAITING and not last:
            return ""
        if len(decoded) <= len(self._text):
            return ""
        new = decoded[len(self._text) :]
        self._text = decoded
        self._next_start, self._decoded = self._decoded, len(self.window)
        return new.replace(LOST, "")

    @property
    def is_long(self) -> bool:
        """Whether the window should be shortened, to keep decoding cheap."""
        return len(self.window) >= WINDOW and self._decoded == len(self.window)

    def shorten(self) -> list[int]:
        """Shorten the window to the ids of the newest text, and return it to be decoded.

        A window that begins in the middle of a character decodes to the same wrong text now and
        later, which does not show in the difference.
        """
        self.window = self.window[self._next_start :]
        self._decoded -= self._next_start
        self._next_start = 0
        return self.window

    def set_text(self, decoded: str) -> None:
        """Note the text of the shortened window."""
        self._text = decoded
