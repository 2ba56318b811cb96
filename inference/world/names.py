"""How people are called in a text: by their whole name, by a part of it, by their rank."""

import re
from collections.abc import Iterable

from inference.world.roles import ALL_ROLES

TITLE_WORDS = """
    Mr Mrs Ms Miss Mx Dr Doctor Professor Captain Corporal Sergeant Lieutenant Colonel Major General
    Constable Inspector Officer Sheriff Marshal Sir Lady Lord Dame Aunt Uncle Father Mother Brother
    Sister Grandma Grandpa Granny King Queen Prince Princess Saint Old Young Herr Frau Madame
    Monsieur Mademoiselle Señor Señora Señorita Don Doña
"""
TITLES = frozenset(TITLE_WORDS.split())
# "The captain" is Captain Aune where there is no other.
RANK_WORDS = """
    Doctor Professor Captain Corporal Sergeant Lieutenant Colonel Major General Constable Inspector
    Officer Sheriff Marshal King Queen Prince Princess
"""
RANKS = frozenset(RANK_WORDS.split())
TITLE = rf"(?:(?:{'|'.join(sorted(TITLES, key=len, reverse=True))})\.? )"
NAME_WORD = r"(?!(?:[A-Z]{2,}|I)\b)[A-ZÀ-ÖØ-ÞŠŽ][^\W_]+(?:['-](?!s\b)[^\W_]+)*"
NAME = rf"{TITLE}?{NAME_WORD}(?: {NAME_WORD}){{0,2}}"
JOINED = frozenset(("de", "da", "du", "di", "of", "the", "von", "van", "der", "la", "le", "al"))


def parts_of(name: str) -> list[str]:
    """The words of a name that are names by themselves, without titles and articles."""
    words = name.replace("’", "'").split()
    return [w for w in words if w.strip(".") not in TITLES and w.lower() not in JOINED]


class People:
    """The people a text may name, and which of them each way to name them means.

    `names` come in order of preference: where two people share a part of their name, that part
    alone means neither, unless someone is called just so.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = list(dict.fromkeys(name.strip() for name in names if name.strip()))
        self._ways: dict[str, str | None] = {}
        for name in self.names:
            for way in ways(name):
                known = self._ways.get(way, name)
                self._ways[way] = name if known == name or related(name, known) else None
        for name in reversed(self.names):
            self._ways[name.casefold()] = name

    def find(self, called: str) -> str:
        """Who is called so; "" where nobody is, or more than one."""
        plain = called.replace("’", "'").strip().casefold()
        found = self._ways.get(plain)
        if found is None and plain not in self._ways:
            people = [self._ways.get(part.casefold()) for part in parts_of(called)]
            # "Teague Hatch" is Teague; he is not Hatch, who may be his brother.
            if people and all(other in (None, people[0]) for other in people[1:]):
                found = people[0]
        return found or ""

    def find_exactly(self, called: str) -> str:
        """As `find`, where no word may be missing or too many."""
        return self._ways.get(called.replace("’", "'").strip().casefold()) or ""

    def add(self, name: str) -> str:
        """Who is called `name`, who may be new."""
        found = self.find(name)
        if found:
            return found
        self.names.append(name)
        for way in ways(name):
            self._ways[way] = name if self._ways.get(way, name) == name else None
        self._ways[name.casefold()] = name
        return name

    def called(self, name: str) -> list[str]:
        """The ways in which a text may call this one of the people, in small letters."""
        return [way for way, who in self._ways.items() if who == name]


def ways(name: str) -> list[str]:
    """What one of this name may be called, in small letters."""
    plain = name.replace("’", "'").casefold()
    parts = parts_of(name)
    found = [plain, " ".join(parts).casefold()]
    if len(parts) > 1 or plain not in found[1:]:
        found += [part.casefold() for part in parts if len(part) > 1]
    words = name.replace("’", "'").split()
    if words and words[0].strip(".") in RANKS:
        found.append(f"the {words[0].strip('.')}".casefold())
    if words and words[0].lower() in ("the", "der", "die", "das", "le", "la", "el"):
        found.append(" ".join(words[1:]).casefold())
    return [way for way in dict.fromkeys(found) if way]


def related(one: str, other: str | None) -> bool:
    """Whether two names are of the same person: one is a part of the other."""
    if other is None:
        return False
    first, second = set(parts_of(one)), set(parts_of(other))
    return bool(first and second) and (first <= second or second <= first)


NO_NAME_WORDS = """
    You Your Yours The A An It Its There This That These Those Nobody No None He She They His Her
    Their We Our I My And But Then Now In On At As When While Behind Beside Under After Before
    Above Below Across Along Around Inside Outside Into From With Without To By For Of Off Over
    Through Up Down Out If So Or Not Nor Yet Still Just Only Even Here One Some Someone Somebody
    Something Everyone Everybody Everything Nothing All Both Each Every Another Other Either Most
    Many Few What Where Who Whose Which Why How Perhaps Maybe Suddenly Slowly Finally Yes Okay Well
    Oh Ah Until Since Because Although Though Whether Unless Like Near Between Among Against Beyond
    Beneath God Please Thank Thanks Monday Tuesday Wednesday Thursday Friday Saturday Sunday January
    February March April May June July August September October November December Christmas Easter
    English French German Spanish Two Three Four Five Six Seven Eight Nine Ten Later Soon Next Last
    First Once Again Today Tonight Tomorrow Yesterday Don Did Do Does Is Are Was Were Am Has Have
    Had Can Could Will Would Shall Should May Might Must Let Go Come Look Listen Stop Wait Good Dear
