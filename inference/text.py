"""What players read: how an action is shown, and how a raw reply becomes one. Pure functions.

A reply is released as it is told. What was released is never taken back or altered: cleaning may
only withhold, or append at the end. So everything doubtful is held until it is decided.
"""

import re
import unicodedata
from functools import partial
from typing import Literal

from inference.request import Kind

Reason = Literal["stop", "length", "cancelled", "error"]

# ---- actions

# First person to second. Longer forms first; "I" alone is only the capital letter.
SECOND_PERSON = {
    "I'm": "you're",
    "I am": "you are",
    "I was": "you were",
    "I've": "you've",
    "I'll": "you'll",
    "I'd": "you'd",
    "am I": "are you",
    "was I": "were you",
    "I": "you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
}
FIRST_PERSON = re.compile(
    r"(?<![\w'])(?:"
    + "|".join(form.replace("'", "['’]") for form in sorted(SECOND_PERSON, key=len, reverse=True))
    + r")(?![\w]|['’]\w)",
    re.IGNORECASE,
)
QUOTED = re.compile(r'("[^"]*(?:"|$)|“[^”]*(?:”|$)|«[^»]*(?:»|$)|„[^“”]*(?:[“”]|$))')
SENTENCE_START = re.compile(r'(?:^|[.!?…]["”’)]*\s+|\n)$')


def second_person(text: str) -> str:
    """First person turned to second, outside quotes: "I draw my sword" is "You draw your sword"."""
    parts = QUOTED.split(text)
    for index in range(0, len(parts), 2):
        turn = partial(turned, before="".join(parts[:index]))
        parts[index] = FIRST_PERSON.sub(turn, parts[index])
    return "".join(parts)


def turned(found: re.Match[str], before: str) -> str:
    """One first-person word in the second person, with a capital where a sentence begins."""
    word = found[0].replace("’", "'")
    if word == "i" and found.string[found.end() : found.end() + 1] == ".":
        return found[0]  # "i.e."
    new = {form.lower(): turn for form, turn in SECOND_PERSON.items()}[word.lower()]
    starts = SENTENCE_START.search(before + found.string[: found.start()]) is not None
    return new[0].upper() + new[1:] if starts else new


def shown_action(kind: Kind, action: str) -> str:
    """How an action stands in the story: as the page shows it and as the narrator reads it.

    Do and Say come without the `> ` that both put before them. Continue shows nothing.
    """
    action = action.strip()
    if kind == "continue" or not action:
        return ""
    if kind in ("story", "opening"):
        return action
    action = " ".join(action.split())
    if kind == "say" or (action[0] in '"“' and QUOTED.fullmatch(action)):
        return f'You say "{spoken(action)}"'
    return ended(done(action))


def spoken(action: str) -> str:
    """What is said, without quotes of its own around it; those inside it become single."""
    said = QUOTED.fullmatch(action)
    if said:
        action = action.strip('"“”«»„').strip()
    return action.replace('"', "'")


def done(action: str) -> str:
    """What is done, in the second person and with its subject."""
    action = second_person(action)
    if re.match(r"you(?:\b|['’])", action, re.IGNORECASE):
        return action[0].upper() + action[1:]
    if not re.match(r"[A-Za-z(]", action):
        return action  # not English, or not words: "You" would help nobody
    if len(action) > 1 and action[1].isupper():
        return f"You {action}"
    return f"You {action[0].lower()}{action[1:]}"


def ended(sentence: str) -> str:
    """The sentence with an end: the narrator would otherwise go on writing it."""
    return sentence if re.search(r"[.!?…。！？][\"'”’»)]*$", sentence) else f"{sentence}."


# ---- text that is not structure

TEMPLATE_TOKEN = re.compile(
    r"<\|[^<>\n]{0,60}?\|?>|</?s>|<</?SYS>>|\[/?INST\]|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
    r"|<(?:repo_?name|file_sep|filename|gh_stars|empty_output|(?:issue|jupyter)_\w{1,20})>",
    re.IGNORECASE,
)
MAY_BE_TOKEN = re.compile(r"[<\[]\S{0,24}$")  # at the end of text that goes on

UNUSUAL = re.compile(r"[^\x20-\x7e\n]")


def clean(text: str) -> str:
    """NFC, line ends as \\n, without control characters and bidirectional overrides."""
    text = text.replace("\r\n", "\n")
    return unicodedata.normalize("NFC", UNUSUAL.sub(lambda found: character(found[0]), text))


