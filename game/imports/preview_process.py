"""The program that reads a file for its preview, and writes no more than that.

As `game.imports.reader_process`, but a web process, which would have to parse all of a document
only to count what is in it, gets kilobytes.
"""

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from game.imports import reader_process
from game.imports.documents import FileDocument
from game.imports.previews import preview_of


def make_preview(document: FileDocument) -> dict[str, Any]:
    """The preview of a document, its format and version."""
    return {
        "preview": preview_of(document),
        "format": document.format,
        "version": document.version,
    }


if __name__ == "__main__":
    reader_process.answer(make_preview)
