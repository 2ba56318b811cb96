"""What cannot be done without a thing, or with somebody who is dead. Pure; for English.

"You unlock the cabinet" needs the key, and "you ride away on Thistle" needs Thistle alive.
"""

import re

# What is done with a thing, by its last word. Without the thing it is not done.
KINDS = (
    ("key keys keycard", "unlock"),
    ("saw hacksaw", "saw|cut"),
    ("knife dagger sword blade scissors razor axe hatchet", "cut|slice|stab|chop|carve"),
    ("torch burner", "cut|weld|burn"),
    ("lamp lantern torch flashlight candle", "light up|shine"),
    ("pistol gun derringer revolver rifle shotgun bow crossbow musket", "shoot|fire|aim"),
    ("rope line cord", "abseil|tie|lash"),
    ("spade shovel", "dig"),
    ("matches match lighter", "light"),
    ("pen pencil quill", "write|sign"),
    ("telephone phone mobile", "telephone|phone|ring|dial"),
    ("rod net hook", "fish|hook"),
)
VERBS: dict[str, str] = {}
for names, verbs in KINDS:
    for each in names.split():
        VERBS[each] = f"{VERBS[each]}|{verbs}" if each in VERBS else verbs

# Whom one rides has to live.
RIDES = (
    r"(?:ride|mount|saddle|gallop|trot|canter|spur|climb on(?:to)?|get on(?:to)?|jump on(?:to)?"
    r"|swing onto|drive off with|harness)"
)
# What one gives, shows or tells somebody, they take, see or hear.
OFFERS = r"(?:give|hand|offer|hold out|hold up|show|feed|pass|throw|toss|wake|tell|ask|call)"


MEASURE_WORDS = """
    piece pair coil length bottle cup bag box set sheet scrap bundle bunch stick block
"""
MEASURES = frozenset(MEASURE_WORDS.split())


def head_of(thing: str) -> str:
    """The noun for a thing: "chain" for "chain of office", "rope" for "coil of rope"."""
    words = thing.split()
    of = words.index("of") if "of" in words[1:-1] else 0
    if of and words[of - 1].casefold() not in MEASURES:
        return words[of - 1]
    return words[-1] if words else ""


def verbs_for(thing: str) -> str:
    """The verbs for what needs a thing, as a pattern; "" where nothing is known to."""
    return VERBS.get(head_of(thing).casefold(), "")


def needs(thing: str, action: str) -> bool:
    """Whether an action ("You unlock the cabinet.") needs a thing that it does not name."""
    verbs = verbs_for(thing)
    if not verbs or re.search(r"\b(?:with|using) (?:a|an|the|my|your|his|her)\b", action):
        return False
    return re.search(rf"(?:^You|\band|\bthen) (?:\w+ly )?(?:{verbs})\b", action) is not None


def done_with(thing: str, told: str, action: str) -> bool:
    """Whether a reply has the player do what the action attempts, which needs the thing.

    Not where something else is named that it is done with.
    """
    named = names_tool(thing, action)
    if not named and not needs(thing, action):
        return False
    done = re.compile(
        rf"(?:\b[Yy]ou (?:then |\w+ly )?|\band )(?:{verbs_for(thing)})(?! at\b)\b(?P<rest>[^.!?]*)"
    )
    return any(
        not WITH_ANOTHER.search(found["rest"]) and (named or is_same_act(found["rest"], action))
        for found in done.finditer(told)
    )


TO_WHAT = re.compile(
    r" (?:the|your|a|an|his|her) "
    r"(?P<words>\w+(?: (?!to|with|on|in|from|around|into|and)\w+){0,2})"
)
WITH_ANOTHER = re.compile(r"\b(?:with|using) (?:a|an|your|his|her|the other)\b")


def is_same_act(rest: str, action: str) -> bool:
    """Whether what follows a verb in a reply is what the action does it to, or says nothing."""
    to_what = TO_WHAT.match(rest)
    words = re.findall(r"\w{3,}", to_what["words"])[:3] if to_what else []
    return not words or any(re.search(rf"\b{word}", action) for word in words)


def names_tool(thing: str, action: str) -> bool:
    """Whether an action says that it is done with a thing: "cut the block with the saw"."""
    head = re.escape(head_of(thing))
    with_it = rf"\b(?:with|using) (?:the|your|my) (?:[\w-]+ )?{head}\b"
    return bool(verbs_for(thing)) and re.search(with_it, action, re.IGNORECASE) is not None


DEVICE_WORDS = "earpiece headset headphones radio walkie-talkie telephone phone"
DEVICES = frozenset(DEVICE_WORDS.split())
VOICE = re.compile(
    r"\b(?:voice|whisper)\b[^.!?]{0,80}\bin (?:your|the) (?:ear|headphones)\b"
    r"|\b[Yy]ou hear (?:a|the|her|his|[A-Z]\w+['’]s) voice\b"
    r"|[Tt]he voice (?:of \w+ )?(?:says|tells|whispers)\b"
)


def is_heard(thing: str, told: str) -> bool:
    """Whether a voice is heard by a lost thing that brings voices."""
    return head_of(thing).casefold() in DEVICES and VOICE.search(told) is not None


OTHERWISE = re.compile(r"\b(?:hairpin|pick|picks|wire|crowbar|kick|shoulder|boot|stone)\b")


def opens_itself(told: str, action: str) -> bool:
    """Whether what the player wants to unlock opens although they have no key."""
    if not re.search(r"\bunlock\b", action) or OTHERWISE.search(told):
        return False
    return (
        re.search(
            r"\b[Tt]he (?:[a-z]+ )?(?:door|gate|cabinet|lock|lid|box|chest|safe|hatch)(?: door)? "
            r"(?:\w+ly |then )?(?:opens|clicks|swings open|is open|unlocks|turns)\b",
            told,
        )
        is not None
    )


def is_ridden(who: str, told: str, action: str) -> bool:
    """Whether the player rides somebody, named by the pattern `who` in the reply or the action."""
    if re.search(
        rf"\b[Yy]ou (?:\w+ly )?(?:{RIDES})(?: (?:away|off|out|back|up))*(?: (?:on|onto|upon))? "
        rf"(?:the |old |poor )?(?:{who})(?!\w|['’]s (?:grave|body))",
        told,
    ):
        return True
    tried = re.search(rf"\b{RIDES}\b[^.!?]{{0,80}}(?<!\w)(?:{who})(?!\w)", action)
    rides = re.search(
        r"\b[Yy]ou (?:\w+ly )?(?:ride|gallop|trot|canter)\b(?! (?:a|an|your)\b)", told
    )
    mounts = re.search(r"\b(?:in the saddle|on (?:her|his|its) back|(?:her|his|its) mane)\b", told)
    return tried is not None and (rides is not None or mounts is not None)


def needs_alive(who: str, action: str) -> bool:
    """Whether an action rides somebody, or gives, shows or tells them something."""
    rides = rf"{RIDES}\b[^.!?]{{0,40}}"
    offers = rf"{OFFERS}\b(?:(?:(?! and )[^.!?]){{0,60}} to)?(?: the| old| poor)? "
    whom = rf"(?<!\w)(?:{who})(?!\w|['’])"
    first = r"(?:^You|\band) (?:\w+ly )?(?:[\w ]{0,20}\band )?"
    return re.search(f"{first}(?:{rides}|{offers}){whom}", action) is not None