def neutralise(text: str) -> str:
    """`text` as story and never as structure: no template tokens, no lines that look like `> `."""
    text = clean(text)
    before = None
    while before != text:  # what is taken out may leave a token behind
        before = text
        text = TEMPLATE_TOKEN.sub("", text)
    text = text.replace("<|", "<").replace("|>", ">")
    return re.sub(r"^[ \t>]*>[ \t]*", "", text, flags=re.MULTILINE)


def character(each: str) -> str:
    """One character as the story keeps it: itself, a plainer one, or nothing."""
    if each in "\n ":
        return each
    if each in "\r\x0b\x0c\x85\u2028\u2029":
        return "\n"
    category = unicodedata.category(each)
    if each == "\t" or category == "Zs":
        return each if each == "\u3000" else " "
    if category in ("Cc", "Cs", "Co", "Cn") or each in "\ufeff\ufffd":
        return ""
    if category == "Cf" and each not in "\u200c\u200d\u200e\u200f":
        return ""
    return each


# ---- replies

# A sentence that begins like this tells the player's next action, or talks about the game.
SPEAKS_FOR_THE_PLAYER = tuple(
    f"you {verb}"
    for verb in ("say", "ask", "reply", "answer", "respond", "shout", "whisper", "yell", "exclaim")
)
META = (
    "what do you do",
    "what will you do",
    "what would you like to do",
    "what do you want to do",
    "what should you do",
    "what is your next",
    "what's your next",
    "what happens next",
    "it's your turn",
    "it is your turn",
    "to be continued",
    "end of story",
    "player:",
    "user:",
    "human:",
    "assistant:",
    "system:",
    "action:",
    "note:",
    "(note",
    "[note",
    "in this story",
    "this story",
)
WHOLE = ("the end", "fin", "your turn", "end")
LABELS = ("narrator:", "assistant:", "reply:", "response:", "story:", "answer:", "continuation:")
PREAMBLE_WORDS = ("sure", "certainly", "of", "okay", "ok", "here", "here's", "here’s", "absolutely")
PREAMBLE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|absolutely)(?: thing)?[!.,]$"
    r"|(?:(?:sure|certainly|of course|okay|ok|absolutely)[!.,] )?here(?:['’]s| is| are)\b.*:$",
    re.IGNORECASE,
)
ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|Sr|Capt|Lt|Sgt|Col|Gen|Rev|vs|etc|e\.g|i\.e|No|[A-Z])\.$"
)
END = re.compile(r"[.!?…。！？।؟۔።։]+[\"'”’»)\]」』】）]*$")
END_WITHOUT_SPACE = re.compile(r"[。！？]+[\"'”’»)\]」』】）]*$")
PAUSES = ",;:—–-，、；："
CLOSERS = "\"'”’»)]」』】），、。！？"
OPEN = {"“": "”", "„": "“", "«": "»", "「": "」", "『": "』"}

# A longer word is no word: a script without spaces that is not listed, or a model gone astray.
LONGEST_WORD = 64
# Held back while they might become something to withhold, at most this much.
LONGEST_HELD = 400


def spaceless(each: str) -> bool:
    """Whether `each` belongs to a script that puts no spaces between words."""
    code = ord(each)
    return (
        0x0E00 <= code <= 0x0EFF  # Thai, Lao
        or 0x1000 <= code <= 0x109F  # Myanmar
        or 0x1780 <= code <= 0x17FF  # Khmer
        or 0x0F00 <= code <= 0x0FFF  # Tibetan
        or 0x2E80 <= code <= 0x9FFF  # CJK and kana
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFFEF
        or 0x20000 <= code <= 0x3FFFF
    )


def extends(each: str) -> bool:
    """Whether `each` belongs to the grapheme before it."""
    return unicodedata.category(each) in ("Mn", "Mc", "Me") or each in "\u200c\u200d"


