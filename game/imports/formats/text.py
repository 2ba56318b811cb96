"""Plain text and Markdown: one story, split at the lines that begin with `>`."""

import re

from game.imports.documents import AdventureDocument, FileDocument
from game.imports.macros import StoryTexts
from game.imports.payload import Payload
from game.imports.turns import Story

UNDERLINED = re.compile(r"\A\s*([^\n]{1,200})\n\n?[=~]{3,}[ \t]*\n")
HEADING = re.compile(r"^(#{1,3})[ \t]+([^\n]*?)[ \t#]*$", re.MULTILINE)
# A chapter in Grue's own text: a line with as many dashes below it, between blank lines.
CHAPTER = re.compile(r"(?:\A|\n\n)([^\n]{1,200})\n(-{2,})[ \t]*(?=\n|\Z)")
ESCAPE = re.compile(r"\\([\\`*_{}\[\]<>#|~])")
FRONT_MATTER = re.compile(r"\A---\n(?:[^\n]*\n){0,60}?---\n")
TITLE_LINE = re.compile(r"^title:[ \t]*[\"']?([^\n\"']{1,200})", re.MULTILINE | re.IGNORECASE)


def read(payload: Payload) -> FileDocument:
    """Read a text as an adventure."""
    markdown = bool(HEADING.search(payload.text)) or payload.filename.lower().endswith(
        (".md", ".markdown")
    )
    adventure = AdventureDocument(title=payload.stem)
    text = StoryTexts(payload.notes).fill(payload.text)
    story = Story()
    text = take_title(adventure, text, markdown)
    for heading, part in chapters_of(text, markdown):
        first = len(story.turns) + (story.pending is not None)
        story.read(unescape(part) if markdown else part)
        if heading:
            mark_chapter(story, first, heading)
    adventure.turns = story.finish()
    return FileDocument(format="text", adventures=[adventure], notes=payload.notes.listed())


def take_title(adventure: AdventureDocument, text: str, markdown: bool) -> str:
    """Set the title that a text begins with, if it has one. Returns the text after it."""
    if markdown and (front := FRONT_MATTER.match(text)):
        if named := TITLE_LINE.search(front[0]):
            adventure.title = named[1].strip()
        text = text[front.end() :]
    found = UNDERLINED.match(text)
    if found is None and markdown:
        found = re.match(r"\s*#[ \t]+([^\n]{1,200})(?:\n|\Z)", text)
    if found is None:
        return text
    adventure.title = unescape(found[1].strip(" #")) if markdown else found[1].strip()
    return text[found.end() :]


def chapters_of(text: str, markdown: bool) -> list[tuple[str, str]]:
    """The parts of a text with their headings; "" for the part before the first."""
    parts, place, heading = [], 0, ""
    for found in (HEADING if markdown else CHAPTER).finditer(text):
        if not markdown and len(found[1].strip()) != len(found[2]):
            continue
        parts.append((heading, text[place : found.start()]))
        heading = found[2].strip() if markdown else found[1].strip()
        heading = unescape(heading) if markdown else heading
        place = found.end()
    parts.append((heading, text[place:]))
    return [(name, part) for name, part in parts if part.strip() or name]


def mark_chapter(story: Story, first: int, heading: str) -> None:
    """Let the turn at this place, or the action that waits to become it, begin a chapter."""
    if first < len(story.turns):
        story.turns[first].chapter = heading
    elif story.pending is not None:
        story.pending.chapter = heading


def unescape(text: str) -> str:
    """Markdown's characters without the backslash before them."""
    return ESCAPE.sub(r"\1", text)
