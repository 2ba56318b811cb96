"""What the player chose to do with a file, and the document that comes of it."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    FileDocument,
    ScenarioDocument,
    TurnDocument,
    every_card,
)
from game.library.placeholders import fill_placeholders
from game.models import Adventure, Player, Scenario

AS_FOUND, ADVENTURE, SCENARIO, CARDS = "found", "adventure", "scenario", "cards"


def ways(preview: dict[str, Any]) -> list[str]:
    """In which ways a file can be imported, the usual one first."""
    adventures, scenarios = preview.get("adventures", 0), preview.get("scenarios", 0)
    found = []
    if adventures and scenarios:
        found = [AS_FOUND]
    elif adventures:
        found = [ADVENTURE, SCENARIO]
    elif scenarios:
        found = [SCENARIO, ADVENTURE]
    return [*found, CARDS] if preview.get("cards") else found


def targets(player: Player) -> tuple[QuerySet[Adventure], QuerySet[Scenario]]:
    """The adventures and scenarios to which the player may add cards, last changed first."""
    return (
        Adventure.objects.of(player).order_by("-changed"),
        Scenario.objects.all().of(player).order_by("-changed"),
    )


def target_of(player: Player, chosen: str) -> Adventure | Scenario | None:
    """The player's adventure or scenario that `targets` offered as `chosen`; None without one."""
    adventures, scenarios = targets(player)
    kind, _colon, name = chosen.partition(":")
    if kind == "scenario":
        return scenarios.filter(pk=name).first()
    try:
        return adventures.filter(pk=UUID(name)).first() if kind == "adventure" else None
    except ValueError:
        return None


def converted(document: FileDocument, way: str) -> FileDocument:
    """The document with its stories as the player wants them."""
    if way == ADVENTURE:
        document.adventures += [as_adventure(each) for each in document.scenarios]
        document.scenarios = []
    elif way == SCENARIO:
        document.scenarios += [as_scenario(each) for each in document.adventures]
        document.adventures = []
    elif way == CARDS:
        document.cards = every_card(document)
        document.adventures, document.scenarios = [], []
    return document


def as_adventure(scenario: ScenarioDocument) -> AdventureDocument:
    """The adventure that begins with a scenario's opening and the usual answers."""
    answers = {
        str(each["name"]): str(each.get("default") or each["name"])
        for each in scenario.placeholders
        if each.get("name")
    }

    def filled(text: str) -> str:
        return fill_placeholders(text, answers)

    openings = [each for each in scenario.openings if each.strip()] or [scenario.title]
    kept = {**scenario.kept}
    if scenario.picture:
        kept["picture"] = scenario.picture
    return AdventureDocument(
        title=scenario.title,
        memory=filled(scenario.memory),
        authors_note=filled(scenario.authors_note),
        turns=[TurnDocument(kind="opening", reply=filled(each)) for each in openings],
        head=0,
        cards=[
            CardDocument(
                title=filled(card.title),
                keys=[filled(key) for key in card.keys],
                text=filled(card.text),
                pinned=card.pinned,
                hidden=card.hidden,
                options=card.options,
                kept=card.kept,
            )
            for card in scenario.cards
        ],
        audience=scenario.audience,
        extra={
            "first_actions": [
                {**each, "text": filled(each["text"])} for each in scenario.first_actions
            ]
        },
        kept=kept,
    )


def as_scenario(adventure: AdventureDocument) -> ScenarioDocument:
    """The scenario that begins as an adventure did: its first words, memory, note and cards."""
    first = next((turn.reply for turn in adventure.turns if turn.reply.strip()), "")
    return ScenarioDocument(
        title=adventure.title,
        openings=[first],
        memory=adventure.memory,
        authors_note=adventure.authors_note,
        first_actions=adventure.extra.get("first_actions", []),
        cards=adventure.cards,
        audience=adventure.audience,
        kept=adventure.kept,
    )
