"""Checks players' texts against the rules before they are stored, and records hits in replies.

A text that breaks no rule costs microseconds. Without rules nothing is checked.
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

LONGEST_QUOTE = 120  # characters of the matched words, quoted to their author
WEIGHTS = {"block": 60.0, "queue": 40.0, "note": 0.0}


class Rejected(Refused):
    """A text breaks a rule. The message quotes the words to their author.

    `store_hits` records it after the transaction was rolled back.
    """

    def __init__(self, rule: HouseRule | None, finding: Finding, hits: list[RuleHit]) -> None:
        super().__init__("rejected", rejection_message(rule, finding))
        self.hits = hits

    def store_hits(self) -> None:
        """Store the rule hits, once."""
        RuleHit.objects.bulk_create(self.hits)
        self.hits = []  # nested changes store them once


def rejection_message(rule: HouseRule | None, finding: Finding) -> str:
    """The rule that a text breaks, and the matched words, for its author."""
    words = (
        finding.words
        if len(finding.words) <= LONGEST_QUOTE
        else f"{finding.words[:LONGEST_QUOTE]}…"
    )
    title, says = (rule.title, rule.says) if rule else (finding.rule, "")
    return _("This is against a rule of this host: %(title)s (“%(words)s”). %(says)s") % {
        "title": title,
        "words": words,
        "says": says,
    }


@contextmanager
def record_rejections() -> Iterator[None]:
    """A decorator of changes: rule hits of a rejected change are stored after its rollback."""
    try:
        yield
    except Rejected as rejected:
        rejected.store_hits()
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
    """Check a player's texts against the rules. Raises Rejected, in which case nothing is stored.

    Hits of rules that only note or queue are stored in the caller's transaction.
    """
    book = rulebook()
    if adventure is not None and not audience:
        audience = limits.table_audience(adventure, player)
    else:
        audience = limits.effective_audience(audience or Audience.TEEN, player)
    findings = [
        each for text in texts if text for each in find_matches(text, book, where, audience)
    ]
    if not findings:
        return
    hits = [new_hit(each, place, Words.PLAYER, player, adventure) for each in findings]
    for finding in findings:
        if finding.severity == "block":
            raise Rejected(book.get(finding.rule), finding, hits)
    RuleHit.objects.bulk_create(hits)
    for finding in findings:
        if finding.severity == "queue":
            open_case(finding, player, adventure, None, Words.PLAYER)


def find_matches(text: str, book: RuleBook, where: Where, audience: str) -> list[Finding]:
    """All findings of rules and classifier in a text."""
    screening = book.screening(where, audience)
    found = found_in(text, screen_for(screening)) if screening else []
    return [*found, *classify(text, where, audience)]


def new_hit(
    finding: Finding, place: str, whose: Words, player: Player | None, adventure: Adventure | None
) -> RuleHit:
    """An unsaved RuleHit of a finding."""
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
    """Open a case for a finding, with the matched words and nothing around them."""
    stored = adventure is not None and not adventure._state.adding
    key = f"rule {finding.rule} {adventure.pk if stored and adventure else ''} {whose}"
    owner = player.pk if player else ""
    Case.objects.get_or_create(
        key=f"{key} {owner}"[:200],
        decided__isnull=True,
        defaults={
            "subject": Case.Subject.STORY,
            "subject_id": str(adventure.pk) if stored and adventure else "",
            "adventure": adventure if stored else None,
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


def reply_screening(adventure: Adventure, player: Player | None = None) -> Screening | None:
    """The rules that workers apply to a narrator's replies to a player."""
    return rulebook().screening("output", limits.table_audience(adventure, player))


def record_reply_hits(turn: Turn, result: Result) -> None:
    """Store what was found in a reply, and in replies that were retried because of it."""
    adventure = turn.adventure
    findings = list(result.screened)
    if result.reply:
        # Too late to block: players have read it.
        classified = classify(result.reply, "output", adventure.audience)
        findings += [
            each.model_copy(update={"severity": "queue"}) if each.severity == "block" else each
            for each in classified
        ]
    if not findings:
        return
    RuleHit.objects.bulk_create(
        new_hit(each, "reply", Words.NARRATOR, turn.player, adventure) for each in findings
    )
    for finding in findings:
        if finding.severity == "queue":
            open_case(finding, turn.player, adventure, turn, Words.NARRATOR)


def allows_output(text: str, adventure: Adventure, player: Player | None = None) -> bool:
    """Whether a text of a narrator beside its replies breaks no rule that blocks or queues."""
    audience = limits.table_audience(adventure, player)
    findings = find_matches(text, rulebook(), "output", audience)
    return all(each.severity == "note" for each in findings)
