"""Why a narrator's model does not tell yet, as its worker says it and pages show it."""

import json
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelState:
    """What a worker waits for until a narrator's model can tell. Sizes are in bytes."""

    kind: Literal["fetching", "loading", "lacking", "failed"]
    done: int = 0
    total: int = 0  # 0 until it is known
    why: str = ""  # one line, of what is lacking and of what failed

    @property
    def percent(self) -> int:
        return min(99, 100 * self.done // self.total) if self.total else 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def heard(raw: bytes | str) -> ModelState:
    return ModelState(**json.loads(raw))
