"""Runs beside each other: what `manage.py evaluate --save FOLDER` kept, as one table.

    python -m inference.lab.evaluation.runs FOLDER FOLDER … [--part situations]

A column a run, headed by its folder's name; the part is one of the columns of a run's own table.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inference.contract.plain import Plain
from inference.lab.evaluation.accuracy import read_accuracy
from inference.lab.evaluation.scores import Figures, table

FILE = "table.json"


class Run(Plain):
    """A narrator's figures by part, and how they came about. `tried` are its --set settings."""

    narrator: str
    revision: str
    entry: dict[str, Any]  # of the narrators file, with what was tried
    tried: tuple[str, ...] = ()
    seeds: int
    plays: int
    turns: int
    columns: dict[str, dict[str, float | None]]


def keep(run: Run, folder: Path) -> None:
    """Write the table of a run into its folder, to be read by people and by programs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(table(run.columns, read_accuracy()), encoding="utf-8")


def read(folder: Path) -> Run:
    """The run that a folder keeps. Raises ValueError where it keeps none."""
    try:
        return Run.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except OSError as problem:
        raise ValueError(f"{folder / FILE} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        raise ValueError(f"{folder / FILE}: {problem.errors()[0]['msg']}") from None


def beside(runs: Sequence[tuple[str, Run]], part: str) -> str:
    """One part of several runs, a column each. Raises ValueError where a run lacks it."""
    columns: dict[str, Figures] = {}
    for name, run in runs:
        if part not in run.columns:
            raise ValueError(f"{name} has no {part!r}; it has {', '.join(run.columns)}")
        columns[name] = run.columns[part]
    return table(columns, read_accuracy())


def main() -> None:
    parser = argparse.ArgumentParser(description="Saved runs of `evaluate` beside each other.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--part", default="situations")
    given = parser.parse_args()
    try:
        runs = [(folder.name, read(folder)) for folder in given.folders]
        sys.stdout.write(beside(runs, given.part))
    except ValueError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
