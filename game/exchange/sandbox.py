"""Parses an uploaded file in a process of its own, which is killed when it takes too long.

A parser holds the GIL, and every player of this web process would wait for it. Here a thread only
waits for another process, of which at most two run at a time.
"""

import json
import subprocess
import sys
import threading
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from game.exchange import parsers
from game.exchange.parsers import Unreadable

MAX_PARALLEL = 2  # files that one web process parses at a time
WAIT_SECONDS = 5.0  # for a free slot
SECONDS = 10.0  # for parsing; CPU time is limited to less (parsers.CPU_SECONDS)

# Where compiled code is stored, if not beside its source; -I ignores PYTHONPYCACHEPREFIX.
PYCACHE_OPTION = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []

slots = threading.BoundedSemaphore(MAX_PARALLEL)

REASONS = {
    "encoding": gettext_lazy("That file is not text in UTF-8. Save it as UTF-8, then try again."),
    "json": gettext_lazy("That is not JSON. Choose the file that the other game exported."),
    "deep": gettext_lazy(
        "That file is nested too deeply: lists and maps may be %(limit)s inside each other."
    ),
    "many": gettext_lazy(
        "That file has too many parts: at most %(limit)s values and names fit. Split it into "
        "several files."
    ),
    "aliases": gettext_lazy(
        "That file uses anchors or aliases (& and *), which are not read here. Write out what "
        "they stand for."
    ),
    "documents": gettext_lazy("That file holds several documents. Import them one by one."),
    "slow": gettext_lazy("Reading that file takes too long. Split it into several files."),
    "large": gettext_lazy("That file is too large: at most %(limit)s MiB are read."),
    "memory": gettext_lazy("Reading that file takes too much memory. Split it into several files."),
    "empty": gettext_lazy("That file is empty."),
    "unknown": gettext_lazy(
        "That file is of no kind that can be imported: no story, scenario or cards were found in "
        "it. Choose the file that the other game exported."
    ),
    "pickle": gettext_lazy(
        "That file is a Python pickle, which could run a program of its own here. It is not "
        "opened. Export the story as JSON instead."
    ),
    "base64": gettext_lazy("The text inside that file is damaged: it is not valid base64."),
    "png": gettext_lazy("That picture is damaged: its parts do not fit together."),
    "png_empty": gettext_lazy(
        "That picture holds no character and no lorebook. Some sites remove them when they show "
        "a picture: download the original."
    ),
    "bomb": gettext_lazy(
        "Part of that file grows beyond %(limit)s MiB when it is decompressed, so it is not read."
    ),
    "zip": gettext_lazy("That archive is damaged."),
    "zip_many": gettext_lazy("That archive holds more than %(limit)s files."),
    "zip_path": gettext_lazy(
        "That archive holds a file whose name leads out of it, so it is not read."
    ),
    "zip_password": gettext_lazy("That archive has a password. Save it without one."),
    "damaged": gettext_lazy(
        "That file looks like one of %(limit)s, but its parts do not fit together."
    ),
    "failed": gettext_lazy(
        "Grue could not read that file, by a mistake of its own. Nothing was imported. The host’s "
        "log has the place: %(limit)s."
    ),
    "no_cards": gettext_lazy("There are no cards in that file."),
    "busy": gettext_lazy("Other files are being read at the moment. Try again in a minute."),
}


def read(kind: str, content: bytes) -> Any:
    """Parse a file of this kind, "json" or "yaml". Raises Unreadable."""
    return run(parsers.__file__, kind, content, SECONDS)


def run(program: str, argument: str, content: bytes, seconds: float) -> Any:
    """What a program that ends with `parsers.answer` makes of a file. Raises Unreadable."""
    if not slots.acquire(timeout=WAIT_SECONDS):
        raise Unreadable("busy")
    try:
        done = subprocess.run(
            # Isolated (-I): neither environment nor working directory changes what it runs.
            [sys.executable, "-I", *PYCACHE_OPTION, program, argument],
            input=content,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("slow") from None
    finally:
        slots.release()
    if done.returncode < 0:  # killed by a signal: over its limit on CPU time
        raise Unreadable("slow")
    if done.returncode:
        raise RuntimeError(f"the parser ended with {done.returncode}: {done.stderr[-300:]!r}")
    found = json.loads(done.stdout)
    if "reason" in found:
        raise Unreadable(found["reason"], found["detail"])
    return found["data"]


def message_of(problem: Unreadable) -> str:
    """What is wrong with a file, in words for the player who uploaded it."""
    message = REASONS.get(problem.reason)
    if message is None:
        return problem.detail or _("That file cannot be read.")
    return str(message) % {"limit": problem.detail}
