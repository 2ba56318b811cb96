"""Scenarios of players: writing, changing, publishing and deleting them, and their files.

A scenario from a form or from an upload is validated as a ScenarioFile before it is stored.
"""

import secrets
from typing import Any

import yaml
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext as _

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.library import limits, ratings, trash
from game.library.placeholders import fill_placeholders, names_in, undeclared_in
from game.models import LONGEST_OPENING, Player, Scenario, StoryCard, Visibility
from game.moderation import screening
from game.moderation.rulebook import Where
from game.moderation.standing import publishing_refusal
from game.play.protocol import Refused, clean_text
from game.scenarios import ScenarioError, ScenarioFile, parse_scenario
from game.state import beginnings

MOST_WARNINGS = 8
LONGEST_FILE = 4 * 1024 * 1024  # bytes
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without letters that look alike


def new_slug(title: str) -> str:
    """A slug for a scenario: its title and 60 random bits, so that nobody can guess it."""
    end = "".join(secrets.choice(LETTERS) for _ in range(12))
    return f"{slugify(title)[:45].strip('-') or 'scenario'}-{end}"


@screening.record_rejections()
def write(player: Player, file: ScenarioFile, scenario: Scenario | None = None) -> Scenario:
    """Store a scenario: as a new draft of `player`, or over the content of `scenario`.

    Raises ScenarioError, LimitMet, and Refused if it breaks a rule; nothing is stored then.
    """
    file = clean_file(file)
    problem = problem_of(file)
    if problem:
        raise ScenarioError(problem)
    fields = file.model_dump(exclude={"cards", "rank"})
    with transaction.atomic():
        if scenario is None:
            limits.refuse_beyond_scenario_limit(player)
            scenario = Scenario(
                slug=new_slug(file.title), author=player, visibility=Visibility.PRIVATE
            )
        where: Where = "input" if scenario.visibility == Visibility.PRIVATE else "publish"
        screening.screen(all_texts(file), "scenario", player, audience=file.audience, where=where)
        before = content_of(scenario) if scenario.pk and not scenario._state.adding else None
        if before is not None and before != content_in(file):
            scenario.previous = before
        for name, value in fields.items():
            setattr(scenario, name, value)
        scenario.changed = Now()
        scenario.save()
        scenario.cards.all().delete()
        StoryCard.objects.bulk_create(
            StoryCard(scenario=scenario, **card.model_dump()) for card in file.cards
        )
    return scenario


def undo(player: Player, scenario: Scenario) -> bool:
    """Swap a scenario's content with the one before its last save. False if there is none.

    Doing it twice restores the newer content. Raises as `write` does.
    """
    if scenario.previous is None:
        return False
    write(player, parse_scenario(scenario.previous), scenario)
    return True


def delete(scenario: Scenario) -> None:
    """Delete a scenario. Its author can restore it for a while."""
    with transaction.atomic():
        Scenario.objects.filter(pk=scenario.pk).update(deleted=Now())
        trashed = Scenario.with_deleted.filter(author=scenario.author, deleted__isnull=False)
        beyond = trashed.order_by("-deleted").values_list("pk", flat=True)[trash.MOST_DELETED :]
        Scenario.with_deleted.filter(pk__in=list(beyond)).delete()


def deleted_of(player: Any) -> QuerySet[Scenario]:
    """The scenarios that `player` deleted and can restore, last deleted first."""
    return trash.restorable(Scenario.with_deleted.all().of(player))


def restore(player: Player, scenario: Scenario) -> None:
    """Restore a scenario with the visibility it had. Raises LimitMet."""
    with transaction.atomic():
        limits.refuse_beyond_scenario_limit(player)
        Scenario.with_deleted.filter(pk=scenario.pk).update(deleted=None)


