"""Actions that a narrator suggests to the player: the question, and what is kept of the answer.

Pure. docs/context.md describes them.
"""

import json
import re
from collections.abc import Iterable

from inference.contract.output_format import OutputFormat
from inference.contract.questions import Question
from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.reply import neutralise

ACTIONS = 3
LONGEST_ACTION = 80  # code points
SHORTEST_ACTION = 3
TOKENS = 64  # of the answer

# Without an example: quill suggested that, whatever had happened.
TEXT = (
    "(Pause the story. Name three different things that I could do next, after what just happened. "
    "Each begins with a verb and has three to eight words, without I or you. As a JSON list.)"
)
SCHEMA = {
    "type": "array",
    "items": {"type": "string", "minLength": SHORTEST_ACTION, "maxLength": LONGEST_ACTION},
    "minItems": ACTIONS,
    "maxItems": ACTIONS,
}

# What stands before the action itself: "1. ", "- ", "You could ", "I'll ".
BEFORE = re.compile(
    r"^(?:[\s\-*•>]+|\d+[.)]\s+|(?:you|i)(?:['’](?:ll|d))?\s+(?:(?:could|can|will|should"
    r"|might)\s+)?)+",
    re.IGNORECASE,
)
QUOTED = re.compile(r"^[\"“«„「'‘](.*)[\"”»“」'’]$")


class UnreadableAnswer(Exception):
    """An answer is not what was asked for. The message has no words of it."""


def question_of(following: GenerationRequest) -> Question:
    """The question for suggestions before the turn `following`."""
    return Question(
        request=following,
        text=TEXT,
        output=OutputFormat(json_schema=SCHEMA),
        sampling=SamplingParams(
            max_tokens=TOKENS, temperature=0.7, top_p=0.9, repetition_penalty=1.0
        ),
    )


def actions_in(answer: str, said: Iterable[str]) -> tuple[str, ...]:
    """The actions of an answer, each once, without those in `said`. Raises UnreadableAnswer."""
    try:
        found = json.loads(answer)
    except ValueError:
        raise UnreadableAnswer("the suggestions are no JSON") from None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise UnreadableAnswer("the suggestions are no list of texts")
    known = {compared(each) for each in said}
    kept: list[str] = []
    for each in found:
        action = plain(each)
        if SHORTEST_ACTION <= len(action) <= LONGEST_ACTION and compared(action) not in known:
            known.add(compared(action))
            kept.append(action)
    return tuple(kept[:ACTIONS])


def plain(action: str) -> str:
    """An action as a player types it: one line, without "You", quotation marks and full stop."""
    text = BEFORE.sub("", " ".join(neutralise(action).split()))
    found = QUOTED.match(text)
    text = BEFORE.sub("", found[1] if found else text).rstrip(" .。")
    first, _, rest = text.partition(" ")
    # "Ask Teague" is "ask Teague"; a name, an abbreviation or a lone word stays.
    return f"{first[0].lower()}{first[1:]} {rest}" if rest and first.istitle() else text


def compared(action: str) -> str:
    """An action without what makes no difference, for comparison."""
    return re.sub(r"\W+", " ", plain(action).casefold()).strip()
