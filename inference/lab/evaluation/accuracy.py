"""What is known of each measure: how it stands to replies that readers labelled by hand."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from inference.contract.plain import Plain

FOLDER = Path(__file__).parent / "labelled"
FILE = FOLDER / "accuracy.json"
ENOUGH = 0.8  # of precision and of recall: less, and a measure is mended or dropped


class Accuracy(Plain):
    """How a measure stands to its labels. `written`: so many positives were written for it.

    None where there is nothing to say: no positive, or none found.
    """

    labels: int
    agreement: float
    kappa: float
    positives: int
    written: int
    precision: float | None
    recall: float | None

    @property
    def enough(self) -> bool:
        return (self.precision or 0) >= ENOUGH and (self.recall or 0) >= ENOUGH


# What no rule judges well enough, and people read blind (`inference.lab.evaluation.blind`).
READ = {"follows": "follows the action", "dice": "what the dice decided is told"}

Known = Mapping[str, Accuracy]
KNOWN = TypeAdapter(dict[str, Accuracy])


def read_accuracy(file: Path = FILE) -> Known:
    """What is known of each figure's measure."""
    return KNOWN.validate_json(file.read_bytes())


def keep_accuracy(known: Known, file: Path = FILE) -> None:
    file.write_bytes(KNOWN.dump_json(dict(known), indent=1) + b"\n")


def shown_share(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def report(known: Known, titles: Mapping[str, str]) -> str:
    """A Markdown table of what is known of the measures."""
    lines = [
        "| | labels | readers agree | kappa | positives | written | precision | recall |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for figure, title in {**titles, **READ}.items():
        if figure in known:
            each = known[figure]
            cells = (
                title,
                str(each.labels),
                f"{100 * each.agreement:.1f} %",
                f"{each.kappa:.2f}",
                str(each.positives),
                str(each.written),
                shown_share(each.precision),
                shown_share(each.recall),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
