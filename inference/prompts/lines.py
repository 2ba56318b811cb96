"""The story and an action as lines of a prompt. Pure."""

from collections.abc import Iterator

from inference.contract.request import Passage
from inference.prompts.parts import Line
from inference.reply import neutralise, shown_action


def lines_of(story: tuple[Passage, ...]) -> Iterator[Line]:
    """The story as the narrator reads it, oldest first, without empty lines."""
    for index, passage in enumerate(story):
        action = line_of(passage)
        if action is not None:
            yield action._replace(passage=index, side="action")
        outcome = neutralise(passage.outcome).strip()
        if outcome:
            yield Line("dice", outcome, index, "dice")
        reply = neutralise(passage.reply).strip()
        if reply:
            yield Line("narrator", reply, index, "reply")


def line_of(passage: Passage) -> Line | None:
    """The player's line in the story; None for Continue."""
    shown = shown_action(passage.kind, neutralise(passage.action), passage.player)
    shown = neutralise(shown).strip()
    if not shown:
        return None
    return Line("player" if passage.kind in ("do", "say") else "narrator", shown)


def shown_line(action: Passage) -> str:
    """The player's action as the page shows it."""
    return shown_action(action.kind, action.action, action.player)


def neutralise_told(told: str) -> str:
    """The text so far, unchanged at its end but for white space, so that the reply continues it."""
    return neutralise(told).rstrip() if told else ""
