"""Turns a player's preferences and an adventure's settings into sampling parameters."""

from game.models import Player, Taste
from game.tastes.writer import WriterSettings
from inference.contract.sampling import SamplingParams

# Factors of `max_tokens`, and what is added to `temperature`.
LENGTHS = {Taste.Length.SHORT: 0.5, Taste.Length.USUAL: 1.0, Taste.Length.LONG: 2.0}
TEMPERATURE_CHANGES = {
    Taste.Temperature.STEADY: -0.35,
    Taste.Temperature.USUAL: 0.0,
    Taste.Temperature.WILD: 0.35,
}
SHORTEST, LONGEST = 16, 1024  # tokens
HOTTEST = 2.0


def taste_of(player: Player | None) -> Taste:
    """The player's stored preferences, or the defaults."""
    found = Taste.objects.filter(pk=player.pk).first() if player else None
    return found or Taste(player=player)


def sampling_for(
    taste: Taste, own: SamplingParams, writer: WriterSettings | None = None
) -> SamplingParams | None:
    """A narrator's `own` sampling with the player's preferences; None if nothing changes.

    Settings of the adventure (`writer`) come first: where they set length or temperature, the
    player's preference for it is ignored.
    """
    changes = writer.values(own) if writer else {}
    length = LENGTHS[Taste.Length(taste.length)]
    added = TEMPERATURE_CHANGES[Taste.Temperature(taste.temperature)]
    if writer and writer.max_tokens is not None:
        length = 1.0
    if writer and writer.sets_temperature:
        added = 0.0
    if length == 1 and not added:
        return own.model_copy(update=changes) if changes else None
    own = own.model_copy(update=changes)
    tokens = max(SHORTEST, min(round(own.max_tokens * length), max(LONGEST, own.max_tokens)))
    # Rounded, since players can see a turn's sampling.
    temperature = round(max(0.0, min(own.temperature + added, HOTTEST)), 2)
    if own.temperature == 0:
        temperature = 0.0  # a greedy narrator stays greedy
    return own.model_copy(update={"max_tokens": tokens, "temperature": temperature})
