"""Sentences that say nothing but what the player did, or next to nothing. For English.

"You light the lamps." is answered "You're lighting the lamps.", and the story stands still; a small
model that has said this once repeats it for ever. A reply of nothing else is retried.
"""

import re

from inference.reply.characters import letters
from inference.reply.draft import LONGEST_HELD, Draft
from inference.reply.given import Given
from inference.reply.quotes import unquoted
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, leave_out
from inference.reply.sentences import END

WORD = re.compile(r"[a-z]+")
# Words with which a sentence says no more than the action does.
FILLING_WORDS = """
    you your yours yourself re ve ll d s t m i my me am are is be been being do does did have
    has had the a an this that these those it its of to at in on up down out and then now so
    just still slowly quickly carefully quietly begin begins start starts continue continues
    keep try tries decide decides manage go going get getting can will with by for from into as
    there here them him her his their all very
"""
FILLING = frozenset(FILLING_WORDS.split())
ENDINGS = ("ing", "ed", "es", "s", "e")
SHORTEST = 3  # letters that an ending leaves
THIN = 4  # words that a reply of "You wait here." has at most


class ActionAgain(Rule):
    """Drops the action, word for word, at the start of a reply: it stands above it."""

    after = ("show", "wait")
    DROP = Verdict("drop", kept=True)

    def __init__(self, given: Given) -> None:
        applies = given.kind in ("do", "say") and not given.told
        self._action = letters(given.action) if applies else ""  # "" once it cannot come any more

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold while the reply repeats the action; drop the sentence when it is the action."""
        if draft.text or not self._action:
            return SHOW
        seen = letters(draft.sentence)
        if seen == self._action:
            if not END.search(draft.sentence):
                return HOLD  # it may go on: "You look around again."
            self._action = ""
            return self.DROP
        if self._action.startswith(seen) and len(draft.held) < LONGEST_HELD:
            return HOLD
        self._action = ""
        return SHOW

    def close(self, draft: Draft) -> Verdict:
        """Drop a sentence that is the action."""
        if draft.text or not self._action or letters(draft.sentence) != self._action:
            return SHOW
        self._action = ""
        return self.DROP


class NothingNew(Rule):
    """Leaves out whole sentences at the start that say what the player did, and no more."""

    def __init__(self, given: Given) -> None:
        self._by_sentences = given.by_sentences
        self._done = given.action if given.kind == "do" else ""

    def close(self, draft: Draft) -> Verdict:
        """Leave out a sentence that only repeats the action."""
        return leave_out("echo") if draft.narrates and self._only_echoes(draft) else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for the last sentence, and for one that says hardly anything."""
        nothing = self._only_echoes(draft) or self._says_next_to_nothing(draft)
        return leave_out("echo") if nothing else SHOW

    def _only_echoes(self, draft: Draft) -> bool:
        first = self._by_sentences and not draft.text and self._done
        quotes = any(mark in draft.sentence for mark in '"“”')
        return bool(first) and not quotes and says_again(draft.sentence, self._done)

    def _says_next_to_nothing(self, draft: Draft) -> bool:
        """Whether the model leaves it at "You wait."."""
        return self._by_sentences and not draft.text and thin(unquoted(draft.sentence))


def says_again(sentence: str, action: str) -> bool:
    """Whether a sentence outside quotation has no word of its own beside those of the action."""
    said = stems(sentence)
    return bool(said) and said <= stems(action)


def thin(sentence: str) -> bool:
    """Whether it says of the player what is hardly worth a turn: "You're waiting."."""
    words = WORD.findall(sentence.lower().replace("’", "'").replace("'re", ""))
    return bool(words) and words[0] == "you" and len(words) <= THIN


def stems(text: str) -> set[str]:
    """The words that say something, without their endings: "lighting" and "lights" as "light"."""
    words = WORD.findall(text.lower().replace("’", "'"))
    return {stem(word) for word in words if word not in FILLING}


def stem(word: str) -> str:
    """A lower-case word without its ending: "lighting" as "light", "stopped" as "stop"."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word.removesuffix(ending)
            doubled = ending in ("ing", "ed") and len(word) > SHORTEST and word[-1] == word[-2]
            return word[:-1] if doubled else word
    return word
