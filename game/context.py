"""Everything the narrator is given for a turn."""

from game import paths
from game.models import Adventure, Turn
from inference.request import Card, Passage, StoryContext

# A request stays well under its 256 KiB; narrators have windows of their own below this.
STORY_CHARACTERS = 120_000


def story_context(adventure: Adventure, turn: Turn) -> StoryContext:
    """What `turn`'s narrator is given: the plot, the cards, the path that leads to the turn."""
    return StoryContext(
        memory=adventure.memory,
        authors_note=adventure.authors_note,
        cards=tuple(
            Card(title=card.title, keys=tuple(card.keys), text=card.text, pinned=card.pinned)
            for card in adventure.cards.all()
        ),
        story=recent_story(turn),
        action=Passage(kind=turn.kind, action=turn.action),  # type: ignore[arg-type]
    )


def recent_story(turn: Turn) -> tuple[Passage, ...]:
    """The newest turns before `turn` that fit in STORY_CHARACTERS, oldest first."""
    if turn.parent_id is None:
        return ()
    steps = paths.path_lengths(turn.parent_id)
    first = first_kept([step.characters for step in steps], STORY_CHARACTERS)
    turns = paths.turns_in_order([step.id for step in steps[first:]])
    return tuple(
        Passage(kind=each.kind, action=each.action, reply=each.reply)  # type: ignore[arg-type]
        for each in turns
    )


def first_kept(lengths: list[int], budget: int) -> int:
    """Where the kept part of a story begins.

    The cut moves by a quarter of the budget at once, counted from the story's beginning: between
    two moves the kept part only grows at its end, which is what the engine's cache needs.
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
