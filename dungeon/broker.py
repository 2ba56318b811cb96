"""Patches kombu's Redis transport, which fails after its connection was closed.

A worker that loses Redis closes its channel, and may then acknowledge or restore a message through
it. kombu 5.7 asks the connection that is gone for its address: AttributeError ('NoneType' object
has no attribute 'hostname', or 'client'), which Celery takes for a mistake in the program, and the
worker ends. As a ConnectionError it is what Celery expects, and reconnects after.
"""

from typing import Any

import redis
from kombu.transport.redis import Channel

original_parameters: Any = vars(Channel)["_connparams"]


def parameters_while_open(channel: Any, asynchronous: bool = False) -> dict[str, Any]:
    """Channel._connparams for an open connection. Raises redis.ConnectionError for a closed one."""
    if channel.connection is None or channel.connection.client is None:
        raise redis.ConnectionError("the connection to the broker is closed")
    found: dict[str, Any] = original_parameters(channel, asynchronous=asynchronous)
    return found


def patch_channel() -> None:
    """Replace kombu's method; called once, before Celery connects."""
    setattr(Channel, "_connparams", parameters_while_open)  # noqa: B010  kombu's is not typed
