"""The dice: rolled before the narrator speaks, so that it cannot let every plan succeed."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

SIDES = 20
DICE = secrets.SystemRandom()


@dataclass(frozen=True)
class Band:
    """What a roll of at most `upto` means: to players, and to the narrator."""

    upto: int
    outcome: str
    shown: str
    told: str


# In 5, 40, 25, 25 and 5 of a hundred rolls.
BANDS = (
    Band(1, "disaster", gettext_noop("disaster"), "This fails badly, and makes things worse."),
    Band(9, "failure", gettext_noop("failure"), "This does not succeed."),
    Band(14, "cost", gettext_noop("success at a cost"), "This succeeds, but at a cost."),
    Band(19, "success", gettext_noop("success"), "This succeeds."),
    Band(20, "triumph", gettext_noop("triumph"), "This succeeds better than anyone hoped."),
)
KINDS = ("do", "say")  # what the player attempts; telling the story is no attempt


def roll() -> dict[str, Any]:
    """A roll as a turn keeps it."""
    rolled = DICE.randint(1, SIDES)
    return {"sides": SIDES, "rolled": rolled, "outcome": band_of(rolled).outcome}


def band_of(rolled: int) -> Band:
    return next(band for band in BANDS if rolled <= band.upto)


def told(dice: dict[str, Any] | None) -> str:
    """What the narrator is told of a turn's roll; "" without one."""
    return band_of(dice["rolled"]).told if dice else ""


def shown(dice: dict[str, Any] | None) -> dict[str, Any] | None:
    """A roll for the page, with its outcome in words."""
    return {**dice, "text": band_of(dice["rolled"]).shown} if dice else None
