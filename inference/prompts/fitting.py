"""Cuts a prompt to its window, in the order that docs/context.md gives. Pure."""

from collections.abc import Callable
from dataclasses import replace

from inference.prompts.budget import Budget, kept_side
from inference.prompts.cutting import without_blocks
from inference.prompts.parts import Firing, Given, Line


def fit(budget: Budget, room: int, tokens: Callable[[Given], int]) -> Given:
    """The parts with as little of the story cut as needed to fit in `room` tokens."""
    whole, block = budget.given, budget.block
    length = sum(len(line.text) for line in whole.story)

    def cut(blocks: int) -> Given:
        story = without_blocks(whole.story, blocks, block)
        lost = length - sum(len(line.text) for line in story)
        return with_story(budget, replace(whole, cut={**whole.cut, "story": lost}), story)

    def fits(given: Given) -> bool:
        return tokens(given) <= room - budget.spare - unused(budget, given)

    # No text has more than 8 characters a token for long: more than that is not worth counting.
    fewest = max(0, -(-(length - room * 8) // block))
    most = -(-length // block)
    if fits(cut(fewest)):
        return cut(fewest)
    while most - fewest > 1:
        middle = (fewest + most) // 2
        fewest, most = (fewest, middle) if fits(cut(middle)) else (middle, most)
    given = cut(most)
    while tokens(given) > room:
        given = less(given)
    return given


def with_story(budget: Budget, given: Given, story: tuple[Line, ...]) -> Given:
    """`given` with this part of the story, its cards, and what it recalls of the rest."""
    visible = {line.passage for line in story}
    if budget.placer is not None:
        action = given.action.text if given.action else ""
        placed, left_out, passed = budget.placer.place(story, action, budget.card_room)
        given = replace(
            given,
            placed=placed,
            left_out=(*given.left_out, *left_out),
            passed_over=(*given.passed_over, *passed),
        )
    earlier = tuple(
        each for each in given.earlier if each.number - budget.first_turn not in visible
    )
    return replace(given, story=story, earlier=earlier)


def unused(budget: Budget, given: Given) -> int:
    """How much of what is reserved is not used, in tokens."""
    cards = budget.placer.tokens(given.placed) if budget.placer else 0
    free = max(0, budget.reserved_for_cards - cards)
    if not given.cut["story"]:
        return free
    texts = [each.text for each in given.earlier] + [each.text for each in given.world]
    return free + max(0, budget.reserved - sum(map(budget.count, texts)))


def fired_cards(given: Given) -> tuple[Firing, ...]:
    """The cards in the prompt, each once."""
    fired = {each.title: each for each in given.fired}
    for placed in given.placed:
        fired.setdefault(placed.card.title, placed.firing)
    return tuple(fired.values())


def less(given: Given) -> Given:
    """A little less of what can be spared, when no story is left to cut.

    The shares leave room for the frame in any sensible window; this is for the others.
    """
    if given.earlier:
        return replace(given, earlier=given.earlier[1:])
    if given.placed:
        out = (*given.left_out, given.placed[-1].card.title)
        return replace(given, placed=given.placed[:-1], left_out=out)
    if given.world:
        return replace(given, world=given.world[:-1])
    if given.cards:
        card = given.cards[-1].title
        out = (*given.left_out, card)
        return replace(given, cards=given.cards[:-1], fired=given.fired[:-1], left_out=out)
    if given.summary:
        return shortened(given, "summary", given.summary)
    if given.pinned:
        card = given.pinned[-1].title
        out = (*given.left_out, card)
        return replace(given, pinned=given.pinned[:-1], fired=given.fired[:-1], left_out=out)
    action = given.action.text if given.action else ""
    texts = {
        "memory": given.memory,
        "note": given.note,
        "told": given.begun,
        "dice": given.dice,
        "action": action,
    }
    longest = max(texts, key=lambda origin: len(texts[origin]))
    if not texts[longest]:
        raise ValueError("the narrator's context has no room for a prompt")
    return shortened(given, longest, texts[longest])


def shortened(given: Given, origin: str, text: str) -> Given:
    """`given` with one part a quarter shorter: less of the end, or of the front of `told`, the
    summary and a story."""
    keep = len(text) * 3 // 4
    from_front = origin in ("told", "summary")
    if origin == "action" and given.action is not None:
        from_front = kept_side(given.action) == "end"
    kept = text[len(text) - keep :] if from_front else text[:keep].rstrip()
    cut = {**given.cut, origin: given.cut.get(origin, 0) + len(text) - len(kept)}
    if origin == "action" and given.action is not None:
        action = given.action._replace(text=kept) if kept else None
        return replace(given, action=action, cut=cut)
    if origin == "told":
        return replace(given, begun=kept, cut=cut)
    if origin == "memory":
        return replace(given, memory=kept, cut=cut)
    if origin == "note":
        return replace(given, note=kept, cut=cut)
    if origin == "dice":
        return replace(given, dice=kept, cut=cut)
    return replace(given, summary=kept, cut=cut)
