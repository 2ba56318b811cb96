"""The automatic retry of a bad reply: with other settings, or left short. Pure.

The stream finds a fault before the player sees it and stops the engine (`ReplyStream.fault`). Where
almost nothing was shown the reply is generated again, as a continuation of what was; at most
MAX_RETRIES times. After a loop the settings are moved away from those that failed; other faults get
another seed alone, since a small model loses the story at a higher temperature. What contradicts
the state of the world is retried with the fact last in the prompt. After that the reply is shown as
it comes, shortened.
"""

from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.reply import Fault, ReplyStream

MAX_RETRIES = 2

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
    "dead": "had the dead act",
    "lost": "used what was lost",
    "absent": "had somebody answer who is not there",
}

LOOPS: tuple[Fault, ...] = ("loop", "repeats", "echo")

HOTTER = 0.2  # added to the temperature at each retry
HOTTEST = 1.2
PENALTY = 0.3  # added to the frequency and presence penalties at each retry
LARGEST_PENALTY = 1.2
SEED_STEP = 7919  # any number: another seed


def may_retry(generations: int) -> bool:
    """Whether a reply that was generated so many times may be generated once more."""
    return generations <= MAX_RETRIES


def vary_sampling(sampling: SamplingParams) -> SamplingParams:
    """Sampling further from a loop: a higher temperature, larger penalties, another seed.

    Greedy sampling becomes random: it would generate the same text again. With DRY the penalties
    stay: together they leave a small model hardly a word of the story.
    """
    penalties = {
        "frequency_penalty": raise_penalty(sampling.frequency_penalty),
        "presence_penalty": raise_penalty(sampling.presence_penalty),
    }
    return sampling.model_copy(
        update={
            "temperature": min(max(sampling.temperature + HOTTER, 0.5), HOTTEST)
            if sampling.temperature < HOTTEST
            else sampling.temperature,
            "seed": new_seed(sampling),
            **({} if sampling.dry_multiplier else penalties),
        }
    )


def new_seed(sampling: SamplingParams) -> int | None:
    """Another seed; None where there was none."""
    return None if sampling.seed is None else sampling.seed + SEED_STEP


def raise_penalty(penalty: float) -> float:
    """A penalty raised by PENALTY, up to LARGEST_PENALTY; a larger one stays."""
    return max(penalty, min(round(penalty + PENALTY, 3), LARGEST_PENALTY))


def retry_request(
    request: GenerationRequest, own: SamplingParams, stream: ReplyStream
) -> GenerationRequest | None:
    """The request that continues an unfinished reply; None for one that stays as it is.

    `own` is the narrator's sampling, where the request has none.
    """
    if not stream.unfinished:
        return None
    sampling = request.sampling or own
    if stream.fault in LOOPS or not sampling.temperature:
        sampling = vary_sampling(sampling)
    else:
        sampling = sampling.model_copy(update={"seed": new_seed(sampling)})
    fact = stream.fact or request.fact
    return request.model_copy(update={"told": stream.told, "sampling": sampling, "fact": fact})
