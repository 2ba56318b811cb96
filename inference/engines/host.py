"""The process that holds an engine: `python -m inference.engines.host FD PARENT_PID`.

Started by `inference.engines.process`, never by hand. It has one thread: what the libraries
compile is bound to the thread that did it, and a step holds the interpreter's lock anyway. Commands
are read between steps; an idle engine blocks on the pipe.

The worker decides when it ends. SIGINT and SIGTERM reach every process of a terminal or a container
and are ignored here, so that running turns can be completed first.
"""

import ctypes
import importlib
import os
import select
import signal
import sys
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import cast

from pydantic import ValidationError

from inference import prompts
from inference.config import InferenceConfig
from inference.contract.questions import Question
from inference.contract.request import GenerationRequest, SummaryRequest
from inference.engines.bans import BanningEngine
from inference.engines.base import Engine, EngineBroken, NewText, RequestId
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
from inference.models.resources import lack_of_instructions
from inference.narrators import Narrator
from inference.worker import summaries

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


class Host:
    """The loop between a worker's pipe and an engine."""

    def __init__(self, pipe: "Connection[Event, Command]", narrator: Narrator, engine: Engine):
        self._pipe = pipe
        self._narrator = narrator
        self._engine = engine
        self._worker_numbers: dict[RequestId, int] = {}
        self._engine_numbers: dict[int, RequestId] = {}
        self._unsent: list[NewText] = []
        self._stopped = False
        self._poll = select.poll()  # Connection.poll makes a selector each time: ten times slower
        self._poll.register(pipe.fileno(), select.POLLIN)

    def run(self) -> None:
        """Serve until a Stop. Raises EngineBroken, and EOFError when the worker is gone."""
        while not self._stopped:
            working = self._engine.busy or bool(self._unsent)
            if not working or self._poll.poll(0):
                self._handle(self._pipe.recv())
            else:
                self._step()

    def _step(self) -> None:
        """Advance the engine, and send all new texts as one message."""
        texts, self._unsent = self._unsent, []
        for text in self._engine.step():
            number = self._worker_numbers.get(text.request)
            if number is None:
                continue  # of a request whose end was sent
            texts.append(replace(text, request=number))
            if text.finish:
                del self._worker_numbers[text.request], self._engine_numbers[number]
        self._pipe.send(Step(texts))

    def _handle(self, command: Command) -> None:
        match command:
            case Submit(request, generation):
                self._submit(request, generation)
            case Prefill(request, generation):
                self._prefill(request, generation)
            case Cancel(request):
                if request in self._engine_numbers:
                    self._engine.cancel(self._engine_numbers[request])
            case Stop():
                self._stopped = True
            case Load():
                raise ValueError("an engine is loaded once")

    def _submit(self, number: int, generation: Generation) -> None:
        """Build the prompt and submit it. An error fails this request alone."""
        try:
            built = self._build(generation)
            request = self._engine.submit(built.text, built.sampling, built.output)
        except EngineBroken:
            raise
        except Exception as error:
            self._unsent.append(NewText(number, "", 0, "error", one_line(error)))
            return
        self._worker_numbers[request] = number
        self._engine_numbers[number] = request
        ignored = self._engine.ignores(built.sampling)
        report = built.report.model_copy(update={"ignored": ignored})
        self._pipe.send(PromptBuilt(number, report))

    def _prefill(self, number: int, generation: GenerationRequest) -> None:
        """Prefill the first part of a prompt. An error here is reported by the turn as well."""
        engine = self._engine
        try:
            front = prompts.stable_front(
                generation,
                self._narrator,
                engine.count,
                engine.render_chat,
                engine.context_tokens,
            )
            request = engine.prefill(front) if front else None
        except EngineBroken:
            raise
        except Exception as error:
            self._unsent.append(NewText(number, "", 0, "error", one_line(error)))
            return
        if request is None:
            self._unsent.append(NewText(number, "", 0, "stop"))
            return
        self._worker_numbers[request] = number
        self._engine_numbers[number] = request

    def _build(self, generation: Generation) -> prompts.BuiltPrompt:
        engine = self._engine
        count, render_chat, window = engine.count, engine.render_chat, engine.context_tokens
        if isinstance(generation, SummaryRequest):
            return summaries.build(generation, self._narrator, count, render_chat, window)
        if isinstance(generation, Question):
            return prompts.build_question(generation, self._narrator, count, render_chat, window)
        return prompts.build(generation, self._narrator, count, render_chat, window)


def load(narrator: Narrator, config: InferenceConfig) -> Engine:
    """The narrator's engine. Each is a module of this package, imported only where it is used."""
    if problem := lack_of_instructions(narrator):  # a library would end this process
        raise RuntimeError(problem)
    module = importlib.import_module(f"inference.engines.{narrator.engine}")
    return BanningEngine(cast(Engine, module.load(narrator, config)))


def serve(pipe: "Connection[Event, Command]") -> int:
    """Load the engine that the worker names, then serve it. Returns the exit status."""
    first = pipe.recv()
    if not isinstance(first, Load):
        raise ValueError("the first message must be Load")
    started = time.monotonic()
    try:
        engine = load(first.narrator, first.config)
    except Exception as error:
        pipe.send(Failed(one_line(error)))
        return 1
    pipe.send(
        EngineInfo(
            engine.context_tokens, time.monotonic() - started, os.getpid(), engine.reads_ahead
        )
    )
    try:
        Host(pipe, first.narrator, engine).run()
    except EngineBroken as error:
        pipe.send(Failed(one_line(error)))
        return 1
    return 0


def one_line(error: BaseException) -> str:
    """An error as one line, with its type where the message alone says little.

    Libraries put the place in their source first and the message last, so the last line is taken.
    """
    if isinstance(error, ValidationError):
        wrong = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        return f"{error.title}: " + "; ".join(f"{place}: {why}" for place, why in wrong)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[-1] if lines else ""
    if isinstance(error, KeyError | IndexError | TypeError | AttributeError) or not message:
        return f"{type(error).__name__}: {message}".removesuffix(": ")
    return message


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its worker dies, even within a step.

    Linux only; elsewhere the end of the pipe is noticed after the step.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def main(arguments: list[str]) -> int:
    """Serve the pipe with the descriptor in `arguments`; returns the exit status."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    descriptor, parent = int(arguments[0]), int(arguments[1])
    die_with(parent)
    try:
        return serve(Connection(descriptor))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0  # the worker is gone, and nobody reads what follows


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Without this, openvino takes part of a second to free what the kernel frees at once, and a
    # library's crash at exit would look like one of the engine.
    os._exit(status)
