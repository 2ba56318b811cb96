"""Checks every word against the host's rules before it is shown."""

from inference.reply.draft import Draft
from inference.reply.given import Moderator
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict


class Moderation(Rule):
    """Ends a reply before what a host's rules block, and erases what is held with it."""

    def __init__(self, moderator: Moderator) -> None:
        self._moderator = moderator

    def admit(self, words: str) -> Verdict:
        """Erase everything held when the next words are blocked."""
        self._moderator.hear(words)
        return self._verdict()

    def pause(self) -> Verdict:
        """The same at the end of a sentence."""
        self._moderator.pause()
        return self._verdict()

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold words that may become something blocked."""
        return HOLD if self._moderator.waits else SHOW

    def _verdict(self) -> Verdict:
        return SHOW if self._moderator.blocked is None else Verdict("erase", "rule")
