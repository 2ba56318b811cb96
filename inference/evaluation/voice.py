"""Who tells, to whom, and who speaks. Pure; for English."""

import re

from inference.text.tense import past

QUOTED = re.compile(r'"[^"]*(?:"|$)|“[^”"]*(?:[”"]|$)|«[^»]*(?:»|$)')
SAYS = (
    r"(?:say|ask|reply|answer|respond|shout|whisper|yell|exclaim|explain|tell|mutter|murmur"
    r"|add(?=[,:.]| \"\")|announce|declare|admit|call out|cry out|repl(?:y|ied)|said|asked"
    r"|answered|told)"
)
# "You say nothing" and "you ask yourself" put no words into the player's mouth.
SPEAKS = re.compile(
    rf"\byou (?:\w+ly |then |just |also )?{SAYS}\b"
    r"(?! (?:nothing|no more|yourself|goodbye|it again))",
    re.IGNORECASE,
)
# "I." counts something.
FIRST_PERSON = re.compile(r"\bI\b(?![.)])|\b(?:[Mm]e|[Mm]y|[Mm]yself)\b")
SECOND_PERSON = re.compile(r"\byou(?:r|rs|rself|['’]\w+)?\b", re.IGNORECASE)


# 'You turn to Clive. "It is late." He nods.': nobody else is said to speak.
ALONE = re.compile(
    r"(?:^|[.!?…]\s)You\b[^\"“.!?…\n]*[.!?…] [\"“][^\"”\n]*[.!?…][\"”]"
    rf"(?=\s*$|\n|\s+[A-Z](?!(?:\S+\s){{1,4}}?{SAYS}s?\b))",
    re.MULTILINE,
)


def narration(reply: str) -> str:
    """The reply without what is said in quotation marks."""
    return QUOTED.sub('""', reply)


def speaks_for_player(reply: str) -> bool:
    """Whether it tells what the player says, in quotation marks or without."""
    return SPEAKS.search(narration(reply)) is not None or ALONE.search(reply) is not None


def past_tense(reply: str) -> bool:
    """Whether it tells what was; stories here tell what is."""
    return past(narration(reply))


def wrong_person(reply: str, player: str = "") -> bool:
    """Whether someone who says "I" tells it, or tells of the player, called `player`, by name."""
    told = narration(reply)
    if FIRST_PERSON.search(told):
        return True
    by_name = rf"(?:^|[.!?]\s+){re.escape(player)} (?:\w+ly )?\w+(?:s|ed)\b"
    return bool(player) and re.search(by_name, told, re.MULTILINE) is not None


def says_you(reply: str) -> bool:
    """Whether the player is in the narration at all."""
    return SECOND_PERSON.search(narration(reply)) is not None
