"""A reader's complaint about something that was shared.

Complaints about the same text are one case. What one weighs depends on its kind, and on how often
this reader was right before.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from game.library import share_content
from game.models import Case, Kind, Player, Report, Scenario, Share, Turn, Words
from game.models.moderation import LONGEST_EXCERPT, LONGEST_REASON
from game.play.protocol import clean_text

WEIGHTS: dict[str, float] = {
    Report.Kind.MINORS: 100,
    Report.Kind.THREAT: 60,
    Report.Kind.PRIVATE: 60,
    Report.Kind.HARM: 60,
    Report.Kind.HATE: 40,
    Report.Kind.SEXUAL: 20,
    Report.Kind.COPIED: 15,
    Report.Kind.SPAM: 10,
    Report.Kind.OTHER: 10,
}
# Of one reader: so many in so much time.
LIMITS = ((5, timedelta(minutes=10)), (30, timedelta(days=1)))


class NotReported(Exception):
    """Why a complaint was not taken, in words for the reader."""


@dataclass(frozen=True)
class Reader:
    """Who complains: a player, or whoever comes from an address without an account."""

    player: Player | None
    address: str = ""

    @property
    def digest(self) -> str:
        """For counting alone: a keyed digest, from which nobody gets back to the address."""
        if self.player is not None or not self.address:
            return ""
        return salted_hmac("game.moderation.reports", self.address, algorithm="sha256").hexdigest()

    @property
    def reports(self) -> QuerySet[Report]:
        if self.player is not None:
            return Report.objects.filter(player=self.player)
        return Report.objects.filter(player=None, reader=self.digest)


@dataclass(frozen=True)
class Complaint:
    """What about something is complained of."""

    kind: str
    reason: str
    words: Words


def about_scenario(reader: Reader, scenario: Scenario, complaint: Complaint) -> Report:
    """A complaint about a scenario. Raises NotReported."""
    case = Case(
        key=f"scenario {scenario.pk}",
        subject=Case.Subject.SCENARIO,
        subject_id=scenario.pk,
        player=scenario.author,
        words=Words.PLAYER,  # nobody tells a scenario: it is written
        excerpt=f"{scenario.title}. {scenario.tempt}"[:LONGEST_EXCERPT],
    )
    return file(reader, case, complaint)


def about_share(reader: Reader, share: Share, turn: Turn, complaint: Complaint) -> Report:
    """A complaint about a turn of a shared adventure. Raises NotReported."""
    words = complaint.words if turn.kind != Kind.OPENING else Words.PLAYER
    excerpt = turn.action if words == Words.PLAYER and turn.action else turn.reply
    case = Case(
        key=f"share {share.pk} {turn.pk} {words}",
        subject=Case.Subject.SHARE,
        subject_id=str(share.pk),
        adventure_id=share.adventure_id,
        turn=turn,
        player=share.player,
        words=words,
        excerpt=excerpt[:LONGEST_EXCERPT],
    )
    return file(reader, case, complaint)


def file(reader: Reader, case: Case, complaint: Complaint) -> Report:
    """Take a complaint: into the open case about this text, or a new one."""
    refuse_too_many(reader)
    weight = WEIGHTS[complaint.kind] * share_of_right_ones(reader)
    case.kind = complaint.kind
    with transaction.atomic():
        case = open_case(case)
        if already_there(reader, case):
            raise NotReported(_("You have already reported this. A moderator will look at it."))
        report = Report.objects.create(
            case=case,
            player=reader.player,
            reader=reader.digest,
            kind=complaint.kind,
            reason=clean_text(complaint.reason)[:LONGEST_REASON],
            weight=weight,
        )
        heavier(case, report)
    return report


def open_case(case: Case) -> Case:
    """The open case about this text, locked; `case` itself where there is none yet."""
    for _try in range(2):
        found = Case.objects.select_for_update(of=("self",)).filter(
            key=case.key, decided__isnull=True
        )
        there = found.first()
        if there is not None:
            return there
        try:
            with transaction.atomic():
                case.save(force_insert=True)
            return case
        except IntegrityError:  # another reader's, just now
            continue
    return Case.objects.select_for_update(of=("self",)).get(key=case.key, decided__isnull=True)


def already_there(reader: Reader, case: Case) -> bool:
    if reader.player is None and not reader.digest:
        return False
    return reader.reports.filter(case=case).exists()


def heavier(case: Case, report: Report) -> None:
    """The gravest complaint counts whole, each further one a fifth: many are not proof."""
    graver = report.weight > case.weight
    Case.objects.filter(pk=case.pk).update(
        kind=report.kind if graver else case.kind,
        weight=Greatest(F("weight"), report.weight) + report.weight / 5,
    )


def share_of_right_ones(reader: Reader) -> float:
    """How often this reader was right: 1 for a new one, up to 1.5, down to 0.2."""
    known = reader.reports.filter(upheld__isnull=False)
    right = known.filter(upheld=True).count()
    wrong = known.filter(upheld=False).count()
    return max(0.2, min(1.5, 2 * (right + 1) / (right + wrong + 2)))


def refuse_too_many(reader: Reader) -> None:
    for most, time in LIMITS:
        if reader.reports.filter(created__gt=Now() - time).count() >= most:
            raise NotReported(
                _(
                    "Too many reports in a short time. The ones you sent were received; try "
                    "again later."
                )
            )


def reader_of(user: object, address: str) -> Reader:
    return Reader(user if isinstance(user, Player) else None, address)


def turn_in_share(share: Share, turn_id: UUID) -> Turn | None:
    """A turn that this shared story shows, with the words it shows; None where it does not."""
    return next(iter(share_content.moderated_turns(share, [turn_id])), None)
