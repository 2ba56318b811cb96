"""When a story card enters the prompt, beside its keys."""

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from inference.contract.plain import Plain

SecondaryLogic = Literal["and_any", "and_all", "not_any", "not_all"]

ORDER = 100  # of a card that nobody gave an order
MOST_TURNS = 1_000  # of `sticky` and `cooldown`
MOST_DEPTH = 40  # turns: about as many as a prompt holds


class CardOptions(Plain):
    """When a card fires, beside its keys. The defaults are those of a card without options.

    `secondary_keys` are looked for where the keys are: with `and_any` one of them has to be there,
    with `and_all` all of them, with `not_any` none, with `not_all` not all. `whole_words`: a key
    is no part of a longer word. `forms`: other forms of a key's words count too. `regex`: all keys
    are regular expressions; then whole words and forms mean nothing.

    `depth` is how many of the newest turns are searched; None for the usual text. `probability` is
    in percent. A card stays for `sticky` more turns, and then rests for `cooldown` turns. Of the
    cards of one `group` only the best fires. `order`: greater is better, and stands later in the
    prompt. A disabled card never fires, even if it is pinned.
    """

    secondary_keys: tuple[str, ...] = ()
    secondary_logic: SecondaryLogic = "and_any"
    whole_words: bool = True
    case_sensitive: bool = False
    regex: bool = False
    forms: bool = True
    order: int = ORDER
    depth: int | None = Field(default=None, ge=1, le=MOST_DEPTH)
    probability: int = Field(default=100, ge=1, le=100)
    cooldown: int = Field(default=0, ge=0, le=MOST_TURNS)
    sticky: int = Field(default=0, ge=0, le=MOST_TURNS)
    group: str = ""
    disabled: bool = False

    @model_serializer(mode="wrap")
    def without_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what is not as usual: a request may hold hundreds of cards."""
        usual = CardOptions.model_fields
        return {
            name: value
            for name, value in serialize(self).items()
            if getattr(self, name) != usual[name].default
        }
