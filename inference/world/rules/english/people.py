"""Who is here, who leaves, who dies, and what they feel about the player."""

import re

from inference.world.names import NAME, TITLE
from inference.world.rules.english.clauses import BE, Clause, phrase_at
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import DIES, KILLS, LEAVES, MOVES, SPOKEN
from inference.world.rules.english.words import MOODS, STARTERS, words
from inference.world.rules.text import Sentence

SAYS = "|".join(sorted(SPOKEN - {"laugh", "laughing", "laughed", "laughs"}))
RANKED = r"the \w+"
# '"Go," says Jory', '"Go," Jory says', 'Jory says, "Go."'
SPEAKER = re.compile(
    rf'""[^.!?"]{{0,3}}? ?(?:{SAYS}) (?:old )?(?P<after>{NAME}|{RANKED})'
    rf'|""[^.!?"]{{0,2}} (?P<before>{NAME}|{RANKED}) (?:\w+ly |then )?(?:{SAYS})\b'
    rf'|(?:^|[.,;] |and )(?P<opens>{NAME}|[Tt]he \w+) (?:[^.!?",]{{0,40}},? )?'
    rf'(?:{SAYS})(?: [^.!?"]{{0,40}})?[,:] ?""'
)
SOMEONE = re.compile(
    rf'(?:^|[.,;] )[A-Z][^.!?"]{{2,40}} (?:{SAYS})[,:] ?""|"",? (?:{SAYS}) (?:the|an?) \w+'
)
NAMED = re.compile(
    rf"\b(?:named|called|name is|name's|introduces (?:him|her|them)self as) (?P<name>{NAME})"
)
SELF = re.compile(rf"(?:\bI am|\bI'm|\b[Mm]y name(?: is|'s)|\b[Cc]all me) (?P<name>{NAME})")
IT_IS = re.compile(rf"^It(?:'s| is) (?P<name>{NAME})(?=[.!]?$| again)")
NEWS = re.compile(
    rf"^(?P<name>{NAME})(?:, [^,.]{{1,30}},)?(?: is|'s| was| has)? (?:\w+ )?"
    r"(?:dead|died|drowned|was killed|killed|was murdered|murdered|shot dead|passed away)\b"
    r"(?! (?:tired|drunk|set|serious|calm))[^?]*$"
)
BODY = r"(?:corpse|dead body|lifeless body|remains)"
DEAD_OBJECT = re.compile(
    rf"\b(?:(?P<one>{NAME})'s (?:cold |lifeless )*{BODY}\b|{BODY} of (?P<two>{NAME})"
    rf"|(?<!the )dead (?P<three>{NAME}))"
)
DEAD = re.compile(
    r"^(?:now |been |stone |shot |found |already |quite |very |\w+ly )*\b"
    r"(?:dead|killed|slain|murdered|lifeless|executed|beheaded)\b"
    r"(?! (?:tired|drunk|set|serious|silent|still|ahead|quiet|certain|sure|calm|pale|on his feet))"
)
FALLS_DEAD = re.compile(r"^(?:down |over |to the (?:floor|ground) |off [^,]* )?(?:dead|lifeless)\b")
LIES = words("lies lie lay falls fell drops dropped collapses collapsed slumps slumped")
APPOSED_DEAD = re.compile(
    rf"(?P<name>{NAME})[^,.;]*, (?:dead|lifeless)\b(?! (?:tired|serious|set))"
)

