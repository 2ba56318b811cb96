"""The loss on adventures held out, before and after, adventure by adventure. Wants torch."""

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from inference.contract.plain import Plain
from inference.finetune.outcome import ADAPTER
from inference.finetune.recipe import Train
from inference.finetune.training import hardware
from inference.finetune.training.checkpoint import load_base, load_tokenizer
from inference.finetune.training.measuring import batch_of, summed_loss
from inference.finetune.training.packing import read_samples, row_of
from inference.finetune.training.run import encoder


class Loss(Plain):
    """Nats for each token told, over so many."""

    loss: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """e to the loss, which is capped at 50 nats."""
        return math.exp(min(self.loss, 50))


class HeldOut(Plain):
    """Losses of base and trained model on the adventures that are held out."""

    before: Loss
    after: Loss
    adventures: dict[str, tuple[float, float]]  # title: loss before and after


def measure(
    base: Path, learned: Path, samples: Path, window: int, how: Train, show: Callable[[str], None]
) -> HeldOut:
    """Measure the base and what was learned on the samples of a file. Raises FinetuneError."""
    device = hardware.pick(how)
    if device.type == "cpu" and how.threads:
        torch.set_num_threads(how.threads)
    dtype = hardware.computes_in(how, device)
    encode = encoder(load_tokenizer(base))
    rows = [(each["adventure"], row_of(each, encode, window)) for each in read_samples(samples)]
    if learned.name == ADAPTER:
        from peft import PeftModel  # noqa: PLC0415  only here

        model = PeftModel.from_pretrained(load_base(base, dtype).to(device), str(learned)).eval()
        with model.disable_adapter():
            before = losses(model, rows, device)
        after = losses(model, rows, device)
    else:
        before = losses(load_base(base, dtype).to(device).eval(), rows, device)
        after = losses(load_base(learned, dtype).to(device).eval(), rows, device)
    show(f"held out: {mean(before).loss:.4f} before, {mean(after).loss:.4f} after")
    return HeldOut(
        before=mean(before),
        after=mean(after),
        adventures={
            title: (mean({title: before[title]}).loss, mean({title: after[title]}).loss)
            for title in before
        },
    )


@torch.no_grad()
def losses(model: Any, rows: Any, device: torch.device) -> dict[str, tuple[float, int]]:
    """By adventure: the summed loss, and of how many tokens."""
    found: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for title, row in rows:
        batch = {name: values.to(device) for name, values in batch_of([row]).items()}
        loss, tokens = summed_loss(model, batch)
        total, count = found[title]
        found[title] = (total + float(loss), count + tokens)
    return dict(found)


def mean(found: dict[str, tuple[float, int]]) -> Loss:
    """The loss per token over all adventures; `found` has the sum and the tokens of each."""
    tokens = sum(count for _, count in found.values())
    total = sum(loss for loss, _ in found.values())
    return Loss(loss=round(total / tokens, 4), tokens=tokens)
