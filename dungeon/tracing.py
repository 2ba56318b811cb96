"""OpenTelemetry, where the host sets OTEL_EXPORTER_OTLP_ENDPOINT.

The libraries are not part of the light install: requirements/tracing.txt has them, and so have the
images. OpenTelemetry reads its other variables (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, …) itself.
"""

import importlib.util
import os
import sys

from inference import tracing

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def problem() -> str:
    """Why an endpoint that is set cannot be used, in one line; "" where it can or none is."""
    asked = [name for name in ENDPOINTS if os.environ.get(name)]
    if not asked:
        return ""
    try:
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    except ModuleNotFoundError:
        missing = list(NEEDED)
    if missing:
        return f"{asked[0]} wants OpenTelemetry: pip install -r requirements/tracing.txt"
    return ""


def start(service: str) -> bool:
    """Send this process' spans to the endpoint, as `grue-<service>`. False where none is set."""
    if not any(os.environ.get(name) for name in ENDPOINTS) or problem():
        return False
    # Imported only where it is used: the light install has none of it.
    from opentelemetry import propagate, trace  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": f"grue-{service}"}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)

    def context_of(parent: str) -> object:
        return propagate.extract({"traceparent": parent})

    def carrier() -> str:
        carried: dict[str, str] = {}
        propagate.inject(carried)
        return carried.get("traceparent", "")

    tracing.use(trace.get_tracer("grue"), context_of, carrier)
    return True


def exit_on_problem() -> None:
    """End the process with one line where the endpoint that is set cannot be used."""
    if line := problem():
        sys.exit(f"grue: {line}")