AWAY = re.compile(
    r"^(?:\w+ly |back )?(?:away|off|outside|home|ashore|overboard|upstairs|downstairs|from the room"
    r"|out(?! of (?:the )?(?:dark|darkness|shadows|crowd|fog|mist|trees|breath|his|her|it|bed))"
    r"|(?:up|down) the (?:stairs|ladder|road|street|corridor|hall|hallway|path|steps)"
    r"|into the (?:night|dark|darkness|fog|mist|forest|woods|shadows|crowd|distance|storm|rain)"
    r"|through the (?:door|doorway|gate|window)|to (?:bed|find|fetch|get)\b)"
)
TO_YOU = re.compile(r"\b(?:to|towards?|at|beside|behind|after|over) you\b|\bin\b(?! the)|\bback\b")
LEAVES_ALONE = re.compile(
    r"^(?:you|him|her|them|it|no|an?|his|her|your|the)\b"
    r"(?! (?:room|house|hut|cabin|office|shop|bar|kitchen|hall|building|tent|ship|boat|deck|cell"
    r"|train|table|scene)\b)"
)
ELSEWHERE = re.compile(
    r"\b(?:remember\w*|memor(?:y|ies)|letters?|photo\w*|portrait|painting|picture|radio|phone"
    r"|telephone|intercom|receiver|speaker|recording|if|would have|used to|ghost|diary"
    r"|legend|imagine\w*|statue|in your ear|on the line|overhead"
    r"|in the distance|far (?:away|below|above|off)"
    r"|from (?:below|above|outside|upstairs|downstairs|inside|the other side)"
    r"|through the (?:door|wall|hatch|window|floor|fog|dark)|upstairs|downstairs|somewhere)\b",
    re.IGNORECASE,
)
HERE = re.compile(
    r"^(?:\w+ly |still |already |now |just )*(?:\w+ing\b|here\b|there\b|back\b"
    r"|beside\b|next to\b|behind\b|in front\b|at your\b|with you\b|on (?:his|her)\b"
    r"|(?:in|at|on|by) the (?:door\w*|threshold|stairs|steps|window|gate|table|bar|counter|corner))"
)
BEHIND = re.compile(
    r"^(?:now |still )?(?:somewhere|far|out of sight|out of hearing|miles|nowhere|long gone)\b"
)
NOT_THERE = re.compile(r"^(?:not|no longer) (?:here|there|with you|at your side)|^nowhere")
GONE = re.compile(
    r"^(?:already |long |now )?gone\b(?! (?:quiet|silent|pale|white|red|soft|mad|still))"
)
FOR_GOOD = re.compile(r"\bfor (?:good|ever)\b|\bforever\b|\bnever (?:to return|comes? back)")
FEELING = re.compile(
    r"^(?:\w+ly |very |now |still |so |quite )*(?P<mood>\w+) (?:with|at|of|to|towards?|about) you\b"
)
ADDRESS = words("look turn smile nod talk speak listen walk wave bow point show ask tell")
TO_NAME = re.compile(r"^(?:\w+ly |back |over |up )*(?:at|to|towards?|with|for) (?=\S)")
NEAR_YOU = re.compile(
    r"(?:'s\b|^)[^,.]*?\b(?:standing|sitting|walking|coming|running|waiting|leaning|kneeling|lying|here"
    r"|beside|next to|in front|at the (?:door|window|table))\b"
)
TOWARD = {
    "hates": "hostile", "trusts": "trusting", "likes": "friendly", "loves": "loving",
    "fears": "afraid", "distrusts": "suspicious", "despises": "hostile", "admires": "impressed",
}  # fmt: skip
GLARES = frozenset(["glare", "scowl"])
ASKS_NAME = re.compile(r"\bname\b|\bwho are you\b|\btell me\b|\bcalled\b", re.IGNORECASE)


