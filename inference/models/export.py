"""An IR for openvino of a checkpoint, made in an environment of its own under MODELS_DIR.

optimum-intel, which makes it, wants an older transformers than the engine has. The environment
takes about 1.5 GB, and is made once: `python -m inference.models.export` makes it beforehand.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from inference.narrators import Reference

LOCK = Path(__file__).resolve().parents[2] / "requirements" / "export.txt"
MAKER = Path(__file__).resolve().parent / "ir_maker.py"
ENVIRONMENT = "export-env"  # in MODELS_DIR
REFERENCE = "reference.json"  # beside an IR: what the checkpoint itself says

# What narrators call the weights' types, in optimum's words.
WEIGHTS = {"int8": "int8", "int4": "int4", "float16": "fp16", "float32": "fp32"}


class ExportFailed(Exception):
    """Why there is no IR, in one line."""


def environment(models_dir: Path) -> Path | None:
    """The Python that can export; None where it is not made yet, or of an older lock."""
    python = models_dir / ENVIRONMENT / "bin" / "python"
    made_of = models_dir / ENVIRONMENT / LOCK.name
    if python.exists() and made_of.exists() and made_of.read_bytes() == LOCK.read_bytes():
        return python
    return None


def make_environment(models_dir: Path) -> Path:
    """The Python that can export, installed where it is missing. Raises ExportFailed."""
    found = environment(models_dir)
    if found is not None:
        return found
    folder = models_dir / ENVIRONMENT
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    torch = next(line for line in LOCK.read_text().splitlines() if line.startswith("torch=="))
    run([sys.executable, "-m", "venv", str(folder)], "making an environment for the export")
    run([*pip, "--no-deps", "-r", str(LOCK)], "installing what the export needs")
    # A wheel of torch knows which CUDA it wants, if any; the lock is the same for all.
    run([*pip, torch], "installing what torch needs")
    shutil.copy(LOCK, folder / LOCK.name)  # last: an environment without it is not whole
    return python


def export(checkpoint: Path, folder: Path, dtype: str, models_dir: Path) -> None:
    """Write the IR of a checkpoint's folder, and what the checkpoint says greedily.

    Raises ExportFailed.
    """
    python = make_environment(models_dir)
    # -P: or `safetensors` and `gguf` would be the modules beside the script, and not the packages.
    command = [str(python), "-P", str(MAKER), str(checkpoint), str(folder)]
    command += [WEIGHTS[dtype], REFERENCE]
    run(command, f"the export of {checkpoint.name}")


def reference_of(model: Path) -> Reference | None:
    """What an exported model must say, where the export wrote it down."""
    note = model / REFERENCE
    if not note.is_file():
        return None
    return Reference.model_validate_json(note.read_bytes())


def run(command: list[str], doing: str) -> None:
    """Run a program to its end, and say its own line of what went wrong where it fails."""
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PIP_NO_COLOR": "1"}
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | quiet
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env=environ,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        # pip says what is wrong first and ends with general advice; a traceback ends with it.
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        said = [*errors[:1], *lines[-1:], "without a word"][0]
        raise ExportFailed(f"{doing} failed: {said}")


def main() -> None:
    """Make the environment of the export, for `make export`. Exits with one line on failure."""
    root = LOCK.parent.parent
    models_dir = Path(os.environ.get("MODELS_DIR") or root / "var" / "models").resolve()
    if environment(models_dir) is None:
        print("grue: installing what the export needs: about 500 MB to fetch, once")  # noqa: T201
    try:
        make_environment(models_dir)
    except ExportFailed as problem:
        sys.exit(f"grue: {problem}")


if __name__ == "__main__":
    main()
