"""Two hundred turns while everything that can be killed is killed."""

import asyncio
import tempfile
import warnings
from pathlib import Path

import pytest

from tests.faults import faults, runner
from tests.faults.installation import NARRATORS, Installation

SEED = 3
PLAYERS = 14
PATIENCE = 0.3  # faults last shorter than in `make faults`
PLAN = [
    ("web killed", 14),
    ("messages doubled", 14),
    ("narrator killed", 14),
    ("connections cut", 14),
    ("game worker killed", 14),
    ("beats killed", 8),
    ("half-open connections", 14),
    ("Redis paused", 14),
    ("engine killed", 14),
    ("database sessions ended", 14),
    ("Redis restarted", 14),
    ("slow readers", 14),
    ("Postgres restarted", 14),
    ("fifty tabs at once", 4),
    ("slow network", 10),
    ("Redis emptied", 14),
    ("disk full", 8),
    ("two things at once", 8),
]
HANG_SECONDS = 600  # ten times what it takes on a quiet machine
pytestmark = [pytest.mark.faults, pytest.mark.timeout(HANG_SECONDS + 60)]


@pytest.fixture
def folder():
    # A short path: sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        yield Path(folder)


async def test_no_turn_is_lost_and_none_happens_twice_whatever_breaks(folder, tmp_path):
    report = runner.Report()
    async with Installation(folder, disk_megabytes=600) as installation:
        try:
            # One narrator lives in another hour all the while.
            await installation.restart(NARRATORS[1], faults.wrong_clock("+1h"))
        except faults.Skipped as reason:
            warnings.warn(f"SKIPPED: {reason}", stacklevel=1)
        try:
            async with asyncio.timeout(HANG_SECONDS):
                await runner.play_round(
                    installation,
                    PLAN,
                    report,
                    players=PLAYERS,
                    seed=SEED,
                    patience=PATIENCE,
                    strikes=1,
                    hang_seconds=45,
                    least_turns=200,
                )
        except TimeoutError:
            runner.keep_evidence(installation, tmp_path)
            strikes = (tmp_path / "strikes.log").read_text()
            pytest.fail(f"it hung; what was struck:\n{strikes}\nlogs and histories: {tmp_path}")
        if report.violations:
            runner.keep_evidence(installation, tmp_path)
    print(report.table())
    print(f"in {report.seconds:.0f} s; ended by themselves: {dict(report.by_itself)}")
    wrong = "\n".join(map(str, report.violations))
    assert not report.violations, f"{wrong}\n{report.table()}\nlogs and histories: {tmp_path}"
    assert report.turns >= 200
    assert all(row.turns for row in report.rows.values())
