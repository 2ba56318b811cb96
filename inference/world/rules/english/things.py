"""What the player takes, gets, puts on, gives away and loses."""

import re

from inference.contract.world import Held
from inference.world.names import NAME
from inference.world.rules.english.clauses import BE, Clause, is_thing, phrase_at
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import (
    DROPS,
    GIVES,
    HOLDS,
    PULLS,
    PUTS,
    TAKES,
)
from inference.world.rules.english.words import NO_THINGS, WEARABLE, words
from inference.world.rules.text import Sentence

KEEPS = (
    r"(?:pockets?|bag|backpack|pack|rucksack|satchel|belt|purse|wallet|pouch|knapsack|holster|coat"
    r"|jacket|sleeve|boots?|sock|shoe|waistband|shirt|apron|briefcase|handbag|sheath|scabbard"
    r"|waistcoat|collar|hat|robe|cloak|dress|basket)"
)
OWN = rf"(?:your|the|its) (?:\w+ )?{KEEPS}\b"
HANDS = r"(?:hands?|palms?|grip|grasp|fingers|arms)"
IN_HAND = rf"(?:in|into|to) (?:both |one of )?your (?:\w+ )?{HANDS}\b"
AWAY = re.compile(
    rf"^(?:back )?(?:away\b|(?:back )?(?:in|into|inside|under|through|to|up) {OWN}"
    r"|(?:over|on|across|round|around) your (?:shoulders?|back|neck)\b"
    rf"|(?:in|into|to|under) your (?:\w+ )?(?:{KEEPS}|hands?|arm)\b)"
)
DOWN = re.compile(r"^(?:down|aside|back|on|onto|in|into|under|beside|at|over|against|next)\b")
INTO = re.compile(r"^(?:back )?(?:in|into|inside) (?=the|your)")
ON = re.compile(r"^(?:on|back on)\s+")
OFF = re.compile(r"^off\s+")
WORN_ON = re.compile(
    r"^(?:back )?on(?:to)?(?:$|[.!?,]| your (?:\w+ )?(?:head|feet|hands?|finger|face)\b)"
)
WORN_AROUND = re.compile(
    r"^(?:around|over|about|round|on) "
    r"(?:your (?:neck|shoulders|waist|head|wrist|finger)|yourself)\b"
)
PUTS_ON = words("slide push put pull slip strap throw tie place take shrug set lay hang")
FROM_OWN = re.compile(rf"^(?:up )?(?:out\b(?! of the (?:way|ground|wall))|from {OWN}|out of {OWN})")
NO_PREP = r"(?!(?:in|into|to|on|onto|at|over|from|with|of|off|out|down|up|through|for|and)\b)"
TO_WHOM = re.compile(
    rf"^(?:him|her|them|(?:the|your|his|an?) {NO_PREP}\w+(?: {NO_PREP}\w+)?"
    r"(?= (?:the|an?|your|some|one)\b)"
    rf"|{NAME})\s+"
)
AT_ONCE = re.compile(r"^(?:up|out|hold of|back|along|down|away|off)\b\s*")
UP_CLOSE = re.compile(rf"^(?:up|out|high|tight|close|above|in front|{IN_HAND})")
WITH_YOU = re.compile(rf"^(?:{IN_HAND}|on you\b|with you\b|in {OWN}|in your|under your|left\b)")
TO_SOMEBODY = re.compile(rf"^(?:back |over )?to (?=(?:him|her|them)\b|the \w+|{NAME})")
FOR_WHAT = re.compile(r"\bfor (?=(?:the|an?|your|his|her|their|two|three)\b)")
NOT_PUT_ON = words(
    """
    light lights kettle radio television tv music show brake brakes record fire coffee tea engine
    heating smile act speed weight play performance face voice song spurt water stew pot supper
    """
)
NOT_TAKEN = re.compile(
    r"^(?:apart|in turn|seriously|by |off\b(?! (?:the (?:table|counter|wall|shelf|floor|ground|hook"
    r"|desk|nail|rack|bed|bar|chair)|him|her|them)\b))"
)
FROM_HANDS = re.compile(r"^(?:out of|from|off) (?:his|her|their|the \w+'s|[A-Z]\w+'s) ")
WEAPONS = words("gun sword knife pistol dagger revolver blade weapon rapier axe bow")
FROM_OTHERS = re.compile(r"\b(?:in|into|inside|under|to) (?:his|her|their|its) ")
POCKETS = re.compile(rf"\byour (?:\w+ )?(?:pockets?|{KEEPS})\b", re.IGNORECASE)
NAMED_NOW = re.compile(r"^(?:It|That)(?:'s| is| was) (?=the\b|an?\b|your\b)")
WHICH_IS = re.compile(r"\bwhich (?:is|was) (?=the\b|an?\b|your\b)")
THERE_IS = re.compile(
    r"^(?:there (?:is|are|'s)|there's|inside (?:is|are|there is)) ", re.IGNORECASE
)


