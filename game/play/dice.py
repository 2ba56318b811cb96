"""Dice, rolled before the narrator replies, so that it cannot let every plan succeed.

The difficulty of an action decides what a roll means: everyday actions need no roll, others need 8
or more of 20, dangerous or very hard ones 12 or more. What the player carries and who helps make
that less, what is missing makes it more.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext_noop

from inference.contract.outcomes import OUTCOME_LINES
from inference.contract.world import World
from inference.prompts.world import mentions
from inference.words import SearchIndex

SIDES = 20
DICE = secrets.SystemRandom()
COST_RANGE = 4  # so many rolls, from the needed one on, succeed at a cost
KINDS = ("do", "say")  # kinds of actions that are attempts


@dataclass(frozen=True)
class Difficulty:
    """How hard an action is."""

    name: str
    needed: int  # the lowest roll that succeeds


ORDINARY = Difficulty("ordinary", 8)
HARD = Difficulty("hard", 12)


@dataclass(frozen=True)
class Modifier:
    """What makes an action easier or harder: a thing or a person, and by how much."""

    name: str
    change: int  # of what the roll needs


HELP = -2  # by one thing that is carried or worn and named in the action, and by one helper
MISSING = 4  # by a thing that is named in the action and lost
LEAST_NEEDED, MOST_NEEDED = 2, 19  # 1 and 20 stay extremes

# Outcomes as players see them; OUTCOME_LINES has them as lines of the prompt.
OUTCOME_LABELS = {
    "disaster": gettext_noop("disaster"),
    "failure": gettext_noop("failure"),
    "cost": gettext_noop("success at a cost"),
    "success": gettext_noop("success"),
    "triumph": gettext_noop("triumph"),
}
# Lines for rolls of older versions, where actions had no difficulty.
OLD_OUTCOME_LINES = {
    "disaster": "This fails badly, and makes things worse.",
    "failure": "This does not succeed.",
    "cost": "This succeeds, but at a cost.",
    "success": "This succeeds.",
    "triumph": "This succeeds better than anyone hoped.",
}


def roll(difficulty: Difficulty, modifiers: Sequence[Modifier] = ()) -> dict[str, Any]:
    """Roll the dice, in the form that a turn stores."""
    rolled = DICE.randint(1, SIDES)
    needed = difficulty.needed + sum(each.change for each in modifiers)
    needed = max(LEAST_NEEDED, min(needed, MOST_NEEDED))
    found: dict[str, Any] = {
        "sides": SIDES,
        "rolled": rolled,
        "outcome": outcome_of(rolled, needed),
        "difficulty": difficulty.name,
        "needed": needed,
    }
    if modifiers:
        found["modifiers"] = [asdict(each) for each in modifiers]
    return found


def outcome_of(rolled: int, needed: int) -> str:
    """The outcome of a roll where `needed` or more succeeds; 1 and 20 are extremes."""
    if rolled == 1:
        return "disaster"
    if rolled == SIDES:
        return "triumph"
    if rolled < needed:
        return "failure"
    return "cost" if rolled < needed + COST_RANGE else "success"


def outcome_line(dice: dict[str, Any] | None) -> str:
    """The line of the prompt for a turn's roll; "" without one."""
    if not dice:
        return ""
    lines = OUTCOME_LINES if "needed" in dice else OLD_OUTCOME_LINES
    return lines[dice["outcome"]]


def roll_data(dice: dict[str, Any] | None) -> dict[str, Any] | None:
    """A roll for pages, with its outcome and what made it easier or harder in words."""
    if not dice:
        return None
    modifiers = [
        {**each, "text": f"{each['name']} {signed(each['change'])}"}
        for each in dice.get("modifiers", ())
    ]
    shown = {**dice, "text": OUTCOME_LABELS[dice["outcome"]]}
    return {**shown, "modifiers": modifiers} if modifiers else shown


def signed(change: int) -> str:
    """A change of what a roll needs, as pages show it: "−2"."""
    return f"{'−' if change < 0 else '+'}{abs(change)}"


# Difficulty of actions


def words(text: str) -> frozenset[str]:
    """The words of a text, separated by spaces."""
    return frozenset(text.split())


