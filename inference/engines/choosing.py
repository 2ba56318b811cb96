"""How the next token is chosen in transformers' continuous batching, for each request its own way.

The library has temperature, top-k and top-p for each request, drops the penalties with a warning,
and draws from one generator for all. This stands in place of its list of processors: all
of it happens here, and what the library is handed leaves it one token to take.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from inference.contract.sampling import SamplingParams

# On a CPU a whole vocabulary is slow to sort, and what is likely enough to be taken stands almost
# always among so many. Where it does not, everything is sorted.
CANDIDATES = 1024

# The rows of the library's tensor of arguments, one column for each request. It is of int32;
# numbers with a fraction lie in it bit by bit.
ROW, TOP_K, PENALTY, FREQUENCY, PRESENCE, TEMPERATURE, TOP_P, MIN_P, DRAW = range(9)
ARGUMENTS = 9


@dataclass
class Taste:
    """How one request wants its tokens chosen, and what it draws its luck from."""

    row: int  # in `Chooser.seen` and `Chooser.told`
    sampling: SamplingParams
    luck: random.Random
    begun: bool = False  # whether its row knows the prompt

    def column(self) -> tuple[list[int], list[float]]:
        """Its next column of arguments: the whole numbers, and those with a fraction."""
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
                self.luck.random(),
            ],
        )


class Chooser:
    """What ContinuousBatchingManager wants of its `logit_processor`, and no more.

    Which tokens a story has already seen, and how often its reply has told each, is kept on the
    device, a row for each request, since with CUDA graphs and double buffering the host does not
    know the last token when the next is due.
    """

    tensors_required = ARGUMENTS
    do_processing = True

    def __init__(self, slots: int, vocabulary: int, device: torch.device) -> None:
        # Twice the slots: with double buffering a request that has ended may be told one token
        # more, which must not end up in its successor's row. The last row is for padding.
        self._free = list(range(2 * slots))
        self.seen = torch.zeros(2 * slots + 1, vocabulary, dtype=torch.bool, device=device)
        self.told = torch.zeros(2 * slots + 1, vocabulary, dtype=torch.int16, device=device)
        self._tastes: dict[str, Taste] = {}

    def expect(self, request: str, sampling: SamplingParams) -> None:
        """Take note of a request before the library is given it."""
        luck = random.Random(sampling.seed)  # noqa: S311  nothing secret
        self._tastes[request] = Taste(self._free.pop(0), sampling, luck)

    def forget(self, request: str) -> None:
        """A request is over."""
        taste = self._tastes.pop(request, None)
        if taste is not None:
            self._free.append(taste.row)

    # What the library calls, on its own thread

    def check_kwargs(self, kwargs: dict[str, Any]) -> None:
        """There are none: `expect` has said it all."""

    def fill_defaults(self, storage: torch.Tensor) -> None:
        """The column of padding."""
        storage[[ROW, TOP_K]] = torch.tensor([[len(self.seen) - 1], [1]], dtype=torch.int32).to(
            storage.device
        )
        neutral = torch.tensor([[1.0], [0.0], [0.0], [1.0], [1.0], [0.0], [0.0]]).view(torch.int32)
        storage[PENALTY:] = neutral.to(storage.device)

    def prepare_tensor_args(
        self, requests_in_batch: Sequence[Any], arg_storage: torch.Tensor
    ) -> torch.Tensor:
        """Write the columns of the requests that get a token in this step."""
        whole, broken = [], []
        for request in requests_in_batch:
            if request.has_new_token:
                state = request.state
                taste = self._tastes.get(state.request_id)
                if taste is None:  # cancelled meanwhile: its token is heard by nobody
                    taste = Taste(len(self.seen) - 1, SamplingParams(), random.Random(0))  # noqa: S311
                elif not taste.begun:
                    self._begin(taste, state.initial_tokens)
                first, rest = taste.column()
                whole.append(first)
                broken.append(rest)
        if whole:
            count = len(whole)
            integers = torch.tensor(whole, dtype=torch.int32).T
            bits = torch.tensor(broken, dtype=torch.float32).T.contiguous().view(torch.int32)
            arg_storage[:PENALTY, :count] = integers.to(arg_storage.device)
            arg_storage[PENALTY:, :count] = bits.to(arg_storage.device)
        return arg_storage

    def _begin(self, taste: Taste, prompt: list[int]) -> None:
        taste.begun = True
        self.seen[taste.row] = False
        self.seen[taste.row, torch.tensor(prompt, device=self.seen.device)] = True
        self.told[taste.row] = 0
        self.told[taste.row, prompt[-1]] = -1  # the first step takes it for the reply's
        if self.seen.is_cuda:  # the library computes on a stream of its own
            torch.cuda.current_stream(self.seen.device).synchronize()

    def __call__(
        self, last: torch.Tensor, scores: torch.Tensor, arguments: torch.Tensor
    ) -> torch.Tensor:
        """Scores that leave one token for each request.

        `last` [B] is the token before, `scores` [B, V] what the model says, `arguments` [9, ≥ B].
        """
        arguments = arguments[:, : scores.size(0)]
        rows, last = arguments[ROW].long(), last.long()
        self.seen[rows, last] = True
        self.told[rows, last] = self.told[rows, last] + 1
        penalty, frequency, presence, temperature, top_p, min_p, draw = arguments[PENALTY:].view(
            torch.float32
        )
        scores = penalized(scores, self.seen[rows], penalty)
        # A GPU's graph has no branches; on a CPU this costs as much as the rest of the choice.
        if scores.is_cuda or bool((frequency != 0).any() | (presence != 0).any()):
            scores = worn(scores, self.told[rows], frequency, presence)
        chosen = choose(
            scores,
            temperature=temperature,
            top_k=arguments[TOP_K].long(),
            top_p=top_p,
            min_p=min_p,
            draw=draw,
        )
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, chosen.unsqueeze(1), 0.0)


def penalized(scores: torch.Tensor, seen: torch.Tensor, penalty: torch.Tensor) -> torch.Tensor:
    """Make what was `seen` [B, V] less likely: CTRL's penalty (Keskar et al. 2019).

    Positive scores are divided and negative ones multiplied; multiplying all of them, as the first
    AI Dungeon did, makes the unlikely likelier.
    """
    by = penalty.unsqueeze(1)
    return torch.where(seen, torch.where(scores > 0, scores / by, scores * by), scores)


def worn(
    scores: torch.Tensor, told: torch.Tensor, frequency: torch.Tensor, presence: torch.Tensor
) -> torch.Tensor:
    """Make less likely what this reply has `told` [B, V], and more so the more often: as OpenAI's
    interface defines both penalties."""
    once = presence.unsqueeze(1) * (told > 0)
    return scores - frequency.unsqueeze(1) * told - once


def choose(
    scores: torch.Tensor,
    *,
    temperature: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
    draw: torch.Tensor,
) -> torch.Tensor:
    """The token of each row [B]: what is kept as transformers keeps it, taken by `draw` in [0, 1).

    The likeliest come first, so a `draw` of 0 takes the likeliest. Everything but `scores` [B, V]
    is [B]; a `top_k` of 0 is off.
    """
    heated = scores / temperature.unsqueeze(1)
    if not scores.is_cuda and scores.size(1) > CANDIDATES:
        found = torch.topk(heated, CANDIDATES, dim=1)
        kept, enough = keep(found.values, heated, top_k, top_p, min_p)
        if bool(enough.all()):
            return draw_from(kept, found.indices, draw)
    everything = torch.sort(heated, dim=1, descending=True)
    kept, _ = keep(everything.values, heated, top_k, top_p, min_p)
    return draw_from(kept, everything.indices, draw)


def keep(
    best: torch.Tensor,
    scores: torch.Tensor,
    top_k: torch.Tensor,
    top_p: torch.Tensor,
    min_p: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The chances of the `best` scores [B, C], 0 where they are not kept; whether C were enough."""
    rank = torch.arange(best.size(1), device=best.device).unsqueeze(0)
    limit = torch.where(top_k > 0, top_k, scores.size(1)).unsqueeze(1)
    best = best.masked_fill(rank >= limit, -torch.inf)
    # What stands behind the top k has no part in the whole that top p is a part of.
    whole = torch.where(top_k > 0, best.logsumexp(1), scores.logsumexp(1)).unsqueeze(1)
    chances = (best - whole).exp()
    before = chances.cumsum(1) - chances
    kept = (before < top_p.unsqueeze(1)) & (chances >= min_p.unsqueeze(1) * chances[:, :1])
    kept[:, 0] = True
    enough = (limit.squeeze(1) <= best.size(1)) | ~kept[:, -1]
    return chances * kept, enough


def draw_from(chances: torch.Tensor, tokens: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """The token of each row at `draw` of its chances laid end to end."""
    reach = chances.cumsum(1)
    place = (reach <= draw.unsqueeze(1) * reach[:, -1:]).sum(1)
    last = (chances > 0).sum(1) - 1  # where rounding would go past it
    return tokens.gather(1, torch.minimum(place, last).unsqueeze(1)).squeeze(1)
