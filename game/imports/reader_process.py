"""The program that game.imports.reading starts: reads a file from standard input.

It writes the FileDocument as JSON to standard output, within limits on time and memory. It runs
isolated, so the folder of the packages has to be named; it loads neither Django nor models.
"""

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from game.exchange import parsers
from game.exchange.parsers import Unreadable
from game.imports import limits
from game.imports.detection import FORMATS, detect
from game.imports.documents import FileDocument, to_data
from game.imports.payload import open_payload


def read_document(content: bytes, filename: str = "") -> FileDocument:
    """What a file holds, read in this process. Raises Unreadable."""
    payload = open_payload(content, filename)
    name = detect(payload)
    reader = import_module(f"game.imports.formats.{FORMATS[name].module}")
    try:
        document: FileDocument = reader.read(payload)
    except RecursionError:
        raise Unreadable("deep", f"{limits.DEEPEST}") from None
    document.format = name
    return document


def place_of(problem: Exception) -> str:
    """Where a reader failed and with what kind of error, without words of the file."""
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{type(problem).__name__} {Path(frame.filename).name}:{frame.lineno}"


def read_input(make: Callable[[FileDocument], Any]) -> Any:
    """What `make` makes of the document in standard input, as plain data.

    Raises Unreadable, also with the reason "failed" for a mistake in a reader: its message could
    hold words of the file, so only its place goes on.
    """
    try:
        content = sys.stdin.buffer.read(limits.LARGEST_FILE + 1)
        return make(read_document(content, sys.argv[1]))
    except (Unreadable, MemoryError):
        raise
    except Exception as problem:
        raise Unreadable("failed", place_of(problem)) from None


def answer(make: Callable[[FileDocument], Any]) -> None:
    """Print what `make` makes of the document, within limits on time and memory."""
    parsers.answer(lambda: read_input(make), limits.CPU_SECONDS, limits.MEMORY_BYTES)


if __name__ == "__main__":
    answer(to_data)
