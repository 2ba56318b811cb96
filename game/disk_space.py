"""A disk that is full: reading goes on, and whatever would need room is refused with the reason.

PostgreSQL and Redis stop altogether where not even they can write, so new actions end while there
is still some room. The disk looked at is DATA_DIR's, where `make play` keeps its database; a
database elsewhere says by itself that its disk is full.
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

LOW = 128 << 20  # bytes left, below which nothing new is taken
LOOK_SECONDS = 1.0
RETRY_SECONDS = 30
DISK_FULL = "53100"  # PostgreSQL's SQLSTATE
INSUFFICIENT_STORAGE = 507
READS = {"GET", "HEAD", "OPTIONS", "TRACE"}
# Those who come to make room, and a change of language, are let through.
LET_THROUGH = ("admin:", "account_login", "account_logout", "account_reauthenticate", "mfa_")
REASON = _l(
    "This server’s disk is full, so nothing new can be saved. You can go on reading; "
    "try again when the host has made room."
)


class Disk:
    """Whether there is room, looked at once a second; a change is logged once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.looked = 0.0
        self.low = False
        self.refused_until = 0.0  # the database said that its own disk is full

    def full(self) -> bool:
        now = time.monotonic()
        with self.lock:
            if now - self.looked >= LOOK_SECONDS:
                self.looked = now
                self.check_space()
            return self.low or now < self.refused_until

    def check_space(self) -> None:
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
        """Whether an error of the database's says that its disk is full; remembered for a while."""
        if getattr(problem.__cause__, "pgcode", None) != DISK_FULL:
            return False
        logger.error("the database's disk is full: new actions are refused until there is room")
        self.refused_until = time.monotonic() + RETRY_SECONDS / 6
        return True


disk = Disk()


def refusal() -> Refused:
    """The refusal of a command while the disk is full."""
    return Refused("full", str(REASON), retry_after=RETRY_SECONDS)


def refuse_when_full() -> None:
    """Raises Refused while nothing new can be kept; it says why."""
    if disk.full():
        raise refusal()


class FullDiskMiddleware:
    """Answers 507, with the reason, to what would be saved while the disk is full."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if request.method in READS or name == "set_language" or name.startswith(LET_THROUGH):
            return None
        return disk_full_response(request) if disk.full() else None

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
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
    answer._has_been_logged = True  # type: ignore[attr-defined] # by Disk, once and not each time
    return answer
