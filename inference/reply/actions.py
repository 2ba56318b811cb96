"""How an action is worded in the story, on the page and in the prompt."""

import re
from functools import lru_cache

from inference.contract.request import Kind
from inference.reply.characters import clean, invisible
from inference.reply.languages import english
from inference.reply.pronouns import SOMEONE_ACTS, loud, second_person
from inference.reply.quotes import quotations
from inference.reply.sentences import ended

MARKS = '"“”«»„「」'
# Directions, in full and as players of text adventures abbreviate them.
DIRECTIONS = {
    short: direction
    for direction in (
        "north",
        "south",
        "east",
        "west",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
    )
    for short in (
        direction,
        direction[0]
        if direction in ("north", "south", "east", "west")
        else direction[0] + direction[5],
    )
} | {"up": "up", "down": "down", "u": "up", "d": "down", "in": "in", "out": "out"}

LIKE_ADVERBS = (
    "fly|rely|reply|apply|supply|multiply|comply|imply|bully|rally|tally|ally|sally|dally"
)
ADVERB = rf"(?!(?:{LIKE_ADVERBS})\b)[a-z]+ly"
# These join a sentence to the one before and come before its subject: "Then you go".
JOINING = (
    "then|now|next|meanwhile|suddenly|finally|instead|afterwards?|later|again|eventually"
    "|immediately|unfortunately|luckily|after that|at last|at once|once more|once again"
)
LINE_START = re.compile(r"^(?:>\s*)+")
POLITE = re.compile(r"^(?:please|let me|lets|let['’]s|let us)[, ]\s*(?=\w)", re.IGNORECASE)
WITH_JOINING = re.compile(rf"^({JOINING})(,?\s+)(?=\w)", re.IGNORECASE)
WITH_ADVERB = re.compile(
    rf"^((?:{ADVERB})(?:,? and {ADVERB}|, {ADVERB})*)(,\s+|\s+)(?=\w)", re.IGNORECASE
)
SUBJECT = re.compile(r"you(?:\b|['’])(?!r\b)", re.IGNORECASE)
# A sentence that begins so has its subject, or needs none.
NOT_AN_ORDER = re.compile(
    r"(?:your|yours|yourself|you|he|she|it|they|we|this|that|these|those|there|the|a|an|his|her|its"
    r"|their|our|my|some|someone|somebody|everyone|everybody|nobody|nothing|everything|something|all"
    r"|both|one|no|yes|yeah|ok|okay|oh|ah|hey|hi|hello|hmm|wow|thanks|sorry|goodbye|who|whose|whom"
    r"|what|why|how|which|i)(?:['’]\w+)?(?!\w)",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"(?:(?:am|is|are|was|were|does|did|can|could|will|would|shall|should|may|might|must|has|had"
    r"|\w+n['’]t)\s+(?:not\s+)?(?:you|he|she|it|they|we|there|the|anyone|anybody|someone|this|that)"
    r"|(?:do|have)\s+(?:you|he|she|they|we)"
    r"|(?:where|when)\s+(?:is|are|was|were|do|does|did|can|could|will|would|should)"
    r"|(?:so|neither|nor)\s+\w+\s+(?:you|he|she|it|they|we))\b",
    re.IGNORECASE,
)
# "When he sleeps, take the key": the action comes after the comma.
CLAUSE_FIRST = re.compile(
    r"(?:if|when|while|after|before|once|as|until|because|since|although|though|whenever|unless"
    r"|without|with|using|in|on|at|from|under|during|despite|having|being)\s[^,]*,\s+(?=\w)",
    re.IGNORECASE,
)
BEGINS_WITH_CLAUSE = re.compile(
    r"(?:if|when|while|because|since|although|though|whenever|unless|without|with|using|in|at|from"
    r"|under|during|despite|having|being|by)\s",
    re.IGNORECASE,
)
# Sentences after the first get a subject only if they begin with one of these verbs.
PLAIN_VERB_WORDS = """
    go take look open close get give put pull push run walk ask tell say shout whisper attack hit
    kill use try wait climb jump follow find search pick drop hide eat drink listen grab throw kick
    read examine inspect check enter leave draw light turn move keep hold sit stand lie sleep wake
    step crawl swim fight stab shoot dodge block duck sneak steal knock break smash cut tie untie
    unlock lock lift carry touch feel smell taste call scream sing dance bow kneel greet thank wave
    nod smile laugh press pour fill wear remove return retreat flee escape head continue start begin
    stop explore cast aim fire reload bring show help heal rest think remember write point
"""
PLAIN_VERBS = frozenset(PLAIN_VERB_WORDS.split())
CALLED = re.compile(r"[A-Z]\w+,\s")  # "Matthias, come here"
LATER_ORDER = re.compile(r"([.!?…]\s+)([A-Za-z]+)(?=\s|[.!?,]|$)")


