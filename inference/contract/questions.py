"""Questions to a narrator about its own story, which an idle worker asks after a reply.

The narrator answers in JSON of a schema, for programs. No answer is part of the story.
"""

import hashlib

from inference.contract.output_format import OutputFormat
from inference.contract.plain import Plain
from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.contract.world import WorldChange


class Question(Plain):
    """A question that stands where the next action would stand.

    `request` is the next turn's, whose prompt the engine has in its cache up to the action: so
    only the question and the answer are computed.
    """

    request: GenerationRequest
    text: str
    output: OutputFormat
    sampling: SamplingParams


class Reading(Plain):
    """The changes of the world that a narrator read from a turn. `texts` is `digest_of` the turn.

    They are stored only where the turn's texts are still those.
    """

    adventure: str
    turn: str
    texts: str
    changes: tuple[WorldChange, ...]


class Suggestions(Plain):
    """Actions that a narrator suggests after a turn. `texts` is as in `Reading`."""

    adventure: str
    turn: str
    texts: str
    actions: tuple[str, ...]


def digest_of(action: str, reply: str) -> str:
    """The SHA-256 of a turn's texts, by which a late answer knows that they are unchanged."""
    return hashlib.sha256(f"{action}\0{reply}".encode()).hexdigest()
