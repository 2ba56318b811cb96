"""How well a model tells what stands in rows: the loss, on replies only."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from inference.finetune.training.packing import NOT_LEARNT, Row, padded


def batch_of(rows: Sequence[Row], filler: int = 0) -> dict[str, torch.Tensor]:
    """Tensors of shape (rows, longest row); shorter rows are padded with `filler`."""
    return {name: torch.tensor(values) for name, values in padded(rows, filler).items()}


def summed_loss(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """The cross entropy of all that is to be learnt, in nats, and of how many tokens it is.

    Logits are computed where a reply is told and nowhere else: in a small model with a large
    vocabulary they are much of the work.
    """
    labels = batch["labels"]
    told_from = (labels[:, 1:] != NOT_LEARNT).any(0).nonzero().flatten()
    logits = model(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        logits_to_keep=told_from,
        use_cache=False,
    ).logits
    wanted = labels[:, told_from + 1].flatten()
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), wanted, ignore_index=NOT_LEARNT, reduction="sum"
    )
    return loss, int((wanted != NOT_LEARNT).sum())


@torch.no_grad()
def mean_loss(model: Any, rows: Iterable[Row], filler: int = 0) -> float:
    """The loss for each token told in these rows, in nats; perplexity is its exponential."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    total, tokens = 0.0, 0
    for row in rows:
        batch = {name: values.to(device) for name, values in batch_of([row], filler).items()}
        loss, count = summed_loss(model, batch)
        total += float(loss)
        tokens += count
    model.train(was_training)
    return total / tokens
