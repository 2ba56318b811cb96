"""Builds prompts: from a request's material to the text for an engine. Pure.

    parts      the parts of a prompt, and its report
    cards      which story cards fire
    card_selection, placing   which of them have room, and where they stand
    lines      the story and an action as lines
    world      the state of the world in sentences
    cutting    truncation of texts and of the story
    budget     the token budget of each part
    fitting    what gives way where it is too much
    building   the whole prompt
    formats    transcript and chat
    steering, beginnings      the first words of a reply
    questions  questions about the story, in place of an action

docs/context.md has the budgets, and the order in which parts are cut.
"""

from inference.prompts.beginnings import begun
from inference.prompts.building import MARGIN, build, reply_stream, stable_front
from inference.prompts.formats import BEGIN, GO_ON, STYLE
from inference.prompts.parts import BuiltPrompt, Firing, Piece, Report
from inference.prompts.questions import build_question
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
    "build_question",
    "reply_stream",
    "shown_action",
    "stable_front",
]
