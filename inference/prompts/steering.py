"""How a reply begins, for models that need to be told what it is about. Pure; for English.

A narrator's `begun` is a line of ways to begin, parted by bars: `{asked} says, "|{thing}|You"`. The
first of them is taken whose places can be filled from the story; nothing, where none can.

- `{someone}`: who should answer. The one whom the action names, or else the one who spoke last.
- `{asked}`: whom the player speaks to in something they do: "ask the ferryman about the fog".
- `{thing}`: what the player does something to, or where they go: "open the cellar door".
"""

import re
from collections.abc import Callable

from inference.contract.request import Passage, StoryContext
from inference.reply import neutralise, shown_action

RECENT = 4  # replies in which somebody must have spoken
# What a thing is called ends before one of these.
AFTER_THING = """
    with to on in into onto from of off and at by for until till through over under behind before
    after out up down across along against toward towards around about near beside between inside
    outside yourself but then so while as that which who whom whose what why how whether where when
    if is are was were again the a an this these those my your his her its our their me you him it
    us them everything something anything nothing
    closely slowly quickly carefully hard open shut away back apart aside once twice
"""
APART = frozenset(["with", "using", "like", "than", "without", "until", "till", "for"])
NO_THING_WORDS = "way moment while time step look bit minute story distance end name dark night"
NO_THINGS = frozenset(NO_THING_WORDS.split())
NO_AFTER = rf"(?!(?:{'|'.join(AFTER_THING.split())})\b)"
WHAT = rf"{NO_AFTER}[a-z][\w'’-]*(?:\s{NO_AFTER}[a-z][\w'’-]*){{0,2}}"
THING = re.compile(
    rf"(?:\b(?P<before>\w+)\s+)?\b(?P<which>the|a|an|your|his|her|their)\s+(?P<what>{WHAT})",
    re.IGNORECASE,
)
QUOTED = re.compile(r'"[^"]*"?|“[^”]*”?')

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
PLAYER = re.compile(r"\b[Yy]ou are ((?:[A-Z][\w'’-]+\.? ?){1,3})")
RANK_WORDS = "Captain Constable Corporal Sergeant Doctor Inspector Officer Boy Girl"
RANKS = frozenset(RANK_WORDS.split())
NO_NAMES = """
    He She They It You I We Nobody Someone Somebody Everyone Who Then And But So Your His Her My
    Their What That This There Here When
"""
NOBODY = frozenset(NO_NAMES.split())

ASKS = re.compile(
    r"(?:ask|tell|question|greet|call|beg|warn|answer|thank|(?:talk|speak|whisper|shout|call)"
    rf" (?:to|with|at)) (?P<name>{TITLED}?[A-Z][a-z]+(?:-[A-Z][a-z]+)*|[Tt]he {WHAT})"
)


def filled(
    begun: str, context: StoryContext, silent: Callable[[str], object] = lambda name: False
) -> str:
    """The first of the ways to begin, parted by bars, whose places can be filled.

    Nobody answers who is `silent`.
    """
    for way in begun.split("|"):
        for place, find in PLACES.items():
            if place not in way:
                continue
            found = find(context)
            if not found or silent(found):
                break
            way = way.replace(place, found)
        else:
            return way
    return ""


def asked(context: StoryContext) -> str:
    """Whom the player speaks to in what they do, as a sentence begins with them; "" for nobody."""
    if context.action.kind != "do":
        return ""
    found = ASKS.match(done(context))
    if found is None:
        return ""
    name: str = found["name"].strip()
    if name.split()[0] in NOBODY:
        return ""
    return name[:1].upper() + name[1:]


def thing(context: StoryContext) -> str:
    """What the action is about, as a sentence begins with it: "The cellar door"; "" for nothing.

    The last thing that is named; what the player does it with is not meant.
    """
    if context.action.kind != "do":
        return ""
    said = QUOTED.sub(" ", done(context))
    things = [found for found in THING.finditer(said) if found["before"] not in APART]
    if not things:
        return ""
    which, what = things[-1]["which"].lower(), things[-1]["what"]
    if what.split()[-1].lower() in NO_THINGS:
        return ""
    which = "the" if which in ("a", "an") else which
    return f"{which.capitalize()} {what}"


def spoken_to(context: StoryContext) -> str:
    """Whom the action speaks to by name, as a sentence begins with them; "" for nobody."""
    return asked(context) or addressed(context)


def done(context: StoryContext) -> str:
    """The action without "You": "open the cellar door"."""
    action = context.action
    text = neutralise(shown_action(action.kind, action.action, action.player))
    return re.sub(r"^you\s+", "", text.strip(), flags=re.IGNORECASE)


def someone(context: StoryContext) -> str:
    """Who should answer, as a sentence begins with it: "Matthias", "The guard". "" for nobody."""
    recent = [neutralise(each.reply) for each in context.story[-RECENT:]]
    speakers = [name for reply in recent for name in speakers_of(reply)]
    called = [name for name in reversed(speakers) if names(context.action, name)]
    player = player_names(context)
    for known in (addressed(context), *called, *reversed(speakers)):
        if known and known.split()[-1] not in player:
            return known[:1].upper() + known[1:]
    return ""


def player_names(context: StoryContext) -> set[str]:
    """What the player is called, where the memory says it as scenarios do: "You are Mara, …"."""
    return {name for found in PLAYER.findall(context.memory) for name in found.split()}


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


PLACES: dict[str, Callable[[StoryContext], str]] = {
    "{someone}": someone,
    "{asked}": asked,
    "{thing}": thing,
}
