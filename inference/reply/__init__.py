"""What players read: how an action is shown, and how a raw reply becomes one. Pure functions.

A reply is released as it is told. What was released is never taken back or altered: cleaning may
only withhold, or append at the end. So everything doubtful is held until it is decided.
"""

from inference.reply.actions import shown_action
from inference.reply.characters import clean, spaceless
from inference.reply.draft import Fault
from inference.reply.pronouns import second_person
from inference.reply.stream import Reason, ReplyStream
from inference.reply.structure import neutralise

__all__ = [
    "Fault",
    "Reason",
    "ReplyStream",
    "clean",
    "neutralise",
    "second_person",
    "shown_action",
    "spaceless",
]
