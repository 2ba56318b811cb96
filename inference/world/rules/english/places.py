"""Where the player is, and when."""

import re

from inference.world.rules.english.clauses import BE, Clause, Phrase, phrase_at
from inference.world.rules.english.scene import Scene
from inference.world.rules.english.verbs import CARRIES_OFF, GOES, forms
from inference.world.rules.english.words import NO_PLACES, NO_THINGS, PLACES, STARTERS, words
from inference.world.rules.text import Sentence

INTO = re.compile(
    r"^(?:(?:back|right|straight|out|up|down|over|inside|off|on|slowly|quickly|\w+ly) )*"
    r"(?:into|in|inside|onto|on to|to|at|on|through to|across to)\s+(?=\S)",
    re.IGNORECASE,
)
LATER_INTO = re.compile(
    r"\b(?:into|onto|(?:back|down|up|over) to|towards? |to )\s*(?=the |an? |your )"
)
ALONG = re.compile(
    r"^(?:\w+ly )*(?:down|along|up|through|across) (?=the |an? |[A-Z]\w+ (?:Street|Road|Lane"
    r"|Avenue))"
)
ALONG_PLACES = words(
    "hall hallway corridor street road path alley tunnel passage lane stairs staircase tunnels"
)
OUTSIDE = re.compile(r"^(?:back )?(?P<where>outside|outdoors|upstairs|downstairs|home|ashore)\b")
# Places that need no article.
BARE = re.compile(
    r"^(?:jail|prison|gaol|bed|church|school|court|hospital|town|home|deck|camp)\b(?! of)"
)
MAKES_WAY = re.compile(
    r"^(?:your|our) way (?:back |over |up |down |out )?(?:to|into|onto|towards) "
)
BY_WAY = re.compile(
    r"^the (?:stairs|steps|lift|elevator|train|bus|path|road|ladder)\b[^,]*? (?:to|into) "
)
AT_END = re.compile(r"^at (?P<place>the (?:bottom|top|foot|end|edge|other side|summit))\b")
TO_WORK = re.compile(r"^(?:back )?to work (?=(?:at|in) )")
OUT_OF = re.compile(r"^(?:back )?out of (?=the |an? |your )")
AT = re.compile(
    r"^(?:back |now |still |standing |sitting |lying |alone |locked |here )*"
    r"(?:in|at|inside|on|aboard|on board)\s+"
)
YOURSELF = re.compile(r"^yourself (?:back |standing |alone |lying |sitting )*")
WAKES = frozenset(forms("wake"))
BED = re.compile(r"^(?:back )?to bed\b")
CAPITALS = r"[A-Z][\w'-]+(?: (?:of |the |and )?[A-Z][\w'-]+)*"
PROPER = re.compile(rf"^(?:the |The )?(?P<name>{CAPITALS}(?: \d+)?)")
BUILDINGS = words(
    """
    room museum house shop store bar inn tavern church temple building hut cabin office school
    library hospital station castle tower hall kitchen cell cave hotel bank theatre cellar attic
    """
)
STREET = re.compile(
    r"\b(?:in|at|on|of) (?P<place>(?:the )?(?:[A-Z][\w'-]+ )+"
    r"(?:Street|Road|Lane|Square|Avenue|Museum|Station|House|Inn|Hotel|Tower|Bridge|Castle|Hall"
    r"|Park"
    r"|Gate|Harbou?r|Island|Bay|Church|Abbey|School|Office|Library|Theatre|Pool|Baths)"
    r"|(?:Car|Room|Platform|Dock|Deck) (?:\d+|[A-Z][a-z]+))\b"
)

