"""Scenario files: `game/beginnings/<slug>.yaml`. Loading them again is safe."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from django.db import transaction
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from game.cards.card_import import LONGEST_TITLE, card_problem
from game.cards.options import LONGEST_KEY, MOST_KEYS, read_options
from game.exchange import parsers, sandbox
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_TEXT,
    Scenario,
    StoryCard,
)
from game.state import beginnings
from inference.contract.cards import CardOptions

SHIPPED = Path(__file__).parent / "beginnings"
MOST_QUESTIONS = 30
MOST_FIRST_ACTIONS = 6
MOST_SCENARIO_CARDS = 1_000
MOST_CARD_CHARACTERS = 1_000_000  # of all cards of a scenario
MOST_OPENINGS = 20  # beside the first
MOST_LINKS = 20


class ScenarioError(Exception):
    """What is wrong with a scenario file, in one line."""


class Plain(BaseModel):
    """A part of a scenario file: unknown fields are errors, texts are stripped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Placeholder(Plain):
    """A question that the player answers first; `${name}` stands for the answer."""

    name: str = Field(pattern=r"^[a-z_]+$", max_length=30)
    question: str = Field(min_length=1, max_length=200)
    default: str = Field(min_length=1, max_length=LONGEST_TEXT)
    multiline: bool = False


class FirstAction(Plain):
    """An action that is offered below the opening."""

    kind: Literal["do", "say", "story"]
    text: str = Field(min_length=1, max_length=200)


class CardFile(Plain):
    """A story card as a scenario file has it."""

    title: str = Field(max_length=LONGEST_TITLE)
    keys: list[Annotated[str, Field(max_length=LONGEST_KEY)]] = Field(max_length=MOST_KEYS)
    text: str = Field(min_length=1, max_length=LONGEST_NOTE)
    pinned: bool = False
    hidden: bool = False  # from players, until the narrator has used it
    options: dict[str, Any] = {}  # as game.cards.options reads them

    @field_validator("options")
    @classmethod
    def options_as_stored(cls, value: dict[str, Any]) -> dict[str, Any]:
        """The options that are not as usual. Raises ValueError for one that cannot be."""
        # In YAML every value is a text.
        return read_options(CardOptions.model_validate(value).model_dump(mode="json"))

    @model_validator(mode="after")
    def fires(self) -> Self:
        """Raises ValueError for a card that could never enter a prompt."""
        if not self.keys and not self.pinned:
            raise ValueError("A card has no keys: add at least one key, or pin it.")
        if problem := card_problem(tuple(self.keys), self.text, self.pinned, self.options):
            raise ValueError(problem)
        return self


class ScenarioFile(Plain):
    """A scenario file. `${name}` in its texts is replaced by the player's answer."""

    title: str = Field(min_length=1, max_length=80)
    tempt: str = Field(min_length=1, max_length=160)
    rank: int = Field(default=1000, ge=0, le=2_000_000_000)
    tags: list[Annotated[str, Field(min_length=1, max_length=30)]] = Field([], max_length=8)
    placeholders: list[Placeholder] = Field([], max_length=MOST_QUESTIONS)
    memory: str = Field(default="", max_length=LONGEST_MEMORY)
    authors_note: str = Field(default="", max_length=LONGEST_NOTE)
    opening: str = Field(min_length=1, max_length=LONGEST_OPENING)
    # Other openings, of which the player may choose one.
    more_openings: list[Annotated[str, Field(min_length=1, max_length=LONGEST_OPENING)]] = Field(
        [], max_length=MOST_OPENINGS
    )
    # The names of scenarios, in addresses: the player goes on to one of them.
    leads_to: list[Annotated[str, Field(pattern=r"^[-a-zA-Z0-9_]+$", max_length=60)]] = Field(
        [], max_length=MOST_LINKS
    )
    first_actions: list[FirstAction] = Field([], max_length=MOST_FIRST_ACTIONS)
    cards: list[CardFile] = Field([], max_length=MOST_SCENARIO_CARDS)
    # The beginning state: lines as game.state.beginnings reads them, or the changes in them.
    world: list[dict[str, Any]] = []
    audience: Literal["everyone", "teen", "mature"] = "teen"

    @model_validator(mode="after")
    def has_room(self) -> Self:
        """Raises ValueError where the cards are too long together."""
        size = sum(len(text) for card in self.cards for text in (card.text, *card.keys))
        if size > MOST_CARD_CHARACTERS:
            raise ValueError(f"The cards have {size:,} characters: {MOST_CARD_CHARACTERS:,} fit.")
        return self

    @field_validator("world", mode="before")
    @classmethod
    def state_in(cls, value: Any) -> list[dict[str, Any]]:
        """The changes in the lines of a beginning state. Raises ValueError with what is wrong."""
        return beginnings.as_data(beginnings.entries_in(value))


def read_scenario(file: Path) -> ScenarioFile:
    """Read a scenario from a file. Raises ScenarioError with the file's name and what is wrong."""
    try:
        return parse_scenario_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise ScenarioError(f"{file.name}: {' '.join(str(problem).split())}") from None
    except ScenarioError as problem:
        raise ScenarioError(f"{file.name}: {problem}") from None


def parse_scenario_yaml(content: str) -> ScenarioFile:
    """Read a scenario from YAML. Raises ScenarioError with what is wrong, and where."""
    try:
        return parse_scenario(parsers.read_yaml(content))
    except parsers.Unreadable as problem:
        raise ScenarioError(sandbox.message_of(problem)) from None


def parse_scenario(data: Any) -> ScenarioFile:
    """Validate plain data as a scenario. Raises ScenarioError with what is wrong, and where."""
    try:
        return ScenarioFile.model_validate(data)
    except ValidationError as problem:
        first = problem.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise ScenarioError(f"{place}: {message}" if place else message) from None


def load_scenarios(folder: Path = SHIPPED) -> dict[str, ScenarioFile]:
    """Store every scenario of a folder. Returns them by slug. Raises ScenarioError.

    Loading again replaces what an earlier load stored, cards too; adventures have copies of their
    own and stay as they are. All files are read before the first is stored.
    """
    found = {file.stem: read_scenario(file) for file in sorted(folder.glob("*.yaml"))}
    with transaction.atomic():
        for slug, scenario in found.items():
            store(slug, scenario)
    return found


def store(slug: str, file: ScenarioFile) -> None:
    """Store a scenario under a slug, replacing one that is there, with its cards."""
    fields = file.model_dump(exclude={"cards"})
    scenario, _ = Scenario.objects.update_or_create(slug=slug, defaults=fields)
    scenario.cards.all().delete()
    StoryCard.objects.bulk_create(
        StoryCard(scenario=scenario, **card.model_dump()) for card in file.cards
    )
