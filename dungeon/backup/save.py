"""Writes a backup."""

import hashlib
import json
import os
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from dungeon.backup.archive import (
    CHUNK,
    DUMP,
    FORM,
    MANIFEST,
    NARRATORS,
    SECRET,
    add_text,
    manifest_digest,
    sha256,
)
from dungeon.backup.errors import BackupError
from dungeon.backup.files import sync_folder
from dungeon.backup.installation import Installation
from dungeon.backup.programs import StderrTail

KEPT = 5  # backups made before migrations; older ones are removed


def save(installation: Installation, file: Path) -> None:
    """Write a backup, readable by its owner only. The file appears once it is complete.

    Raises BackupError, ServiceError.
    """
    draft = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with installation.running_database():
            draft.unlink(missing_ok=True)
            opened = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w+b") as out:
                write_backup(installation, out)
                out.flush()
                os.fsync(out.fileno())
        draft.rename(file)
        sync_folder(file.parent)
    except OSError as problem:
        raise BackupError(f"{file} cannot be written: {problem.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def write_backup(installation: Installation, out: IO[bytes]) -> None:
    """Write the tar to `out`, which is empty and can seek: dump, secret key, narrators, manifest.

    Raises BackupError, OSError.
    """
    # The dump is streamed into the tar, so it needs no space elsewhere; its header is written when
    # its size is known.
    header = tarfile.TarInfo(DUMP)
    header.mode = 0o600
    out.write(bytes(tarfile.BLOCKSIZE))
    header.size, digest = dump_into(installation, out)
    out.write(bytes(-header.size % tarfile.BLOCKSIZE))
    end = out.tell()
    out.seek(0)
    out.write(header.tobuf(tarfile.GNU_FORMAT))
    out.seek(end)
    files = {DUMP: {"bytes": header.size, "sha256": digest}}
    texts = ((SECRET, installation.secret()), (NARRATORS, installation.narrators()))
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in texts:
            files[name] = {"bytes": len(text.encode()), "sha256": sha256(text.encode())}
            add_text(tar, name, text)
        size = installation.query_value("SELECT pg_database_size(current_database())")
        manifest = {
            "form": FORM,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "database_bytes": int(size),
            "files": files,
        }
        add_text(tar, MANIFEST, json.dumps({**manifest, "sha256": manifest_digest(manifest)}))


def dump_into(installation: Installation, out: IO[bytes]) -> tuple[int, str]:
    """Write the database's dump to `out`. Returns its size in bytes and its SHA-256.

    Raises BackupError where pg_dump fails.
    """
    # Large objects, of which Grue has none, would bring transactions of their own into a restore.
    options = ["--format=custom", "--no-owner", "--no-privileges", "--no-blobs"]
    command = installation.client("pg_dump", *options)
    with command.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        stderr = StderrTail(process)
        assert process.stdout is not None
        try:
            digest, size = hashlib.sha256(), 0
            while chunk := process.stdout.read(CHUNK):
                out.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        except BaseException:
            process.kill()
            raise
        if process.wait():
            raise BackupError(stderr.problem("pg_dump"))
    return size, digest.hexdigest()


def default_file_name() -> str:
    """The name of a backup whose file the host did not name: by the date and time in UTC."""
    return f"grue-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"


def save_before_migration(data_dir: Path) -> Path:
    """Write a backup to `data_dir`/backups, remove all but the newest KEPT, return its path.

    Raises BackupError, ServiceError.
    """
    folder = data_dir / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"before-migration-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    save(Installation(), file)
    for old in sorted(folder.glob("before-migration-*.tar"))[:-KEPT]:
        old.unlink()
    return file
