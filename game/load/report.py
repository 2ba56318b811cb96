"""The figures of a load test: a live table while it runs, then JSON and a page."""

from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string

from game.load.figures import Delays

WIDTH, HEIGHT = 720, 160  # of a chart, in units of its SVG
DELAY_LABELS = {
    "first_token": "action to first words",
    "piece": "between words",
    "whole": "action to end",
    "accepted": "action to accepted",
    "on_the_way": "engine to socket",
    "full_house": "  with every window open",
    "to_log": "  engine to log",
    "from_log": "  log to socket",
    "connected": "opening a socket",
}


@dataclass(frozen=True)
class Moment:
    """The state of the test at one moment.

    `words_per_second` and `on_the_way_p99` (seconds) cover the time since the moment before, all
    other figures the whole test.
    """

    seconds: float
    sockets: int
    telling: int
    told: int
    failed: int
    words_per_second: float
    first_token_p50: float
    first_token_p99: float
    on_the_way_p99: float
    web_memory: int = 0  # bytes; 0 where the process is not on this machine


@dataclass
class Report:
    """All figures of a load test."""

    settings: dict[str, Any]
    delays: dict[str, Delays] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data; delays in seconds."""
        return {
            "settings": self.settings,
            "counts": self.counts,
            "seconds": {name: delays.figures() for name, delays in self.delays.items()},
            "moments": [vars(each) for each in self.moments],
        }

    def as_page(self) -> str:
        """The report as one HTML file without external resources."""
        return render_to_string(
            "loadtest.html",
            {
                "settings": self.settings,
                "counts": self.counts,
                "rows": [
                    (DELAY_LABELS[name], each.figures()) for name, each in self.delays.items()
                ],
                "charts": [
                    chart("Sockets and stories", self.moments, ("sockets", "telling")),
                    chart("Words a second", self.moments, ("words_per_second",)),
                    chart("p99 from engine to socket, seconds", self.moments, ("on_the_way_p99",)),
                    chart("Memory of the web process, MiB", self.moments, ("web_memory",), 2**20),
                ],
                "width": WIDTH,
                "height": HEIGHT,
            },
        )


def chart(
    title: str, moments: list[Moment], names: tuple[str, ...], unit: float = 1
) -> dict[str, Any]:
    """A chart of lines over time, as SVG points on one scale from 0."""
    rows = [[getattr(each, name) / unit for each in moments] for name in names]
    highest = max((value for row in rows for value in row), default=0.0)
    last = moments[-1].seconds if moments else 0.0
    lines = []
    for name, row in zip(names, rows, strict=True):
        points = " ".join(
            f"{moment.seconds / (last or 1) * WIDTH:.1f},"
            f"{HEIGHT - value / (highest or 1) * HEIGHT:.1f}"
            for moment, value in zip(moments, row, strict=True)
        )
        lines.append({"name": name.replace("_", " "), "points": points})
    return {"title": title, "highest": round(highest, 3), "lines": lines, "empty": not highest}


HEAD = "  time  sockets  telling     told  failed   words/s   first p50    p99   engine→socket p99"


def live_line(moment: Moment) -> str:
    """A moment as a row below HEAD."""
    return (
        f"{moment.seconds:5.0f}s {moment.sockets:8} {moment.telling:8} {moment.told:8} "
        f"{moment.failed:7} {moment.words_per_second:9.0f} {moment.first_token_p50:10.2f}s "
        f"{moment.first_token_p99:5.2f}s {moment.on_the_way_p99 * 1000:14.0f} ms"
    )
