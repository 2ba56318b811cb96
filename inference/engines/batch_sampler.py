"""Samples the next token in transformers' continuous batching, with parameters per request.

The library has temperature, top-k and top-p per request, drops the penalties with a warning, and
draws from one random generator for all. This replaces its list of logits processors: the token is
sampled here, and the scores that the library gets leave it this one to take.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from inference.contract.sampling import SamplingParams

# Sorting a whole vocabulary is slow on a CPU, and the tokens that may be sampled are almost always
# among so many. Where they are not, everything is sorted.
CANDIDATES = 1024

# The rows of the library's int32 tensor of arguments, with one column per request. Floats are
# stored in it by their bits.
ROW, TOP_K, PENALTY, FREQUENCY, PRESENCE, TEMPERATURE, TOP_P, MIN_P, DRAW = range(9)
ARGUMENTS = 9


@dataclass
class RequestState:
    """The sampling parameters of one request, and its random generator."""

    row: int  # in `BatchSampler.seen` and `BatchSampler.counts`
    sampling: SamplingParams
    generator: random.Random
    started: bool = False  # whether its row holds the prompt

    def column(self) -> tuple[list[int], list[float]]:
        """Its next column of arguments: the integers, and the floats."""
        sampling = self.sampling
        greedy = sampling.temperature == 0
        return (
            [self.row, 1 if greedy else sampling.top_k],
            [
                sampling.repetition_penalty,
                sampling.frequency_penalty,
                sampling.presence_penalty,
                1.0 if greedy else sampling.temperature,
                sampling.top_p,
                sampling.min_p,
                self.generator.random(),
            ],
        )


class BatchSampler:
    """The `logit_processor` of a ContinuousBatchingManager.

    The tokens that a request has seen, and how often its reply has each, are kept on the device,
    one row per request: with CUDA graphs and double buffering the host does not know the last token
    when the next is due.
    """

    tensors_required = ARGUMENTS
    do_processing = True

    def __init__(self, slots: int, vocabulary: int, device: torch.device) -> None:
        """`vocabulary` is the number of tokens that the model scores."""
        # Twice the slots: with double buffering a request that has ended may get one more token,
        # which must not be counted in its successor's row. The last row is for padding.
        self._free = list(range(2 * slots))
        self.seen = torch.zeros(2 * slots + 1, vocabulary, dtype=torch.bool, device=device)
        self.counts = torch.zeros(2 * slots + 1, vocabulary, dtype=torch.int16, device=device)
        self._requests: dict[str, RequestState] = {}

    def add(self, request: str, sampling: SamplingParams) -> None:
        """Add a request, before the library gets it."""
        generator = random.Random(sampling.seed)  # noqa: S311  nothing secret
        self._requests[request] = RequestState(self._free.pop(0), sampling, generator)

    def remove(self, request: str) -> None:
        """Remove a request that is over."""
        sampled_request = self._requests.pop(request, None)
        if sampled_request is not None:
            self._free.append(sampled_request.row)

    # What the library calls, on its own thread

    def check_kwargs(self, kwargs: dict[str, Any]) -> None:
        """Accept anything: `add` has the parameters."""

    def fill_defaults(self, storage: torch.Tensor) -> None:
        """Write the column of padding."""
        storage[[ROW, TOP_K]] = torch.tensor([[len(self.seen) - 1], [1]], dtype=torch.int32).to(
            storage.device
        )
        neutral = torch.tensor([[1.0], [0.0], [0.0], [1.0], [1.0], [0.0], [0.0]]).view(torch.int32)
        storage[PENALTY:] = neutral.to(storage.device)

    def prepare_tensor_args(
        self, requests_in_batch: Sequence[Any], arg_storage: torch.Tensor
    ) -> torch.Tensor:
        """Write the columns of the requests that get a token in this step."""
        integers, floats = [], []
        for request in requests_in_batch:
            if request.has_new_token:
                state = request.state
                sampled_request = self._requests.get(state.request_id)
                if sampled_request is None:  # cancelled: nobody reads its token
                    nobody = random.Random(0)  # noqa: S311  nothing secret
                    sampled_request = RequestState(len(self.seen) - 1, SamplingParams(), nobody)
                elif not sampled_request.started:
                    self._start(sampled_request, state.initial_tokens)
                first, rest = sampled_request.column()
                integers.append(first)
                floats.append(rest)
        if integers:
            count = len(integers)
            whole = torch.tensor(integers, dtype=torch.int32).T
            bits = torch.tensor(floats, dtype=torch.float32).T.contiguous().view(torch.int32)
            arg_storage[:PENALTY, :count] = whole.to(arg_storage.device)
            arg_storage[PENALTY:, :count] = bits.to(arg_storage.device)
        return arg_storage

    def _start(self, sampled_request: RequestState, prompt: list[int]) -> None:
        sampled_request.started = True
        self.seen[sampled_request.row] = False
        self.seen[sampled_request.row, torch.tensor(prompt, device=self.seen.device)] = True
        self.counts[sampled_request.row] = 0
        self.counts[sampled_request.row, prompt[-1]] = -1  # the first step counts it as the reply's
        if self.seen.is_cuda:  # the library computes on a stream of its own
            torch.cuda.current_stream(self.seen.device).synchronize()

    def __call__(
        self, last: torch.Tensor, scores: torch.Tensor, arguments: torch.Tensor
    ) -> torch.Tensor:
        """Scores [B, V] that are finite for one sampled token of each request.

        `last` [B] are the tokens before, `scores` [B, V] the model's, `arguments` [9, ≥ B].
        """
        arguments = arguments[:, : scores.size(0)]
        rows, last = arguments[ROW].long(), last.long()
        self.seen[rows, last] = True
        self.counts[rows, last] = self.counts[rows, last] + 1
        penalty, frequency, presence, temperature, top_p, min_p, draw = arguments[PENALTY:].view(
            torch.float32
        )
        scores = with_repetition_penalty(scores, self.seen[rows], penalty)
        # A CUDA graph has no branches; on a CPU this costs as much as the rest of the sampling.
        if scores.is_cuda or bool((frequency != 0).any() | (presence != 0).any()):
            scores = with_count_penalties(scores, self.counts[rows], frequency, presence)
        sampled = sample(
            scores,
            temperature=temperature,
            top_k=arguments[TOP_K].long(),
            top_p=top_p,
            min_p=min_p,
            draw=draw,
        )
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, sampled.unsqueeze(1), 0.0)


def with_repetition_penalty(
    scores: torch.Tensor, seen: torch.Tensor, penalty: torch.Tensor
) -> torch.Tensor:
    """Apply CTRL's penalty [B] (Keskar et al. 2019) to the tokens that are `seen` [B, V].

    Positive scores are divided and negative ones multiplied; multiplying all of them, as the first
    AI Dungeon did, makes unlikely tokens more likely.
    """
    by = penalty.unsqueeze(1)
    return torch.where(seen, torch.where(scores > 0, scores / by, scores * by), scores)


def with_count_penalties(
    scores: torch.Tensor, counts: torch.Tensor, frequency: torch.Tensor, presence: torch.Tensor
) -> torch.Tensor:
    """Apply OpenAI's frequency and presence penalties [B] to the reply's token `counts` [B, V]."""
    once = presence.unsqueeze(1) * (counts > 0)
    return scores - frequency.unsqueeze(1) * counts - once


def sample(
    scores: torch.Tensor,
    *,
    temperature: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
    draw: torch.Tensor,
) -> torch.Tensor:
    """The token of each row [B], filtered as transformers does and selected by `draw` in [0, 1).

    Tokens are in order of probability, so that a `draw` of 0 selects the most likely one. All but
    `scores` [B, V] are [B]; a `top_k` of 0 is off.
    """
    scaled = scores / temperature.unsqueeze(1)
    if not scores.is_cuda and scores.size(1) > CANDIDATES:
        found = torch.topk(scaled, CANDIDATES, dim=1)
        kept, enough = filter_probabilities(found.values, scaled, top_k, top_p, min_p)
        if bool(enough.all()):
            return select(kept, found.indices, draw)
    everything = torch.sort(scaled, dim=1, descending=True)
    kept, _ = filter_probabilities(everything.values, scaled, top_k, top_p, min_p)
    return select(kept, everything.indices, draw)


def filter_probabilities(
    best: torch.Tensor,
    scores: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The probabilities of the `best` scores [B, C], 0 where filtered out; whether C was enough."""
    rank = torch.arange(best.size(1), device=best.device).unsqueeze(0)
    limit = torch.where(top_k > 0, top_k, scores.size(1)).unsqueeze(1)
    best = best.masked_fill(rank >= limit, -torch.inf)
    # Tokens beyond the top k do not count in the sum that top p is a share of.
    whole = torch.where(top_k > 0, best.logsumexp(1), scores.logsumexp(1)).unsqueeze(1)
    probabilities = (best - whole).exp()
    before = probabilities.cumsum(1) - probabilities
    kept = (before < top_p.unsqueeze(1)) & (
        probabilities >= min_p.unsqueeze(1) * probabilities[:, :1]
    )
    kept[:, 0] = True
    enough = (limit.squeeze(1) <= best.size(1)) | ~kept[:, -1]
    return probabilities * kept, enough


def select(probabilities: torch.Tensor, tokens: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """The token of each row [B] where the cumulative probability passes `draw`."""
    cumulative = probabilities.cumsum(1)
    place = (cumulative <= draw.unsqueeze(1) * cumulative[:, -1:]).sum(1)
    last = (probabilities > 0).sum(1) - 1  # rounding may lead past it
    return tokens.gather(1, torch.minimum(place, last).unsqueeze(1)).squeeze(1)
