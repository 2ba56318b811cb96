"""What a turn changes in the state of the world, read by rules when the turn ends. Pure."""

from collections.abc import Iterable

from inference.contract.request import Passage, StoryContext
from inference.contract.world import WorldChange
from inference.prompts.steering import player_names
from inference.world import rules
from inference.world.folding import Entries, world_of
from inference.world.names import names_in
from inference.world.revealing import reveal

NEWEST_TURNS = 6  # before a turn, whose names rules know when they read it


def read_changes(
    passage: Passage, before: Entries, known: frozenset[str], player: str
) -> list[WorldChange]:
    """What a turn with a reply changes in the state before it.

    `known` are the names that `known_names` returns, `player` what the player is called.
    """
    # What a player does or says may be a guess: only what is told reveals anything.
    told_by_player = passage.action if passage.kind in ("story", "opening") else ""
    return [
        *reveal(before, f"{told_by_player}\n{passage.reply}"),
        *rules.read_turn(passage, world_of(before), known, player),
    ]


def known_names(memory: str, titles: Iterable[str], newest: Iterable[str]) -> frozenset[str]:
    """The names in an adventure's memory, cards and newest texts, those of NEWEST_TURNS turns."""
    return names_in("\n".join([memory, *newest])) | frozenset(titles)


def name_of_player(memory: str) -> str:
    """What the player is called, as far as the memory says it."""
    context = StoryContext(memory=memory, action=Passage(kind="continue"))
    return " ".join(sorted(player_names(context)))
