"""Written playthroughs: fifty actions each, with changes of the world, and probes of the state.

A probe is an action that speaks to somebody dead or gone, or uses something lost; its reply is
measured as situations are (`inference.world.dead`, `absent` and `lost`). The actions fit whatever
the narrator replies. `manage.py playthrough` plays them on the real path.
"""

from pathlib import Path
from typing import Literal

import yaml

from inference.contract.plain import Plain
from inference.contract.world import Field, Part
from inference.world.absent import absent_answers
from inference.world.dead import dead_acts
from inference.world.lost import lost_used

FOLDER = Path(__file__).parent / "playthroughs"
Probe = Literal["dead", "absent", "lost"]


class Change(Plain):
    """A change of the world that the player makes before the action."""

    part: Part
    name: str = ""
    field: Field = ""
    value: str


class Step(Plain):
    """One action, as `do` or `say`. `who` are the names of whom or what it probes, parted by |."""

    do: str = ""
    say: str = ""
    world: tuple[Change, ...] = ()
    probe: Probe | None = None
    who: str = ""
    pronoun: str = ""

    @property
    def text(self) -> str:
        """What the player types."""
        return self.do or self.say


class Playthrough(Plain):
    """A written playthrough of a scenario that comes with Grue."""

    scenario: str
    steps: tuple[Step, ...]


def names() -> list[str]:
    """The names of all that are written."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Playthrough:
    """One of them. Raises FileNotFoundError, and ValueError if it is not as it should be."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    return Playthrough.model_validate(yaml.safe_load(text))


def is_broken(step: Step, reply: str, shown_action: str) -> bool:
    """Whether the reply to a probe breaks the state, by the measures of the situations."""
    match step.probe:
        case "dead":
            return dead_acts(step.who, reply, shown_action, step.pronoun)
        case "absent":
            return absent_answers(step.who, reply, shown_action, step.pronoun)
        case "lost":
            return lost_used(step.who, reply, shown_action)
    return False
