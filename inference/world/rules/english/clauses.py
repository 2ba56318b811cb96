"""English sentences in clauses: who does what. No parser, only words and their neighbours."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from inference.world.roles import ROLES
from inference.world.rules.english.verbs import VERBS, forms
from inference.world.rules.english.words import (
    ADJECTIVES,
    ADVERBS_IN_LY,
    ARTICLES,
    NO_THINGS,
    PART_OF,
    PLACES,
    STATE_WORDS,
    STOPS,
    THINGS_IN_ING,
    VAGUE,
)

Subject = Literal["", "you", "person", "other"]

JOINTS = (
    r"and then|as if|as though|even though|so that|in order|and|but|then|or|while|as|before|after"
    r"|when|until|if|unless|because|since|so|who|which|where|though|although|once|whether|than|like"
)
SPLIT = re.compile(
    rf"\s*(?P<mark>[,;:—–]+|\s-\s|--)\s*(?:(?P<after>{JOINTS})\b\s*)?|\s+(?P<word>{JOINTS})\s+",
    re.IGNORECASE,
)
FIRST = re.compile(rf"^\s*(?P<word>{JOINTS})\b\s*", re.IGNORECASE)
# What follows one of these is not told as what happens now.
SUPPOSED_WORDS = (
    "as if,as though,so that,in order,or,before,until,if,unless,whether,who,which,where,than,like"
    ",because,since,once"
)
SUPPOSED = frozenset(SUPPOSED_WORDS.split(","))
FILLERS = re.compile(
    r"^(?:(?:\w+ly|then|now|just|also|still|again|finally|at last|at once|already|soon|both"
    r"|once more|instead|always|even|together|all|first|next|meanwhile|in turn|there|so"
    r"|and|but|yet"
    r"|a (?:minute|moment|second|little) later|without a word|with a (?:\w+ ){1,2})[ ,]+)+",
    re.IGNORECASE,
)
TOKEN = re.compile(r"[\w'-]+")
NEXT_WORD = re.compile(r"\s+([^\W_][\w'-]*)")
OF_WHAT = re.compile(r"\s+(?:the|your|his|her|my|their)\b")
ENDS = ' ."!?…'

HAVE = frozenset(["have", "has", "'ve"])
BE = frozenset(["is", "are", "was", "were", "am"])
STOOPING = "stoop bend kneel reach lean crouch"
STOOPS = frozenset(form for base in STOOPING.split() for form in forms(base))
STOOPS_TO = re.compile(r"^(?:down |over |out |in )*(?:to|and) (pick|take|grab|retrieve)\s+")
MANAGES = frozenset(forms("manage"))
# What they are followed by has not happened, and neither has what "and" joins to it.
MODAL_WORDS = """
    will would can could may might must should shall cannot can't won't wouldn't couldn't don't
    doesn't didn't