"""
NO_NAMES = frozenset(NO_NAME_WORDS.split())
ANY_NAME = re.compile(rf"(?<![\w'’-]){NAME}")
SENTENCE_START = re.compile(r"(?:^|[.!?…:\n][\"”’')]*\s*|[\"“„«(]\s*)$")


def names_in(text: str) -> frozenset[str]:
    """What is written as a name in `text`: in capitals where no sentence begins.

    Names of places and ships are among them: `read_turn` counts only those that do what people do.
    """
    return frozenset(
        found[0]
        for found in ANY_NAME.finditer(text)
        if found[0].split()[0].split("'")[0] not in NO_NAMES
        and (
            " " in found[0]
            or not SENTENCE_START.search(text[max(0, found.start() - 8) : found.start()])
        )
    )


def told_in(names: Iterable[str], text: str) -> list[str]:
    """Those of `names` that `text` may mean: it has one of the ways to call them.

    Patterns for names take time by their number, and an adventure may have a thousand cards.
    """
    plain = text.replace("’", "'").casefold()
    return [name for name in names if any(way in plain for way in ways(name))]


def are_people(names: Iterable[str], text: str = "") -> list[str]:
    """Those of `names` that may be people's, the longest first: not "The Corn Bridge".

    What `text` has in small letters too, as "ice", is no name there.
    """
    small = set(re.findall(r"(?<![\w'-])[^\W\d_A-Z][\w'-]*", text))
    found = [name for name in names if may_be_person(name) and name.casefold() not in small]
    parts = {name: set(map(str.casefold, parts_of(name))) for name in found}

    def is_short(name: str) -> bool:
        """Whether it is a part of one longer name: "Hatch", where there is one "Teague Hatch"."""
        return sum(parts[name] < other for other in parts.values()) == 1

    whole = [name for name in found if not is_short(name)]
    return sorted(whole, key=lambda name: (-len(name), name))


def may_be_person(name: str) -> bool:
    """Whether a known name may be someone's: "the jailer", or with capitals but for small words."""
    words = name.split()
    articled = len(words) > 1 and words[0].casefold() in ARTICLES
    if articled and words[1].casefold() in ALL_ROLES and len(words) <= MOST_WORDS:
        return True  # "the jailer", "le vieux Gaspard"
    if not words or words[0].casefold() in ARTICLES or words[0] in NO_NAMES:
        return False
    return not any(
        word[:1].islower() and word not in JOINED and word.upper() != word for word in words
    )


MOST_WORDS = 4  # of somebody who is called by what they are
ARTICLE_WORDS = "the a an der die das le la les el los las un une ein eine"
ARTICLES = frozenset(ARTICLE_WORDS.split())