def read_player(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """What the player does with things."""
    verb, rest = clause.verb, clause.rest
    if clause.form in BE:
        read_state(scene, clause, sentence)
    elif verb == "have":
        read_having(scene, rest, sentence)
    elif (
        wears(scene, verb, rest, sentence)
        or (verb in PUTS and puts(scene, rest, sentence))
        or (verb in GIVES and gives(scene, clause, sentence))
    ):
        return
    elif verb == "pick":
        first = re.sub(r"^up\b\s*", "", rest)
        picked = scene.take_object(first)
        if first != rest or (picked and picked[1].startswith("up")):
            take(scene, picked, first, sentence)
    elif verb in PULLS and pulls(scene, clause, sentence):
        return
    elif verb in TAKES:
        first = rest if rest.startswith("off") else AT_ONCE.sub("", rest)
        taken = scene.take_object(first)
        if taken and verb == "take" and (to := TO_SOMEBODY.match(taken[1])):
            whom = taken[1][to.end() :]
            if re.match(r"him|her|them", whom) or scene.person_at(whom):
                return
        if taken is None or not NOT_TAKEN.match(taken[1]):
            take(scene, taken, first, sentence)
    elif verb == "bring" and (brought := re.match(r"^(?:back|along)\s+", rest)):
        take(scene, scene.take_object(rest[brought.end() :]), rest[brought.end() :], sentence)
    elif verb == "let" and (go := re.match(r"^go of ", rest)):
        drops(scene, verb, rest[go.end() :], sentence)
    elif verb in HOLDS:
        held = scene.take_object(rest)
        sure = (
            verb == "carry"
            or scene.opening
            or re.match(r"(?:your|an?|it)\b", rest, re.I) is not None
        )
        if held and (sure or not held[1] or UP_CLOSE.match(held[1])):
            scene.found.put_thing(held[0], "carried", sentence)
    elif verb in DROPS:
        drops(scene, verb, rest, sentence)
    elif verb == "find":
        finds(scene, rest, sentence)


def take(scene: Scene, taken: tuple[str, str] | None, rest: str, sentence: Sentence) -> None:
    """The player has something now; what it is may stand in the next sentence."""
    if scene.vague_at(rest):
        scene.unnamed = "carried"
    elif taken:
        scene.found.put_thing(taken[0], "carried", sentence)


def read_state(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "You are holding a lantern", "you are given a key"."""
    rest, found = clause.rest, scene.found
    first = rest.split(" ", 1)[0].casefold() if rest else ""
    after = rest[len(first) :].strip()
    held: Held = "carried"
    if first == "dressed" and after.startswith("in "):
        after, held = after.removeprefix("in "), "worn"
    elif first not in ("given", "handed", "passed", "lent"):
        return
    if thing := scene.take_object(after):
        found.put_thing(thing[0], held, sentence)


def read_having(scene: Scene, rest: str, sentence: Sentence) -> None:
    """ "You have the key in your hand"; in an opening "you have a key" will do."""
    owned = scene.take_object(re.sub(r"^(?:still|now|also|only) ", "", rest))
    now = re.search(r"\byou (?:now|finally|also) have\b", sentence.told, re.IGNORECASE)
    if owned and (scene.opening or now or WITH_YOU.match(owned[1])):
        scene.found.put_thing(owned[0], "carried", sentence)


def finds(scene: Scene, rest: str, sentence: Sentence) -> None:
    """What is found is seen; what is found in one's own pocket is carried."""
    thing = scene.take_object(rest)
    if thing and (scene.opening or scene.pockets or AWAY.match(thing[1])):
        scene.found.put_thing(thing[0], "carried", sentence)


def wears(scene: Scene, verb: str, rest: str, sentence: Sentence) -> bool:
    """Clothes that are put on or taken off."""
    found = scene.found
    if verb in ("wear", "don"):
        if (thing := scene.take_object(rest)) and "still" not in sentence.told:
            found.put_thing(thing[0], "worn", sentence)
        return True
    on, off = ON.match(rest), OFF.match(rest)
    if verb == "slip" and rest.startswith("into "):
        on = re.match("into ", rest)
    start = on or off
    thing_text = rest[start.end() :] if start else rest
    phrase = scene.thing_at(thing_text)
    if phrase is None:
        return False
    name, after = phrase.name, phrase.rest
    worn = found.held(found.known_thing(name)) == "worn"
    dons = on and verb in ("put", "pull", "slip") and not after and phrase.head not in NOT_PUT_ON
    if phrase.head not in WEARABLE and not worn and not dons:
        return False
    taken_off = verb in PUTS_ON and (off or re.match(r"off\b", after))
    if taken_off or (verb == "remove" and worn):
        found.take_off(name, sentence)
    elif verb in PUTS_ON and (on or WORN_ON.match(after) or WORN_AROUND.match(after)):
        found.put_thing(name, "worn", sentence)
    else:
        return False
    scene.last_thing = name
    return True


def puts(scene: Scene, rest: str, sentence: Sentence) -> bool:
    """Put away is carried, put down is not."""
    first = re.match(r"^(?:down|aside|back|away)\s+", rest)
    thing = scene.take_object(rest[first.end() :] if first else rest)
    if thing is None:
        return False
    name, after = thing
    found = scene.found
    away = AWAY.match(after) and not FROM_OTHERS.search(after)
    if away or (first and first[0].startswith("away")):
        found.put_thing(name, "carried", sentence)
        return True
    into = INTO.match(after)
    container = phrase_at(after[into.end() :]) if into else None
    if container and scene.has(container.name):
        found.put_thing(name, "carried", sentence)
        return True
    if scene.has(name) and (first or DOWN.match(after)):
        found.put_thing(name, "lost", sentence)
        return True
    return False


def gives(scene: Scene, clause: Clause, sentence: Sentence) -> bool:
    """What the player gives away."""
    rest = re.sub(r"^(?:over|back|away|up)\s+", "", clause.rest)
    whom = TO_WHOM.match(rest)
    after = re.sub(r"^back\s+", "", rest[whom.end() :]) if whom else ""
    if whom and scene.thing_at(after):
        thing_text, given = after, True
    else:
        thing_text, given = rest, rest != clause.rest
    thing = scene.take_object(thing_text)
    if thing is None:
        if given and scene.vague_at(thing_text):
            name_later(scene, "lost", sentence)
            return True
        return False
    given = given or re.match(r"^(?:over|back|to|away|up)\b", thing[1]) is not None
    if not given or thing[0].split()[-1] in NO_THINGS:
        return False
    if scene.vague_at(thing_text):
        name_later(scene, "lost", sentence)
    else:
        scene.found.put_thing(thing[0], "lost", sentence)
    return True


def name_later(scene: Scene, held: Held, sentence: Sentence) -> None:
    """Something without a name: "…, which is the copy", or the next sentence says what it is."""
    which = WHICH_IS.search(sentence.told)
    phrase = phrase_at(sentence.told[which.end() :].rstrip(".!")) if which else None
    if phrase is not None and is_thing(phrase):
        scene.found.put_thing(whole_name(phrase.name, phrase.rest), held, sentence)
    else:
        scene.unnamed = held


def whole_name(name: str, rest: str) -> str:
    """A name with what it is of: "copy of the pear"."""
    of = re.match(r"^of (?:the|a|an|your) \w+", rest)
    return f"{name} {of[0]}" if of else name


def pulls(scene: Scene, clause: Clause, sentence: Sentence) -> bool:
    """Whether something is taken out: from a pocket or a sheath, or out of another's hands."""
    rest = re.sub(r"^(?:out|up)\b\s*", "", clause.rest)
    pulled = scene.take_object(rest)
    if pulled is None:
        return False
    out = clause.rest.startswith("out ") or FROM_OWN.match(pulled[1]) or FROM_HANDS.match(pulled[1])
    weapon = pulled[0].split()[-1].casefold() in WEAPONS
    own = clause.verb in ("draw", "produce") and (weapon or re.match(r"your\b", rest, re.I))
    if not (out or own):
        return False
    scene.found.put_thing(pulled[0], "carried", sentence)
    return True


def drops(scene: Scene, verb: str, rest: str, sentence: Sentence) -> None:
    """What is dropped, thrown, eaten or spent is lost."""
    own = re.match(r"^(?:the last of |all )?your\b", rest, re.IGNORECASE) is not None
    rest = re.sub(r"^(?:away|down|out|behind|up|with|the last of|all)\s+", "", rest)
    thing = scene.take_object(rest)
    if thing is None:
        return
    what = FOR_WHAT.search(thing[1]) if verb in ("trade", "swap") else None
    if what and (got := scene.take_object(thing[1][what.end() :])):
        scene.found.put_thing(got[0], "carried", sentence)
    has = scene.has(thing[0])
    if has or own or verb in ("lose", "drop", "discard", "abandon"):
        scene.found.put_thing(thing[0], "lost", sentence)


def read_naming(scene: Scene, sentence: Sentence) -> None:
    """ "It's a small flashlight": what was picked up, or given, in the sentence before."""
    found = NAMED_NOW.match(sentence.told)
    phrase = phrase_at(sentence.told[found.end() :].rstrip(".!")) if found else None
    if phrase is not None and is_thing(phrase):
        scene.last_thing = phrase.name
        if scene.unnamed in ("carried", "lost"):
            held: Held = "lost" if scene.unnamed == "lost" else "carried"
            scene.found.put_thing(phrase.name, held, sentence)
    scene.unnamed = ""


IN_MY_HAND = re.compile(
    rf"^(?:In|Inside) your (?:\w+ )?(?:{HANDS}|{KEEPS})\b(?: there)?,? (?:is|are|you (?:hold"
    rf"|have|find)) ",
    re.IGNORECASE,
)
WITH_ONE = re.compile(r"\bwith (?=(?:the|an?|your) )")
# What is the player's own in an opening is at hand, where it is made to be carried.
YOUR_TOOL = re.compile(
    r"(?<!\bon )(?<!onto )(?<!over )(?<!for )\b[Yy]our (?:\w+ )?"
    r"(?P<name>(?:\w+ )?(?:lantern|lamp|torch|flashlight|sword|knife|dagger"
    r"|pistol|gun"
    r"|revolver|rifle|keys?|map|notebook|purse|wallet|bag|satchel|suitcase|staff|wand|bow|axe"
    r"|hammer"
    r"|compass|pen|pencil|camera|umbrella|walking stick|cane|toolbox|badge|ledger|briefcase|flute"
    r"|fiddle|violin|lute|spear|shield|telescope|spade|shovel|scissors))\b(?! (?:is|was) (?:gone"
    r"|lost))"
)
ALL_YOU_HAVE = re.compile(r"\ball (?:that )?you (?:have|own|carry)(?: left)? (?:is|are) ", re.I)
AT_YOU = re.compile(
    rf"^(?:in|round|around|on|over|under|at|across|between) (?:your (?:\w+ )?"
    rf"(?:{HANDS}|{KEEPS}|neck|arm|shoulders?|back|side|teeth|knees|lap))\b"
)


def read_held(scene: Scene, sentence: Sentence) -> None:
    """ "In your hand is a note", "you wait with a satchel round your neck"."""
    told = sentence.told.rstrip(".!")
    found = IN_MY_HAND.match(told)
    phrase = phrase_at(told[found.end() :]) if found else None
    if phrase is not None and is_thing(phrase):
        scene.found.put_thing(phrase.name, "carried", sentence)
    if scene.opening:
        for each in YOUR_TOOL.finditer(told):
            scene.found.put_thing(each["name"], "carried", sentence)
    if not re.search(r"\byour?\b", told, re.IGNORECASE):
        return
    if (all_of_it := ALL_YOU_HAVE.search(told)) or THERE_IS.match(told):
        listed = told[all_of_it.end() :] if all_of_it else THERE_IS.sub("", told)
        for part in re.split(r",\s*(?:and )?|\band (?=an? |the )", listed):
            phrase = phrase_at(part)
            if phrase is not None and is_thing(phrase) and (all_of_it or AT_YOU.match(phrase.rest)):
                scene.found.put_thing(phrase.name, "carried", sentence)
    for each in WITH_ONE.finditer(told):
        phrase = phrase_at(told[each.end() :])
        before = told[: each.start()]
        begun = scene.opening and re.search(r"\byou (?:are|have|come|go|stand)\b", before)
        if phrase is None or not is_thing(phrase):
            continue
        if AT_YOU.match(phrase.rest) or (begun and not phrase.rest):
            scene.found.put_thing(phrase.name, "carried", sentence)


def read_pockets(scene: Scene, sentence: Sentence) -> None:
    """ "There is a bottle, a pair of socks, and a map", where the player's pockets are searched."""
    told = sentence.told
    if POCKETS.search(told):
        scene.pockets = True
        return
    listed = THERE_IS.match(told)
    if not scene.pockets or listed is None:
        scene.pockets = False
        return
    for part in re.split(r",\s*(?:and )?|\band (?=an? |the )", told[listed.end() :]):
        phrase = phrase_at(part.rstrip(".!"))
        if phrase is not None and is_thing(phrase):
            scene.found.put_thing(whole_name(phrase.name, phrase.rest), "carried", sentence)
