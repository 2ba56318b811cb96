"""How a reply begins, and what it should not contradict. Pure."""

from inference.contract.request import GenerationRequest, StoryContext
from inference.narrators import Narrator
from inference.prompts import steering
from inference.prompts.lines import shown_line
from inference.reply.languages import english
from inference.world.checks import BEGINNING_OF_DEAD, BEGINNINGS, Facts

LATEST_TEXTS = 30  # turns whose words are known


def begun(request: GenerationRequest, narrator: Narrator) -> str:
    """The first words of the reply that the prompt ends with; the player reads them too."""
    return first_words(request, narrator, facts_of(request.context, narrator))


def first_words(request: GenerationRequest, narrator: Narrator, facts: Facts | None) -> str:
    """As `begun`, with `facts_of` the request, which take a moment to make."""
    if request.told or request.output:
        return ""
    context = request.context
    usual = narrator.begun.get(context.action.kind, "")
    if facts is None:
        return steering.filled(usual, context)
    return contrary(context, facts) or steering.filled(usual, context, facts.silent)


def named_fact(request: GenerationRequest, begun: str, facts: Facts | None) -> str:
    """The fact about the dead, absent or lost that the action names; "" where it names none.

    None is needed where the reply is `begun`.
    """
    if facts is None or request.told or begun:
        return ""
    found = facts.about(shown_line(request.context.action))
    return found.fact if found else ""


def contrary(context: StoryContext, facts: Facts) -> str:
    """How the reply begins to someone who cannot answer, or to the use of what is lost; or "".

    Left to itself a small model lets the dead answer whoever speaks to them. For English.
    """
    if not english(context.action.action):
        return ""
    name = steering.spoken_to(context) or capitalised(facts.called_upon())
    why = facts.silent(name) if name else None
    if why is not None:
        return BEGINNINGS[why].format(name=name)
    if context.action.kind != "do":
        return ""
    if name := facts.dead_in_use():
        return BEGINNING_OF_DEAD.format(name=capitalised(name))
    if thing := facts.lost_in_use():
        return BEGINNINGS["lost"].format(name=thing)
    return ""


def capitalised(name: str) -> str:
    """A name as a sentence begins with it."""
    return f"{name[:1].upper()}{name[1:]}"


def facts_of(context: StoryContext, narrator: Narrator) -> Facts | None:
    """What the reply should not contradict; None where nothing is known, or nobody minds."""
    if context.world is None or narrator.repeats_itself or narrator.state == "none":
        return None
    return Facts(context.world, shown_line(context.action), texts_of(context))


def texts_of(context: StoryContext) -> tuple[str, ...]:
    """What the prompt is made of, with the latest replies alone."""
    cards = [text for card in context.cards for text in (card.title, card.text)]
    latest = [text for each in context.story[-LATEST_TEXTS:] for text in (each.action, each.reply)]
    return (context.memory, context.authors_note, *cards, *latest, context.action.action)
