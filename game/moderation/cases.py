"""The queue of cases: who looks at which, and what a case shows of the story."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from game.library import share_content
from game.models import Adventure, Case, Player, Scenario, Share, Turn
from game.moderation import audit
from game.moderation.authorship import Told, attributed
from game.moderation.rulebook import rulebook
from game.play import tree

CLAIMED_FOR = timedelta(minutes=20)
AROUND = 3  # turns on either side of the one that was reported
LONGEST_REASON = 500

# Hours in the queue after which a case is shown as one to hurry with.
SOON, LATE = 24, 72


class NotYours(Exception):
    """Somebody else looks at this case. Its text tells who."""


def claim(case: Case, by: Player) -> None:
    """Take a case to look at it, for CLAIMED_FOR. Raises NotYours."""
    free = Q(claimed_by=None) | Q(claimed_by=by) | Q(claimed_until__lt=Now())
    taken = Case.objects.filter(free, pk=case.pk).update(
        claimed_by=by, claimed_until=Now() + CLAIMED_FOR
    )
    case.refresh_from_db(fields=["claimed_by", "claimed_until"])
    if not taken:
        raise NotYours(
            _("Assigned to %(who)s until %(time)s UTC.")
            % {"who": case.claimed_by, "time": f"{case.claimed_until:%H:%M}"}
        )


def release(case: Case, by: Player) -> None:
    """Give up a claim, so that others can decide the case."""
    Case.objects.filter(pk=case.pk, claimed_by=by).update(claimed_by=None, claimed_until=None)


def held_by_another(case: Case, staff: Player) -> Player | None:
    """Who looks at a case just now, if that is not you."""
    held = case.claimed_until is not None and case.claimed_until > timezone.now()
    return case.claimed_by if held and case.claimed_by_id != staff.pk else None


def urgency(case: Case) -> str:
    """How long a case has waited, as a word for its colour."""
    hours = (timezone.now() - case.opened).total_seconds() / 3600
    return "late" if hours >= LATE else "soon" if hours >= SOON else "new"


# What a case shows


def scenario_of(case: Case) -> Scenario | None:
    if case.subject != Case.Subject.SCENARIO:
        return None
    return Scenario.with_deleted.filter(pk=case.subject_id).first()


def share_of(case: Case) -> Share | None:
    if case.subject != Case.Subject.SHARE:
        return None
    return Share.objects.filter(pk=case.subject_id).first()


def about(case: Case) -> str:
    """What a case is about, in words for staff and for the player; no title of a private story."""
    scenario = scenario_of(case)
    if scenario is not None:
        return _("the scenario “%(title)s”") % {"title": scenario.title}
    share = share_of(case)
    if share is not None:
        return _("the shared adventure “%(title)s”") % {"title": share.texts.title}
    names = {
        Case.Subject.SCENARIO: _("a deleted scenario"),
        Case.Subject.SHARE: _("a deleted shared adventure"),
        Case.Subject.STORY: _("a private adventure"),
    }
    return names[Case.Subject(case.subject)]


def rule_title(case: Case) -> str:
    rule = rulebook().get(case.rule) if case.rule else None
    return rule.title if rule else case.rule


def turns_shown(case: Case) -> list[Told]:
    """The reported turn and AROUND on either side, of what was shared; none of a private story."""
    share = share_of(case)
    if share is None or case.turn_id is None:
        return []
    texts = share_content.load(share)
    path = texts.path
    if case.turn_id not in path:
        return []
    at = path.index(case.turn_id)
    around = path[max(0, at - AROUND) : at + AROUND + 1]
    return [
        attributed(turn, turn.pk == case.turn_id) for turn in share_content.turns_of(texts, around)
    ]


@dataclass(frozen=True)
class WholeStory:
    """A story as staff may read it once they said why."""

    adventure: Adventure
    turns: list[Told]


def open_story(case: Case, by: Player, reason: str, emergency: bool = False) -> WholeStory:
    """The whole story of a case: what was shared of it; all of it in an emergency.

    Who opened it, and why, stands in the audit log. Raises ValueError without a reason, and where
    a private story is to be opened in no emergency.
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise ValueError(
            _("Give a reason for opening this adventure. It is written to the audit log.")
        )
    share = share_of(case)
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
    else:
        found = share_content.moderated_turns(share)
    turns = [attributed(turn, turn.pk == case.turn_id) for turn in found]
    return WholeStory(adventure, turns)


def all_turns(last: object) -> list[Turn]:
    return tree.turns_in_order(tree.whole_path(last))  # type: ignore[arg-type]
