"""A worker's metrics for Prometheus, on METRICS_PORT; a web process has /metrics."""

import logging

from django.conf import settings
from prometheus_client import start_http_server

logger = logging.getLogger(__name__)


def serve() -> None:
    """Serve this process' metrics where METRICS_PORT is set. A port in use is only logged."""
    port = settings.METRICS_PORT
    if not port:
        return
    try:
        start_http_server(port, addr=settings.HOST)
    except OSError as problem:
        logger.error("METRICS_PORT %s on %s: %s", port, settings.HOST, problem.strerror)
        return
    logger.info("metrics are at http://%s:%s/metrics", settings.HOST, port)
