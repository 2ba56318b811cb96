"""The dice: rolled before the narrator speaks, so that it cannot let every plan succeed.

How hard an action is decides what a roll means, by a rule that players can read: everyday actions
need no roll, others need 8 or more of 20, dangerous or very hard ones 12 or more.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

SIDES = 20
DICE = secrets.SystemRandom()
AT_A_COST = 4  # rolls from what is needed on that succeed at a cost
KINDS = ("do", "say")  # what the player attempts; telling the story is no attempt


@dataclass(frozen=True)
class Difficulty:
    name: str
    needed: int  # the least roll that succeeds


ORDINARY = Difficulty("ordinary", 8)
HARD = Difficulty("hard", 12)

# How an outcome is shown to players, and what the narrator is told.
SHOWN = {
    "disaster": gettext_noop("disaster"),
    "failure": gettext_noop("failure"),
    "cost": gettext_noop("success at a cost"),
    "success": gettext_noop("success"),
    "triumph": gettext_noop("triumph"),
}
TOLD = {
    "disaster": "The attempt fails: what was attempted does not happen, and things get worse.",
    "failure": "The attempt fails: what was attempted does not happen.",
    "cost": "The attempt succeeds: what was attempted happens, but at a cost.",
    "success": "The attempt succeeds: what was attempted happens.",
    "triumph": "The attempt succeeds: what was attempted happens, better than anyone hoped.",
}
# What narrators were told of rolls that were made before actions had a difficulty.
ONCE_TOLD = {
    "disaster": "This fails badly, and makes things worse.",
    "failure": "This does not succeed.",
    "cost": "This succeeds, but at a cost.",
    "success": "This succeeds.",
    "triumph": "This succeeds better than anyone hoped.",
}


def roll(difficulty: Difficulty) -> dict[str, Any]:
    """A roll as a turn keeps it."""
    rolled = DICE.randint(1, SIDES)
    return {
        "sides": SIDES,
        "rolled": rolled,
        "outcome": outcome_of(rolled, difficulty.needed),
        "difficulty": difficulty.name,
        "needed": difficulty.needed,
    }


def outcome_of(rolled: int, needed: int) -> str:
    """What a roll means where `needed` or more succeeds. The ends of the die are for drama."""
    if rolled == 1:
        return "disaster"
    if rolled == SIDES:
        return "triumph"
    if rolled < needed:
        return "failure"
    return "cost" if rolled < needed + AT_A_COST else "success"


def outcome_line(dice: dict[str, Any] | None) -> str:
    """What the narrator is told of a turn's roll; "" without one."""
    if not dice:
        return ""
    said = TOLD if "needed" in dice else ONCE_TOLD
    return said[dice["outcome"]]


def roll_shown(dice: dict[str, Any] | None) -> dict[str, Any] | None:
    """A roll for the page, with its outcome in words."""
    return {**dice, "text": SHOWN[dice["outcome"]]} if dice else None


# How hard an action is


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
    """How hard an action is; None where it needs no roll.

    The verbs are English. In other languages, and for verbs that are not listed, an action is
    ordinary.
    """
    said = [word.lower() for word in WORD.findall(action)]
    if kind not in KINDS or not said:
        return None
    if kind == "say":
        talk = action.rstrip().endswith("?") or said[0] in GREETINGS
        return None if talk else ORDINARY
    verbs = [verb for clause in CLAUSES.split(action) if (verb := first_verb(clause))]
    if any(base in HARD_WORDS for verb in verbs for base in bases(verb)):
        return HARD
    risky = any(base in RISKY_WORDS for verb in verbs for base in bases(verb))
    everyday = bool(verbs) and any(base in EVERYDAY_WORDS for base in bases(verbs[0]))
    return None if everyday and not risky and not UNCERTAIN & set(said) else ORDINARY


def first_verb(clause: str) -> str:
    """Where English has the verb of what somebody does: after "I try to" and "carefully"."""
    for word in map(str, WORD.findall(clause.lower())):
        if word not in BEFORE_A_VERB and not word.endswith("ly"):
            return word
    return ""


def bases(verb: str) -> set[str]:
    """What a verb may be a form of: itself, and without -s, -es, -ed or -ing."""
    found = {verb}
    for end in ("s", "es", "ed", "d", "ing"):
        if verb.endswith(end) and len(verb) > len(end) + 1:
            stem = verb[: -len(end)]
            found |= {stem, stem + "e"}
            if len(stem) > 2 and stem[-1] == stem[-2]:
                found.add(stem[:-1])
    return found
