"""The right to tell a turn: a key of Redis that is gone after LEASE_SECONDS unless renewed.

Its value names the holder and the attempt. Each change that depends on it is one Lua script, so a
holder that lost it is refused, whatever it still believes.
"""

from dataclasses import dataclass

from inference.contract.request import GenerationRequest, Result

LEASE_SECONDS = 10


@dataclass(frozen=True)
class Lease:
    """The right to tell one turn. `value` is what the lease's key must hold."""

    request: GenerationRequest
    value: str
    ended: Result | None = None  # an earlier attempt came to the end; only its Result is missing
