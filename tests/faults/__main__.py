"""`python -m tests.faults`: break one for as long as one likes, and print the table."""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import runner
from tests.faults.faults import FAULTS
from tests.faults.installation import Installation

ROUND = 800  # turns; then everyone goes home, all is compared, and new players come
DISK_MEGABYTES = 1024
BEGIN, END = "<!-- table: written by python -m tests.faults -->", "<!-- /table -->"


def main() -> int:
    options = parsed()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leaves nothing behind
    report = runner.Report()
    try:
        asyncio.run(play(options, report))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    print(report.table())
    summary = said(report)
    print(summary)
    for each in sorted(report.violations, key=str):
        print(f"!!! {each}")
    if options.report is not None and report.turns:
        write(options.report, f"{report.table()}\n\n{summary}")
    return 1 if report.violations else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, help="stop after so long, whatever --turns says")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--players", type=int, default=10)
    parser.add_argument("--faults", nargs="*", choices=list(FAULTS), default=list(FAULTS))
    parser.add_argument("--hang", type=float, default=60, help="seconds a player waits at most")
    parser.add_argument("--report", type=Path, help="a page whose table is written anew")
    parser.add_argument("--keep", type=Path, help="where logs and histories go")
    return parser.parse_args()


async def play(options: argparse.Namespace, report: runner.Report) -> None:
    began = time.monotonic()

    def over() -> bool:
        passed = (time.monotonic() - began) / 60
        return report.turns >= options.turns or bool(options.minutes and passed > options.minutes)

    # A short path: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(
            Path(folder), disk_megabytes=DISK_MEGABYTES, doubled=True
        ) as installation:
            try:
                await rounds(installation, options, report, over)
            finally:
                if options.keep is not None:
                    runner.keep_evidence(installation, options.keep)


async def rounds(
    installation: Installation,
    options: argparse.Namespace,
    report: runner.Report,
    over: Callable[[], bool],
) -> None:
    began = time.monotonic()
    seed = options.seed
    while not over():
        turns = min(ROUND, options.turns - report.turns)
        await runner.play_round(
            installation,
            plan_of(options.faults, turns, seed),
            report,
            players=options.players,
            seed=seed,
            hang_seconds=options.hang,
        )
        seed += 1
        print(
            f"{time.monotonic() - began:6.0f} s: {report.turns} turns, "
            f"{len(report.violations)} violations",
            file=sys.stderr,
            flush=True,
        )


def plan_of(faults: list[str], turns: int, seed: int) -> list[tuple[str, int]]:
    """Each fault for its share of the turns, in an order of its own for each seed."""
    order = random.Random(seed).sample(faults, len(faults))
    share = max(1, round(turns / len(faults)))
    return [(fault, share) for fault in order]


def said(report: runner.Report) -> str:
    lines = [f"{report.turns} turns in {report.seconds / 60:.1f} minutes."]
    if report.by_itself:
        died = ", ".join(f"{name} {times}" for name, times in sorted(report.by_itself.items()))
        lines.append(f"Processes that ended by themselves and were started again: {died}.")
    lines += [f"SKIPPED: {reason}." for reason in sorted(report.skipped)]
    return "\n".join(lines)


def write(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
