"""How log lines look: words for a terminal, or one JSON object a line for machines.

Lines hold ids and never words of a story (`inference.log_context`), and no token of a link:
Django, axes, Channels and Daphne write paths, so the formatters take tokens out of every line.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from pythonjsonlogger.json import JsonFormatter

from inference.log_context import SUBJECTS, subjects

WORDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


# What stands before a secret in a path: links to stories, of the operator, of invites, of e-mails.
# tests/dungeon/test_log_tokens.py finds those that are missing here.
BEFORE_SECRETS = (
    *("s", "join", "report/story", "operator", "accounts/invited"),
    *("accounts/confirm-email", "accounts/password/reset/key"),
)


def spelled(text: str) -> str:
    """A pattern for `text` in a path: as it is, percent-encoded once or several times."""
    letters = (f"(?:{re.escape(each)}|%(?:25)*{ord(each):02x})" for each in text)
    return "".join(f"{each}+" if text[at] == "/" else each for at, each in enumerate(letters))


# A secret ends at the next space or quote. Channels logs paths without the first slash.
PATHS = "|".join(map(spelled, BEFORE_SECRETS))
SECRETS = re.compile(
    rf"(?:(?<![a-z0-9_.-])|(?<=2f))((?:{PATHS}){spelled('/')})[^\s\"'`\\<>]+", re.IGNORECASE
)


def without_tokens(text: str) -> str:
    """`text` with "…" in place of every secret that follows one of BEFORE_SECRETS."""
    return SECRETS.sub(r"\1…", text)


class TextLines(logging.Formatter):
    """Words for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text, without tokens."""
        return without_tokens(super().format(record))


class JsonLines(JsonFormatter):
    """JSON with time, level, logger, message, the subjects and the record's `extra`."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        """Fill the object: time in UTC with milliseconds, the subjects as text, then `extra`'s
        fields."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(
            timespec="milliseconds"
        )
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.getMessage()
        given = {k: v for k, v in record.__dict__.items() if k not in STANDARD}
        for name in SUBJECTS:
            if name in given:
                value = given.pop(name)
                # Django gives its own lines the whole request, which spells its path.
                value = subjects().get(name, "") if isinstance(value, HttpRequest) else value
                log_data[name] = str(value)
        for name, value in given.items():
            log_data[name] = value if isinstance(value, int | float | bool) else str(value)
        if record.exc_info:
            log_data["exception"] = self.formatException(record.exc_info)

    def format(self, record: logging.LogRecord) -> str:
        """One record as a JSON object on one line, without tokens."""
        return without_tokens(super().format(record))


def logging_config(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING. `form` is "text" or "json"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "dungeon.logs.TextLines", "fmt": WORDS},
            "json": {"()": "dungeon.logs.JsonLines"},
        },
        "filters": {"subjects": {"()": "inference.log_context.Subjects"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["subjects"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "gguf": {"level": "WARNING"},  # logs every file it writes
            "django.request": {"level": "ERROR"},  # warns of every 404
        },
    }
