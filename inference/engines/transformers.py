"""The engine for a GPU, and for any causal model that transformers loads: its continuous batching.

The library generates on a thread of its own; this engine sends it requests and reads results.
Weights come from safetensors or a GGUF, never from a pickle, and no code of a model's own is run.
"""

import functools
import json
import os
import threading
import time
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
from inference.engines.special_tokens import LIKE_SPECIAL, SpecialTokens
from inference.models.lora import adapter_path
from inference.models.store import check_model, ensure_model
from inference.narrators import Narrator

# Whatever a model needs was fetched when it was pulled: nothing is asked of a hub at load.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import torch
import transformers
from transformers.utils import (
    is_flash_attn_2_available,
    is_flash_attn_3_available,
)

from inference.engines.batch_sampler import BatchSampler

# Prompt tokens computed in one step, over all requests: a long prompt is computed in chunks
# between which the other replies go on. On a GPU a larger chunk takes no longer.
STEP_TOKENS = {"cpu": 256, "cuda": 2048}
STEP_SECONDS = 0.1  # how long a step waits for text, so that a long prefill can be cancelled
STOP_SECONDS = 30.0  # for the library's thread to end

# Tokens in a block of the cache: prefixes are found by whole blocks. Flash attention reads blocks
# of 256.
BLOCK_TOKENS = 32
FLASH_BLOCK_TOKENS = 256

COUNTED_TEXTS = 4096  # texts whose number of tokens is kept

Attention = Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"]


