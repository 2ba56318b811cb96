"""Secrets are made on first use and kept in the data folder, never written down in code."""

import contextlib
import os
import secrets
from pathlib import Path

from dungeon import environment

MOUNTED = Path("/run/grue-secrets")  # where docker-compose.yml puts its volume


def stored_secret(file: Path) -> str:
    """The secret in `file`, made there (readable by its owner only) the first time.

    Processes that start together agree: the file gets its name once it is written, and the first
    one wins. Exits where the folder cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(50))
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)
            draft.unlink()
        return file.read_text().strip()
    except OSError as problem:
        environment.refuse("DATA_DIR", f"wants a folder that Grue may write to ({problem})")


def load_mounted(folder: Path = MOUNTED) -> None:
    """Set environment variables that are empty from the containers' volume of secrets.

    The settings do this, because `docker exec` does not run an entry point.
    """
    try:
        key, database, redis = (
            (folder / name).read_text().strip()
            for name in ("secret_key", "postgres_password", "redis_password")
        )
    except OSError:  # no container of docker-compose.yml
        return
    for name, value in (
        ("SECRET_KEY", key),
        ("DATABASE_URL", f"postgres://grue:{database}@postgres:5432/grue"),
        ("REDIS_URL", f"redis://:{redis}@redis:6379/0"),
    ):
        os.environ[name] = os.environ.get(name) or value
