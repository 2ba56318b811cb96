"""The database models: fields, constraints and cheap properties, no behaviour."""

from game.library.visibility import Visibility
from game.models.adventures import Adventure, AdventureQuerySet, Command, Membership
from game.models.audience import Audience
from game.models.cards import StoryCard, StoryCardQuerySet
from game.models.chapters import Chapter
from game.models.imports import Import, ImportedStory
from game.models.invites import Invite
from game.models.limits import (
    LONGEST_CHAPTER_TITLE,
    LONGEST_CHARACTER,
    LONGEST_DESCRIPTION,
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_SUMMARY,
    LONGEST_TEXT,
)
from game.models.moderation import (
    Appeal,
    AuditEntry,
    Case,
    Notice,
    Operation,
    Preserved,
    Report,
    RuleHit,
    Sanction,
    Words,
)
from game.models.narrators import InstalledNarrator
from game.models.operators import OperatorLink
from game.models.players import Player
from game.models.recall import RecallEntry, RecallMark
from game.models.scenarios import Begun, Scenario, ScenarioQuerySet
from game.models.shares import Share, ShareQuerySet, ShareTexts
from game.models.tables import Proposal, Table, TableBlock, TableInvite, TurnPart
from game.models.tastes import Taste
from game.models.training import TrainingConsent, TrainingRun
from game.models.turns import Edit, Kind, Status, Summary, Turn, TurnContext
from game.models.world import TurnChanges

__all__ = [
    "LONGEST_CHAPTER_TITLE",
    "LONGEST_CHARACTER",
    "LONGEST_DESCRIPTION",
    "LONGEST_MEMORY",
    "LONGEST_NOTE",
    "LONGEST_OPENING",
    "LONGEST_SUMMARY",
    "LONGEST_TEXT",
    "Adventure",
    "AdventureQuerySet",
    "Appeal",
    "Audience",
    "AuditEntry",
    "Begun",
    "Case",
    "Chapter",
    "Command",
    "Edit",
    "Import",
    "ImportedStory",
    "InstalledNarrator",
    "Invite",
    "Kind",
    "Membership",
    "Notice",
    "Operation",
    "OperatorLink",
    "Player",
    "Preserved",
    "Proposal",
    "RecallEntry",
    "RecallMark",
    "Report",
    "RuleHit",
    "Sanction",
    "Scenario",
    "ScenarioQuerySet",
    "Share",
    "ShareQuerySet",
    "ShareTexts",
    "Status",
    "StoryCard",
    "StoryCardQuerySet",
    "Summary",
    "Table",
    "TableBlock",
    "TableInvite",
    "Taste",
    "TrainingConsent",
    "TrainingRun",
    "Turn",
    "TurnChanges",
    "TurnContext",
    "TurnPart",
    "Visibility",
    "Words",
]
