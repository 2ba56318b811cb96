"""What a model says beside the story: to whoever asked, or about the game."""

import re
from typing import Literal

from inference.reply.draft import Draft
from inference.reply.rules.rule import DROP, END, HOLD, SHOW, Rule, Unit, Verdict, bare, plain

Answer = Literal["yes", "maybe", "no"]

# ---- about the game

# A sentence that begins like this talks about the game: the reply ends before it.
META = (
    "what do you do",
    "what do you say",
    "what do you think you",
    "what do you choose",
    "what do you ask",
    "what do you answer",
    "what do you reply",
    "what do you tell",
    "what do you see",
    "in the next scene",
    "in the next part",
    "in a different sentence",
    "in other words, you",
    "here's the answer",
    "here is the answer",
    "what will you do",
    "what would you like to do",
    "what would you do",
    "what do you want to do",
    "what do you decide",
    "what should you do",
    "what is your next",
    "what's your next",
    "what happens next",
    "what's next?",
    "what next?",
    "how do you respond",
    "how do you react",
    "how do you proceed",
    "how will you",
    "do you want to continue",
    "would you like to",
    "would you like me to",
    "it's your turn",
    "it is your turn",
    "your move",
    "to be continued",
    "(to be continued",
    "end of story",
    "end of scene",
    "end of chapter",
    "player:",
    "user:",
    "you:",
    "human:",
    "assistant:",
    "system:",
    "narrator:",
    "action:",
    "option a",
    "option 1",
    "note:",
    "note that this",
    "(note",
    "[note",
    "(continue",
    "[continue",
    "[author's note",
    "[end",
    "(end",
    "please continue",
    "please note",
    "please let me know",
    "let me know if",
    "feel free to",
    "i hope you enjoy",
    "i hope this",
    "as an ai",
    "as a language model",
    "i'm sorry, but i can",
    "i cannot continue",
    "i can't continue",
    "in this story",
    "this story",
    "here's the ending",
    "here is the ending",
    "here's the next",
    "here is the next",
    "here's the continuation",
    "here is the continuation",
)
# These only after the first sentence: the first word of a reply should not wait.
META_LATER = (
    "the choice is yours",
    "the story continues",
    "the player can",
    "the adventure continues",
)
# "How do you explain it?" is for whoever leads a game to say, and not for who tells a story.
ASKS_PLAYER = re.compile(
    r"(?:(?:and|so|now|but),? )?(?:what|how|where|which|who|whom|why|when)\b[^\"“]*"
    r"\b(?:do|did|will|would|should|can|could|are|might) you\b[^\"“]*\?$"
)
WHOLE = ("the end", "fin", "your turn", "end", "continue", "continued", "next", "(end)")
METAS = (*META, *META_LATER)
LONGEST_STOP = max(map(len, (*METAS, *WHOLE)))  # characters
# All that one of them may begin with: at a reply's start, and later.
STOPS_BEGIN_FIRST = frozenset(stop[:end] for stop in META for end in range(len(stop) + 1))
STOPS_BEGIN = frozenset(stop[:end] for stop in (*METAS, *WHOLE) for end in range(len(stop) + 1))
MENU = re.compile(r"\d{1,2}[.)]$")

OPENS, CLOSES = ("(", "（"), (")", "）")  # parentheses, also of Chinese

# ---- to whoever asked, before the story

AGREEING = r"(?:sure|certainly|of course|okay|ok|absolutely|gladly|great|great choice|alright|yes)"
KIND_OF_TEXT = (
    r"(?:story|ending|continuation|next|response|reply|answer|scene|rest|version|narrative|text"
    r"|passage|paragraph|part|chapter|adventure|description|example|sentence|beginning)"
)
PREAMBLE_WORDS = (
    *("sure", "certainly", "of", "okay", "ok", "absolutely", "gladly", "great", "alright", "yes"),
    *("here", "here's", "continuing", "let's", "(continue)", "(continued)", "[continue]", "below"),
)
PREAMBLE = re.compile(
    rf"{AGREEING}(?: thing)?[!.,]$"
    rf"|(?:{AGREEING}(?: thing)?[!.,] )?(?:here|below)(?:'s| is| are)\b.*:$"
    rf"|(?:{AGREEING}(?: thing)?[!.,] )?here(?:'s| is| are) (?:the|a|an|your|my|what|how|another)\b"
    rf"(?: \w+){{0,3}}? {KIND_OF_TEXT}\b[^\"]*[.:!]$"
    rf"|(?:{AGREEING}(?: thing)?[!.,] )?(?:let's continue|continuing)\b[^\"]*[.:!]$"
    r"|[(\[]continued?[)\]][.:]?$",
    re.IGNORECASE,
)
LONGEST_PREAMBLE = 25  # words
SENTENCE = re.compile(r"[.!?:…]$")


