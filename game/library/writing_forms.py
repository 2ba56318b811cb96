"""The forms of a scenario, with formsets for its questions, first actions and cards."""

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from game.cards.forms import CardForm
from game.cards.forms import initial_of as initial_of_card
from game.library import writing
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_TEXT,
    Audience,
    Scenario,
)
from game.scenarios import (
    MOST_FIRST_ACTIONS,
    MOST_LINKS,
    MOST_OPENINGS,
    MOST_QUESTIONS,
    ScenarioError,
    ScenarioFile,
    parse_scenario,
)
from game.state import beginnings
from game.widgets import text_area, text_input

LONGEST_ANSWER = 80
MOST_TAGS = 8
LONGEST_TAG = 30
CARDS_IN_FORM = 200  # a scenario with more keeps them, and is changed by its file
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,60}")


class WordsForm(forms.Form):
    """The texts of a scenario."""

    title = forms.CharField(label=gettext_lazy("Title"), max_length=80, widget=text_input())
    tempt = forms.CharField(
        label=gettext_lazy("Tagline"),
        help_text=gettext_lazy("Shown below the title in lists. Name the problem, not the plot."),
        max_length=160,
        widget=text_input(),
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Separate with commas: sea, mystery, funny."),
        max_length=400,
        required=False,
        widget=text_input(),
    )
    opening = forms.CharField(
        label=gettext_lazy("Opening"),
        help_text=gettext_lazy(
            "Where “you” are and what is going on. Stop where the player has to act."
        ),
        max_length=LONGEST_OPENING,
        widget=text_area(10),
    )
    memory = forms.CharField(
        label=gettext_lazy("Memory"),
        help_text=gettext_lazy(
            "What the narrator always knows: who you are, who else is there, what they want."
        ),
        max_length=LONGEST_MEMORY,
        required=False,
        widget=text_area(5),
    )
    authors_note = forms.CharField(
        label=gettext_lazy("Author’s note"),
        help_text=gettext_lazy("Style: tone, pace, person. The narrator reads it with each turn."),
        max_length=LONGEST_NOTE,
        required=False,
        widget=text_area(3),
    )

    world = forms.CharField(
        label=gettext_lazy("Beginning state"),
        help_text=gettext_lazy(
            "Optional: what is so at the opening, one entry a line. “place: the cellar”, "
            "“time: noon”, “person: Mara, here, wary”, “carry: lantern”, “wear: cloak”, "
            "“lost: key”, “aim: find the key”, “fact: the bridge is down”. After a name: here, "
            "away, dead, gone, or a mood. “hidden” before an entry keeps it from players until "
            "the story tells of it."
        ),
        max_length=beginnings.LONGEST_TEXT,
        required=False,
        widget=text_area(4),
    )
    leads_to = forms.CharField(
        label=gettext_lazy("Leads to"),
        help_text=gettext_lazy(
            "Optional: addresses of scenarios, one a line. The player goes on to one of them "
            "instead of beginning this one."
        ),
        required=False,
        widget=text_area(2),
    )
    audience = forms.ChoiceField(
        label=gettext_lazy("Suitable for"),
        help_text=gettext_lazy("The host may have stricter rules. Players can change it later."),
        choices=Audience.choices,
        initial=Audience.TEEN,
        required=False,
    )

    def clean_audience(self) -> str:
        """The chosen audience, teens if none was sent."""
        return str(self.cleaned_data["audience"] or Audience.TEEN)

    def clean_leads_to(self) -> list[str]:
        """The scenarios' names in their addresses. Raises ValidationError for what is none."""
        names = []
        for line in str(self.cleaned_data["leads_to"]).split():
            name = line.rstrip("/").rpartition("/")[2]
            if not SLUG.fullmatch(name):
                raise forms.ValidationError(
                    _("“%(line)s” is no address of a scenario.") % {"line": line[:60]}
                )
            names.append(name)
        names = list(dict.fromkeys(names))
        if len(names) > MOST_LINKS:
            raise forms.ValidationError(
                _("%(count)d scenarios; the limit is %(most)d.")
                % {"count": len(names), "most": MOST_LINKS}
            )
        return names

    def clean_world(self) -> str:
        """The lines of the beginning state. Raises ValidationError with the line that is wrong."""
        lines = str(self.cleaned_data["world"])
        try:
            beginnings.parse(lines)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        return lines

    def clean_tags(self) -> list[str]:
        """The tags in lower case, each once. Raises ValidationError for too many or long ones."""
        written = self.cleaned_data["tags"].replace("，", ",").replace("、", ",").split(",")
        tags = list(
            dict.fromkeys(flat.lower() for tag in written if (flat := " ".join(tag.split())))
        )
        if len(tags) > MOST_TAGS:
            raise forms.ValidationError(
                _("%(count)d tags; the limit is %(most)d.")
                % {"count": len(tags), "most": MOST_TAGS}
            )
        long = next((tag for tag in tags if len(tag) > LONGEST_TAG), None)
        if long:
            raise forms.ValidationError(
                _("A tag has at most %(most)d characters: “%(tag)s…” is longer.")
                % {"most": LONGEST_TAG, "tag": long[:LONGEST_TAG]}
            )
        return tags


