"""Scenarios as files: `game/beginnings/<slug>.yaml`, loaded as often as one likes."""

from pathlib import Path
from typing import Literal

import yaml
from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from game.models import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_TEXT, Scenario, StoryCard

SHIPPED = Path(__file__).parent / "beginnings"


class ScenarioError(Exception):
    """What is wrong with a scenario file, in one line."""


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Placeholder(Plain):
    name: str = Field(pattern=r"^[a-z_]+$")
    question: str
    default: str
    multiline: bool = False


class FirstAction(Plain):
    kind: Literal["do", "say", "story"]
    text: str = Field(max_length=200)


class CardFile(Plain):
    title: str = Field(max_length=80)
    keys: list[str] = Field(min_length=1)
    text: str = Field(max_length=LONGEST_NOTE)
    pinned: bool = False


class ScenarioFile(Plain):
    """One file. The texts are as players and narrators read them, with `${name}` to fill."""

    title: str = Field(max_length=80)
    tempt: str = Field(max_length=160)
    rank: int = Field(default=1000, ge=0)
    tags: list[str] = []
    placeholders: list[Placeholder] = []
    memory: str = Field(default="", max_length=LONGEST_MEMORY)
    authors_note: str = Field(default="", max_length=LONGEST_NOTE)
    opening: str = Field(max_length=LONGEST_TEXT)
    first_actions: list[FirstAction] = []
    cards: list[CardFile] = []


def read_scenario(file: Path) -> ScenarioFile:
    """The scenario in a file. Raises ScenarioError naming the file and what is wrong."""
    try:
        return ScenarioFile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise ScenarioError(f"{file.name}: {' '.join(str(problem).split())}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ScenarioError(f"{file.name}: {place}: {first['msg']}") from None


def load_scenarios(folder: Path = SHIPPED) -> int:
    """Bring every scenario of the folder into the database, as its file says. How many.

    Loading again replaces what an earlier load brought, cards too; adventures have copies of their
    own and stay as they are. All files are read before the first is stored.
    """
    found = {file.stem: read_scenario(file) for file in sorted(folder.glob("*.yaml"))}
    with transaction.atomic():
        for slug, scenario in found.items():
            store(slug, scenario)
    return len(found)


def store(slug: str, file: ScenarioFile) -> None:
    fields = file.model_dump(exclude={"cards"})
    scenario, _ = Scenario.objects.update_or_create(slug=slug, defaults=fields)
    scenario.cards.all().delete()
    StoryCard.objects.bulk_create(
        StoryCard(scenario=scenario, **card.model_dump()) for card in file.cards
    )
