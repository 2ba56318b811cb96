"""When a card fires that rests, stays, or fires by chance: from the story alone. Pure.

Nothing is remembered between turns. What a card did is worked out from the texts of the path, so
undo, retries and branches are exact, and a prompt that is built again is the same.
"""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.contract.request import Card, GenerationRequest
from inference.prompts.key_matching import (
    SearchedText,
    searched,
    secondary_found,
    secondary_holds,
)
from inference.prompts.parts import Line

USUAL_DEPTH = 3  # turns in which secondary keys are looked for


class Timing(NamedTuple):
    """What a card does at a turn: it fires there, or stays for `left` more turns, or rests.

    A card that rests may fire again after `rests` turns.
    """

    fires: bool = False
    stays: bool = False
    left: int = 0
    rests: int = 0


@dataclass
class StoryTexts:
    """What each turn of a request's story says, by the index of its passage.

    `newest` is the index of the action that gets a reply. `first_turn` is the number on the path of
    the first passage, `told` the first part of the reply.
    """

    adventure: str
    first_turn: int
    newest: int
    actions: dict[int, str]
    replies: dict[int, str]
    told: str = ""
    mentions: dict[tuple[int, int], bool] = field(default_factory=dict)

    @classmethod
    def of(
        cls, request: GenerationRequest, story: tuple[Line, ...], action: Line | None, told: str
    ) -> "StoryTexts":
        """The texts of a request whose story has these lines."""
        actions, replies = texts_by_passage(story)
        passages = len(request.context.story)
        actions[passages] = action.text if action else ""
        first_turn = max(0, request.context.turns - passages)
        return cls(request.adventure, first_turn, passages, actions, replies, told)

    def new_at(self, passage: int, with_action: bool = True) -> str:
        """What is new at a turn: the reply before its action, and the action."""
        parts = [self.replies.get(passage - 1, "")]
        if with_action:
            parts.append(self.actions.get(passage, ""))
        if with_action and passage == self.newest:
            parts.append(self.told)
        return "\n".join(part for part in parts if part)

    def window(self, passage: int, depth: int, with_action: bool = True) -> str:
        """What `depth` turns say, up to one of them."""
        before = [self.new_at(each) for each in range(max(0, passage - depth + 1), passage)]
        return "\n".join([*before, self.new_at(passage, with_action)])

    def window_of(self, card: Card, passage: int, with_action: bool = True) -> str:
        """The turns up to one of them in which a card's secondary keys are looked for."""
        return self.window(passage, card.options.depth or USUAL_DEPTH, with_action)

    def holds(self, card: Card, passage: int, with_action: bool = True) -> bool:
        """Whether the secondary keys of a card let it fire at a turn."""
        if not card.options.secondary_keys:
            return True
        text = searched(self.window_of(card, passage, with_action))
        return secondary_holds(card.options, secondary_found(card, text))

    def is_lucky(self, card: Card, passage: int) -> bool:
        """Whether chance lets a card fire at a turn: the same whenever that turn is built."""
        probability = card.options.probability
        if probability >= 100:
            return True
        turn = str(self.first_turn + passage)
        name = "\0".join((self.adventure, turn, card.title, *card.keys))
        drawn = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
        return int.from_bytes(drawn) % 100 < probability

    def is_mentioned(self, card: Card, passage: int) -> bool:
        """Whether a turn newly mentions a card, which then fires unless it rests."""
        known = (id(card), passage)
        if known not in self.mentions:
            self.mentions[known] = (
                has_key(card, searched(self.new_at(passage)))
                and self.holds(card, passage)
                and self.is_lucky(card, passage)
            )
        return self.mentions[known]

    def fired_at(self, card: Card, since: int, until: int, gap: int) -> list[int]:
        """The turns from `since` to before `until` at which a card fired, each `gap` or more after
        the one before."""
        found: list[int] = []
        for passage in range(max(0, since), until):
            rested = not found or passage - found[-1] >= gap
            if rested and self.is_mentioned(card, passage):
                found.append(passage)
        return found

    def timing(self, card: Card) -> Timing:
        """What a card that stays or rests does at the newest turn."""
        options = card.options
        gap = options.sticky + options.cooldown + 1 if options.cooldown else 1
        since = 0 if options.cooldown else self.newest - options.sticky
        fired = self.fired_at(card, since, self.newest + 1, gap)
        if not fired:
            return Timing()
        ago = self.newest - fired[-1]
        if ago == 0:
            return Timing(fires=True)
        if ago <= options.sticky:
            return Timing(stays=True, left=options.sticky - ago)
        return Timing(rests=max(0, gap - ago))


def has_key(card: Card, text: SearchedText) -> bool:
    """Whether a text has one of a card's keys."""
    return any(text.last(key, card) >= 0 for key in card.keys)


def is_timed(card: Card) -> bool:
    """Whether a card stays or rests after it fired."""
    return bool(card.options.sticky or card.options.cooldown)


def texts_by_passage(story: tuple[Line, ...]) -> tuple[dict[int, str], dict[int, str]]:
    """The actions and the replies of a story's lines by passage."""
    actions: dict[int, str] = {}
    replies: dict[int, str] = {}
    for line in story:
        if line.passage is not None and line.side in ("action", "reply"):
            (actions if line.side == "action" else replies)[line.passage] = line.text
    return actions, replies