TIMES = (
    "early morning|late afternoon|late evening|morning|afternoon|evening|night|midnight|noon|midday"
    "|dawn|daybreak|sunrise|dusk|twilight|nightfall|sunset"
)
NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|half|a quarter"
    r"|quarter|\d{1,2})"
)
CLOCK = (
    rf"(?:{NUMBER} (?:past|to) {NUMBER}|{NUMBER} o'clock"
    rf"|{NUMBER} (?:in the (?:morning|afternoon|evening)|at night)"
    r"|\d{1,2}[:.]\d\d(?: ?[ap]\.?m\.?)?|\d{1,2} ?[ap]\.?m\.?)"
)
DAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)(?: \w+)?"
TIME = re.compile(
    rf"\b[Ii]t(?: is|'s) (?:now |already |still |almost |nearly |just )?(?:(?:after|before|past"
    rf"|shortly after) )?(?:the )?(?:next )?"
    rf"(?P<is>{TIMES}|{CLOCK}|{DAY})\b(?! since| that| when|-)"
    r"|\b(?P<falls>[Nn]ight|[Ee]vening|[Dd]arkness|[Dd]usk|[Dd]awn|[Mm]orning|[Dd]ay|[Mm]idnight)"
    r" (?:falls|has fallen|comes|has come|breaks|arrives|strikes)\b"
    r"|\b[Tt]he sun (?:(?P<rises>rises|comes up|is rising|has risen)|sets|goes down|is setting"
    r"|has set)\b"
    rf"|\b[Cc]lock (?:strikes|says|reads|shows|chimes) (?P<hour>{CLOCK}|{NUMBER}|midnight|noon)\b"
    r"|\b[Tt]he (?:next|following) (?P<next>morning|day|evening|night|afternoon)"
    r"(?=,| you| is| comes| the)"
    rf"|^(?:By (?P<by>{TIMES}|{CLOCK})|At (?P<sharp>{CLOCK}))(?=,| you| the)"
    rf"|\b[Yy]ou are [^.]*\bat (?P<at>{CLOCK})"
)
FALLEN = {"darkness": "night", "day": "morning"}


def read_move(scene: Scene, clause: Clause, sentence: Sentence) -> bool:
    """Whether the player goes somewhere, or is said to be somewhere."""
    verb, rest = clause.verb, clause.rest
    if verb == "arrive" and (end := AT_END.match(rest)):
        scene.found.put_place(end["place"], sentence)
        return True
    if verb == "enter" or verb == "reach":
        return arrive(scene, rest, sentence, anything=verb == "enter")
    if verb == "find" and (found := YOURSELF.match(rest)):
        where = AT.match(rest[found.end() :])
        return bool(where) and arrive(scene, rest[found.end() + where.end() :], sentence, True)  # type: ignore[union-attr]
    if clause.form in WAKES:
        where = re.match(r"^(?:up )?(?:in|on|at) ", rest)
        return bool(where) and arrive(scene, rest[where.end() :], sentence, True)  # type: ignore[union-attr]
    if verb == "follow" and (into := LATER_INTO.search(rest)):
        return arrive(scene, rest[into.end() :], sentence)
    left = phrase_at(rest) if verb == "leave" else None
    if left and not left.rest and scene.found.world.place.casefold().split()[-1:] == [left.head]:
        scene.found.put_place(f"outside {left.article} {left.name}", sentence)
        return True
    if clause.form in BE:
        where = AT.match(rest)
        return bool(where) and arrive(scene, rest[where.end() :], sentence)  # type: ignore[union-attr]
    if verb in ("make", "find") and (way := MAKES_WAY.match(rest)):
        return arrive(scene, rest[way.end() :], sentence)
    if verb == "take" and (way := BY_WAY.match(rest)):
        return arrive(scene, rest[way.end() :], sentence)
    if verb not in GOES:
        return False
    return goes(scene, rest, sentence)


