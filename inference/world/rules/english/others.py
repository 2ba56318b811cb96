"""What others do with what the player has, what they give them, and what befalls it."""

import re

from inference.world.rules.english.clauses import BE, FILLERS, Clause, Phrase, is_thing, phrase_at
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.things import HANDS, IN_HAND, KEEPS, WORN_AROUND
from inference.world.rules.english.verbs import BRINGS, FALLS, KEEPS_IT, PUTS, ROBS, RUINS, VERBS
from inference.world.rules.english.words import WEARABLE, words
from inference.world.rules.text import Sentence

FROM_YOU = re.compile(
    rf"\b(?:from|out of|off) (?:you\b(?!r)|your (?:\w+ )?(?:{HANDS}|{KEEPS}|shoulders?|head|neck))"
)
IN_YOURS = re.compile(
    rf"^(?:now |still |back |safely |warm |cold |heavy )*(?:in|on|under|at|round|around|over"
    rf"|between)"
    rf" your (?:\w+ )?(?:{HANDS}|{KEEPS}|arm|neck|shoulders?|back|hip|side|lap|knees?"
    rf"|finger"
    r"|wrist|head|chest)\b"
)
INTO_YOURS = re.compile(
    rf"^(?:back )?(?:in|into|inside|onto|on|under) (?:both )?your (?:\w+ )?"
    rf"(?:{HANDS}|{KEEPS}|arm|lap)\b"
)
INTO_THEIRS = re.compile(
    rf"^(?:back |away )?(?:in|into|inside|under|behind) (?:his|her|their|its) (?:\w+ )?"
    rf"(?:{HANDS}|{KEEPS}|arm|teeth|mouth|back)\b"
)
GIVEN_TO_YOU = re.compile(
    r"^(?:now |then |finally |\w+ly )?(?:given|handed|passed|returned|thrown|tossed) "
    r"(?:back |over |up )*to you\b"
)
CARRIED_OFF = re.compile(
    r"^(?:now |then |suddenly |\w+ly |being |already )?\w+(?:ed|en|n|t|ept|own) "
    r"(?:away|off|overboard|out of your|from your|from you)\b"
    r"|^in (?:two|three|pieces|half|splinters|shreds|tatters|ashes|ruins|bits)\b"
)
SEES = words(
    """
    see notice look watch eye point stare examine study consider want feel recognise recognize
    find spot read know hear need wear have count show gaze glance
    """
)
RESTS = words("hang lie sit rest dangle weigh stick wait")
OFF_AND_AWAY = re.compile(
    r"\b(?:to the (?:floor|ground|deck|street)|into|in the|over (?:the|board)|overboard|out of"
    r"|away|down"
    r"|under|off|through|among|between|past|on the (?:floor|ground|stones?|stairs))\b"
)
GONE = re.compile(
    r"^(?:now |then |suddenly )?(?:gone|lost|missing|broken|destroyed|taken|ruined|swallowed"
    r"|knocked|torn"
    r"|ripped|snatched|wrenched|stolen|confiscated|smashed)\b"
)


