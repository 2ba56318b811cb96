"""What a model says beside the story: to whoever asked, about the game, for the player."""

import re
from typing import Literal

Verdict = Literal["yes", "maybe", "no"]

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
LABELS = (
    "narrator:",
    "assistant:",
    "reply:",
    "response:",
    "story:",
    "answer:",
    "continuation:",
    "narration:",
    "scene:",
    "output:",
    "text:",
)
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


def preamble(said: str) -> Verdict:
    """Whether a reply that begins with `said`, in lower case, begins with a preamble."""
    words = said.split()
    if PREAMBLE.match(said):
        # "Sure!" may go on as "Sure! Here is …", which the same rule takes away next.
        return "yes"
    opening = words[0].strip("!.,") in PREAMBLE_WORDS or words[0] in PREAMBLE_WORDS
    going_on = len(words) < LONGEST_PREAMBLE and not SENTENCE.search(said)
    return "maybe" if opening and going_on and '"' not in said else "no"


# ---- for the player

# In any sentence these are words that the player did not choose.
SPEECH = (
    r"(?:say|said|ask|asked|reply|replied|answer|answered|respond|responded|shout|shouted|whisper"
    r"|whispered|yell|yelled|exclaim|exclaimed|explain|explained|tell|told|mutter|muttered|murmur"
    r"|murmured|declare|declared|announce|announced|inquire|inquired|admit|admitted|retort|retorted)"
)
# These only beside the words themselves: who screams has not said anything yet.
BESIDE_WORDS = (
    r"(?:continue|continued|scream|screamed|cry|cried|call|called|add|added|begin|began|groan"
    r"|groaned|gasp|gasped|sigh|sighed|laugh|laughed|hiss|hissed|growl|growled|plead|pleaded|beg"
    r"|begged|demand|demanded|insist|insisted|agree|agreed|repeat|repeated|stammer|stammered|stutter"
    r"|stuttered|greet|greeted|warn|warned|suggest|suggested|offer|offered|echo|echoed|snap|snapped"
    r"|bark|barked|bellow|bellowed|roar|roared|interrupt|interrupted|finish|finished|think|thought"
    r"|wonder|wondered|mumble|mumbled|speak|spoke|nod|smile|grin|joke|joked|promise|promised|protest"
    r"|protested|remark|remarked|observe|counter|manage|confess|confessed|start|started|go on)"
)
SAYING = r"(?:saying|asking|adding|shouting|whispering|muttering|replying|calling)"
ADVERBS = r"(?:\w+ly|then|now|just|also|finally|still|quickly|only|even|turn and|nod and|smile and)"
SPEAKS = re.compile(rf"(?:(?:then|and),? )?you (?:{ADVERBS} )?{SPEECH}\b")
NOTHING_SAID = re.compile(
    rf"(?:(?:then|and),? )?you (?:{ADVERBS} )?{SPEECH},?"
    r" (?:nothing|no\b|not\b|little|him off|her off|yourself|apart|in kind|with (?:a|silence))"
)
MAY_SPEAK = re.compile(rf"(?:(?:then|and),?(?: you(?: {ADVERBS})?)?|you(?: {ADVERBS})?)$")
BEFORE_WORDS = re.compile(
    r"(?:.*[,;] )?(?:(?:then|and|as|but|to which),? )?you\b[^\"“]*"
    rf"\b(?:{SPEECH}|{BESIDE_WORDS}|{SAYING})"
    r"(?: (?:back|out|aloud|softly|quietly|loudly|to (?:\w+ ){0,3}\w+|(?:\w+))){0,2}[,:]?$"
)
AFTER_WORDS = re.compile(rf"you (?:{ADVERBS} )?(?:{SPEECH}|{BESIDE_WORDS})\b")
MAY_FOLLOW = re.compile(rf"you(?: {ADVERBS})?$")


def speaks(said: str, complete: bool) -> Verdict:
    """Whether a sentence that begins with `said` tells what the player says. "You say nothing"
    does not. `complete`: nothing more of the sentence comes."""
    found = SPEAKS.match(said)
    if found is None:
        return "maybe" if MAY_SPEAK.match(said.rstrip(",")) and not complete else "no"
    if NOTHING_SAID.match(said):
        return "no"
    rest = said[found.end() :].strip(" ,")
    if not rest or rest in ("with", "in", "him", "her"):
        return "yes" if complete else "maybe"
    return "yes"


def players_words(after: str) -> Verdict:
    """Whether a quotation is the player's, by the words `after` it: "you ask"."""
    if AFTER_WORDS.match(after):
        return "yes"
    return "maybe" if MAY_FOLLOW.match(after) else "no"


def introduces_players_words(said: str) -> bool:
    """Whether a quotation after `said` is the player's: "You turn around and say,"."""
    return BEFORE_WORDS.match(said) is not None


# Where the next clause of a sentence begins, which may be another's, or words for the player.
JOINING = r"(?:and|but|then|as|so|while)"
MAY_TURN = re.compile(rf",? {JOINING}(?: then)?(?: you(?: {ADVERBS})?)?$")
TURNS = re.compile(
    rf" {JOINING}(?: then)? you (?:{ADVERBS} )?{SPEECH}(?P<rest>(?:[,:.…]| .*|$))"
    rf"|^you\b(?!.*\b(?:he|she|they|it|who|that|him|them|her \w+|man|woman|boy|girl)\b.* and)"
    rf".* and (?:then )?(?:{ADVERBS} )?{SPEECH}(?P<own>(?:[,:.…]| .*|$))"
)
NOTHING_FOLLOWS = re.compile(
    r" (?:nothing|no\b|not\b|little|him off|her off|yourself|apart|in kind|with (?:a|silence))"
)
LONGEST_CLAUSE = 300  # characters of a sentence that are looked at again with every word
TURNS_TO_I = re.compile(rf" {JOINING}(?: then)? i(?:'(?:m|ve|ll|d))?$")


def clause_speaks(said: str) -> Verdict:
    """Whether a later clause at the end of `said` is the player's words: "…, and you say"."""
    said = late(said)
    found = TURNS.search(said)
    if found is None:
        return "maybe" if MAY_TURN.search(said) else "no"
    rest = found["rest"] if found["rest"] is not None else found["own"]
    if not rest:
        return "maybe"
    return "no" if NOTHING_FOLLOWS.match(rest) else "yes"


def late(said: str) -> str:
    """The end of a long sentence: what stands before it was looked at when it was the end."""
    if len(said) <= LONGEST_CLAUSE:
        return said
    return " " + said[-LONGEST_CLAUSE:].partition(" ")[2]


def clause_by_i(said: str) -> bool:
    """Whether a later clause at the end of `said` begins with "I"."""
    return TURNS_TO_I.search(late(said)) is not None


FIRST_PERSON = re.compile(r"i(?:'(?:m|ve|ll|d))?(?: |$)(?!\.)")


def asks_player(said: str) -> bool:
    """Whether a whole sentence asks the player something, outside quotation."""
    return ASKS_PLAYER.match(said) is not None


def in_first_person(said: str) -> bool:
    """Whether the narrator's own sentence begins with "I"."""
    return FIRST_PERSON.match(said) is not None


def begins_with(said: str, phrases: tuple[str, ...]) -> bool:
    """Whether `said` begins with one of `phrases`, as whole words."""
    return said.startswith(phrases) and any(
        said.startswith(phrase) and not said[len(phrase) : len(phrase) + 1].isalnum()
        for phrase in phrases
    )
