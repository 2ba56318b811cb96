"""The form of a story card. Its options stand in a part that is closed at first."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from game.cards.card_import import (
    LONGEST_TITLE,
    CardContent,
    card_problem,
    normalise_keys,
    split_keys,
)
from game.cards.options import LONGEST_GROUP, NUMBERS, SWITCHES, OptionProblem, read_options
from game.models import LONGEST_NOTE, StoryCard
from game.play.protocol import clean_text
from game.widgets import text_area, text_input
from inference.contract.cards import CardOptions

# The switches that are on for a card without options.
USUALLY_ON = tuple(name for name in SWITCHES if CardOptions.model_fields[name].default)
LOGICS = [
    ("and_any", _("Only with one of these keys")),
    ("and_all", _("Only with all of these keys")),
    ("not_any", _("Not with any of these keys")),
    ("not_all", _("Not with all of these keys")),
]


def number_field(name: str, label: Any, help_text: Any = "") -> forms.IntegerField:
    """The field of an option that is a whole number."""
    least, most, usual = NUMBERS[name]
    widget = forms.NumberInput(attrs={"inputmode": "numeric"})
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        initial=usual,
        required=False,
        widget=widget,
    )


class CardForm(forms.Form):
    """A story card. `card` is its content once the form is valid.

    Who sends a card without `more` leaves its options as they are: `given` has those.
    """

    title = forms.CharField(
        label=_("Title"),
        help_text=_("Only you see it. If empty, the first key is used."),
        max_length=LONGEST_TITLE,
        required=False,
        widget=text_input(),
    )
    keys = forms.CharField(
        label=_("Keys"),
        help_text=_(
            "Separate with commas. The narrator sees the card when one of them is mentioned."
        ),
        required=False,
        widget=text_area(1),
    )
    text = forms.CharField(
        label=_("Text"),
        help_text=_(
            "What the narrator should know. A card can trigger other cards by mentioning "
            "their keys."
        ),
        widget=text_area(4, maxlength=LONGEST_NOTE),
    )
    pinned = forms.BooleanField(label=_("Pinned: always visible to the narrator"), required=False)

    more = forms.CharField(required=False, initial="on", widget=forms.HiddenInput())
    disabled = forms.BooleanField(label=_("Off: the narrator never sees it"), required=False)
    forms_ = forms.BooleanField(
        label=_("Other forms of a key count too: lanterns for lantern"), required=False
    )
    whole_words = forms.BooleanField(label=_("Only whole words"), required=False)
    case_sensitive = forms.BooleanField(label=_("Capitals have to agree"), required=False)
    regex = forms.BooleanField(label=_("Keys are regular expressions, one a line"), required=False)
    secondary_logic = forms.ChoiceField(
        label=_("Other keys"),
        help_text=_("Whether more keys are needed, or keep the card out."),
        choices=LOGICS,
        required=False,
    )
    secondary_keys = forms.CharField(
        label=_("These keys"),
        help_text=_("Separate with commas. If empty, the keys above are enough."),
        required=False,
        widget=text_area(1),
    )
    depth = number_field(
        "depth",
        _("Turns that are searched"),
        _("If empty, about the newest three."),
    )
    probability = number_field("probability", _("Chance, in percent"))
    sticky = number_field("sticky", _("Stays for how many more turns"))
    cooldown = number_field("cooldown", _("Then rests for how many turns"))
    order = number_field(
        "order", _("Importance"), _("Where room is short, cards with more go first. Usual is 100.")
    )
    group = forms.CharField(
        label=_("Group"),
        help_text=_("Of the cards of one group only the most important is used in a turn."),
        max_length=LONGEST_GROUP,
        required=False,
        widget=text_input(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.given: dict[str, Any] = kwargs.pop("given", {})
        super().__init__(*args, **kwargs)
        self.fields["forms"] = self.fields.pop("forms_")
        for name in USUALLY_ON:
            self.fields[name].initial = True

    @property
    def options_open(self) -> bool:
        """Whether the part with the options is open at first: where something is not as usual."""
        wrong = any(name in self.errors for name in OPTION_FIELDS) if self.is_bound else False
        return wrong or any(name in self.initial for name in OPTION_FIELDS)

    def has_changed(self) -> bool:
        """Whether something was typed; options count only where they were shown, and of a new card
        not alone: a browser sends every choice, chosen or not.
        """
        changed = set(self.changed_data) - {"more"}
        if not self.initial or not self.data.get(self.add_prefix("more")):
            changed -= {*OPTION_FIELDS}
        return bool(changed)

    @property
    def option_names(self) -> tuple[str, ...]:
        """The names of the fields of the options."""
        return OPTION_FIELDS

    def main_fields(self) -> Iterator[BoundField]:
        """The fields that each card has."""
        return (field for field in self if field.name not in OPTION_FIELDS)

    def option_fields(self) -> Iterator[BoundField]:
        """The fields of the options."""
        return (self[name] for name in OPTION_FIELDS)

    def clean(self) -> dict[str, Any]:
        """Build `card`. Raises ValidationError if it breaks a rule for cards."""
        data: dict[str, Any] = super().clean() or {}
        patterns = bool(data.get("regex")) if data.get("more") else bool(self.given.get("regex"))
        options = self.cleaned_options(data, patterns)
        keys = normalise_keys(split_keys(data.get("keys", ""), patterns), patterns)
        text = clean_text(data.get("text", ""))
        if "text" in data and "pinned" in data:
            problem = card_problem(keys, text, data["pinned"], options)
            if problem:
                raise forms.ValidationError(problem)
        title = " ".join(clean_text(data.get("title", "")).split())
        title = (title or (keys[0] if keys else text))[:LONGEST_TITLE]
        self.card = CardContent(title, keys, text, data.get("pinned", False), options=options)
        return data

    def cleaned_options(self, data: dict[str, Any], patterns: bool) -> dict[str, Any]:
        """The options that were sent; those from before where the form was sent without them."""
        if not data.get("more"):
            return dict(self.given)
        sent = {name: data[name] for name in OPTION_FIELDS if data.get(name) not in (None, "")}
        secondary = split_keys(sent.pop("secondary_keys", ""), patterns)
        sent["secondary_keys"] = [key for key in secondary if key.strip()]
        try:
            return read_options(sent)
        except OptionProblem as problem:
            self.add_error(problem.field, str(problem))
            return {}


OPTION_FIELDS = (
    *("disabled", "forms", "whole_words", "case_sensitive", "regex"),
    *("secondary_logic", "secondary_keys", "depth", "probability", "sticky", "cooldown"),
    *("order", "group"),
)


def initial_of(card: StoryCard) -> dict[str, Any]:
    """The form's fields for a stored card: only those of its options that are not as usual."""
    options = {name: value for name, value in card.options.items() if name in OPTION_FIELDS}
    between = "\n" if options.get("regex") else ", "
    if "secondary_keys" in options:
        options["secondary_keys"] = between.join(options["secondary_keys"])
    return {
        "title": card.title,
        "keys": between.join(card.keys),
        "text": card.text,
        "pinned": card.pinned,
        **options,
    }
