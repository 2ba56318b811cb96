"""The engine for any GGUF: llama.cpp in this process, through the wheel `xllamacpp`.

The wheel drives llama.cpp's server without HTTP: `handle_completions` takes one request, calls back
with each token and blocks its thread meanwhile, so each reply under way has a thread here. What
the wheel offers over HTTP alone (tokens of a text, chat templates) is asked over a socket file in a
private folder; nothing listens on a port. docs/decisions/llama-in-process.md says what was found.

Replies wait on our side: the library cannot cancel a request that waits for a slot.
"""

import atexit
import contextlib
import ctypes
import functools
import http.client
import json
import os
import queue
import resource
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.abilities import ignored_by
from inference.engines.base import EngineBroken, Finish, Message, NewText, RequestId
from inference.engines.special_tokens import LIKE_SPECIAL, SpecialTokens
from inference.models.gguf import CONTROL, USER_DEFINED, read_header, read_token_kinds
from inference.models.lora import check_adapter
from inference.models.processor import INSTALL_OPENMP, LLAMA_NEEDS, lacks, lacks_openmp
from inference.models.store import adapter_file, ensure_model
from inference.narrators import Narrator

if missing := lacks(LLAMA_NEEDS):
    raise ImportError(
        f"the llama engine wants a processor with {', '.join(missing).upper()}, which this one has "
        "not: take `engine: openvino` for this narrator, or a server (`engine: openai`)"
    )
if lacks_openmp():
    raise ImportError(f"the llama engine wants {INSTALL_OPENMP}")
try:
    import xllamacpp
except ImportError as error:
    raise ImportError(
        "the llama engine wants the package xllamacpp: "
        "run `.venv/bin/python -m pip install xllamacpp==2026.10.11549`"
    ) from error

COUNTED_TEXTS = 4096  # texts whose length in tokens is remembered
STEP_SECONDS = 0.02  # without news, `step` returns after so long, so that commands are heard
# After a token, so long for those of the other replies: all are computed in one batch, and arrive
# on threads of their own.
GATHER_SECONDS = 0.001
LEAVE_SECONDS = 10.0  # at the end of Python, for threads to return from the library
# How long a model may take to load, and the memory for it, beyond what its size explains.
LOAD_SECONDS = 30
SLOWEST_DISK = 20e6  # bytes a second
LOAD_MEMORY = 2e9  # bytes: buffers, and the tokenizer
REPACKED = 1.5  # of the file's size, for weights laid out anew
LESS_MEMORY = "give it a shorter `context`, or fewer `slots`"
STDERR = 2  # the descriptor that the library writes to
MOST_SAID = 100_000  # bytes of it that are looked at
QUIET, MOST_QUIET = 0.2, 3.0  # seconds without a line after which it has said all, and at most
MANY_CORES = 16  # threads beyond which llama.cpp gains nothing in a batch of few stories
ANY_SEED = 0xFFFFFFFF  # llama.cpp takes it for "choose one"
TOKENS_OF_A_CHARACTER = 4
SAMPLERS = ["penalties", "dry", "temperature", "top_k", "typ_p", "top_p", "min_p", "xtc"]
FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length"}


class LlamaOptions(BaseModel):
    """`options` of a llama narrator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Threads that compute; 0 is one for each core.
    threads: int = Field(default=0, ge=0)
    # Prompt tokens read in one step. While a step of them is computed no other story gets a word,
    # so more is faster for one and jerkier for the others: docs/decisions/llama-in-process.md.
    batch_tokens: int = Field(default=64, ge=1, le=4096)
    # MiB of memory for prompts of stories that hold no slot at the moment.
    cache_mb: int = Field(default=256, ge=0)
    # How keys and values are kept: "f16", or "q8_0", which takes half the memory and reads slower.
    cache_type: Literal["f16", "q8_0"] = "f16"
    # Layers on the graphics card, where the library was built for one; -1 is all of them.
    gpu_layers: int = Field(default=-1, ge=-1)


@dataclass
class Reply:
    """One request: its prompt, and how far it is."""

    prompt: list[int]
    sampling: SamplingParams
    output: OutputFormat | None = None
    ahead: bool = False  # only read, for a turn to come
    biases: list[list[float]] = field(default_factory=list)  # token and bias
    not_first: list[int] = field(default_factory=list)  # tokens
    told: list[int] = field(default_factory=list)
    running: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)  # its slot is free


class Api(http.client.HTTPConnection):
    """The library's HTTP interface on its socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError with what the library minds, and OSError where it does not answer."""
        try:
            answer = self._ask(path, body)
        except (http.client.HTTPException, OSError):
            # It closes a connection after some requests, and after some seconds without one.
            self.close()
            answer = self._ask(path, body)
        if "error" in answer:
            raise ValueError(" ".join(str(answer["error"].get("message", "")).split())[:300])
        return answer

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(self.getresponse().read())
        return answer


