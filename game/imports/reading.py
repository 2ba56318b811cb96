"""Reads a file to import in a process of its own."""

import logging

from django.utils.translation import gettext as _

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import limits, reader_process
from game.imports.documents import FileDocument, from_data
from game.imports.macros import PLAYER_QUESTION

LONGEST_FILENAME = 200

logger = logging.getLogger(__name__)


def read_file(content: bytes, filename: str) -> FileDocument:
    """What a file holds. Raises Unreadable; `sandbox.message_of` has words for its reason.

    Takes as long as limits.SECONDS, and waits when two other files are being read.
    """
    if len(content) > limits.LARGEST_FILE:
        raise Unreadable("large", f"{limits.LARGEST_FILE // limits.MIB}")
    name = filename.replace("\0", "").encode("utf-8", "replace").decode()[-LONGEST_FILENAME:]
    try:
        data = sandbox.run(reader_process.__file__, name, content, limits.SECONDS)
    except Unreadable as problem:
        if problem.reason == "failed":
            logger.error("a file to import made its reader fail: %s", problem.detail)
        raise
    document = from_data(data)
    for scenario in document.scenarios:
        for each in scenario.placeholders:
            if each["question"] == PLAYER_QUESTION:
                each["question"] = _("What is your name?")
    return document
