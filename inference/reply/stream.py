"""A reply as it is told: raw text in, text that may be shown out."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Protocol

from inference.contract.request import Kind
from inference.contract.screening import Finding
from inference.reply.actions import shown_action
from inference.reply.characters import character, extends, letters, spaceless, wider
from inference.reply.echoes import says_again, thin
from inference.reply.loops import Echo, ExactRuns, Runs
from inference.reply.loops import Phrases as RepeatedPhrases
from inference.reply.phrases import Phrases, Watch
from inference.reply.quotes import opens_at_end, quoting
from inference.reply.scaffolding import (
    LABELS,
    META,
    META_LATER,
    PREAMBLE,
    WHOLE,
    asks_player,
    begins_with,
    clause_by_i,
    clause_speaks,
    in_first_person,
    introduces_players_words,
    players_words,
    preamble,
    speaks,
)
from inference.reply.sentences import CLOSING, END, PAUSES, STOPS, end_mark, ends_sentence
from inference.reply.structure import HALF_TOKEN, MARKUP, MAY_BE_TOKEN, TEMPLATE_TOKEN
from inference.reply.tense import past
from inference.reply.voice import Voice

Reason = Literal["stop", "length", "cancelled", "error"]

# What is wrong with a reply that ends before the model ended it.
Fault = Literal[
    "",
    "loop",
    "repeats",
    "speaks",
    "person",
    "tense",
    "echo",
    "empty",
    "endless",
    "rule",
    "banned",
]
Verdict = Literal["show", "hold", "end", "drop"]

# A longer word is no word: a script without spaces that is not listed, or a model gone astray.
LONGEST_WORD = 64
# Held back while they might become something to withhold, at most this much.
LONGEST_HELD = 400
# Where sentences are shown whole, one that grows longer than this is shown word by word.
LONGEST_WHOLE = 300
# A quotation waits for the word that says whose it is, in characters.
LONGEST_QUOTATION = 240
LONGER_LATER = 3  # times that, where sentences are shown whole and something was told already
# A shorter sentence may be told again: in the same reply, and after another one.
LONG_HERE = 16  # letters
LONG_SENTENCE = 25
SHORTEST_KNOWN = 6  # where a reply that is shown by sentences begins: as one before did
# A reply with a fault is told anew, or on, where it has less than this and has not ended well.
SHORT_REPLY = 60  # letters
TOLD_ON = ("loop", "rule")  # also where it has ended well
LONG_QUOTED = 1.1  # times what is enough, to let a quotation close
# Past what is enough a reply may also end before one of these, where a comma stands.
JOINING = frozenset(
    [
        "and",
        "but",
        "as",
        "while",
        "so",
        "then",
        "because",
        "when",
        "which",
        "where",
        "who",
        "or",
        "yet",
    ]
)
METAS = (*META, *META_LATER)
LONGEST_STOP = max(map(len, (*METAS, *WHOLE)))  # characters
# All that one of them may begin with: at a reply's start, and later.
STOPS_BEGIN_FIRST = frozenset(stop[:end] for stop in META for end in range(len(stop) + 1))
STOPS_BEGIN = frozenset(stop[:end] for stop in (*METAS, *WHOLE) for end in range(len(stop) + 1))
ENDING = 4  # characters kept free for an end and what closes quotations


# What is read at once: plain letters, which cannot be structure, or one character.
STRETCH = re.compile(r"[A-Za-z0-9]+|.", re.DOTALL)
MAY_BE_STRUCTURE = re.compile(r"[<\[]")
QUOTED_WORD = re.compile(rf"([^\W_])([{CLOSING}]+)$")
WHOLE_SENTENCE = re.compile(rf"[{STOPS}]+[{CLOSING}]*(?=\s|$)")


class Rules(Protocol):
    """Hears a reply word by word and holds it against rules (`inference.screening.Listener`)."""

    found: list[Finding]

    @property
    def blocked(self) -> object | None:
        """What may not be shown, if it was heard."""

    @property
    def waits(self) -> bool:
        """Whether the latest words may become something that may not be shown."""

    def hear(self, text: str) -> None: ...

    def pause(self) -> None:
        """A sentence ends."""


class ReplyStream:
    """A reply as it is told: raw text in, text that may be shown out.

    Works character by character, so that how the raw text was split makes no difference. `told`
    is all that was released; `done` says that the reply is complete and its telling may be
    cancelled. A piece never ends in white space: it comes with the space before it.

    `enough` is the length in letters from which the next end of a sentence ends the reply;
    `begun` is what the prompt began of it, shown with the first words of the engine; `recent` are
    the replies before it, which it should not repeat, nearly or exactly; `older` are all those
    before them, of which it should repeat no long sentence and no eight words in a row but those
    of the action.

    `fault` says why the reply ended before the model ended it. Where `again` allows, and too
    little was told, `unfinished` asks for it to be told anew, going on from `told`; nothing is
    put at its end then.

    `sentences`: shown are whole sentences, not words. A sentence that goes wrong at its end is then
    never begun, and every reply ends with one.

    `rules` hear every word before it is shown; what they block is never shown, nor is anything
    that was held with it.

    `bans` are phrases that are never shown. The raw text comes without them
    (`inference.engines.bans`); one that clean-up puts together all the same ends the reply before
    it.
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
        rules: Rules | None = None,
        bans: Phrases | None = None,
    ) -> None:
        self.told = ""
        self.done = False
        self.fault: Fault = ""
        self.unfinished = False
        self._again = again
        self._by_sentences = sentences
        self.rules = rules
        self._max_chars = max_chars
        self._enough = enough
        shown = shown_action(kind, action) if action else ""
        self._echo = letters(shown) if kind in ("do", "say") else ""
        self._done = shown if kind == "do" else ""
        told_before = [*older, *recent]
        self._known = {sentence for reply in told_before for sentence in sentences_of(reply)}
        self._told_lately = {letters(part) for reply in recent for part in parts_of(reply)}
        self._replies_lately = {letters(reply) for reply in recent}
        self._told_in_past = any(recent) and past(unquoted(" ".join(recent)))
        self._first_person = sum(map(narrated_by_i, recent)) * 2 > len(recent)
        self._word = ""  # the unit being read: a word, or a grapheme
        self._space = ""  # the white space before it: "", " ", "\n" or "\n\n"
        self._held = ""  # complete units that may not be shown yet
        self._begun_to_show = False  # the sentence being told: some of it was shown
        self._safe = 0  # how much of what is held waits for the end of its sentence alone
        self._before = ""  # the sentence before this one in the same paragraph
        self._withheld = ""  # a first sentence left out: better than no reply at all
        self._leaving_out = False
        self._sentence = ""  # the sentence being told, what is held included
        self._sentences: list[str] = []  # finished ones, as letters
        self._new = False  # the sentence being told begins as none before it
        self._voice = Voice()
        self._runs = Runs()
        self._phrases = RepeatedPhrases()
        self._earlier = Echo(recent)  # what was told in the replies before
        self._older = ExactRuns(told_before, shown)  # and the same, exactly, in all of them
        self._own = Echo()  # what was told in this one
        self._mark = "…"  # what ends a reply that goes wrong
        self._tail = ""  # a comma waits for the next word: a reply should not end in one
        self._marks = ""  # what would close the quotations that are open, innermost last
        self._marks_shown = ""  # the same of what was shown
        self._quotation = ""  # "open", or "closed" and nobody knows yet whose it was
        self._alone = False  # it stands alone after what the player does
        self._began_quoted = False  # the sentence began inside a quotation
        self._after = ""  # what was said since it closed
        self._thinking = False  # the model talks to itself
        self._out: list[str] = []
        self._bans: Watch | None = None
        self._banned = False  # a banned phrase was to be shown: nothing is from here on
        if told:
            self._replay(told)
        if bans:
            self._bans = Watch(bans, told, begins=len(told))
        for each in begun:
            self._take(each)

    def feed(self, raw: str) -> str:
        """Take raw text; give back what may be shown now."""
        for run in STRETCH.findall(raw):
            if self.done:
                break
            self._take(run[0])
            if self._goes_on_with(run):
                self._word += run[1:]
                continue
            for each in run[1:]:
                if self.done:
                    break
                self._take(each)
        self._end_before_phrase()
        return self._released()

    def finish(self, reason: Reason) -> str:
        """Take the end of the raw text; give back the last that may be shown.

        "stop" is the model's own end, "length" an end inside a sentence as likely as not,
        "cancelled" the player's wish: the words told so far stay as they are.
        """
        if self.done:
            return self._released()
        if reason in ("stop", "length"):
            if self._word and (reason == "stop" or END.search(self._word) or not self.told):
                self._complete()
            if not self.done:
                self._end_of_text("…" if reason == "length" else ".")
            self._end_before_phrase()
        self.done = True
        self._word = self._held = ""
        return self._released()

    def close(self) -> str:
        """Put an end to an unfinished reply that will not be told again; what comes with it."""
        if self.unfinished:
            self.unfinished = False
            if self.told:
                self._put_end("…")
        return self._released()

    # -- reading characters into units

    def _goes_on_with(self, run: str) -> bool:
        """Whether the rest of a run of plain letters belongs to the unit, and nothing else."""
        known = self._word[-1:] == run[0] and not MAY_BE_STRUCTURE.search(self._word)
        return known and len(self._word) + len(run) <= LONGEST_WORD and not self.done

    def _take(self, each: str) -> None:
        each = character(each)
        if each in ("*", "`", ""):  # emphasis is markup, not story
            return
        if each.isspace():
            if self._word:
                self._complete()
            self._space = wider(self._space, each)
            return
        if not self._word:
            self._begin_unit(each)
        elif self._word[-1] == "<" and each == "｜":
            pass  # a template token of DeepSeek's, whose bar is wide
        elif spaceless(each) or spaceless(self._word[-1]):
            if not extends(each):
                self._complete()
                self._begin_unit(each)
        elif len(self._word) >= LONGEST_WORD and not (
            extends(each) or MAY_BE_TOKEN.search(self._word)
        ):
            self._complete()
            self._begin_unit(each)
        if self.done:
            return
        self._word += each
        self._look_for_tokens()

    def _look_for_tokens(self) -> None:
        if not MAY_BE_STRUCTURE.search(self._word):
            return
        if self._thinking:
            if self._word.endswith("</think>"):
                self._thinking = False
                self._word = self._space = ""
            return
        found = TEMPLATE_TOKEN.search(self._word) or HALF_TOKEN.search(self._word)
        if found is None:
            return
        if found[0].lower() in ("<think>", "[think]") and not (self.told or self._held):
            self._thinking = True
            self._word = ""
            return
        self._word = self._word[: found.start()]
        if self._word:
            self._complete()
        if not self.done:
            self._end_of_text("…")
        self.done = True

    def _begin_unit(self, first: str) -> None:
        """A unit begins with `first`: what is before it can be judged now."""
        if ends_sentence(self._sentence, self._space, first):
            self._close_sentence(first)
            if self.done:
                return
        if first == ">" and self._line_starts() and not self._thinking:
            self._end()

    def _line_starts(self) -> bool:
        return "\n" in self._space or not (self.told or self._held)

    # -- judging units

    def _complete(self) -> None:
        """The unit is complete: hold it, show it with all that is held, or end the reply."""
        word = MARKUP.sub("", unicodedata.normalize("NFC", self._word))
        if self._thinking or not word:
            self._word = ""
            return
        begun = self.told or self._held or self._tail or self._withheld or self._leaving_out
        space = self._space if begun else ""
        self._word = self._space = ""
        if self._line_begins_with_markup(word, space):
            self._space = space
            return
        if self._tail and not self._held and not self.told:
            space = ""  # a quotation that begins the reply
        text = self._tail + space + word
        if len(self.told) + len(self._held) + len(text) + ENDING > self._max_chars:
            self._end()
            return
        if self._long_enough_before(word):
            if self._by_sentences:
                self._held = QUOTED_WORD.sub(end_in_quotation, self._held)
            self._let_go()
            self._end(".")
            return
        before, marks = self._sentence, self._marks
        if not before:
            self._new = False
            self._began_quoted = bool(marks)
            if "\n" in space:
                self._before = ""
        told = word
        if not (marks or self._first_person or self._quotation == "closed"):
            told = self._voice.hear(word, before)
        self._sentence = (before + space.replace("\n", " ") + word).lstrip()
        self._marks = quoting(marks, space + word, (self.told + self._held + self._tail)[-1:])
        if not (marks or self._marks):
            told = without_stray_mark(told)
        allowed = self._allowed(space + told)
        if allowed == "end":
            self._end(self._mark)
            return
        if self._leaving_out:
            self._withheld += space + told
            return
        self._hold(self._tail + space + told)
        verdict = self._judge(before, marks, word)
        if verdict != "end" and (looping := self._looping(told)) != "show":
            verdict = looping
        if verdict == "show":
            verdict = allowed
        match verdict:
            case "end":
                self._end(self._mark)
            case "drop":
                self._held = self._sentence = self._tail = ""
                self._marks = self._quotation = ""
                self._safe = 0
            case "show" if self._waits_for_its_end():
                self._safe = len(self._held)
            case "show":
                self._let_go()
                self._begun_to_show = True

    def _waits_for_its_end(self) -> bool:
        """Whether what may be shown is shown with the rest of its sentence."""
        return self._by_sentences and not self._begun_to_show and len(self._held) < LONGEST_WHOLE

    def _long_enough_before(self, word: str) -> bool:
        """Whether the reply should end before the clause that `word` begins."""
        if not self._tail.startswith(",") or word.lower() not in JOINING:
            return False
        clause = len(letters(self._sentence)) >= LONG_SENTENCE
        waiting = len(self._held) - self._safe
        return clause and not waiting and len(self.told) + self._safe >= self._enough

    def _hold(self, text: str) -> None:
        """Hold a unit; what a reply should not end with waits apart for the next one."""
        kept = text.rstrip(PAUSES + " \n")
        while kept and opens_at_end(kept, self._marks):
            kept = kept[:-1].rstrip(PAUSES + " \n")
        self._held += kept
        self._tail = text[len(kept) :]

    def _line_begins_with_markup(self, word: str, space: str) -> bool:
        """Whether `word` is a heading, rule, bullet or label, which the story does without."""
        if "\n" not in space and (self.told or self._held):
            return False
        if set(word) <= set("#•-=_~") and word not in ("-", "—"):
            return True
        return not self.told and word.lower() in LABELS

    def _judge(self, before: str, marks: str, word: str) -> Verdict:
        """What to do with what is held, now that `word` stands after `before`."""
        said = self._sentence.lower().replace("’", "'")
        first = not self._sentences
        nothing_told = not self.told
        if nothing_told and not marks and (found := preamble(said)) != "no":
            return "drop" if found == "yes" else "hold"
        spoken = self._quoted(before, marks, word)
        if self._leaving_out:
            return spoken
        if nothing_told and self._echo and (echoed := self._echoes()) != "show":
            return echoed
        if spoken != "show":
            return spoken
        if marks or self._began_quoted:
            return "show"  # a character speaks
        if len(said) <= 2 * LONGEST_STOP and begins_with(said, META if first else METAS):
            return "end"
        if not first and re.match(r"\d{1,2}[.)]$", said):
            return "end"  # a menu of choices
        if self._quotation != "closed" and (wrong := self._wrong_voice(said)) != "show":
            return wrong
        if said in (STOPS_BEGIN_FIRST if first else STOPS_BEGIN):
            return "hold"
        if not first and said.rstrip(".!?…") in WHOLE:
            return "hold"
        return "hold" if self._may_be_known() else "show"

    def _may_be_known(self) -> bool:
        """Whether the sentence, as far as it goes, begins as one that was told already."""
        if self._new or len(self._held) >= LONGEST_HELD:
            return False
        seen = letters(self._sentence)
        if not seen:
            return False
        known = (*self._sentences, *self._known)
        # A sentence that left all of them does not come back.
        self._new = not any(len(each) >= len(seen) and each.startswith(seen) for each in known)
        return not self._new

    def _echoes(self) -> Verdict:
        """Whether the reply begins with the action again, which stands above it."""
        seen = letters(self._sentence)
        if seen == self._echo and END.search(self._sentence):
            return self._drop_echo()
        if seen == self._echo:
            return "hold"  # it may go on: "You look around again."
        if self._echo.startswith(seen) and len(self._held) < LONGEST_HELD:
            return "hold"
        self._echo = ""
        return "show"

    def _drop_echo(self) -> Verdict:
        self._echo = ""
        self._withheld = self._held
        return "drop"

    def _wrong_voice(self, said: str) -> Verdict:
        """Whether the sentence is the player's to say, or told by someone who says "I"."""
        speaking = speaks(said, complete=False)
        if speaking == "maybe":
            return "hold"
        if speaking == "yes":
            return self._leave_out("speaks")
        if in_first_person(said) and not self._first_person:
            return self._leave_out("person")
        clause = clause_speaks(said)
        by_i = clause_by_i(said) and not self._first_person
        if clause == "maybe":
            return "hold"
        if clause == "yes" or by_i:
            if self.told or self._safe:
                self._mark = "."  # the clause before it is a sentence
                self._let_go(self._safe)
            return self._leave_out("person" if by_i else "speaks")
        return "show"

    def _quoted(self, before: str, marks: str, word: str) -> Verdict:
        """Hold a quotation that begins a sentence until it is known whose words it is."""
        if self._quotation == "closed":
            self._after = f"{self._after} {word}".strip().lower()
            if in_first_person(self._after) and not self._first_person:
                return self._leave_out("person")  # '"No," I say.'
            match players_words(self._after.strip(".,!?;:—–…")):
                case "yes":
                    return self._leave_out("speaks")
                case "maybe":
                    return "hold"
            self._quotation = ""
            alone, self._alone = self._alone, False
            return self._leave_out("speaks") if alone else "show"
        if self._quotation == "open":
            later = self._by_sentences and self.told
            if len(self._held) > LONGEST_QUOTATION * (LONGER_LATER if later else 1):
                self._quotation = ""
                return "show"
            if not self._marks:
                self._quotation, self._after = "closed", ""
            return "hold"
        if not marks and quotes_at_start(word, self._marks):
            if not before and not self._begun_before():
                self._quotation, self._after = ("open" if self._marks else "closed"), ""
                return "hold"
            if introduces_players_words(before.lower().replace("’", "'")):
                return self._leave_out("speaks")
        return "show"

    def _begun_before(self) -> bool:
        """Whether the sentence was begun by an earlier attempt."""
        return bool(self.told) and not self._held and not self._sentences

    def _leave_out(self, fault: Fault) -> Verdict:
        """A sentence that should not be told: left out at the start, and later the end.

        A sentence that an earlier attempt began is told as it comes.
        """
        if self.told:
            if not self._held.strip():
                return "show"
            self.fault = fault
            return "end"
        self.fault = fault
        self._withheld += self._held + self._tail
        self._held = self._tail = self._quotation = ""
        self._safe = 0
        self._leaving_out = True
        return "hold"

    def _looping(self, word: str) -> Verdict:
        runs = self._runs.hear(word.lower())
        phrase = self._phrases.hear(word)
        own = self._own.hear(word, learn=True)
        earlier = self._earlier.hear(word)
        older = self._older.hear(word)
        if "end" in (runs, own, phrase):
            self.fault = "loop"
            return "end"
        if "end" in (earlier, older):
            self.fault = "repeats"
            return "end"
        return "hold" if "hold" in (runs, own, earlier, older, phrase) else "show"

    def _allowed(self, words: str) -> Verdict:
        """Whether rules let the next words be shown; "end" where they never may."""
        if self.rules is None:
            return "show"
        self.rules.hear(words)
        if self._broken():
            return "end"
        return "hold" if self.rules.waits else "show"

    def _broken(self) -> bool:
        """Whether a rule was broken; notes the fault. What was held then is never shown."""
        if self.rules is None or self.rules.blocked is None:
            return False
        self.fault = "rule"
        self._held = self._withheld = self._tail = ""
        self._safe = 0
        return True

    def _broken_at_the_end(self) -> bool:
        """The same, now that no word of this sentence follows."""
        if self.rules is not None:
            self.rules.pause()
        return self._broken()

    def _close_sentence(self, following: str) -> None:
        """A sentence is complete before `following`: show it, unless it has been told before."""
        if self._broken_at_the_end():
            self._end()
            return
        if self._leaving_out:
            # '"Who is there?" You ask.' are two sentences, and both go.
            alone = self._sentence.rstrip()[-1:] in ('"', "”") and following in "yY"
            self._sentence = ""
            if not (self._marks or alone):
                self._leaving_out = False
                self._own.forget()
                self._phrases.forget()
                self._earlier.forget()
                self._older.forget()
            return
        said = self._sentence.lower().replace("’", "'").strip()
        if self._quotation == "closed" and following in "yY" and not self._after:
            self._alone = self._player_acted()
            self._remember()
            return  # '"Who is there?" You ask'
        if self._held:
            if not self.told and self._echo and letters(self._sentence) == self._echo:
                self._drop_echo()
                self._held = self._sentence = self._tail = ""
                self._safe = 0
                return
            if self._repeated():
                self._end()
                return
            own = not (self._marks or self._began_quoted)
            if own and said.rstrip(".!?…") in WHOLE and self._sentences:
                self._end()
                return
            if self._by_sentences and not self.told and self._begins_as_before():
                self._leave_out("repeats")
                self._sentence, self._leaving_out = "", False
                return
            if own and self._only_echoes():
                self._leave_out("echo")
                self._sentence, self._leaving_out = "", False
                return
            if own and self._begins_in_past():
                self._leave_out("tense")
                self._sentence, self._leaving_out = "", False
                return
            if own and self.told and not self._begun_to_show and asks_player(said):
                self._end()
                return
            if own and speaks(said.rstrip(".!?…"), complete=True) == "yes":
                if self._leave_out("speaks") == "end":
                    self._end()
                self._sentence, self._leaving_out = "", False
                return
            if self._quotation == "closed" and self._player_acted():
                if self._leave_out("speaks") == "end":
                    self._end()
                self._sentence, self._leaving_out = "", False
                return
            if self._quotation != "open":
                self._quotation = ""
                self._let_go()
        self._remember()
        # A character that is a word or half of one is as good as four others.
        told = self.told
        long = len(told) + (0 if told.isascii() else 3 * sum(map(spaceless, told)))
        if long >= self._enough and (not self._marks_shown or long >= LONG_QUOTED * self._enough):
            self._end(".")

    def _begins_as_before(self) -> bool:
        """Whether the first sentence, however short, stands in a reply before: "You run." again."""
        return len(letters(self._sentence)) >= SHORTEST_KNOWN and (
            letters(self._sentence) in self._told_lately
        )

    def _only_echoes(self) -> bool:
        """Whether a whole sentence that begins the reply says what the player did, and no more."""
        first = self._by_sentences and not self.told and self._done
        quotes = any(mark in self._sentence for mark in '"“”')
        return bool(first) and not quotes and says_again(self._sentence, self._done)

    def _says_next_to_nothing(self) -> bool:
        """Whether the model leaves it at "You wait."."""
        return self._by_sentences and not self.told and thin(unquoted(self._sentence))

    def _begins_in_past(self) -> bool:
        """Whether a whole sentence that begins the reply tells what was, in a story that is."""
        first = self._by_sentences and not (self.told or self._told_in_past)
        return first and past(unquoted(self._sentence))

    def _player_acted(self) -> bool:
        """Whether the sentence is a quotation alone, after one that says what the player does.

        'You turn to Clive. "It is late."' has the player speak: where someone else does, stories
        say so. (Of 917 paragraphs of the adventures that come with the game, one does not.)
        """
        alone = self._held.lstrip()[:1] in ('"', "“") and not self._after
        return alone and re.match(r"you\b(?!r\b)", self._before, re.IGNORECASE) is not None

    def _repeated(self) -> bool:
        """Whether the sentence has been told before; notes the fault."""
        sentence = letters(self._sentence)
        known = self._sentences.count(sentence)
        if sentence and (known >= 2 or (known and is_long(sentence, LONG_HERE))):
            self.fault = "loop"
            return True
        if is_long(sentence) and sentence in self._known:
            self.fault = "repeats"
            return True
        return False

    def _remember(self) -> None:
        sentence = letters(self._sentence)
        if sentence:
            self._sentences.append(sentence)
        if self._quotation != "open":
            self._before = "" if self._began_quoted else self._sentence
        self._sentence = ""
        self._begun_to_show = False

    # -- letting go

    def _let_go(self, length: int | None = None) -> None:
        """Show what is held, or the first of it."""
        if self._held and self.fault == "echo":
            self.fault = ""  # something more came after all
        self._show(self._held[:length])
        self._held = "" if length is None else self._held[length:]
        self._safe = 0

    def _show(self, text: str) -> None:
        if not self.told:
            text = text.lstrip()
        text = self._without_phrases(text)
        if not text:
            return
        self._marks_shown = quoting(self._marks_shown, text, self.told[-1:])
        self.told += text
        self._out.append(text)

    def _without_phrases(self, text: str) -> str:
        """What of the next text to show stands before a banned phrase."""
        if self._bans is None or not text:
            return text
        if self._banned:
            return ""
        found = self._bans.hear(text) or self._bans.end()
        if found is None:
            return text
        self._banned = True
        return text[: max(0, found.start - len(self.told))].rstrip()

    def _end_before_phrase(self) -> None:
        """End the reply where a banned phrase was to be shown."""
        if self._banned and not self.done:
            self.fault = "banned"
            self._end()

    def _released(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out

    def _end(self, mark: str = "…") -> None:
        """End the reply here: what is held stays unseen, what was shown gets an ending."""
        if self.fault and self.fault != "rule" and not self.told:
            self._withheld += self._held
        self._held = self._word = ""
        self.done = True
        if not self.told and self._withheld and not self._again:
            withheld = self._withheld[: self._max_chars - ENDING].rstrip()  # nothing better came
            self._show(whole_sentences(withheld) if self._by_sentences else withheld)
        if not self.told:
            self.fault = self.fault or "empty"
            self.unfinished = self._again
            return
        said = letters(self.told)
        # Too short to be missed sentence by sentence, and all there is: the story stands still.
        same = said in self._replies_lately
        if same:
            self.fault = self.fault or "repeats"
        well = END.search(self.told) is not None and not self._marks_shown
        short = len(said) < SHORT_REPLY
        enough = well and not same and self.fault not in TOLD_ON and not self._by_sentences
        if self._again and self.fault and short and not enough:
            self.unfinished = True
            return
        self._put_end(mark)

    def _put_end(self, mark: str) -> None:
        """An end for what was shown, and the marks that close its quotations."""
        if self._by_sentences and not self._begun_to_show:
            mark = "."  # its last sentence is whole
        last = self.told[-1]
        if last in PAUSES:  # told by an earlier attempt
            self._append("…")
        elif last.isalnum() or extends(last):
            self._append(end_mark(last) if mark == "." else mark)
        elif self._marks_shown and quoting("", last) == self._marks_shown[-1:]:
            self._append("…")
        self._append(self._marks_shown[::-1])
        self._marks_shown = ""

    def _end_of_text(self, mark: str) -> None:
        """The model has said its last: show what is held, unless it is to be withheld."""
        if self._broken_at_the_end():
            self._end(mark)
            return
        ended = END.search(self._held)
        if self._by_sentences and mark == "…" and not ended:
            self._leave_unended()
        elif self._by_sentences and ended and ended[0].startswith(("…", "...")):
            if self.told:
                self._held = ""  # it trails off
            else:
                self._leave_unended()
        unclaimed = self._quotation == "closed" or (self._quotation and self._by_sentences)
        if unclaimed and self._player_acted() and self._leave_out("speaks"):
            self._held = ""
        if self._held:
            said = self._sentence.lower().replace("’", "'").strip()
            bare = said.rstrip(".!?…")
            cut = (
                bool(bare)
                and not self._marks
                and any(stop.startswith(bare) for stop in (*META, *META_LATER))
            )
            whole = bare in WHOLE and not self._marks and bool(self._sentences)
            whole |= not (self._marks or self._begun_to_show) and asks_player(said)
            player = speaks(bare, complete=True) == "yes"
            if self.told and not self._marks and clause_speaks(bare) != "no":
                player, mark = True, "."
            if player and not self.told:
                self._leave_out("speaks")
            elif self._by_sentences and not self.told and self._begins_as_before():
                self._leave_out("repeats")
            elif self._only_echoes() or self._says_next_to_nothing():
                self._leave_out("echo")
            elif self._begins_in_past():
                self._leave_out("tense")
            elif not (self._repeated() or cut or whole or player or PREAMBLE.match(said)):
                if self._by_sentences and mark == ".":
                    self._held = QUOTED_WORD.sub(end_in_quotation, self._held)
                self._let_go()
            self._held = ""
        self._end(mark)

    def _leave_unended(self) -> None:
        """Leave out the beginning of a sentence, unless it is all there is."""
        if self.told:
            self._held = ""
        elif self._again:
            self._held = ""
            self.fault = self.fault or "endless"
        else:
            self._begun_to_show = True

    def _append(self, text: str) -> None:
        if text and len(self.told) + len(text) <= self._max_chars:
            self.told += text
            self._out.append(text)

    def _replay(self, told: str) -> None:
        """Take up where an earlier attempt left off: its text is told, whatever it holds."""
        self._echo = ""
        for match in re.finditer(r"(\s*)(\S+)", told):
            space, word = match[1], match[2]
            if ends_sentence(self._sentence, space, word[0]):
                self._remember()
            self._sentence = (self._sentence + space.replace("\n", " ") + word).lstrip()
            for unit in word if spaceless(word[0]) else [word]:
                self._looping(unit)
            self._show(space + word)
        self.told = told
        self.fault = ""
        self._begun_to_show = END.search(told) is None
        self._marks = self._marks_shown
        self._out.clear()


def whole_sentences(text: str) -> str:
    """`text` without the beginning of a sentence at its end; all of it where there is no other."""
    ends = [found.end() for found in WHOLE_SENTENCE.finditer(text)]
    return text[: ends[-1]] if ends else text


def end_in_quotation(found: re.Match[str]) -> str:
    """A last word in quotation marks, with the end of its sentence before them."""
    word, marks = found.groups()
    return word + end_mark(word) + marks


def quotes_at_start(word: str, marks: str) -> bool:
    """Whether `word` begins a quotation; `marks` are open after it."""
    return word[0] in '"“„«「' or (word[0] in "'‘" and bool(marks))


def without_stray_mark(word: str) -> str:
    """`word` without a mark at its end that closes a quotation which nobody opened."""
    stray = len(word) > 1 and word[-1] in '"”' and word[-2] in ".!?…"
    return word[:-1] if stray and not set(word[:-1]) & set('"“”„«»') else word


# A story is compared with every reply to it.
@lru_cache(maxsize=2048)
def sentences_of(reply: str) -> tuple[str, ...]:
    """The long sentences of a reply, as letters."""
    found = map(letters, parts_of(reply))
    return tuple(sentence for sentence in found if is_long(sentence))


def parts_of(reply: str) -> list[str]:
    """A reply in sentences, without the marks that close quotations."""
    return re.split(r"(?<=[.!?…。！？।])[\"”’)」]*\s*|\n+", reply)


def is_long(sentence: str, least: int = LONG_SENTENCE) -> bool:
    """Whether a sentence, given as letters, is too long to be told twice by chance."""
    return len(sentence) + 2 * sum(map(spaceless, sentence)) >= least


def narrated_by_i(reply: str) -> bool:
    """Whether a reply is told by someone who says "I", outside quotation."""
    told = unquoted(reply)
    return len(re.findall(r"\bI\b", told)) > len(re.findall(r"\b[Yy]ou\b", told))


def unquoted(reply: str) -> str:
    """The reply without what is quoted."""
    return re.sub(r'"[^"]*"?|“[^”]*”?', "", reply)
