"""The engine for a CPU: continuous batching and prefix caching of openvino-genai."""

import fcntl
import functools
import glob
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.abilities import ignored_by
from inference.engines.base import EngineBroken, Finish, Message, NewText, RequestId, check_size
from inference.engines.detokenize import CONTEXT, Detokenizer
from inference.engines.endings import ENDS
from inference.engines.signal_stack import kept_signal_stack
from inference.engines.special_tokens import LIKE_SPECIAL, SpecialTokens
from inference.models.gguf import first_number
from inference.models.store import check_model, ensure_model
from inference.narrators import Narrator

# `import openvino` imports openvino.tools.ovc, which sends an event to Google Analytics when the
# package openvino_telemetry can be imported, and falls back to a stub when it cannot. Grue tells
# nobody that it runs. No option or environment variable turns it off before the import.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import numpy as np  # noqa: E402
import openvino  # noqa: E402
import openvino_genai  # noqa: E402

RUNNING = openvino_genai.GenerationStatus.RUNNING
FINISHES: dict[Any, Finish] = {
    openvino_genai.GenerationFinishReason.STOP: "stop",
    openvino_genai.GenerationFinishReason.LENGTH: "length",
}

# Prompt tokens computed in one step, over all requests. No reply gets a token meanwhile, so
# a long prompt is computed in chunks between which the other replies go on.
STEP_TOKENS = 256
BLOCK_TOKENS = 32  # tokens in a block of the library's cache on a CPU

# Values that share a scale when openvino rounds what flows through an exported model to int8. Its
# own 32 suits a GGUF, whose weights have a scale for as many; an export has one for each row, and
# reads a prompt a fifth faster with groups of 128. docs/performance.md has the figures.
ACTIVATION_GROUP = 128

COUNTED_TEXTS = 4096  # texts whose number of tokens is kept


class OpenVinoOptions(BaseModel):
    """`options` of an openvino narrator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # What it computes in: "f32", "bf16" or "f16". Left to itself, openvino takes bf16 where the
    # processor has AMX, and f32 elsewhere.
    precision: Literal["", "f32", "bf16", "f16"] = ""
    # Tokens whose keys and values are kept, for the turns under way and for the next turns of known
    # stories: 14 KB for each in SmolLM2-135M, all of it resident after some hours of play. When the
    # turns under way need more, the library sets some aside and computes them again.
    cache_tokens: int = Field(default=16_384, ge=256)


@dataclass
class Reply:
    """A request, and the library's handle of it once it has a slot."""

    prompt: list[int]
    generation: Any
    detokenizer: Detokenizer
    prefill_only: bool = False  # fill the cache and generate nothing
    handle: Any = None
    cancelled: bool = False


