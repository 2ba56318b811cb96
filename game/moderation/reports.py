"""Reports of readers about something that was shared.

Reports about the same text become one case. The weight of a report depends on its kind, and on how
often its reader was right before.
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
# Reports per reader, and the time in which so many are allowed.
LIMITS = ((5, timedelta(minutes=10)), (30, timedelta(days=1)))


class ReportRefused(Exception):
    """A report was not accepted. The message is for the reader."""


@dataclass(frozen=True)
class Reader:
    """Who reports: a player, or a visitor with an address."""

    player: Player | None
    address: str = ""

    @property
    def digest(self) -> str:
        """A keyed digest of a visitor's address, for counting; "" for players."""
        if self.player is not None or not self.address:
            return ""
        return salted_hmac("game.moderation.reports", self.address, algorithm="sha256").hexdigest()

    @property
    def reports(self) -> QuerySet[Report]:
        """All reports of this reader."""
        if self.player is not None:
            return Report.objects.filter(player=self.player)
        return Report.objects.filter(player=None, reader=self.digest)


@dataclass(frozen=True)
class Complaint:
    """The kind of a report, its reason, and whose words are meant."""

    kind: str
    reason: str
    words: Words


def report_scenario(reader: Reader, scenario: Scenario, complaint: Complaint) -> Report:
    """Report a scenario. Raises ReportRefused."""
    case = Case(
        key=f"scenario {scenario.pk}",
        subject=Case.Subject.SCENARIO,
        subject_id=scenario.pk,
        player=scenario.author,
        words=Words.PLAYER,  # a narrator writes no scenario
        excerpt=f"{scenario.title}. {scenario.tempt}"[:LONGEST_EXCERPT],
    )
    return file_report(reader, case, complaint)


def report_turn(reader: Reader, share: Share, turn: Turn, complaint: Complaint) -> Report:
    """Report a turn of a shared story. Raises ReportRefused."""
    words = complaint.words if turn.kind != Kind.OPENING else Words.PLAYER
    excerpt = turn.action if words == Words.PLAYER and turn.action else turn.reply
    case = Case(
        key=f"share {share.pk} {turn.pk} {words}",
        subject=Case.Subject.SHARE,
        subject_id=str(share.pk),
        adventure_id=share.adventure_id,
        turn=turn,
        player=author_of(share, turn, words),
        words=words,
        excerpt=excerpt[:LONGEST_EXCERPT],
    )
    return file_report(reader, case, complaint)


def author_of(share: Share, turn: Turn, words: Words) -> Player:
    """Whose words are reported: who acted in the turn, else who shared it."""
    if words == Words.PLAYER and turn.action and turn.player is not None:
        return turn.player
    return share.player


def file_report(reader: Reader, case: Case, complaint: Complaint) -> Report:
    """Store a report in the open case about this text, or in a new one. Raises ReportRefused."""
    refuse_too_many(reader)
    weight = WEIGHTS[complaint.kind] * reliability_of(reader)
    case.kind = complaint.kind
    with transaction.atomic():
        case = open_case(case)
        if has_reported(reader, case):
            raise ReportRefused(_("You have already reported this. A moderator will look at it."))
        report = Report.objects.create(
            case=case,
            player=reader.player,
            reader=reader.digest,
            kind=complaint.kind,
            reason=clean_text(complaint.reason)[:LONGEST_REASON],
            weight=weight,
        )
        add_weight(case, report)
    return report


def open_case(case: Case) -> Case:
    """The open case about this text, locked; `case` itself, stored, if there was none."""
    for _try in range(2):
        found = Case.objects.select_for_update(of=("self",)).filter(
            key=case.key, decided__isnull=True
        )
        existing = found.first()
        if existing is not None:
            return existing
        try:
            with transaction.atomic():
                case.save(force_insert=True)
            return case
        except IntegrityError:  # another reader has just opened one
            continue
    return Case.objects.select_for_update(of=("self",)).get(key=case.key, decided__isnull=True)


def has_reported(reader: Reader, case: Case) -> bool:
    """Whether this reader has reported the case before."""
    if reader.player is None and not reader.digest:
        return False
    return reader.reports.filter(case=case).exists()


def add_weight(case: Case, report: Report) -> None:
    """Add a report's weight to its case.

    The gravest report counts fully and each further one a fifth, since many are no proof.
    """
    graver = report.weight > case.weight
    Case.objects.filter(pk=case.pk).update(
        kind=report.kind if graver else case.kind,
        weight=Greatest(F("weight"), report.weight) + report.weight / 5,
    )


def reliability_of(reader: Reader) -> float:
    """A factor for a reader's weight by how often they were right: 0.2 to 1.5, at first 1."""
    decided = reader.reports.filter(upheld__isnull=False)
    right = decided.filter(upheld=True).count()
    wrong = decided.filter(upheld=False).count()
    return max(0.2, min(1.5, 2 * (right + 1) / (right + wrong + 2)))


def refuse_too_many(reader: Reader) -> None:
    """Raise ReportRefused if the reader exceeds LIMITS."""
    for most, time in LIMITS:
        if reader.reports.filter(created__gt=Now() - time).count() >= most:
            raise ReportRefused(
                _(
                    "Too many reports in a short time. The ones you sent were received; try "
                    "again later."
                )
            )


def reader_of(user: object, address: str) -> Reader:
    """The reader of a request's user and address."""
    return Reader(user if isinstance(user, Player) else None, address)


def turn_in_share(share: Share, turn_id: UUID) -> Turn | None:
    """A turn as a link shows it; None if it does not show that turn."""
    return next(iter(share_content.moderated_turns(share, [turn_id])), None)
