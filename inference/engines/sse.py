"""Server-sent events, as far as model servers use them: the data of each event. Pure."""

import codecs

LONGEST_EVENT = 1 << 20  # characters; more is no token


class EventStream:
    """Bytes in as they arrive, the `data` of complete events out.

    Takes all three line ends, comments (which servers send to keep a connection), and UTF-8 that
    is split anywhere.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._data: list[str] = []
        self._length = 0  # of what is in it, in characters
        self._after_return = False  # a "\n" that follows belongs to the "\r" before it

    def feed(self, raw: bytes) -> list[str]:
        """The events that `raw` completes. Raises ValueError where it can be no event."""
        text = self._decoder.decode(raw)
        if text and self._after_return:
            text = text.removeprefix("\n")
            self._after_return = False
        if text.endswith("\r"):
            self._after_return = True
        lines = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._line = lines.pop()
        if len(self._line) > LONGEST_EVENT:
            raise ValueError("an event without an end")
        return [event for line in lines for event in self._take(line)]

    def _take(self, line: str) -> list[str]:
        """The event that a line ends, if it does."""
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
                self._length += len(value)
                if self._length > LONGEST_EVENT:
                    raise ValueError("an event without an end")
            return []
        if not self._data:
            return []
        event, self._data, self._length = "\n".join(self._data), [], 0
        return [event]
