"""Runs llama.cpp's server, from the wheel `xllamacpp`, to compare engines with.

`python -m inference.lab.llama_server MODEL PORT CONTEXT SLOTS` serves until its standard
input ends. Only benches and tests need it.
"""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 120.0  # for the model to load


def is_installed() -> bool:
    """Whether the wheel is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


@contextmanager
def serving(model: Path, context: int, slots: int) -> Iterator[tuple[str, int]]:
    """Run a server with `context` tokens per slot; its address up to /v1 and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = [str(model), str(port), str(context), str(slots)]
    server = subprocess.Popen(
        [sys.executable, "-m", "inference.lab.llama_server", *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(server, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1", server.pid
    finally:
        server.kill()
        server.wait()


def wait_for(server: "subprocess.Popen[bytes]", url: str) -> None:
    """Wait until `url` answers. Raises RuntimeError where the server ends, else URLError."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  our own
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                raise RuntimeError(f"llama-server ended: {server.returncode}") from None
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)


def serve(model: str, port: int, context: int, slots: int) -> None:
    """Serve in this process until standard input ends; never returns."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the engine `llama` has it
    import xllamacpp  # noqa: PLC0415  not installed for play

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"measured"}
    params.port = port
    params.n_ctx, params.n_parallel = context * slots, slots
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count() or 1
    server = xllamacpp.Server(params)
    sys.stdin.read()  # ends with the process that started this one
    del server
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:5]))
