"""Starts the engine process of a narrator, and another one when it dies."""

import logging
import threading
import time
from collections.abc import Callable

from inference import metrics
from inference.config import InferenceConfig
from inference.engines.base import NewText
from inference.engines.messages import EngineInfo
from inference.engines.process import EngineFailed, EngineProcess, OnPrompt, OnStep
from inference.log_context import where
from inference.narrators import Narrator
from inference.worker.warm_up import WarmUp

logger = logging.getLogger(__name__)

LOAD_SECONDS = 600
DEATHS = 3  # engine deaths within DEATHS_SECONDS, after which no other engine is started
DEATHS_SECONDS = 120


class EngineSupervisor:
    """Keeps one engine process running.

    `on_step` and `on_prompt` are those of EngineProcess. `on_ready` gets what a loaded engine says
    of itself, `on_death` is called when one dies, on its reader thread, and `give_up` gets one line
    when no other one can be started.
    """

    def __init__(
        self,
        narrator: Narrator,
        config: InferenceConfig,
        on_step: OnStep,
        on_prompt: OnPrompt,
        on_ready: Callable[[EngineInfo], None],
        on_death: Callable[[], None],
        give_up: Callable[[str], None],
    ) -> None:
        self.narrator = narrator
        self.config = config
        self.on_step = on_step
        self.on_prompt = on_prompt
        self.on_ready = on_ready
        self.on_death = on_death
        self.give_up = give_up
        self.engine: EngineProcess | None = None
        self.ready = threading.Event()
        self.warm_up: WarmUp | None = None
        self.deaths: list[float] = []  # time.monotonic(), of those within DEATHS_SECONDS

    def start(self, warm_up: WarmUp | None = None) -> None:
        """Load the model in a new process, and run the `warm_up` there is. Raises EngineFailed."""
        engine = EngineProcess(
            self.narrator, self.config, self.take, self.on_prompt, self.restart_after_death
        )
        engine.start()
        info = engine.wait_ready(LOAD_SECONDS)
        if warm_up is not None:
            self.warm_up = warm_up
            warm_up.run(engine, self.narrator)
        self.engine = engine
        self.on_ready(info)
        self.ready.set()
        logger.info(
            "narrator %s is ready: %s tokens of context, loaded in %.1f s",
            self.narrator.name,
            info.context_tokens,
            info.load_seconds,
        )

    def stop(self) -> None:
        """End the engine's process."""
        if self.engine is not None:
            self.engine.stop(timeout=5)

    @property
    def memory(self) -> int:
        """Bytes that the engine holds now; 0 where that is not known."""
        return 0 if self.engine is None else self.engine.memory

    def cancel(self, number: int) -> None:
        """End a request of the engine, if there is an engine."""
        if self.engine is not None:
            self.engine.cancel(number)

    def take(self, news: list[NewText]) -> None:
        """Pass on the texts of one step. An exception here would kill the engine."""
        self.on_step(news)
        if self.warm_up is not None:
            self.warm_up.take(news)

    def restart_after_death(self, cause: str) -> None:
        """The engine's process died: let its work be dropped at once, and start another."""
        if self.warm_up is not None and not self.warm_up.done.is_set():
            self.warm_up.problem = cause
            self.warm_up.done.set()
            return
        self.ready.clear()
        metrics.DEATHS.labels(self.narrator.name).inc()
        logger.error("narrator %s: %s", self.narrator.name, cause)
        self.on_death()
        now = time.monotonic()
        self.deaths = [each for each in self.deaths if now - each < DEATHS_SECONDS] + [now]
        threading.Thread(target=self.restart, name="restart-engine", daemon=True).start()

    def restart(self) -> None:
        """Start another engine, unless too many have died; else give up."""
        try:
            if len(self.deaths) >= DEATHS:
                raise EngineFailed(f"the engine died {DEATHS} times in {DEATHS_SECONDS} s")
            self.start()
        except EngineFailed as failure:
            self.give_up(f"narrator {self.narrator.name}: {failure}")
        except Exception as problem:  # nobody else would start it again
            self.give_up(f"narrator {self.narrator.name}: not started again: {where(problem)}")
