"""Where and how a reply is ended, shortened and closed."""

import re

from inference.reply.characters import extends, letters, spaceless
from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.quotes import quoting
from inference.reply.rules import RuleList
from inference.reply.sentences import (
    END,
    LONG_SENTENCE,
    PAUSES,
    end_mark,
    whole_sentences,
    with_end_in_quotation,
)

# A reply with a fault is retried where it has less than this and has not ended well.
SHORT_REPLY = 60  # letters
RETRIED_THOUGH_ENDED = ("loop", "rule")  # also where it has ended well
LONG_QUOTED = 1.1  # times what is enough, to let a quotation close
# Past what is enough a reply may also end before one of these, where a comma stands.
JOINING_WORDS = """
    and but as while so then because when which where who or yet
"""
JOINING = frozenset(JOINING_WORDS.split())
SENTENCE_ENDS = re.compile(r"[.!?…][\"”’)]*\s")
# English words after which a sentence has to go on.
OPEN_WORDS = """
    a about across after against all along am an and any are around as at because been before
    behind being below beneath beside between both but by can could did do does during each either
    every for from had has have he her his how i if in into is its just least like may might more
    most must my near no nor of off on onto or our over says say said she should so some such tell
    tells than that the their then these they this those through to too toward towards under until
    up upon very was we were what when where whether which while who whose why will with without
    would yet your
"""
OPEN = frozenset(OPEN_WORDS.split())
RESERVE = 4  # characters kept free for an end and what closes quotations


def is_whole_clause(told: str) -> bool:
    """Whether the English sentence that `told` ends with could end there. A guess by its last word.

    It ends before what the player would say: "You look at the hook and think", "The mayor tells".
    """
    words = re.findall(r"[a-z']+", SENTENCE_ENDS.split(told)[-1].lower())
    return len(words) > 1 and words[-1] not in OPEN


class Ending:
    """Ends a reply. Nothing that was shown is altered; an end is put after it."""

    def __init__(
        self, draft: Draft, rules: RuleList, given: Given, enough: int, may_retry: bool
    ) -> None:
        """`enough` is that of `ReplyStream`, and `may_retry` its `again`."""
        self.done = False
        self.unfinished = False
        self.mark = "…"  # what ends a reply that goes wrong
        self._draft = draft
        self._shown = draft.shown
        self._rules = rules
        self._by_sentences = given.by_sentences
        self._replies_lately = {letters(reply) for reply in given.recent}
        self._enough = enough
        self._may_retry = may_retry

    # -- where

    def has_room(self, text: str) -> bool:
        """Whether the reply may go on with `text`, which `Draft.tail` begins."""
        length = len(self._shown.text) + len(self._draft.held) + len(text)
        return length + RESERVE <= self._shown.max_chars

    def comes_before(self, word: str) -> bool:
        """Whether the reply is long enough to end before the clause that `word` begins."""
        draft = self._draft
        if not draft.tail.startswith(",") or word.lower() not in JOINING:
            return False
        clause = len(letters(draft.sentence)) >= LONG_SENTENCE
        waiting = len(draft.held) - draft.safe
        return clause and not waiting and len(self._shown.text) + draft.safe >= self._enough

    def comes_after_sentence(self) -> bool:
        """Whether the reply is long enough to end after a whole sentence."""
        told = self._shown.text
        # A character that is a word or half of one is as good as four others.
        long = len(told) + (0 if told.isascii() else 3 * sum(map(spaceless, told)))
        enough = self._enough * (LONG_QUOTED if self._shown.marks else 1)
        return long >= self._enough and long >= enough

    # -- how

    def end_with_clause(self) -> None:
        """End the reply with what is held, a clause before a comma."""
        if self._by_sentences:
            self._draft.held = with_end_in_quotation(self._draft.held)
        self._draft.let_go()
        self.end(".")

    def end_text(self, mark: str) -> None:
        """The model has said its last: show what is held, unless it is to be withheld.

        `mark` is "." where it ended by itself, "…" where it was cut off.
        """
        draft = self._draft
        found = END.search(draft.held)
        trails_off = found is not None and found[0].startswith(("…", "..."))
        if self._by_sentences and mark == "…" and not found:
            self._leave_unended()
        elif self._by_sentences and trails_off:
            if draft.text:
                draft.held = ""
            else:
                self._leave_unended()
        if draft.held:
            mark = self._end_sentence(mark)
        self.end(mark)

    def end(self, mark: str = "…") -> None:
        """End the reply here: what is held stays unseen, what was shown gets an ending."""
        draft = self._draft
        if draft.fault and not draft.text:
            draft.withheld += draft.held
        draft.held = ""
        self.done = True
        if not draft.text and draft.withheld and not self._may_retry:
            withheld = draft.withheld[: self._shown.max_chars - RESERVE].rstrip()
            # Nothing better came.
            self._shown.show(whole_sentences(withheld) if self._by_sentences else withheld)
        if not draft.text:
            draft.fault = draft.fault or "empty"
            self.unfinished = self._may_retry
            return
        if self._wants_retry():
            self.unfinished = True
        else:
            self._put_end(mark)

    def close(self) -> None:
        """Put an end to an unfinished reply that is not retried."""
        if self.unfinished:
            self.unfinished = False
            if self._shown.text:
                self._put_end("…")

    def _end_sentence(self, mark: str) -> str:
        """Show the last sentence, or withhold it. Returns what ends the reply."""
        draft = self._draft
        withheld = False
        for rule in self._rules.on_end:
            verdict = rule.finish(draft)
            if verdict.decision == "show":
                continue
            withheld = True
            mark = verdict.mark or mark
            if verdict.decision == "leave out":
                draft.leave_out(verdict.fault)
                break
            if verdict.decision == "end":
                draft.fault = verdict.fault
                break
        if not withheld:
            if self._by_sentences and mark == ".":
                draft.held = with_end_in_quotation(draft.held)
            draft.let_go()
        draft.held = ""
        return mark

    def _leave_unended(self) -> None:
        """Leave out the beginning of a sentence, unless it is all there is."""
        draft = self._draft
        if draft.text:
            draft.held = ""
        elif self._may_retry:
            draft.held = ""
            draft.fault = draft.fault or "endless"
        else:
            draft.begun_to_show = True

    def _wants_retry(self) -> bool:
        """Whether too little was shown of a reply that went wrong. Notes what is wrong with it."""
        draft = self._draft
        said = letters(draft.text)
        # Too short to be missed sentence by sentence, and all there is: the story stands still.
        same = said in self._replies_lately
        if same:
            draft.fault = draft.fault or "repeats"
        well = END.search(draft.text) is not None and not self._shown.marks
        fine = well and not same and draft.fault not in RETRIED_THOUGH_ENDED
        if fine and not self._by_sentences:
            return False
        return self._may_retry and bool(draft.fault) and len(said) < SHORT_REPLY

    def _put_end(self, mark: str) -> None:
        """An end for what was shown, and the marks that close its quotations."""
        shown = self._shown
        if self._by_sentences and not self._draft.begun_to_show:
            mark = "."  # its last sentence is whole
        elif self._draft.fault == "speaks" and is_whole_clause(shown.text):
            mark = "."
        last = shown.text[-1]
        if last in PAUSES:  # told by an earlier attempt
            shown.append("…")
        elif last.isalnum() or extends(last):
            shown.append(end_mark(last) if mark == "." else mark)
        elif shown.marks and quoting("", last) == shown.marks[-1:]:
            shown.append("…")
        shown.append(shown.marks[::-1])
        shown.marks = ""
