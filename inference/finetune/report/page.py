"""The report as one page that stands by itself, and its plots as pictures."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from inference.finetune.report.held_out import HeldOut
from inference.finetune.training.progress import Step
from inference.lab.evaluation.scores import TITLES, Figures, shown

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1d1b16; background: #fdfbf6; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid #d8d2c2; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
"""

Table = Sequence[Sequence[str]]


def page(
    title: str,
    held_out: HeldOut,
    parts: Mapping[str, tuple[Figures, Figures]],
    pictures: Mapping[str, Path],
) -> str:
    """HTML without a link to anywhere. `parts` are the figures of the base and of the tuned one."""
    body = [f"<h1>{escape(title)}</h1>", "<h2>Held out</h2>", in_html(loss_table(held_out))]
    body += [picture(name, file) for name, file in pictures.items()]
    for part, (before, after) in parts.items():
        body += [f"<h2>{escape(part)}</h2>", in_html(beside(before, after))]
    if not parts:
        body.append("<p>Nothing was told for the table: seeds and plays are 0 in params.yaml.</p>")
    body += ["<h2>Held-out loss by adventure</h2>", in_html(adventure_table(held_out))]
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>\n" + "\n".join(body) + "\n</html>\n"
    )


def loss_table(found: HeldOut) -> Table:
    """Loss and perplexity of base and trained model."""
    return [
        ["", "base", "tuned"],
        ["loss, nats a token", f"{found.before.loss:.4f}", f"{found.after.loss:.4f}"],
        ["perplexity", f"{found.before.perplexity:.2f}", f"{found.after.perplexity:.2f}"],
        ["tokens told", str(found.before.tokens), str(found.after.tokens)],
    ]


def adventure_table(found: HeldOut) -> Table:
    """The losses of each adventure."""
    rows = [[title, f"{one:.3f}", f"{two:.3f}"] for title, (one, two) in found.adventures.items()]
    return [["", "base", "tuned"], *rows]


def beside(before: Figures, after: Figures) -> Table:
    """Two columns of `evaluate`. Rows that say nothing are left out."""
    rows = [
        [title, shown(name, before.get(name)), shown(name, after.get(name))]
        for name, (title, _) in TITLES.items()
    ]
    return [["", "base", "tuned"], *(row for row in rows if set(row[1:]) != {"–"})]


def in_html(table: Table) -> str:
    """A table as HTML; cells are escaped and the first row is the head."""
    head, *rows = [[escape(cell) for cell in row] for row in table]
    lines = ["<table>", "<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "\n".join([*lines, "</table>"])


def picture(name: str, file: Path) -> str:
    """A PNG as an <img> with its data inside the page."""
    data = base64.b64encode(file.read_bytes()).decode()
    return f'<p><img alt="{escape(name)}" src="data:image/png;base64,{data}"></p>'


# ---- pictures


def draw(steps: Sequence[Step], held_out: HeldOut, folder: Path) -> dict[str, Path]:
    """The plots as PNG files in `folder`, by what they show. Wants matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415  only here

    files = {
        "How the loss went": folder / "loss.png",
        "Loss by adventure held out": folder / "adventures.png",
    }
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([each.step for each in steps], [each.loss for each in steps], "#c9a86a", lw=1)
    measured = [(each.step, each.held_out) for each in steps if each.held_out]
    axes.plot(*zip(*measured, strict=True) if measured else ([], []), "#7a2e1d", lw=2)
    axes.legend(["training", "held out"])
    axes.set(xlabel="step", ylabel="loss, nats a token")
    figure.savefig(files["How the loss went"], dpi=120)

    titles = list(held_out.adventures)
    figure = Figure(figsize=(8, 1 + 0.4 * len(titles)), layout="constrained")
    axes = figure.subplots()
    for place, (name, color) in enumerate((("base", "#c9a86a"), ("tuned", "#7a2e1d"))):
        values = [held_out.adventures[title][place] for title in titles]
        heights = [row + 0.2 - 0.4 * place for row in range(len(titles))]
        axes.barh(heights, values, height=0.38, color=color, label=name)
    axes.set_yticks(range(len(titles)), titles)
    axes.set(xlabel="loss, nats a token")
    axes.legend()
    figure.savefig(files["Loss by adventure held out"], dpi=120)
    return files