class OpeningForm(forms.Form):
    """Another opening, which the player may choose."""

    text = forms.CharField(
        label=gettext_lazy("Opening"), max_length=LONGEST_OPENING, widget=text_area(6)
    )


class QuestionForm(forms.Form):
    """A question that the player answers before the story begins."""

    name = forms.RegexField(
        r"^[a-z_]+$",
        label=gettext_lazy("Name"),
        max_length=30,
        error_messages={
            "invalid": gettext_lazy("Only lower-case letters a to z and _, as used in ${…}.")
        },
        widget=text_input(spellcheck="false", autocapitalize="none"),
    )
    question = forms.CharField(label=gettext_lazy("Question"), max_length=200, widget=text_input())
    default = forms.CharField(
        label=gettext_lazy("Default answer"),
        max_length=LONGEST_TEXT,
        widget=text_area(1),
    )
    multiline = forms.BooleanField(label=gettext_lazy("Long answer"), required=False)

    def clean(self) -> dict[str, Any]:
        """An error on a long default answer unless the answer may have several lines."""
        data: dict[str, Any] = super().clean() or {}
        if len(data.get("default", "")) > LONGEST_ANSWER and not data.get("multiline"):
            self.add_error(
                "default",
                _("Longer than %(most)d characters: tick “Long answer”.")
                % {"most": LONGEST_ANSWER},
            )
        return data


class FirstActionForm(forms.Form):
    """An action that is offered below the opening."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Mode"),
        choices=[
            ("do", gettext_lazy("Do")),
            ("say", gettext_lazy("Say")),
            ("story", gettext_lazy("Story")),
        ],
    )
    text = forms.CharField(label=gettext_lazy("Text"), max_length=200, widget=text_input())

    def has_changed(self) -> bool:
        """False for a row without text, since its mode always has a value."""
        return bool(self.data.get(self.add_prefix("text"), "").strip())


class ScenarioCardForm(CardForm):
    """A card of a scenario, which its author may hide from players at first."""

    hidden = forms.BooleanField(
        label=gettext_lazy("Hidden from players until the narrator uses it"), required=False
    )

    def clean(self) -> dict[str, Any]:
        """The card's fields; `card` is the card with `hidden` set."""
        data = super().clean()
        self.card = replace(self.card, hidden=data.get("hidden", False))
        return data


if TYPE_CHECKING:
    AnyForms = BaseFormSet[Any]
else:
    AnyForms = BaseFormSet  # not subscriptable at run time


class Rows(AnyForms):
    """A formset in which any row may be empty; an emptied row is dropped."""

    def initial_form_count(self) -> int:
        """0 when bound, so that an emptied row is not an error."""
        return 0 if self.is_bound else super().initial_form_count()


def rows_of(form: type[forms.Form], most: int) -> Any:
    """A formset class of at most `most` rows, and as many again that are marked for deletion.

    By default Django would build and show a thousand more for a request that claims so many.
    """
    return formset_factory(
        form,
        Rows,
        extra=1,
        can_delete=True,
        max_num=most,
        validate_max=True,
        absolute_max=2 * most,
    )


ROWS: dict[str, Any] = {
    "openings": rows_of(OpeningForm, MOST_OPENINGS),
    "questions": rows_of(QuestionForm, MOST_QUESTIONS),
    "actions": rows_of(FirstActionForm, MOST_FIRST_ACTIONS),
    "cards": rows_of(ScenarioCardForm, CARDS_IN_FORM),
}


