"""The rules of one reply, and how they are asked together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from inference.reply.draft import Draft
from inference.reply.rules.rule import SHOW, Rule, Unit, Verdict

Listed = tuple[Rule, ...]


@dataclass(frozen=True)
class RuleList:
    """The rules of one reply by occasion, in the order in which they are asked.

    Beside each occasion stand the methods of `Rule` that are called on it. A rule that is asked on
    several occasions stands there as the same object.
    """

    guards: Listed  # admit, pause
    rewording: Listed  # reword
    on_word: Listed  # hear
    on_join: Listed  # continues
    on_sentence: Listed  # close
    on_end: Listed  # finish
    filters: Listed  # release, after_release
    followers: Listed  # resume, interrupt

    def admit(self, words: str) -> Verdict:
        """What guards say of the next words."""
        return first_objection(rule.admit(words) for rule in self.guards)

    def pause(self) -> Verdict:
        """What guards say where a sentence ends."""
        return first_objection(rule.pause() for rule in self.guards)

    def reword(self, word: str, draft: Draft) -> str:
        """The next word as it is shown."""
        for rule in self.rewording:
            word = rule.reword(word, draft)
        return word

    def hear(self, unit: Unit, draft: Draft, weigh: Callable[[Verdict], Verdict]) -> Verdict:
        """The verdict on the held text after `unit`.

        The first objection stands, unless a later rule is asked after one of its kind
        (`Rule.after`). `weigh` says what an objection comes to, before the next rule is asked.
        """
        verdict = SHOW
        for rule in self.on_word:
            if verdict.decision in rule.after:
                found = rule.hear(unit, draft)
                if found.decision != "show":
                    found = weigh(found)
                if found.decision != "show":
                    verdict = found
        return verdict

    def continues(self, following: str, draft: Draft) -> bool:
        """Whether a sentence is one with the next, which begins with `following`."""
        return any(rule.continues(following, draft) for rule in self.on_join)

    def close(self, draft: Draft) -> Verdict:
        """What is to be done with a whole sentence."""
        return first_objection(rule.close(draft) for rule in self.on_sentence)

    def after_release(self) -> Verdict:
        """What filters say of what was released."""
        return first_objection(rule.after_release() for rule in self.filters)

    def resume(self, word: str) -> None:
        """An earlier attempt showed `word`."""
        for rule in self.followers:
            rule.resume(word)

    def interrupt(self) -> None:
        """A sentence was left out."""
        for rule in self.followers:
            rule.interrupt()


def first_objection(verdicts: Iterable[Verdict]) -> Verdict:
    """The first verdict that is not to show; `SHOW` where there is none."""
    return next((verdict for verdict in verdicts if verdict.decision != "show"), SHOW)
