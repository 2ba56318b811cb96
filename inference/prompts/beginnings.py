"""How a reply begins, and what it should not contradict. Pure."""

from inference.contract.request import GenerationRequest, StoryContext
from inference.narrators import Narrator
from inference.prompts import steering
from inference.prompts.lines import shown_line
from inference.reply.languages import english
from inference.world.checks import BEGINNINGS, Facts

LATEST_TEXTS = 30  # turns whose words are known


def begun(request: GenerationRequest, narrator: Narrator) -> str:
    """The first words of the reply that the prompt ends with; the player reads them too."""
    if request.told or request.output:
        return ""
    context = request.context
    facts = facts_of(context, narrator)
    usual = narrator.begun.get(context.action.kind, "")
    if facts is None:
        return steering.filled(usual, context)
    return contrary(context, facts) or steering.filled(usual, context, facts.silent)


def named_fact(request: GenerationRequest, narrator: Narrator) -> str:
    """The fact about the dead, absent or lost that the action names; "" where it names none."""
    facts = facts_of(request.context, narrator)
    if facts is None or request.told or begun(request, narrator):
        return ""
    found = facts.about(shown_line(request.context.action))
    return found.fact if found else ""


def contrary(context: StoryContext, facts: Facts) -> str:
    """How the reply begins to someone who cannot answer, or to the use of what is lost; or "".

    Left to itself a small model lets the dead answer whoever speaks to them. For English.
    """
    if not english(context.action.action):
        return ""
    name = steering.spoken_to(context)
    why = facts.silent(name) if name else None
    if why is not None:
        return BEGINNINGS[why].format(name=name)
    if context.action.kind == "do" and (thing := facts.lost_in_use()):
        return BEGINNINGS["lost"].format(name=thing)
    return ""


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