"""
MODALS = frozenset(MODAL_WORDS.split())
SHORT_MODAL = re.compile(r"\W*\w+'(?:ll|d)\b")
# What is told of people wherever they are, and words in -s that are no verbs.
STATES = frozenset(STATE_WORDS.split())
IN_S = re.compile(r"[a-z]{2,}[^s]s")


class Phrase(NamedTuple):
    """A noun phrase: its article, its other words, and what follows."""

    article: str
    words: tuple[str, ...]
    rest: str

    @property
    def name(self) -> str:
        """What it is called, without the article."""
        return " ".join(self.words)

    @property
    def head(self) -> str:
        """The noun, in small letters."""
        plain = self.words[: self.words.index("of")] if "of" in self.words else self.words
        if plain and plain[-1].casefold() in PART_OF:
            plain = self.words  # "forty feet of line"
        return plain[-1].casefold() if plain else ""


class Clause(NamedTuple):
    """A clause: who does what.

    `verb` is a base form, "" where there is none that is known; `form` is the word that stands
    there. `person` is set for the subject "person". `perfect`: "has taken".
    The verb "act" stands for any that is not listed and has somebody as its subject.
    """

    subject: Subject
    person: str
    verb: str
    form: str
    rest: str
    joint: str
    text: str
    perfect: bool = False
    inherited: bool = False  # it goes on about the subject of the clause before


def clauses(told: str) -> Iterator[tuple[str, str]]:
    """The clauses of a sentence, each with what joins it to the one before."""
    begin, joint = 0, ""
    if first := FIRST.match(told):
        begin, joint = first.end(), first["word"].casefold()
    for split in SPLIT.finditer(told, begin):
        if text := told[begin : split.start()].strip(ENDS):
            yield joint, text
        word = split["after"] or split["word"]
        mark = (split["mark"] or "").strip()
        joint = word.casefold() if word else "," if mark.startswith(",") else ";"
        begin = split.end()
    if text := told[begin:].strip(ENDS):
        yield joint, text


def phrase_at(text: str) -> Phrase | None:
    """The noun phrase that `text` begins with: an article and up to five words."""
    text = text.lstrip()
    first = TOKEN.match(text)
    if first is None or first[0].casefold() not in ARTICLES:
        return None
    article, place = first[0].casefold(), first.end()
    words: list[str] = []
    while len(words) < 5 and (following := NEXT_WORD.match(text, place)):
        word, plain = following[1], following[1].casefold()
        if plain == "of" and words and words[-1].casefold() in PART_OF:
            words.append("of")
            second = OF_WHAT.match(text, following.end())
            place = second.end() if second else following.end()
            continue
        if plain in ARTICLES and not words:
            place = following.end()  # "one of the", "all the"
            continue
        if (plain in STOPS and (words or plain not in ADJECTIVES)) or plain in ARTICLES:
            break
        if plain.endswith("ly") and plain not in ADVERBS_IN_LY:
            break
        words.append(word)
        place = following.end()
    while words and (words[-1] == "of" or (len(words) > 1 and words[-1].endswith("ed"))):
        words.pop()  # "a key shaped like a T"
    if not words:
        return None
    return Phrase(article, tuple(words), text[place:].strip(" ,"))


def is_thing(phrase: Phrase) -> bool:
    """Whether a phrase names something that one can carry."""
    head = phrase.head
    if not head or "'" in head or not head[0].isalpha():
        return False
    if head in NO_THINGS or head in PLACES or head in ROLES:
        return False
    if head.endswith("ing") and head not in THINGS_IN_ING:
        return False
    return phrase.article != "no" and len(phrase.name) > 1


def is_vague(phrase: Phrase) -> bool:
    """Whether a phrase says only that it is something: "the most valuable thing"."""
    return phrase.head in VAGUE or bool({"nearest", "valuable"} & set(phrase.words))


def after_noun(text: str) -> str:
    """`text` from its verb on, where it begins with a noun phrase; "" without a verb."""
    for number, token in enumerate(list(TOKEN.finditer(text))[1:9], start=1):
        word = token[0].casefold()
        if word in BE or word in HAVE or word == "had":
            return text[token.start() :]
        if number > 1 and word in VERBS and word != VERBS[word]:
            return text[token.start() :]
    return ""


def verb_of(text: str, short: str) -> tuple[str, str, str, bool]:
    """The verb of a clause after its subject: base, form, what follows, and whether it is perfect.

    `short` is what is left of a verb in the subject: "re" of "you're". The base is "" for a verb
    that is unknown, denied, or only possible: what is tried has not happened.
    """
    text = FILLERS.sub("", text)
    form, rest = first_verb(text, short)
    if form in BE or form in HAVE:
        rest = FILLERS.sub("", rest)
        token = TOKEN.match(rest)
        word = token[0].casefold() if token else ""
        after = rest[token.end() :].strip() if token else ""
        if form in BE:
            going = word in VERBS and word.endswith("ing")
            return (VERBS[word], word, after, False) if going else ("be", form, rest, False)
        if word not in VERBS or (word == VERBS[word] and word not in SAME):
            return "have", form, rest, False
        return VERBS[word], word, after, True
    if form in MANAGES and (managed := re.match(r"^to\s+(\w+)\s*", rest)):
        return VERBS.get(managed[1], ""), managed[1], rest[managed.end() :], False
    if form in STOOPS and (stoops := STOOPS_TO.match(rest)):
        return stoops[1], stoops[1], rest[stoops.end() :], False
    if form not in VERBS:
        return "", form, rest, False
    return VERBS[form], form, FILLERS.sub("", rest), False


SAME = frozenset(["put", "cut", "set", "let", "hit", "shut", "come", "run", "become"])


def is_act(form: str) -> bool:
    """Whether a word after somebody's name is a verb in -s for what they do."""
    return IN_S.fullmatch(form) is not None and form not in STATES and form not in VERBS


def is_modal(clause: Clause) -> bool:
    """Whether a clause tells only what may be, will be, or is not."""
    return clause.form in MODALS or SHORT_MODAL.match(clause.text) is not None


def first_verb(text: str, short: str) -> tuple[str, str]:
    """The first verb of `text`, or the one that `short` stands for, and what follows."""
    if short in ("ll", "d"):
        return "", text
    if short in ("re", "m") or (
        short == "s" and not re.match(r"(?:been|taken|given|lost)\b", text)
    ):
        return "is", text
    if short in ("ve", "s"):
        return "have", text
    token = TOKEN.match(text)
    if token is None:
        return "", text
    return token[0].casefold(), text[token.end() :].strip()
