"""What one window lived through, in order: the evidence of the checker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class History:
    """Records of one window on one adventure, in a file where there are many.

    `what` names each: opened, closed, sent, frame, hung, emptied (Redis lost everything), quiet
    (all is over and nothing comes any more), afresh (a snapshot was asked for and came).
    """

    def __init__(self, name: str, adventure: str, file: Path | None = None) -> None:
        self.name = name
        self.adventure = adventure
        self.file = file
        self.records: list[Record] = []
        self.out = None if file is None else file.open("w", encoding="utf-8")

    def add(self, what: str, **fields: Any) -> None:
        record = {"what": what, **fields}
        if self.out is None:
            self.records.append(record)
        else:
            self.out.write(json.dumps(record) + "\n")

    def __iter__(self) -> Iterator[Record]:
        if self.out is None or self.file is None:
            yield from self.records
            return
        self.out.flush()
        with self.file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)

    def close(self) -> None:
        if self.out is not None:
            self.out.close()
