"""Everything the narrator is given for a turn."""

from typing import Any
from uuid import UUID

from game.models import Adventure, Summary, Turn
from game.play import dice, tree
from game.play.tree import Step
from inference.contract.request import Card, Passage, StoryContext
from inference.prompts.building import RECENT_LINES
from inference.prompts.cards import reachable
from inference.reply import shown_action

# In bytes: a request stays under its 256 KiB. Narrators have windows of their own below this.
STORY_BYTES = 160_000
CARD_BYTES = 40_000
# Where the others take no more than this, they are sent as well: the worker reads the next prompt
# ahead with what it has, and the reply may mention some of them.
OTHER_CARD_BYTES = 6_000


def story_context(adventure: Adventure, turn: Turn) -> StoryContext:
    """What `turn`'s narrator is given: the plot, the cards, the path that leads to the turn."""
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
        action=action,
    )


def all_cards(adventure: Adventure) -> list[Card]:
    rows = adventure.cards.values_list("title", "keys", "text", "pinned").order_by("title", "pk")
    return [
        Card(title=title, keys=tuple(keys), text=text, pinned=pinned)
        for title, keys, text, pinned in rows
    ]


def cards_for(cards: list[Card], story: tuple[Passage, ...]) -> tuple[Card, ...]:
    """Those that could fire, the likeliest first, in CARD_BYTES: an adventure may have thousands.

    The narrator decides which of them do: it knows what fits, and what of a reply is told already.
    """
    # A passage is a line or more, so these hold at least the lines that the narrator looks at.
    latest = story[-RECENT_LINES - 1 :]
    text = "\n".join(
        part for each in latest for part in (shown_action(each.kind, each.action), each.reply)
    )
    likely = reachable(cards, text)
    kept = first_that_fit(likely, CARD_BYTES)
    seen = {id(card) for card in likely}
    others = [card for card in cards if id(card) not in seen]
    whole = len(first_that_fit(others, OTHER_CARD_BYTES)) == len(others)
    return (*kept, *others) if whole else tuple(kept)


def first_that_fit(cards: list[Card], room: int) -> list[Card]:
    """The first cards that take at most `room` bytes together."""
    kept: list[Card] = []
    for card in cards:
        room -= len(card.model_dump_json().encode())
        if room < 0:
            break
        kept.append(card)
    return kept


def recent_story(path: list[Step]) -> tuple[Passage, ...]:
    """The newest turns of a path that fit in STORY_BYTES, oldest first."""
    first = first_kept([step.bytes for step in path], STORY_BYTES)
    ids = [step.id for step in path[first:]]
    # Hundreds of them with each action: a Turn of each would take most of its time.
    rows = Turn.objects.filter(pk__in=ids).values_list("pk", "kind", "action", "reply", "dice")
    found = {
        pk: passage_of(kind, action, reply, rolled) for pk, kind, action, reply, rolled in rows
    }
    return tuple(found[each] for each in ids)


def passage(turn: Turn) -> Passage:
    """A turn as the narrator reads it."""
    return passage_of(turn.kind, turn.action, turn.reply, turn.dice)


def passage_of(kind: str, action: str, reply: str, rolled: dict[str, Any] | None) -> Passage:
    """As `passage`, of what a turn holds; `rolled` are its dice."""
    return Passage(
        kind=kind,  # type: ignore[arg-type]
        action=action,
        reply=reply,
        outcome=dice.outcome_line(rolled),
    )


def summary_for(adventure: Adventure, path: list[Step]) -> str:
    """What the narrator of the turn after `path` is told of what happened before.

    It is the newest summary on the path; "" where that is switched off, or there is none.
    """
    newest = next((step.id for step in reversed(path) if step.has_summary), None)
    if not adventure.summarise or newest is None:
        return ""
    return Summary.objects.filter(pk=newest).values_list("text", flat=True).first() or ""


def summary_held_by(turn_id: UUID) -> Summary | None:
    """The summary that holds for a turn: its own, or its nearest ancestor's."""
    nearest = tree.nearest_summary(turn_id)
    return None if nearest is None else Summary.objects.select_related("turn").get(pk=nearest)


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
