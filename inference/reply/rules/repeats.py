"""Sentences that repeat one of this reply or of an earlier one."""

from inference.reply.characters import letters
from inference.reply.draft import LONGEST_HELD, Draft
from inference.reply.given import Given
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, end_with, leave_out
from inference.reply.sentences import is_long, long_sentences_of, parts_of

LONG_HERE = 16  # letters: a shorter sentence may come twice in a reply
SHORTEST_REPEATED = 6  # letters of a first sentence that began an earlier reply


class RepeatedSentences(Rule):
    """Ends a reply before a repeated sentence, and holds what may become one."""

    def __init__(self, given: Given) -> None:
        self._earlier = {
            sentence for reply in given.earlier for sentence in long_sentences_of(reply)
        }
        self._new = -1  # the number of a sentence that begins as none before it

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold while the sentence begins like an earlier one."""
        if unit.quoted or self._new == draft.number or len(draft.held) >= LONGEST_HELD:
            return SHOW
        seen = letters(draft.sentence)
        if not seen:
            return SHOW
        earlier = (*draft.sentences, *self._earlier)
        if any(len(each) >= len(seen) and each.startswith(seen) for each in earlier):
            return HOLD
        self._new = draft.number  # it differs from all of them
        return SHOW

    def close(self, draft: Draft) -> Verdict:
        """End the reply before a repeated sentence."""
        sentence = letters(draft.sentence)
        times = draft.sentences.count(sentence)
        if sentence and (times >= 2 or (times and is_long(sentence, LONG_HERE))):
            return end_with("loop")
        return end_with("repeats") if is_long(sentence) and sentence in self._earlier else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for the last sentence."""
        return self.close(draft)


class BeginsAsBefore(Rule):
    """Leaves out a whole first sentence, however short, that a recent reply has: "You run."."""

    def __init__(self, given: Given) -> None:
        self._by_sentences = given.by_sentences
        self._lately = {letters(part) for reply in given.recent for part in parts_of(reply)}

    def close(self, draft: Draft) -> Verdict:
        """Leave out the first sentence when a recent reply has it."""
        if not self._by_sentences or draft.text:
            return SHOW
        sentence = letters(draft.sentence)
        repeated = len(sentence) >= SHORTEST_REPEATED and sentence in self._lately
        return leave_out("repeats") if repeated else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for a reply of one sentence."""
        return self.close(draft)
