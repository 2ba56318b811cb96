"""Texts of players held against the rules before they are kept, and what was found in replies.

A text with no rule against it costs microseconds. Where there are no rules, nothing is looked at.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.utils.translation import gettext as _

from game.models import Adventure, Audience, Case, Player, RuleHit, Turn, Words
from game.models.moderation import LONGEST_EXCERPT
from game.moderation import limits
from game.moderation.classifier import classify
from game.moderation.rulebook import HouseRule, RuleBook, Where, rulebook
from game.play.protocol import Refused
from inference.contract.request import Result
from inference.contract.screening import Finding, Screening
from inference.screening import found_in, screen_for

logger = logging.getLogger(__name__)

SHOWN = 120  # characters of the words that a rule minds, told to whoever wrote them
WEIGHTS = {"block": 60.0, "queue": 40.0, "note": 0.0}


class Rejected(Refused):
    """A text that a rule of this host does not allow. Its words go back to whoever wrote them.

    What was found is kept with `keep`, once the transaction that refused it is undone.
    """

    def __init__(self, rule: HouseRule | None, finding: Finding, hits: list[RuleHit]) -> None:
        super().__init__("rejected", rejection_message(rule, finding))
        self.hits = hits

    def keep(self) -> None:
        RuleHit.objects.bulk_create(self.hits)
        self.hits = []  # an outer change keeps them no second time


def rejection_message(rule: HouseRule | None, finding: Finding) -> str:
    words = finding.words if len(finding.words) <= SHOWN else f"{finding.words[:SHOWN]}…"
    title, says = (rule.title, rule.says) if rule else (finding.rule, "")
    return _("This is against a rule of this host: %(title)s (“%(words)s”). %(says)s") % {
        "title": title,
        "words": words,
        "says": says,
    }


@contextmanager
def noted() -> Iterator[None]:
    """Around a change: what it was refused for is kept, though the change is undone."""
    try:
        yield
    except Rejected as rejected:
        rejected.keep()
        raise


def screen(
    texts: Sequence[str],
    place: str,
    player: Player | None,
    adventure: Adventure | None = None,
    *,
    audience: str = "",
    where: Where = "input",
) -> None:
    """Hold what a player wrote against the rules. Raises Rejected, and loses nothing then.

    What rules only note or queue is kept in the transaction that keeps the text.
    """
    book = rulebook()
    audience = audience or (adventure.audience if adventure else Audience.TEEN)
    audience = limits.effective_audience(audience, player)
    findings = [
        each for text in texts if text for each in find_matches(text, book, where, audience)
    ]
    if not findings:
        return
    hits = [hit(each, place, Words.PLAYER, player, adventure) for each in findings]
    for finding in findings:
        if finding.severity == "block":
            raise Rejected(book.get(finding.rule), finding, hits)
    RuleHit.objects.bulk_create(hits)
    for finding in findings:
        if finding.severity == "queue":
            open_case(finding, player, adventure, None, Words.PLAYER)


def find_matches(text: str, book: RuleBook, where: Where, audience: str) -> list[Finding]:
    """Everything that rules and the classifier find in a text."""
    screening = book.screening(where, audience)
    found = found_in(text, screen_for(screening)) if screening else []
    return [*found, *classify(text, where, audience)]


def hit(
    finding: Finding, place: str, whose: Words, player: Player | None, adventure: Adventure | None
) -> RuleHit:
    return RuleHit(
        rule=finding.rule[:40],
        version=finding.version[:40],
        severity=finding.severity,
        place=place,
        words=finding.words[:300],
        whose=whose,
        player=player,
        adventure=adventure if adventure is not None and not adventure._state.adding else None,
    )


def open_case(
    finding: Finding,
    player: Player | None,
    adventure: Adventure | None,
    turn: Turn | None,
    whose: Words,
) -> None:
    """Put what a rule found into the queue: the words it found, and nothing around them."""
    stays = adventure is not None and not adventure._state.adding
    key = f"rule {finding.rule} {adventure.pk if stays and adventure else ''} {whose}"
    owner = player.pk if player else ""
    Case.objects.get_or_create(
        key=f"{key} {owner}"[:200],
        decided__isnull=True,
        defaults={
            "subject": Case.Subject.STORY,
            "subject_id": str(adventure.pk) if stays and adventure else "",
            "adventure": adventure if stays else None,
            "turn": turn,
            "player": player,
            "words": whose,
            "kind": "rule",
            "rule": finding.rule[:40],
            "excerpt": finding.words[:LONGEST_EXCERPT],
            "weight": WEIGHTS[finding.severity],
        },
    )


# Replies


def for_replies(adventure: Adventure, player: Player | None = None) -> Screening | None:
    """What a narrator's replies to a player are held against before anybody sees them."""
    return rulebook().screening("output", limits.effective_audience(adventure.audience, player))


def note_reply(turn: Turn, result: Result) -> None:
    """Keep what was found in a reply, in what was shown and in what was told again."""
    adventure = turn.adventure
    findings = list(result.screened)
    if result.reply:
        # Too late to block: who reads has read it.
        late = classify(result.reply, "output", adventure.audience)
        findings += [
            each.model_copy(update={"severity": "queue"}) if each.severity == "block" else each
            for each in late
        ]
    if not findings:
        return
    RuleHit.objects.bulk_create(
        hit(each, "reply", Words.NARRATOR, turn.player, adventure) for each in findings
    )
    for finding in findings:
        if finding.severity == "queue":
            open_case(finding, turn.player, adventure, turn, Words.NARRATOR)


def allowed_summary(text: str, adventure: Adventure) -> bool:
    """Whether what a narrator says of what happened before may be shown."""
    screening = for_replies(adventure)
    if screening is None:
        return True
    return not any(each.severity == "block" for each in found_in(text, screen_for(screening)))
