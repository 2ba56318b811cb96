"""Spans from a socket to its engine and back. Nothing happens until a host says `use(tracer)`.

The names and meanings are OpenTelemetry's; attributes are ids and figures, never words of a story.
What one process begins another goes on with: a request carries the `traceparent` of its span
(W3C Trace Context).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_tracer: Any = None
_context_of: Any = None  # traceparent -> OpenTelemetry's context
_carrier: Any = None  # () -> traceparent of the span that is open here


def use(tracer: Any, context_of: Any, carrier: Any) -> None:
    """Record spans with an OpenTelemetry tracer from now on."""
    global _tracer, _context_of, _carrier
    _tracer, _context_of, _carrier = tracer, context_of, carrier


class Nothing:
    """A span where none is recorded."""

    def set_attribute(self, key: str, value: object) -> None: ...

    def add_event(self, name: str) -> None: ...


NOTHING = Nothing()


@contextmanager
def span(name: str, parent: str = "", **attributes: str | int | float | bool) -> Iterator[Any]:
    """A span around what is done inside; under `parent`, where another process began it."""
    if _tracer is None:
        yield NOTHING
        return
    named = {f"grue.{key}": value for key, value in attributes.items()}
    context = _context_of(parent) if parent else None
    with _tracer.start_as_current_span(name, context=context, attributes=named) as opened:
        yield opened


def carrier() -> str:
    """The traceparent of the span that is open here; "" where none is."""
    return "" if _tracer is None else str(_carrier())
