"""The form of a player's preferences. Fields that are not sent stay as they are."""

from typing import Any

from django import forms

from game.models import Taste

# The same choices as in static/js/looks.js, the default first.
LOOKS = {
    "theme": ("auto", "night", "paper", "terminal"),
    "font": ("book", "plain", "typewriter", "easy"),
    "width": ("medium", "narrow", "wide"),
    "text": ("1", "0.85", "1.15", "1.3", "1.5", "1.75"),
}


class TasteForm(forms.Form):
    """A player's preferences; every field is optional."""

    length = forms.ChoiceField(choices=Taste.Length.choices, required=False)
    temperature = forms.ChoiceField(choices=Taste.Temperature.choices, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in LOOKS.items():
            self.fields[name] = forms.ChoiceField(
                choices=[(each, each) for each in choices], required=False
            )

    def change(self, taste: Taste) -> None:
        """Set the fields that were sent on `taste`, without saving it."""
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        taste.looks = {
            **taste.looks,
            **{name: chosen.pop(name) for name in LOOKS if name in chosen},
        }
        for name, value in chosen.items():
            setattr(taste, name, value)
