"""Turns the first person into the second: "I take my sword" becomes "You take your sword".

English only; words in quotes are not changed. There is no parser, only patterns of words and their
neighbours. Where the subject of a clause is the player,
an object "me" is "yourself" ("look at me"); where it may be someone else it is "you".
"""

import re
from functools import partial

from inference.reply.languages import english
from inference.reply.quotes import outside

ADVERB = (
    r"(?:\w+ly|never|always|also|still|just|only|often|not|once|already|almost|ever|too|now|then"
    r"|soon|quite|very|well|both|all)"
)
# "aren't I" and "ain't" already fit both persons.
TO_BE = {"am": "are", "was": "were", "wasn't": "weren't"}
SHORTENED = {
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "i'ma": "you'll",
    "i'mma": "you'll",
    "im": "you're",
    "ive": "you've",
}
WHOLE = {"i": "you", "my": "your", "mine": "yours", "myself": "yourself", "meself": "yourself"}
FIRST_PERSON = re.compile(
    r"(?<![\w'’./-])(?:"
    rf"(?P<subject>I)(?P<adverbs>(?:\s+{ADVERB}){{0,2}})(?P<gap>\s+)(?P<be>am|was|wasn['’]t)"
    r"|(?P<turned>am|was|wasn['’]t)(?P<space>\s+)I"
    r"|(?P<short>I['’](?:m|ve|ll|d|mma|ma)|im|ive)"
    r"|(?P<word>I|my|mine|myself|meself|me)"
    r"|(?P<alone>am)"
    r"|(?P<joined>(?:and|but|then|or)\s+(?:\w+ly\s+)?was)(?!\s+(?:it|he|she|they|the|there)\b)"
    r")(?![\w/-]|['’]\w|\.\w)",
    re.IGNORECASE,
)
SENTENCE_START = re.compile(r'(?:^|[.!?…]["”’)]*\s+|\n)["“(*_]*$')

# "I" as a number: after these, and after the names of kings.
NUMBERED = re.compile(
    r"\b(?:World War|War|Part|Chapter|Act|Book|Volume|Phase|Level|Type|Mark|Class|Stage|Charles"
    r"|Henry|James|Edward|Elizabeth|Mary|William|George|Richard|Louis|Francis|Frederick|Otto|Leopold"
    r"|Napoleon|Nicholas|Peter|Catherine|Alexander)\s+$"
)
# "mine" as a place or a verb.
MINE_BEFORE = re.compile(
    r"\b(?:the|a|an|this|that|old|abandoned|deep|dark|flooded|collapsed|coal|gold|silver|copper|iron"
    r"|salt|diamond|crystal|land|sea|dwarven|nearest|next|enter|explore|exit|search|start"
    r"|begin|want|try|go|how|need|have|decide|proceed|continue|can|could|will|must|should|I|you"
    r"|(?:want|start|begin|try|go|how|need|have|decide|proceed|continue|able|going)\s+to)\s+$",
    re.IGNORECASE,
)
MINE_AFTER = re.compile(
    r"\s+(?:the|some|for|a|an|all|more|into|through|deeper|gold|ore|coal|iron|silver|copper|salt"
    r"|stone|rock|rocks|crystals?|diamonds?|shaft|entrance|cart|tunnels?|workers?)\b",
    re.IGNORECASE,
)
MINE_IS_OURS = re.compile(
    r"\b(?:is|are|was|were|be|of|than|like|not|isn['’]t|aren['’]t|all)\s+$", re.IGNORECASE
)


NEAR = 300  # characters on either side that are considered; more would be slow


def second_person(text: str) -> str:
    """`text` in the second person, outside quotes: "I draw my sword" is "You draw your sword"."""
    if not english(" ".join(words for quoted, words in outside(text) if not quoted)):
        return text
    if loud(text):
        return second_person(text.lower()).upper()
    result = ""
    for quoted, words in outside(text):
        result += (
            words
            if quoted
            else FIRST_PERSON.sub(partial(in_second_person, text=text, result=result), words)
        )
    return result


