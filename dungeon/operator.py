"""The link that makes whoever opens it the operator. It works once."""

from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections

from dungeon.secrets import kept_in

TOKEN_FILE = "operator_token"  # noqa: S105


def operator_token() -> str:
    """The token of the link; "" once there is an operator."""
    try:
        there_is_one = get_user_model().objects.filter(is_superuser=True).exists()
    finally:
        connections.close_all()
    file: Path = settings.DATA_DIR / TOKEN_FILE
    if there_is_one:
        file.unlink(missing_ok=True)
        return ""
    return kept_in(file)
