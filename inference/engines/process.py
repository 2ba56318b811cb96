"""The worker's side of an engine process.

A step holds the interpreter's lock, for seconds with a large model, and a library may crash:
neither may stop the worker's leases, log and commands. So the worker spawns
`inference.engines.host` (it has threads and cannot fork), and they exchange messages over one pipe.
Two threads serve the pipe here. One starts the process and reads; the other writes, so that neither
a worker's thread nor the reader ever waits for a process that does not read.
"""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import inference
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest
from inference.engines.base import NewText
from inference.engines.messages import (
    Cancel,
    Command,
    EngineInfo,
    Event,
    Failed,
    Generation,
    Load,
    Prefill,
    PromptBuilt,
    Step,
    Stop,
    Submit,
)
from inference.narrators import Narrator
from inference.prompts import Report

__all__ = ["EngineFailed", "EngineInfo", "EngineProcess"]

HOST_MODULE = "inference.engines.host"
KILL_SECONDS = 5.0  # for a killed process to end
MAX_EVENTS = 16  # waiting events that are handled together
MAX_STEP_TEXTS = 2000  # texts in steps that are merged
PROJECT = Path(inference.__file__).resolve().parent.parent

OnStep = Callable[[list[NewText]], None]
OnPrompt = Callable[[int, Report], None]
OnDeath = Callable[[str], None]


class EngineFailed(Exception):
    """The engine could not be loaded. The message is one line."""