class OpenVinoEngine:
    """Keeps the promise of `Engine` with openvino-genai's ContinuousBatchingPipeline.

    `step` holds the interpreter until it is done: this belongs in a process of its own.
    """

    reads_ahead = True
    can_avoid = False
    continues = True

    def __init__(self, narrator: Narrator, model_path: Path, cache_dir: Path) -> None:
        """Load the model: a GGUF of the llama, qwen2 or qwen3 family, or a folder with an IR.

        `cache_dir` keeps the compiled model for the next start. Raises ValueError or RuntimeError.
        """
        options = OpenVinoOptions.model_validate(narrator.options)
        self.context_tokens = min(narrator.context, positions(model_path), options.cache_tokens)
        with compiling(cache_dir), kept_signal_stack():
            exported = model_path.is_dir()
            source = model_path if exported else unpacked(model_path, cache_dir)
            self._pipeline = openvino_genai.ContinuousBatchingPipeline(
                str(source),
                scheduling(narrator.slots, options.cache_tokens),
                narrator.device.upper() or "CPU",
                properties(options, cache_dir, exported),
            )
        self._chat = narrator.format == "chat"
        self._tokenizer = self._pipeline.get_tokenizer()
        self._ends = self._end_tokens()
        self._specials = self._special_tokens()
        self._decodes_batches = self._can_decode_batches()
        self._slots = narrator.slots
        self._replies: dict[RequestId, Reply] = {}  # in order of arrival: the first have slots
        self._last_request = 0
        self._count = functools.lru_cache(maxsize=COUNTED_TEXTS)(self._count_uncached)

    @property
    def busy(self) -> bool:
        """Whether any reply is waiting or running."""
        return bool(self._replies)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on and that this engine does not support."""
        return ignored_by("openvino", sampling)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self._count(text)

    def ids(self, text: str) -> list[int]:
        """The tokens of `text` by their numbers. For checks."""
        return self._encode(text)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """In the model's template. Many, SmolLM's too, add a system message where none is given."""
        history = [
            {"role": message.role, "content": self._specials.without(message.content)}
            for message in messages
        ]
        rendered: str = self._tokenizer.apply_chat_template(history, add_generation_prompt=True)
        return rendered + self._specials.without(begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt, and cancel any prefill.

        Raises ValueError where it is empty or does not fit the context, and for a grammar.
        """
        ids = self._prompt_ids(prompt)
        # The library does not refuse what is beyond the model's positions: it generates nonsense.
        check_size(len(ids), sampling, self.context_tokens)
        request = self._add(ids, self._generation(sampling, output))
        for number, other in self._replies.items():
            if other.prefill_only:
                self.cancel(number)
        return request

    def prefill(self, prompt: str) -> RequestId:
        """Queue a prefill. Raises ValueError where it is empty or exceeds the context."""
        ids = self._prompt_ids(prompt)
        if not 0 < len(ids) < self.context_tokens:
            raise ValueError(f"{len(ids)} tokens cannot be read ahead")
        return self._add(
            ids, self._generation(SamplingParams(max_tokens=1), None), prefill_only=True
        )

    def _add(self, ids: list[int], generation: Any, prefill_only: bool = False) -> RequestId:
        end = ids[-CONTEXT:]
        detokenizer = Detokenizer(end, self._tokenizer.decode(end))
        self._last_request += 1
        self._replies[self._last_request] = Reply(ids, generation, detokenizer, prefill_only)
        return self._last_request

    def cancel(self, request: RequestId) -> None:
        """End a request at the next step."""
        reply = self._replies.get(request)
        if reply is not None and not reply.cancelled:
            reply.cancelled = True
            if reply.handle is not None:
                reply.handle.cancel()

    def step(self) -> list[NewText]:
        """Compute one token of each running reply. Raises EngineBroken where the library fails."""
        try:
            return self._step()
        except Exception as error:
            # After an exception the library's scheduler is in no known state.
            raise EngineBroken(str(error)) from error

    def _step(self) -> list[NewText]:
        cancelled = [request for request, each in self._replies.items() if each.cancelled]
        texts = [NewText(request, "", 0, "cancelled") for request in cancelled]
        for request in cancelled:
            del self._replies[request]
        replies = [each for each in self._replies.items() if not each[1].prefill_only]
        running = replies[: self._slots] or list(self._replies.items())[:1]
        for request, reply in running:
            if reply.handle is None:
                reply.handle = self._start(request, reply)
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        return texts + self._collect(running)

    def _start(self, request: RequestId, reply: Reply) -> Any:
        """Give a slot to a request. The library's `max_num_seqs` does not bind in this mode."""
        prompt = openvino.Tensor(np.array([reply.prompt], dtype=np.int64))
        return self._pipeline.add_request(request, prompt, reply.generation)

    def _collect(self, running: list[tuple[RequestId, Reply]]) -> list[NewText]:
        """The new text of each request that has a slot."""
        texts = []
        grown: list[tuple[RequestId, Reply, int, Finish | None]] = []
        for request, reply in running:
            going_on = reply.handle.get_status() == RUNNING
            ids, finish = self._read(reply.handle)
            if not going_on and finish is None:
                del self._replies[request]
                texts.append(NewText(request, "", 0, "error", "the engine's cache is full"))
            elif ids or finish:
                reply.detokenizer.add(ids)
                grown.append((request, reply, len(ids), finish))
        decoded = self._decode([reply.detokenizer.window for _, reply, _, _ in grown])
        for (request, reply, tokens, finish), said in zip(grown, decoded, strict=True):
            text = reply.detokenizer.new_text(said, last=finish is not None)
            if not reply.prefill_only:
                texts.append(NewText(request, text, tokens, finish))
            elif finish:
                texts.append(NewText(request, "", 0, "stop"))
            if finish:
                del self._replies[request]
            elif reply.detokenizer.is_long:
                window = reply.detokenizer.shorten()
                reply.detokenizer.set_text(self._tokenizer.decode(window))
        return texts

    def _read(self, handle: Any) -> tuple[list[int], Finish | None]:
        """The new ids of a request without the one that ends it, and how it ended if it did."""
        ids: list[int] = []
        finish: Finish | None = None
        while handle.can_read():
            for output in handle.read().values():
                for token in output.generated_ids:
                    if token in self._ends:
                        finish = "stop"
                    else:
                        ids.append(token)
                finish = finish or FINISHES.get(output.finish_reason)
        return ids, finish

    def _decode(self, windows: list[list[int]]) -> list[str]:
        """Each window as text. One call for all costs about as much as one for one."""
        if not windows:
            return []
        if self._decodes_batches:
            decoded: list[str] = self._tokenizer.decode(windows)
            return decoded
        return [self._tokenizer.decode(window) for window in windows]

    def _can_decode_batches(self) -> bool:
        """Whether what the library pads a batch with leaves no trace in the text."""
        long, short = self._encode("Once upon a time, in the dark"), self._encode("Once")
        together: list[str] = self._tokenizer.decode([long, short])
        return together == [self._tokenizer.decode(long), self._tokenizer.decode(short)]

    def _prompt_ids(self, prompt: str) -> list[int]:
        """The tokens of a whole prompt. A plain story is stripped of special tokens."""
        return self._encode(prompt if self._chat else self._specials.without(prompt))

    def _encode(self, text: str) -> list[int]:
        # A prompt is complete as it is: no beginning-of-text token is put before it.
        if not text:
            return []
        try:
            encoded = self._tokenizer.encode(text, add_special_tokens=False)
        except TypeError as error:
            raise ValueError("the text holds half of a surrogate pair") from error
        ids: list[int] = encoded.input_ids.data[0].tolist()
        return ids

    def _count_uncached(self, text: str) -> int:
        tokens = len(self._encode(text))
        if tokens < self.context_tokens or len(text) < 2:
            return tokens
        # The tokenizer drops what exceeds the model's positions, whatever its parameters.
        middle = len(text) // 2
        return self._count_uncached(text[:middle]) + self._count_uncached(text[middle:])

    def _end_tokens(self) -> set[int]:
        vocabulary: dict[bytes, int] = self._tokenizer.get_vocab()
        ends = {vocabulary[end.encode()] for end in ENDS if end.encode() in vocabulary}
        ends.add(self._tokenizer.get_eos_token_id())
        return ends | set(self._pipeline.get_config().stop_token_ids)

    def _special_tokens(self) -> SpecialTokens:
        """What this model's tokenizer reads as structure wherever it stands in a text."""
        names = [token.decode("utf-8", "replace") for token in self._tokenizer.get_vocab() if token]
        return SpecialTokens(
            name for name in names if LIKE_SPECIAL.fullmatch(name) and len(self._encode(name)) == 1
        )

    def _generation(self, sampling: SamplingParams, output: OutputFormat | None = None) -> Any:
        """`sampling` as the library's configuration."""
        generation = openvino_genai.GenerationConfig()
        generation.max_new_tokens = sampling.max_tokens
        generation.repetition_penalty = sampling.repetition_penalty
        generation.frequency_penalty = sampling.frequency_penalty
        generation.presence_penalty = sampling.presence_penalty
        generation.stop_token_ids = self._ends
        generation.do_sample = sampling.temperature > 0
        if sampling.temperature > 0:
            generation.temperature = sampling.temperature
            generation.top_p = sampling.top_p
            generation.min_p = sampling.min_p
            if sampling.top_k:
                generation.top_k = sampling.top_k
            if sampling.min_p:
                generation.min_p = sampling.min_p
            seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
            generation.rng_seed = seed & 0xFFFFFFFF
        if output is not None:
            generation.structured_output_config = structured(output)
        generation.validate()  # now, where it fails one request; in a step it would fail them all
        return generation


