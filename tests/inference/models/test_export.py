"""The export of a checkpoint runs in an environment of its own."""

import subprocess
import sys

from inference.models import export


def test_modules_beside_the_script_hide_no_package_of_the_environment(tmp_path, monkeypatch):
    """Beside it lies inference/models/safetensors.py, and the script wants the package."""
    commands = []
    monkeypatch.setattr(export, "make_environment", lambda models_dir: sys.executable)
    monkeypatch.setattr(export, "run", lambda command, doing: commands.append(command))
    export.export(tmp_path / "gpt2", tmp_path / "ir", "int8", tmp_path)
    [command] = commands
    options = command[1 : command.index(str(export.MAKER))]
    (tmp_path / "json.py").write_text("hidden = True")
    script = tmp_path / "script.py"
    script.write_text("import json; print(hasattr(json, 'hidden'))")
    said = subprocess.run([sys.executable, *options, script], capture_output=True, text=True)
    assert said.stdout.strip() == "False", said.stderr