class LlamaEngine:
    """Keeps the promise of `Engine` with llama.cpp's server. Belongs in a process of its own."""

    reads_ahead = True
    can_avoid = True
    continues = True

    def __init__(
        self, narrator: Narrator, model_path: Path, folder: Path, adapter: Path | None = None
    ) -> None:
        """Load a GGUF. `folder` is private to this process and holds the socket file.

        `adapter` is a GGUF too, and is applied to every reply.
        Raises RuntimeError where the library cannot load it; what it minds is on standard error.
        """
        options = LlamaOptions.model_validate(narrator.options)
        self.context_tokens = narrator.context
        self._chat = narrator.format == "chat"
        self._slots = narrator.slots
        self._hung_after = narrator.step_seconds
        self._server = started(parameters(narrator, options, model_path, folder, adapter))
        # Never destroyed: the library's destructor joins a thread while it holds the interpreter's
        # lock, and was seen to wait for ever when the garbage collector called it.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._server))
        self._api = Api(folder / SOCKET)
        self._check_socket(folder)
        self._specials = special_tokens(model_path)
        self._news: queue.SimpleQueue[NewText] = queue.SimpleQueue()
        self._replies: dict[RequestId, Reply] = {}  # in order of arrival
        self._reading: Reply | None = None  # the one read ahead, until it has let go of its slot
        self._leaving: list[Reply] = []  # cancelled, and in their slots until their next token
        self._last_request = 0
        self._last_news = time.monotonic()
        self._count = functools.lru_cache(maxsize=COUNTED_TEXTS)(self._count_anew)
        atexit.register(self._leave_library)

    def _leave_library(self) -> None:
        """Have all threads return from the library.

        At its end Python unwinds threads that come back to it, and one with the library's frames
        below it aborts the process.
        """
        running = [reply for reply in self._replies.values() if reply.running] + self._leaving
        for reply in running:
            reply.cancelled.set()
        until = time.monotonic() + LEAVE_SECONDS
        for reply in running:
            reply.over.wait(max(0, until - time.monotonic()))

    def _check_socket(self, folder: Path) -> None:
        if not (folder / SOCKET).exists():
            raise RuntimeError("llama.cpp made no socket file to be asked over")

    @property
    def busy(self) -> bool:
        return bool(self._replies)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        return ignored_by("llama", sampling)

    def count(self, text: str) -> int:
        return self._count(text)

    def ids(self, text: str) -> list[int]:
        """The tokens of `text` by their numbers. For checks."""
        return self._tokens(text, special=True)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """In the model's own template. Special tokens in what players wrote are taken out."""
        without = self._specials.without
        said = [{"role": each.role, "content": without(each.content)} for each in messages]
        rendered: str = self._api.post("/apply-template", {"messages": said})["prompt"]
        return rendered + without(begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        # What a template puts in front of a text of its own is left away by /apply-template.
        ids = self._prompt_ids(prompt)
        if not ids:
            raise ValueError("the prompt is empty")
        # The library would end such a reply early, and call it finished by its length.
        if len(ids) + sampling.max_tokens > self.context_tokens:
            raise ValueError(
                f"{len(ids)} tokens of prompt and {sampling.max_tokens} new ones "
                f"exceed {self.context_tokens}"
            )
        self._last_request += 1
        self._replies[self._last_request] = Reply(
            ids,
            sampling,
            output,
            biases=self._biases(sampling),
            not_first=self._first_tokens(sampling.not_first),
        )
        for other in self._replies.values():
            if other.ahead:
                other.cancelled.set()
        return self._last_request

    def prefill(self, prompt: str) -> RequestId:
        ids = self._prompt_ids(prompt)
        if not 0 < len(ids) < self.context_tokens:
            raise ValueError(f"{len(ids)} tokens cannot be read ahead")
        self._last_request += 1
        self._replies[self._last_request] = Reply(ids, SamplingParams(max_tokens=1), ahead=True)
        return self._last_request

    def cancel(self, request: RequestId) -> None:
        reply = self._replies.get(request)
        if reply is not None:
            reply.cancelled.set()

    def step(self) -> list[NewText]:
        texts = self._end_cancelled()
        self._start_waiting()
        if not self._replies or texts:
            return texts + self._arrived()
        try:
            first = self._news.get(timeout=STEP_SECONDS)
        except queue.Empty:
            if time.monotonic() - self._last_news > self._hung_after:
                raise EngineBroken(f"llama.cpp gave no sign for {self._hung_after} s") from None
            return []
        time.sleep(GATHER_SECONDS)
        return [*self._heard(first), *self._arrived()]

    def _end_cancelled(self) -> list[NewText]:
        """A cancelled reply is over at once; its thread ends at its next token."""
        over = [number for number, reply in self._replies.items() if reply.cancelled.is_set()]
        for number in over:
            reply = self._replies.pop(number)
            if reply.running:
                self._leaving.append(reply)
        return [NewText(number, "", 0, "cancelled") for number in over]

    def _start_waiting(self) -> None:
        if self._reading is not None and self._reading.over.is_set():
            self._reading = None
        self._leaving = [reply for reply in self._leaving if not reply.over.is_set()]
        running = sum(reply.running for reply in self._replies.values())
        for number, reply in self._replies.items():
            # A reply waits until its slot is free, for a step at most: it may be of the very story
            # that is read, and in another slot it would find none of it.
            if running >= self._slots or self._reading is not None:
                return
            # What goes on from an earlier place does so in its own slot, which knows its prompt.
            waits = (reply.ahead and running) or (reply.not_first and self._leaving)
            if not reply.running and not waits:
                reply.running = True
                self._reading = reply if reply.ahead else None
                running += 1
                self._last_news = time.monotonic()
                threading.Thread(
                    target=self._tell, args=(number, reply), name=f"reply-{number}", daemon=True
                ).start()

    def _arrived(self) -> list[NewText]:
        texts = []
        while True:
            try:
                texts += self._heard(self._news.get_nowait())
            except queue.Empty:
                return texts

    def _heard(self, text: NewText) -> list[NewText]:
        self._last_news = time.monotonic()
        if text.request not in self._replies:  # cancelled meanwhile
            return []
        if text.finish:
            del self._replies[text.request]
        elif not text.tokens and text.cached is None:  # a piece of its prompt was read
            return []
        return [text]

    # On the reply's own thread

    def _tell(self, number: RequestId, reply: Reply) -> None:
        """Have one reply generated. Every way out of here ends it."""
        end = self._tell_first(number, reply) if reply.not_first else None
        if end is None:
            end = self._tell_part(number, reply, body_of(reply, self.context_tokens))
        if reply.ahead and end.finish != "error":
            end = NewText(number, "", 0, "stop")
        reply.over.set()
        self._news.put(end)

    def _tell_first(self, number: RequestId, reply: Reply) -> NewText | None:
        """Have the first token generated, with those left out that it must not be.

        The end, where that was all; else the reply is ready to go on.
        """
        most = reply.sampling.max_tokens
        never = [[token, False] for token in reply.not_first]
        # A character may be several tokens, of which the library says none until it is whole.
        for tokens in (1, TOKENS_OF_A_CHARACTER):
            body = body_of(reply, self.context_tokens)
            body["n_predict"] = min(tokens, most)
            body["logit_bias"] = [*body["logit_bias"], *never]
            end = self._tell_part(number, reply, body)
            if reply.told or end.finish != "length" or reply.cancelled.is_set():
                break
        left = most - len(reply.told)
        if not reply.told or left < 1 or end.finish != "length" or reply.cancelled.is_set():
            return end
        reply.prompt = reply.prompt + reply.told
        reply.sampling = reply.sampling.model_copy(update={"max_tokens": left})
        return None

    def _tell_part(self, number: RequestId, reply: Reply, body: dict[str, Any]) -> NewText:
        """Have one request generated; its end."""
        end = NewText(number, "", 0, "error", "llama.cpp ended the reply without a word")

        def on_event(event: Any) -> bool:
            """True stops the reply. An exception here would be swallowed by the library."""
            nonlocal end
            try:
                text = text_of(number, event)
            except Exception as error:
                text = NewText(number, "", 0, "error", f"{type(error).__name__}: {error}")
            if text.finish:
                end = text
                return text.finish == "error"
            if text.tokens:
                reply.told += event["__verbose"]["tokens"]
            self._news.put(NewText(number, "", 0) if reply.ahead else text)
            return reply.cancelled.is_set()

        try:
            self._server.handle_completions(body, on_event)
        except Exception as error:
            end = NewText(number, "", 0, "error", " ".join(str(error).split())[:300])
        return end

    # Tokens

    def _prompt_ids(self, prompt: str) -> list[int]:
        """A whole prompt as tokens. A plain story has no structure of ours in it."""
        text = prompt if self._chat else self._specials.without(prompt)
        return self._tokens(text, special=self._chat, begin=True)

    def _tokens(self, text: str, special: bool, begin: bool = False) -> list[int]:
        if not text:
            return []
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("the text holds half of a surrogate pair") from error
        asked = {"content": text, "parse_special": special, "add_special": begin}
        ids: list[int] = self._api.post("/tokenize", asked)["tokens"]
        return ids

    def _biases(self, sampling: SamplingParams) -> list[list[float]]:
        """What is added for which token.

        It is the first one of each text: of a word with the space before it, and of one alone where
        it is a single token. The first of several may begin any word.
        """
        found: dict[int, float] = {}
        for text, bias in sampling.logit_bias.items():
            if text[0].isalnum():
                found.update(dict.fromkeys(self._first_tokens((f" {text}",)), bias))
                alone = self._in_a_line(text)
                found.update(dict.fromkeys(alone if len(alone) == 1 else [], bias))
            else:
                found.update(dict.fromkeys(self._first_tokens((text,)), bias))
        return [[token, bias] for token, bias in found.items()]

    def _first_tokens(self, texts: tuple[str, ...]) -> list[int]:
        """The token that each text begins with in the middle of a line."""
        return [token for text in texts for token in self._in_a_line(text)[:1]]

    def _in_a_line(self, text: str) -> list[int]:
        """The tokens of a text that does not begin a prompt."""
        # Some tokenizers put a space of their own before a text, but none after a line's end.
        line = self._tokens("\n", special=False)
        ids = self._tokens("\n" + text, special=False)
        return ids[len(line) :] if ids[: len(line)] == line else self._tokens(text, special=False)

    def _count_anew(self, text: str) -> int:
        return len(self._tokens(text, special=self._chat))


SOCKET = "llama.sock"


def started(params: Any) -> Any:
    """The library's server, its model loaded. Raises RuntimeError with the cause.

    It runs the file's chat template while it loads, which may never end or take all memory there
    is, and lets no other thread of Python run meanwhile: the system has to see to both. Too much
    memory is an error like others; too much time ends the process.
    """
    path = Path(params.model.path)
    size = path.stat().st_size
    cache = read_header(path).cache_values * int(params.n_ctx) * 2  # as 16 bits
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size + cache > there:
        raise RuntimeError(
            f"it needs {(size + cache) / 1e9:.1f} GB of memory, and this machine has "
            f"{there / 1e9:.1f} GB: {LESS_MEMORY}"
        )
    with limits(LOAD_SECONDS + size / SLOWEST_DISK, size * REPACKED + cache + LOAD_MEMORY):
        try:
            return xllamacpp.Server(params)
        except Exception as error:
            raise RuntimeError(cause_of_failure(params, error)) from error


@contextmanager
def limits(seconds: float, memory: float) -> Iterator[None]:
    """At most so many more bytes of memory, and a process that ends by SIGALRM after `seconds`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    own = own_memory()
    most = int(own + memory)
    if own and (soft == resource.RLIM_INFINITY or most < soft):
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    before, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, before)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def own_memory() -> int:
    """Bytes that this process may write to, as RLIMIT_DATA counts; 0 where nobody says."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmData:")]
    return int(lines[0][1]) * 1024 if lines else 0


