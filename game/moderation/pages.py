"""What every page shows of moderation: a pause, and unread notices."""

from typing import Any

from django.http import HttpRequest

from game.models import Player
from game.moderation import notices, operation


def moderation_context(request: HttpRequest) -> dict[str, Any]:
    """Template context: the message while paused, and how many notices are unread."""
    now = operation.state()
    player = getattr(request, "user", None)
    return {
        "paused": operation.pause_message(now) if now.paused else "",
        "new_notices": notices.count_unseen(player) if isinstance(player, Player) else 0,
    }
