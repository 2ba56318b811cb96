"""What players fill in, checked before it goes anywhere."""

from typing import Any

from django import forms

from game.models import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_TEXT, Scenario

LONGEST_ANSWER = 80  # code points in a one-line answer to a placeholder's question


class BeginForm(forms.Form):
    """A scenario's questions. An empty answer means the scenario's own."""

    def __init__(self, scenario: Scenario, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        for placeholder in scenario.placeholders:
            self.fields[placeholder["name"]] = answer_field(placeholder)


def answer_field(placeholder: dict[str, Any]) -> forms.CharField:
    if placeholder.get("multiline"):
        return forms.CharField(
            label=placeholder["question"],
            max_length=LONGEST_TEXT,
            required=False,
            help_text="Left empty, the story begins with the lines shown.",
            widget=forms.Textarea(
                attrs={"rows": 7, "dir": "auto", "placeholder": placeholder["default"]}
            ),
        )
    return forms.CharField(
        label=placeholder["question"],
        initial=placeholder["default"],
        max_length=LONGEST_ANSWER,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )


class RenameForm(forms.Form):
    title = forms.CharField(max_length=120)


class PlotForm(forms.Form):
    memory = forms.CharField(
        label="Memory",
        help_text="What the narrator always knows: who you are, what must not be forgotten.",
        max_length=LONGEST_MEMORY,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "dir": "auto"}),
    )
    authors_note = forms.CharField(
        label="Author’s note",
        help_text="How it is told: tone, pace, person. Read just before each reply.",
        max_length=LONGEST_NOTE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )
