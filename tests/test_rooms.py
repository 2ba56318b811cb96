"""The rooms of the house: which may know which, and what a web process never loads."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Imports point one way: dungeon -> game -> inference.
MAY_NOT_IMPORT = {"game": {"dungeon"}, "inference": {"dungeon", "game", "django", "channels"}}


def imported_by(file: Path) -> set[str]:
    """The top-level names of what a file imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", MAY_NOT_IMPORT)
def test_imports_point_one_way(room):
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sorted((ROOT / room).rglob("*.py"))
        for name in sorted(imported_by(file) & MAY_NOT_IMPORT[room])
        if name != "dungeon" or "management" not in file.parts
    ]
    assert not wrong


def loaded_by(statement: str) -> set[str]:
    """The top-level modules in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dungeon.settings"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_web_process_never_loads_a_model_library():
    loaded = loaded_by("import dungeon.asgi, game.play.views, inference.worker.tasks")
    assert "channels" in loaded
    assert not loaded & {"torch", "openvino", "openvino_genai", "transformers", "numpy"}


def test_the_engine_sends_no_telemetry():
    """`import openvino` reports itself over the network where openvino_telemetry can be loaded."""
    loaded = loaded_by(
        "import inference.engines.openvino, openvino_genai, openvino, sys\n"
        "assert sys.modules.get('openvino_telemetry') is None, 'telemetry was loaded'"
    )
    assert "openvino" in loaded


# What no player's turn touches: the lab, and the tools that use it.
TOOLS = ("inference/lab", "inference/finetune", "inference/installing", "game/load")


def test_a_players_turn_never_needs_the_lab():
    wrong = []
    for room in ("dungeon", "game", "inference"):
        for file in (ROOT / room).rglob("*.py"):
            path = file.relative_to(ROOT).as_posix()
            if not path.startswith(TOOLS) and "management" not in file.parts:
                wrong += [path] if "inference.lab" in file.read_text() else []
    assert not wrong
