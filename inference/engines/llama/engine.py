"""LlamaEngine: the promise of `Engine`, kept with llama.cpp's server in this process.

Requests wait in a queue of ours: the library cannot cancel one that waits for a slot.
"""

import atexit
import ctypes
import functools
import queue
import tempfile
import threading
import time
from pathlib import Path

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.abilities import ignored_by
from inference.engines.base import EngineBroken, Message, NewText, RequestId, check_size
from inference.engines.llama.parameters import LlamaOptions, server_parameters
from inference.engines.llama.replies import Reply, ReplyRunner
from inference.engines.llama.startup import start_server
from inference.engines.llama.tokens import ServerApi, Tokenizer, special_tokens
from inference.models.lora import check_adapter
from inference.models.store import adapter_file, ensure_model
from inference.narrators import Narrator

SOCKET_NAME = "llama.sock"
COUNTED_TEXTS = 4096  # texts whose number of tokens is kept
STEP_SECONDS = 0.02  # how long a step waits for text, so that requests can join or be cancelled
# After a token, so long for those of the other replies: one batch computes them all, and they
# arrive on several threads.
GATHER_SECONDS = 0.001
EXIT_SECONDS = 10.0  # for threads to return from the library when Python ends


class LlamaEngine:
    """Runs each reply on a thread of its own. Belongs in a process of its own."""

    reads_ahead = True
    can_avoid = True
    continues = True

    def __init__(
        self, narrator: Narrator, model_path: Path, folder: Path, adapter: Path | None = None
    ) -> None:
        """Load a GGUF. `folder` is private to this process and holds the socket file.

        `adapter` is a GGUF too, and is applied to every reply.
        Raises RuntimeError with the cause where the library cannot load the model.
        """
        options = LlamaOptions.model_validate(narrator.options)
        self.context_tokens = narrator.context
        self._chat = narrator.format == "chat"
        self._slots = narrator.slots
        self._hung_after = narrator.step_seconds
        socket = folder / SOCKET_NAME
        self._server = start_server(
            server_parameters(narrator, options, model_path, socket, adapter)
        )
        # Never destroyed: the library's destructor joins a thread while it holds the interpreter's
        # lock, and hung when the garbage collector called it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._server))
        if not socket.exists():
            raise RuntimeError("llama.cpp made no socket file to be asked over")
        self._api = ServerApi(socket)
        self._tokenizer = Tokenizer(self._api)
        self._specials = special_tokens(model_path)
        self._reported: queue.SimpleQueue[NewText] = queue.SimpleQueue()
        self._runner = ReplyRunner(self._server, self.context_tokens, self._reported.put)
        self._replies: dict[RequestId, Reply] = {}  # in order of arrival
        self._prefilling: Reply | None = None  # the running prefill, until its slot is free
        self._cancelled: list[Reply] = []  # that hold their slots until their next token
        self._last_request = 0
        self._last_event = time.monotonic()
        self._count = functools.lru_cache(maxsize=COUNTED_TEXTS)(self._count_uncached)
        atexit.register(self._stop_threads)

    def _stop_threads(self) -> None:
        """Let all threads return from the library before Python ends.

        Python unwinds threads that return to it at its end, and a thread with the library's frames
        on its stack aborts the process.
        """
        running = [reply for reply in self._replies.values() if reply.running] + self._cancelled
        for reply in running:
            reply.cancelled.set()
        deadline = time.monotonic() + EXIT_SECONDS
        for reply in running:
            reply.slot_free.wait(max(0, deadline - time.monotonic()))

    @property
    def busy(self) -> bool:
        """Whether any reply is waiting or running."""
        return bool(self._replies)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on and that this engine does not support."""
        return ignored_by("llama", sampling)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self._count(text)

    def ids(self, text: str) -> list[int]:
        """The tokens of `text` by their numbers. For checks."""
        return self._tokenizer.encode(text, special=True)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The prompt in the model's chat template. Special tokens in messages are removed."""
        without = self._specials.without
        sent = [{"role": each.role, "content": without(each.content)} for each in messages]
        rendered: str = self._api.post("/apply-template", {"messages": sent})["prompt"]
        return rendered + without(begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt, and cancel any prefill.

        Raises ValueError where it is empty or does not fit the context.
        """
        # /apply-template omits the token for the beginning of a text: it is added here.
        ids = self._prompt_ids(prompt)
        # The library would end such a reply early, with the finish "length".
        check_size(len(ids), sampling, self.context_tokens)
        self._last_request += 1
        self._replies[self._last_request] = Reply(
            ids,
            sampling,
            output,
            biases=self._tokenizer.logit_biases(sampling),
            not_first=self._tokenizer.first_tokens(sampling.not_first),
        )
        for other in self._replies.values():
            if other.prefill_only:
                other.cancelled.set()
        return self._last_request

    def prefill(self, prompt: str) -> RequestId:
        """Queue a prefill. Raises ValueError where it is empty or exceeds the context."""
        ids = self._prompt_ids(prompt)
        if not 0 < len(ids) < self.context_tokens:
            raise ValueError(f"{len(ids)} tokens cannot be read ahead")
        self._last_request += 1
        self._replies[self._last_request] = Reply(
            ids, SamplingParams(max_tokens=1), prefill_only=True
        )
        return self._last_request

    def cancel(self, request: RequestId) -> None:
        """End a request at its next token."""
        reply = self._replies.get(request)
        if reply is not None:
            reply.cancelled.set()

    def step(self) -> list[NewText]:
        """Start waiting replies and return new texts, after STEP_SECONDS at most.

        Raises EngineBroken where the library has been silent for the narrator's `step_seconds`.
        """
        texts = self._end_cancelled()
        self._start_waiting()
        if not self._replies or texts:
            return texts + self._take_reported()
        try:
            first = self._reported.get(timeout=STEP_SECONDS)
        except queue.Empty:
            if time.monotonic() - self._last_event > self._hung_after:
                raise EngineBroken(f"llama.cpp gave no sign for {self._hung_after} s") from None
            return []
        time.sleep(GATHER_SECONDS)
        return [*self._accept(first), *self._take_reported()]

    def _end_cancelled(self) -> list[NewText]:
        """Report cancelled replies as ended; their threads end at their next token."""
        cancelled = [number for number, reply in self._replies.items() if reply.cancelled.is_set()]
        for number in cancelled:
            reply = self._replies.pop(number)
            if reply.running:
                self._cancelled.append(reply)
        return [NewText(number, "", 0, "cancelled") for number in cancelled]

    def _start_waiting(self) -> None:
        if self._prefilling is not None and self._prefilling.slot_free.is_set():
            self._prefilling = None
        self._cancelled = [reply for reply in self._cancelled if not reply.slot_free.is_set()]
        running = sum(reply.running for reply in self._replies.values())
        for number, reply in self._replies.items():
            # A reply waits for a prefill to end, for one step at most: it may be the same story's,
            # and would find nothing of it in another slot.
            if running >= self._slots or self._prefilling is not None:
                return
            # A reply that backtracks waits for the slot that has its prompt in the cache.
            waits = (reply.prefill_only and running) or (reply.not_first and self._cancelled)
            if not reply.running and not waits:
                reply.running = True
                self._prefilling = reply if reply.prefill_only else None
                running += 1
                self._last_event = time.monotonic()
                threading.Thread(
                    target=self._runner.run,
                    args=(number, reply),
                    name=f"reply-{number}",
                    daemon=True,
                ).start()

    def _take_reported(self) -> list[NewText]:
        texts = []
        while True:
            try:
                texts += self._accept(self._reported.get_nowait())
            except queue.Empty:
                return texts

    def _accept(self, text: NewText) -> list[NewText]:
        self._last_event = time.monotonic()
        if text.request not in self._replies:  # it was cancelled
            return []
        if text.finish:
            del self._replies[text.request]
        elif not text.tokens and text.cached is None:  # progress of a prefill
            return []
        return [text]

    def _prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of a whole prompt. A plain story is stripped of special tokens."""
        text = prompt if self._chat else self._specials.without(prompt)
        return self._tokenizer.encode(text, special=self._chat, begin=True)

    def _count_uncached(self, text: str) -> int:
        return len(self._tokenizer.encode(text, special=self._chat))


def load(narrator: Narrator, config: InferenceConfig) -> LlamaEngine:
    """The narrator's engine, its model fetched where that has not happened yet."""
    path = ensure_model(narrator, config.models_dir)
    adapter = adapter_file(narrator, config.models_dir)
    if adapter is not None:
        check_adapter(adapter, path)
    folder = Path(tempfile.mkdtemp(prefix="grue-llama-"))  # private, and short: it holds a socket
    try:
        return LlamaEngine(narrator, path, folder, adapter)
    except RuntimeError as error:
        raise RuntimeError(f"{path.name} could not be loaded: {error}") from error
