"""Cleans a reply while it is generated: raw text in, text that may be shown out.

`reader.py` reads raw text into units, `draft.py` has the text so far, `rules/` say what may be
shown of it, and `endings.py` ends it.
"""

from collections.abc import Sequence
from typing import Literal

from inference.contract.request import Kind
from inference.reply.actions import shown_action
from inference.reply.draft import Draft, Fault, Shown
from inference.reply.endings import Ending
from inference.reply.given import Facts, Given, Moderator
from inference.reply.phrases import Phrases
from inference.reply.quotes import without_stray_mark
from inference.reply.reader import Reader
from inference.reply.rules import rules_for
from inference.reply.rules.rule import HOLD, SHOW, Unit, Verdict, plain
from inference.reply.sentences import END, ends_sentence
from inference.reply.structure import is_line_markup

Reason = Literal["stop", "length", "cancelled", "error"]

# Where sentences are shown whole, one that grows longer than this is shown word by word.
LONGEST_WHOLE = 300


class ReplyStream:
    """Cleans a reply while it is generated: raw text in, text that may be shown out.

    How the raw text was split makes no difference. A piece never ends in white space: it comes with
    the space before it.

    `told` is what an earlier attempt showed; the reply goes on from there. `begun` is what the
    prompt began of it, shown with the first words of the engine. `enough` is the length in letters
    from which the next end of a sentence ends the reply. `recent` are the replies before it, which
    it should not repeat, nearly or exactly; `older` are all those before them, of which it should
    repeat no long sentence and no eight words in a row but those of the action. `again` allows to
    ask for a retry. With `sentences`, whole sentences are shown, not words: one that goes wrong at
    its end is then never begun, and every reply ends with one. `rules` are a host's: they check
    every word before it is shown; what they block is never shown, nor is anything that was held
    with it. `bans` are phrases that are never shown. `reminder` is what the narrator
    was reminded of after the action: a reply should not say it, not even in other words. `texts`
    are those of the prompt, whose words a sampler may have joined. `facts` are what
    it should not contradict; `fact` is the one that an attempt before this one did.
    """

    def __init__(
        self,
        kind: Kind,
        action: str = "",
        told: str = "",
        max_chars: int = 4000,
        enough: int = 600,
        begun: str = "",
        recent: Sequence[str] = (),
        older: Sequence[str] = (),
        again: bool = False,
        sentences: bool = False,
        rules: Moderator | None = None,
        bans: Phrases | None = None,
        reminder: str = "",
        texts: Sequence[str] = (),
        facts: Facts | None = None,
        fact: str = "",
    ) -> None:
        self.rules = rules
        shown = shown_action(kind, action) if action else ""
        given = Given(
            kind,
            shown,
            told,
            recent,
            older,
            sentences,
            rules,
            bans,
            reminder,
            texts,
            facts,
            fact,
        )
        self._by_sentences = sentences
        self._rules = rules_for(given)
        self._draft = Draft(Shown(max_chars))
        self._ending = Ending(self._draft, self._rules, given, enough, again)
        self._reader = Reader(self)
        for word in self._draft.resume(told):
            self._rules.resume(word)
        self._draft.shown.filters = self._rules.filters
        for each in begun:
            self._reader.take(each)

    @property
    def told(self) -> str:
        """All that was released."""
        return self._draft.text

    @property
    def done(self) -> bool:
        """Whether the reply is complete: its generation may be cancelled."""
        return self._ending.done

    @property
    def fault(self) -> Fault:
        """Why the reply ended early, or is without its first sentences."""
        return self._draft.fault

    @property
    def fact(self) -> str:
        """What the reply contradicted, as a sentence; "" where that is not its fault."""
        return self._draft.fact

    @property
    def unfinished(self) -> bool:
        """Whether the reply should be retried from `told` on, because too little was shown."""
        return self._ending.unfinished

    def feed(self, raw: str) -> str:
        """Take raw text; give back what may be shown now."""
        self._reader.read(raw)
        self._heed_filters()
        return self._draft.shown.take()

    def finish(self, reason: Reason) -> str:
        """Take the end of the raw text; give back the last that may be shown.

        "stop" is the model's own end, "length" an end inside a sentence as likely as not,
        "cancelled" the player's wish: the words shown so far stay as they are.
        """
        if not self.done and reason in ("stop", "length"):
            word = self._reader.word
            if word and (reason == "stop" or END.search(word) or not self.told):
                self._reader.complete()
            if not self.done:
                self._end_text("…" if reason == "length" else ".")
            self._heed_filters()
        self._ending.done = True
        return self._draft.shown.take()

    def close(self) -> str:
        """Put an end to an unfinished reply that is not retried; what comes with it."""
        self._ending.close()
        return self._draft.shown.take()

    # -- what the reader reads (`reader.Units`)

    @property
    def empty(self) -> bool:
        """Whether nothing is shown or held: the reply may still begin with anything."""
        return self._draft.empty

    def begin_unit(self, first: str, space: str) -> bool:
        """A unit begins: what is before it can be judged now. False where that ends the reply."""
        if not ends_sentence(self._draft.sentence, space, first):
            return True
        self._close_sentence(first)
        return not self.done

    def begin_command(self) -> None:
        """The model writes the player's action: end the reply."""
        self._ending.end()

    def end_text(self) -> None:
        """A template token ends the text."""
        if not self.done:
            self._end_text("…")
        self._ending.done = True

    def take_unit(self, word: str, space: str) -> str:
        """Hold a unit, show it with all that is held, or end the reply.

        Returns the white space that the next unit inherits.
        """
        draft, ending = self._draft, self._ending
        space = space if draft.begun else ""
        if ("\n" in space or draft.empty) and is_line_markup(word, label=not draft.text):
            return space
        if draft.tail and draft.empty:
            space = ""  # a quotation that begins the reply
        if not ending.has_room(draft.tail + space + word):
            ending.end()
        elif ending.comes_before(word):
            ending.end_with_clause()
        else:
            self._take_word(word, space)
        return ""

    # -- words

    def _take_word(self, word: str, space: str) -> None:
        draft = self._draft
        before, marks = draft.sentence, draft.marks
        reworded = self._rules.reword(word, draft)
        draft.add(word, space)
        if not (marks or draft.marks):
            reworded = without_stray_mark(reworded)
        if self._erased(self._rules.admit(space + reworded)):
            self._ending.end(self._ending.mark)
            return
        if draft.leaving_out:
            draft.withheld += space + reworded
            return
        draft.hold(space + reworded)
        quoted = bool(marks) or draft.began_quoted
        unit = Unit(word, reworded, before, marks, quoted, plain(draft.sentence))
        self._heed(self._rules.hear(unit, draft, self._weigh))

    def _weigh(self, verdict: Verdict) -> Verdict:
        """The effect of a rule's verdict, which depends on what was shown. Notes its fault.

        What is left out stays so, also where a later rule ends the reply.
        """
        draft = self._draft
        match verdict.decision:
            case "end":
                draft.fault = verdict.fault or draft.fault
            case "drop" if verdict.kept:
                draft.withheld = draft.held
            case "leave out":
                if verdict.mark and (draft.text or draft.safe):
                    self._ending.mark = verdict.mark
                    draft.let_go(draft.safe)
                left = draft.leave_out(verdict.fault)
                return {"show": SHOW, "hold": HOLD, "end": Verdict("end")}[left]
        return verdict

    def _heed(self, verdict: Verdict) -> None:
        draft = self._draft
        match verdict.decision:
            case "end":
                self._ending.end(self._ending.mark)
            case "drop":
                draft.drop()
                draft.marks = draft.quotation = ""
            case "show" if self._waits_for_its_end():
                draft.safe = len(draft.held)
            case "show":
                draft.let_go()
                draft.begun_to_show = True

    def _waits_for_its_end(self) -> bool:
        """Whether what may be shown is shown with the rest of its sentence."""
        draft = self._draft
        return self._by_sentences and not draft.begun_to_show and len(draft.held) < LONGEST_WHOLE

    # -- sentences

    def _close_sentence(self, following: str) -> None:
        """A sentence is complete before `following`: show it, or heed what is against it."""
        draft = self._draft
        if self._erased(self._rules.pause()):
            self._ending.end()
            return
        if draft.leaving_out:
            self._close_left_out(following)
            return
        if self._rules.continues(following, draft):
            draft.end_sentence()
            return
        if draft.held:
            if self._stopped_sentence():
                return
            if draft.quotation != "open":
                draft.quotation = ""
                draft.let_go()
        draft.end_sentence()
        if self._ending.comes_after_sentence():
            self._ending.end(".")

    def _close_left_out(self, following: str) -> None:
        """A sentence that is left out is complete, or goes on with the next."""
        draft = self._draft
        # '"Who is there?" You ask.' are two sentences, and both go.
        alone = draft.sentence.rstrip()[-1:] in ('"', "”") and following in "yY"
        draft.sentence = ""
        if not (draft.marks or alone):
            draft.leaving_out = False
            self._rules.interrupt()

    def _stopped_sentence(self) -> bool:
        """Whether a rule is against the whole sentence; heeds what it says."""
        draft = self._draft
        verdict = self._rules.close(draft)
        match verdict.decision:
            case "end":
                draft.fault = verdict.fault or draft.fault
                self._ending.end()
            case "drop":
                draft.withheld = draft.held
                draft.drop()
            case "leave out":
                if draft.leave_out(verdict.fault) == "end":
                    self._ending.end()
                draft.sentence, draft.leaving_out = "", False
        return verdict.decision != "show"

    # -- guards and filters

    def _erased(self, verdict: Verdict) -> bool:
        """Whether a guard has all that was not shown erased; does so."""
        if verdict.decision != "erase":
            return False
        self._draft.fault = verdict.fault
        self._draft.erase()
        return True

    def _end_text(self, mark: str) -> None:
        """End the reply where the text ends."""
        if self._erased(self._rules.pause()):
            self._ending.end(mark)
        else:
            self._ending.end_text(mark)

    def _heed_filters(self) -> None:
        """End the reply where something was not let through."""
        verdict = self._rules.after_release()
        if verdict.decision == "end" and not self.done:
            self._draft.fault = verdict.fault
            self._ending.end()
