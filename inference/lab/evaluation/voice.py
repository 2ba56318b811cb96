"""Who tells, to whom, and who speaks. Pure; for English."""

import re

from inference.reply.quotes import narration
from inference.reply.rules.tense import verbs

SAYS = (
    r"(?:say|ask|reply|answer|respond|explain|tell|add(?=[,:.]| \"\")|announce|declare|admit"
    r"|repl(?:y|ied)|said|asked|answered|told)"
)
ADVERBS = r"(?:\w+ly |then |just |also )?"
# "You say nothing" and "you ask yourself" put no words into the player's mouth.
SPEAKS = re.compile(
    rf"\byou {ADVERBS}(?!(?:ask|tell) yourself)({SAYS}\b"
    r"(?! (?:nothing|no more|it again))(?: [\w'’]+){0,2})",
    re.IGNORECASE,
)
LOUD = r"(?:shout|whisper|yell|exclaim|mutter|murmur|call out|cry out)"
# Nor does a shout without any.
SHOUTS = re.compile(
    rf'"" ?you {ADVERBS}{LOUD}\b|\byou {ADVERBS}{LOUD}\b(?: *[,:.]? *""| that\b| (?:to|at) )',
    re.IGNORECASE,
)
# "I." counts something.
FIRST_PERSON = re.compile(
    r"\bI\b(?![.)])|\b(?:[Mm]e|[Mm]y|[Mm]yself|[Ww]e|[Uu]s|[Oo]ur|[Oo]urselves)\b"
    r"|\b(?:and|or|is|are|of|like|to|with|from|beside|on|in) mine\b"
)
SECOND_PERSON = re.compile(r"\byou(?:r|rs|rself|['’]\w+)?\b", re.IGNORECASE)


# 'You turn to Clive. "It is late." He nods.': nobody else is said to speak, or heard.
ALONE = re.compile(
    r"(?:^|[.!?…]\s)You\b(?! (?:hear|see|watch|feel|notice|listen|look)\b)[^\"“.!?…\n]*[.!?…]"
    r" [\"“][^\"”\n]*[.!?…][\"”]"
    rf"(?=\s*$|\n|\s+[A-Z](?!(?:\S+\s){{1,4}}?(?:{SAYS}|{LOUD})s?\b))",
    re.MULTILINE,
)


def speaks_for_player(reply: str, action: str = "") -> bool:
    """Whether it tells what the player says, in quotation marks or without.

    What the player did may be told again: "You shout for help" answers "You shout for help".
    """
    did = action.casefold()
    for quoted in re.findall(r'"([^"]*)"|“([^”]*)”', reply):
        typed = "".join(quoted).strip(" ,.!?").casefold()
        if typed and typed in did:  # no word too many, nor is "you say" beside it
            reply = re.sub(rf'["“]{re.escape("".join(quoted))}["”] you \w+', "", reply)
    told = narration(reply)
    said = SPEAKS.finditer(told)
    if any(" " not in found[1] or found[1].casefold() not in did for found in said):
        return True
    return SHOUTS.search(told) is not None or ALONE.search(reply) is not None


# What these begin may be past in a reply that is not: "the man who came", "as if it had heard".
ASIDE = re.compile(
    r"\b(?:as (?:if|though)|that|who|whom|whose|which|when|since|before|after|because|where|until"
    r"|than|what|how)\b[^,.;:!?\n]*",
    re.IGNORECASE,
)
SUBJECT = r"\b(?:he|she|it|they|you|who|[A-Z][a-z]+|[Tt]he \w+) (?:\w+ly |then |just )?"
WAS = re.compile(rf"{SUBJECT}[a-z]+ed\b")
IS = re.compile(rf"{SUBJECT}(?!was\b|has\b|his\b|its\b|as\b|this\b)[a-z]+[^s\W]s\b")


def past_tense(reply: str) -> bool:
    """Whether it tells what was; stories here tell what is.

    More of its verbs outside quotations and asides are past than present: common ones by
    themselves, others by their endings after a subject.
    """
    told = ASIDE.sub("", narration(reply))
    was, now = verbs(told)
    return was + len(WAS.findall(told)) > now + len(IS.findall(told))


def wrong_person(reply: str, player: str = "") -> bool:
    """Whether someone who says "I" tells it, or tells of the player, called `player`, by name."""
    told = re.sub(r"\([^)]*\)", "", narration(reply))  # a note is a leak
    if FIRST_PERSON.search(told):
        return True
    by_name = rf"(?:^|[.!?]\s+){re.escape(player)} (?:\w+ly )?\w+(?:s|ed)\b"
    return bool(player) and re.search(by_name, told, re.MULTILINE) is not None


def says_you(reply: str) -> bool:
    """Whether the player is in the narration at all."""
    return SECOND_PERSON.search(narration(reply)) is not None
