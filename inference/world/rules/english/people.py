"""Who is here, who leaves, who dies, and what they feel about the player."""

import re

from inference.world.names import NAME, TITLE
from inference.world.rules.english.clauses import BE, HAVE, Clause, phrase_at
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import DIES, KILLS, LEAVES, MOVES, SPOKEN
from inference.world.rules.english.words import MOODS, PLACES, STARTERS, words
from inference.world.rules.text import Sentence

SAYS = "|".join(sorted(SPOKEN - {"laugh", "laughing", "laughed", "laughs"}))
RANKED = r"the \w+"
# '"Go," says Jory', '"Go," Jory says', 'Jory says, "Go."'
SPEAKER = re.compile(
    rf'""[^.!?"]{{0,3}}? ?(?:{SAYS}) (?:old )?(?P<after>{NAME}|{RANKED})'
    rf'|""[^.!?"]{{0,2}} (?P<before>{NAME}|{RANKED}) (?:\w+ly |then )?(?:{SAYS})\b'
    rf'|"",? (?:{SAYS}) (?:the|your|an?) \w+, (?P<also>{NAME})'
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
    r"|perishe[sd]\b)"
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
TO_YOU = re.compile(
    r"\b(?:to|towards?|at|beside|behind|after|over) you\b|\bin\b(?! the)"
    r"|\bback\b(?! to (?:his|her|their|the)\b)"
)
RUNS = words("run flee bolt gallop")
ROOMS = words("room hall light outside door doorway gate stage threshold entrance stairs")
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
LED_AWAY = re.compile(
    r"^(?:\w+ly |being |then )*(?:led|taken|dragged|carried|driven|marched|sent) "
    r"(?:away|off|out|outside|home|to (?:the )?(?:prison|jail|gaol|hospital|cells?))\b"
)
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
    r"(?:'s\b|^)[^,.]*?\b(?:standing|sitting|walking|coming|running|waiting|leaning|kneeling"
    r"|lying|here"
    r"|beside|next to|in front|at the (?:door|window|table))\b"
)
TOWARD = {
    "hates": "hostile", "trusts": "trusting", "likes": "friendly", "loves": "loving",
    "fears": "afraid", "distrusts": "suspicious", "despises": "hostile", "admires": "impressed",
}  # fmt: skip
GLARES = frozenset(["glare", "scowl"])
SHOWN_FEELINGS = (
    (re.compile(r"thank you\b"), "grateful"),
    (re.compile(r"(?:hug|embrace|kiss) you\b"), "friendly"),
    (re.compile(r"smile (?:warmly|kindly|gratefully) at you\b"), "friendly"),
    (re.compile(r"(?:smile|beam|grin) at you\b"), "friendly"),
    (re.compile(r"(?:laugh|sneer|jeer) at you\b"), "mocking"),
    (re.compile(r"(?:threaten you|spit (?:at|on) you|curse you)\b"), "hostile"),
    (re.compile(r"(?:back|shrink|flinch|cower) (?:away |back )?(?:from|before) you\b"), "afraid"),
)
LOOKS_WITH = re.compile(
    r"^(?:look|stare|gaze|glance|regard|eye|watch|study)\b(?: at)? you\b.* (?:with|in) (?:a |an )?"
    r"(?:\w+ )?(?P<noun>\w+)"
)
LOOKS_HOW = re.compile(
    r"^(?:look|stare|gaze|glance|regard|eye|watch|study|glare|frown|smile"
    r"|nod)\b(?: at)? you (?P<how>\w+ly)"
)
MOOD_ADVERBS = {
    "angrily": "angry", "furiously": "angry", "suspiciously": "suspicious", "warily": "suspicious",
    "gratefully": "grateful", "coldly": "cold", "kindly": "friendly", "warmly": "friendly",
    "fearfully": "afraid", "nervously": "nervous", "sadly": "sad", "curiously": "curious",
    "scornfully": "contemptuous", "contemptuously": "contemptuous", "fondly": "fond",
}  # fmt: skip
MOOD_NOUNS = {
    "suspicion": "suspicious", "anger": "angry", "rage": "angry", "fury": "angry", "fear": "afraid",
    "terror": "afraid", "gratitude": "grateful", "contempt": "contemptuous", "hatred": "hostile",
    "respect": "respectful", "pity": "pitying", "affection": "fond", "love": "loving",
    "disgust": "disgusted", "admiration": "impressed", "distrust": "suspicious",
    "disappointment": "disappointed", "warmth": "friendly",
}  # fmt: skip
ASKS_NAME = re.compile(r"\bname\b|\bwho are you\b|\btell me\b|\bcalled\b", re.IGNORECASE)


