"""What there is to train on: device, precision, memory."""

import os
import resource
import sys
from typing import Any

import torch

from inference.finetune.recipe import Train
from inference.finetune.training.memory import Size
from inference.finetune.trouble import TrainingFailed


def pick(how: Train) -> torch.device:
    """The device that the recipe names, or the first GPU, or the CPU. Raises TrainingFailed."""
    if not how.device:
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(how.device)
    except RuntimeError as error:
        raise TrainingFailed(f"train.device: there is no {how.device!r}; there is cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainingFailed(f"train.device {how.device}: torch finds no GPU that it can use")
    return device


def computes_in(how: Train, device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware has it: CUDA, and CPUs with AVX512_BF16 or AMX.

    Measured on one EPYC core with AVX512_BF16: LoRA on 135M takes 17 s for 1,200 tokens in bfloat16
    and 43 s in float32.
    """
    if how.precision != "auto":
        dtype: torch.dtype = getattr(torch, how.precision)
        return dtype
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    fast = how.method == "lora" and torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


def weights(how: Train, device: torch.device) -> torch.dtype:
    """In which the base is kept. What learns is always float32: steps are small."""
    return computes_in(how, device) if how.method == "lora" else torch.float32


def size_of(model: Any, how: Train, device: torch.device, window: int) -> Size:
    """The numbers that decide how much memory the training needs."""
    config = model.config.get_text_config()
    learning = sum(each.numel() for each in model.parameters() if each.requires_grad)
    return Size(
        parameters=sum(each.numel() for each in model.parameters()),
        learning=learning,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        vocabulary=config.vocab_size,
        weight_bytes=weights(how, device).itemsize,
        compute_bytes=computes_in(how, device).itemsize,
        tokens=how.rows * window,
        checkpointing=how.checkpointing,
        adapters=how.method == "lora",
    )


def memory_there(device: torch.device) -> int:
    """Bytes that a training may take: of the card, or of the machine."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_in_use(device: torch.device) -> int:
    """The most megabytes that this training has had."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device) / 1e6)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak / (1e6 if sys.platform == "darwin" else 1e3))
