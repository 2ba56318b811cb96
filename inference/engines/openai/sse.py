"""Server-sent events, as far as model servers use them. Pure."""

import codecs

MAX_EVENT_CHARS = 1 << 20  # far more than one token takes


class EventStream:
    """Takes bytes as they arrive and returns the `data` of complete events.

    Handles the three kinds of line ends, comments (which servers send to keep a connection open),
    and UTF-8 that is split anywhere.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._data: list[str] = []
        self._length = 0  # characters in _data
        self._after_return = False  # a "\n" that follows belongs to the "\r" before it

    def feed(self, raw: bytes) -> list[str]:
        """The events that `raw` completes. Raises ValueError for one that is too long."""
        text = self._decoder.decode(raw)
        if text and self._after_return:
            text = text.removeprefix("\n")
            self._after_return = False
        if text.endswith("\r"):
            self._after_return = True
        lines = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._line = lines.pop()
        if len(self._line) > MAX_EVENT_CHARS:
            raise ValueError("an event without an end")
        return [event for line in lines for event in self._end_line(line)]

    def _end_line(self, line: str) -> list[str]:
        """Add a line to the current event; returns the event that an empty line completes."""
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
                self._length += len(value)
                if self._length > MAX_EVENT_CHARS:
                    raise ValueError("an event without an end")
            return []
        if not self._data:
            return []
        event, self._data, self._length = "\n".join(self._data), [], 0
        return [event]
