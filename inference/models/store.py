"""A narrator's model: fetched once, made readable for its engine, verified at each start.

`model` says where a GGUF or a checkpoint is fetched from (`inference.models.sources`), or is the
path of a GGUF or of a checkpoint's folder that the host has, absolute or in MODELS_DIR. For
openvino a GGUF is rewritten where its reader would distort it, and a checkpoint becomes an IR.
Beside each model stands a small record of its origin, so that a later start need not read it again.
An adapter becomes part of the GGUF that openvino reads; llama.cpp reads it from a file beside.
"""

import errno
import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from inference.config import InferenceConfig
from inference.models import hub, records
from inference.models.compatibility import FAMILIES, NOBODY, Compatibility, check_compatibility
from inference.models.download import sha256_of
from inference.models.export import ExportFailed, export
from inference.models.gguf_rewrite import GGUFError, faithful, read_gguf, rewrite
from inference.models.lora import (
    AdapterError,
    adapter_path,
    changes_of_adapter,
    digest_of_adapter,
    write_adapter,
)
from inference.models.records import (
    EXPORTED,
    Record,
    digest_of,
    key_of,
    merges,
    read_record,
    record_path,
    size_of,
    stamp,
    write_record,
)
from inference.models.resources import lack_of, lack_of_room
from inference.models.sources import (
    SourceError,
    fetch_file,
    fetch_from,
    hub_folder,
    is_remote,
    wheels_of,
)
from inference.models.wheels import Wheel, WheelError
from inference.narrators import Narrator

Progress = Callable[[int, int], None]
"""Bytes done and bytes in all. Called with a new total when the next step begins."""

Tell = Callable[[Compatibility], None]
"""Hears what a model's header says, as soon as it is here and before anything is made of it."""

IR = "openvino_model.xml"
HUB = "hub"  # where in MODELS_DIR checkpoints from the hub are kept
FETCHING = ".fetching"  # where what was begun is kept until it is whole


# What goes wrong while a model is fetched or made, each with a text of one line.
FETCH_PROBLEMS = (
    hub.HubError,
    WheelError,
    SourceError,
    GGUFError,
    AdapterError,
    ExportFailed,
)


class ModelError(Exception):
    """Why a model cannot be had, in one line."""


def model_path(narrator: Narrator, models_dir: Path) -> Path:
    """The model file, ready to load. Reads no more than its record and its size."""
    found = recorded_model(narrator, models_dir)
    if found is None:
        raise ModelError(
            f"the model of narrator {narrator.name!r} is not in {models_dir}: "
            f"run `manage.py narrators pull {narrator.name}`"
        )
    return found


