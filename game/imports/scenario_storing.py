"""Stores scenarios of documents, as drafts of the player."""

import re
from typing import Any

from django.utils.translation import gettext as _

from game.imports.card_storing import CardBuilder
from game.imports.documents import ScenarioDocument
from game.imports.fitting import one_line, shortened, split_text
from game.imports.keeping import Kept
from game.imports.notes import Notes
from game.imports.storing import Stored, first_actions
from game.library import limits, writing
from game.library.placeholders import PLACE, names_in
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_TEXT,
    Audience,
    Player,
    Scenario,
    Visibility,
)
from game.play.protocol import clean_text
from game.scenarios import (
    MOST_LINKS,
    MOST_OPENINGS,
    MOST_QUESTIONS,
    MOST_SCENARIO_CARDS,
    ScenarioFile,
    parse_scenario,
)
from game.state import beginnings

LONGEST_TITLE, LONGEST_TAGLINE, LONGEST_TAG, MOST_TAGS = 80, 160, 30, 8
LONGEST_NAME, LONGEST_QUESTION = 30, 200


def store_scenario(
    player: Player, document: ScenarioDocument, notes: Notes, row: Scenario | None = None
) -> Stored:
    """Store a scenario as a draft, or in a new `row`. Raises ScenarioError, LimitMet, Refused."""
    cards = CardBuilder(notes, MOST_SCENARIO_CARDS)
    for card in document.cards:
        cards.add(card)
    file = fitted(document, cards, notes)
    scenario = writing.write(player, file, row or draft_of(player, file.title))
    built = store_options(scenario, cards)
    kept = Kept(
        story={**document.kept, **unused_parts(document, file, notes)},
        cards={built[pk]: each for pk, each in cards.kept.items() if built[pk]},
    )
    counts = {"cards": len(file.cards), "questions": len(file.placeholders)}
    return Stored(scenario.title, scenario=scenario, counts=counts, kept=kept)


def draft_of(player: Player, title: str) -> Scenario:
    """A row for a new draft. Raises LimitMet.

    The player's row is not locked: a long import would keep the player from acting.
    """
    limits.refuse_too_many_scenarios(player)
    slug = writing.new_slug(title)
    return Scenario(slug=slug, author=player, visibility=Visibility.PRIVATE)


def store_options(scenario: Scenario, cards: CardBuilder) -> dict[str, str]:
    """Store the options of a scenario's cards. The cards' ids by those that were built."""
    rows = {(each.title, each.text): each for each in scenario.cards.all()}
    found: dict[str, str] = {}
    for built in cards.rows:
        row = rows.get((built.title, built.text))
        found[str(built.pk)] = str(row.pk) if row else ""
        if row and built.options:
            row.options = built.options
            row.save(update_fields=["options"])
    return found


def fitted(document: ScenarioDocument, cards: CardBuilder, notes: Notes) -> ScenarioFile:
    """The document as a scenario file. Raises ScenarioError."""
    texts = Texts(document.placeholders, notes)
    openings = [
        shortened(texts.renamed(each), LONGEST_OPENING, notes, "opening")
        for each in written(document.openings)[: 1 + MOST_OPENINGS]
    ]
    opening = openings[0] if openings else ""
    title = one_line(document.title, LONGEST_TITLE) or _("Imported scenario")
    content: dict[str, Any] = {
        "title": title,
        "tempt": tagline(document, opening) or title,
        "tags": tags(document.tags, notes),
        "opening": opening or title,
        "more_openings": openings[1:],
        "memory": shortened(texts.renamed(document.memory), LONGEST_MEMORY, notes, "memory"),
        "authors_note": shortened(
            texts.renamed(document.authors_note), LONGEST_NOTE, notes, "authors_note"
        ),
        "first_actions": [
            {**each, "text": texts.renamed(each["text"])}
            for each in first_actions(document.first_actions)
        ],
        "cards": [
            {
                "title": texts.renamed(card.title),
                "keys": [texts.renamed(key) for key in card.keys],
                "text": texts.renamed(card.text),
                "pinned": card.pinned or not card.keys,
                "hidden": card.hidden,
            }
            for card in cards.rows
        ],
        "world": beginning_state(document.world, notes),
        "audience": document.audience if document.audience in Audience.values else Audience.TEEN,
    }
    return parse_scenario(content | {"placeholders": texts.questions(content)})


