"""A story as prose to read: plain text, Markdown, and chapters for a web page or a book."""

import re
from dataclasses import dataclass, field

from game.imports.documents import ScenarioDocument
from game.imports.writers.written import Story, Written, path_of, with_answers, with_places

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass
class Chapter:
    """A part of a story: its heading ("" for none), and pieces as (is an action, text)."""

    heading: str = ""
    pieces: list[tuple[bool, str]] = field(default_factory=list)


def chapters_of(story: Story) -> list[Chapter]:
    """The chapters of an adventure's path, or the texts of a scenario."""
    if isinstance(story, ScenarioDocument):
        return scenario_chapters(story)
    chapters = [Chapter()]
    for step in path_of(story):
        if step.turn.chapter:
            chapters.append(Chapter(step.turn.chapter))
        for is_action, text in ((True, step.line), (False, step.turn.reply)):
            if text.strip():
                chapters[-1].pieces.append((is_action, text))
    return [each for each in chapters if each.pieces or each.heading]


def scenario_chapters(scenario: ScenarioDocument) -> list[Chapter]:
    """A scenario's openings, what the narrator knows, and its cards."""
    filled = with_answers(scenario)
    usual = {str(each["name"]): str(each.get("default") or "") for each in scenario.placeholders}
    found = [
        Chapter("", [(False, with_places(text, lambda name: usual.get(name, name)))])
        for text in scenario.openings
    ]
    for text in (filled.memory, filled.authors_note):
        if text:
            found.append(Chapter("* * *", [(False, text)]))
    found += [Chapter(card.title, [(False, card.text)]) for card in filled.cards]
    return found


def write_text(story: Story) -> Written:
    """Plain text, as the adventure's own export has it."""
    parts = [story.title, "=" * len(story.title)]
    for chapter in chapters_of(story):
        if chapter.heading:
            parts.append(f"{chapter.heading}\n{'-' * len(chapter.heading)}")
        parts += [text for _is_action, text in chapter.pieces]
    return Written(("\n\n".join(parts) + "\n").encode(), "txt", "text/plain; charset=utf-8")


def write_markdown(story: Story) -> Written:
    """Markdown, in which the story's own characters are escaped."""
    parts = [f"# {escaped(story.title)}"]
    for chapter in chapters_of(story):
        if chapter.heading:
            parts.append(f"## {escaped(chapter.heading)}")
        for is_action, text in chapter.pieces:
            quoted = is_action and text.startswith("> ")
            parts.append(f"> {escaped(text[2:])}" if quoted else escaped(text))
    return Written(("\n\n".join(parts) + "\n").encode(), "md", "text/markdown; charset=utf-8")


def escaped(text: str) -> str:
    """The text with Markdown's characters escaped."""
    return MARKUP.sub(r"\\\1", text)
