"""The record beside each model: where it came from, what it weighs, and what it is named after."""

import hashlib
import re
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from inference.models.download import sha256_of
from inference.narrators import Narrator

# Raised whenever rewriting a model gives another file than before: old files are made again.
RECIPE = 1

EXPORTED = "int8"  # the weights of an IR, where its narrator says nothing


class Record(BaseModel):
    """What is known of a model file that was checked or made here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str  # the narrator's `model`
    source_sha256: str = ""
    source_stamp: str = ""  # size and time of a local source; a change means a new look
    commit: str = ""  # of a checkpoint on the hub
    adapter_sha256: str = ""  # of the adapter that was merged into it
    file: str  # a name in MODELS_DIR, or the absolute path of a local model used as it is
    sha256: str = ""  # of `file`; empty where it is used as it came and nobody hashed it
    size: int  # in bytes, of all files of a folder together
    recipe: int = RECIPE


def merges(narrator: Narrator) -> bool:
    """Whether its adapter becomes part of its model's file; transformers merges when it loads."""
    return bool(narrator.adapter) and narrator.engine == "openvino"


def key_of(narrator: Narrator) -> str:
    """A file name for the model: readable, and different for different sources."""
    stem = PurePosixPath(narrator.model).stem
    stem = re.sub(r"[.\-_](?:I?Q\d\w*|B?F16|F32)$", "", stem, flags=re.IGNORECASE)
    key = f"{stem}-{hashlib.sha256(narrator.model.encode()).hexdigest()[:8]}"
    if narrator.engine in ("transformers", "llama"):
        return f"{key}-{narrator.engine}"
    # Those of GGUFs have no ending: they are what they were before there were others.
    exported = not narrator.model.lower().endswith(".gguf")
    if merges(narrator):
        known_by = hashlib.sha256(narrator.adapter.encode()).hexdigest()[:8]
        return f"{key}-{PurePosixPath(narrator.adapter).name.rpartition(':')[2]}-{known_by}"
    return f"{key}-{narrator.dtype or EXPORTED}" if exported else key


def record_path(narrator: Narrator, models_dir: Path) -> Path:
    """The file of a narrator's record, by the key of its source."""
    return models_dir / f"{key_of(narrator)}.json"


def write_record(record: Record, narrator: Narrator, models_dir: Path, folder: Path) -> None:
    """Put a record beside its model, whole or not at all."""
    note = folder / "record.json"
    note.write_text(record.model_dump_json(indent=2) + "\n")
    note.replace(record_path(narrator, models_dir))


def read_record(path: Path) -> Record | None:
    """The record at `path`; None where there is none or it is damaged: it can be made again."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def stamp(path: Path) -> str:
    """Size and time of a file, or of all files of a folder: what changes when it is replaced."""
    try:
        stats = [each.stat() for each in files_of(path)]
    except OSError:
        return ""
    if path.is_file():
        return f"{stats[0].st_size}:{stats[0].st_mtime_ns}"
    newest = max((stat.st_mtime_ns for stat in stats), default=0)
    return f"{len(stats)}:{sum(stat.st_size for stat in stats)}:{newest}"


def files_of(path: Path) -> list[Path]:
    """A file by itself, or the files of a folder. Raises OSError where there is neither."""
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.is_file())
    path.stat()
    return [path]


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files of a folder."""
    return sum(each.stat().st_size for each in files_of(path))


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, or of a folder's names and files."""
    if path.is_file():
        return sha256_of(path)
    each = "".join(f"{file.name} {sha256_of(file)}\n" for file in files_of(path))
    return hashlib.sha256(each.encode()).hexdigest()
