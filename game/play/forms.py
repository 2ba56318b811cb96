"""Forms of adventures: beginning one, its plot, options, narrator, summary and cards."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from game.library.excerpts import start_of
from game.library.placeholders import FilledPlaceholders
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_SUMMARY,
    LONGEST_TEXT,
    Scenario,
)
from game.widgets import text_area, text_input
from inference.narrators import Narrator

OPENING = "opening-number"  # no question can have this name
SHOWN_OF_OPENING = 240  # characters
LONGEST_ANSWER = 80  # code points in a one-line answer to a placeholder's question


class BeginForm(forms.Form):
    """A scenario's questions. An empty answer means the default."""

    def __init__(self, scenario: Scenario, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scenario = scenario
        self.label_suffix = ""
        for placeholder in scenario.placeholders:
            self.fields[placeholder["name"]] = answer_field(placeholder)
        if scenario.more_openings:
            self.fields[OPENING] = opening_field(scenario)

    @property
    def answers(self) -> dict[str, str]:
        """The answers to the questions, once the form is valid."""
        return {name: value for name, value in self.cleaned_data.items() if name != OPENING}

    @property
    def opening_number(self) -> int:
        """Which of the openings was chosen, once the form is valid; 0 for the first."""
        return int(self.cleaned_data.get(OPENING) or 0)

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError if the opening with these answers is too long."""
        data: dict[str, Any] = super().clean() or {}
        openings = [self.scenario.opening, *self.scenario.more_openings]
        chosen = openings[int(data.get(OPENING) or 0)]
        answers = {name: value for name, value in data.items() if name != OPENING}
        length = len(FilledPlaceholders(self.scenario, answers).text(chosen))
        if length > LONGEST_OPENING:
            raise forms.ValidationError(
                gettext(
                    "With these answers the opening has %(length)s characters; the limit is "
                    "%(most)s. Shorten them."
                )
                % {"length": f"{length:,}", "most": f"{LONGEST_OPENING:,}"}
            )
        return data


def opening_field(scenario: Scenario) -> forms.ChoiceField:
    """The choice of an opening, each by its first words."""
    filled = FilledPlaceholders(scenario, {})
    openings = [scenario.opening, *scenario.more_openings]
    return forms.ChoiceField(
        label=_("How it begins"),
        choices=[
            (str(number), start_of(" ".join(filled.text(each).split()), SHOWN_OF_OPENING))
            for number, each in enumerate(openings)
        ],
        initial="0",
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("That opening is not there any more.")},
    )


def answer_field(placeholder: dict[str, Any]) -> forms.CharField:
    """The field of a question: several lines, or one with the default filled in."""
    if placeholder.get("multiline"):
        return forms.CharField(
            label=placeholder["question"],
            max_length=LONGEST_TEXT,
            required=False,
            help_text=_("If you leave it empty, the adventure begins with the text shown."),
            widget=text_area(7, placeholder=placeholder["default"]),
        )
    return forms.CharField(
        label=placeholder["question"],
        initial=placeholder["default"],
        max_length=LONGEST_ANSWER,
        required=False,
        widget=text_input(),
    )


class RenameForm(forms.Form):
    """A new title."""

    title = forms.CharField(max_length=120)


class PlotForm(forms.Form):
    """Memory and author's note."""

    memory = forms.CharField(
        label=_("Memory"),
        help_text=_("What the narrator always knows: who you are, what must not be forgotten."),
        max_length=LONGEST_MEMORY,
        required=False,
        widget=text_area(6),
    )
    authors_note = forms.CharField(
        label=_("Author’s note"),
        help_text=_("Style: tone, pace, person. The narrator reads it with each turn."),
        max_length=LONGEST_NOTE,
        required=False,
        widget=text_area(4),
    )


class OptionsForm(forms.Form):
    """Options of an adventure. Fields that are not sent stay as they are."""

    dice = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], required=False)
    summarise = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], required=False)
    suggestions = forms.ChoiceField(choices=[("on", "on"), ("off", "off")], required=False)

    def changes(self) -> dict[str, bool]:
        """The options that were sent, as booleans."""
        return {name: value == "on" for name, value in self.cleaned_data.items() if value}


class NarratorForm(forms.Form):
    """One of the narrators offered to the player; empty for the host's default."""

    def __init__(
        self,
        offered: Sequence[Narrator],
        default: Narrator,
        data: Mapping[str, Any] | None,
        now: str,
    ) -> None:
        super().__init__(data, initial={"narrator": now}, label_suffix="")
        self.offers_more_than_one = len(offered) > 1
        choices = [("", _("The host’s choice (%(name)s)") % {"name": default.shown_name})]
        choices += [(each.name, narrator_label(each)) for each in offered]
        self.fields["narrator"] = forms.ChoiceField(
            label=_("Narrator"),
            help_text=_("Takes effect with the next turn."),
            choices=choices,
            required=False,
            error_messages={"invalid_choice": _("That narrator is not available.")},
        )


def narrator_label(narrator: Narrator) -> str:
    """A narrator in the list of choices, with the machine that gets the prompts."""
    label = f"{narrator.shown_name}: {narrator.line}"
    if narrator.small:
        label += gettext(" (a very small model; stories wander)")
    if not narrator.words_go_to:
        return label
    return label + gettext(" (your words go to %(place)s)") % {"place": narrator.words_go_to}


class SummaryForm(forms.Form):
    """The player's text of the summary."""

    text = forms.CharField(
        label=_("Summary"),
        help_text=_(
            "What happened before the part that the narrator can still read. Your changes are "
            "kept; later events are added."
        ),
        max_length=LONGEST_SUMMARY,
        required=False,
        widget=text_area(8),
    )
