"""What players read: how an action is shown, and how a raw reply becomes one. Pure functions.

A reply is released as it is told. What was released is never taken back or altered: cleaning may
only withhold, or append at the end. So everything doubtful is held until it is decided.
"""

from inference.text.actions import shown_action
from inference.text.characters import clean, spaceless
from inference.text.person import second_person
from inference.text.stream import Fault, Reason, ReplyStream
from inference.text.structure import neutralise

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
