"""How log lines look: words for a terminal, or one JSON object a line for machines.

Lines hold ids and never words of a story (`inference.logs`).
"""

import logging
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from inference.logs import SUBJECTS

WORDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(JsonFormatter):
    """`time level logger event`, the subjects, and what else the line gave as `extra`."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def add_fields(
        self,
        log_data: dict[str, Any],
        record: logging.LogRecord,
        message_dict: dict[str, Any],
    ) -> None:
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(
            timespec="milliseconds"
        )
        log_data["level"] = record.levelname
        log_data["logger"] = record.name
        log_data["message"] = record.getMessage()
        given = {k: v for k, v in record.__dict__.items() if k not in STANDARD}
        for name in SUBJECTS:
            if name in given:
                log_data[name] = str(given.pop(name))
        for name, value in given.items():
            log_data[name] = value if isinstance(value, int | float | bool) else str(value)
        if record.exc_info:
            log_data["exception"] = self.formatException(record.exc_info)


def logging_config(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING. `form` is "text" or "json"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"text": {"format": WORDS}, "json": {"()": "dungeon.logs.JsonLines"}},
        "filters": {"subjects": {"()": "inference.logs.Subjects"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": form,
                "filters": ["subjects"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "gguf": {"level": "WARNING"},  # tells of every file it writes
            "django.request": {"level": "ERROR"},  # warns of every 404
        },
    }
