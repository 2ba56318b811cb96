"""What Postgres holds: fields, constraints, cheap properties. Behaviour is elsewhere."""

from game.models.adventures import Adventure, AdventureQuerySet, Command, Membership
from game.models.cards import StoryCard, StoryCardQuerySet
from game.models.limits import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_SUMMARY, LONGEST_TEXT
from game.models.players import Player
from game.models.scenarios import Scenario
from game.models.turns import Edit, Kind, Status, Summary, Turn, TurnContext

__all__ = [
    "LONGEST_MEMORY",
    "LONGEST_NOTE",
    "LONGEST_SUMMARY",
    "LONGEST_TEXT",
    "Adventure",
    "AdventureQuerySet",
    "Command",
    "Edit",
    "Kind",
    "Membership",
    "Player",
    "Scenario",
    "Status",
    "StoryCard",
    "StoryCardQuerySet",
    "Summary",
    "Turn",
    "TurnContext",
]
