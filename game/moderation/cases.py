"""The queue of cases: claims, and what a case shows of the story."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from game.chapters import chapters
from game.library import share_content
from game.models import Adventure, Case, Player, Scenario, Share, Turn
from game.moderation import audit
from game.moderation.authorship import AttributedTurn, attribute_turn
from game.moderation.rulebook import rulebook
from game.play import tree
from game.state import worlds

CLAIMED_FOR = timedelta(minutes=20)
AROUND = 3  # turns shown before and after the reported one
LONGEST_REASON = 500

# Hours in the queue after which a case is marked as urgent.
SOON, LATE = 24, 72


class ClaimedByAnother(Exception):
    """Somebody else has claimed the case. The message says who."""


def claim(case: Case, by: Player) -> None:
    """Claim a case for CLAIMED_FOR. Raises ClaimedByAnother."""
    free = Q(claimed_by=None) | Q(claimed_by=by) | Q(claimed_until__lt=Now())
    claimed = Case.objects.filter(free, pk=case.pk).update(
        claimed_by=by, claimed_until=Now() + CLAIMED_FOR
    )
    case.refresh_from_db(fields=["claimed_by", "claimed_until"])
    if not claimed:
        raise ClaimedByAnother(
            _("Assigned to %(who)s until %(time)s UTC.")
            % {"who": case.claimed_by, "time": f"{case.claimed_until:%H:%M}"}
        )


def release(case: Case, by: Player) -> None:
    """Give up a claim, so that others can decide the case."""
    Case.objects.filter(pk=case.pk, claimed_by=by).update(claimed_by=None, claimed_until=None)


def claimed_by_another(case: Case, staff: Player) -> Player | None:
    """Who has claimed the case, if that is not `staff`."""
    claimed = case.claimed_until is not None and case.claimed_until > timezone.now()
    return case.claimed_by if claimed and case.claimed_by_id != staff.pk else None


def urgency(case: Case) -> str:
    """How long a case has waited: "new", "soon" or "late"."""
    hours = (timezone.now() - case.opened).total_seconds() / 3600
    return "late" if hours >= LATE else "soon" if hours >= SOON else "new"


# What a case shows


def reported_scenario(case: Case) -> Scenario | None:
    """The scenario of a case, even if it is deleted; None for other cases."""
    if case.subject != Case.Subject.SCENARIO:
        return None
    return Scenario.with_deleted.filter(pk=case.subject_id).first()


def reported_share(case: Case) -> Share | None:
    """The link of a case, even if it is deleted; None for other cases."""
    if case.subject != Case.Subject.SHARE:
        return None
    return Share.objects.filter(pk=case.subject_id).first()


def describe(case: Case) -> str:
    """What a case is about, in words for staff and player, without titles of private stories."""
    scenario = reported_scenario(case)
    if scenario is not None:
        return _("the scenario “%(title)s”") % {"title": scenario.title}
    share = reported_share(case)
    if share is not None:
        return _("the shared adventure “%(title)s”") % {"title": share.texts.title}
    names = {
        Case.Subject.SCENARIO: _("a deleted scenario"),
        Case.Subject.SHARE: _("a deleted shared adventure"),
        Case.Subject.STORY: _("a private adventure"),
    }
    return names[Case.Subject(case.subject)]


def rule_title(case: Case) -> str:
    """The title of the rule that opened a case; "" for a case of readers."""
    rule = rulebook().get(case.rule) if case.rule else None
    return rule.title if rule else case.rule


def reported_turns(case: Case) -> list[AttributedTurn]:
    """The reported turn with AROUND turns before and after it; none of a private story."""
    share = reported_share(case)
    if share is None or case.turn_id is None:
        return []
    texts = share_content.load(share)
    path = texts.path
    if case.turn_id not in path:
        return []
    at = path.index(case.turn_id)
    around = path[max(0, at - AROUND) : at + AROUND + 1]
    return [
        attribute_turn(turn, turn.pk == case.turn_id, texts.chapters.get(str(turn.pk), ""))
        for turn in share_content.turns_of(texts, around)
    ]


def shared_titles(case: Case) -> list[str]:
    """The titles of chapters that a reported link shows: its player's words."""
    share = reported_share(case)
    return [] if share is None else list(share_content.load(share).chapters.values())


@dataclass(frozen=True)
class WholeStory:
    """A story that was opened with a reason."""

    adventure: Adventure
    turns: list[AttributedTurn]


def open_story(case: Case, by: Player, reason: str, emergency: bool = False) -> WholeStory:
    """Open the story of a case: what was shared of it, or in an emergency all of it.

    Who opened it, and why, is audited. Raises ValueError without a reason, and for a private story
    outside an emergency.
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ValueError(
            _("Give a reason for opening this adventure. It is written to the audit log.")
        )
    share = reported_share(case)
    if share is None and not emergency:
        raise ValueError(
            _(
                "This adventure is private. It may be opened in an emergency only: somebody’s "
                "life, or a child’s safety."
            )
        )
    adventure = share.adventure if share else case.adventure
    if adventure is None:
        raise ValueError(_("The adventure was deleted."))
    audit.record(
        "open_story",
        by,
        case=case,
        reason=reason,
        details={"emergency": emergency, "adventure": str(adventure.pk)},
    )
    if share is None or emergency:
        assert adventure.head_id is not None, "an adventure begins with its opening"
        found = all_turns(adventure.head_id)
        titles = chapters.titles_on([turn.pk for turn in found])
        world = {str(pk): each for pk, each in worlds.changes_on(turn.pk for turn in found).items()}
    else:
        found = share_content.moderated_turns(share)
        texts = share_content.load(share)
        titles, world = share_content.chapter_titles(texts), texts.world
    turns = [
        replace(
            attribute_turn(turn, turn.pk == case.turn_id, titles.get(turn.pk, "")),
            world=worlds.lines_of_player(world.get(str(turn.pk), [])),
        )
        for turn in found
    ]
    return WholeStory(adventure, turns)


def all_turns(last: object) -> list[Turn]:
    """The turns of the whole path to a turn."""
    return tree.turns_in_order(tree.whole_path(last))  # type: ignore[arg-type]