def read_person(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What someone with a name does."""
    who, rest, found = clause.person, clause.rest, scene.found
    if dies(clause):
        found.put_life(who, "dead", sentence)
        return
    if clause.verb in KILLS:
        kills(scene, clause, sentence)
    if ELSEWHERE.search(sentence.told):
        return
    if clause.perfect and clause.form not in ("gone", "left", "vanished", "disappeared"):
        return
    if clause.form in BE:
        read_being(scene, clause, sentence)
    elif departs(clause):
        if FOR_GOOD.search(rest):
            found.put_life(who, "gone", sentence)
        else:
            found.put_here(who, False, sentence)
    elif clause.verb and (clause.verb != "have" or phrase_at(rest)):
        read_feeling(scene, clause, sentence)
        found.put_here(who, True, sentence)


def dies(clause: Clause) -> bool:
    """Whether someone dies, or is dead."""
    if clause.form in DIES:
        return re.match(r"^(?:of (?:boredom|laughter)|down|away|to )", clause.rest) is None
    if clause.form in LIES:
        return FALLS_DEAD.match(clause.rest) is not None
    return clause.form in BE and DEAD.match(clause.rest) is not None


def departs(clause: Clause) -> bool:
    """Whether someone leaves."""
    rest = clause.rest
    if clause.form == "gone" and clause.perfect:
        return True
    if clause.verb in LEAVES:
        stays = clause.verb == "leave" and LEAVES_ALONE.match(rest)
        return not stays and not re.match(r"^from (?:under|behind)\b", rest)
    return clause.verb in MOVES and AWAY.match(rest) is not None and not TO_YOU.search(rest)


def kills(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """Someone is killed."""
    if who := scene.person_at(clause.rest):
        scene.found.put_life(who, "dead", sentence)


def read_being(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Hatch is gone", "Hatch is here", "Hatch is angry with you"."""
    who, rest, found = clause.person, clause.rest, scene.found
    if NOT_THERE.match(rest):
        found.put_here(who, False, sentence)
    elif GONE.match(rest):
        if FOR_GOOD.search(rest):
            found.put_life(who, "gone", sentence)
        else:
            found.put_here(who, False, sentence)
    elif HERE.match(rest):
        found.put_here(who, True, sentence)
    elif (feeling := FEELING.match(rest)) and feeling["mood"] in MOODS:
        found.put_here(who, True, sentence)
        found.put_mood(who, MOODS[feeling["mood"]], sentence)


def read_feeling(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Hatch glares at you", "Hatch trusts you"."""
    if clause.verb in GLARES and re.match(r"^(?:\w+ly )?at you\b", clause.rest):
        scene.found.put_mood(clause.person, "angry", sentence)
    if clause.form in TOWARD and re.match(r"^you\b", clause.rest):
        scene.found.put_mood(clause.person, TOWARD[clause.form], sentence)


def read_addressed(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """Whom the player looks at or speaks to is there; so is whom they see coming."""
    rest = clause.rest
    if ELSEWHERE.search(sentence.told) or re.search(r"\bwindow\b", sentence.told):
        return
    if clause.verb == "see":
        if (who := scene.person_at(rest)) and NEAR_YOU.search(rest):
            scene.found.put_here(who, True, sentence)
    elif clause.verb in ADDRESS and (to := TO_NAME.match(rest)):
        if who := scene.person_at(rest[to.end() :]):
            scene.found.put_here(who, True, sentence)
    elif clause.verb == "follow" and (who := scene.person_at(rest)):
        scene.found.put_here(who, True, sentence)


def read_behind(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Joss is somewhere behind you": told of people who are not here, in spite of the word."""
    if clause.form in BE and BEHIND.match(clause.rest):
        scene.found.put_here(clause.person, False, sentence)


def read_introductions(scene: Scene, sentence: Sentence, action: str) -> None:
    """Names that the text gives someone, so that they count as names."""
    for found in NAMED.finditer(sentence.told):
        introduce(scene, found["name"])
    here = SOMEONE.search(sentence.told) and not ELSEWHERE.search(sentence.told)
    for quoted in sentence.quoted:
        if (found_self := SELF.search(quoted)) and (name := introduce(scene, found_self["name"])):
            if here:
                scene.found.put_here(scene.found.people.add(name), True, sentence)
        elif here and ASKS_NAME.search(action) and re.fullmatch(rf"{NAME}[,.!]?", quoted):
            name = introduce(scene, quoted.rstrip(",.!"))
            if name:
                scene.found.put_here(scene.found.people.add(name), True, sentence)


def introduce(scene: Scene, name: str) -> str:
    """A name that someone is given; "" where it is none, or the player's."""
    if name.split()[0] in STARTERS or scene.found.is_player(name):
        return ""
    scene.introduced.add(name)
    return name


def read_speakers(scene: Scene, sentence: Sentence) -> None:
    """Who speaks is here, unless the voice comes from elsewhere."""
    if ELSEWHERE.search(sentence.told):
        return
    for found in SPEAKER.finditer(sentence.told):
        name = next(each for each in found.groupdict().values() if each)
        who = speaker(scene, name)
        if who:
            scene.last_person = who
            scene.found.put_here(who, True, sentence)


def speaker(scene: Scene, name: str) -> str:
    """Who it is that speaks, known or new; "" for someone without a name."""
    known = scene.found.people.find(name)
    if known or name[:4].casefold() == "the ":
        return known
    if name.split()[0] in STARTERS or scene.found.is_player(name):
        return ""
    return scene.found.people.add(name)


def read_dead(scene: Scene, sentence: Sentence) -> None:
    """A corpse with a name, and the plain news of a death."""
    names = [
        each for found in DEAD_OBJECT.finditer(sentence.told) for each in found.groups() if each
    ]
    names += [found["name"] for found in APPOSED_DEAD.finditer(sentence.told)]
    for quoted in sentence.quoted:
        if news := NEWS.match(quoted):
            names.append(news["name"])
    for name in names:
        if who := scene.found.people.find(name):
            scene.found.put_life(who, "dead", sentence)


def read_it_is(scene: Scene, sentence: Sentence) -> None:
    """ "You turn around. It's Odile." """
    found = IT_IS.match(sentence.told)
    if found and (who := scene.found.people.find(found["name"])):
        scene.last_person = who
        scene.found.put_here(who, True, sentence)


def titled(name: str) -> bool:
    """Whether a name begins with a title, as people's do: "Lady Arden"."""
    return re.match(TITLE, name) is not None and " " in name