def read_other(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What others do to what the player has, and what happens to it."""
    verb, rest = clause.verb, clause.rest
    if clause.subject == "other" and befalls(scene, clause, sentence):
        return
    if verb == "put" and (worn := re.match(r"^on (?=your )", rest)):
        if thing := scene.take_object(rest[worn.end() :]):
            scene.found.put_thing(thing[0], "lost", sentence)
        return
    brings = verb in BRINGS or (verb == "leave" and rest.startswith("you "))
    if brings and not (verb == "bring" and clause.perfect) and receives(scene, rest, sentence):
        return
    if verb and verb not in SEES:
        handles(scene, clause, sentence)


def handles(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What somebody takes, puts into the player's hand or on them, or keeps."""
    verb, rest = clause.verb, clause.rest
    if (given := re.match(rf"^{IN_HAND}\s+", rest)) and verb in PUTS:
        if thing := scene.take_object(rest[given.end() :]):
            scene.found.put_thing(thing[0], "carried", sentence)
        return
    own = re.match(r"^(?:off |out |up )?your\b", rest, re.IGNORECASE) is not None
    thing = scene.take_object(re.sub(r"^(?:off|out|up)\s+", "", rest))
    if thing is None:
        return
    name, after = thing
    has = scene.has(name)
    if not has and WORN_AROUND.match(after):
        wearable = name.split()[-1].casefold() in WEARABLE
        scene.found.put_thing(name, "worn" if wearable else "carried", sentence)
    elif not has and INTO_YOURS.match(after):
        scene.found.put_thing(name, "carried", sentence)
    elif (
        (verb in KEEPS_IT and has)
        or (verb in ROBS and (own or FROM_YOU.search(after)))
        or ((own or has) and (FROM_YOU.search(after) or INTO_THEIRS.match(after)))
    ):
        scene.found.put_thing(name, "lost", sentence)


def receives(scene: Scene, rest: str, sentence: Sentence) -> bool:
    """Whether someone gives the player something."""
    to_you = re.match(r"^(?:over |back )?you\s+(?:back |over |up )?", rest)
    first = rest[to_you.end() :] if to_you else re.sub(r"^(?:over|back)\s+", "", rest)
    thing = scene.take_object(first)
    if thing is None or not (to_you or re.match(r"^(?:over |back |up )?to you\b", thing[1])):
        return False
    scene.found.put_thing(thing[0], "carried", sentence)
    return True


def befalls(scene: Scene, clause: Clause, sentence: Sentence) -> bool:
    """ "The lantern slips from your hand", "your lantern is gone", "the key is in your hand"."""
    phrase = scene.subject
    if not clause.inherited:
        phrase = scene.subject = subject_of(scene, FILLERS.sub("", clause.text.strip()))
    if phrase is None or not is_thing(phrase):
        return False
    rest, name = clause.rest, phrase.name
    concerned = phrase.article == "your" or scene.has(name)
    be = clause.form in BE
    if (be and GIVEN_TO_YOU.match(rest)) or ((be or clause.verb in RESTS) and IN_YOURS.match(rest)):
        scene.found.put_thing(name, "carried", sentence)
        scene.last_thing = name
        return True
    falls = clause.verb in FALLS and (
        FROM_YOU.search(rest) or (scene.has(name) and OFF_AND_AWAY.search(rest))
    )
    gone = concerned and be and (GONE.match(rest) or CARRIED_OFF.match(rest))
    ruined = concerned and clause.verb in RUINS and clause.form != clause.verb
    if not (falls or gone or ruined):
        return False
    scene.found.put_thing(name, "lost", sentence)
    return True


def subject_of(scene: Scene, text: str) -> Phrase | None:
    """What a clause begins with, up to its verb."""
    if re.match(r"(?:it|they)\b", text, re.IGNORECASE):
        words = tuple(scene.last_thing.split())
        return Phrase("the", words, "") if words and scene.has(scene.last_thing) else None
    phrase = phrase_at(text)
    if phrase is None:
        return None
    words = phrase.words
    for place, word in enumerate(words):
        if place and word.casefold() in VERBS and word.casefold() != VERBS[word.casefold()]:
            words = words[:place]
            break
    return phrase._replace(words=words)


# "He is gone, and so is your bow", "he leaves, taking your bow with him"
SO_IS = re.compile(
    r"\b(?:gone|missing|lost|broken|stolen|destroyed|vanished|disappeared)\b.*?\bso "
    r"(?:is|are|has|have)"
    r" (?=your\b|the\b)"
)
TAKING = re.compile(r"\b(?:taking|carrying|dragging) (?=your\b|the\b)")
WITH_THEM = re.compile(r"^(?:away |along |off )?with (?:him|her|it|them)\b|^away\b")


def read_elliptic(scene: Scene, sentence: Sentence) -> None:
    """What is lost in a sentence that does not say so in a clause of its own."""
    told = sentence.told.rstrip(".!")
    for pattern, must in ((SO_IS, None), (TAKING, WITH_THEM)):
        found = pattern.search(told)
        phrase = phrase_at(told[found.end() :]) if found else None
        if phrase is None or not is_thing(phrase) or (must and not must.match(phrase.rest)):
            continue
        if phrase.article == "your" or scene.has(phrase.name):
            scene.found.put_thing(phrase.name, "lost", sentence)