# Formsets that a form may lack, and what of the scenario then stays as it is.
KEPT = {"openings": "more_openings", "cards": "cards"}


class ScenarioForms:
    """All forms of a scenario. `file` is their content once `is_valid` has returned True."""

    def __init__(self, data: Mapping[str, Any] | None, scenario: Scenario | None = None) -> None:
        self.scenario = scenario
        first = initial_of(scenario) if scenario and data is None else {}
        self.stored = writing.content_of(scenario) if scenario else {}
        self.words = WordsForm(data, initial=first.get("words"), label_suffix="")
        self.rows: dict[str, Rows] = {
            name: rows(
                data, initial=first.get(name, []), prefix=name, form_kwargs={"label_suffix": ""}
            )
            for name, rows in ROWS.items()
            if data is None or f"{name}-TOTAL_FORMS" in data or name not in KEPT
        }
        if self.too_many_cards:
            self.rows.pop("cards", None)
        self.problem = ""

    @property
    def too_many_cards(self) -> bool:
        """Whether the scenario has more cards than the form shows; it keeps them."""
        return len(self.stored.get("cards", ())) > CARDS_IN_FORM

    @property
    def openings(self) -> Rows | None:
        """The formset of other openings, for templates; None where they were not sent."""
        return self.rows.get("openings")

    @property
    def questions(self) -> Rows:
        """The formset of questions, for templates."""
        return self.rows["questions"]

    @property
    def actions(self) -> Rows:
        """The formset of first actions, for templates."""
        return self.rows["actions"]

    @property
    def cards(self) -> Rows | None:
        """The formset of cards, for templates; None where they are too many."""
        return self.rows.get("cards")

    def is_valid(self) -> bool:
        """Whether it can be stored. `problem` says what is wrong with it as a whole."""
        each = [self.words.is_valid(), *(rows.is_valid() for rows in self.rows.values())]
        if not all(each):
            return False
        try:
            self.file = writing.clean_file(self.as_file())
            self.problem = writing.problem_of(self.file)
        except ScenarioError as problem:
            self.problem = str(problem)
        return not self.problem

    @property
    def has_errors(self) -> bool:
        """Whether a field of any part has an error."""
        return bool(self.words.errors) or any(
            form.errors for rows in self.rows.values() for form in rows
        )

    def as_file(self) -> ScenarioFile:
        """The forms' content as a scenario. Raises ScenarioError."""
        filled = {name: filled_rows(rows) for name, rows in self.rows.items()}
        content = {
            **self.words.cleaned_data,
            "placeholders": [row_data(row) for row in filled["questions"]],
            "first_actions": [row_data(row) for row in filled["actions"]],
        }
        if "cards" in filled:
            cards = [row.card for row in filled["cards"]]
            content["cards"] = [asdict(card) | {"keys": list(card.keys)} for card in cards]
        if "openings" in filled:
            content["more_openings"] = [row.cleaned_data["text"] for row in filled["openings"]]
        kept = {name: self.stored[name] for name in KEPT.values() if name in self.stored}
        return parse_scenario(kept | content)


def filled_rows(rows: Rows) -> list[Any]:
    """The rows that are filled in and not marked for deletion."""
    return [row for row in rows if row.has_changed() and row not in rows.deleted_forms]


def row_data(row: forms.Form) -> Any:
    """A row's fields without the mark for deletion."""
    return {name: value for name, value in row.cleaned_data.items() if name != "DELETE"}


def initial_of(scenario: Scenario) -> dict[str, Any]:
    """The initial data of the forms for a stored scenario."""
    words = {name: getattr(scenario, name) for name in WordsForm.base_fields}
    words["tags"] = ", ".join(scenario.tags)
    words["leads_to"] = "\n".join(scenario.leads_to)
    words["world"] = beginnings.as_text(scenario.world)
    return {
        "words": words,
        "openings": [{"text": each} for each in scenario.more_openings],
        "questions": scenario.placeholders,
        "actions": scenario.first_actions,
        "cards": [
            {**initial_of_card(card), "hidden": card.hidden} for card in scenario.cards.all()
        ],
    }
