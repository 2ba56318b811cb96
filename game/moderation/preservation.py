"""Preserves copies of texts that the law may ask for. They outlive their account."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from game.chapters import chapters
from game.library import share_content
from game.models import AuditEntry, Case, Player, Preserved, Turn
from game.moderation.cases import reported_scenario, reported_share
from game.play import tree
from game.state import worlds


def preserve_text(case: Case, by: Player, reason: str) -> Preserved:
    """Store a copy of what a case is about. Called by actions.preserve, which audits it."""
    content = content_of(case)
    packed = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    return Preserved.objects.create(
        case=case,
        content=content,
        digest=hashlib.sha256(packed).hexdigest(),
        reason=reason,
        by=by,
    )


def content_of(case: Case) -> dict[str, Any]:
    """The text of a case with its author and dates; of a story, the path to the turn."""
    content: dict[str, Any] = {
        "kept": timezone.now().isoformat(),
        "subject": f"{case.subject} {case.subject_id}",
        "kind": case.kind,
        "rule": case.rule,
        "excerpt": case.excerpt,
        "player": player_data(case.player),
        "reports": [
            {"kind": each.kind, "reason": each.reason, "created": each.created.isoformat()}
            for each in case.reports.order_by("created")
        ],
    }
    scenario = reported_scenario(case)
    if scenario is not None:
        names = ("title", "tempt", "opening", "more_openings", "memory", "authors_note", "world")
        content["scenario"] = {name: getattr(scenario, name) for name in names}
        content["cards"] = list(scenario.cards.values("title", "keys", "text"))
    share = reported_share(case)
    if share is not None:
        texts = share_content.load(share)
        titles = share_content.chapter_titles(texts)
        turns = share_content.moderated_turns(share)
        content["turns"] = [
            turn_data(turn, titles.get(turn.pk, ""), texts.world.get(str(turn.pk), []))
            for turn in turns
        ]
    elif case.turn_id is not None and was_opened_in_emergency(case):
        path = tree.whole_path(case.turn_id)
        titles, world = chapters.titles_on(path), worlds.changes_on(path)
        content["turns"] = [
            turn_data(turn, titles.get(turn.pk, ""), world.get(turn.pk, []))
            for turn in tree.turns_in_order(path)
        ]
    return content


def was_opened_in_emergency(case: Case) -> bool:
    """Whether the private story of a case was opened; otherwise it is not preserved."""
    entries = AuditEntry.objects.filter(deed="open_story", case=case.pk)
    return entries.filter(details__emergency=True).exists()


def player_data(player: Player | None) -> dict[str, Any] | None:
    """Who the player is, for the law; None if the account is deleted."""
    if player is None:
        return None
    return {
        "id": str(player.pk),
        "name": player.username,
        "email": player.email,
        "joined": player.date_joined.isoformat(),
    }


def turn_data(turn: Turn, chapter: str, world: list[dict[str, Any]]) -> dict[str, Any]:
    """A turn with its authors, edits and date.

    `chapter` is the title of the one that ends there, `world` its stored changes of the state.
    """
    return {
        "id": str(turn.pk),
        "kind": turn.kind,
        "players_words": turn.action,
        "narrators_words": turn.reply,
        "edits": [
            {"field": edit.field, "before": edit.before, "at": edit.at.isoformat()}
            for edit in turn.edits.all()
        ],
        "chapter": chapter,
        "world": world,
        "narrator": turn.narrator,
        "created": turn.created.isoformat(),
    }