def loud(text: str) -> bool:
    """Whether `text` is shouted, in capitals; "I" alone is not."""
    return text.isupper() and sum(map(str.isalpha, text)) > 1


def in_second_person(found: re.Match[str], text: str, result: str) -> str:
    """One first-person form in the second person, with a capital where a sentence begins."""
    before = found.string[max(0, found.start() - NEAR) : found.start()]
    if len(before) < NEAR:
        before = result[-NEAR:] + before
    after = found.string[found.end() : found.end() + NEAR]
    new = second(found, before, after)
    if new is None:
        return found[0]
    own = found[0][0].isupper() and found[0][0] not in "I"  # "My", not "I"
    starts = SENTENCE_START.search(before) is not None
    return new[0].upper() + new[1:] if starts or own else new


def second(found: re.Match[str], before: str, after: str) -> str | None:
    """The second person of a form that was found; None where it is not the first person."""
    if found["be"]:
        if NUMBERED.search(before):
            return None
        return f"you{found['adverbs']}{found['gap']}{to_be(found['be'])}"
    if found["turned"]:
        return f"{to_be(found['turned'])}{found['space']}you"
    if found["short"]:
        return SHORTENED[found["short"].lower().replace("’", "'")]
    if found["joined"]:
        return f"{found['joined'][:-3]}were" if player_is_subject(before) == "I" else None
    if found["alone"]:
        return None if re.search(r"\d\s*$", before) else "are"  # "at 3 am"
    return second_of_word(found["word"], before, after)


def second_of_word(word: str, before: str, after: str) -> str | None:
    """As `second`, for a pronoun alone: "I", "my", "mine", "myself", "me"."""
    lower = word.lower()
    if lower == "me":
        return "yourself" if reflexive(before, after) else "you"
    if lower == "i" and NUMBERED.search(before):
        return None
    if word == "i" and after[:1] == "." and after[1:].strip():
        return None  # "i.e."
    if lower == "mine" and not is_ours(before, after):
        return None
    if lower == "my" and re.search(r"\b(?:oh|dear|goodness)\s+$", before, re.IGNORECASE):
        return None
    return WHOLE[lower]


def to_be(form: str) -> str:
    """The second person of "am", "was" or "wasn't"."""
    return TO_BE[form.lower().replace("’", "'")]


def is_ours(before: str, after: str) -> bool:
    """Whether "mine" is the pronoun, and neither the place nor the verb."""
    if MINE_IS_OURS.search(before):
        return MINE_AFTER.match(after) is None or after.split()[0] in ("for", "into", "through")
    if SENTENCE_START.search(before):
        return re.match(r"\s+(?:is|was|are|were|has|will)\b", after, re.IGNORECASE) is not None
    return MINE_BEFORE.search(before) is None and MINE_AFTER.match(after) is None


# ---- the subject of a clause