class EngineProcess:
    """A narrator's engine in a process of its own.

    `on_step` gets all new texts of a step together, `on_prompt` a request's number and the report
    of its prompt, `on_death` one line when a loaded engine's process ends without `stop` having
    been called, once. All three are called on one thread of this object, the reader: while one of
    them is slow, the engine continues until the pipe is full.
    An exception in one of them kills the process, since its texts would be lost.
    """

    def __init__(
        self,
        narrator: Narrator,
        config: InferenceConfig,
        on_step: OnStep,
        on_prompt: OnPrompt | None,
        on_death: OnDeath,
    ) -> None:
        self._narrator = narrator
        self._config = config
        self._on_step = on_step
        self._on_prompt = on_prompt
        self._on_death = on_death
        self._reader: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._unsent: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._load_finished = threading.Event()  # or failed
        self._ended = threading.Event()
        self._info: EngineInfo | None = None
        self._failure = ""
        self._stopping = False
        self._lock = threading.Lock()  # for the three below
        self._under_way: set[int] = set()
        self._handling = False
        self._last_event = 0.0  # time.monotonic()

    def start(self) -> None:
        """Spawn the process, which loads its model. `wait_ready` returns the outcome."""
        self._reader = threading.Thread(target=self._run, name="engine-reader", daemon=True)
        self._reader.start()

    def wait_ready(self, timeout: float) -> EngineInfo:
        """Wait up to `timeout` seconds until the engine is loaded.

        Raises EngineFailed where it fails or is late; its process has ended then.
        """
        if not self._load_finished.wait(timeout):
            self.stop(timeout=0)
            raise EngineFailed(
                f"narrator {self._narrator.name!r}: the engine was not ready after {timeout:.0f} s"
            )
        if self._info is None:
            raise EngineFailed(f"narrator {self._narrator.name!r}: {self._failure}")
        return self._info

    @property
    def alive(self) -> bool:
        """Whether the engine is loaded and its process runs."""
        return self._info is not None and not self._ended.is_set()

    @property
    def memory(self) -> int:
        """The resident memory of the process in bytes; 0 where the system does not say."""
        if self._process is None:
            return 0
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        lines = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(lines[0][1]) * 1024 if lines else 0

    def submit(self, request_id: int, request: Generation) -> None:
        """Queue a reply. Never blocks; a request to a dead engine gets no answer."""
        self._note_under_way(request_id)
        self._unsent.put(Submit(request_id, request))

    def prefill(self, request_id: int, request: GenerationRequest) -> None:
        """Queue the prefill of a next turn's prompt, for when the engine is idle. Never blocks.

        Its only text is its end.
        """
        self._note_under_way(request_id)
        self._unsent.put(Prefill(request_id, request))

    def _note_under_way(self, request_id: int) -> None:
        with self._lock:
            if not self._under_way:
                self._last_event = time.monotonic()
            self._under_way.add(request_id)

    def cancel(self, request_id: int) -> None:
        """End a request after the current step, with the finish "cancelled" unless it has ended."""
        self._unsent.put(Cancel(request_id))

    def seconds_in_step(self) -> float:
        """How long the current step has taken while requests are under way; else 0.

        Also 0 while the reader handles an event: then the engine is not what is late.
        """
        with self._lock:
            if not self._under_way or self._handling or self._ended.is_set():
                return 0.0
            return time.monotonic() - self._last_event

    def kill(self) -> None:
        """Kill the process, as when a step hangs. `on_death` is called as for a crash."""
        if self._process is not None:
            self._process.kill()

    def stop(self, timeout: float) -> None:
        """End the process after the current step; kill it after `timeout` seconds.

        Requests under way get no end.
        """
        self._stopping = True
        if self._reader is None:
            return
        self._unsent.put(Stop())
        if not self._ended.wait(timeout):
            self.kill()
            self._ended.wait(KILL_SECONDS)

    # ---- the reader

    def _run(self) -> None:
        """Start the process, read its events, and handle its end.

        The same thread does both because Linux counts the thread that started a process as the
        parent for PR_SET_PDEATHSIG: it must last as long as the process.
        """
        try:
            process, pipe = self._spawn()
        except OSError as error:
            self._failure = f"the engine's process could not be started: {error}"
            self._note_end()
            return
        self._process = process
        if self._stopping:  # before there was anything to kill
            process.kill()
        writer = threading.Thread(target=self._write, args=[pipe], name="engine-writer")
        writer.daemon = True
        writer.start()
        try:
            while True:
                for event in self._receive(pipe):
                    self._handle(event)
        except (EOFError, OSError):
            pass  # the process has ended
        except BaseException as error:
            self._failure = self._failure or f"{type(error).__name__}: {error}"
            raise
        finally:
            process.kill()
            status = process.wait()
            self._failure = self._failure or self._cause_of_death(status)
            self._unsent.put(None)
            writer.join()
            pipe.close()
            self._note_end()

    def _receive(self, pipe: "Connection[Command, Event]") -> list[Event]:
        """The next event and those that wait behind it, with consecutive steps merged.

        Texts of a step go to Redis in one pipeline. Where that takes longer than a step, the delay
        would grow without merging.
        """
        events: list[Event] = [pipe.recv()]
        while len(events) < MAX_EVENTS and pipe.poll():
            try:
                event = pipe.recv()
            except (EOFError, OSError):
                break  # the events before the end are handled
            last = events[-1]
            if isinstance(event, Step) and isinstance(last, Step):
                events[-1] = together = Step(last.texts + event.texts)
                if len(together.texts) > MAX_STEP_TEXTS:
                    break
            else:
                events.append(event)
        return events

    def _spawn(self) -> tuple[subprocess.Popen[bytes], "Connection[Command, Event]"]:
        """Start the host with one end of a new pipe; returns the process and the other end."""
        ours, theirs = Pipe(duplex=True)
        descriptor = theirs.fileno()
        # A Celery worker's modules may come from its working directory alone.
        paths = [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", HOST_MODULE, str(descriptor), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()  # else recv() would wait for ever after the process has died
        ours.send(Load(self._narrator, self._config))
        return process, ours

    def _handle(self, event: Event) -> None:
        with self._lock:
            self._handling = True
        match event:
            case Step(texts):
                self._forget_finished(texts)
                if texts:
                    self._on_step(texts)
            case PromptBuilt(request, report):
                if self._on_prompt is not None:
                    self._on_prompt(request, report)
            case EngineInfo():
                self._info = event
                self._load_finished.set()
            case Failed(reason):
                self._failure = reason
        with self._lock:
            self._handling = False
            self._last_event = time.monotonic()

    def _forget_finished(self, texts: list[NewText]) -> None:
        with self._lock:
            self._under_way.difference_update(text.request for text in texts if text.finish)

    def _cause_of_death(self, status: int) -> str:
        doing = "while telling" if self._info else "while loading its model (a damaged file?)"
        if status < 0:
            number = signal.Signals(-status)
            if number == signal.SIGALRM and not self._info:
                return (
                    "its model took too long to load: its chat template may never end "
                    "(take another file, or `format: transcript`)"
                )
            memory = " (out of memory? containers may have NARRATOR_MEMORY)"
            hint = memory if number == signal.SIGKILL else ""
            return f"the engine's process died {doing}: {number.name}{hint}"
        return f"the engine's process ended {doing}: exit status {status}"

    def _note_end(self) -> None:
        """Wake those who wait, and call `on_death` unless the process was stopped."""
        self._ended.set()
        self._load_finished.set()
        if self._info is not None and not self._stopping:
            self._on_death(self._failure)

    # ---- the writer

    def _write(self, pipe: "Connection[Command, Event]") -> None:
        """Send commands in order until the process is gone."""
        while (command := self._unsent.get()) is not None:
            try:
                pipe.send(command)
            except OSError:
                return  # it has ended, which the reader reports
