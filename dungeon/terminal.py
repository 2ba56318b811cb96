"""What `make play` prints: lines of its own, progress bars, and the error that ends it."""

import sys
from contextlib import suppress
from typing import Any, NoReturn

import segno
from tqdm import tqdm


def stop_on_problem(problem: str) -> None:
    """End the process with this line, unless it is ""."""
    if problem:
        stop(problem)


def stop(problem: str, exit_code: int = 1) -> NoReturn:
    """End the process with one line on stderr."""
    sys.stderr.write(f"grue: {problem}\n")
    sys.exit(exit_code)


def say(line: str) -> None:
    """Print one line."""
    print(f"grue: {line}", flush=True)


def print_addresses(address: str, operator_link: str, with_code: bool) -> None:
    """Print where to play, the operator link unless it is "", and a QR code for phones."""
    print(f"\n  Play at        {address}/")
    if operator_link:
        print(f"  Operator link  {operator_link}")
    print("  Ctrl-C ends it.\n", flush=True)
    if with_code:
        with suppress(UnicodeEncodeError):  # a terminal without block characters
            segno.make(f"{address}/", error="l").terminal(sys.stdout, compact=True)
        sys.stdout.flush()


class ProgressBars:
    """A progress bar for each step, which appears with its first bytes."""

    def __init__(self, *titles: str) -> None:
        self.titles = list(titles)
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> "ProgressBars":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, done: int, total: int) -> None:
        """Show `done` of `total` bytes. Another total begins the next step, with the next title."""
        if self.bar is None or self.bar.total != total:
            if self.bar is not None:
                self.bar.close()
            title = self.titles.pop(0) if len(self.titles) > 1 else self.titles[0]
            self.bar = tqdm(total=total, desc=f"grue: {title}", unit="B", unit_scale=True)
        self.bar.update(done - self.bar.n)
