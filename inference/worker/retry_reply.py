"""What is done about a reply that went wrong: told again with other settings, or left short. Pure.

The stream sees a fault before the player does and stops the telling (`ReplyStream.fault`). Where
almost nothing was shown the reply is told anew, going on from what was; at most RETELLINGS times.
A loop is left with settings further away from those that failed; other faults with another seed
alone, since a small model that is made hotter loses the story. After that it is told as it comes,
shortened.
"""

from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.reply import Fault, ReplyStream

RETELLINGS = 2

# In the turn's details.
NAMES: dict[Fault, str] = {
    "": "",
    "echo": "said only what the player did",
    "empty": "no words",
    "loop": "repeated itself",
    "repeats": "repeated an earlier reply",
    "speaks": "spoke for the player",
    "person": "left the second person",
    "tense": "left the present tense",
    "endless": "found no end",
    "rule": "broke a rule of this host",
    "banned": "a banned phrase",
}

LOOPS: tuple[Fault, ...] = ("loop", "repeats", "echo")

HOTTER = 0.2  # each time
HOTTEST = 1.2
PENALTY = 0.3  # more for each time a word was told, and as much once for having been told
LARGEST_PENALTY = 1.2
SEED_STEP = 7919  # any number: another seed


def may_retell(tried: int) -> bool:
    """Whether a reply that was told `tried` times may be told once more."""
    return tried <= RETELLINGS


def vary_sampling(sampling: SamplingParams) -> SamplingParams:
    """Settings further from a loop than `sampling`: hotter, with larger penalties, another seed.

    Greedy sampling would tell the same again, so it ends here.
    """
    return sampling.model_copy(
        update={
            "temperature": min(max(sampling.temperature + HOTTER, 0.5), HOTTEST)
            if sampling.temperature < HOTTEST
            else sampling.temperature,
            "frequency_penalty": more(sampling.frequency_penalty),
            "presence_penalty": more(sampling.presence_penalty),
            "seed": new_seed(sampling),
        }
    )


def new_seed(sampling: SamplingParams) -> int | None:
    return None if sampling.seed is None else sampling.seed + SEED_STEP


def more(penalty: float) -> float:
    return max(penalty, min(round(penalty + PENALTY, 3), LARGEST_PENALTY))


def retry_request(
    request: GenerationRequest, own: SamplingParams, stream: ReplyStream
) -> GenerationRequest | None:
    """The request that tells an unfinished reply on; None for one that stays as it is.

    `own` is the narrator's sampling, where the request has none.
    """
    if not stream.unfinished:
        return None
    sampling = request.sampling or own
    if stream.fault in LOOPS or not sampling.temperature:
        sampling = vary_sampling(sampling)
    else:
        sampling = sampling.model_copy(update={"seed": new_seed(sampling)})
    return request.model_copy(update={"told": stream.told, "sampling": sampling})
