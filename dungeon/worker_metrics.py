"""A worker's own figures for Prometheus, on METRICS_PORT; a web process has /metrics."""

import logging

from django.conf import settings
from prometheus_client import start_http_server

logger = logging.getLogger(__name__)


def serve() -> None:
    """Serve this process' figures, where the host wants that. A taken port costs no worker."""
    port = settings.METRICS_PORT
    if not port:
        return
    try:
        start_http_server(port, addr=settings.HOST)
    except OSError as problem:
        logger.error("METRICS_PORT %s on %s: %s", port, settings.HOST, problem.strerror)
        return
    logger.info("figures are at http://%s:%s/metrics", settings.HOST, port)
