"""Whether someone dead acts or speaks in a reply. Pure; for English.

The dead may be spoken of, carried, looked at, and be what they are: dead, cold, silent. What they
may not do is anything that takes a will: a verb of which they are the subject, by name or by the
pronoun of the sentence after, or a quotation that is theirs.
"""

import re

from inference.reply.quotes import narration
from inference.world.needs import is_ridden
from inference.world.roles import ROLES

# What a dead body is or does, and what is told of one who lived.
STILL_WORDS = """
    is was has had does lies lay rests remains hangs hung seems appears smells weighs belongs
    looks dies died falls fell drowned froze slips slid rolls sags drips bleeds stinks rots melts
    thaws floats sinks drifts never always no not this was's as its his perhaps besides sometimes
    that's less
    of
"""
STILL = frozenset(STILL_WORDS.split())
# Past forms that end in neither -s nor anything else to know them by.
PAST_ACTS = (
    r"(?:said|asked|smiled|nodded|walked|looked|stood|turned|laughed|whispered|answered|replied|ran"
    r"|took|shouted|spoke|grinned|sighed|shrugged|sat|pointed|came|opened|told|stepped|jumped"
    r"|dropped|picked|put|rose|barked|wagged|raised|lifted|reached|grabbed|shook)"
)
SAYS = (
    r"(?:says|said|asks|asked|replies|replied|answers|answered|whispers|whispered|mutters|muttered"
    r"|shouts|shouted|murmurs|adds|calls|cries|barks|snaps|growls|continues|explains|laughs|sighs"
    r"|breathes|croaks|grunts|repeats|admits)"
)
ADVERBS = r"(?:(?:then|just|only|now|also|still|suddenly|slowly|quickly|quietly|\w+ly) )*"
LOOKS = re.compile(r" (?:at|up|down|back|around|round|over|into|through|out)\b")
SENTENCES = re.compile(r"[^.!?…\n]+(?:[.!?…]+[\"”’')]*|\n|$)")
NAME = re.compile(r"(?<![.!?…\"“] )(?<!^)(?<!\n)\b[A-Z][a-z]+")
# A first word that is no common one.
FIRST_NAME = re.compile(
    r"(?!(?:You|Your|The|A|An|It|There|This|That|Nobody|No|He|She|They|His|Her|And|But|Then|Now|In"
    r"|On|At|As|When|While|Behind|Beside|Under|Mrs|Mr|Miss|Corporal)\b)[A-Z][a-z]+ "
)
REMEMBERED = re.compile(
    r"\b[Yy]ou (?:remember|dream|imagine|recall|think of|picture)\b[^.!?\n]*[.!?]?"
)
PERSON_WORDS = """
    man woman boy girl child people voice men women soldiers figure stranger person
"""
PERSONS = frozenset(PERSON_WORDS.split())
# Where a name stands and someone else is meant.
AFTER = r"(?!['’]s\b)"


def dead_acts(names: str, reply: str, action: str = "", pronoun: str = "") -> bool:
    """Whether the dead, called one of `names` (parted by "|"), do what only the living do.

    `pronoun` is what they are called after that, `action` what the player did as the page shows it:
    a quotation of "she" answers whoever it spoke to.
    """
    ways = [re.sub("^the ", "[Tt]he ", each.strip()) for each in names.split("|")]
    who = rf"(?:{'|'.join(ways)}){AFTER}"
    told = REMEMBERED.sub(".", narration(reply))
    if acts(who, told) or speaks(who, told) or is_ridden("|".join(ways), told, action):
        return True
    if not pronoun:
        return False
    # "Which way, fly?" is said to the fly.
    called = "|".join([who, *(re.escape(each.split()[-1]) for each in names.split("|"))])
    return pronoun_acts(who, pronoun, told) or answers(f"(?:{called})", pronoun, reply, action)


