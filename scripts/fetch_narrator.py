"""Fetches models of narrators into MODELS_DIR, unless they are there: of smol, for the tests.

.venv/bin/python scripts/fetch_narrator.py [NAME …]
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from inference.models.store import ModelError, ensure_model  # noqa: E402
from inference.narrators import UnknownNarrator, load_narrators  # noqa: E402


def main() -> None:
    models_dir = Path(os.environ.get("MODELS_DIR") or ROOT / "var" / "models").resolve()
    narrators = load_narrators(ROOT / "narrators.yaml")
    for name in sys.argv[1:] or ["smol"]:
        try:
            ensure_model(narrators.get(name), models_dir)
        except (ModelError, UnknownNarrator) as problem:
            sys.exit(f"grue: {problem}")


if __name__ == "__main__":
    main()
