"""The prompt: from what the narrator is given to the text that its engine takes. Pure.

    parts      what a prompt is made of, and its report
    cards      which story cards fire
    cutting    text to size, and the story's cut
    building   who gets how much room
    formats    transcript and chat

docs/context.md says who gets how much room, and what gives way in which order.
"""

from inference.prompts.building import MARGIN, begun, build, reply_stream, stable_front
from inference.prompts.formats import BEGIN, GO_ON, STYLE
from inference.prompts.parts import BuiltPrompt, Firing, Piece, Report
from inference.reply import shown_action

__all__ = [
    "BEGIN",
    "GO_ON",
    "MARGIN",
    "STYLE",
    "BuiltPrompt",
    "Firing",
    "Piece",
    "Report",
    "begun",
    "build",
    "reply_stream",
    "shown_action",
    "stable_front",
]
