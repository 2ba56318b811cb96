"""Fetches the models of the built-in narrators into MODELS_DIR, unless they are there.

.venv/bin/python scripts/fetch_narrator.py
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference.models import ModelError, ensure_model  # noqa: E402
from inference.narrators import load_narrators  # noqa: E402


def main() -> None:
    models_dir = Path(os.environ.get("MODELS_DIR") or ROOT / "var" / "models").resolve()
    for narrator in load_narrators(ROOT / "narrators.yaml").narrators:
        if narrator.builtin:
            try:
                ensure_model(narrator, models_dir)
            except ModelError as problem:
                sys.exit(f"grue: {problem}")


if __name__ == "__main__":
    main()
