"""The base of all messages between the game and a worker."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    """A frozen value that refuses unknown fields and travels as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_message(cls, raw: str | bytes) -> Self:
        """Parse another process' message. Unknown fields are ignored: that process may be newer.

        During a rolling update both versions run, and no turn may fail. Raises ValidationError.
        """
        return cls.model_validate_json(raw, extra="ignore")
