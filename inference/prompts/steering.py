"""How a reply begins, for models that need to be told whom it is about. Pure; for English.

A narrator's `begun` may hold `{someone}`: whoever in the story should answer. That is the one whom
the action names, or else the one who spoke last. Where there is nobody, what stands after a bar is
begun, or nothing: `{someone} says, "|"`.
"""

import re

from inference.request import Passage, StoryContext
from inference.text import neutralise

RECENT = 4  # replies in which somebody must have spoken
SOMEONE = "{someone}"

TITLED = (
    r"(?:(?:Mr|Mrs|Ms|Dr|Miss|Sir|Lady|Lord|Aunt|Uncle|Captain|Father|Mother|Sister|Brother)\.? )"
)
NAME = rf"(?:{TITLED}?[A-Z][a-z]+(?:-[A-Z][a-z]+)*|[Tt]he (?:[a-z]+ )?[a-z]+)"
SAYS = r"(?:says|asks|replies|answers|whispers|shouts|mutters|calls|adds|tells|cries|murmurs)"
# '"Go," says Matthias.' — and '"Go," Matthias says.'
SPEAKER = re.compile(
    rf"\b{SAYS} (?P<after>{NAME})|(?:^|[.!?,][\"”’]? )(?P<before>{NAME}) (?:\w+ly )?{SAYS}\b",
    re.MULTILINE,
)
# "Corporal Fenn, what do you say?" and "What is it, Ruta?"
ADDRESSED = re.compile(
    r"(?:^|[.!?] )((?:[A-Z][\w'’-]+\.? ?){1,2}),|, ((?:[A-Z][\w'’-]+\.? ?){1,2})[.!?]*$"
)
RANK_WORDS = "Captain Constable Corporal Sergeant Doctor Inspector Officer Boy Girl"
RANKS = frozenset(RANK_WORDS.split())
NO_NAMES = """
    He She They It You I We Nobody Someone Somebody Everyone Who Then And But So Your His Her My
    Their What That This There Here When
"""
NOBODY = frozenset(NO_NAMES.split())


def filled(begun: str, context: StoryContext) -> str:
    """`begun` with its place for someone filled in."""
    if SOMEONE not in begun:
        return begun
    by_someone, _, by_nobody = begun.partition("|")
    who = someone(context)
    return by_someone.replace(SOMEONE, who) if who else by_nobody


def someone(context: StoryContext) -> str:
    """Who should answer, as a sentence begins with it: "Matthias", "The guard". "" for nobody."""
    recent = [neutralise(each.reply) for each in context.story[-RECENT:]]
    speakers = [name for reply in recent for name in speakers_of(reply)]
    called = [name for name in reversed(speakers) if names(context.action, name)]
    for known in (addressed(context), *called, *reversed(speakers)):
        if known:
            return known[:1].upper() + known[1:]
    return ""


def addressed(context: StoryContext) -> str:
    """Whom the player speaks to by a name that the story or a card has; "" for nobody."""
    if context.action.kind != "say":
        return ""
    found = ADDRESSED.search(neutralise(context.action.action).strip())
    name = (found[1] or found[2]).strip(" .") if found else ""
    if not name or name.split()[0] in NOBODY:
        return ""
    known = [context.memory, *(each.reply for each in context.story)]
    known += [text for card in context.cards for text in (card.title, *card.keys)]
    if not any(name in text for text in known):
        return ""
    return f"The {name.lower()}" if name in RANKS else name


def speakers_of(reply: str) -> list[str]:
    """Who speaks in a reply, in order."""
    found = (match["after"] or match["before"] for match in SPEAKER.finditer(reply))
    return [name for name in found if name.split()[0] not in NOBODY]


def names(action: Passage, name: str) -> bool:
    """Whether an action names someone, by the last of their names."""
    last = re.escape(name.split()[-1])
    return re.search(rf"(?<!\w){last}(?!\w)", action.action, re.IGNORECASE) is not None