def ensure_model(
    narrator: Narrator,
    models_dir: Path,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Path:
    """The model file, fetched and rewritten where it is not there yet. Raises ModelError."""
    report: Progress = progress or (lambda done, total: None)
    with clear_errors(narrator, models_dir):
        found = recorded_model(narrator, models_dir)
        if found is not None:
            return found
        models_dir.mkdir(parents=True, exist_ok=True)
        key = key_of(narrator)
        with model_lock(models_dir, key):
            found = recorded_model(narrator, models_dir)  # another process may just have made it
            if found is not None:
                return found
            with tempfile.TemporaryDirectory(prefix=f".pull-{key}-", dir=models_dir) as folder:
                if merges(narrator):
                    record = merge(narrator, models_dir, Path(folder), report, tell)
                    return models_dir / record.file
                plain = recorded_model(without_adapter(narrator), models_dir)
                if plain is None:
                    record = make(narrator, models_dir, Path(folder), report, tell)
                    plain = models_dir / record.file
                convert_adapter(narrator, models_dir, plain, Path(folder))
                return plain


def check_model(narrator: Narrator, models_dir: Path) -> Path:
    """The model file, read in full: raises ModelError where it is not what was recorded."""
    path = model_path(narrator, models_dir)
    record = read_record(record_path(narrator, models_dir))
    with clear_errors(narrator, models_dir):
        wanted = record.sha256 if record else ""
        if wanted and digest_of(path) != wanted:
            raise ModelError(
                f"{path} has changed since it was made: delete it and "
                f"run `manage.py narrators pull {narrator.name}`"
            )
    return path


def wheel_of(narrator: Narrator) -> Wheel | None:
    """The wheel that holds the model, or the first of several; None for all else."""
    found = wheels_of(narrator.model)
    return found[0] if found else None


def is_own(narrator: Narrator) -> bool:
    """Whether the model is a file or folder of the host's own."""
    return not is_remote(narrator.model)


def local_source(narrator: Narrator, models_dir: Path) -> Path:
    """Where a host's own model lies: its absolute path, or in MODELS_DIR."""
    if not narrator.model:
        raise ModelError(f"narrator {narrator.name!r} names no model")
    return models_dir / Path(narrator.model).expanduser()


def source_at_hand(narrator: Narrator, models_dir: Path) -> Path | None:
    """The host's own file or folder, or what was fetched; None where nothing is here yet."""
    if is_own(narrator) and narrator.model:
        source = local_source(narrator, models_dir)
        return source if source.exists() else None
    return recorded_model(narrator, models_dir)


def wants_export(narrator: Narrator, models_dir: Path) -> bool:
    """Whether openvino is to have an IR that is not made yet."""
    if narrator.engine != "openvino" or recorded_model(narrator, models_dir) is not None:
        return False
    if hub_folder(narrator.model) is not None:
        return True
    source = source_at_hand(narrator, models_dir)
    return source is not None and source.is_dir() and not (source / IR).is_file()


def first_default(defaults: Sequence[Narrator], config: InferenceConfig) -> Narrator:
    """Who of the host's defaults tells first here: one that is here already, or else the last.

    One that this machine cannot carry is left out, unless it is the only one.
    """
    able = [each for each in defaults[:-1] if not lack_of(each, config.memory_mb)]
    for each in [*able, defaults[-1]]:
        if (
            not each.model
            or each.engine == "openai"
            or recorded_model(each, config.models_dir) is not None
        ):
            return each
    return defaults[-1]


def recorded_model(narrator: Narrator, models_dir: Path) -> Path | None:
    """The model file where an up-to-date record vouches for it. A glance, not a proof."""
    record = read_record(record_path(narrator, models_dir))
    if record is None or record.recipe != records.RECIPE or record.source != narrator.model:
        return None
    if narrator.sha256 and record.source_sha256 != narrator.sha256:
        return None
    if is_own(narrator) and record.source_stamp != stamp(local_source(narrator, models_dir)):
        return None
    if merges(narrator) and record.adapter_sha256 != adapter_of(narrator, models_dir):
        return None
    beside = adapter_file(narrator, models_dir)
    if beside is not None and not beside.exists():
        return None
    path = models_dir / record.file
    if not path.exists() or size_of(path) != record.size:
        return None
    return path


def make(
    narrator: Narrator, models_dir: Path, folder: Path, report: Progress, tell: Tell | None
) -> Record:
    """Fetch or inspect the source, rewrite it where needed, and record the outcome."""
    source, commit = obtain(narrator, models_dir, folder, report)
    fetched = folder in source.parents
    local = not fetched and not commit
    digest = checked_digest(narrator, source, fetched)
    check_engine_reads(source, narrator, tell)
    made = made_of(source, narrator, models_dir, folder, report)
    if made is source and not fetched:
        final = source.absolute()
    else:
        final = models_dir / f"{key_of(narrator)}{made.suffix}"
    record = Record(
        source=narrator.model,
        source_sha256=digest,
        source_stamp=stamp(source) if local else "",
        commit=commit,
        file=str(final) if local and final == source.absolute() else relative(final, models_dir),
        sha256=digest if made is source else digest_of(made),
        size=size_of(made),
    )
    if final != source.absolute():
        if final.is_dir():
            shutil.rmtree(final)
        made.replace(final)
    write_record(record, narrator, models_dir, folder)
    return record


def checked_digest(narrator: Narrator, source: Path, fetched: bool) -> str:
    """The SHA-256 of a model's source; "" for a folder, and for a local file without `sha256`.

    Raises ModelError where it is not the one in narrators.yaml.
    """
    expected = narrator.sha256
    if expected and source.is_dir():
        raise ModelError(f"narrator {narrator.name!r}: sha256 is of a file, {source} is a folder")
    if fetched and expected:
        return expected  # checked during the download; reading a large file again takes seconds
    digest = sha256_of(source) if source.is_file() and (fetched or expected) else ""
    if expected and digest != expected:
        raise ModelError(
            f"{narrator.model} is not the file it should be: its sha256 is {digest}, "
            f"narrators.yaml says {expected}"
        )
    return digest


def merge(
    narrator: Narrator, models_dir: Path, folder: Path, report: Progress, tell: Tell | None
) -> Record:
    """Add the narrator's adapter to its model, which is made first where it is not here yet."""
    plain = without_adapter(narrator)
    source = recorded_model(plain, models_dir)
    if source is None:
        source = models_dir / make(plain, models_dir, folder, report, tell).file
    reader = read_gguf(source)
    changes = changes_of_adapter(adapter_path(narrator.adapter, models_dir), reader)
    made = folder / "merged.gguf"
    rewrite(reader, made, report, changes)
    base = read_record(record_path(plain, models_dir))
    assert base is not None
    final = models_dir / f"{key_of(narrator)}{made.suffix}"
    record = base.model_copy(
        update={
            "adapter_sha256": adapter_of(narrator, models_dir),
            "file": relative(final, models_dir),
            "sha256": digest_of(made),
            "size": size_of(made),
        }
    )
    made.replace(final)
    write_record(record, narrator, models_dir, folder)
    return record


def without_adapter(narrator: Narrator) -> Narrator:
    """The same narrator with its plain model."""
    return narrator.model_copy(update={"adapter": ""})


def adapter_file(narrator: Narrator, models_dir: Path) -> Path | None:
    """The GGUF that llama.cpp applies to the model; None for other engines, or without an adapter.

    The host's own, or what is made of a PEFT adapter, named after what that says and weighs.
    """
    if narrator.engine != "llama" or not narrator.adapter:
        return None
    place = adapter_path(narrator.adapter, models_dir)
    if place.is_file():
        return place
    return models_dir / f"{key_of(narrator)}-{adapter_of(narrator, models_dir)[:12]}.lora"


def convert_adapter(narrator: Narrator, models_dir: Path, model: Path, folder: Path) -> None:
    """Make what llama.cpp applies of the narrator's PEFT adapter, where it is not there yet."""
    final = adapter_file(narrator, models_dir)
    if final is None or final.exists():
        return
    made = folder / "adapter.lora"
    write_adapter(adapter_path(narrator.adapter, models_dir), model, made)
    made.replace(final)


def adapter_of(narrator: Narrator, models_dir: Path) -> str:
    """Which adapter it is, whatever its name."""
    try:
        return digest_of_adapter(adapter_path(narrator.adapter, models_dir))
    except AdapterError as error:
        raise ModelError(f"narrator {narrator.name!r}: {error}") from error


def obtain(
    narrator: Narrator, models_dir: Path, folder: Path, report: Progress
) -> tuple[Path, str]:
    """The narrator's source as it comes, and its commit where it comes from the hub."""
    remote = hub_folder(narrator.model)
    if remote is not None:
        repo, revision = remote
        place = hub_place(repo, revision, models_dir)
        return place, hub.fetch(repo, revision, place, report)
    if not is_own(narrator):
        return fetched_file(narrator, models_dir, folder, report), ""
    source = local_source(narrator, models_dir)
    if not source.exists():
        raise ModelError(f"narrator {narrator.name!r}: there is no file {source}")
    return source, ""


def checkpoint_place(narrator: Narrator, models_dir: Path) -> Path | None:
    """Where its checkpoint from the hub lies; None for all else."""
    found = hub_folder(narrator.model)
    return hub_place(*found, models_dir) if found else None


def hub_place(repo: str, revision: str, models_dir: Path) -> Path:
    """Where a checkpoint from the hub lies."""
    return models_dir / HUB / f"{repo}@{revision}".replace("/", "--")


def fetched_file(narrator: Narrator, models_dir: Path, folder: Path, report: Progress) -> Path:
    """The file that the narrator's sources have, in `folder`."""
    if not narrator.sha256:
        return fetch_from(narrator.model, folder, report)
    # Kept when it breaks off, so that the next time resumes it.
    kept = models_dir / FETCHING / narrator.sha256[:16]
    try:
        whole = fetch_file(
            [narrator.model, *narrator.mirrors],
            narrator.sha256,
            kept,
            of_known_size(narrator.bytes, report),
            narrator.bytes,
            lambda begun: lack_of_room(narrator, models_dir, begun),
        )
        return whole.replace(folder / "source.gguf")
    finally:
        sweep(kept)


def of_known_size(size: int, report: Progress) -> Progress:
    """Progress against the size that a narrator's entry gives, where it gives one.

    A source may know it roughly alone: of wheels that are not located yet it knows nothing.
    """
    return (lambda done, _: report(min(done, size), size)) if size else report


def sweep(kept: Path) -> None:
    """Remove what was kept of a file where nothing of it is left to go on with."""
    if kept.is_dir() and not any(each.stat().st_size for each in kept.rglob("*") if each.is_file()):
        shutil.rmtree(kept)
        with suppress(OSError):  # others are being fetched
            kept.parent.rmdir()


def made_of(
    source: Path, narrator: Narrator, models_dir: Path, folder: Path, report: Progress
) -> Path:
    """What the narrator's engine loads: the source itself, or what is made of it in `folder`."""
    if narrator.engine in ("transformers", "llama") or (source / IR).is_file():
        return source
    if source.is_dir():
        made = folder / "ir"
        size = size_of(source)
        report(0, size)
        export(source, made, narrator.dtype or EXPORTED, models_dir)
        report(size, size)
        return made
    reader = read_gguf(source)
    # What was fetched is moved as it is; a local file stays where it is.
    if faithful(reader):
        return source
    made = folder / "made.gguf"
    rewrite(reader, made, report)
    return made


def check_engine_reads(source: Path, narrator: Narrator, tell: Tell | None) -> None:
    """Raises ModelError where the header says that the engine cannot load it, and who can."""
    try:
        found = check_compatibility(source, narrator)
    except ValueError as error:
        if source.is_file():
            raise ModelError(f"{source} is not a whole GGUF file: {error}") from error
        raise ModelError(str(error)) from error
    if tell is not None:
        tell(found)
    if narrator.engine not in found.memory:
        others = " or ".join(f"engine: {engine}" for engine in found.memory)
        reads = ", ".join(sorted(FAMILIES))
        if narrator.engine == "llama":
            reads = "no family of that name" if source.is_file() else "GGUF files alone"
        elif source.is_dir():
            reads = "an IR of its own making"
        raise ModelError(
            f"{found.what}; the {narrator.engine} engine reads {reads}: "
            + (f"take {others}" if others else NOBODY)
        )


def relative(path: Path, models_dir: Path) -> str:
    """`path` below MODELS_DIR as records have it. Raises ValueError for one elsewhere."""
    return str(path.relative_to(models_dir.absolute() if path.is_absolute() else models_dir))


@contextmanager
def model_lock(models_dir: Path, key: str, patience: float | None = None) -> Iterator[None]:
    """Let one process at a time make a model, and sweep up after one that was killed.

    Others make theirs meanwhile: a large one takes long to fetch. Waits `patience` seconds for
    another one that makes this model, and then raises ModelError; without it, until that is done.
    """
    with (models_dir / f".{key}.lock").open("a") as lock:
        if patience is None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        elif not lock_within(lock, patience):
            raise ModelError("another process is fetching or making the same model")
        for left in models_dir.glob(f".pull-{key}-????????"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def lock_within(file: IO[str], seconds: float) -> bool:
    """Lock a file, unless another process has it for so long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(0.1)


@contextmanager
def clear_errors(narrator: Narrator, models_dir: Path) -> Iterator[None]:
    """Say in one line what the system refused."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            size = (
                f"{narrator.bytes / 1e9:.1f} GB"
                if narrator.bytes
                else "smol's is 450 MB while it is made, 290 MB after"
            )
            raise ModelError(
                f"the disk under {models_dir} is full: narrator {narrator.name!r} needs "
                f"room for its model ({size})"
            ) from error
        raise ModelError(f"narrator {narrator.name!r}: {error}") from error
    except FETCH_PROBLEMS as error:
        raise ModelError(f"narrator {narrator.name!r}: {error}") from error
