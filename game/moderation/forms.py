"""What readers and staff fill in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from game.models import Audience, Case, Kind, Report, Turn, Words
from game.models.moderation import LONGEST_REASON
from game.moderation.cases import LONGEST_REASON as LONGEST_STORY_REASON
from game.moderation.notices import LONGEST_APPEAL, LONGEST_NOTE


class ReportForm(forms.Form):
    """A complaint. Of a turn it asks whose words are meant."""

    # Nothing is chosen beforehand: a report of the gravest kind must be meant.
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
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )

    def __init__(self, turn: Turn | None, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        # A scenario and an opening are written, and so is what has no action or no reply.
        if turn is None or turn.kind == Kind.OPENING or not (turn.action and turn.reply):
            del self.fields["words"]
            self.whose = Words.NARRATOR if turn and not turn.action else Words.PLAYER

    @property
    def chosen_words(self) -> Words:
        if "words" in self.fields:
            return Words(self.cleaned_data["words"])
        return self.whose


class AppealForm(forms.Form):
    text = forms.CharField(
        label=_("Why is this decision wrong?"),
        max_length=LONGEST_APPEAL,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )


class LimitForm(forms.Form):
    """A player's own limit, or for whom a story is."""

    audience = forms.ChoiceField(
        label=_("Show me content for"), choices=Audience.choices, label_suffix=""
    )


# Staff

DAYS = (1, 3, 7, 30, 90)


class DeedForm(forms.Form):
    """What is done about a case. Which deeds are offered depends on who asks and about what."""

    deed = forms.ChoiceField(label=_("Do"))
    excerpt = forms.CharField(
        label=_("The player’s words in question"),
        help_text=_("Shown to the player. A sanction needs the player’s own words."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
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
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    reason = forms.CharField(
        label=_("Note for the audit log"),
        max_length=LONGEST_REASON,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
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
    reason = forms.CharField(label=_("Why"), max_length=LONGEST_STORY_REASON)
    emergency = forms.BooleanField(
        label=_("It is an emergency: somebody’s life, or a child’s safety"), required=False
    )


class AnswerForm(forms.Form):
    """How an appeal is decided."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("grant", _("Grant: undo the decision")), ("refuse", _("Refuse"))],
        widget=forms.RadioSelect,
    )
    answer = forms.CharField(
        label=_("Message to the player"),
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


class PauseForm(forms.Form):
    message = forms.CharField(
        label=_("Message for players"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto", "size": 60}),
    )
