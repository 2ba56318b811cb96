"""Forms of readers and staff."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from game.models import Audience, Case, Kind, Report, Turn, Words
from game.models.moderation import LONGEST_REASON
from game.moderation.appeals import LONGEST_APPEAL
from game.moderation.cases import LONGEST_REASON as LONGEST_STORY_REASON
from game.moderation.notices import LONGEST_NOTE
from game.widgets import text_area
from inference.engines.servers import address_problem


class ReportForm(forms.Form):
    """A report. For a turn it asks whose words are meant."""

    # Without a default: nobody should send a grave report by accident.
    kind = forms.ChoiceField(
        label=_("What is wrong with it?"), choices=[("", _("Choose")), *Report.Kind.choices]
    )
    words = forms.ChoiceField(
        label=_("Whose words do you mean?"),
        choices=Words.choices,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Details"),
        help_text=_("What should a moderator look at? The author cannot read this."),
        max_length=LONGEST_REASON,
        widget=text_area(4),
    )

    def __init__(self, turn: Turn | None, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        # Not asked for scenarios, openings, and turns that have no action or no reply.
        if turn is None or turn.kind == Kind.OPENING or not (turn.action and turn.reply):
            del self.fields["words"]
            self.whose = Words.NARRATOR if turn and not turn.action else Words.PLAYER

    @property
    def chosen_words(self) -> Words:
        """Whose words are reported; the form must be valid."""
        if "words" in self.fields:
            return Words(self.cleaned_data["words"])
        return self.whose


class AppealForm(forms.Form):
    """The text of an appeal."""

    text = forms.CharField(
        label=_("Why is this decision wrong?"),
        max_length=LONGEST_APPEAL,
        widget=text_area(4),
    )


class LimitForm(forms.Form):
    """An audience: a player's own limit, or that of an adventure."""

    audience = forms.ChoiceField(
        label=_("Show me content for"), choices=Audience.choices, label_suffix=""
    )


# Forms of staff
DAYS = (1, 3, 7, 30, 90)


class ActionForm(forms.Form):
    """An action on a case. `offered` are the actions that this member of staff may choose."""

    deed = forms.ChoiceField(label=_("Do"))
    excerpt = forms.CharField(
        label=_("The player’s words in question"),
        help_text=_("Shown to the player. A sanction needs the player’s own words."),
        required=False,
        widget=text_area(3),
    )
    days = forms.TypedChoiceField(
        label=_("For how many days"),
        help_text=_("For blocked publishing and suspension."),
        coerce=int,
        choices=[(days, str(days)) for days in DAYS],
        initial=7,
        required=False,
        empty_value=None,
    )
    note = forms.CharField(
        label=_("Message to the player"),
        help_text=_("What they did wrong, in a sentence or two."),
        max_length=LONGEST_NOTE,
        required=False,
        widget=text_area(2),
    )
    reason = forms.CharField(
        label=_("Note for the audit log"),
        max_length=LONGEST_REASON,
        required=False,
        widget=text_area(2),
    )

    def __init__(
        self, offered: list[tuple[str, Any]], case: Case | None = None, data: Any = None
    ) -> None:
        excerpt = case.excerpt if case and case.words == Words.PLAYER else ""
        super().__init__(data, initial={"excerpt": excerpt})
        field = self.fields["deed"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = offered
        if case is None:
            del self.fields["excerpt"]


class OpenForm(forms.Form):
    """The reason for opening a whole story."""

    reason = forms.CharField(label=_("Why"), max_length=LONGEST_STORY_REASON)
    emergency = forms.BooleanField(
        label=_("It is an emergency: somebody’s life, or a child’s safety"), required=False
    )


class AnswerForm(forms.Form):
    """The decision of an appeal."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("grant", _("Grant: undo the decision")), ("refuse", _("Refuse"))],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Message to the player"),
        max_length=LONGEST_NOTE,
        widget=text_area(3),
    )


class PauseForm(forms.Form):
    """The message while the host is paused."""

    message = forms.CharField(
        label=_("Message for players"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto", "size": 60}),
    )


class SourceForm(forms.Form):
    """A model of the hub that is not in the catalogue."""

    source = forms.CharField(
        label=_("Model"),
        help_text=_(
            "hf:org/name@revision/file.gguf for a GGUF file, or hf:org/name for a checkpoint, "
            "which is converted (1.5 GB of tools are fetched once)."
        ),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Name"),
        help_text=_("Optional. Made of the file’s name otherwise."),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


class ConnectForm(forms.Form):
    """A server that the host runs or pays for."""

    title = forms.CharField(
        label=_("Name"), help_text=_("Players see it."), max_length=40, strip=True
    )
    address = forms.CharField(
        label=_("Address"),
        help_text=_("Up to and with /v1: http://192.168.1.20:8080/v1"),
        max_length=300,
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false"}),
    )
    key = forms.CharField(
        label=_("Key"),
        help_text=_(
            "Optional. It is stored encrypted and never shown again. Enter it again for each test."
        ),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    model = forms.CharField(
        label=_("Model"),
        help_text=_("Optional: the server’s name for it, where it serves several."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        label=_("Kind of model"),
        choices=[
            ("chat", _("Instruct or chat model")),
            ("transcript", _("Base or story model, which continues a text")),
        ],
    )

    def __init__(self, data: Any = None, **more: Any) -> None:
        super().__init__(data, label_suffix="", **more)

    def clean_address(self) -> str:
        """The address without a trailing slash. Raises ValidationError for an invalid one."""
        address: str = self.cleaned_data["address"].strip().rstrip("/")
        if problem := address_problem(address):
            raise forms.ValidationError(problem)
        return address

    def clean_key(self) -> str:
        """The key. Raises ValidationError for characters that no HTTP header may have."""
        key: str = self.cleaned_data["key"].strip()
        if key and not (key.isascii() and key.isprintable()):
            raise forms.ValidationError(_("A key holds letters, digits and signs only."))
        return key