def cause_of_failure(params: Any, error: Exception) -> str:
    """Why a model could not be loaded: it is tried once more, and the library says so on the way.

    It says nothing otherwise: what it would print while stories are told may hold their words.
    """
    params.verbosity = 1
    params.hostnames = [str(Path(params.hostnames[0]).with_name("again.sock"))]
    with tempfile.TemporaryFile() as said:
        sys.stderr.flush()
        kept = os.dup(STDERR)
        os.dup2(said.fileno(), STDERR)
        try:
            with contextlib.suppress(Exception):
                xllamacpp.Server(params)
            wait_until_still(said.fileno())
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
        said.seek(0)
        lines = said.read(MOST_SAID).decode(errors="replace").splitlines()
    return cause_in([line for line in lines if line.strip()]) or " ".join(str(error).split())


def wait_until_still(file: int) -> None:
    """Wait until a file that the library writes to has stopped growing, QUIET seconds at least.

    The library logs on a thread of its own, which may still write after the error was raised.
    """
    end = time.monotonic() + MOST_QUIET
    size, still_since = 0, time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.02)
        if (now := os.fstat(file).st_size) != size:
            size, still_since = now, time.monotonic()
        if time.monotonic() - still_since > (QUIET if size else MOST_QUIET):
            return


def cause_in(lines: list[str]) -> str:
    """The line that matters of what the library says when it fails; "" where there is none."""
    told = [line.split(" E ", 1)[-1].partition(": ")[2].strip() or line for line in lines]
    if any("chat template" in line for line in lines):
        errors = [line for line in lines if line.startswith("Error: ")]
        errors += [line.partition("error: ")[2] for line in told if line.startswith("error: ")]
        why = f" ({errors[0].removeprefix('Error: ')[:100]})" if errors else ""
        return f"its chat template is broken{why}: take another file, or `format: transcript`"
    if any("allocate" in line for line in lines):
        return f"there is not enough memory for it: {LESS_MEMORY}"
    for line in told:
        if line.startswith("error loading model: "):
            return line[:300]
    return told[0][:300] if told else ""