CLAUSE = re.compile(
    r"[.!?;:,…—–()]+\s*|\b(?:and|but|then|or|so)\b|"
    r"(?P<own>\b(?:while|when|as|until|because|if|that|who|whom|which|before|after|where|what|how"
    r"|why|since|though|although|unless|lest|than|like|except)\b)",
    re.IGNORECASE,
)
PLAYER = re.compile(r"\s*(?:\w+ly,?\s+)*(?:I|you|i['’]\w+|you['’]\w+)\b", re.IGNORECASE)
OTHERS = re.compile(
    r"\s*(?:\w+ly,?\s+)*(?:he|she|it|they|we|there|someone|somebody|everyone|everybody|nobody"
    r"|everything|something|nothing|the|a|an|his|her|their|its|our|your|my|this|that|these|those"
    r"|one|all|both|no|another|any|every|each|who|which|he['’]\w+|she['’]\w+|it['’]\w+)\b",
    re.IGNORECASE,
)
# A name, and a verb that shows that it is one.
SOMEONE_ACTS = re.compile(
    r"[A-Z]\w+(?:,? and (?:you|I)\b|\s+(?:is|was|has|looks|says|goes|takes|comes|gets|attacks|runs"
    r"|walks|stands|falls|dies|gives|hits|kills|tells|asks|laughs|smiles|nods|sees|leaves|does|wants"
    r"|tries|starts|begins|makes|puts|follows|helps|sits|turns|opens|pulls|grabs|loses)\b)"
)
# Between a verb and "me" these may be the one who acts.
SOMEBODY = re.compile(
    r"\b(?:he|she|it|they|we|him|her|them|us|his|their|the|a|an|this|that|these|those|your|my|some"
    r"|someone|somebody|everyone|everybody|anyone|nobody|people|any|all|another|every|no)\b"
    r"|(?<!^)(?<=\s)[A-Z]\w+",
)
PLACE = (
    r"(?:behind|around|beside|besides|by|near|over|under|above|below|beneath|toward|towards|with"
    r"|from|in|off|past|through|between|against|along|across|onto|into|inside|outside|beyond|up|down"
    r"|upon|round|alongside|opposite|without|among|out of|(?:front|ahead|side|top|left|right|back"
    r"|rid|because|instead|sight|reach) of)"
)
AFTER_PLACE = re.compile(rf"\b{PLACE}\s+$", re.IGNORECASE)
AFTER_BE = re.compile(
    r"\b(?:is|was|be|am|are|were|been|(?:it|that|he|she|there)['’]s|i['’]m|you['’]re|isn['’]t)(?:\s+(?:not|only|just))?\s+$",
    re.IGNORECASE,
)
ABOUT_PLACE = re.compile(r"\b(?:look|looks|walk|glance|gaze|stare|feel)\s+about\s+$", re.IGNORECASE)
# An object and then the player as the target: "cast a spell on me".
WITH_A_TOOL = re.compile(
    r"\b(?:cast|point|aim|throw|pour|use|turn|spray|splash|rub|smear|apply|spill|shine|test|try"
    r"|focus|direct|inflict|wrap|buy|make|cook|find|build|draw|take|keep|get|grab|order|perform)\b"
    r"(?!.*\bto\s).*\b(?:at|on|for|of|about)\s+$",
    re.IGNORECASE | re.DOTALL,
)


def player_is_subject(before: str) -> str:
    """The subject of the last clause of `before`: "I", "" for an imperative, or "other"."""
    sentence = re.split(r"[.!?…][\"”’)]*\s+|\n", before)[-1]
    subject = ""
    begin = 0
    for boundary in [*CLAUSE.finditer(sentence), None]:
        clause = sentence[begin : boundary.start() if boundary else len(sentence)]
        if clause.strip():
            if PLAYER.match(clause):
                subject = "I"
            elif OTHERS.match(clause) or SOMEONE_ACTS.match(clause):
                subject = "other"
            elif re.search(r"\b(?:I|you)\b", clause):
                subject = "I"
        if boundary:
            begin = boundary.end()
            if boundary["own"]:  # a clause with a subject of its own, unknown until it is named
                subject = "other"
    return subject


def reflexive(before: str, after: str) -> bool:
    """Whether "me" after `before` is an object of what the player does: "yourself"."""
    sentence = re.split(r"[.!?…][\"”’)]*\s+|\n", before)[-1]
    if not sentence.strip():
        return False  # "Me and Bob go"
    if re.match(r"\s+(?:and|or)\s+\w+\s+\w+", after) and re.search(r",\s*$", before):
        return False
    if player_is_subject(before) == "other":
        return False
    clause = [part for part in CLAUSE.split(sentence) if part is not None][-1]
    if AFTER_BE.search(clause):
        return False
    clause = PLAYER.sub("", clause, count=1)
    if not clause.strip():  # "Bob and me", "than me"
        return False
    if AFTER_PLACE.search(clause) or ABOUT_PLACE.search(clause):
        return False
    if SOMEBODY.search(clause.strip()[:1].lower() + clause.strip()[1:]):
        return WITH_A_TOOL.search(clause) is not None
    return True
