"""Secrets are made on first use and kept in the data folder, never written down in code."""

import os
import secrets
from pathlib import Path

from dungeon import environment


def kept_in(file: Path) -> str:
    """The secret in `file`, made there (readable by its owner only) the first time.

    Processes that start together agree: whoever creates the file first wins.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(made, "w") as out:
                out.write(secrets.token_urlsafe(50))
        return file.read_text().strip()
    except OSError as problem:
        environment.refuse("DATA_DIR", f"wants a folder that Grue may write to ({problem})")