def special_tokens(model: Path) -> SpecialTokens:
    """The tokens that the library reads as one wherever their names stand in a text.

    Of those that the makers added some are runs of white space or plain words: no structure.
    """
    kinds = read_token_kinds(model)
    added = [name for name in kinds[USER_DEFINED] if LIKE_SPECIAL.fullmatch(name)]
    return SpecialTokens([*kinds[CONTROL], *added])


def parameters(
    narrator: Narrator, options: LlamaOptions, model: Path, folder: Path, adapter: Path | None
) -> Any:
    """The library's settings for a narrator."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = [str(folder / SOCKET)]
    params.n_parallel = narrator.slots
    # Each slot has a part of its own: a full shared pool would fail all replies at once.
    params.n_ctx = narrator.context * narrator.slots
    params.kv_unified = False
    params.n_batch = params.n_ubatch = options.batch_tokens
    threads = options.threads or min(len(os.sched_getaffinity(0)), MANY_CORES)
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        # Threads that spin while they wait take the cores from everything else of this machine.
        cpu.poll = 0
    params.cache_ram_mib = options.cache_mb
    if options.cache_type == "q8_0":
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.n_gpu_layers = options.gpu_layers if narrator.device.lower() not in ("", "cpu") else 0
    params.fit_params = False  # what does not fit is said, not made smaller
    params.warmup = False
    if narrator.format != "chat":
        params.chat_template = "chatml"  # the file's own is not run where nobody needs it
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 0
    return params


def body_of(reply: Reply, context: int) -> dict[str, Any]:
    """A request in the library's words. Every sampler is set: its defaults are not neutral."""
    sampling = reply.sampling
    seed = secrets.randbits(32) if sampling.seed is None else sampling.seed & 0xFFFFFFFF
    return {
        "prompt": reply.prompt,
        "stream": True,
        "n_predict": sampling.max_tokens,
        "cache_prompt": True,
        "return_progress": True,  # so that a reply can be stopped while its prompt is read
        "return_tokens": True,
        "verbose": True,
        "seed": seed if seed != ANY_SEED else 0,
        "samplers": SAMPLERS,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k if sampling.temperature > 0 else 1,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "typical_p": sampling.typical_p,
        "repeat_penalty": sampling.repetition_penalty,
        "repeat_last_n": context,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "dry_multiplier": sampling.dry_multiplier,
        "dry_base": sampling.dry_base,
        "dry_allowed_length": sampling.dry_allowed_length,
        "dry_penalty_last_n": context,
        "dry_sequence_breakers": list(sampling.dry_breakers),
        "xtc_probability": sampling.xtc_probability,
        "xtc_threshold": sampling.xtc_threshold,
        "logit_bias": reply.biases,
        **output_fields(reply.output),
    }


def output_fields(output: OutputFormat | None) -> dict[str, Any]:
    """What a text must keep to, in the library's words. A grammar that is wrong fails the reply."""
    if output is None:
        return {}
    if output.json_schema is not None:
        return {"json_schema": output.json_schema}
    return {"grammar": output.grammar}


def text_of(number: RequestId, event: dict[str, Any]) -> NewText:
    """One event of the library. Without tokens, a part of a prompt was read."""
    if "error" in event:
        said = event["error"]
        why = said.get("message", "") if isinstance(said, dict) else str(said)
        return NewText(number, "", 0, "error", " ".join(why.split())[:300])
    choice, more = event["choices"][0], event["__verbose"]
    if choice["finish_reason"] is not None:
        return NewText(number, choice["text"], 0, FINISHES.get(choice["finish_reason"], "stop"))
    if progress := event.get("prompt_progress"):
        first = progress["processed"] == progress["cache"]
        return NewText(number, "", 0, cached=progress["cache"] if first else None)
    return NewText(number, choice["text"], len(more["tokens"]))


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
