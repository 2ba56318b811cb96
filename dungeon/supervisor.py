"""Runs Grue's processes in one terminal, restarts them, and stops them in order.

Libraries were considered. honcho ends all when one ends, at once and in no order; supervisor
restarts them. Neither shows the last output of the one that ended, stops the web before the
workers and these before their servers, or leaves no process behind when it is killed itself.
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

LAST_LINES = 20  # of output that are kept of each process, for when it dies
LONGEST_LINE = 1 << 16  # bytes
MAX_RESTARTS = 5  # of one program within RESTART_WINDOW; after one more death all is stopped
RESTART_WINDOW = 600.0  # seconds
MAX_BACKOFF = 30.0  # seconds before a restart, at most
FIRST_BACKOFF = 0.5  # seconds before the first restart
POLL_SECONDS = 2.0  # between checks whether a program can be restarted
COLOURS = (36, 35, 33, 32, 34, 31)


class Stopped(Exception):
    """The user stopped it: Ctrl-C, SIGTERM or a closed terminal."""


class Died(Exception):
    """A process ended unexpectedly. The message is for people."""

    def __init__(self, child: "Child", deaths: int = 1, seconds: float = 0) -> None:
        """`deaths`: how often it ended within the last `seconds`."""
        code = child.code
        lines = "".join(f"\n  {line}" for line in child.last_lines)
        said = f", its last lines:{lines}" if lines else ""
        if deaths > 1:
            said = f", for the {deaths}th time in {seconds:.0f} s{said}"
        super().__init__(f"{child.end_description}{said}")
        # As shells report a signal; exit code 0 is an error too, as it should not have ended.
        self.exit_code = 128 - code if code < 0 else code or 1


class Child:
    """A running program: its last lines, and whether it was told to stop."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process, colour: int) -> None:
        self.program = program
        self.process = process
        self.colour = colour
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.stopping = False
        self.began = time.monotonic()
        self.reader = asyncio.create_task(self.read())

    @property
    def code(self) -> int:
        """The exit status; negative is the signal that ended it, 0 also while it runs."""
        return self.process.returncode or 0

    @property
    def end_description(self) -> str:
        """Name, and exit code or signal, for people."""
        how = signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"
        return f"{self.program.name} ended ({how})"

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    async def read(self) -> None:
        """Read its output to the end, keep the last lines, and show them unless it is quiet."""
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
            if not self.program.quiet and not self.stopping:
                self.show(text)

    def show(self, text: str) -> None:
        """Print one line with the name of the program before it, coloured in a terminal."""
        name = f"{self.program.name:<9}|"
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            name = f"\x1b[{self.colour}m{name}\x1b[0m"
        sys.stdout.write(f"{name} {text}\n")
        sys.stdout.flush()

    async def ended(self) -> None:
        """Wait for its end and the rest of its output."""
        await self.process.wait()
        # A grandchild that still runs keeps the pipe open: do not wait for its output.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.reader), 1)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill_all(self) -> None:
        """Kill its process group: also what it started, such as a narrator's engine."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Starts programs, and stops them in the reverse of the order in which they were started.

    Inside `async with`, the block is cancelled when the user stops it or a process dies too often,
    and the `with` raises Stopped or Died once all processes have ended.
    """

    def __init__(self, first_backoff: float = FIRST_BACKOFF) -> None:
        """`first_backoff`: seconds before the first restart; doubled with each death."""
        self.first_backoff = first_backoff
        # Set once everything runs: what dies from then on is restarted. What dies before cannot
        # start, which stops everything.
        self.up = False
        # Why nothing can be restarted now; "" where it can. May block for a moment.
        self.restart_problem: Callable[[], str] = lambda: ""
        self.stages: list[list[Child]] = []
        self.stop_reason: Exception | None = None
        self.force_stop = asyncio.Event()
        self.watchers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self.block: asyncio.Task[object] = task
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_signal, number)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(problem, Exception):  # the block's own: a later Ctrl-C only speeds up the end
            self.stop_reason = self.stop_reason or problem
        await self.stop()
        if self.stop_reason is not None:
            self.block.uncancel()
            raise self.stop_reason from None

    def handle_signal(self, number: signal.Signals) -> None:
        """Stop on the first signal, by force on the second."""
        if self.stop_reason is None:
            self.request_stop(Stopped(signal.Signals(number).name))
        else:  # the second signal stops by force
            self.force_stop.set()

    def request_stop(self, reason: Exception) -> None:
        """Cancel the block with the reason that `async with` raises; the first one counts."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self.block.cancel()

    async def start(self, *programs: Program) -> None:
        """Start programs that run until the end; those of one call are stopped together."""
        stage: list[Child] = []
        self.stages.append(stage)
        for program in programs:
            child = await self.spawn(program, stage)
            watcher = asyncio.create_task(self.watch(child, stage))
            self.watchers.add(watcher)
            watcher.add_done_callback(self.watchers.discard)

    async def run(self, program: Program) -> None:
        """Run a program to its end. Raises Died unless its exit code is 0."""
        stage: list[Child] = []
        self.stages.append(stage)
        child = await self.spawn(program, stage)
        await child.ended()
        self.stages.remove(stage)
        if child.process.returncode != 0:
            self.stop_reason = Died(child)
            raise self.stop_reason

    async def spawn(self, program: Program, stage: list[Child]) -> Child:
        """Start the process and read its output. Raises OSError where it cannot be started."""
        # A session of its own keeps the terminal's Ctrl-C from it: processes are stopped in order.
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
        """Restart it when it ends, with a longer wait each time; after MAX_RESTARTS stop all."""
        deaths: deque[float] = deque()
        while True:
            await child.ended()
            if child.stopping or self.stop_reason is not None:
                return
            settled = child.program.settled
            age = time.monotonic() - child.began
            young = not self.up and (settled is None or age < settled)
            deaths.append(time.monotonic())
            while deaths[-1] - deaths[0] > RESTART_WINDOW:
                deaths.popleft()
            if young or len(deaths) > MAX_RESTARTS:
                self.request_stop(Died(child, len(deaths), deaths[-1] - deaths[0]))
                return
            child.kill_all()  # and what it started
            wait = min(self.first_backoff * 2 ** (len(deaths) - 1), MAX_BACKOFF)
            child.show(f"{child.end_description}; it is started again")
            if child.program.quiet:  # its output was not shown
                for line in child.last_lines:
                    child.show(line)
            await asyncio.sleep(wait)
            if await self.wait_until_startable(child):
                deaths.clear()  # the obstacle was the cause
            try:
                await asyncio.to_thread(child.program.prepare)
            except Exception as problem:
                self.request_stop(problem)
                return
            if self.stop_reason is not None:
                return
            stage.remove(child)
            child = await self.spawn(child.program, stage)
            if self.stop_reason is not None:  # all was stopped meanwhile
                await self.stop_child(child)
                return

    async def wait_until_startable(self, child: Child) -> bool:
        """Wait until programs can be started. Returns whether it had to wait."""
        said = False
        while self.stop_reason is None and (
            problem := await asyncio.to_thread(self.restart_problem)
        ):
            if not said:
                child.show(f"not started again yet: {problem}")
            said = True
            await asyncio.sleep(POLL_SECONDS)
        return said

    async def wait_until(self, ready: Callable[[], bool], every: float = 0.2) -> None:
        """Wait until `ready`, which may block and is called on a thread, returns True.

        `every`: seconds between calls.
        """
        while not await asyncio.to_thread(ready):
            await asyncio.sleep(every)

    async def stop(self) -> None:
        """Stop everything, in reverse order of its start."""
        for stage in reversed(self.stages):
            await asyncio.gather(*(self.stop_child(child) for child in stage))

    async def stop_child(self, child: Child) -> None:
        """Stop a child: by its signal, then by force after its grace period or a second Ctrl-C."""
        child.stopping = True
        if child.running:
            gone = asyncio.create_task(child.process.wait())
            forced = asyncio.create_task(self.force_stop.wait())
            child.signal(child.program.stop)
            await asyncio.wait(
                {gone, forced}, timeout=child.program.grace, return_when=asyncio.FIRST_COMPLETED
            )
            forced.cancel()
            if child.running:
                child.signal(child.program.force)
                await asyncio.wait({gone}, timeout=2)
        child.kill_all()
        await child.process.wait()