def goes(scene: Scene, rest: str, sentence: Sentence) -> bool:
    """Whether what follows a verb of going says where to."""
    if out := OUTSIDE.match(rest):
        scene.found.put_place(out["where"], sentence)
        return True
    rest = TO_WORK.sub("", rest)
    if BED.match(rest):
        scene.found.put_place("bed", sentence)
        return True
    if (left_by := OUT_OF.match(rest)) and (left := phrase_at(rest[left_by.end() :])):
        inside = left.head in BUILDINGS
        if inside and not re.search(r"\b(?:into|onto|to)\b", left.rest):
            scene.found.put_place(f"outside {left.article} {left.name}", sentence)
            return True
    if along := ALONG.match(rest):
        way = phrase_at(rest[along.end() :])
        into = LATER_INTO.search(rest)
        if into and arrive(scene, rest[into.end() :], sentence):
            return True
        if way is None or way.head in ALONG_PLACES:
            return arrive(scene, rest[along.end() :], sentence)
        return False
    where = INTO.match(rest) or LATER_INTO.search(rest)
    return where is not None and arrive(scene, rest[where.end() :], sentence)


def read_carried_off(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "He takes you to Brandy Point." """
    if clause.verb in CARRIES_OFF and (
        to := re.match(
            r"^you (?:\w+ly |back |up |down |out |off |away )*(?:to|into|in|inside|onto) ",
            clause.rest,
        )
    ):
        arrive(scene, clause.rest[to.end() :], sentence, proper=True)


def arrive(
    scene: Scene, text: str, sentence: Sentence, anything: bool = False, proper: bool = False
) -> bool:
    """Whether the player is now where `text` begins to say, because that is a place.

    `anything`: the verb says that it is one. `proper`: so does a name without more.
    """
    if bare := BARE.match(text):
        scene.found.put_place(bare[0], sentence)
        return True
    phrase = phrase_at(text)
    if phrase is not None and (phrase.head in PLACES or (anything and may_be_place(phrase))):
        article = (
            "the" if phrase.article in ("a", "an", "this", "that", "another") else phrase.article
        )
        scene.found.put_place(f"{article} {phrase.name}", sentence)
        return True
    named = PROPER.match(text)
    if (
        named is None
        or scene.found.people.find(named["name"])
        or scene.found.is_player(named["name"])
    ):
        return False
    if named["name"].split()[0] in STARTERS:
        return False
    after = text[named.end() :].split()[:1]
    place = named[0]
    if after and after[0].strip(".,") in PLACES:
        place = f"{place} {after[0].strip('.,')}"
    elif not (proper or anything or re.search(r"[ '-]", place)):
        return False  # "You go to Holm" says no place
    scene.found.put_place(place, sentence)
    return True


def may_be_place(phrase: Phrase) -> bool:
    """Whether a phrase may be a place, where the verb wants one."""
    return phrase.head not in NO_PLACES and (phrase.head in PLACES or phrase.head not in NO_THINGS)


def read_setting(scene: Scene, sentence: Sentence) -> None:
    """In an opening, the first street or room with a name."""
    found = STREET.search(sentence.told)
    if found:
        scene.found.put_place(found["place"], sentence)


FALLBACK = re.compile(
    r"\b(?:in|at|inside|aboard|on|of|behind|under) (?=(?:the|your|an?) )", re.IGNORECASE
)


def read_any_place(scene: Scene, sentence: Sentence) -> bool:
    """In an opening that says no more: the first place in a sentence about the player."""
    if not re.search(r"\b(?:you|your)\b", sentence.told, re.IGNORECASE):
        return False
    for found in FALLBACK.finditer(sentence.told):
        phrase = phrase_at(sentence.told[found.end() :])
        if phrase is not None and phrase.head in PLACES:
            return arrive(scene, sentence.told[found.end() :], sentence)
    return False


def read_time(scene: Scene, sentence: Sentence) -> None:
    """What time it is, where that is said plainly."""
    found = TIME.search(sentence.told)
    if found is None:
        return
    if falls := found["falls"]:
        time = FALLEN.get(falls.lower(), falls.lower())
    elif found["next"]:
        time = f"the next {found['next']}"
    elif said := found["is"] or found["hour"] or found["by"] or found["at"] or found["sharp"]:
        time = said
    else:
        time = "sunrise" if found["rises"] else "sunset"
    scene.found.put_time(time, sentence)
