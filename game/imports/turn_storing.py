"""Makes rows of the turns of a document: one tree, in which no text is too long."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from game.chapters.chapters import MOST_CHAPTERS
from game.imports.documents import AdventureDocument, TurnDocument
from game.imports.fitting import (
    TICK,
    checked_changes,
    checked_dice,
    moment,
    one_line,
    shortened,
    split_text,
)
from game.imports.notes import Notes
from game.models import (
    LONGEST_CHAPTER_TITLE,
    LONGEST_SUMMARY,
    LONGEST_TEXT,
    Adventure,
    Chapter,
    Edit,
    Kind,
    Player,
    RecallMark,
    Status,
    Summary,
    Turn,
    TurnChanges,
)
from game.play.edits import MAX_VERSIONS
from game.play.protocol import Refused, clean_text
from game.state import worlds
from game.tables.characters import clean_name

BATCH_SIZE = 1_000  # rows in a statement
ENDED = (Status.TOLD, Status.STOPPED, Status.FAILED)


@dataclass
class TurnRows:
    """The rows of one story's turns, not stored yet."""

    turns: list[Turn] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    marks: list[RecallMark] = field(default_factory=list)
    changes: list[TurnChanges] = field(default_factory=list)
    first: list[Turn] = field(default_factory=list)  # of each turn of the document
    last: list[Turn] = field(default_factory=list)  # the same turn, unless it was split

    def store(self) -> None:
        """Store the rows. Foreign keys are checked when the transaction ends."""
        Turn.objects.bulk_create(self.turns, batch_size=BATCH_SIZE)
        Edit.objects.bulk_create(self.edits, batch_size=BATCH_SIZE)
        Summary.objects.bulk_create(self.summaries, batch_size=BATCH_SIZE)
        Chapter.objects.bulk_create(self.chapters, batch_size=BATCH_SIZE)
        RecallMark.objects.bulk_create(self.marks, batch_size=BATCH_SIZE)
        TurnChanges.objects.bulk_create(self.changes, batch_size=BATCH_SIZE)

    def texts(self) -> Iterator[str]:
        """Every text that may be somebody's words."""
        for turn in self.turns:
            yield turn.action
            yield turn.reply
        yield from {turn.character for turn in self.turns}
        yield from (each.before for each in self.edits)
        yield from (each.text for each in self.summaries)
        yield from (each.title for each in self.chapters)
        for row in self.changes:
            own = [each for each in row.changes if each["source"] in ("player", "scenario")]
            yield from (each[name] for each in own for name in ("name", "value") if name in each)


