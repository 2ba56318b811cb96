"""Form widgets that several forms share."""

from django import forms


def text_area(rows: int, **attrs: str | int) -> forms.Textarea:
    """A text area of so many rows; the text's direction follows its content."""
    return forms.Textarea(attrs={"rows": rows, "dir": "auto", **attrs})


def text_input(**attrs: str | int) -> forms.TextInput:
    """A text field without autocompletion; the text's direction follows its content."""
    return forms.TextInput(attrs={"dir": "auto", "autocomplete": "off", **attrs})
