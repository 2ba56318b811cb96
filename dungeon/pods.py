"""Writes the deletion cost of a worker's pod as an annotation, in Kubernetes.

When a deployment is scaled down, pods with the lowest cost are removed first: those without turns.
"""

import json
import logging
import os
import ssl
import threading
import time
from pathlib import Path
from urllib.request import Request, urlopen

from prometheus_client import REGISTRY

from inference.log_context import where

logger = logging.getLogger(__name__)

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"
EVERY = 10.0  # seconds


def count_turns() -> int:
    """How many turns this process is running, over all its narrators."""
    return int(
        sum(
            sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == "grue_worker_telling"
        )
    )


def report_deletion_cost() -> bool:
    """Start the thread that writes the cost. False where this is no pod that knows its name."""
    name, namespace = os.environ.get("POD_NAME"), os.environ.get("POD_NAMESPACE")
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not (name and namespace and host and ACCOUNT.exists()):
        return False
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"https://{host}:{port}/api/v1/namespaces/{namespace}/pods/{name}"
    threading.Thread(target=report_forever, args=[address], name="pod-cost", daemon=True).start()
    return True


def report_forever(address: str) -> None:
    """Write the cost whenever it has changed, every EVERY seconds; errors are logged."""
    written = -1
    while True:
        try:
            cost = count_turns()
            if cost != written:
                patch(address, cost)
                written = cost
        except OSError as problem:  # it is a hint: nothing depends on it
            logger.warning("the pod's deletion cost was not written: %s", problem)
        except Exception as problem:
            logger.error("the pod's deletion cost was not written: %s", where(problem))
        time.sleep(EVERY)


def patch(address: str, cost: int) -> None:
    """Write the cost to the pod at `address`, a URL of the Kubernetes API. Raises OSError."""
    body = json.dumps({"metadata": {"annotations": {ANNOTATION: str(cost)}}}).encode()
    token = (ACCOUNT / "token").read_text().strip()  # Kubernetes renews the file
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/strategic-merge-patch+json",
    }
    request = Request(address, data=body, headers=headers, method="PATCH")  # noqa: S310
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urlopen(request, timeout=5, context=trusted) as answer:  # noqa: S310
        answer.read()
