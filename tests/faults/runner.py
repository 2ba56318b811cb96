"""Rounds of play under faults, and the table that comes of them."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis

from tests.faults import checker, stored
from tests.faults.checker import Violation
from tests.faults.faults import Scene, Skipped, strike
from tests.faults.installation import Installation
from tests.faults.players import Player, Tally
from tests.faults.proxy import CALM, Proxy
from tests.faults.stored import Stored

QUIET_SECONDS = 30  # the sweep has this long to set right what is left when all is quiet
SEGMENT_SECONDS = 60
REST = (2.0, 10.0)  # seconds between two blows
STRIKES = 4  # blows for one line of a plan
ENDS = ("told", "stopped", "failed")


@dataclass
class Row:
    """One line of the table."""

    turns: int = 0
    accepted: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    came_back: int = 0
    pause: float = 0.0
    violations: int = 0


@dataclass
class Report:
    """What all rounds came to."""

    rows: dict[str, Row] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    by_itself: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def turns(self) -> int:
        return sum(row.turns for row in self.rows.values())

    def row(self, fault: str) -> Row:
        return self.rows.setdefault(fault, Row())

    def add(self, tally: Tally, held: Stored, wrong: list[Violation]) -> None:
        """Count one round."""
        for fault, turns in tally.turns.items():
            self.row(fault).turns += turns
        for fault, accepted in tally.accepted.items():
            self.row(fault).accepted += accepted
        for fault, times in tally.came_back.items():
            self.row(fault).came_back += times
        for fault, seconds in tally.pauses.items():
            self.row(fault).pause = max(self.row(fault).pause, seconds)
        for turn, fault in tally.fault_of.items():
            row = held.turn(turn)
            self.row(fault).ends[row["status"] if row else "lost"] += 1
        for each in wrong:
            if each not in self.violations:
                self.violations.append(each)
                self.row(tally.fault_of.get(each.about, "(no turn)")).violations += 1

    def table(self) -> str:
        lines = [
            "| fault | turns | accepted | told | stopped | failed | came back | longest pause "
            "| violations |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        whole = Row()
        for fault, row in self.rows.items():
            lines.append(line(fault, row))
            whole.turns += row.turns
            whole.accepted += row.accepted
            whole.ends += row.ends
            whole.came_back += row.came_back
            whole.pause = max(whole.pause, row.pause)
            whole.violations += row.violations
        return "\n".join([*lines, line("**all**", whole)])


def line(fault: str, row: Row) -> str:
    ends = " | ".join(str(row.ends[end]) for end in ENDS)
    return (
        f"| {fault} | {row.turns} | {row.accepted} | {ends} | {row.came_back} "
        f"| {row.pause:.1f} s | {row.violations} |"
    )


async def play_round(
    installation: Installation,
    plan: list[tuple[str, int]],
    report: Report,
    *,
    players: int = 10,
    seed: int = 1,
    hang_seconds: float = 60,
    patience: float = 1.0,
    strikes: int = STRIKES,
    least_turns: int = 0,
) -> None:
    """New players play through a plan of (fault, turns); then all is checked.

    Where fewer than `least_turns` were played at the end of the plan, they play on in calm.
    """
    rng = random.Random(seed)
    began = time.monotonic()
    guests, _ = await asyncio.gather(installation.invite(players + 2), installation.whole())
    folder = installation.folder / f"round-{seed}"
    folder.mkdir()
    tally = Tally(hang_seconds=hang_seconds)
    async with Proxy(list(installation.ports.values()), rng) as proxy:
        scene = Scene(installation, proxy, [], tally, rng, folder, patience, crowd=guests[players:])
        for number, guest in enumerate(guests[:players]):
            windows = [scene.window(guest, f"player-{number}")]
            if number % 3 == 0:
                windows.append(scene.window(guest, f"watcher-{number}"))
            scene.players.append(Player(windows[0], windows[1:], tally, f"{seed}-{number}"))
        for player in scene.players:
            player.start()
        try:
            for fault, turns in plan:
                report.skipped |= await under(scene, fault, turns, strikes)
            if tally.all_turns < least_turns:
                await under(scene, "calm", least_turns - tally.all_turns, 1)
            held, wrong = await settle(scene)
        finally:
            await asyncio.gather(*(window.close() for window in scene.windows))
            for player in scene.players:
                if player.task is not None:
                    player.task.cancel()
            for history in scene.histories:
                history.close()
    report.add(tally, held, wrong)
    report.by_itself += installation.by_itself
    installation.by_itself.clear()
    report.seconds += time.monotonic() - began


async def under(scene: Scene, fault: str, turns: int, strikes: int) -> set[str]:
    """Strike, rest and strike again until so many turns were begun. What had to be skipped.

    Nobody is told anything while each blow follows hard on the last, so there is a limit.
    """
    tally = scene.tally
    tally.break_now(fault)
    wanted = tally.turns[fault] + turns
    deadline = time.monotonic() + SEGMENT_SECONDS
    while tally.turns[fault] < wanted and time.monotonic() < deadline:
        if strikes > 0:
            strikes -= 1
            note(scene, fault)
            try:
                await strike(scene, fault)
            except Skipped as reason:
                tally.break_now("calm")
                return {str(reason)}
            rest = time.monotonic() + scene.rng.uniform(*REST) * scene.patience
        await asyncio.sleep(0.05)
        while strikes and tally.turns[fault] < wanted and time.monotonic() < rest:
            await asyncio.sleep(0.05)
        for player in scene.players:
            if player.task is not None and player.task.done():
                player.task.result()  # a mistake in a player is not the installation's
    return set()


def note(scene: Scene, fault: str) -> None:
    """Write down when a blow fell, by the clock of histories and by that of the logs."""
    with (scene.installation.folder / "strikes.log").open("a") as strikes:
        strikes.write(f"{time.monotonic():.2f} {time.strftime('%H:%M:%S')} {fault}\n")


async def settle(scene: Scene) -> tuple[Stored, list[Violation]]:
    """Let everything come to its end, and compare."""
    installation, tally = scene.installation, scene.tally
    note(scene, "(the end: players stop)")
    scene.proxy.weather = CALM
    await installation.whole()
    for player in scene.players:
        player.stopping.set()
    playing = [player.task for player in scene.players if player.task is not None]
    if playing:
        await asyncio.wait(playing, timeout=2 * tally.hang_seconds)
    await asyncio.gather(
        *(w.until(lambda w=w: w.at_rest, tally.hang_seconds) for w in scene.windows)
    )
    note(scene, "(the end: until it is in order)")
    deadline = time.monotonic() + QUIET_SECONDS
    held = await asyncio.to_thread(read, installation)
    while time.monotonic() < deadline and not in_order(scene, held):
        await asyncio.sleep(0.5)
        held = await asyncio.to_thread(read, installation)
    tally.over = True
    note(scene, "(the end: every window afresh)")
    for window in scene.windows:
        window.history.add("quiet")
        snapshots = window.snapshots
        window.restart()
        await window.until(lambda w=window, s=snapshots: w.snapshots > s, 20)
        window.history.add("afresh")
    held = await asyncio.to_thread(read, installation)
    histories = [window.history for window in scene.windows]
    wrong = await asyncio.to_thread(checker.check, held, histories, scene.barriers)
    return held, wrong


def in_order(scene: Scene, held: Stored) -> bool:
    """Whether every window shows what is stored, and nothing is left in Redis."""
    return not held.left_in_redis and not any(
        True
        for window in scene.windows
        for _ in checker.differences(held, window.history.adventure, window.state)
    )


def read(installation: Installation) -> Stored:
    with installation.database() as cursor:
        held = stored.read(cursor)
    with contextlib.suppress(redis.RedisError, psycopg2.Error):
        held.left_in_redis = stored.left_in_redis(installation.redis)
    return held


def keep_evidence(installation: Installation, place: Path) -> None:
    """Copy logs and histories to where they outlive the installation."""
    place.mkdir(parents=True, exist_ok=True)
    for file in [*installation.folder.glob("*.log"), *installation.folder.glob("round-*/*.jsonl")]:
        target = place / file.relative_to(installation.folder)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.read_bytes())
