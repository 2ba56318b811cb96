"""Files that replace others whole, and survive a loss of power."""

import os
import stat
from pathlib import Path


def write_draft(file: Path, text: str, mode: int = 0o600) -> Path:
    """Write the new content of `file` beside it, with the owner and mode of an existing one."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
        out.flush()
        if file.exists():
            before = file.stat()
            mode = stat.S_IMODE(before.st_mode)
            if os.geteuid() == 0:
                os.fchown(out.fileno(), before.st_uid, before.st_gid)
        os.fchmod(out.fileno(), mode)
        os.fsync(out.fileno())
    return draft


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
