"""Refuses writes while the disk is full; reading still works.

PostgreSQL and Redis stop altogether when they cannot write, so new actions are refused while there
is still some room. The disk checked is DATA_DIR's, where `make play` keeps its database; a database
elsewhere reports a full disk by its errors.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _l

from game.play.protocol import Refused

logger = logging.getLogger(__name__)

LOW = 128 << 20  # free bytes below which writes are refused
LOOK_SECONDS = 1.0
RETRY_SECONDS = 30
DISK_FULL = "53100"  # PostgreSQL's SQLSTATE
INSUFFICIENT_STORAGE = 507
READS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# Allowed while the disk is full: pages for making room.
LET_THROUGH = ("admin:", "account_login", "account_logout", "account_reauthenticate", "mfa_")
REASON = _l(
    "This server’s disk is full, so nothing new can be saved. You can go on reading; "
    "try again when the host has made room."
)


class Disk:
    """Free space on DATA_DIR's disk, checked at most once a second. A change is logged once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.looked = 0.0
        self.low = False
        self.refused_until = 0.0  # time.monotonic(); set when the database's disk was full

    def full(self) -> bool:
        """Whether writes are refused: little space is left, or the database's disk was full."""
        now = time.monotonic()
        with self.lock:
            if now - self.looked >= LOOK_SECONDS:
                self.looked = now
                self.check_space()
            return self.low or now < self.refused_until

    def check_space(self) -> None:
        """Read the free space and log when it crosses LOW. Unknown space changes nothing."""
        try:
            free = shutil.disk_usage(settings.DATA_DIR).free
        except OSError as problem:
            logger.warning("the room under %s is unknown: %s", settings.DATA_DIR, problem)
            return
        if (free < LOW) != self.low:
            self.low = free < LOW
            left = f"{free >> 20} MiB left under DATA_DIR ({settings.DATA_DIR})"
            if self.low:
                logger.error("disk full: %s; new actions are refused until there is room", left)
            else:
                logger.warning("there is room again: %s; new actions are taken", left)

    def note(self, problem: BaseException) -> bool:
        """Whether a database error means that its disk is full; writes are then refused for 5 s."""
        if getattr(problem.__cause__, "pgcode", None) != DISK_FULL:
            return False
        logger.error("the database's disk is full: new actions are refused until there is room")
        self.refused_until = time.monotonic() + RETRY_SECONDS / 6
        return True


disk = Disk()


def refusal() -> Refused:
    """The error for a command while the disk is full."""
    return Refused("full", str(REASON), retry_after=RETRY_SECONDS)


def refuse_when_full() -> None:
    """Raises Refused, with the reason, while the disk is full."""
    if disk.full():
        raise refusal()


class FullDiskMiddleware:
    """Answers 507, with the reason, to requests that would write while the disk is full."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        """Refuse all but reads, language changes, and pages that help to make room."""
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.method in READS or name == "set_language" or name.startswith(LET_THROUGH):
            return None
        return disk_full_response(request) if disk.full() else None

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """Answer 507 to a database error that says that the database's disk is full."""
        if isinstance(problem, DatabaseError) and disk.note(problem):
            return disk_full_response(request)
        return None


def disk_full_response(request: HttpRequest) -> HttpResponse:
    """The answer 507, as JSON or as a page."""
    if request.headers.get("Accept") == "application/json":
        answer: HttpResponse = JsonResponse({"message": str(REASON)}, status=INSUFFICIENT_STORAGE)
    else:
        answer = render(request, "507.html", {"reason": REASON}, status=INSUFFICIENT_STORAGE)
    answer["Retry-After"] = str(RETRY_SECONDS)
    answer._has_been_logged = True  # type: ignore[attr-defined] # Disk logs it once
    return answer
