"""Who is here, and who leaves."""

import re

from inference.world.names import NAME, TITLE
from inference.world.rules.english.clauses import BE, Clause, phrase_at
from inference.world.rules.english.deaths import TO_DEATH, dies, kills
from inference.world.rules.english.moods import FEELING, NO_TRUST, read_feeling
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import ARRIVES, KILLS, LEAVES, MOVES, SPOKEN
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
COMES = words("come enter join return approach follow greet meet")
STAYS = re.compile(
    r"(?:stays|remains|waits|sits|stands) (?:behind|where|outside|below|(?:in|on|at|aboard) the)\b"
    r"|(?:does not|doesn't|will not|won't|refuses to) (?:follow|come|get off|move|leave)\b"
)
RUNS = words("run flee bolt gallop")
ROOMS = words("room hall light outside door doorway gate stage threshold entrance stairs")
LEAVES_ALONE = re.compile(
    r"^(?:you|him|her|them|it|no|an?|his|her|your|the)\b"
    r"(?! (?:\w+ )?(?:room|house|hut|cabin|office|shop|bar|kitchen|hall|building|tent|ship|boat"
    r"|deck|cell|train|table|scene|bridge|camp|town|village|yard|garden|car|cave|church|inn|tavern)\b)"
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
TOUCHES = words(
    """
    follow take hug kiss embrace push pull grab shake lift carry help touch pat hit feed free join
    meet hold catch seize lead wake reach find greet recognise recognize hand slap comfort pass
    """
)
ADDRESS = words("look turn smile nod talk speak listen walk wave bow point show ask tell")
TO_NAME = re.compile(r"^(?:\w+ly |back |over |up )*(?:at|to|towards?|with|for) (?=\S)")
NEAR_YOU = re.compile(
    r"(?:'s\b|^)[^,.]*?\b(?:standing|sitting|walking|coming|running|waiting|leaning|kneeling"
    r"|lying|here"
    r"|beside|next to|in front|at the (?:door|window|table))\b"
)
ASKS_NAME = re.compile(r"\bname\b|\bwho are you\b|\btell me\b|\bcalled\b", re.IGNORECASE)


def read_person(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What someone with a name does."""
    who, rest, found = clause.person, clause.rest, scene.found
    if dies(clause):
        found.put_life(who, "dead", sentence)
        return
    if clause.verb in KILLS or TO_DEATH.search(rest):
        kills(scene, clause, sentence)
    heard = scene.on_telephone and not comes(clause)
    if heard or ELSEWHERE.search(sentence.told):
        return
    if clause.perfect and clause.form not in ("gone", "left", "vanished", "disappeared"):
        return
    if clause.form in BE:
        read_being(scene, clause, sentence)
    elif found.moved() and STAYS.match(f"{clause.form} {rest}"):
        found.put_here(who, False, sentence)
    elif departs(clause):
        if FOR_GOOD.search(rest):
            found.put_life(who, "gone", sentence)
        else:
            found.put_here(who, False, sentence)
    elif clause.verb and (clause.verb != "have" or phrase_at(rest)):
        read_feeling(scene, clause, sentence)
        found.put_here(who, True, sentence, comes(clause))


def comes(clause: Clause) -> bool:
    """Whether someone who has left would be back by doing so."""
    if clause.verb in ARRIVES or clause.verb in COMES:
        return True
    return re.search(r"\b(?:back|you)\b", clause.rest) is not None


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
        found.put_here(who, True, sentence, comes(clause))
    elif (feeling := FEELING.match(rest)) and feeling["mood"] in MOODS:
        found.put_here(who, True, sentence)
        found.put_mood(who, MOODS[feeling["mood"]], sentence)


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
    elif clause.verb in MOVES and (to := TO_NAME.match(rest)):
        if who := met(scene, rest[to.end() :]):
            scene.found.put_here(who, True, sentence)
    elif clause.verb in TOUCHES and (who := met(scene, rest)):
        scene.found.put_here(who, True, sentence)


def met(scene: Scene, text: str) -> str:
    """Whom `text` begins with; "" where it is about what is theirs: "Ada's house"."""
    owned = re.match(r"(?:the )?(?:[\w.]+ ){0,3}?[\w.]+'s\b", text)
    return "" if owned else scene.person_at(text)


TAKEN_AWAY = re.compile(
    r"(?:takes?|carries|leads?|drags?|drives?|pulls?|sweeps?|marches|escorts?|chases?|sends?) "
    rf"(?P<who>him|her|{NAME}) (?:\w+ly )?(?:away|off|outside|out of|to (?:jail|prison|hospital))\b"
)


def read_taken_away(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "The train takes him away", "the police lead Ada away"."""
    found = TAKEN_AWAY.match(f"{clause.form} {clause.rest}")
    if found is None:
        return
    who = scene.found.people.find(found["who"])
    if not who and found["who"] in ("him", "her"):
        who = scene.last_person
    if who and who != clause.person:
        scene.found.put_here(who, False, sentence)


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
            scene.last_person = scene.found.people.add(name)
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
    if scene.on_telephone or ELSEWHERE.search(sentence.told):
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


BESIDE_YOU = re.compile(
    r"^(?:Beside|Behind|Opposite|Next to|In front of|With|Around) you,? (?:is|are|stands?|sits?"
    r"|waits?"
    rf"|lies|kneels|walks|crouches) (?:old |young |little )?(?P<name>{NAME})"
)


# "On the bed sits Ada", "There, at the window, stands Old Nance": of known people.
INVERTED = re.compile(
    r"^(?:There,? )?(?:In|On|At|By|Under|Near|Over|From|Through|Inside|Among|Between|Against|Into"
    r"|Down|Up|Across|Along|Out of) (?:[\w'-]+ ){1,7}?"
    r"(?:is|stands|sits|waits|kneels|crouches|leans|walks|comes|steps|runs|climbs|strides) "
    rf"(?:only |old |young |little )?(?P<name>[Tt]he \w+|{NAME})(?=[ ,.!]|$)"
    rf"|^There (?:stands|sits|waits|is) (?P<two>{NAME})(?=[ ,.!]|$)"
)


def read_beside(scene: Scene, sentence: Sentence) -> None:
    """ "Beside you stands Gerald." """
    found = BESIDE_YOU.match(sentence.told)
    if found and not scene.found.is_player(found["name"]):
        scene.last_person = scene.found.people.add(found["name"])
        scene.found.put_here(scene.last_person, True, sentence)
    found = INVERTED.match(sentence.told)
    who = scene.found.people.find(found["name"] or found["two"]) if found else ""
    if who and not ELSEWHERE.search(sentence.told):
        scene.last_person = who
        scene.found.put_here(who, True, sentence)


def read_it_is(scene: Scene, sentence: Sentence) -> None:
    """ "You turn around. It's Odile." """
    found = None if scene.on_telephone else IT_IS.match(sentence.told)
    if found and (who := scene.found.people.find(found["name"])):
        scene.last_person = who
        scene.found.put_here(who, True, sentence)


def titled(name: str) -> bool:
    """Whether a name begins with a title, as people's do: "Lady Arden"."""
    return re.match(TITLE, name) is not None and " " in name
