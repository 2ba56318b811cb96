"""What every page shows of moderation: a pause, and notices that were not read yet."""

from typing import Any

from django.http import HttpRequest

from game.models import Player
from game.moderation import notices, operation


def on_every_page(request: HttpRequest) -> dict[str, Any]:
    now = operation.state()
    player = getattr(request, "user", None)
    return {
        "paused": operation.pause_message(now) if now.paused else "",
        "new_notices": notices.count_unseen(player) if isinstance(player, Player) else 0,
    }
