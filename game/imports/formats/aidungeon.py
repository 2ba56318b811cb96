"""AI Dungeon: scenarios, adventures and story cards, in old and new dumps."""

from typing import Any

from game.exchange.parsers import Unreadable
from game.imports.documents import (
    AdventureDocument,
    CardDocument,
    FileDocument,
    ScenarioDocument,
)
from game.imports.fields import Fields, objects_in
from game.imports.keys import set_keys, title_of
from game.imports.macros import ScenarioTexts, StoryTexts
from game.imports.notes import Notes
from game.imports.payload import Payload
from game.imports.times import time_of
from game.imports.turns import Story, split_actions

ACTIONS = ("actions", "actionWindow")
CARDS = ("storyCards", "worldInfo")
SCRIPTS = ("gameCode", "scenarioScripts", "scripts", "sharedLibrary", "onInput", "onOutput")
MEMORIES = ("memory", "plotEssentials", "context")
NOTES = ("authorsNote", "authorNote", "author_note")
MOST_DEEP = 12  # options inside options


def read(payload: Payload) -> FileDocument:
    """Read a dump: any number of scenarios and adventures, or a list of cards."""
    reader = Reader(payload.notes, payload.stem)
    reader.read_any(payload.data)
    found = reader.found
    if not found.adventures and not found.scenarios and not found.cards:
        raise Unreadable("unknown")
    reader.link_options()
    found.notes = payload.notes.listed()
    return found


