"""The share of a prompt that each part may take. Pure."""

from dataclasses import dataclass, replace

from inference.contract.request import GenerationRequest
from inference.contract.world import Recalled
from inference.narrators import Narrator
from inference.prompts.beginnings import facts_of, first_words, named_fact
from inference.prompts.card_selection import CardSelection, loose_characters, recent_text
from inference.prompts.card_timing import StoryTexts
from inference.prompts.cutting import Count, Keep, chars_per_token, trimmed
from inference.prompts.lines import line_of, lines_of, neutralise_told
from inference.prompts.parts import Given, Line, Origin
from inference.prompts.placing import CardPlacer
from inference.prompts.world import world_lines
from inference.reply import neutralise

MEMORY_SHARE = 0.4
NOTE_SHARE = 0.1
ACTION_SHARE = 0.2
DICE_SHARE = 0.05
FACT_SHARE = 0.05
TOLD_SHARE = 0.2
CARD_SHARE = 0.25
SUMMARY_SHARE = 0.15
EARLIER_SHARE = 0.15  # recalled sentences of old turns
WORLD_SHARE = 0.08
BLOCK_SHARE = 0.25
SHORT_ACTION_SHARE = 0.05


@dataclass(frozen=True)
class Budget:
    """The parts of a prompt within their limits, before the story is cut.

    `block` is the size in characters of the blocks in which the story is cut. These tokens are kept
    free, so that nothing that comes and goes moves the cut: `spare` for actions to come;
    `reserved_for_cards` for cards; and of a story that is cut `reserved`, for recalled sentences
    and the state of the world. `card_room` is for placed cards alone. `first_turn` is the number of
    the first passage on the path.
    """

    given: Given
    count: Count
    block: int
    spare: int
    reserved_for_cards: int
    reserved: int
    first_turn: int
    placer: CardPlacer | None = None
    card_room: int = 0


def allocate(request: GenerationRequest, narrator: Narrator, count: Count, room: int) -> Budget:
    """The parts within their budgets, with the whole story."""
    enabled = tuple(card for card in request.context.cards if not card.options.disabled)
    context = request.context.model_copy(update={"cards": enabled})
    given, rest = without_cards(request, narrator, count, room)
    told = given.begun if request.told else ""
    texts = StoryTexts.of(request, given.story, given.action, told)
    selection = CardSelection(max(0, min(int(room * CARD_SHARE), rest // 2)), count, texts)
    placer: CardPlacer | None = None
    if narrator.cards_beside_action:
        placer = CardPlacer(selection.take_pinned(context), count, texts)
        for_cards, used = selection.room, 0
    else:
        selection.take_all(context, recent_text(given.story, given.action, told))
        given = replace(given, cards=tuple(selection.cards))
        for_cards, used = selection.room_for_others, selection.size_of_fired
    ratio = chars_per_token(given.story, count)
    loose = int(loose_characters(context) / ratio)
    action = count(given.action.text) if given.action else 0
    # A story in play may get both on the turn after its first cut.
    in_play = context.turns > 0
    return Budget(
        given=replace(
            given,
            pinned=tuple(selection.pinned),
            fired=tuple(selection.fired),
            left_out=tuple(selection.left_out),
            passed_over=tuple(selection.passed_over.values()),
        ),
        count=count,
        block=max(16, int(room * BLOCK_SHARE * ratio)),
        spare=max(0, int(room * SHORT_ACTION_SHARE) - action),
        reserved_for_cards=max(0, min(for_cards, loose) - used),
        reserved=(int(room * WORLD_SHARE) if in_play or context.world is not None else 0)
        + (int(room * EARLIER_SHARE) if in_play or context.earlier else 0),
        first_turn=max(0, context.turns - len(context.story)),
        placer=placer,
        card_room=selection.room,
    )


def without_cards(
    request: GenerationRequest, narrator: Narrator, count: Count, room: int
) -> tuple[Given, int]:
    """The parts but for the cards, and the room that memory, note and action leave, in tokens."""
    context = request.context
    cut: dict[str, int] = {}

    def within(origin: Origin, text: str, limit: float, keep: Keep = "start") -> str:
        kept = trimmed(text, int(limit), count, keep)
        cut[origin] = len(text) - len(kept)
        return kept

    memory = within("memory", neutralise(context.memory).strip(), room * MEMORY_SHARE)
    note = within("note", neutralise(context.authors_note).strip(), room * NOTE_SHARE)
    told = within("told", neutralise_told(request.told), room * TOLD_SHARE, "end")
    action = line_of(context.action)
    if action is not None:
        keep = kept_side(action)
        action = action._replace(text=within("action", action.text, room * ACTION_SHARE, keep))
    dice = within("dice", neutralise(context.action.outcome).strip(), room * DICE_SHARE)
    facts = facts_of(context, narrator)
    begun = first_words(request, narrator, facts)
    fact = request.fact or named_fact(request, begun, facts)
    rest = room - count(memory) - count(note) - int(room * ACTION_SHARE)
    summary_room = max(0, min(int(room * SUMMARY_SHARE), rest // 4))
    given = Given(
        memory=memory,
        pinned=(),
        story=tuple(lines_of(context.story)),
        summary=within("summary", neutralise(context.summary).strip(), summary_room, "end"),
        cards=(),
        note=note,
        action=action,
        dice=dice,
        begun=told or begun,
        cut=cut,
        fact=trimmed(neutralise(fact).strip(), int(room * FACT_SHARE), count, "start"),
        earlier=within_room(context.earlier, min(int(room * EARLIER_SHARE), rest // 4), count),
        world=world_lines(context, min(int(room * WORLD_SHARE), rest // 8), count),
        passages=len(context.story),
        beside_action=narrator.cards_beside_action,
    )
    return given, rest


def kept_side(action: Line) -> Keep:
    """The side of an action that stays where it is too long: a story's end, which goes on."""
    return "end" if action.by == "narrator" else "start"


def within_room(earlier: tuple[Recalled, ...], room: int, count: Count) -> tuple[Recalled, ...]:
    """The best recalled sentences within `room` tokens, in the order of the story.

    A third of the room is for those that the action found. They were not read ahead, and never
    push out others, which were.
    """
    rooms = {True: room // 3, False: room - room // 3}
    kept = []
    for each in earlier:
        each = each.model_copy(update={"text": neutralise(each.text).strip()})
        size = count(each.text)
        if each.text and size <= rooms[each.by_action]:
            rooms[each.by_action] -= size
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.number))
