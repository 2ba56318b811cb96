"""Why a narrator's model is not ready, as its worker reports it and pages show it."""

import json
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelState:
    """What a worker waits for until a narrator's model is ready. Sizes are in bytes."""

    kind: Literal["fetching", "loading", "lacking", "failed"]
    done: int = 0
    total: int = 0  # 0 until it is known
    why: str = ""  # one line: what is lacking or what failed

    @property
    def percent(self) -> int:
        """How much is done, at most 99; 0 while the total is unknown."""
        return min(99, 100 * self.done // self.total) if self.total else 0

    def to_json(self) -> str:
        """The state as JSON, for Redis."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, raw: bytes | str) -> "ModelState":
        """The state that `to_json` wrote. Raises ValueError and TypeError for anything else."""
        return cls(**json.loads(raw))
