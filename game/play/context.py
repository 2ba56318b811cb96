"""Builds the story context of a turn, from which a worker builds the prompt."""

from typing import Any
from uuid import UUID

from django.conf import settings

from game.cards.options import options_of
from game.installed import registry
from game.models import Adventure, Summary, Turn
from game.play import dice, tree
from game.play.tree import Step
from game.recall.search import recall
from game.state import worlds
from game.tables import roster
from inference.contract.request import Card, Passage, StoryContext
from inference.contract.world import World
from inference.narrators import NarratorsError, UnknownNarrator, narrators_of
from inference.prompts.building import room_for_prompt
from inference.prompts.cards import cards_for
from inference.reply.third_person import worded_action

# Bytes, so that a request stays under 256 KiB. Narrators' context windows are smaller.
STORY_BYTES = 160_000
SMALL_ROOM = 1500  # tokens
WORLD_BYTES = 20_000  # of the state of the world, whose prompt section has less room by far


def story_context(adventure: Adventure, turn: Turn) -> StoryContext:
    """The story context of a turn: the plot, the cards, and the path to the turn."""
    path = tree.path_lengths(turn.parent_id) if turn.parent_id else []
    story = recent_story(path)
    action = passage(turn)
    cards = all_cards(adventure)
    return StoryContext(
        memory=adventure.memory,
        authors_note=adventure.authors_note,
        cards=cards_for(cards, (*story, action)),
        summary=summary_for(adventure, path),
        card_characters=sum(len(card.text) for card in cards),
        story=story,
        turns=len(path),
        earlier=recall(adventure, path, action, story[-1:], room_of(turn), turn.narrator),
        world=world_for(turn),
        action=action,
    )


def room_of(turn: Turn) -> int:
    """The room of a turn's prompt in its narrator's window, in tokens.

    That of a small narrator if it is not known which one answers.
    """
    try:
        narrator = registry.merged(narrators_of(settings.INFERENCE)).get(turn.narrator)
    except (NarratorsError, UnknownNarrator):
        return SMALL_ROOM
    return room_for_prompt(narrator.context, narrator.sampling.max_tokens)


def world_for(turn: Turn) -> World | None:
    """The state of the world before a turn, at most WORLD_BYTES; None if nothing is known."""
    if turn.parent_id is None:
        return None
    world = worlds.world_at(turn.parent_id)
    if world == World():
        return None
    facts = world.facts
    while facts and len(world.model_dump_json().encode()) > WORLD_BYTES:
        facts = facts[1:]  # the oldest first; people and things are short
        world = world.model_copy(update={"facts": facts})
    return world


def all_cards(adventure: Adventure) -> list[Card]:
    """Every card of the adventure that is not disabled, hidden ones too, by title."""
    fields = ("title", "keys", "text", "pinned", "options")
    cards = [
        Card(title=title, keys=tuple(keys), text=text, pinned=pinned, options=options_of(options))
        for title, keys, text, pinned, options in adventure.cards.values_list(*fields).order_by(
            "title", "pk"
        )
    ]
    found = [card for card in cards if not card.options.disabled]
    return [*found, *character_cards(adventure)]


def character_cards(adventure: Adventure) -> list[Card]:
    """What players say of their characters, where several play: found by their names."""
    members = roster.acting_members(adventure)
    if len(members) < 2:
        return []
    return [
        Card(
            title=each.character,
            keys=(each.character,),
            text=f"{each.character}: {each.description}",
        )
        for each in members
        if each.character and each.description
    ]


def recent_story(path: list[Step]) -> tuple[Passage, ...]:
    """The newest turns of a path that fit into STORY_BYTES, oldest first."""
    first = trim_start([step.bytes for step in path], STORY_BYTES)
    ids = [step.id for step in path[first:]]
    # values_list: hundreds of Turn instances would take most of an action's time.
    rows = Turn.objects.filter(pk__in=ids).values_list(
        "pk", "kind", "action", "reply", "dice", "character"
    )
    found = {
        pk: passage_of(kind, action, reply, rolled, character)
        for pk, kind, action, reply, rolled, character in rows
    }
    return tuple(found[each] for each in ids)


def passage(turn: Turn) -> Passage:
    """A turn as a passage of the prompt."""
    return passage_of(turn.kind, turn.action, turn.reply, turn.dice, turn.character)


def passage_of(
    kind: str, action: str, reply: str, rolled: dict[str, Any] | None, character: str = ""
) -> Passage:
    """A passage from a turn's fields; `rolled` are its dice, `character` who acted."""
    return Passage(
        kind=kind,  # type: ignore[arg-type]
        action=worded_action(kind, action, character),
        player=character,
        reply=reply,
        outcome=dice.outcome_line(rolled),
    )


def summary_for(adventure: Adventure, path: list[Step]) -> str:
    """The newest summary on the path; "" without one, or if summaries are off."""
    newest = next((step.id for step in reversed(path) if step.has_summary), None)
    if not adventure.summarise or newest is None:
        return ""
    return Summary.objects.filter(pk=newest).values_list("text", flat=True).first() or ""


def summary_at(turn_id: UUID) -> Summary | None:
    """The summary that holds at a turn: its own, or its nearest ancestor's."""
    nearest = tree.nearest_summary(turn_id)
    return None if nearest is None else Summary.objects.select_related("turn").get(pk=nearest)


def trim_start(lengths: list[int], budget: int) -> int:
    """The index of the first turn to keep, so that the rest fits into the budget.

    It moves by a quarter of the budget at once, counted from the beginning of the story: between
    two moves the kept part only grows at its end, as the engine's prefix cache needs.
    """
    over = sum(lengths) - budget
    if over <= 0:
        return 0
    block = max(1, budget // 4)
    drop = -(-over // block) * block
    dropped = 0
    for index, length in enumerate(lengths):
        if dropped >= drop:
            return index
        dropped += length
    return len(lengths)
