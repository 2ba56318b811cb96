"""Copies of adventures: of a whole tree, or of one path of it.

Postgres copies the turns in one statement, so thousands of turns need no memory here. A turn under
way is left out. Prompt reports and earlier versions of edited texts are not copied.
"""

from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.library.limits import COPIES_A_DAY, MOST_ADVENTURES, MOST_COPIED, LimitMet, lock
from game.library.share_content import ShareContent, card_fields, new_card
from game.models import (
    Adventure,
    Chapter,
    Membership,
    Player,
    RecallMark,
    Scenario,
    Status,
    StoryCard,
    Summary,
    Turn,
    TurnChanges,
)
from game.play import edits, tree
from game.recall.tasks import request_on_commit
from game.state import worlds

# Makes new ids for the chosen turns and copies the turns, their summaries, chapters, marks and
# changes of the world. `{columns}` has every column that is copied unchanged, also those added
# later.
COPY = """
WITH map AS MATERIALIZED (
    SELECT id AS old, gen_random_uuid() AS new FROM game_turn
    WHERE adventure_id = %(original)s AND status <> 'queued'
        AND (%(path)s::uuid[] IS NULL OR id = ANY(%(path)s::uuid[]))
), turns AS (
    INSERT INTO game_turn (id, adventure_id, parent_id, last_child_id, player_id, {columns})
    SELECT map.new, %(copy)s, parents.new, children.new,
        CASE WHEN t.player_id = %(player)s THEN t.player_id END, {values}
    FROM game_turn t
    JOIN map ON map.old = t.id
    LEFT JOIN map parents ON parents.old = t.parent_id
    LEFT JOIN map children ON children.old = t.last_child_id
), summaries AS (
    INSERT INTO game_summary (turn_id, {summary_columns})
    SELECT map.new, {summary_values} FROM game_summary s JOIN map ON map.old = s.turn_id
    WHERE %(live)s
), chapters AS (
    INSERT INTO game_chapter (turn_id, {chapter_columns})
    SELECT map.new, {chapter_values} FROM game_chapter c JOIN map ON map.old = c.turn_id
    WHERE %(live)s
), worlds AS (
    INSERT INTO game_turnchanges (turn_id, changes)
    SELECT map.new, c.changes FROM game_turnchanges c JOIN map ON map.old = c.turn_id
    WHERE %(live)s
), marks AS (
    INSERT INTO game_recallmark (turn_id, mark)
    SELECT map.new, m.mark FROM game_recallmark m JOIN map ON map.old = m.turn_id
    WHERE %(live)s
)
SELECT old, new FROM map
"""
# Columns that get new values in a copy.
REMAPPED = {"id", "adventure_id", "parent_id", "last_child_id", "player_id", "turn_id"}


def columns_of(model: type[Turn] | type[Summary] | type[Chapter]) -> list[str]:
    """The quoted columns that a copy takes over unchanged."""
    every = [field.column for field in model._meta.concrete_fields]
    return [f'"{name}"' for name in every if name not in REMAPPED]


def duplicate(player: Player, original: Adventure, only_path: bool) -> Adventure:
    """Copy a player's adventure for them, with memory, cards, summaries, chapters, marks and state.

    Raises LimitMet.
    """
    title = _("%(title)s (copy)") % {"title": original.title[:110]}
    end = last_ended_turn(original)
    path = tree.whole_path(end) if only_path else None
    with transaction.atomic():
        copy = blank_copy(player, original, title, original.scenario, plot=True)
        copy_turns(copy, original, player, end, path, live=True)
        worlds.refreshed_state(worlds.current_turn(copy).pk)
        request_on_commit(copy.pk)
    return copy


def copy_shared(
    player: Player, original: Adventure, content: ShareContent, plot: bool
) -> Adventure:
    """Copy what a link shows for `player` to play on. Raises LimitMet.

    The texts are those of the link, whatever the original says today. Memory, author's note, cards,
    summaries, marks and the state of the world are copied only with `plot`.
    """
    public = Scenario.objects.public().filter(pk=original.scenario_id).first()
    with transaction.atomic():
        copy = blank_copy(player, original, content.title, public, plot=False)
        if plot:
            copy.memory, copy.authors_note = content.memory, content.authors_note
            copy.first_actions = content.first_actions
            copy.sampling = original.sampling
            copy.save(update_fields=["memory", "authors_note", "first_actions", "sampling"])
            StoryCard.objects.bulk_create(new_card(copy, each) for each in content.cards)
        path = content.path
        new = copy_turns(copy, original, player, path[-1], path, live=False)
        write_texts(content, new)
        Summary.objects.bulk_create(
            Summary(turn_id=new[UUID(turn)], **fields) for turn, fields in content.summaries.items()
        )
        Chapter.objects.bulk_create(
            Chapter(turn_id=new[UUID(turn)], title=title)
            for turn, title in content.chapters.items()
        )
        TurnChanges.objects.bulk_create(
            TurnChanges(turn_id=new[UUID(turn)], changes=changes)
            for turn, changes in content.world.items()
        )
        RecallMark.objects.bulk_create(
            RecallMark(turn_id=new[UUID(turn)], mark=mark) for turn, mark in content.marks.items()
        )
        worlds.refreshed_state(new[path[-1]])
        copy.size = edits.measure(copy.pk)
        copy.save(update_fields=["size"])
        request_on_commit(copy.pk)
    return copy


