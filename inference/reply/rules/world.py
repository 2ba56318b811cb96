"""Ends a reply before it contradicts the state of the world: the dead act, the lost is used."""

from inference.reply.draft import LONGEST_HELD, Draft
from inference.reply.given import Contradiction, Given
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, end_with, leave_out


class WorldContradicted(Rule):
    """Ends a reply before a sentence that contradicts what is known, so that it is retried.

    A sentence that names the dead, the lost or the absent waits for its end, and every sentence
    does where the action names them: "The ledger is signed with the" cannot be taken back when
    "pen" comes. The retry's prompt has the fact last (`Draft.fact`); what contradicts it even then
    is left out.
    """

    def __init__(self, given: Given) -> None:
        self._facts = given.facts
        self._again = bool(given.fact)
        self._told_before = ""
        self._before: Contradiction | None = None

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold a sentence that may contradict a fact."""
        facts = self._facts
        if facts is None or not facts.any or draft.marks or len(draft.held) >= LONGEST_HELD:
            return SHOW
        # Who spoke stands after the words.
        speaking = facts.people and unit.before.rstrip()[-1:] in ('"', "”")
        return HOLD if speaking or facts.asked or facts.mentioned(draft.sentence) else SHOW

    def close(self, draft: Draft) -> Verdict:
        """End the reply before a sentence that contradicts a fact."""
        return SHOW if draft.marks else self.finish(draft)

    def finish(self, draft: Draft) -> Verdict:
        """The same for the last sentence."""
        facts = self._facts
        if facts is None or not facts.mentioned(draft.held):
            return SHOW
        if draft.text != self._told_before:
            self._told_before = draft.text
            self._before = facts.contradicted(draft.text)
        found = facts.contradicted(draft.text + draft.held)
        if found is None or found == self._before:
            return SHOW
        draft.fact = found.fact
        return leave_out(found.kind) if self._again else end_with(found.kind)
