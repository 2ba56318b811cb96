"""A player's settings in an archive of everything: preferences, and their own audience limit."""

from typing import Any

from game.models import Audience, Player, Taste
from game.models.audience import within
from game.moderation import limits
from game.tastes.forms import LOOKS, TasteForm
from game.tastes.sampling import taste_of


def settings_of(player: Player) -> dict[str, Any]:
    """The player's settings, as an archive has them."""
    taste = taste_of(player)
    return {
        "length": taste.length,
        "temperature": taste.temperature,
        "looks": taste.looks,
        "audience_limit": player.audience_limit,
    }


def apply(player: Player, settings: dict[str, Any]) -> None:
    """Store the settings that are possible here. The audience limit only becomes stricter."""
    looks = settings.get("looks")
    sent = {name: looks.get(name) for name in LOOKS} if isinstance(looks, dict) else {}
    form = TasteForm({**sent, **{name: settings.get(name) for name in ("length", "temperature")}})
    if form.is_valid():
        taste, _made = Taste.objects.get_or_create(player=player)
        form.change(taste)
        taste.save()
    limit = settings.get("audience_limit")
    if limit in Audience.values and limit in within(player.audience_limit):
        limits.set_limit(player, limit)
