"""Fetches a narrator's model while another narrator runs: on a thread, with retries."""

import logging
import threading
from pathlib import Path

from inference.contract.model_state import ModelState
from inference.log_context import where
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator

logger = logging.getLogger(__name__)

FIRST_WAIT = 30.0  # seconds until a fetch that failed is tried again; doubled each time
LONGEST_WAIT = 1800.0


class ModelFetch:
    """The fetch of one narrator's model. `state` is None once that is complete and verified."""

    def __init__(self, narrator: Narrator, models_dir: Path) -> None:
        self.narrator = narrator
        self.state: ModelState | None = ModelState("fetching", total=narrator.bytes)
        self._models_dir = models_dir
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin to fetch, on a thread of its own."""
        threading.Thread(target=self._run, name="fetch", daemon=True).start()

    def stop(self) -> None:
        """Retry no more. What was fetched stays for the next time."""
        self._ended.set()

    def _run(self) -> None:
        wait, logged = FIRST_WAIT, ""
        while not self._ended.is_set():
            try:
                ensure_model(self.narrator, self._models_dir, self._report)
            except ModelError as problem:
                why = str(problem)
            except Exception as problem:
                why = f"narrator {self.narrator.name!r}: {where(problem)}"
            else:
                self.state = None
                return
            self.state = ModelState("failed", why=why)
            if why != logged:
                logger.warning("%s; tried again later", why)
                logged = why
            self._ended.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    def _report(self, done: int, total: int) -> None:
        self.state = ModelState("fetching", done, total)
