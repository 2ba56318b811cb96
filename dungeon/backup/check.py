"""Checks that a backup is complete and undamaged, before anything is changed."""

import contextlib
import subprocess
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from dungeon.backup.archive import DUMP, NARRATORS, SECRET, Archive
from dungeon.backup.errors import UNTOUCHED, BackupError
from dungeon.backup.installation import Installation
from dungeon.backup.programs import StderrTail, feed


def check(installation: Installation, file: Path) -> list[str]:
    """Check whether a backup can be restored, as far as that is possible without restoring it.

    Returns lines for the host. Raises BackupError.
    """
    with open_archive(file) as archive:
        return check_archive(installation, archive)


@contextlib.contextmanager
def open_archive(file: Path) -> Iterator[Archive]:
    """An opened backup; whatever makes it unreadable is raised as one BackupError."""
    try:
        with Archive(file) as archive:
            yield archive
    except (OSError, EOFError, tarfile.TarError, ValueError, zlib.error) as problem:
        if isinstance(problem, OSError) and problem.filename not in (None, str(file), file):
            raise BackupError(f"{problem.filename}: {problem.strerror}; {UNTOUCHED}") from None
        raise BackupError(f"{file} cannot be read as a backup: {problem}; {UNTOUCHED}") from None


def check_archive(installation: Installation, archive: Archive) -> list[str]:
    """Read all of a backup, and let pg_restore read the dump.

    Returns lines for the host. Raises BackupError.
    """
    for name in (SECRET, NARRATORS, DUMP):
        for _ in archive.chunks(name):
            pass
    # Its table of contents; without digests all of its data, whose compression has checksums.
    options = ["--list"] if archive.has_digests else ["--file=-"]
    command = installation.client("pg_restore", *options, connect=False)
    with command.start(
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        stderr = StderrTail(process)
        try:
            feed(archive.chunks(DUMP), process)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            problem = stderr.problem("pg_restore")
            raise BackupError(f"{DUMP} cannot be read ({problem}); {UNTOUCHED}")
    if archive.has_digests:
        return []
    return [
        "this backup was made by an older Grue, without digests: its dump was read to the end, "
        "and more cannot be checked"
    ]