class TurnBuilder:
    """Builds the rows of the turns of one document."""

    def __init__(
        self,
        adventure: Adventure,
        player: Player | None,
        document: AdventureDocument,
        notes: Notes,
        now: datetime,
    ) -> None:
        self.adventure, self.player, self.document = adventure, player, document
        self.notes, self.now = notes, now
        self.rows = TurnRows()
        self.newest: dict[Any, datetime] = {}  # the time of the last child, by parent
        begun = now - timedelta(milliseconds=len(document.turns) + 1)
        self.begun = min(moment(document.created, now) or begun, begun)

    def build(self) -> TurnRows:
        """The rows of all turns."""
        roots = [turn for turn in self.document.turns if turn.parent is None]
        opening = None if len(roots) == 1 and is_opening(roots[0]) else self.add_opening()
        for turn in self.document.turns:
            parent = opening if turn.parent is None else self.rows.last[turn.parent]
            self.add(turn, parent)
        for turn, row in zip(self.document.turns, self.rows.last, strict=True):
            child = turn.extra.get("last_child")
            if isinstance(child, int) and child < len(self.rows.first):
                row.last_child_id = self.rows.first[child].pk
        self.add_chapters()
        return self.rows

    def add_opening(self) -> Turn:
        """An empty opening, for stories that begin with an action or in several ways."""
        return self.new_turn(TurnDocument(kind=Kind.OPENING), None, "", "")

    def add(self, document: TurnDocument, parent: Turn | None) -> None:
        """The rows of one turn; a text that is too long goes on in turns after it."""
        *before, (action, reply) = self.pieces(document, parent)
        first: Turn | None = None
        row = parent
        for some in before:
            row = self.new_turn(document, row, *some)
            first = first or row
        row = self.new_turn(document, row, action, reply)
        self.rows.first.append(first or row)
        self.rows.last.append(row)
        self.add_details(document, first or row, row)

    def pieces(self, document: TurnDocument, parent: Turn | None) -> list[tuple[str, str]]:
        """The (action, reply) of each turn that one of the document becomes."""
        actions = split_text(clean_text(document.action), LONGEST_TEXT) if parent else [""]
        replies = split_text(clean_text(document.reply), LONGEST_TEXT)
        if len(actions) + len(replies) > 2:
            self.notes.add("split", "turns", "changed")
        *early, last = actions
        return [
            *((action, "") for action in early),
            (last, replies[0]),
            *(("", reply) for reply in replies[1:]),
        ]

    def new_turn(
        self, document: TurnDocument, parent: Turn | None, action: str, reply: str
    ) -> Turn:
        """One row. It is later than its parent, and than its parent's other children."""
        extra = document.extra
        created = self.time_of(document, parent)
        acted = extra.get("acted", parent is not None) is True
        turn = Turn(
            id=uuid.uuid4(),
            adventure=self.adventure,
            parent_id=parent.pk if parent else None,
            player=self.player if acted else None,
            character=character_in(extra),
            kind=kind_of(document, parent, action),
            action=action,
            reply=reply,
            status=document.status if document.status in ENDED else Status.TOLD,
            attempt=min(max(int(extra.get("attempt") or 1), 1), 1_000),
            reason=one_line(str(extra.get("reason", "")), 300),
            dice=checked_dice(document.dice),
            narrator=one_line(document.narrator, 40),
            edited=extra.get("edited") is True or bool(document.edits),
            created=created,
            told=moment(str(extra.get("told", "")), self.now),
        )
        if parent is not None:
            parent.last_child_id = turn.pk
        self.rows.turns.append(turn)
        return turn

    def time_of(self, document: TurnDocument, parent: Turn | None) -> datetime:
        """When a turn was made, as its file says where that can be."""
        parent_id = parent.pk if parent else None
        before = self.newest.get(parent_id) or (parent.created if parent else self.begun)
        found = moment(document.created, self.now)
        if found is None or (parent is not None and found <= before):
            found = before + TICK
        self.newest[parent_id] = found
        return found

    def add_details(self, document: TurnDocument, first: Turn, last: Turn) -> None:
        """The rows of what belongs to a turn."""
        self.rows.edits += self.edits_of(document, first)
        summary = document.summary
        if text := shortened(str(summary.get("text", "")), LONGEST_SUMMARY, self.notes, "summary"):
            by = summary.get("by")
            own = summary.get("own", 0)
            self.rows.summaries.append(
                Summary(
                    turn=last,
                    text=text,
                    own=min(own, len(text)) if isinstance(own, int) and own > 0 else 0,
                    by=by if by in Summary.By.values else Summary.By.PLAYER,
                )
            )
        if document.extra.get("mark") in RecallMark.Mark.values:
            self.rows.marks.append(RecallMark(turn=first, mark=document.extra["mark"]))
        if changes := checked_changes(document.world, self.notes):
            self.rows.changes.append(TurnChanges(turn=last, changes=worlds.as_data(tuple(changes))))
        if title := one_line(str(document.extra.get("chapter", "")), LONGEST_CHAPTER_TITLE):
            self.rows.chapters.append(Chapter(turn=last, title=title))

    def edits_of(self, document: TurnDocument, turn: Turn) -> list[Edit]:
        """The replaced texts: the original, and the newest ones."""
        found = [
            Edit(
                turn=turn,
                field=each["field"],
                before=clean_text(str(each.get("before", "")))[: LONGEST_TEXT * 4],
                by=self.player,
                at=moment(str(each.get("at", "")), self.now) or turn.created,
            )
            for each in document.edits
            if each.get("field") in Edit.Field.values
        ]
        if len(found) > MAX_VERSIONS:
            self.notes.add("edits_left_out", "edits", "dropped", len(found) - MAX_VERSIONS)
        return [*found[:1], *found[1:][-MAX_VERSIONS + 1 :]]

    def add_chapters(self) -> None:
        """Close the chapters that the document says the beginnings of: each where the next begins.

        The last one stays open.
        """
        titles: dict[int, str] = {}  # of the chapter that a turn is in, by its place
        for place, turn in enumerate(self.document.turns):
            before = titles.get(turn.parent, "") if turn.parent is not None else ""
            if turn.chapter and before and turn.parent is not None:
                self.close_chapter(self.rows.last[turn.parent], before)
            titles[place] = one_line(turn.chapter, LONGEST_CHAPTER_TITLE) or before
        if len(self.rows.chapters) > MOST_CHAPTERS:
            left_out = len(self.rows.chapters) - MOST_CHAPTERS
            self.notes.add("chapters_left_out", "chapters", "dropped", left_out)
            del self.rows.chapters[MOST_CHAPTERS:]

    def close_chapter(self, turn: Turn, title: str) -> None:
        """Add a chapter that ends with a turn, unless one does."""
        if all(each.turn_id != turn.pk for each in self.rows.chapters):
            self.rows.chapters.append(Chapter(turn=turn, title=title))


def character_in(extra: dict[str, Any]) -> str:
    """Who acted in a turn, where several played; "" for a name that no story can use."""
    try:
        return clean_name(name) if (name := str(extra.get("character", ""))) else ""
    except Refused:
        return ""


def is_opening(turn: TurnDocument) -> bool:
    """Whether a turn without a parent can be the opening, which has no action."""
    return not turn.action.strip()


def kind_of(document: TurnDocument, parent: Turn | None, action: str) -> str:
    """The kind of a row: an opening without a parent, a continue without an action."""
    if parent is None:
        return Kind.OPENING
    if not action:
        return Kind.CONTINUE
    return document.kind if document.kind in (Kind.DO, Kind.SAY, Kind.STORY) else Kind.STORY
