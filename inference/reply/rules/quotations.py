"""Quotations that begin a sentence: whose words they are."""

import re

from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.quotes import quotes_at_start
from inference.reply.rules.person import in_first_person
from inference.reply.rules.rule import SHOW, WAIT, Rule, Unit, Verdict, leave_out, plain
from inference.reply.rules.speaking import introduces_players_words, players_words

# A quotation waits for the word that says whose it is, in characters.
LONGEST_QUOTATION = 240
LONGER_LATER = 3  # times that, where sentences are shown whole and something was told already
YOU_DO = re.compile(r"you\b(?!r\b)", re.IGNORECASE)


class PlayersQuotation(Rule):
    """Holds a quotation that begins a sentence until it is known who says it.

    The player's is left out: '"Stop," you say', or 'You say, "Stop."'.
    """

    def __init__(self, given: Given) -> None:
        self._by_sentences = given.by_sentences
        self._may_say_i = given.in_first_person
        self._after = ""  # what was said since it closed, in lower case
        self._alone = False  # it is a sentence of its own, after what the player does

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Wait while a quotation is open and for the words after it; leave out the player's."""
        match draft.quotation:
            case "open":
                return self._hear_inside(draft)
            case "closed":
                return self._hear_after(unit, draft)
        if unit.marks or not quotes_at_start(unit.word, draft.marks):
            return SHOW
        # An earlier attempt may have begun the sentence.
        begun_before = bool(draft.text) and not draft.held and not draft.sentences
        if not unit.before and not begun_before:
            draft.quotation, self._after = ("open" if draft.marks else "closed"), ""
            return WAIT
        return leave_out("speaks") if introduces_players_words(plain(unit.before)) else SHOW

    def _hear_inside(self, draft: Draft) -> Verdict:
        later = self._by_sentences and draft.text
        if len(draft.held) > LONGEST_QUOTATION * (LONGER_LATER if later else 1):
            draft.quotation = ""
            return SHOW
        if not draft.marks:
            draft.quotation, self._after = "closed", ""
        return WAIT

    def _hear_after(self, unit: Unit, draft: Draft) -> Verdict:
        self._after = f"{self._after} {unit.word}".strip().lower()
        if in_first_person(self._after) and not self._may_say_i:
            return leave_out("person")  # '"No," I say.'
        match players_words(self._after.strip(".,!?;:—–…")):
            case "yes":
                return leave_out("speaks")
            case "maybe":
                return WAIT
        draft.quotation = ""
        alone, self._alone = self._alone, False
        return leave_out("speaks") if alone else SHOW

    def continues(self, following: str, draft: Draft) -> bool:
        """Whether words that may say who spoke come in the next sentence."""
        if draft.quotation != "closed" or following not in "yY" or self._after:
            return False
        self._alone = self._follows_player(draft)
        return True  # '"Who is there?" You ask'

    def close(self, draft: Draft) -> Verdict:
        """Leave out a quotation without a speaker that follows what the player does."""
        players = draft.quotation == "closed" and self._follows_player(draft)
        return leave_out("speaks") if players else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same at the end of the text, also for a quotation that is still open."""
        unclaimed = draft.quotation == "closed" or (draft.quotation and self._by_sentences)
        return leave_out("speaks") if unclaimed and self._follows_player(draft) else SHOW

    def _follows_player(self, draft: Draft) -> bool:
        """Whether the sentence is a quotation alone, after one that says what the player does.

        'You turn to Clive. "It is late."' has the player speak: where someone else does, stories
        say so. (Of 917 paragraphs of the adventures that come with the game, one does not.)
        """
        alone = draft.held.lstrip()[:1] in ('"', "“") and not self._after
        return alone and YOU_DO.match(draft.before) is not None
