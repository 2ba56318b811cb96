"""A real OpenAI-compatible server for the tests: llama.cpp's own, with the built-in model.

It comes with the PyPI wheel `xllamacpp`, which `make test` installs; `python -m tests.llama_server
MODEL` serves until its standard input ends and says its address first. Another llama-server can be
named in the environment: LLAMA_SERVER=/path/to/llama-server.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.serving import free_port

ROOT = Path(__file__).resolve().parent.parent
SLOTS = 4
PATIENCE = 120  # seconds for the model to be read
ALIAS = "smol"

MISSING = "no llama-server: install requirements/test.txt (xllamacpp), or set LLAMA_SERVER"


def at_hand() -> bool:
    return bool(os.environ.get("LLAMA_SERVER")) or importlib.util.find_spec("xllamacpp") is not None


@contextlib.contextmanager
def llama_server(model: Path, context: int = 2048, slots: int = SLOTS, key: str = ""):
    """The address (up to /v1) of a server with `context` tokens for each of its slots."""
    port = free_port()
    named = os.environ.get("LLAMA_SERVER")
    if named:
        command = [shutil.which(named) or named, "--model", str(model), "--port", str(port)]
        command += ["--ctx-size", str(context * slots), "--parallel", str(slots)]
        command += ["--threads", "1", "--alias", ALIAS, *(["--api-key", key] if key else [])]
    else:
        command = [sys.executable, "-m", "tests.llama_server", str(model), str(port)]
        command += [str(context), str(slots), key]
    server = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(server, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def wait_for(server: subprocess.Popen[bytes], url: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                raise RuntimeError(f"llama-server ended: {server.returncode}") from None
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)


def main(model: str, port: str, context: str, slots: str, key: str) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on busy cores spinning threads crawl
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {ALIAS}
    params.port = int(port)
    params.n_ctx = int(context) * int(slots)
    params.n_parallel = int(slots)
    params.n_gpu_layers = 0
    # Its threads wait for each other by spinning: on a busy machine two are slower than one.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    if key:
        params.api_keys = [key]
    server = xllamacpp.Server(params)
    sys.stdin.read()  # the tests are gone, one way or the other
    del server
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
