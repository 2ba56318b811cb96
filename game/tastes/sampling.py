"""Length and temperature in words, as a narrator understands them."""

from game.models import Player, Taste
from game.tastes.writer import WriterSettings
from inference.contract.sampling import SamplingParams

LENGTHS = {Taste.Length.SHORT: 0.5, Taste.Length.USUAL: 1.0, Taste.Length.LONG: 2.0}
HEATS = {
    Taste.Temperature.STEADY: -0.35,
    Taste.Temperature.USUAL: 0.0,
    Taste.Temperature.WILD: 0.35,
}
SHORTEST, LONGEST = 16, 1024  # tokens
HOTTEST = 2.0


def taste_of(player: Player | None) -> Taste:
    """What a player likes; the usual where they never said."""
    found = Taste.objects.filter(pk=player.pk).first() if player else None
    return found or Taste(player=player)


def sampling_for(
    taste: Taste, own: SamplingParams, writer: WriterSettings | None = None
) -> SamplingParams | None:
    """A narrator's `own` sampling, changed to a player's taste; None where it stays.

    What an adventure's `writer` asks for comes first: where that is a length or a temperature, the
    player's taste in it does not count.
    """
    asked = writer.values(own) if writer else {}
    length, heat = LENGTHS[Taste.Length(taste.length)], HEATS[Taste.Temperature(taste.temperature)]
    if writer and writer.max_tokens is not None:
        length = 1.0
    if writer and writer.sets_temperature:
        heat = 0.0
    if length == 1 and not heat:
        return own.model_copy(update=asked) if asked else None
    own = own.model_copy(update=asked)
    tokens = max(SHORTEST, min(round(own.max_tokens * length), max(LONGEST, own.max_tokens)))
    # Rounded: what a turn was told with is shown to players.
    temperature = round(max(0.0, min(own.temperature + heat, HOTTEST)), 2)
    if own.temperature == 0:
        temperature = 0.0  # greedy on purpose
    return own.model_copy(update={"max_tokens": tokens, "temperature": temperature})
