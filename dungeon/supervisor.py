"""Runs Grue's processes in one terminal, and ends them together.

A library was looked for. honcho ends all when one ends, at once and in no order, and supervisor
starts them again; neither says which one it was with its last words, stops the web before the
workers before their servers, or leaves nothing behind when it is killed itself.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from dungeon.services import Program

LAST_LINES = 20  # kept of each process, for the case that it dies
LONGEST_LINE = 1 << 16
REVIVALS = 5  # of one program within SHORT; when it dies once more, all is ended
SHORT = 600.0  # seconds
LONGEST_WAIT = 30.0  # seconds before a program is started again; the first wait is FIRST_WAIT
FIRST_WAIT = 0.5
LOOK_AGAIN = 2.0  # seconds between looks whether a program can be started again
COLOURS = (36, 35, 33, 32, 34, 31)


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM or a closed terminal."""


class Died(Exception):
    """A process ended that should not have. Its text is for people."""

    def __init__(self, child: "Child", deaths: int = 1, seconds: float = 0) -> None:
        """`deaths`: how often it ended within the last so many seconds."""
        code = child.code
        lines = "".join(f"\n  {line}" for line in child.last_lines)
        said = f", its last lines:{lines}" if lines else ""
        if deaths > 1:
            said = f", for the {deaths}th time in {seconds:.0f} s{said}"
        super().__init__(f"{child.how_it_ended}{said}")
        # A shell's way to tell a signal; and one that left without a reason still went wrong.
        self.exit_code = 128 - code if code < 0 else code or 1


