"""Forms of the table's page and of joining."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from game.models import LONGEST_CHARACTER, LONGEST_DESCRIPTION, Table, TableInvite
from game.tables.invites import DAYS, MOST_USES, InviteTerms
from game.tables.rules import TIMES, TableRules
from game.widgets import text_input

LONGEST_CODE = 40  # as typed, with spaces and hyphens


class CharacterForm(forms.Form):
    """A character's name and one line about it. `game.tables.characters` says what is wrong."""

    name = forms.CharField(
        label=_("Your character’s name"),
        max_length=LONGEST_CHARACTER,
        help_text=_("So the story calls you: “Mira opens the hatch.”"),
        widget=text_input(),
    )
    description = forms.CharField(
        label=_("One line about your character"),
        max_length=LONGEST_DESCRIPTION,
        required=False,
        help_text=_("The other players and the narrator read it. You can leave it empty."),
        widget=text_input(),
    )


class InviteForm(forms.Form):
    """For whom an invite is, and how long and how often it can be used."""

    role = forms.ChoiceField(label=_("Invite"), choices=[])
    days = forms.TypedChoiceField(label=_("Valid for"), coerce=int, choices=[], initial=DAYS[0])
    most_uses = forms.IntegerField(
        label=_("Number of uses"),
        min_value=1,
        max_value=MOST_USES,
        required=False,
        help_text=_("Leave it empty for any number."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role, days = self.fields["role"], self.fields["days"]
        assert isinstance(role, forms.ChoiceField) and isinstance(days, forms.ChoiceField)
        role.choices = [
            (TableInvite.Role.PLAYER.value, _("players")),
            (TableInvite.Role.SPECTATOR.value, _("spectators, who only read")),
        ]
        days.choices = [(DAYS[0], _("a day")), (DAYS[1], _("a week")), (DAYS[2], _("a month"))]

    @property
    def terms(self) -> InviteTerms:
        """What a valid form asks for."""
        return InviteTerms(**self.cleaned_data)


class RulesForm(forms.Form):
    """Who acts when, and who may change what was told."""

    order = forms.ChoiceField(label=_("Order of turns"), choices=Table.Order.choices)
    seconds = forms.TypedChoiceField(
        label=_("Time to act"),
        coerce=int,
        choices=list(
            zip(
                TIMES,
                (
                    _("no limit"),
                    _("a minute"),
                    _("3 minutes"),
                    _("10 minutes"),
                    _("an hour"),
                    _("a day"),
                    _("3 days"),
                ),
                strict=True,
            )
        ),
    )
    changes = forms.ChoiceField(
        label=_("Who may retry, undo, edit and go to another turn"), choices=Table.Changes.choices
    )
    master = forms.UUIDField(label=_("Game master"), required=False, widget=forms.Select)

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["master"].widget = forms.Select(choices=[("", _("the owner")), *members])

    @property
    def rules(self) -> TableRules:
        """What a valid form asks for."""
        return TableRules(**self.cleaned_data)


MEMBER_CHANGES = ("remove", "block", "player", "spectator", "owner", "card")


class MemberForm(forms.Form):
    """What the owner does with a member."""

    does = forms.ChoiceField(
        choices=[
            (each, each) for each in ("remove", "block", "player", "spectator", "owner", "card")
        ]
    )
    card = forms.UUIDField(required=False)


class CodeForm(forms.Form):
    """The code of an invite, as somebody types it."""

    code = forms.CharField(
        label=_("Code"),
        max_length=LONGEST_CODE,
        widget=text_input(autocapitalize="characters", autocomplete="off"),
    )
