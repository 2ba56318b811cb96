"""The machines that README.md names: libraries have builds for them, and the code lets them in."""

import re
import subprocess
import sys

import pytest

from dungeon import machine
from tests.cluster import ROOT

README = (ROOT / "README.md").read_text()


def test_the_readme_names_the_machines_that_the_code_accepts():
    x86, arm = (".".join(map(str, machine.GLIBC[each])) for each in ("x86_64", "aarch64"))
    assert f"Linux on x86-64, glibc {x86} or newer" in README
    assert f"Linux on arm64, glibc {arm} or newer" in README
    assert f"Apple silicon, macOS {machine.MACOS[0]} or newer" in README
    assert machine.MACOS[1] == 0
    script = (ROOT / "scripts" / "environment.sh").read_text()
    oldest, newest = re.search(r"\(3, (\d+)\) <= .* <= \(3, (\d+)\)", script).groups()
    versions = [f"3.{minor}" for minor in range(int(oldest), int(newest) + 1)]
    assert f"Python {', '.join(versions[:-1])} or {versions[-1]}" in README


def linux(processor):
    _, newest = machine.GLIBC[processor]
    tags = [f"manylinux_2_{minor}_{processor}" for minor in range(newest, 16, -1)]
    return [*tags, f"manylinux2014_{processor}"]


def mac():
    versions = range(machine.MACOS[0], 10, -1)
    return [f"macosx_{each}_0_{kind}" for each in versions for kind in ("arm64", "universal2")]


@pytest.mark.full
@pytest.mark.parametrize(
    "tags", [linux("x86_64"), linux("aarch64"), mac()], ids=lambda tags: tags[0]
)
def test_every_library_has_a_build_for_the_oldest_of_each(tags, tmp_path):
    """Asks the package index, and installs nothing."""
    platforms = [word for tag in tags for word in ("--platform", tag)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--no-deps", "--only-binary",
         ":all:", *platforms, "--python-version", "3.12", "--target", tmp_path,
         "-r", "requirements/light.txt"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