def write_texts(content: ShareContent, new: dict[UUID, UUID]) -> None:
    """Replace texts of copied turns (`new`: ids by the original's) that differ from the link's."""
    live = Turn.objects.in_bulk(list(new))
    changed = []
    for text in content.turns:
        turn = live.get(UUID(text.id))
        if turn is not None and (turn.action, turn.reply) != (text.action, text.reply):
            turn.pk = new[UUID(text.id)]
            turn.action, turn.reply, turn.edited = text.action, text.reply, text.edited
            changed.append(turn)
    Turn.objects.bulk_update(changed, ["action", "reply", "edited"], batch_size=200)


def last_ended_turn(adventure: Adventure) -> UUID:
    """The head of an adventure; its parent while the head is under way."""
    assert adventure.head_id is not None, "an adventure begins with its opening"
    head = Turn.objects.get(pk=adventure.head_id)
    if head.status == Status.QUEUED and head.parent_id is not None:
        return head.parent_id
    return head.pk


def refuse_beyond_copy_limit(player: Player) -> None:
    """Raise LimitMet if the player may not copy now.

    Locks the player's row until the transaction ends, so that two copies cannot use the same room.
    """
    lock(player)
    mine = Adventure.objects.with_deleted_of(player)
    if mine.count() >= MOST_ADVENTURES:
        raise LimitMet(
            _("You have %(most)d adventures, the maximum. Delete one first.")
            % {"most": MOST_ADVENTURES}
        )
    today = mine.filter(copied=True, created__gt=Now() - timedelta(days=1)).count()
    if today >= COPIES_A_DAY:
        raise LimitMet(
            _("You can make %(most)d copies a day. Try again tomorrow.") % {"most": COPIES_A_DAY}
        )


def blank_copy(
    player: Player, original: Adventure, title: str, scenario: Scenario | None, plot: bool
) -> Adventure:
    """A new adventure with the original's settings, without turns. Raises LimitMet."""
    refuse_beyond_copy_limit(player)
    copy = Adventure.objects.create(
        title=title,
        scenario=scenario,
        narrator=original.narrator,
        summarise=original.summarise,
        dice=original.dice,
        suggestions=original.suggestions,
        sampling=original.sampling if plot else {},
        audience=original.audience,
        memory=original.memory if plot else "",
        authors_note=original.authors_note if plot else "",
        first_actions=original.first_actions if plot else [],
        copied=True,
    )
    Membership.objects.create(player=player, adventure=copy)
    if plot:
        StoryCard.objects.bulk_create(
            new_card(copy, card_fields(card)) for card in original.cards.all()
        )
    return copy


def copy_turns(
    copy: Adventure,
    original: Adventure,
    player: Player,
    end: UUID,
    path: list[UUID] | None,
    live: bool,
) -> dict[UUID, UUID]:
    """Copy the turns of `path` (None: all) and set the head to the copy of `end`. Raises LimitMet.

    With `live` summaries, chapters, marks and changes of the world are copied as they are now.
    Returns the new ids by the original's.
    """
    count = len(path) if path is not None else original.turns.count()
    if count > MOST_COPIED:
        raise LimitMet(
            _("This adventure has %(count)s turns; copies can have at most %(most)s.")
            % {"count": f"{count:,}", "most": f"{MOST_COPIED:,}"}
        )
    columns, summaries = columns_of(Turn), columns_of(Summary)
    chapters = columns_of(Chapter)
    statement = COPY.format(
        columns=", ".join(columns),
        values=", ".join(f"t.{name}" for name in columns),
        summary_columns=", ".join(summaries),
        summary_values=", ".join(f"s.{name}" for name in summaries),
        chapter_columns=", ".join(chapters),
        chapter_values=", ".join(f"c.{name}" for name in chapters),
    )
    values = {
        "original": original.pk,
        "copy": copy.pk,
        "player": player.pk,
        "path": path,
        "live": live,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        new: dict[UUID, UUID] = dict(cursor.fetchall())
    copy.head_id, copy.size = new[end], edits.measure(copy.pk)
    copy.save(update_fields=["head", "size"])
    tree.point_redo_to(new[end])
    return new