def shown_action(kind: Kind, action: str, player: str = "") -> str:
    """How an action is worded in the story, on the page and in the prompt.

    `player` is the character who acts, where several players play: their actions are told in the
    third person already.

    Do and Say come without the `> ` that page and prompt put before them. Continue shows nothing,
    and neither does an action without visible characters. Direction marks and other characters
    without a shape are removed.
    """
    return shown(kind, action, player)


# The same actions are needed again for each turn and each snapshot.
@lru_cache(maxsize=2048)
def shown(kind: Kind, action: str, player: str) -> str:
    """As `shown_action`, cached."""
    action = clean(action).strip()
    if kind == "continue" or not action or invisible(action.strip(MARKS)):
        return ""
    if kind in ("story", "opening"):
        return action
    action = " ".join(action.split())
    if kind == "say" or (action[0] in '"“' and quotations(action) == [(0, len(action))]):
        return f'{player} says "{spoken(action)}"' if player else f'You say "{spoken(action)}"'
    if player:
        return ended(action)
    return ended(second_person_action(LINE_START.sub("", action)))


def spoken(action: str) -> str:
    """The spoken words without quotation marks around them; marks inside become single."""
    if action[0] in MARKS and quotations(action) == [(0, len(action))]:
        action = action.strip(MARKS).strip()
    return action.replace('"', "'")


def second_person_action(action: str) -> str:
    """The action in the second person and with its subject."""
    quoted = quotations(action)
    words = "".join(
        "" if any(begin <= place < end for begin, end in quoted) else each
        for place, each in enumerate(action)
    )
    if not english(words):
        # Not English, or not words: "You" would be wrong.
        return action
    action = POLITE.sub("", action) if not re.match(r"(?i)please[,!. ]*$", action) else action
    action = with_subject(second_person(action))
    quoted = quotations(action)

    def acted(found: re.Match[str]) -> str:
        inside = any(begin < found.start(2) < end for begin, end in quoted)
        if inside or found[2].lower() not in PLAIN_VERBS:
            return found[0]
        return f"{found[1]}You {found[2].lower()}"

    return LATER_ORDER.sub(acted, action)


def with_subject(action: str) -> str:
    """`action` with "You" before what the player does, unless it names another subject."""
    fronts = []
    while place := end_of_front(action):
        fronts.append(action[:place])
        action = action[place:]
    subject = with_subject_first(action)
    for front in reversed(fronts):
        subject = capital(front + uncapital(subject))
    return subject


def end_of_front(action: str) -> int:
    """How much stands before the subject of `action`, as "Then " and "If it rains, ". Or 0."""
    if action.strip(".! ").lower() in DIRECTIONS or names_subject(action):
        return 0
    if joining := WITH_JOINING.match(action):
        return joining.end()
    if adverbs := WITH_ADVERB.match(action):
        rest = action[adverbs.end() :]
        if SUBJECT.match(rest) or NOT_AN_ORDER.match(rest) or rest.startswith("and "):
            return 0
        if "," in adverbs[2]:
            return adverbs.end()
    clause = CLAUSE_FIRST.match(action)
    return clause.end() if clause else 0


def with_subject_first(action: str) -> str:
    """`action`, before whose subject nothing stands, with "You" where it needs that."""
    direction = DIRECTIONS.get(action.strip(".! ").lower())
    if direction:
        return f"You go {direction}"
    if names_subject(action):
        return capital(action)
    if adverbs := WITH_ADVERB.match(action):
        rest = action[adverbs.end() :]
        if SUBJECT.match(rest) or NOT_AN_ORDER.match(rest) or rest.startswith("and "):
            return capital(action)
    return capital(action) if BEGINS_WITH_CLAUSE.match(action) else with_you(action)


def names_subject(action: str) -> bool:
    """Whether `action` begins with its subject, needs none, or does not begin with a word."""
    return bool(
        SUBJECT.match(action.lstrip("("))
        or not re.match(r"[A-Za-z(]", action)
        or NOT_AN_ORDER.match(action)
        or QUESTION.match(action)
        or SOMEONE_ACTS.match(action)
    )


def with_you(action: str) -> str:
    """`action`, an order, with "You" before it, unless it calls someone by name."""
    if CALLED.match(action) and action.split(",")[0].lower() not in PLAIN_VERBS:
        return action
    if loud(action):
        return f"YOU {action}"
    if len(action) > 1 and action[1].isupper():
        return f"You {action}"
    return f"You {action[0].lower()}{action[1:]}"


def capital(text: str) -> str:
    """`text` with a capital first letter."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """The "You" or "Your" that a rule put first, inside a sentence."""
    return text[0].lower() + text[1:] if re.match(r"You(?:r|rs|rself)?\b", text) else text