def structured(output: OutputFormat) -> Any:
    """`output` as the library's configuration. Raises ValueError for a grammar.

    The library takes grammars too, but compiles them within a step, where an error in one would
    fail every running reply.
    """
    if output.json_schema is None:
        raise ValueError(
            "the openvino engine keeps to a JSON schema, and to no grammar: "
            "take the llama engine for this narrator"
        )
    config = openvino_genai.StructuredOutputConfig()
    config.json_schema = output.schema_text
    return config


def scheduling(slots: int, cache_tokens: int) -> Any:
    """The library's scheduler for so many turns at once."""
    config = openvino_genai.SchedulerConfig()
    config.enable_prefix_caching = True
    config.dynamic_split_fuse = True
    config.max_num_batched_tokens = max(STEP_TOKENS, slots)
    config.max_num_seqs = max(slots, config.max_num_seqs)  # the engine counts its slots itself
    # In blocks, since `cache_size` counts whole gigabytes. The last block of a turn is never full.
    config.num_kv_blocks = -(-cache_tokens // BLOCK_TOKENS) + slots
    return config


@contextmanager
def compiling(cache_dir: Path) -> Iterator[None]:
    """Let one process at a time compile into a cache: with two, openvino deletes the other's file.

    The second then finds a compiled model. A cache that is read-only is complete already.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    if not os.access(cache_dir, os.W_OK):
        yield
        return
    with (cache_dir / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unpacked(gguf: Path, cache_dir: Path) -> Path:
    """The folder with the IR that openvino makes of a GGUF, made when it is first loaded.

    It is loaded in a quarter of the time: most of a GGUF's goes into its graph and tokenizer, which
    no cache keeps. Where nobody may write, the file itself.
    """
    stat = gguf.stat()
    folder = cache_dir / f"{gguf.stem}-{stat.st_size:x}-{stat.st_mtime_ns:x}"
    if folder.is_dir():
        return folder
    if not os.access(cache_dir, os.W_OK):
        return gguf
    for left in (*cache_dir.glob(".unpack-*"), *cache_dir.glob(f"{glob.escape(gguf.stem)}-*")):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed, or another file's
    draft = Path(tempfile.mkdtemp(prefix=".unpack-", dir=cache_dir))
    # The library writes beside the file that it reads.
    link = draft / "model.gguf"
    link.symlink_to(gguf.resolve())
    openvino_genai.Tokenizer(str(link), enable_save_ov_model=True)
    openvino_genai.ContinuousBatchingPipeline(
        str(link), scheduling(1, BLOCK_TOKENS), "CPU", {"enable_save_ov_model": True}
    )
    link.unlink()
    draft.rename(folder)
    return folder


def properties(options: OpenVinoOptions, cache_dir: Path, exported: bool) -> dict[str, str | int]:
    """The properties of openvino's device."""
    found: dict[str, str | int] = {}
    if exported:
        found["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = ACTIVATION_GROUP
        # What was unpacked of a GGUF compiles as fast as its compiled form is read.
        found["CACHE_DIR"] = str(cache_dir)
    if options.precision:
        found["INFERENCE_PRECISION_HINT"] = options.precision
    return found


def positions(model_path: Path) -> int:
    """The length of the model's context in tokens. Raises ValueError where it is not stated."""
    if model_path.is_dir():
        config = json.loads((model_path / "config.json").read_text())
        found = config.get("max_position_embeddings") or config.get("n_positions")
    else:
        with model_path.open("rb") as file:
            found = first_number(file, ".context_length")
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"{model_path.name} does not say how long a context it takes")
    return found


def load(narrator: Narrator, config: InferenceConfig) -> OpenVinoEngine:
    """The engine with the narrator's model, fetched first where it is missing.

    Raises ModelError, ValueError or RuntimeError.
    """
    ensure_model(narrator, config.models_dir)
    path = check_model(narrator, config.models_dir)
    return OpenVinoEngine(narrator, path, config.models_dir / "compiled")