EVERYDAY_WORDS = words(
    """
    answer approach ask call carry check close come count drink drop eat enter examine
    follow get give go grab greet hand hold inspect knock leave light listen look nod open
    pick place pocket put read remember remove rest return say see shout show shut sit
    sleep smell smile speak stand stay step study take talk taste tell thank think touch
    turn visit wait wake walk watch wave wear whisper
    """
)
RISKY_WORDS = words(
    """
    balance bluff break bribe build chase climb convince crack crawl cut dig distract dive
    drag dress drive escape fix flee force hide hunt intimidate jump lie lift lure
    negotiate persuade play push repair ride run search sing slip smash sneak solve swim
    swing threaten throw track trick unlock untie
    """
)
HARD_WORDS = words(
    """
    ambush assassinate attack behead capture cast conquer decipher defeat defuse destroy
    disarm dodge duel fight fly hack heal hypnotize kill leap outrun outwit overpower
    parry pickpocket punch rescue resurrect rob seduce shoot slay stab steal strangle
    strike summon survive tackle tame teleport wrestle
    """
)
# What makes an everyday action uncertain.
UNCERTAIN = words(
    """
    barred bolted burning falling guarded jammed lock locked past purse quietly sealed
    secretly silently stealthily stuck trapped unnoticed unseen
    """
)
BEFORE_A_VERB = words(
    """
    i you we then just now also try tries attempt start begin want decide to will can
    """
)
GREETINGS = words(
    """
    bye good goodbye greetings hello hey hi no okay please sorry thank thanks welcome yes
    """
)
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
CLAUSES = re.compile(r"[.,;:!?]|\b(?:and|but|then|to|by|while)\b", re.IGNORECASE)


def difficulty_of(kind: str, action: str) -> Difficulty | None:
    """How hard an action is; None if it needs no roll.

    The lists of verbs are English. Actions in other languages, and with other verbs, are ordinary.
    """
    spoken = [word.lower() for word in WORD.findall(action)]
    if kind not in KINDS or not spoken:
        return None
    if kind == "say":
        talk = action.rstrip().endswith("?") or spoken[0] in GREETINGS
        return None if talk else ORDINARY
    verbs = [verb for clause in CLAUSES.split(action) if (verb := first_verb(clause))]
    if any(base in HARD_WORDS for verb in verbs for base in bases(verb)):
        return HARD
    risky = any(base in RISKY_WORDS for verb in verbs for base in bases(verb))
    everyday = bool(verbs) and any(base in EVERYDAY_WORDS for base in bases(verbs[0]))
    return None if everyday and not risky and not UNCERTAIN & set(spoken) else ORDINARY


# "with Mira" is help, "fight with Mira" is not.
# Words of a name that name nobody: "with the hammer" is without the Stranger.
SMALL = frozenset(
    ["the", "a", "an", "of", "old", "young", "der", "die", "das", "le", "la", "el", "los"]
)
WITH = r"\b(?:with|alongside|together with|mit|avec|con)\s+(?:\w+\s+){0,1}"
AGAINST = re.compile(
    r"\b(?:fight|duel|wrestle|argue|quarrel|struggle|spar|negotiate|compete|bargain)\w*\b[^.,;]*\bwith\b",
    re.IGNORECASE,
)
LONGEST_ACTION = 2_000  # characters of an action that are looked at


def modifiers_of(action: str, world: World) -> tuple[Modifier, ...]:
    """What makes an action easier or harder, in the state before it.

    One thing that is carried or worn and named helps, and so does one person who is here and named
    after "with". Everything lost that is named is missing.
    """
    action = action[:LONGEST_ACTION]
    named = SearchIndex(action)
    things = [each for each in world.things if mentions(named, each.name)]
    found = [Modifier(each.name, HELP) for each in things if each.held != "lost"][:1]
    if not AGAINST.search(action):
        present = [each.name for each in world.people if each.here]
        found += [Modifier(name, HELP) for name in present if helps(name, action)][:1]
    return (*found, *(Modifier(each.name, MISSING) for each in things if each.held == "lost"))


def helps(name: str, action: str) -> bool:
    """Whether an action is done with someone, by their whole name or a part of it."""
    parts = name.split()
    proper = [part for part in parts if part[:1].isupper() and part.casefold() not in SMALL]
    ways = "|".join(re.escape(way) for way in (name, *proper, parts[-1]) if len(way) > 1)
    spaced = re.search(rf"{WITH}(?:{ways})(?!\w)", action, re.IGNORECASE)
    return spaced is not None or re.search(rf"[和跟与與同](?:{ways})", action) is not None


def first_verb(clause: str) -> str:
    """The first word that may be a verb, after words such as "I try to" and "carefully"."""
    for word in map(str, WORD.findall(clause.lower())):
        if word not in BEFORE_A_VERB and not word.endswith("ly"):
            return word
    return ""


def bases(verb: str) -> set[str]:
    """The base forms that a verb may have: itself, and without -s, -es, -ed or -ing."""
    found = {verb}
    for end in ("s", "es", "ed", "d", "ing"):
        if verb.endswith(end) and len(verb) > len(end) + 1:
            stem = verb[: -len(end)]
            found |= {stem, stem + "e"}
            if len(stem) > 2 and stem[-1] == stem[-2]:
                found.add(stem[:-1])
    return found
