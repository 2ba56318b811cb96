"""The format of a backup: a tar of four parts, and a manifest with the digest of each."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dungeon.backup.errors import UNTOUCHED, BackupError

DUMP, SECRET, NARRATORS, MANIFEST = "database.dump", "secret_key", "narrators.yaml", "grue.json"
LARGEST = {SECRET: 1 << 16, NARRATORS: 1 << 24, MANIFEST: 1 << 16}  # bytes
FORM = 2  # the format's version; 1 had no digests
CHUNK = 1 << 20  # bytes that are read at a time
UNPACKS_TO = 8  # a database beside its compressed dump, at most, where the manifest does not say


class Archive:
    """A backup that is read. Nothing is unpacked by the names in it."""

    def __init__(self, file: Path) -> None:
        """Reads all but the dump. Raises BackupError, OSError, TarError, ValueError."""
        self.file = file
        self.tar = tarfile.open(file)  # noqa: SIM115 (closed by __exit__)
        try:
            for name in (DUMP, SECRET, NARRATORS, MANIFEST):
                self.entry(name)
            self.manifest = parse_manifest(self.text(MANIFEST))
            self.secret = self.text(SECRET).strip()
            self.narrators = self.text(NARRATORS)
        except BaseException:
            self.tar.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.tar.close()

    @property
    def has_digests(self) -> bool:
        """Whether the manifest has the size and digest of each part; form 1 had none."""
        return "files" in self.manifest

    @property
    def database_bytes(self) -> int:
        """How large the database will be, roughly."""
        estimate = self.entry(DUMP).size * UNPACKS_TO
        return int(self.manifest.get("database_bytes", estimate))

    def entry(self, name: str) -> tarfile.TarInfo:
        """The tar's header of one part. Raises BackupError where it is missing or too large."""
        try:
            found = self.tar.getmember(name)
        except KeyError:
            found = None
        if found is None or not found.isfile():
            raise BackupError(f"{name} is missing: that is no backup of Grue, or not all of one")
        if found.size > LARGEST.get(name, found.size):
            raise BackupError(f"{name} is too large to be of a backup of Grue")
        return found

    def text(self, name: str) -> str:
        """One part as UTF-8, checked as `chunks` does. Raises BackupError, UnicodeDecodeError."""
        return b"".join(self.chunks(name)).decode()

    def chunks(self, name: str) -> Iterator[bytes]:
        """One part, checked against the manifest's digest at its end. Raises BackupError."""
        part = self.tar.extractfile(self.entry(name))
        assert part is not None
        digest, size = hashlib.sha256(), 0
        while chunk := part.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if size != self.entry(name).size:
            raise BackupError(f"{self.file} ends too early: it was not copied whole; {UNTOUCHED}")
        if name == MANIFEST or not self.has_digests:
            return
        expected = self.manifest["files"].get(name, {})
        if {"bytes": size, "sha256": digest.hexdigest()} != expected:
            raise BackupError(
                f"{name} in {self.file} is damaged (its digest is not the manifest's): "
                f"take another copy or an older backup; {UNTOUCHED}"
            )


def parse_manifest(text: str) -> dict[str, Any]:
    """The manifest, or of an older backup the note in its place. Raises BackupError, ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(form := found.get("form"), int):
        raise BackupError(f"{MANIFEST} is damaged; {UNTOUCHED}")
    if form > FORM:
        raise BackupError(
            f"this backup was made by a newer Grue (form {form}): restore it with that one; "
            + UNTOUCHED
        )
    # Only the note of older backups passes without digests: a damaged manifest does not.
    is_valid = (
        set(found) == {"form", "made"}
        if form == 1
        else found.get("sha256") == manifest_digest(found)
    )
    if not is_valid:
        raise BackupError(f"{MANIFEST} is damaged; {UNTOUCHED}")
    return found


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the manifest itself, without its own entry "sha256"."""
    rest = {name: value for name, value in manifest.items() if name != "sha256"}
    return sha256(json.dumps(rest, sort_keys=True).encode())


def sha256(content: bytes) -> str:
    """The digest as the manifest has it: 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    """Append a part of UTF-8 that only the owner may read once it is unpacked."""
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    entry.mode = 0o600
    tar.addfile(entry, io.BytesIO(text.encode()))
