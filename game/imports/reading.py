"""Reads a file to import in a process of its own."""

import logging
from typing import Any

from django.utils.translation import gettext as _

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import limits, preview_process, reader_process
from game.imports.documents import FileDocument, from_data
from game.imports.macros import PLAYER_QUESTION

LONGEST_FILENAME = 200

logger = logging.getLogger(__name__)


def read_file(content: bytes, filename: str) -> FileDocument:
    """What a file holds. Raises Unreadable; `sandbox.message_of` has words for its reason.

    Takes as long as limits.SECONDS, and waits when two other files are being read.
    """
    data = run_reader(reader_process.__file__, content, filename)
    document = from_data(data)
    for scenario in document.scenarios:
        for each in scenario.placeholders:
            if each["question"] == PLAYER_QUESTION:
                each["question"] = _("What is your name?")
    return document


def read_preview(content: bytes, filename: str) -> tuple[dict[str, Any], str, str]:
    """The preview of a file, its format and version, as `read_file` reads it. Raises Unreadable."""
    found = run_reader(preview_process.__file__, content, filename)
    return found["preview"], found["format"], found["version"]


def run_reader(program: str, content: bytes, filename: str) -> Any:
    """What a program makes of a file. Raises Unreadable."""
    if len(content) > limits.LARGEST_FILE:
        raise Unreadable("large", f"{limits.LARGEST_FILE // limits.MIB}")
    name = filename.replace("\0", "").encode("utf-8", "replace").decode()[-LONGEST_FILENAME:]
    try:
        return sandbox.run(program, name, content, limits.SECONDS)
    except Unreadable as problem:
        if problem.reason == "failed":
            logger.error("a file to import made its reader fail: %s", problem.detail)
        raise
