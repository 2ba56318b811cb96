"""The right to run a turn: a Redis key that expires after LEASE_SECONDS unless it is renewed.

Its value names the holder and the attempt. Each change that depends on it is one Lua script, so a
holder that lost it is refused, even if it does not know yet.
"""

from dataclasses import dataclass

from inference.contract.request import GenerationRequest, Result

LEASE_SECONDS = 10


@dataclass(frozen=True)
class Lease:
    """The right to run one turn. `value` is what the lease's key must hold."""

    request: GenerationRequest
    value: str
    ended: Result | None = None  # an earlier attempt has ended: only its Result is to be sent again
