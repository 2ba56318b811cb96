"""Closes, renames and reopens chapters, and says which chapters a path has.

A chapter belongs to its last turn and holds for that turn's descendants, so undo, moves in the tree
and branches restore the chapters of a turn exactly: they are always those on its path.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game import disk_space
from game.models import LONGEST_CHAPTER_TITLE, Adventure, Chapter, Player, Status
from game.moderation import screening
from game.play import edits
from game.play.changes import change_adventure
from game.play.events import publish_on_commit
from game.play.protocol import ChaptersChanged, Refused, clean_text
from game.play.tree import ANCESTORS

MOST_CHAPTERS = 200  # of an adventure, on all branches


@dataclass(frozen=True)
class Section:
    """A closed chapter on a path, or (title "") what follows the last one.

    `start` and `end` are the places of its first and last turn on the path, the opening being 0.
    `summary` is the last turn in it that has a summary, `summary_place` its place.
    """

    title: str
    first: UUID
    last: UUID
    start: int
    end: int
    summary: UUID | None = None
    summary_place: int = -1


def sections_of(path: Iterable[tuple[UUID, str | None, bool]]) -> list[Section]:
    """The sections of a path of (turn, title of the chapter that ends with it, has a summary)."""
    found: list[Section] = []
    first: tuple[UUID, int] | None = None  # of the section, with its place
    last: tuple[UUID, int] | None = None
    summary: tuple[UUID | None, int] = (None, -1)
    for place, (turn, title, has_summary) in enumerate(path):
        last = (turn, place)
        first = first or last
        if has_summary:
            summary = last
        if title:
            found.append(Section(title, first[0], turn, first[1], place, *summary))
            first, summary = None, (None, -1)
    if first is not None and last is not None:
        found.append(Section("", first[0], last[0], first[1], last[1], *summary))
    return found


def sections_at(turn: UUID) -> list[Section]:
    """The sections of the path to a turn, in order."""
    query = ANCESTORS.format(limit="")
    with connection.cursor() as cursor:
        cursor.execute(
            f"{query} SELECT path.id, c.title, s.turn_id IS NOT NULL FROM path"  # noqa: S608
            " LEFT JOIN game_chapter c ON c.turn_id = path.id"
            " LEFT JOIN game_summary s ON s.turn_id = path.id ORDER BY path.back DESC",
            [turn],
        )
        return sections_of(cursor.fetchall())


def has_chapters(adventure_id: UUID) -> bool:
    """Whether a chapter was closed on any branch."""
    return Chapter.objects.filter(turn__adventure=adventure_id).exists()


def headings_at(adventure: Adventure, turn: UUID | None = None) -> dict[UUID, str]:
    """Titles by the turn that each chapter on the path to `turn` (None: the head) begins with.

    "" where the part after the last chapter begins. Empty without chapters.
    """
    turn = turn or adventure.head_id
    if turn is None or not has_chapters(adventure.pk):
        return {}
    return headings_of(sections_at(turn))


def headings_of(sections: Sequence[Section]) -> dict[UUID, str]:
    """Titles by the first turn of each section; empty if no chapter is closed."""
    if not any(section.title for section in sections):
        return {}
    return {section.first: section.title for section in sections}


def titles_on(path: Sequence[UUID]) -> dict[UUID, str]:
    """Titles by the last turn of each chapter on a path."""
    return dict(Chapter.objects.filter(turn__in=path).values_list("turn_id", "title"))


def headings_on(path: Sequence[UUID], titles: dict[UUID, str]) -> dict[UUID, str]:
    """As `headings_at`, for a whole path and the titles on it (`titles_on`)."""
    return headings_of(sections_of((turn, titles.get(turn), False) for turn in path))


@screening.record_rejections()
def close(adventure_id: UUID, player: Player, turn_id: UUID, title: str) -> None:
    """Let a chapter end with a turn, or rename the one that does.

    Raises NoSuchAdventure, and Refused: for a title that is empty, too long or breaks a rule, a
    turn that is not there or under way, too many chapters or changes in a minute, a full disk.
    """
    edits.refuse_too_many(player)
    title = " ".join(clean_text(title).split())
    if not 1 <= len(title) <= LONGEST_CHAPTER_TITLE:
        raise Refused("bad_message", title_problem())
    with change_adventure(adventure_id, player) as adventure:
        disk_space.refuse_when_full()
        turn = adventure.turns.filter(pk=turn_id).first()
        if turn is None:
            raise Refused("unknown_turn", _("That turn is not in this adventure. Choose another."))
        if turn.status == Status.QUEUED:
            raise Refused("busy", _("The narrator is still telling this turn. Try again then."))
        screening.screen([title], "chapter", player, adventure)
        chapter = Chapter.objects.filter(turn=turn).first()
        if chapter is None:
            refuse_too_many_chapters(adventure)
            chapter = Chapter(turn=turn)
        if chapter.title == title:
            return
        chapter.title, chapter.changed = title, Now()
        chapter.save()
        publish_on_commit(adventure, ChaptersChanged(turn=str(turn.pk), title=title))


def title_problem() -> str:
    """What is said of a title that is empty or too long."""
    return _("A chapter’s title has 1 to %(most)d characters.") % {"most": LONGEST_CHAPTER_TITLE}


def refuse_too_many_chapters(adventure: Adventure) -> None:
    """Raise Refused if the adventure has MOST_CHAPTERS."""
    if Chapter.objects.filter(turn__adventure=adventure).count() >= MOST_CHAPTERS:
        raise Refused(
            "not_allowed",
            _("This adventure has %(most)d chapters, the maximum. Reopen one first.")
            % {"most": MOST_CHAPTERS},
        )


def reopen(adventure_id: UUID, player: Player, turn_id: UUID) -> None:
    """Remove the chapter that ends with a turn: its turns belong to the next one.

    Nothing changes where none does. Raises NoSuchAdventure, and Refused beyond the rate limit.
    """
    edits.refuse_too_many(player)
    with change_adventure(adventure_id, player) as adventure:
        found = Chapter.objects.filter(turn=turn_id, turn__adventure=adventure)
        if found.delete()[0]:
            publish_on_commit(adventure, ChaptersChanged(turn=str(turn_id), title=""))