class TransformersOptions(BaseModel):
    """`options` of a transformers narrator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Tokens whose keys and values are kept, for the turns under way and for the next turns of known
    # stories: 72 KB for each in GPT-2 124M at float32, 300 KB in GPT-2 1.5B at bfloat16.
    cache_tokens: int = Field(default=16_384, ge=256)
    attention: Attention | None = None  # flash where it is installed on a GPU, else sdpa
    cuda_graphs: bool | None = None  # the library's choice: with flash attention
    threads: int = Field(default=0, ge=0)  # on a CPU; 0 is torch's choice


@dataclass
class Reply:
    """A request, and whether the library has it yet."""

    prompt: list[int]
    sampling: SamplingParams
    detokenizer: Detokenizer
    started: bool = False
    received: int = 0  # tokens from the library so far
    cancelled: bool = False


class TransformersEngine:
    """Keeps the promise of `Engine` with transformers' ContinuousBatchingManager.

    Raises ValueError, OSError or RuntimeError where the model cannot be loaded. When the library's
    thread dies, `step` raises EngineBroken, and with it the engine's process ends.
    """

    reads_ahead = False  # a card reads a thousand tokens in a tenth of a second
    can_avoid = False
    continues = True

    def __init__(
        self, narrator: Narrator, model_path: Path, adapter_path: Path | None = None
    ) -> None:
        options = TransformersOptions.model_validate(narrator.options)
        device = pick_device(narrator.device)
        if device.type == "cpu" and options.threads:
            torch.set_num_threads(options.threads)
        attention = options.attention or pick_attention(device)
        model = load_model(model_path, device, pick_dtype(narrator.dtype, device), attention)
        if adapter_path is not None:
            model = with_adapter(model, adapter_path)
        self._chat = narrator.format == "chat"
        self._tokenizer = load_tokenizer(model_path)
        self._specials = special_tokens(self._tokenizer)
        limit = positions(model, narrator)
        self.context_tokens = min(narrator.context, limit, options.cache_tokens)
        self._ends = self._end_tokens(model)
        self._slots = narrator.slots
        self._sampler = BatchSampler(
            narrator.slots, model.get_output_embeddings().out_features, device
        )
        self._manager = self._start_manager(model, device, options, attention)
        self._replies: dict[RequestId, Reply] = {}  # in order of arrival: the first have slots
        self._last_request = 0
        self._count = functools.lru_cache(maxsize=COUNTED_TEXTS)(
            lambda text: len(self._encode(text))
        )

    def _start_manager(
        self, model: Any, device: torch.device, options: TransformersOptions, attention: str
    ) -> Any:
        """The library's manager, with its thread running."""
        flash = attention.startswith("flash")
        block = FLASH_BLOCK_TOKENS if flash else BLOCK_TOKENS
        config = transformers.ContinuousBatchingConfig(
            page_size=block,
            # The last block of a turn is never full.
            num_blocks=-(-options.cache_tokens // block) + self._slots,
            max_batch_tokens=max(STEP_TOKENS.get(device.type, 256), self._slots),
            max_requests_per_batch=self._slots,
            # What the decode path of flash attention may read for one request.
            max_blocks_per_request=-(-self.context_tokens // block) + 1 if flash else 0,
            use_cuda_graph=options.cuda_graphs,
            auto_switch_to_flash=False,
        )
        # The library's own processors are off: the sampler does their work.
        greedy = transformers.GenerationConfig(do_sample=False, eos_token_id=sorted(self._ends))
        manager = model.init_continuous_batching(
            generation_config=greedy, continuous_batching_config=config
        )
        manager.logit_processor = self._sampler
        if device.type == "cuda":
            manager.warmup()  # captures the CUDA graphs now, not in somebody's turn
        # A thread is a daemon where the one that started it is. The library's is not by itself, and
        # would keep the process from ending.
        starter = threading.Thread(target=manager.start, daemon=True)
        starter.start()
        starter.join()
        return manager

    @property
    def busy(self) -> bool:
        """Whether any reply is waiting or running."""
        return bool(self._replies)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings of `sampling` that are on and that this engine does not support."""
        return ignored_by("transformers", sampling)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self._count(text)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The prompt in the model's chat template. Raises ValueError where it has none."""
        if not self._tokenizer.chat_template:
            raise ValueError("the model has no chat template: its format is transcript")
        without = self._specials.without
        history = [{"role": each.role, "content": without(each.content)} for each in messages]
        rendered: str = self._tokenizer.apply_chat_template(
            history, tokenize=False, add_generation_prompt=True
        )
        return rendered + without(begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt.

        Raises ValueError where it is empty or does not fit the context, and for an `output`.
        """
        if output is not None:
            raise ValueError(
                "the transformers engine cannot keep to a schema or a grammar: "
                "take the llama engine for this narrator"
            )
        # A plain story is stripped of special tokens.
        ids = self._encode(prompt if self._chat else self._specials.without(prompt))
        # The library does not refuse what is beyond the model's positions: GPT-2 fails, and every
        # running reply with it.
        check_size(len(ids), sampling, self.context_tokens)
        end = ids[-CONTEXT:]
        self._last_request += 1
        self._replies[self._last_request] = Reply(
            ids, sampling, Detokenizer(end, self._decode(end))
        )
        return self._last_request

    def cancel(self, request: RequestId) -> None:
        """End a request at the next step."""
        reply = self._replies.get(request)
        if reply is not None and not reply.cancelled:
            reply.cancelled = True
            if reply.started:
                self._manager.cancel_request(str(request))

    def prefill(self, prompt: str) -> None:
        """Nothing: see `reads_ahead`."""

    def step(self) -> list[NewText]:
        """Start waiting requests and return new texts. Raises EngineBroken on a failure."""
        try:
            return self._step()
        except EngineBroken:
            raise
        except Exception as error:
            raise EngineBroken(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """End the library's thread. For those who load several engines in one process."""
        self._manager.stop(block=True, timeout=STOP_SECONDS, hard_stop=True)

    def _step(self) -> list[NewText]:
        # The library returns no result for a cancelled request.
        cancelled = [request for request, each in self._replies.items() if each.cancelled]
        texts = [NewText(request, "", 0, "cancelled") for request in cancelled]
        for request in cancelled:
            self._end(request)
        for request, reply in list(self._replies.items())[: self._slots]:
            if not reply.started:
                self._start(request, reply)
        if self._replies:
            for output in self._receive(0 if texts else STEP_SECONDS):
                text = self._take(output)
                if text is not None:
                    texts.append(text)
        return texts

    def _start(self, request: RequestId, reply: Reply) -> None:
        """Give a slot to a request."""
        self._sampler.add(str(request), reply.sampling)
        taken = self._manager.add_request(
            reply.prompt,
            request_id=str(request),
            max_new_tokens=reply.sampling.max_tokens,
            streaming=True,
            eos_token_id=sorted(self._ends),
        )
        if taken is None:
            raise EngineBroken(self._cause())
        reply.started = True

    def _receive(self, timeout: float) -> list[Any]:
        """The library's new results; waits at most `timeout` seconds for the first of them."""
        outputs: list[Any] = []
        give_up = time.monotonic() + timeout
        while True:
            left = give_up - time.monotonic()
            # None when nothing came in time, and at once when the library's thread has died.
            output = self._manager.get_result(timeout=max(left, 0.001) if not outputs else 0.0)
            if output is not None:
                outputs.append(output)
            elif self._dead:
                raise EngineBroken(self._cause())
            elif outputs or left <= 0:
                return outputs

    @property
    def _dead(self) -> bool:
        stopping = self._manager.background_thread_status.can_accept_new_requests()
        return stopping is not None or not self._manager.is_running()

    def _cause(self) -> str:
        error = self._manager.background_thread_status.fatal_error
        said = f"{type(error).__name__}: {error}" if error else "for no reason it gave"
        return f"transformers' continuous batching ended: {said}"

    def _take(self, output: Any) -> NewText | None:
        """The new text in a result of the library, which holds all tokens of its request so far."""
        request = int(output.request_id)
        reply = self._replies.get(request)
        if reply is None:
            return None  # cancelled meanwhile
        if output.error is not None:
            if self._dead:  # one exception in its loop fails every request
                raise EngineBroken(f"transformers' continuous batching ended: {output.error}")
            self._end(request)
            return NewText(request, "", 0, "error", output.error)
        ids = output.generated_tokens[reply.received :]
        reply.received += len(ids)
        finish: Finish | None = None
        if output.is_finished():
            finish = "length"
            if ids and ids[-1] in self._ends:
                finish = "stop"
                ids = ids[:-1]
        reply.detokenizer.add(ids)
        text = reply.detokenizer.new_text(
            self._decode(reply.detokenizer.window), last=finish is not None
        )
        if finish:
            self._end(request)
        elif reply.detokenizer.is_long:
            reply.detokenizer.set_text(self._decode(reply.detokenizer.shorten()))
        return NewText(request, text, len(ids), finish)

    def _end(self, request: RequestId) -> None:
        del self._replies[request]
        self._sampler.remove(str(request))

    def _encode(self, text: str) -> list[int]:
        # A prompt is complete as it is: no beginning-of-text token is put before it.
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise ValueError("the text holds half of a surrogate pair") from error
        return ids

    def _decode(self, ids: list[int]) -> str:
        decoded: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded

    def _end_tokens(self, model: Any) -> set[int]:
        vocabulary = self._tokenizer.get_vocab()
        ends = {vocabulary[end] for end in ENDS if end in vocabulary}
        for says in (model.generation_config.eos_token_id, self._tokenizer.eos_token_id):
            ends |= set(says) if isinstance(says, list) else {says} - {None}
        return ends


# ---- loading


def pick_device(asked: str) -> torch.device:
    """The device a host asked for, or the first GPU, or the CPU. Raises ValueError."""
    if not asked:
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise ValueError(f"device: there is no {asked!r}; cpu, cuda and cuda:1 are such") from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device {asked}: torch finds no GPU that it can use")
        if device.index is None:
            device = torch.device("cuda:0")
        if device.index >= torch.cuda.device_count():
            raise ValueError(f"device {asked}: there are {torch.cuda.device_count()}, from cuda:0")
    return device


def pick_dtype(asked: str | None, device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU that computes with it, float32 elsewhere, unless the host says."""
    if asked:
        dtype: torch.dtype = getattr(torch, asked)
        return dtype
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float32


def pick_attention(device: torch.device) -> Attention:
    """Flash attention where it is installed: the library reads its paged cache in place then.

    With sdpa it gathers every story's keys and values at each step.
    """
    if device.type != "cuda":
        return "sdpa"
    if is_flash_attn_3_available():
        return "flash_attention_3"
    return "flash_attention_2" if is_flash_attn_2_available() else "sdpa"


def load_model(path: Path, device: torch.device, dtype: torch.dtype, attention: str) -> Any:
    """The model of a folder or of a GGUF file, on its device."""
    transformers.utils.logging.disable_progress_bar()  # a worker's output is a log, line by line
    source: dict[str, Any] = {"pretrained_model_name_or_path": str(path), "use_safetensors": True}
    if path.is_file():
        source = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
        # Quantized weights would run on kernels that the library fetches from a hub.
        source["quantization_config"] = transformers.GgufConfig(dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **source,
        dtype=dtype,
        attn_implementation=attention,
        trust_remote_code=False,
        local_files_only=True,
    )
    return model.to(device).eval()


def load_tokenizer(path: Path) -> Any:
    """The tokenizer beside a model's weights."""
    source = {"pretrained_model_name_or_path": str(path)}
    if path.is_file():
        source = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    return transformers.AutoTokenizer.from_pretrained(
        **source, trust_remote_code=False, local_files_only=True
    )


def special_tokens(tokenizer: Any) -> SpecialTokens:
    """What a tokenizer reads as one token wherever it stands in a text."""
    added = tokenizer.added_tokens_decoder.values()
    return SpecialTokens(
        str(token) for token in added if token.special or LIKE_SPECIAL.fullmatch(str(token))
    )


def with_adapter(model: Any, path: Path) -> Any:
    """The model with a PEFT LoRA adapter merged into its weights: as fast as without."""
    from peft import PeftModel  # noqa: PLC0415  most narrators have none

    try:
        kind = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the folder of a PEFT adapter") from error
    if kind != "LORA":
        raise ValueError(f"{path} is a {kind} adapter; LORA can be told with")
    # Where this file is missing PEFT would take the pickle beside it.
    if not (path / "adapter_model.safetensors").is_file():
        raise ValueError(f"{path} has no adapter_model.safetensors")
    return PeftModel.from_pretrained(model, str(path)).merge_and_unload().eval()


def positions(model: Any, narrator: Narrator) -> int:
    """The length of the model's context in tokens; the narrator's where the model has no limit."""
    found = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else narrator.context


def load(narrator: Narrator, config: InferenceConfig) -> TransformersEngine:
    """The engine with the narrator's model, fetched first where it is missing.

    Raises ModelError, ValueError, OSError or RuntimeError.
    """
    ensure_model(narrator, config.models_dir)
    path = check_model(narrator, config.models_dir)
    adapter = adapter_path(narrator.adapter, config.models_dir) if narrator.adapter else None
    return TransformersEngine(narrator, path, adapter)