class Texts:
    """The texts of a scenario, in which questions have names that are allowed here."""

    def __init__(self, placeholders: list[dict[str, Any]], notes: Notes) -> None:
        self.notes = notes
        self.names: dict[str, str] = {}  # by the name that the file uses
        self.asked: dict[str, dict[str, Any]] = {}
        for each in placeholders:
            before = str(each.get("name", ""))
            name = self.names.setdefault(before, self.new_name(before))
            self.asked.setdefault(name, each)

    def new_name(self, before: str) -> str:
        """A name of lower-case letters that no other question has."""
        name = re.sub(r"[^a-z_]+", "_", before.lower()).strip("_")[:LONGEST_NAME] or "answer"
        while name in self.asked:
            name = (
                f"{name[: LONGEST_NAME - 2]}_{'abcdefghijklmnopqrstuvwxyz'[len(self.asked) % 26]}"
            )
        return name

    def renamed(self, text: str) -> str:
        """The text with the names of questions as they are here."""

        def new(found: re.Match[str]) -> str:
            if found[1] not in self.names:
                self.names[found[1]] = self.new_name(found[1])
                self.asked[self.names[found[1]]] = {"name": found[1]}
                self.notes.add("question_added", "placeholders", "changed")
            return f"${{{self.names[found[1]]}}}"

        return PLACE.sub(new, text)

    def questions(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        """The questions in the form of scenario files; those without room keep their default."""
        found = []
        for name, each in self.asked.items():
            question = one_line(str(each.get("question") or each.get("name") or name), 200)
            default = clean_text(str(each.get("default", "")))[: LONGEST_TEXT // 4]
            row = {"name": name, "question": question or name, "default": default or "…"}
            found.append(row | {"multiline": True} if each.get("multiline") is True else row)
        if len(found) <= MOST_QUESTIONS:
            return found
        used = names_in(strings_in(content))
        found.sort(key=lambda each: each["name"] not in used)  # those that no text uses go first
        for each in found[MOST_QUESTIONS:]:
            self.notes.add("question_left_out", "placeholders", "dropped")
            fill(content, f"${{{each['name']}}}", str(each["default"]))
        return found[:MOST_QUESTIONS]


def strings_in(value: Any) -> list[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings_in(each)]


def fill(content: Any, place: str, answer: str) -> None:
    """Replace a question's place in every text of plain data by its answer."""
    keys = content.keys() if isinstance(content, dict) else range(len(content))
    for key in list(keys):
        value = content[key]
        if isinstance(value, str):
            content[key] = value.replace(place, answer)
        elif isinstance(value, dict | list):
            fill(value, place, answer)


def tagline(document: ScenarioDocument, opening: str) -> str:
    """The tagline; without one the opening's first sentence."""
    text = one_line(document.tagline, 4_000) or one_line(opening, 4_000)
    return text if len(text) <= LONGEST_TAGLINE else split_text(text, LONGEST_TAGLINE)[0]


def tags(every: list[str], notes: Notes) -> list[str]:
    """The tags for which there is room."""
    found = dict.fromkeys(one_line(each, 200) for each in every)
    fitting = [each for each in found if each and len(each) <= LONGEST_TAG]
    if len(fitting) > MOST_TAGS or len(fitting) < len(found):
        notes.add("tags_left_out", "tags", "dropped")
    return fitting[:MOST_TAGS]


def beginning_state(world: list[Any], notes: Notes) -> list[dict[str, Any]]:
    """The beginning state as scenarios store it; none if it makes no sense."""
    value = world[0] if len(world) == 1 and isinstance(world[0], str) else world
    try:
        return beginnings.as_data(beginnings.entries_in(value))
    except ValueError:
        notes.add("world_unknown", "world", "dropped")
        return []


def link_scenario(
    player: Player,
    scenario: Scenario,
    names: list[str],
    scenarios: dict[str, Scenario],
    notes: Notes,
) -> None:
    """Have a scenario lead to others, by their names in the file or in their addresses here."""
    here = Scenario.objects.readable_by(player).in_bulk([each for each in names if len(each) <= 60])
    found = [scenarios.get(each) or here.get(each) for each in names]
    slugs = list(dict.fromkeys(each.slug for each in found if each is not None))[:MOST_LINKS]
    if len(slugs) < len(names):
        notes.add("options_kept", "options", "kept", len(names) - len(slugs))
    Scenario.objects.filter(pk=scenario.pk).update(leads_to=slugs)


def written(openings: list[str]) -> list[str]:
    """The openings that have a text."""
    return [each for each in openings if clean_text(each)]


def unused_parts(document: ScenarioDocument, file: ScenarioFile, notes: Notes) -> dict[str, Any]:
    """What a scenario has no place for: openings, links, a picture, long texts."""
    parts: dict[str, Any] = {}
    if rest := written(document.openings)[1 + MOST_OPENINGS :]:
        parts["openings"] = rest
        notes.add("openings_kept", "openings", "kept", len(rest))
    if document.options:
        parts["options"] = document.options
    if document.picture:
        parts["picture"] = document.picture
    first = document.openings[0] if document.openings else ""
    for name, text, here in (
        ("opening", first, file.opening),
        ("memory", document.memory, file.memory),
        ("authors_note", document.authors_note, file.authors_note),
    ):
        if len(text) > len(here) + 200:
            parts[name] = text
    return parts
