"""Removes what was fetched or made for a narrator, and finds files that no narrator uses."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from inference.models.records import key_of, read_record, record_path
from inference.models.store import FETCHING, checkpoint_place, is_own, model_lock, without_adapter
from inference.narrators import Narrator

REMOVE_SECONDS = 30.0  # that deleting a model waits for whoever fetches or makes it


def remove_model(narrator: Narrator, models_dir: Path, others: list[Narrator]) -> None:
    """Delete what was fetched or made for a narrator, but for what one of `others` uses.

    A host's own file stays. Raises OSError, and ModelError where another process fetches or makes
    the model meanwhile.
    """
    if not narrator.model or narrator.engine in ("openai", "scripted") or not models_dir.is_dir():
        return
    record_file = record_path(narrator, models_dir)
    if record_file in records_used(others, models_dir):
        return  # they are of the same source, and may be fetching it just now
    with model_lock(models_dir, key_of(narrator), REMOVE_SECONDS):
        record = read_record(record_file)
        if record is not None and not Path(record.file).is_absolute():
            made = models_dir / record.file
            shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
        record_file.unlink(missing_ok=True)
        if narrator.sha256 and narrator.sha256 not in {each.sha256 for each in others}:
            shutil.rmtree(models_dir / FETCHING / narrator.sha256[:16], ignore_errors=True)
            with suppress(OSError):  # others are being fetched
                (models_dir / FETCHING).rmdir()
        place = checkpoint_place(narrator, models_dir)
        if place and place not in {checkpoint_place(each, models_dir) for each in others}:
            shutil.rmtree(place, ignore_errors=True)


def records_used(narrators: Iterable[Narrator], models_dir: Path) -> set[Path]:
    """The records of the files that these narrators load, and of those that become part of them."""
    local = [each for each in narrators if each.model and each.engine != "openai"]
    each_with_parts = [*local, *map(without_adapter, local)]
    return {record_path(each, models_dir) for each in each_with_parts}


def unused_ggufs(narrators: list[Narrator], models_dir: Path) -> list[Path]:
    """GGUF files in MODELS_DIR that a host has put there and that none of these narrators uses."""
    named = {Path(each.model).name for each in narrators if is_own(each)}
    records = (read_record(path) for path in models_dir.glob("*.json"))
    made = {record.file for record in records if record is not None}
    return sorted(
        path
        for path in models_dir.glob("*.gguf")
        if path.is_file() and path.name not in named | made and not path.name.startswith(".")
    )