class Reader:
    """What was found so far, and the scenarios by the ids that options use."""

    def __init__(self, notes: Notes, title: str) -> None:
        self.notes, self.title = notes, title
        self.found = FileDocument(format="aidungeon")
        self.by_id: dict[str, str] = {}  # ids of scenarios, with their names here
        self.wanted: list[tuple[ScenarioDocument, Any]] = []  # options that name another scenario

    def read_any(self, data: Any, depth: int = 5) -> None:
        """Find scenarios, adventures and cards in lists and containers."""
        if isinstance(data, list):
            for each in data:
                self.read_any(each, depth)
        elif isinstance(data, dict) and depth:
            if any(isinstance(data.get(name), list) for name in ACTIONS):
                self.found.adventures.append(self.read_adventure(data))
            elif is_scenario(data):
                self.read_scenario(data)
            elif is_card(data):
                self.found.cards.append(read_card(data, StoryTexts(self.notes), self.notes))
            else:
                self.read_container(data, depth)

    def read_container(self, data: dict[str, Any], depth: int) -> None:
        """Read what a container holds, and keep the rest of it."""
        left = {}
        for name, value in data.items():
            before = self.count()
            if isinstance(value, dict | list):
                self.read_any(value, depth - 1)
            if self.count() == before:
                left[name] = value
        self.found.kept.update(left)

    def count(self) -> int:
        """How much was found."""
        return len(self.found.adventures) + len(self.found.scenarios) + len(self.found.cards)

    # ---- adventures

    def read_adventure(self, data: dict[str, Any]) -> AdventureDocument:
        """An adventure with its actions."""
        fields = Fields(data, self.notes)
        texts = StoryTexts(self.notes)
        actions = next(fields.take(name) for name in ACTIONS if isinstance(data.get(name), list))
        state = fields.inner("state")
        title = fields.text("title") or self.title
        adventure = AdventureDocument(
            title=title,
            memory=texts.fill(fields.text(*MEMORIES) or state.text("memory", "plotEssentials")),
            authors_note=texts.fill(fields.text(*NOTES) or state.text(*NOTES)),
            turns=self.read_actions(actions, texts),
            created=time_of(fields.peek("createdAt")),
            cards=read_cards(fields, state, texts, self.notes),
        )
        summary = fields.text("storySummary", "summary") or state.text("storySummary", "summary")
        if summary and adventure.turns:
            adventure.turns[-1].summary = {"text": texts.fill(summary), "own": 0, "by": "narrator"}
        self.name_scripts(fields)
        adventure.kept = kept_of(fields, state)
        return adventure

    def read_actions(self, actions: list[Any], texts: StoryTexts) -> Any:
        """The turns of a list of actions, which may be the newest first."""
        story = Story()
        listed = [each for each in actions if isinstance(each, dict | str)]
        done = [each for each in listed if isinstance(each, str) or not is_undone(each)]
        if len(done) < len(listed):
            self.notes.add("undone", "actions", "dropped", len(listed) - len(done))
        for each in in_order(done):
            if isinstance(each, str):
                story.read(texts.fill(each))
            else:
                self.read_action(story, each, texts)
        return story.finish()

    def read_action(self, story: Story, action: dict[str, Any], texts: StoryTexts) -> None:
        """Add one action. Its type says whose it is; `>` says so where there is no type."""
        text = action.get("text")
        if not isinstance(text, str) or not text.strip():
            return
        text = texts.fill(text.strip())
        created = time_of(action.get("createdAt"))
        kind = str(action.get("type") or "").lower()
        if kind == "story" and story.turns:
            story.act("story", text, created=created)
        elif kind in ("do", "say") and not text.startswith(">"):
            story.act(kind, text.removeprefix(">").strip(), created=created)
        elif kind in ("continue", "start", "opening", "prompt") or not story.turns:
            story.tell(text, created=created)
        else:
            for which, piece in split_actions(text):
                if which:
                    story.act(which, piece, created=created)
                else:
                    story.tell(piece, created=created)

    # ---- scenarios

    def read_scenario(self, data: dict[str, Any], depth: int = MOST_DEEP) -> ScenarioDocument:
        """A scenario, with the scenarios that its options hold."""
        fields = Fields(data, self.notes)
        texts = ScenarioTexts(self.notes)
        state = fields.inner("state")
        plain = StoryTexts(self.notes)
        opening = texts.fill(fields.text("prompt", "opening"))
        title = plain.fill(fields.text("title", "name")) or self.title
        scenario = ScenarioDocument(
            name=self.free_name(data, title),
            title=title,
            tagline=plain.fill(fields.text("description")),
            tags=[plain.fill(tag) for tag in fields.texts("tags")],
            openings=[opening] if opening.strip() else [],
            memory=texts.fill(fields.text(*MEMORIES) or state.text("memory", "plotEssentials")),
            authors_note=texts.fill(fields.text(*NOTES) or state.text(*NOTES)),
            cards=read_cards(fields, state, texts, self.notes),
        )
        scenario.placeholders = texts.placeholders
        self.found.scenarios.append(scenario)
        self.name_scripts(fields)
        options = fields.take("options") or []
        missing = self.read_options(scenario, options, depth)
        scenario.kept = kept_of(fields, state)
        if missing:
            scenario.kept["options"] = missing
        return scenario

    def free_name(self, data: dict[str, Any], title: str) -> str:
        """A name for a scenario that no other has, noted under each of its ids."""
        ids = [str(data[name]) for name in ("publicId", "shortId", "id") if data.get(name)]
        taken = set(self.by_id.values())
        name = stem = ids[0] if ids else title or "scenario"
        number = 2
        while name in taken:
            name, number = f"{stem} {number}", number + 1
        for each in [*ids, name]:
            self.by_id.setdefault(each, name)
        return name

    def read_options(self, scenario: ScenarioDocument, options: Any, depth: int) -> list[Any]:
        """Read options that hold a scenario, and note those that name one. Returns what is left."""
        left = []
        for each in options if isinstance(options, list) else [options]:
            if isinstance(each, dict) and depth and is_scenario(each):
                scenario.options.append(self.read_scenario(each, depth - 1).name)
            elif isinstance(each, dict | str):
                self.wanted.append((scenario, each))
            elif each not in (None, ""):
                left.append(each)
        return left

    def link_options(self) -> None:
        """Link options to the scenarios of this file that they name; keep the others."""
        for scenario, option in self.wanted:
            ids = [option] if isinstance(option, str) else option_ids(option)
            name = next((self.by_id[each] for each in ids if each in self.by_id), None)
            if name is not None and name != scenario.name:
                scenario.options.append(name)
                continue
            title = option if isinstance(option, str) else str(option.get("title") or "")
            self.notes.add("option_missing", title, "kept")
            scenario.kept.setdefault("options", []).append(option)

    def name_scripts(self, fields: Fields) -> None:
        """Say that scripts come along unused. They are kept with the rest."""
        for name in SCRIPTS:
            if fields.peek(name):
                self.notes.add("scripts", name, "kept")


