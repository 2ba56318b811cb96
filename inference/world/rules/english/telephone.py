"""Who is heard by telephone or radio is elsewhere."""

import re

from inference.world.rules.english.scene import Scene
from inference.world.rules.text import Sentence

DEVICE = r"(?:telephone|phone|receiver|handset|radio|intercom|walkie-talkie)"
CALLS = re.compile(
    rf"\b(?:pick up|answer|lift) the {DEVICE}\b"
    rf"|\b(?:call|ring)s? [^.!?\"]{{2,40}} (?:on|over|by) the {DEVICE}\b"
    r"|\b(?:telephone|phone|dial|radio)s? (?:up )?[A-Z]"
)
HEARD = re.compile(
    rf"\b(?:on|over|through|from|into) (?:the|your) (?:{DEVICE}|line|earpiece)\b"
    rf"|\b{DEVICE} (?:\w+ly )?(?:rings|buzzes|crackles)\b"
)
HANGS_UP = re.compile(
    r"\b(?:hangs? up|rings? off|line (?:is|goes) dead)\b"
    rf"|\bputs? (?:down the|the) {DEVICE}\b"
)


def calls(text: str) -> bool:
    """Whether an action or a sentence begins to speak with somebody elsewhere."""
    return CALLS.search(text) is not None


def read_telephone(scene: Scene, sentence: Sentence) -> None:
    """Whether somebody is heard from elsewhere in this sentence and those that follow."""
    if calls(sentence.told) or HEARD.search(sentence.told):
        scene.on_telephone = True


def read_end_of_call(scene: Scene, sentence: Sentence) -> None:
    """Whether nobody is heard from elsewhere after this sentence."""
    if HANGS_UP.search(sentence.told):
        scene.on_telephone = False