def read_person(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What someone with a name does."""
    who, rest, found = clause.person, clause.rest, scene.found
    if dies(clause):
        found.put_life(who, "dead", sentence)
        return
    if clause.verb in KILLS or TO_DEATH.search(rest):
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


def departs(clause: Clause) -> bool:
    """Whether someone leaves."""
    rest = clause.rest
    if clause.form == "gone" and clause.perfect:
        return True
    if clause.verb in LEAVES:
        stays = clause.verb == "leave" and LEAVES_ALONE.match(rest)
        return not stays and not re.match(r"^from (?:under|behind)\b", rest)
    if clause.verb not in MOVES or TO_YOU.search(rest):
        return False
    runs = clause.verb in RUNS and not rest
    return runs or AWAY.match(rest) is not None or goes_elsewhere(rest)


def goes_elsewhere(rest: str) -> bool:
    """ "… to the kitchen": another place, where it is not the one that is entered."""
    to = re.match(
        r"^(?:\w+ly |down |up |over |back |on )*(?:to|into|towards?) (?=the |his |her )", rest
    )
    phrase = phrase_at(rest[to.end() :]) if to else None
    return phrase is not None and phrase.head in PLACES and phrase.head not in ROOMS


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


def read_being(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Hatch is gone", "Hatch is here", "Hatch is angry with you"."""
    who, rest, found = clause.person, clause.rest, scene.found
    if NOT_THERE.match(rest) or LED_AWAY.match(rest):
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
    """ "Hatch glares at you", "Hatch trusts you", "Hatch looks at you with suspicion"."""
    told = f"{clause.verb} {clause.rest}"
    for pattern, mood in SHOWN_FEELINGS:
        if pattern.match(told):
            scene.found.put_mood(clause.person, mood, sentence)
    if (looks := LOOKS_HOW.search(told)) and looks["how"] in MOOD_ADVERBS:
        scene.found.put_mood(clause.person, MOOD_ADVERBS[looks["how"]], sentence)
    if (looks := LOOKS_WITH.search(told)) and looks["noun"] in MOOD_NOUNS:
        scene.found.put_mood(clause.person, MOOD_NOUNS[looks["noun"]], sentence)
    if clause.verb in GLARES and re.match(r"^(?:\w+ly )?at you\b", clause.rest):
        scene.found.put_mood(clause.person, "angry", sentence)
    if clause.form in TOWARD and re.match(r"^you\b", clause.rest):
        scene.found.put_mood(clause.person, TOWARD[clause.form], sentence)


def read_addressed(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """Whom the player looks at or speaks to is there; so is whom they see coming."""
    rest = clause.rest
    if clause.verb in ("leave", "send") and (who := scene.person_at(rest)):
        away = clause.verb == "leave" or re.search(r"\b(?:away|off|home|out|to)\b", rest)
        if away and not re.search(r"\b(?:alone|alive|be)\b", rest):
            scene.found.put_here(who, False, sentence)
        return
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


NO_TRUST = re.compile(r"\b(?:no longer|does not|doesn't|do not|don't) trusts? you\b")


def read_behind(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Joss is somewhere behind you": told of people who are not here, in spite of the word."""
    if NO_TRUST.search(clause.text):
        scene.found.put_mood(clause.person, "suspicious", sentence)
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
    if not UNSURE.search(sentence.told):
        for pattern in DEATHS:
            names += [found["name"] for found in pattern.finditer(sentence.told)]
    for quoted in sentence.quoted:
        if news := NEWS.match(quoted):
            names.append(news["name"])
    for name in names:
        if who := scene.found.people.find(name):
            scene.found.put_life(who, "dead", sentence)


BESIDE_YOU = re.compile(
    r"^(?:Beside|Behind|Opposite|Next to|In front of|With|Around) you,? (?:is|are|stands?|sits?"
    r"|waits?"
    rf"|lies|kneels|walks|crouches) (?:old |young |little )?(?P<name>{NAME})"
)


def read_beside(scene: Scene, sentence: Sentence) -> None:
    """ "Beside you stands Gerald." """
    found = BESIDE_YOU.match(sentence.told)
    if found and not scene.found.is_player(found["name"]):
        scene.last_person = scene.found.people.add(found["name"])
        scene.found.put_here(scene.last_person, True, sentence)


def read_it_is(scene: Scene, sentence: Sentence) -> None:
    """ "You turn around. It's Odile." """
    found = IT_IS.match(sentence.told)
    if found and (who := scene.found.people.find(found["name"])):
        scene.last_person = who
        scene.found.put_here(who, True, sentence)


def titled(name: str) -> bool:
    """Whether a name begins with a title, as people's do: "Lady Arden"."""
    return re.match(TITLE, name) is not None and " " in name