def is_scenario(data: dict[str, Any]) -> bool:
    """Whether an object has what only a scenario has."""
    if isinstance(data.get("prompt"), str):
        return True
    return isinstance(data.get("options"), list) and isinstance(data.get("title"), str)


def is_card(data: dict[str, Any]) -> bool:
    """Whether an object is a story card."""
    text = next((data[name] for name in ("value", "entry") if name in data), None)
    return isinstance(text, str) and isinstance(data.get("keys", data.get("title", "")), str | list)


def option_ids(option: dict[str, Any]) -> list[str]:
    """The ids by which an option may name its scenario."""
    names = ("publicId", "publicScenarioId", "scenarioId", "shortId", "id", "title")
    return [str(option[name]) for name in names if option.get(name)]


def is_undone(action: dict[str, Any]) -> bool:
    """Whether an action was taken back."""
    return any(action.get(name) for name in ("undoneAt", "deletedAt", "undone", "deleted"))


def in_order(actions: list[Any]) -> list[Any]:
    """The actions, oldest first, where their times or ids say that they are not."""
    for name in ("createdAt", "id"):
        values = [each.get(name) for each in actions if isinstance(each, dict)]
        if len(values) == len(actions) > 1 and all(isinstance(each, str | int) for each in values):
            keys = [(len(str(each)), str(each)) for each in values]
            return sort_by(actions, keys) if keys[0] > keys[-1] else actions
    return actions


def sort_by(actions: list[Any], keys: list[Any]) -> list[Any]:
    """The actions, newest first, turned into the order of these keys."""
    actions, keys = actions[::-1], keys[::-1]  # equal keys are newest first too
    return [actions[place] for place in sorted(range(len(actions)), key=lambda at: keys[at])]


# ---- cards


def read_cards(
    fields: Fields, state: Fields, texts: StoryTexts, notes: Notes
) -> list[CardDocument]:
    """The cards in every field that may have them; equal ones once."""
    entries: list[Any] = []
    for each in (fields, state):
        for name in CARDS:
            entries += each.objects(name)
    found: list[CardDocument] = []
    for entry in entries:
        card = read_card(entry, texts, notes)
        if not any(card.keys == other.keys and card.text == other.text for other in found[-200:]):
            found.append(card)
    return found


def read_card(entry: dict[str, Any], texts: StoryTexts, notes: Notes) -> CardDocument:
    """A story card, or an entry of the older world info."""
    fields = Fields(entry, notes, "storyCards.")
    card = CardDocument(title=texts.fill(fields.text("title", "name")))
    keys = fields.texts("keys", "key")
    card.text = texts.fill(fields.text("value", "entry", "text"), card.title)
    set_keys(card, [texts.fill(key, card.title) for key in keys], notes)
    card.title = card.title or title_of(card)
    card.kept = fields.rest()
    if card.keys != keys:
        card.kept["keys"] = entry.get("keys")
    return card


def kept_of(fields: Fields, state: Fields) -> dict[str, Any]:
    """What is kept of an object and of its state."""
    kept = fields.rest()
    left = state.rest()
    return {**kept, "state": left} if left else kept


def cards_in(data: Any) -> list[Any]:
    """The objects of a list that are cards."""
    return [each for each in objects_in(data) if is_card(each)]
