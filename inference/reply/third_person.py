"""Words an action in the third person, where several play: "Mira opens the hatch."

English only; words in quotes are not changed. An action in another language, and one that is about
somebody else, stands behind the name: "Mira: öffne die Luke". Nobody is "he" or "she": who plays
Mira did not say, so her things are "their".
"""

import re
from functools import lru_cache

from inference.reply.actions import LINE_START, PLAIN_VERBS, second_person_action
from inference.reply.languages import english
from inference.reply.quotes import outside, quotations

BE = {"are": "is", "were": "was", "have": "has", "do": "does", "go": "goes"}
NEGATED = {"aren't": "isn't", "weren't": "wasn't", "haven't": "hasn't", "don't": "doesn't"}
SHORTENED = {"'re": " is", "'ve": " has", "'ll": " will", "'d": " would"}
UNCHANGED_WORDS = """
    can cannot can't could couldn't will won't would wouldn't shall should shouldn't may might must
    mustn't did didn't had hadn't went took saw ran said told got gave made came found left felt
    fell held knew stood thought sat spoke drew threw broke woke hid ate drank swam sang
    rode shot fought caught bought brought kept slept lost began
"""
UNCHANGED = frozenset(UNCHANGED_WORDS.split())
# Verbs in -ed that are no past: "You feed the cat".
PRESENT_ED_WORDS = "need feed heed speed bleed weed seed proceed succeed exceed shed"
PRESENT_ED = frozenset(PRESENT_ED_WORDS.split())
ADVERB = r"(?:[a-z]+ly|never|always|also|still|just|only|often|once|already|almost|then|now|both)"
SUBJECT = re.compile(
    rf"^You(?:(?P<short>['’](?:re|ve|ll|d))(?![\w])|(?P<front>(?:\s+{ADVERB})*)\s+(?P<verb>[\w'’-]+))",
    re.IGNORECASE,
)
LATER_VERB = re.compile(
    r"(?P<before>(?:,|;)?\s(?:and|then|or|but)\s(?:then\s)?|,\s)(?P<verb>[a-z]+)(?=[\s,.;!?]|$)"
)
LATER_SENTENCE = re.compile(r"(?P<before>[.!?…]\s+)(?P<rest>You\b.*?)(?=[.!?…]\s|$)", re.DOTALL)
PRONOUN = re.compile(r"(?<![\w'’-])(?P<word>yourself|yours|your|you)(?![\w-])", re.IGNORECASE)
# Before these words "you" is a subject: "where you stand".
SUBJECT_BEFORE = re.compile(
    r"\b(?:if|when|while|where|before|after|because|since|until|as|that|what|who|how|why|so|and"
    r"|but|than|whatever|wherever|once|unless|though|although|then|can|could|do|did|will|would"
    r"|should|may|might|must|are|have)\s+$",
    re.IGNORECASE,
)
POSSESSIVE = {"yourself": "themself", "yours": "theirs", "your": "their"}


def worded_action(kind: str, action: str, name: str) -> str:
    """The action as a `Passage` has it: as typed, that of a character in the third person."""
    text = action.strip()
    if not name or kind != "do" or not text or quotations(text) == [(0, len(text))]:
        return action
    return third_person(text, name)


@lru_cache(maxsize=2048)
def third_person(action: str, name: str) -> str:
    """What a player typed to do, told of their character `name`, with the name first of all."""
    action = LINE_START.sub("", " ".join(action.split()))
    if begins_with(action, name):
        return f"{name}{action[len(name) :]}"
    if not english(" ".join(words for quoted, words in outside(action) if not quoted)):
        return f"{name}: {action}"
    told = second_person_action(action)
    subject = SUBJECT.match(told)
    if subject is None or quotations(told)[:1] == [(0, len(told))]:
        return f"{name}: {in_third_person(told)}"
    return f"{name}{predicate(told, subject, name)}"


def begins_with(action: str, name: str) -> bool:
    """Whether an action names its player first of all."""
    after = action[len(name) : len(name) + 1]
    return action[: len(name)].casefold() == name.casefold() and not after.isalnum()


def predicate(told: str, subject: re.Match[str], name: str) -> str:
    """What follows the name in place of "You …": the verb as it belongs to it, and the rest."""
    rest = told[subject.end() :]
    if subject["short"]:
        verb = SHORTENED[subject["short"].replace("’", "'").lower()]
    else:
        verb = f"{subject['front']} {conjugated(subject['verb'])}"
    return verb + later(rest, name)


def later(rest: str, name: str) -> str:
    """What follows the first verb: more verbs of the same subject, sentences and pronouns."""
    parts = []
    for quoted, words in outside(rest):
        parts.append(words if quoted else in_third_person(with_verbs(words), name))
    return "".join(parts)


def with_verbs(words: str) -> str:
    """The words with the verbs that go on from the first: "and climb down"."""

    def conjugate(found: re.Match[str]) -> str:
        verb = found["verb"]
        return found["before"] + (conjugated(verb) if verb in PLAIN_VERBS else verb)

    first, mark, others = words.partition(". ")
    return LATER_VERB.sub(conjugate, first) + mark + others


def in_third_person(words: str, name: str = "") -> str:
    """The words with "they" and "their" for "you" and "your"; later sentences with the name."""
    if name:
        words = LATER_SENTENCE.sub(
            lambda found: found["before"] + again(found["rest"], name), words
        )

    def other(found: re.Match[str]) -> str:
        word = found["word"].lower()
        new = POSSESSIVE.get(word) or subject_or_object(found)
        return new.capitalize() if found["word"][0].isupper() else new

    return PRONOUN.sub(other, words)


def again(sentence: str, name: str) -> str:
    """A later sentence of the same player: "You take the key" is "Mira takes the key"."""
    subject = SUBJECT.match(sentence)
    return sentence if subject is None else name + predicate(sentence, subject, "")


def subject_or_object(found: re.Match[str]) -> str:
    """ "they" where "you" is a subject, else "them"."""
    before, after = found.string[: found.start()], found.string[found.end() :]
    shortened = re.match(r"['’](?:re|ve|ll|d)\b", after)
    starts = not before.strip() or before.rstrip()[-1] in ".!?…,;:"
    return "they" if shortened or starts or SUBJECT_BEFORE.search(before) else "them"


def conjugated(verb: str) -> str:
    """A verb as it stands after a name: "opens", "is", "tries"; past tenses and "can" stay."""
    if verb.isupper() and len(verb) > 1:
        return conjugated(verb.lower()).upper()
    plain = verb.lower().replace("’", "'")
    if plain in UNCHANGED or (plain.endswith("ed") and plain not in PRESENT_ED):
        return verb
    if plain in BE or plain in NEGATED:
        return (BE | NEGATED)[plain]
    if plain.endswith("y") and plain[-2:-1] not in "aeiou":
        return f"{verb[:-1]}ies"
    if plain.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    return f"{verb}s"