class Preamble(Rule):
    """Drops what is said to whoever asked for the story, before it: "Sure! Here is …:"."""

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold while the beginning may be a preamble; drop it when it is one."""
        if draft.text or unit.marks:
            return SHOW
        match preamble(unit.said):
            case "yes":
                return DROP
            case "maybe":
                return HOLD
        return SHOW

    def finish(self, draft: Draft) -> Verdict:
        """Withhold a preamble at the end of the text."""
        return HOLD if PREAMBLE.match(plain(draft.sentence).strip()) else SHOW


class GameTalk(Rule):
    """Ends a reply before talk about the game, such as "What do you do?", or a menu of choices."""

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """End the reply at the first words about the game."""
        if unit.quoted:
            return SHOW
        first = not draft.sentences
        short = len(unit.said) <= 2 * LONGEST_STOP
        if short and begins_with(unit.said, META if first else METAS):
            return END
        return END if not first and MENU.match(unit.said) else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """Withhold a last sentence that is the beginning of such words."""
        said = bare(draft.sentence)
        cut = bool(said) and not draft.marks and any(stop.startswith(said) for stop in METAS)
        return HOLD if cut else SHOW


class GameTalkToCome(Rule):
    """Holds what may become talk about the game. Ends a reply before "The end." and the like."""

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold the beginnings of such words."""
        if unit.quoted:
            return SHOW
        first = not draft.sentences
        if unit.said in (STOPS_BEGIN_FIRST if first else STOPS_BEGIN):
            return HOLD
        return HOLD if not first and unit.said.rstrip(".!?…") in WHOLE else SHOW

    def close(self, draft: Draft) -> Verdict:
        """End the reply before "The end." and the like."""
        return END if draft.narrates and self._is_whole(draft) else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """Withhold such a sentence at the end of the text."""
        return HOLD if not draft.marks and self._is_whole(draft) else SHOW

    def _is_whole(self, draft: Draft) -> bool:
        return bare(draft.sentence) in WHOLE and bool(draft.sentences)


class Parenthesis(Rule):
    """Drops sentences in parentheses: small models add what they know that way, "(No change.)".

    One that stands in the story is seen by the model in each later prompt, and soon in every reply.
    """

    def __init__(self) -> None:
        self._open = False  # a sentence of the parenthesis was dropped, and it goes on

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold a sentence that begins with one."""
        return HOLD if not unit.quoted and self._inside(draft) else SHOW

    def close(self, draft: Draft) -> Verdict:
        """Drop the sentence."""
        if not (draft.narrates and self._inside(draft)):
            return SHOW
        self._open = not draft.sentence.rstrip().endswith(CLOSES)
        return DROP

    def finish(self, draft: Draft) -> Verdict:
        """Withhold such a sentence at the end of the text."""
        return HOLD if not draft.marks and self._inside(draft) else SHOW

    def _inside(self, draft: Draft) -> bool:
        return not draft.begun_to_show and (self._open or draft.sentence.startswith(OPENS))


class QuestionToPlayer(Rule):
    """Ends a reply before a question to the player, unless some of it was shown already."""

    def close(self, draft: Draft) -> Verdict:
        """End the reply before the question."""
        return END if draft.narrates and draft.text and self._asks(draft) else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """Withhold the question at the end of the text."""
        return HOLD if not draft.marks and self._asks(draft) else SHOW

    def _asks(self, draft: Draft) -> bool:
        return not draft.begun_to_show and asks_player(plain(draft.sentence).strip())


def preamble(said: str) -> Answer:
    """Whether a reply that begins with `said`, in lower case, begins with a preamble."""
    words = said.split()
    if PREAMBLE.match(said):
        # "Sure!" may go on as "Sure! Here is …", which the same rule takes away next.
        return "yes"
    opening = words[0].strip("!.,") in PREAMBLE_WORDS or words[0] in PREAMBLE_WORDS
    going_on = len(words) < LONGEST_PREAMBLE and not SENTENCE.search(said)
    return "maybe" if opening and going_on and '"' not in said else "no"


def asks_player(said: str) -> bool:
    """Whether a whole sentence asks the player something, outside quotation."""
    return ASKS_PLAYER.match(said) is not None


def begins_with(said: str, phrases: tuple[str, ...]) -> bool:
    """Whether `said` begins with one of `phrases`, as whole words."""
    return said.startswith(phrases) and any(
        said.startswith(phrase) and not said[len(phrase) : len(phrase) + 1].isalnum()
        for phrase in phrases
    )
