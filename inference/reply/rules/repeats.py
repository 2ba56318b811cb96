"""Sentences that were told before, in this reply or in those before it."""

from inference.reply.characters import letters
from inference.reply.draft import LONGEST_HELD, Draft
from inference.reply.given import Given
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, end_with, leave_out
from inference.reply.sentences import is_long, long_sentences_of, parts_of

LONG_HERE = 16  # letters: a shorter sentence may be told twice in a reply
SHORTEST_KNOWN = 6  # letters of a first sentence that began an earlier reply


class ToldBefore(Rule):
    """Ends a reply before a sentence that was told before, and holds what may become one."""

    def __init__(self, given: Given) -> None:
        self._known = {sentence for reply in given.earlier for sentence in long_sentences_of(reply)}
        self._new = -1  # the number of a sentence that begins as none before it

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        if unit.quoted or self._new == draft.number or len(draft.held) >= LONGEST_HELD:
            return SHOW
        seen = letters(draft.sentence)
        if not seen:
            return SHOW
        known = (*draft.sentences, *self._known)
        if any(len(each) >= len(seen) and each.startswith(seen) for each in known):
            return HOLD
        self._new = draft.number  # it left all of them, and does not come back
        return SHOW

    def close(self, draft: Draft) -> Verdict:
        sentence = letters(draft.sentence)
        times = draft.sentences.count(sentence)
        if sentence and (times >= 2 or (times and is_long(sentence, LONG_HERE))):
            return end_with("loop")
        return end_with("repeats") if is_long(sentence) and sentence in self._known else SHOW

    def finish(self, draft: Draft) -> Verdict:
        return self.close(draft)


class BeginsAsBefore(Rule):
    """Leaves out a whole first sentence, however short, that a recent reply has: "You run."."""

    def __init__(self, given: Given) -> None:
        self._by_sentences = given.by_sentences
        self._lately = {letters(part) for reply in given.recent for part in parts_of(reply)}

    def close(self, draft: Draft) -> Verdict:
        if not self._by_sentences or draft.told:
            return SHOW
        sentence = letters(draft.sentence)
        known = len(sentence) >= SHORTEST_KNOWN and sentence in self._lately
        return leave_out("repeats") if known else SHOW

    def finish(self, draft: Draft) -> Verdict:
        return self.close(draft)