def clean_file(file: ScenarioFile) -> ScenarioFile:
    """The scenario with every text cleaned. Raises ScenarioError if a required one is empty."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return clean_text(value)
        if isinstance(value, list):
            return [clean(each) for each in value]
        if isinstance(value, dict):
            return {name: clean(each) for name, each in value.items()}
        return value

    content = clean(file.model_dump())
    content["tags"] = list(dict.fromkeys(tag.lower() for tag in content["tags"]))
    return parse_scenario(content)


def problem_of(file: ScenarioFile) -> str:
    """What is wrong with a scenario as a whole, in words for its author; "" if nothing is."""
    names = [each.name for each in file.placeholders]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        return _("Two questions use the name ${%(name)s}. Rename one of them.") % {"name": doubled}
    undeclared = names_in(texts_of(file)) - set(names)
    if undeclared:
        return _(
            "${%(name)s} is used in the text, but no question asks for it. Add the question, or "
            "remove it from the text."
        ) % {"name": min(undeclared)}
    answers = {each.name: each.default for each in file.placeholders}
    openings = [fill_placeholders(each, answers) for each in (file.opening, *file.more_openings)]
    filled = max(openings, key=len)
    if len(filled) > LONGEST_OPENING:
        return _(
            "With the answers filled in, the opening has %(length)s characters; "
            "the limit is %(most)s. Shorten it."
        ) % {
            "length": f"{len(filled):,}",
            "most": f"{LONGEST_OPENING:,}",
        }
    return ""


def warnings(file: ScenarioFile) -> list[str]:
    """What the author should look at before publishing: placeholders that no answer fills."""
    names = {each.name for each in file.placeholders}
    found = []
    for place in undeclared_in(texts_of(file), names)[:MOST_WARNINGS]:
        if (name := place.strip("${} \t").lower()) in names:
            message = _("“%(place)s” is shown as it is. Write ${%(name)s} to put the answer there.")
        else:
            message = _("“%(place)s” is shown as it is: no question has this name.")
        found.append(message % {"place": place, "name": name})
    for place in undeclared_in([file.title, file.tempt, *file.tags], ())[:MOST_WARNINGS]:
        message = _("“%(place)s” is shown as it is: title, tagline and tags cannot have answers.")
        found.append(message % {"place": place})
    return found


def warnings_of(scenario: Scenario) -> list[str]:
    """The warnings of a stored scenario. Raises ScenarioError if it is invalid."""
    return warnings(parse_scenario(content_of(scenario)))


def texts_of(file: ScenarioFile) -> list[str]:
    """Every text in which placeholders are filled."""
    texts = [file.opening, *file.more_openings, file.memory, file.authors_note]
    texts += [action.text for action in file.first_actions]
    texts += [text for card in file.cards for text in (card.title, card.text, *card.keys)]
    for card in file.cards:
        texts += card.options.get("secondary_keys", [])
    return [*texts, *beginnings.texts_of(file.world)]


def all_texts(file: ScenarioFile) -> list[str]:
    """Every text that somebody wrote in it."""
    questions = [text for each in file.placeholders for text in (each.question, each.default)]
    return [file.title, file.tempt, ", ".join(file.tags), *texts_of(file), *questions]


@screening.record_rejections()
def publish(scenario: Scenario, visibility: Visibility) -> None:
    """Set who can read a scenario; PRIVATE unpublishes it. Adventures begun from it stay.

    Raises Refused if its author may not publish now, or if it breaks a rule.
    """
    if visibility != Visibility.PRIVATE and scenario.author is not None:
        if (reason := publishing_refusal(scenario.author)) is not None:
            raise Refused("not_allowed", reason)
        texts = all_texts(parse_scenario({**content_of(scenario)}))
        screening.screen(
            texts, "scenario", scenario.author, audience=scenario.audience, where="publish"
        )
    Scenario.objects.filter(pk=scenario.pk).update(visibility=visibility, changed=Now())
    ratings.count([scenario.slug])


# As a file


def content_of(scenario: Scenario) -> dict[str, Any]:
    """A stored scenario's content with its cards, in the format of scenario files."""
    names = [name for name in ScenarioFile.model_fields if name not in ("rank", "cards")]
    content = {name: getattr(scenario, name) for name in names}
    content["cards"] = [
        {
            "title": card.title,
            "keys": card.keys,
            "text": card.text,
            "pinned": card.pinned,
            "hidden": card.hidden,
            "options": card.options,
        }
        for card in scenario.cards.all()
    ]
    return content


def content_in(file: ScenarioFile) -> dict[str, Any]:
    """A file's content in the same form as `content_of` returns."""
    return file.model_dump(exclude={"rank"})


def as_yaml(scenario: Scenario) -> str:
    """The scenario as a file like those in `game/beginnings`."""
    content = content_of(scenario)
    content["world"] = beginnings.as_text(scenario.world)
    if not content["world"]:
        del content["world"]
    for name in ("more_openings", "leads_to"):
        if not content[name]:
            del content[name]
    for card in content["cards"]:
        if not card["options"]:
            del card["options"]
    return yaml.dump(content, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=100)


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as YAML block scalars."""


def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A YAML scalar: a block for several lines."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, represent_text)


def from_yaml(content: bytes) -> ScenarioFile:
    """Read a scenario from an uploaded file. Raises ScenarioError."""
    if len(content) > LONGEST_FILE:
        raise ScenarioError(
            _("That file is larger than %(size)s MiB.") % {"size": LONGEST_FILE // 1024 // 1024}
        )
    try:
        return parse_scenario(sandbox.read("yaml", content))
    except Unreadable as problem:
        raise ScenarioError(sandbox.message_of(problem)) from None
