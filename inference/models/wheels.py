"""Fetching wheels from the package index, and taking one file out of each.

A wheel is downloaded to the name that it is given, so that it is resumed in its middle by the next
process as well. Where that is not possible, pip downloads the whole of it.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, NamedTuple

from inference.models.download import (
    CHUNK,
    Cancelled,
    DownloadError,
    NothingCame,
    download,
    length,
    sha256_of,
)
from inference.models.package_index import Location, PackageIndex

Progress = Callable[[int, int], None]

RESUMED = 5  # times that pip resumes one download
DOWNLOADS = 2  # of a wheel whose content is wrong
ENTRIES = 1 << 20  # bytes that a wheel may be larger than the file in it
# What zipfile raises for an archive that is damaged, encrypted or packed in an unknown way.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


class WheelError(Exception):
    """Why the file cannot be had, in one line."""


class IndexAway(WheelError):
    """The same, where nothing answers: other wheels will fare no better."""


class NotAllowed(Exception):
    """The server wants a login, or a way through a proxy, which pip may know."""


class Wheel(NamedTuple):
    """A file inside a wheel on the package index."""

    requirement: str
    member: str


def fetch_wheel(
    wheel: Wheel,
    index: PackageIndex | None,
    path: Path,
    report: Progress,
    *,
    limit: int | None = None,
    cancelled: threading.Event | None = None,
) -> Path:
    """Bring a wheel to `path`, unless it is there; what was begun beside it is resumed.

    `limit` is how many bytes the file in it may have. Raises WheelError, Cancelled, OSError.
    """
    if path.is_file():
        return path
    location = index.locate(wheel.requirement) if index else None
    if index and location:
        try:
            return download_wheel(wheel, index, location, path, report, limit, cancelled)
        except NotAllowed:
            pass
    return fetch_with_pip(wheel, path, report, cancelled)


def download_wheel(
    wheel: Wheel,
    index: PackageIndex,
    location: Location,
    path: Path,
    report: Progress,
    limit: int | None,
    cancelled: threading.Event | None,
) -> Path:
    """Download a wheel from its address and verify it; once more where its content is wrong."""
    part = path.with_name(path.name + ".part")
    most = None if limit is None else limit + ENTRIES
    for _ in range(DOWNLOADS):
        try:
            download(
                partial(ask, wheel, index, location.url),
                part,
                location.size,
                lambda done: report(done, location.size or done),
                limit=most,
                cancelled=cancelled,
            )
        except NothingCame as problem:
            raise IndexAway(f"cannot fetch {wheel.requirement}: it {problem}") from problem
        except DownloadError as problem:
            raise WheelError(f"cannot fetch {wheel.requirement}: it {problem}") from problem
        damage = damage_of(part, location, wheel, limit)
        if not damage:
            part.replace(path)
            return path
        part.unlink()
    raise WheelError(f"the wheel of {wheel.requirement} is damaged: {damage}")


def ask(wheel: Wheel, index: PackageIndex, url: str, headers: dict[str, str]) -> Any:
    """Ask for a wheel. Raises WheelError, NotAllowed, ConnectionError where trying again helps."""
    host = urllib.parse.urlsplit(url).hostname
    try:
        return index.open(url, headers)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 407):
            raise NotAllowed from error
        if error.code == 416 and headers:  # what is here is longer than what is there
            return ask(wheel, index, url, {})
        if error.code in (408, 425, 429) or error.code >= 500:
            raise ConnectionError(f"{host} says {error.code} {error.reason}") from error
        raise WheelError(
            f"cannot fetch {wheel.requirement}: {host} says {error.code} {error.reason}"
        ) from error
    except urllib.error.URLError as error:
        raise ConnectionError(f"{host} does not answer: {error.reason}") from error


def damage_of(archive: Path, location: Location, wheel: Wheel, limit: int | None = None) -> str:
    """What is wrong with a wheel; "" for nothing, and for what `unpack` refuses."""
    if location.sha256:
        found = sha256_of(archive)
        wanted = location.sha256
        return "" if found == wanted else f"its sha256 is {found}, and the index says {wanted}"
    try:
        with zipfile.ZipFile(archive) as opened:
            about = opened.getinfo(wheel.member)
            if limit is not None and about.file_size > limit:
                return ""  # a few bytes may be packed as terabytes
            with opened.open(about) as packed:
                while packed.read(CHUNK):
                    pass
    except KeyError:
        return ""  # said where it is unpacked
    except DAMAGED as error:
        return str(error) or type(error).__name__
    return ""


def unpack(archive: Path, wheel: Wheel, out: IO[bytes], limit: int | None = None) -> None:
    """Write the file in a wheel to `out`. Raises WheelError, and deletes a wheel that is no use."""
    try:
        with zipfile.ZipFile(archive) as opened:
            about = opened.getinfo(wheel.member)
            if limit is not None and about.file_size > limit:
                raise WheelError(
                    f"{wheel.member} of {wheel.requirement} is too large: "
                    f"{about.file_size} bytes, of {limit} at most"
                )
            with opened.open(about) as packed:
                shutil.copyfileobj(packed, out, CHUNK)
        return
    except KeyError:
        problem = WheelError(f"{wheel.requirement} holds no file {wheel.member}")
    except WheelError as refused:
        problem = refused
    except DAMAGED as error:
        problem = WheelError(f"the wheel of {wheel.requirement} is damaged: {error}")
    archive.unlink()
    raise problem


def fetch_with_pip(
    wheel: Wheel, path: Path, report: Progress, cancelled: threading.Event | None = None
) -> Path:
    """Have pip bring a wheel to `path`, the whole of it.

    Its bar in a readable form is newer than the pip that many environments have, so the progress is
    the size of the file that it is writing.
    """
    folder = path.with_name(path.name + ".pip")
    shutil.rmtree(folder, ignore_errors=True)  # a process that was killed left it
    (folder / "wheel").mkdir(parents=True)
    try:
        run_pip(wheel, folder, report, cancelled)
        archives = list((folder / "wheel").glob("*.whl"))
        if len(archives) != 1:
            raise WheelError(f"pip brought no wheel for {wheel.requirement}")
        archives[0].replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    path.with_name(path.name + ".part").unlink(missing_ok=True)
    size = length(path)
    report(size, size)
    return path


def run_pip(
    wheel: Wheel, folder: Path, report: Progress, cancelled: threading.Event | None
) -> None:
    """`pip download` into `folder`/wheel. Raises WheelError, Cancelled, OSError on a full disk."""
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
                if cancelled is not None and cancelled.is_set():
                    raise Cancelled
                watch(folder, said, report)
                time.sleep(0.1)
        finally:
            if pip.poll() is None:
                pip.kill()
            pip.wait()
    if pip.returncode != 0:
        raise why_pip_failed(wheel, said.read_text(errors="replace"))


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


def why_pip_failed(wheel: Wheel, said: str) -> WheelError | OSError:
    """pip's page of trouble as one line."""
    if "No module named pip" in said:
        return IndexAway(
            f"fetching {wheel.requirement} needs pip in this environment: "
            f"run `{Path(sys.executable).name} -m ensurepip`"
        )
    if "No space left on device" in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    unreachable = ("Retrying (", "NewConnectionError", "ConnectTimeout", "Max retries exceeded")
    if any(sign in said for sign in unreachable):
        return IndexAway(
            f"cannot fetch {wheel.requirement}: the package index does not answer (network?)"
        )
    errors = re.findall(r"^ERROR: (.+)$", said, flags=re.MULTILINE)
    lines = [line for line in said.splitlines() if line.strip()]
    reason = errors[0] if errors else lines[-1] if lines else "pip said nothing"
    return WheelError(f"cannot fetch {wheel.requirement}: {reason.strip()}")