class ReplyStream:
    """A reply as it is told: raw text in, text that may be shown out.

    Works character by character, so that how the raw text was split makes no difference. `told`
    is all that was released; `done` says that the reply is complete and its telling may be
    cancelled. A piece never ends in white space: it comes with the space before it.

    `enough` is the length in letters from which the next end of a sentence ends the reply;
    `begun` is what the prompt began of it, shown with the first words of the engine.
    """

    def __init__(
        self,
        kind: Kind,
        action: str = "",
        told: str = "",
        max_chars: int = 4000,
        enough: int = 600,
        begun: str = "",
    ) -> None:
        self.told = ""
        self.done = False
        self._max_chars = max_chars
        self._enough = enough
        self._echo = letters(shown_action(kind, action)) if kind == "say" else ""
        self._word = ""  # the unit being read: a word, or a grapheme
        self._space = ""  # the white space before it: "", " ", "\n" or "\n\n"
        self._held = ""  # complete units that may not be shown yet
        self._sentence = ""  # the sentence being told, what is held included
        self._sentences: list[str] = []  # finished ones, as letters
        self._units: list[str] = []  # all words so far, lower case
        self._runs = [0] * 9  # by length of an n-gram: how many units in a row repeat it
        self._tail = ""  # a comma waits for the next word: a reply should not end in one
        self._closing = ""  # the quote mark that would close the open one
        self._out: list[str] = []
        if told:
            self._replay(told)
        for each in begun:
            self._take(each)

    def feed(self, raw: str) -> str:
        """Take raw text; give back what may be shown now."""
        for each in raw:
            if self.done:
                break
            self._take(each)
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
        self.done = True
        self._word = self._held = ""
        return self._released()

    # -- reading characters into units

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
        found = TEMPLATE_TOKEN.search(self._word) or re.search(r"<\|", self._word)
        if found:
            self._word = self._word[: found.start()]
            if self._word:
                self._complete()
            self._end()

    def _begin_unit(self, first: str) -> None:
        """A unit begins with `first`: what is before it can be judged now."""
        if self._at_sentence_end(first):
            self._close_sentence()
            if self.done:
                return
        if first == ">" and self._line_starts():
            self._end()

    def _line_starts(self) -> bool:
        return "\n" in self._space or not (self.told or self._held)

    def _at_sentence_end(self, following: str) -> bool:
        if not self._sentence:
            return False
        if "\n" in self._space:
            return True
        if self._space:
            return END.search(self._sentence) is not None and not ABBREVIATION.search(
                self._sentence
            )
        return END_WITHOUT_SPACE.search(self._sentence) is not None and following not in CLOSERS

    # -- judging units

    def _complete(self) -> None:
        """The unit is complete: hold it, show it with all that is held, or end the reply."""
        word = unicodedata.normalize("NFC", self._word)
        space = self._space if self.told or self._held or self._tail else ""
        self._word = self._space = ""
        if self._line_begins_with_markup(word, space):
            self._space = space
            return
        text = self._tail + space + word
        if len(self.told) + len(self._held) + len(text) + 2 > self._max_chars:
            self._end()
            return
        kept = text.rstrip(PAUSES + " \n")
        self._held += kept
        self._tail = text[len(kept) :]
        self._sentence = (self._sentence + space.replace("\n", " ") + word).lstrip()
        self._units.append(word.lower())
        match self._judge():
            case "end":
                self._end()
            case "drop":
                self._held = self._sentence = self._tail = ""
            case "show":
                self._show(self._held)
                self._held = ""

    def _line_begins_with_markup(self, word: str, space: str) -> bool:
        """Whether `word` is a heading, rule, bullet or label, which the story does without."""
        if "\n" not in space and (self.told or self._held):
            return False
        if set(word) <= set("#•-=_~") and word != "-":
            return True
        return not self.told and word.lower() in LABELS

    def _judge(self) -> Literal["show", "hold", "end", "drop"]:
        said = self._sentence.lower().replace("’", "'")
        inside_quote = bool(self._closing)
        first = not self._sentences
        if not self.told and self._is_or_may_be_preamble(said):
            return "drop" if PREAMBLE.match(said) else "hold"
        if not self.told and self._echo:
            seen = letters(self._sentence)
            if seen == self._echo:
                self._echo = ""
                return "drop"
            if self._echo.startswith(seen) and len(self._held) < LONGEST_HELD:
                return "hold"
            self._echo = ""
        if not inside_quote:
            stops = META if first else (*META, *SPEAKS_FOR_THE_PLAYER)
            if begins_with(said, stops):
                return "end"
            if not first and re.match(r"\d{1,2}[.)]$", said):
                return "end"  # a menu of choices
            wholes = () if first else WHOLE
            if any(stop.startswith(said) for stop in (*stops, *wholes)):
                return "hold"
            if said.rstrip(".!?…") in wholes:
                return "hold"
        looping = self._looping()
        if looping != "show":
            return looping
        seen = letters(self._sentence)
        if seen and len(self._held) < LONGEST_HELD:
            for earlier in self._sentences:
                if len(earlier) >= len(seen) >= 1 and earlier.startswith(seen):
                    return "hold"
        return "show"

    def _is_or_may_be_preamble(self, said: str) -> bool:
        if PREAMBLE.match(said):
            return True
        words = said.split()
        return (
            words[0].strip("!.,") in PREAMBLE_WORDS
            and len(words) < 25
            and END.search(said) is None
            and not said.endswith(":")
        )

    def _looping(self) -> Literal["show", "hold", "end"]:
        """Whether the last words repeat those before them, and again those before.

        "No, no, no" and "tick tock, tick tock" are story; four words three times over are not.
        """
        verdict: Literal["show", "hold", "end"] = "show"
        word = self._units[-1]
        for length in range(1, len(self._runs)):
            same = len(self._units) > length and self._units[-1 - length] == word
            run = self._runs[length] = self._runs[length] + 1 if same else 0
            allowed = {1: 5, 2: 4}.get(length, 3)  # times it may not be told
            if length == 1 and spaceless(word[0]):
                allowed = 10
            if run >= length * (allowed - 1):
                return "end"
            if run > length * (allowed - 2):
                verdict = "hold"
        return verdict

    def _close_sentence(self) -> None:
        """A sentence is complete: remember it, unless it has been told before."""
        said = self._sentence.lower().strip().rstrip(".!?…")
        sentence = letters(self._sentence)
        self._sentence = ""
        if self._held:
            known = self._sentences.count(sentence)
            if sentence and (known >= 2 or (known and len(sentence) >= 25)):
                self._end()
                return
            if not self._closing and said in WHOLE:
                self._end()
                return
            self._show(self._held)
            self._held = ""
        if sentence:
            self._sentences.append(sentence)
        # A character that is a word or half of one is as good as four others.
        long = len(self.told) + 3 * sum(map(spaceless, self.told))
        if long >= self._enough and (not self._closing or long >= 1.3 * self._enough):
            self._end()

    # -- letting go

    def _show(self, text: str) -> None:
        if not self.told:
            text = text.lstrip()
        for index, each in enumerate(text):
            if each == '"':
                paragraph = text[:index].endswith("\n") or not text[:index]
                if self._closing == '"':
                    if not (paragraph and "\n" in text[:index]):
                        self._closing = ""
                elif not self._closing:
                    self._closing = '"'
            elif each == self._closing:
                self._closing = ""
            elif each in OPEN and not self._closing:
                self._closing = OPEN[each]
        self.told += text
        self._out.append(text)

    def _released(self) -> str:
        out = "".join(self._out)
        self._out.clear()
        return out

    def _end(self, mark: str = "…") -> None:
        """End the reply here: what is held stays unseen, what was shown gets an ending."""
        self._held = self._word = ""
        self.done = True
        if not self.told:
            return
        last = self.told[-1]
        if last in PAUSES:  # told by an earlier attempt
            self._append("…")
        elif last.isalnum() or extends(last):
            if mark == "." and spaceless(last):
                mark = "。" if ord(last) >= 0x2E80 else ""  # Thai and its neighbours have none
            self._append(mark)
        self._append(self._closing)

    def _end_of_text(self, mark: str) -> None:
        """The model has said its last: show what is held, unless it is to be withheld."""
        if self._held:
            said = self._sentence.lower().replace("’", "'").strip().rstrip(".!?…")
            sentence = letters(self._sentence)
            repeated = len(sentence) >= 25 and sentence in self._sentences
            cut = bool(said) and any(stop.startswith(said) for stop in META)
            if not (repeated or cut or (said in WHOLE and not self._closing)):
                self._show(self._held)
            self._held = ""
        self._end(mark)

    def _append(self, text: str) -> None:
        if text and len(self.told) + len(text) <= self._max_chars:
            self.told += text
            self._out.append(text)

    def _replay(self, told: str) -> None:
        """Take up where an earlier attempt left off: its text is told, whatever it holds."""
        self._echo = ""
        for match in re.finditer(r"(\s*)(\S+)", told):
            space, word = match[1], match[2]
            self._space = space
            if self._at_sentence_end(word[0]):
                self._sentences.append(letters(self._sentence))
                self._sentence = ""
            self._sentence = (self._sentence + space.replace("\n", " ") + word).lstrip()
            for unit in word if spaceless(word[0]) else [word]:
                self._units.append(unit.lower())
                self._looping()
            self._show(space + word)
        self._space = ""
        self.told = told
        self._out.clear()


def wider(space: str, more: str) -> str:
    """The white space before a word, at most one empty line wide."""
    if more == "\n":
        return "\n\n" if "\n" in space else "\n"
    return space if space else " "


def letters(sentence: str) -> str:
    """What two tellings of a sentence have in common: its letters and digits."""
    return "".join(each for each in sentence.casefold() if each.isalnum())


def begins_with(said: str, phrases: tuple[str, ...]) -> bool:
    """Whether `said` begins with one of `phrases`, as whole words."""
    return any(
        said.startswith(phrase) and not said[len(phrase) : len(phrase) + 1].isalnum()
        for phrase in phrases
    )
