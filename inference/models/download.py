"""Downloads one file over HTTP into a `.part` file, and resumes it where it broke off.

The `.part` file is all that a download remembers, so it is resumed after the process was killed as
well. What it holds in the end is for the caller to verify.
"""

import hashlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
TRIES = 5  # for each file, each from where the last one broke off
# What breaks a connection. A full disk is an OSError too, and is none of these.
BROKEN = (TimeoutError, ConnectionError, http.client.HTTPException, ssl.SSLError)

OpenFile = Callable[[dict[str, str]], Any]
"""Asks the server for the file with these headers, and returns its answer."""


class DownloadError(Exception):
    """Why a download failed, as the end of a sentence about the file."""


class NothingCame(DownloadError):
    """The server did not answer, or sent no byte."""


class Cancelled(Exception):
    """Whoever asked for the download wants it no more."""


def download(
    open_file: OpenFile,
    part: Path,
    size: int | None,
    report: Callable[[int], None],
    *,
    limit: int | None = None,
    cancelled: threading.Event | None = None,
) -> None:
    """Fill `part`, from where it ends, until it has the bytes that the file has.

    `size` is that number of bytes, or None where only the server knows; then it is refused above
    `limit`. Raises DownloadError, Cancelled, OSError where the disk refuses it, and what
    `open_file` raises for reasons that another try would not change.
    """
    anything = False

    def received(have: int) -> None:
        nonlocal anything
        anything = True
        report(have)

    refuse_above(limit, size)
    for attempt in range(1, TRIES + 1):
        try:
            if resume(open_file, part, size, received, limit, cancelled):
                return
            why = f"broke off {TRIES} times"
        except BROKEN as problem:
            why = f"broke off: {problem}"
        if attempt < TRIES:
            wait(min(2**attempt / 4, 8), cancelled)
    raise (DownloadError if anything else NothingCame)(why)


def resume(
    open_file: OpenFile,
    part: Path,
    size: int | None,
    report: Callable[[int], None],
    limit: int | None = None,
    cancelled: threading.Event | None = None,
) -> bool:
    """Download once, from where `part` ends. Whether the file is complete now."""
    have = length(part)
    if size is not None and have > size:
        part.unlink()
        have = 0
    if have == size:
        part.touch()
        return True
    with open_file({"Range": f"bytes={have}-"} if have else {}) as answer:
        if have and not continues(answer, have):
            have = 0  # it sends the file from its beginning
        whole = size if size is not None else announced_size(answer, have)
        most = whole if whole is not None else limit
        refuse_above(limit, whole)
        with part.open("ab" if have else "wb") as file:
            while chunk := answer.read1(CHUNK):
                if cancelled is not None and cancelled.is_set():
                    raise Cancelled
                if most is not None and have + len(chunk) > most:
                    raise DownloadError("is longer than the server promised")
                file.write(chunk)
                have += len(chunk)
                report(have)
    return whole is None or have == whole


def refuse_above(limit: int | None, size: int | None) -> None:
    if limit is not None and size is not None and size > limit:
        raise DownloadError(f"is too large: {size} bytes, of {limit} at most")


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def continues(answer: Any, have: int) -> bool:
    """Whether a server sends what follows the first `have` bytes, as it was asked."""
    if answer.status != http.client.PARTIAL_CONTENT:
        return False
    said = answer.headers.get("Content-Range")
    return said is None or said.strip().startswith(f"bytes {have}-")


def announced_size(answer: Any, have: int) -> int | None:
    """The size of the whole file as the answer says it."""
    said = answer.headers.get("Content-Length") or ""
    return have + int(said) if said.isdecimal() else None


def wait(seconds: float, cancelled: threading.Event | None) -> None:
    if cancelled is None:
        time.sleep(seconds)
    elif cancelled.wait(seconds):
        raise Cancelled
