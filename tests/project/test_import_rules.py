"""The packages: which may import which, and what a web process never loads."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Imports point one way: dungeon -> game -> inference, in management commands as well.
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


def wrong_imports(package: str, root: Path = ROOT) -> list[str]:
    """The imports of a package's files, commands and migrations included, that it may not have."""
    files = sorted((root / package).rglob("*.py"))
    assert files, package
    return [
        f"{file.relative_to(root)} imports {name}"
        for file in files
        for name in sorted(imported_by(file) & MAY_NOT_IMPORT[package])
    ]


@pytest.mark.parametrize("package", MAY_NOT_IMPORT)
def test_imports_point_one_way(package):
    assert not wrong_imports(package)


def test_an_import_of_the_host_by_a_command_of_the_game_is_found(tmp_path):
    command = tmp_path / "game" / "management" / "commands" / "play.py"
    command.parent.mkdir(parents=True)
    command.write_text("def handle():\n    from dungeon.supervisor import Supervisor\n")
    assert wrong_imports("game", tmp_path) == [
        "game/management/commands/play.py imports dungeon",
    ]


def imports_within_functions(file: Path) -> list[str]:
    """The modules that functions of a file import, rather than the file itself."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found: list[str] = []
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, functions):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.module:
                    found.append(node.module)
                elif isinstance(node, ast.Import):
                    found += [alias.name for alias in node.names]
    return found


def test_no_two_modules_of_the_game_need_each_other():
    """A circle of imports would have to be hidden in a function: none of the game's is."""
    hidden = [
        f"{file.relative_to(ROOT)} imports {name} within a function"
        for file in sorted((ROOT / "game").rglob("*.py"))
        for name in imports_within_functions(file)
        if name.split(".")[0] == "game"
    ]
    assert not hidden


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
