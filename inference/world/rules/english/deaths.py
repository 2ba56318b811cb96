"""Who dies, is found dead, or is said to be dead."""

import re

from inference.world.names import NAME
from inference.world.rules.english.clauses import BE, HAVE, Clause
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import DIES, KILLS
from inference.world.rules.english.words import words
from inference.world.rules.text import Sentence

NEWS = re.compile(
    rf"^(?P<name>{NAME})(?:, [^,.]{{1,30}},)?(?: is|'s| was| has)? (?:\w+ )?"
    r"(?:dead|died|drowned|was killed|killed|was murdered|murdered|shot dead|passed away)\b"
    r"(?! (?:tired|drunk|set|serious|calm))[^?]*$"
)
BODY = (
    r"(?:corpse|dead body|lifeless body|remains|funeral|grave|coffin|tomb|murder|murderer|widow"
    r"|body (?:lies|falls|slumps|is found|was found|floats))"
)
DEAD_OBJECT = re.compile(
    rf"\b(?:(?P<one>{NAME})'s (?:cold |lifeless )*{BODY}\b|{BODY} of (?P<two>{NAME})"
    rf"|(?<!the )(?:dead|[Tt]he late) (?P<three>{NAME})"
    rf"|(?P<four>{NAME}), who(?:m)? [^,.;]{{0,30}}\b"
    r"(?:died|drowned|was (?:killed|murdered|hanged|shot|buried)|is dead|they buried"
    r"|has been dead))"
)
DEAD = re.compile(
    r"^(?:now |been |stone |shot |found |already |quite |very |\w+ly )*\b"
    r"(?:dead|killed|slain|murdered|lifeless|executed|beheaded|hanged|drowned|buried|gone to (?:his"
    r"|her) grave)\b"
    r"(?! (?:tired|drunk|set|serious|silent|still|ahead|quiet|certain|sure|calm|pale|on his feet))"
)
FALLS_DEAD = re.compile(r"^(?:down |over |to the (?:floor|ground) |off [^,]* )?(?:dead|lifeless)\b")
TO_DEATH = re.compile(r"^(?:\w+ ){1,3}to death\b|^(?:\w+ ){1,3}dead\b")
LAST_BREATH = re.compile(
    r"^(?:(?:stops|stopped) breathing|(?:takes|took|draws|drew|breathes|breathed) (?:his|her|their)"
    r" (?:very )?last\b|(?:bleeds|bled|freezes|froze|burns) to death|drowns?\b|drowned\b"
    r"|perishe[sd]\b|(?:bleeds|bled) out\b|expire[sd]\b|succumb(?:s|ed)\b"
    r"|(?:(?:is|was) )?(?:not|no longer) breath(?:ing|es?)\b|does not breathe\b|doesn't breathe\b"
    r"|(?:has|had) no pulse\b)"
)
LIES = words("lies lie lay falls fell drops dropped collapses collapsed slumps slumped")
UNSURE = re.compile(
    r"n't\b|\b(?:not|never|nearly|almost|if|would|could|might|may|whether|who|to be|try|tries|want"
    r"|wants|dream\w*|think\w*|say|says|said|believe\w*|threaten\w*|will|going to)\b",
    re.IGNORECASE,
)
DEATHS = (
    re.compile(
        rf"\b(?P<name>{NAME}) (?:has |had )?(?:died|drowned|passed away|(?:is|was"
        rf"|has been) (?:found )?"
        r"(?:dead|killed|murdered|poisoned|strangled|hanged))\b(?! (?:tired|drunk|serious|set))"
    ),
    re.compile(rf"\b(?:killed|murdered|buried|poisoned|strangled|shot dead) (?P<name>{NAME})\b"),
    re.compile(rf"\b(?:finds?|found|sees?|saw) (?P<name>{NAME}) (?:lying )?dead\b"),
)
# "You find Ada's body": of those who live, only parts of it are told of so.
FOUND_BODY = re.compile(
    r"\b(?:finds?|found|discovers?|discovered|carry|carries|carried|bury|buries|buried|wraps?|drags?"
    r"|over|beside|beneath|near|past|with|of|is|lies|lay|see|sees) "
    rf"(?:the )?(?P<name>{NAME})'s (?:\w+ )?(?:body|corpse)\b(?! (?:is|was) (?:not|warm))"
)
NO_LIFE = re.compile(
    r"^(?:There is|There's|You (?:feel|find)) no (?:pulse|heartbeat|breath)\b"
    r"|^(?:His|Her|Their) heart (?:has )?stop(?:s|ped)\b"
)
APPOSED_DEAD = re.compile(
    rf"(?P<name>{NAME})[^,.;]*, (?:dead|lifeless)\b(?! (?:tired|serious|set))"
)


def dies(clause: Clause) -> bool:
    """Whether someone dies, or is dead."""
    if LAST_BREATH.match(f"{clause.form} {clause.rest}"):
        return True
    if clause.form in ("killed", "murdered", "executed") and not clause.rest:
        return True
    if clause.form in DIES:
        return re.match(r"^(?:of (?:boredom|laughter)|down|away|to )", clause.rest) is None
    if clause.form in LIES:
        return FALLS_DEAD.match(clause.rest) is not None
    rest = clause.rest.removeprefix("been ")
    have_been = clause.form in HAVE and rest != clause.rest
    return (clause.form in BE or have_been) and DEAD.match(rest) is not None


def read_killing(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """The player kills someone."""
    if clause.verb in KILLS or TO_DEATH.search(clause.rest):
        kills(scene, clause, sentence)


def kills(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """Someone is killed."""
    who = scene.person_at(clause.rest)
    if not who and clause.subject != "person" and re.match(r"(?:him|her)\b", clause.rest):
        who = scene.last_person
    if who:
        scene.found.put_life(who, "dead", sentence)


def read_dead(scene: Scene, sentence: Sentence) -> None:
    """A corpse with a name, and the plain news of a death."""
    names = [
        each for found in DEAD_OBJECT.finditer(sentence.told) for each in found.groups() if each
    ]
    names += [found["name"] for found in FOUND_BODY.finditer(sentence.told)]
    if NO_LIFE.match(sentence.told) and scene.last_person:
        names.append(scene.last_person)
    names += [found["name"] for found in APPOSED_DEAD.finditer(sentence.told)]
    if not UNSURE.search(sentence.told):
        for pattern in DEATHS:
            names += [found["name"] for found in pattern.finditer(sentence.told)]
    for quoted in sentence.quoted:
        if news := NEWS.match(quoted):
            names.append(news["name"])
    for name in names:
        if who := scene.found.people.find(name):
            scene.found.put_life(who, "dead", sentence)