class Child:
    """A running program: its last lines, and whether it was asked to go."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process, colour: int) -> None:
        self.program = program
        self.process = process
        self.colour = colour
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.leaving = False
        self.began = time.monotonic()
        self.reader = asyncio.create_task(self.read())

    @property
    def code(self) -> int:
        return self.process.returncode or 0

    @property
    def how_it_ended(self) -> str:
        how = signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"
        return f"{self.program.name} ended ({how})"

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    async def read(self) -> None:
        assert self.process.stdout is not None
        while True:
            try:
                line = await self.process.stdout.readline()
            except ValueError:  # longer than LONGEST_LINE: asyncio has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self.last_lines.append(text)
            if not self.program.quiet and not self.leaving:
                self.show(text)

    def show(self, text: str) -> None:
        name = f"{self.program.name:<9}|"
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            name = f"\x1b[{self.colour}m{name}\x1b[0m"
        sys.stdout.write(f"{name} {text}\n")
        sys.stdout.flush()

    async def ended(self) -> None:
        """Wait for its end and its last words."""
        await self.process.wait()
        # A grandchild that lives on holds the pipe open: do not wait for its words.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.reader), 1)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill_all(self) -> None:
        """Kill it with everything that it started (a narrator's engine, for one)."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Starts programs, and stops them in the reverse of the order in which they were started.

    Inside `async with`, the block is cancelled when somebody asks for the end or a process dies,
    and the `with` raises Stopped or Died once everything is down.
    """

    def __init__(self, first_wait: float = FIRST_WAIT) -> None:
        """`first_wait`: seconds before what died is started again; doubled with each death."""
        self.first_wait = first_wait
        # Set once everything has come up: what dies from then on is started again. What dies
        # before cannot start, and a reason to end.
        self.up = False
        # Why nothing can be started just now; "" where it can. May block for a moment.
        self.obstacle: Callable[[], str] = lambda: ""
        self.stages: list[list[Child]] = []
        self.why: Exception | None = None
        self.hurry = asyncio.Event()
        self.watchers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self.block: asyncio.Task[object] = task
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.asked, number)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(problem, Exception):  # the block's own: a later Ctrl-C hurries, no more
            self.why = self.why or problem
        await self.stop()
        if self.why is not None:
            self.block.uncancel()
            raise self.why from None

    def asked(self, number: signal.Signals) -> None:
        if self.why is None:
            self.end(Stopped(signal.Signals(number).name))
        else:  # the second time
            self.hurry.set()

    def end(self, why: Exception) -> None:
        if self.why is None:
            self.why = why
            self.block.cancel()

    async def start(self, *programs: Program) -> None:
        """Start programs that run until the end, and belong together when all is stopped."""
        stage: list[Child] = []
        self.stages.append(stage)
        for program in programs:
            child = await self.spawn(program, stage)
            watcher = asyncio.create_task(self.watch(child, stage))
            self.watchers.add(watcher)
            watcher.add_done_callback(self.watchers.discard)

    async def run(self, program: Program) -> None:
        """Run a program to its end. Raises Died unless it did what it should."""
        stage: list[Child] = []
        self.stages.append(stage)
        child = await self.spawn(program, stage)
        await child.ended()
        self.stages.remove(stage)
        if child.process.returncode != 0:
            self.why = Died(child)
            raise self.why

    async def spawn(self, program: Program, stage: list[Child]) -> Child:
        # A session of its own keeps the terminal's Ctrl-C from it: we stop things in order.
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=program.environ,
            cwd=program.folder,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        started = sum(len(stage) for stage in self.stages)
        child = Child(program, process, COLOURS[started % len(COLOURS)])
        stage.append(child)
        return child

    async def watch(self, child: Child, stage: list[Child]) -> None:
        """Wait for its end, and start it again, later each time; after several deaths, end all."""
        deaths: deque[float] = deque()
        while True:
            await child.ended()
            if child.leaving or self.why is not None:
                return
            settled = child.program.settled
            age = time.monotonic() - child.began
            young = not self.up and (settled is None or age < settled)
            deaths.append(time.monotonic())
            while deaths[-1] - deaths[0] > SHORT:
                deaths.popleft()
            if young or len(deaths) > REVIVALS:
                self.end(Died(child, len(deaths), deaths[-1] - deaths[0]))
                return
            child.kill_all()  # what it started goes with it
            wait = min(self.first_wait * 2 ** (len(deaths) - 1), LONGEST_WAIT)
            child.show(f"{child.how_it_ended}; it is started again")
            if child.program.quiet:  # its words were not shown
                for line in child.last_lines:
                    child.show(line)
            await asyncio.sleep(wait)
            if await self.wait_for_obstacle(child):
                deaths.clear()  # it was not its fault
            try:
                await asyncio.to_thread(child.program.prepare)
            except Exception as problem:
                self.end(problem)
                return
            if self.why is not None:
                return
            stage.remove(child)
            child = await self.spawn(child.program, stage)
            if self.why is not None:  # all was ended meanwhile
                await self.stop_child(child)
                return

    async def wait_for_obstacle(self, child: Child) -> bool:
        """Wait until programs can be started. Whether they could not."""
        said = False
        while self.why is None and (problem := await asyncio.to_thread(self.obstacle)):
            if not said:
                child.show(f"not started again yet: {problem}")
            said = True
            await asyncio.sleep(LOOK_AGAIN)
        return said

    async def until(self, ready: Callable[[], bool], every: float = 0.2) -> None:
        """Wait until `ready` says yes. It may block for a moment: it is asked on a thread."""
        while not await asyncio.to_thread(ready):
            await asyncio.sleep(every)

    async def stop(self) -> None:
        """Stop everything, the youngest first."""
        for stage in reversed(self.stages):
            await asyncio.gather(*(self.stop_child(child) for child in stage))

    async def stop_child(self, child: Child) -> None:
        """Ask a child to go, and make it after its time of grace, or at once when in a hurry."""
        child.leaving = True
        if child.running:
            gone = asyncio.create_task(child.process.wait())
            hurry = asyncio.create_task(self.hurry.wait())
            child.signal(child.program.stop)
            await asyncio.wait(
                {gone, hurry}, timeout=child.program.grace, return_when=asyncio.FIRST_COMPLETED
            )
            hurry.cancel()
            if child.running:
                child.signal(child.program.force)
                await asyncio.wait({gone}, timeout=2)
        child.kill_all()
        await child.process.wait()