def is_act(verb: str, after: str) -> bool:
    """Whether the word after a name is a verb of doing. `after` is what follows it."""
    verb = verb.lower()
    if verb in ("is", "was") and (doing := re.match(r" (?:\w+ly |now |still )?(\w+)ing\b", after)):
        return doing[1].lower() not in ("ly", "hang", "bleed", "miss", "noth", "rott", "someth")
    if verb in ("starts", "begins", "tries"):
        return True
    if verb in ("sits", "sat"):  # as the body was found, or not
        return re.match(r" (?:up|down|back)\b", after) is not None
    if verb == "looks":
        return (
            re.match(r" (?:at|up|down|back|around|round|over|into|through|out)\b", after)
            is not None
        )
    if verb in STILL or verb.endswith("ss"):
        return False
    return verb.endswith("s") or re.fullmatch(PAST_ACTS, verb) is not None


def acts(who: str, told: str) -> bool:
    """Whether a dead name is the subject of something done."""
    subject = rf"\b{who}(?: [A-Z]\w+)?(?:, [^,.!?\"]*,)? {ADVERBS}(\w+)"
    return any(
        is_act(found[1], told[found.end() :]) and not object_of(told, found.start())
        for found in re.finditer(subject, told)
    )


def object_of(told: str, place: int) -> bool:
    """Whether the name at `place` hangs on a word before it: "beside Holm", "look at Teague"."""
    return (
        re.search(
            r"\b(?:of|at|to|on|from|with|by|for|about|beside|near|over|under|in|into|behind|past"
            r"|around|between|like|called|named|without|against) "
            r"(?:(?:the|old|poor|dead|Corporal|Mr\.|Mrs\.|Miss) )*$",
            told[:place],
        )
        is not None
    )


def speaks(who: str, told: str) -> bool:
    """Whether a quotation is put into the mouth of the dead by name."""
    title = r"(?:(?:the|old|poor|dead|Corporal|Mr\.|Mrs\.|Miss) )*"
    after = rf'"" ?,? ?{SAYS} {title}{who}'
    before = rf'\b{who}[^.!?"]*: ?""'
    return re.search(f"{after}|{before}", told) is not None


def pronoun_acts(who: str, pronoun: str, told: str) -> bool:
    """Whether the sentence after one about the dead alone has them do something as "she"."""
    about = False
    first = r"(?:(?:then|but|now|and|still|slowly|suddenly|finally),? )?"
    subject = re.compile(rf"[\s\"”]*{first}(?:{pronoun})\b {ADVERBS}(\w+)", re.IGNORECASE)
    for sentence in map(str.strip, SENTENCES.findall(told)):
        found = subject.match(sentence)
        if found and about and is_act(found[1], sentence[found.end() :]):
            return True
        if found:
            continue
        named = re.search(rf"\b{who}", sentence) is not None
        others = re.sub(rf"\b{who}(?: [A-Z]\w+)?", "", sentence)
        somebody = NAME.search(others) or FIRST_NAME.match(others) or has_role(others)
        about = (named or (about and tells_of_things(sentence))) and not somebody
    return False


def has_role(sentence: str) -> bool:
    """Whether a sentence tells of somebody by what they are: "the guard"."""
    found = re.findall(r"\b(?:[Tt]he|[Aa]n?|[Yy]our) ([a-z]+)(?: ([a-z]+))?", sentence)
    return any(word in ROLES or word in PERSONS for words in found for word in words)


def tells_of_things(sentence: str) -> bool:
    """Whether a sentence is about a thing or the player, so that "he" means the same as before."""
    return re.match(r"(?:The|An?|It|Its|There|Your?|Nobody|Nothing)\b", sentence) is not None


def answers(who: str, pronoun: str, reply: str, action: str) -> bool:
    """Whether "she" says something to a player who spoke to the dead, before others do anything."""
    if not re.search(rf"\b{who}", action):
        return False
    told = narration(reply)
    said = re.search(rf'"" ?,? ?{ADVERBS}(?:{pronoun}) {ADVERBS}{SAYS}\b', told, re.IGNORECASE)
    if said is None:
        return False
    before = [each.strip() for each in SENTENCES.findall(told[: said.start()])]
    title = r"(?:Mrs\. |Mr\. |Corporal |It is |There is )?"
    return all(
        re.match(rf"(?:You\b|\"\"|{title}{who})|$", each)
        or (tells_of_things(each) and not has_role(each) and not NAME.search(each))
        for each in before
    )
