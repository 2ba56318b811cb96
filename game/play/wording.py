"""How a turn's action is worded on pages: "You open it", or where several play "Mira opens it"."""

from game.models import Turn
from inference.reply import shown_action
from inference.reply.third_person import worded_action


def shown(kind: str, action: str, character: str = "") -> str:
    """An action as pages and the story show it; `character` is who acted, or ""."""
    worded = worded_action(kind, action, character)
    return shown_action(kind, worded, character)  # type: ignore[arg-type]


def said_by(character: str, shown: str) -> str:
    """Whose name stands above an action where several play: "" where it begins with the name."""
    return "" if shown.startswith(character) else character


def shown_turn(turn: Turn) -> str:
    """A turn's action as pages and the story show it."""
    return shown(turn.kind, turn.action, turn.character)
