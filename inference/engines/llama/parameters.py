"""A narrator's options, and the parameters of llama.cpp's server that follow from them."""

import os
from pathlib import Path
from typing import Any, Literal

import xllamacpp
from pydantic import BaseModel, ConfigDict, Field

from inference.narrators import Narrator

MAX_THREADS = 16  # more gain nothing in a batch of few stories


class LlamaOptions(BaseModel):
    """`options` of a llama narrator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Threads that compute; 0 is one per core.
    threads: int = Field(default=0, ge=0)
    # Prompt tokens computed in one step, during which no other reply gets a token. More is faster
    # for one reply and less smooth for the others: docs/decisions/llama-in-process.md.
    batch_tokens: int = Field(default=64, ge=1, le=4096)
    # MiB of memory for cached prompts that hold no slot at the moment.
    cache_mb: int = Field(default=256, ge=0)
    # Type of cached keys and values: "f16", or "q8_0", with half the memory and a slower prefill.
    cache_type: Literal["f16", "q8_0"] = "f16"
    # Layers on the GPU, where the library was built for one; -1 is all of them.
    gpu_layers: int = Field(default=-1, ge=-1)


def server_parameters(
    narrator: Narrator, options: LlamaOptions, model: Path, socket: Path, adapter: Path | None
) -> Any:
    """The parameters of a narrator's server, which listens on the socket file `socket` alone."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = [str(socket)]
    params.n_parallel = narrator.slots
    # Each slot has a cache of its own: a full shared one would fail all replies at once.
    params.n_ctx = narrator.context * narrator.slots
    params.kv_unified = False
    params.n_batch = params.n_ubatch = options.batch_tokens
    threads = options.threads or min(len(os.sched_getaffinity(0)), MAX_THREADS)
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = threads
        # Threads that spin while they wait take the cores from all other processes.
        cpu.poll = 0
    params.cache_ram_mib = options.cache_mb
    if options.cache_type == "q8_0":
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_Q8_0
    if adapter is not None:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
    params.n_gpu_layers = options.gpu_layers if narrator.device.lower() not in ("", "cpu") else 0
    params.fit_params = False  # a model that does not fit is an error, and not made smaller
    params.warmup = False
    if narrator.format != "chat":
        params.chat_template = "chatml"  # the file's own template is not run without need
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 0
    return params
