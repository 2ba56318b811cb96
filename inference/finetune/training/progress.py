"""How a training goes: one JSON line a step in its folder, and one line for whoever watches."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

PROGRESS = "progress.jsonl"

Show = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """Where a training stands. Losses are in nats for a token told; 0 is not measured yet."""

    step: int
    steps: int
    epoch: float
    loss: float
    held_out: float
    tokens_a_second: float
    seconds_left: float
    memory_mb: int
    at: float  # seconds since 1970

    def __str__(self) -> str:
        held_out = f" · held out {self.held_out:.3f}" if self.held_out else ""
        return (
            f"step {self.step} of {self.steps} · epoch {self.epoch:.2f} · loss {self.loss:.3f}"
            f"{held_out} · {self.tokens_a_second:.0f} tokens/s · {duration(self.seconds_left)} left"
            f" · {self.memory_mb} MB"
        )


class Progress:
    """Notes each step. Speed is of the last steps, so that a pause is soon forgotten."""

    KEPT = 20  # steps that the speed is of

    def __init__(self, folder: Path, show: Show) -> None:
        self._file = folder / PROGRESS
        self._show = show
        self._marks: list[tuple[float, int, int]] = []  # time, step, tokens
        self._tokens = 0
        self.held_out = 0.0

    def begin(self, step: int) -> None:
        """Start the clock at this step."""
        self._marks = [(time.monotonic(), step, 0)]

    def saw(self, tokens: int) -> None:
        """Count tokens that were computed."""
        self._tokens += tokens

    def note(self, step: int, steps: int, epoch: float, loss: float, memory_mb: int) -> None:
        """Record a step, with speed and remaining time over the last KEPT steps."""
        self._marks.append((time.monotonic(), step, self._tokens))
        del self._marks[: -self.KEPT - 1]
        (then, first, before), (now, _, tokens) = self._marks[0], self._marks[-1]
        passed = max(now - then, 1e-9)
        left = (steps - step) * passed / max(1, step - first)
        found = Step(
            step=step,
            steps=steps,
            epoch=round(epoch, 3),
            loss=round(loss, 4),
            held_out=round(self.held_out, 4),
            tokens_a_second=round((tokens - before) / passed, 1),
            seconds_left=round(left, 1),
            memory_mb=memory_mb,
            at=round(time.time(), 1),
        )
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(found))}\n")
        self._show(str(found))


def read_progress(folder: Path) -> Iterator[Step]:
    """The steps that a training has noted, oldest first. A line cut short is left out."""
    try:
        lines = (folder / PROGRESS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield Step(**json.loads(line))
        except (ValueError, TypeError):
            continue


def duration(seconds: float) -> str:
    """Seconds as text: "1 h 05 min", "2 min 10 s", "7 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
