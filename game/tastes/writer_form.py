"""The form of an adventure's sampling settings."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from game.play.protocol import clean_text
from game.tastes.writer import BOUNDS, LONGEST, SHORTEST, WriterSettings
from inference.contract.sampling import (
    BANNED_BYTES,
    LARGEST_BIAS,
    LETTER,
    LONGEST_BANNED,
    LONGEST_BIAS,
    MOST_BANNED,
    MOST_BIASES,
    SamplingParams,
)

LONGEST_PHRASES = 60_000  # characters of the field, before it is split into phrases
PRESETS = (
    ("balanced", _("Balanced: the narrator’s own settings")),
    ("careful", _("Careful: keeps to what is likely")),
    ("wild", _("Wild: surprising, and strays more")),
    ("custom", _("Custom")),
)
WORN = (
    ("", _("As the narrator does")),
    ("on", _("Leave them out")),
    ("off", _("Let the narrator use them")),
)
CUSTOM = tuple(BOUNDS)


class BoundedField(forms.FloatField):
    """An optional number within bounds; its error message names the field."""

    def __init__(self, label: Any, least: float, most: float, step: float, help_text: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            min_value=least,
            max_value=most,
            help_text=help_text,
            widget=forms.NumberInput(attrs={"step": step, "inputmode": "decimal"}),
        )
        self.bounds = (least, most)

    def clean(self, value: Any) -> Any:
        """The number, or None. Raises ValidationError with the bounds."""
        try:
            return super().clean(value)
        except forms.ValidationError:
            least, most = self.bounds
            raise forms.ValidationError(
                gettext("%(name)s is a number from %(least)g to %(most)g.")
                % {"name": self.label, "least": least, "most": most}
            ) from None


def bounded_field(name: str, label: Any, step: float, help_text: Any) -> BoundedField:
    """A field with the bounds that BOUNDS has for `name`."""
    return BoundedField(label, *BOUNDS[name], step, help_text)


class WriterForm(forms.Form):
    """The sampling settings of an adventure. `settings` has them once the form is valid."""

    preset = forms.ChoiceField(label=_("Preset"), choices=PRESETS)
    temperature = bounded_field(
        "temperature", _("Temperature"), 0.05, _("Higher is more surprising. 0 is always the same.")
    )
    top_p = bounded_field("top_p", _("Top-p"), 0.01, _("Lower leaves out more unlikely words."))
    min_p = bounded_field(
        "min_p",
        _("Min-p"),
        0.01,
        _("Leaves out words less likely than this share of the likeliest. 0 is off."),
    )
    repetition_penalty = bounded_field(
        "repetition_penalty",
        _("Repetition penalty"),
        0.01,
        _("Makes words that were used already less likely. 1 is off."),
    )
    dry_multiplier = bounded_field(
        "dry_multiplier",
        _("DRY"),
        0.1,
        _("Breaks off sequences of words that were told before. 0 is off, 0.8 usual."),
    )
    xtc_probability = bounded_field(
        "xtc_probability",
        _("XTC probability"),
        0.05,
        _("How often the likeliest words are left out. 0 is off."),
    )
    xtc_threshold = bounded_field(
        "xtc_threshold",
        _("XTC threshold"),
        0.01,
        _("How likely a word must be to be left out. 0.1 is usual."),
    )
    max_tokens = BoundedField(
        _("Reply length in tokens"),
        SHORTEST,
        LONGEST,
        1,
        _("A token is about three quarters of a word. A reply ends with its sentence."),
    )
    banned = forms.CharField(
        label=_("Banned phrases"),
        help_text=format_lazy(
            _("One per line, at most {most}. A reply with one of them is told differently."),
            most=MOST_BANNED,
        ),
        required=False,
        max_length=LONGEST_PHRASES,
        error_messages={"max_length": _("The list of banned phrases is too long.")},
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )
    worn = forms.ChoiceField(
        label=_("Worn phrases"),
        help_text=_("Phrases that models use too often, such as “a testament to”."),
        choices=WORN,
        required=False,
    )
    logit_bias = forms.CharField(
        label=_("Logit bias"),
        help_text=_(
            "For experts. One per line, from -100 (never) to 100: the start of a word, a colon, "
            "a number, as in “suddenly: -5”."
        ),
        required=False,
        max_length=MOST_BIASES * (LONGEST_BIAS + 10),
        error_messages={"max_length": _("The list of biases is too long.")},
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "autocomplete": "off"}),
    )

    def __init__(
        self,
        own: SamplingParams | None,
        now: WriterSettings,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """`own` is the narrator's sampling, shown where a field is empty; None: nobody knows."""
        initial = {
            **{name: getattr(now, name) for name in (*CUSTOM, "preset", "max_tokens")},
            "banned": "\n".join(now.banned),
            "worn": {None: "", True: "on", False: "off"}[now.worn],
            "logit_bias": "\n".join(f"{text}: {bias:g}" for text, bias in now.logit_bias.items()),
        }
        super().__init__(data, initial=initial, label_suffix="")
        for name in (*CUSTOM, "max_tokens"):
            if own is not None:
                self.fields[name].widget.attrs["placeholder"] = f"{getattr(own, name):g}"

    def clean_banned(self) -> tuple[str, ...]:
        """The phrases, each once. Raises ValidationError for those that cannot be banned."""
        phrases: dict[str, str] = {}
        for line in clean_text(self.cleaned_data["banned"]).splitlines():
            phrase = " ".join(line.split())
            if not phrase:
                continue
            if not LETTER.search(phrase):
                raise forms.ValidationError(
                    gettext("“%(phrase)s” has no letters: a banned phrase is made of words.")
                    % {"phrase": phrase[:40]}
                )
            if len(phrase) > LONGEST_BANNED:
                raise forms.ValidationError(
                    gettext("“%(phrase)s…” is too long: a phrase has at most %(most)d characters.")
                    % {"phrase": phrase[:40], "most": LONGEST_BANNED}
                )
            phrases.setdefault(phrase.casefold(), phrase)
        if len(phrases) > MOST_BANNED:
            raise forms.ValidationError(
                gettext("These are %(count)d banned phrases; the limit is %(most)d.")
                % {"count": len(phrases), "most": MOST_BANNED}
            )
        if sum(len(phrase.encode()) for phrase in phrases.values()) > BANNED_BYTES:
            raise forms.ValidationError(
                gettext("The banned phrases are too long together. Remove some.")
            )
        return tuple(phrases.values())

    def clean_worn(self) -> bool | None:
        """True, False, or None for the narrator's own choice."""
        return {"on": True, "off": False}.get(self.cleaned_data["worn"])

    def clean_max_tokens(self) -> int | None:
        """The length as an integer, or None."""
        tokens = self.cleaned_data["max_tokens"]
        return None if tokens is None else round(tokens)

    def clean_logit_bias(self) -> dict[str, float]:
        """The biases by text. Raises ValidationError for a line that is not "text: number"."""
        found: dict[str, float] = {}
        for line in clean_text(self.cleaned_data["logit_bias"]).splitlines():
            if not line.strip():
                continue
            text, _colon, number = line.rpartition(":")
            text = text.strip()
            try:
                bias = float(number)
            except ValueError:
                bias = LARGEST_BIAS + 1
            if not text or len(text) > LONGEST_BIAS or not -LARGEST_BIAS <= bias <= LARGEST_BIAS:
                raise forms.ValidationError(
                    gettext(
                        "“%(line)s” is no bias: write a word of at most %(most)d characters, a "
                        "colon and a number from -100 to 100."
                    )
                    % {"line": line.strip()[:40], "most": LONGEST_BIAS}
                )
            found[text] = bias
        if len(found) > MOST_BIASES:
            raise forms.ValidationError(
                gettext("These are %(count)d biases; the limit is %(most)d.")
                % {"count": len(found), "most": MOST_BIASES}
            )
        return found

    @property
    def settings(self) -> WriterSettings:
        """The settings as stored. The form must be valid."""
        return WriterSettings(**self.cleaned_data)
