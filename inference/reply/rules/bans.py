"""Phrases that are never shown."""

from inference.reply.phrases import Phrases, Watch
from inference.reply.rules.rule import SHOW, Rule, Verdict, end_with


class BannedPhrases(Rule):
    """Ends a reply before a banned phrase.

    The raw text comes without them (`inference.engines.bans`). Clean-up may put one together all
    the same.
    """

    def __init__(self, phrases: Phrases, told: str) -> None:
        self._watch = Watch(phrases, told, begins=len(told))
        self._found = False  # nothing is shown from here on

    def release(self, text: str, shown: int) -> str:
        """Let through what is before the first banned phrase."""
        if not text:
            return text
        if self._found:
            return ""
        found = self._watch.hear(text) or self._watch.end()
        if found is None:
            return text
        self._found = True
        return text[: max(0, found.start - shown)].rstrip()

    def after_release(self) -> Verdict:
        """End the reply once a phrase was found."""
        return end_with("banned") if self._found else SHOW
