"""Whether what is known stands in a reply, and whether the dead keep still. Pure."""

import re
from collections.abc import Sequence

from inference.evaluation.voice import narration

# What only the living do. After these words a dead name is spoken of, not acting.
ACTS = (
    r"(?:says?|said|asks?|asked|smiles?|smiled|nods?|nodded|walks?|walked|looks?|looked|stands? up"
    r"|stood up|turns?|turned|laughs?|laughed|whispers?|whispered|answers?|answered|replies|replied"
    r"|runs?|ran|takes?|took|shouts?|shouted|speaks?|spoke|grins?|grinned|sighs?|sighed|shrugs?"
    r"|shrugged|sits|sat|points?|pointed|comes?|came|opens?|opened|tells?|told|steps?|stepped)"
)


def stated(fact: str, reply: str) -> bool:
    """Whether one of the ways to say `fact`, parted by "|", stands in the reply as whole words."""
    ways = "|".join(re.escape(way.strip()) for way in fact.split("|"))
    return re.search(rf"(?<!\w)(?:{ways})(?!\w)", reply, re.IGNORECASE) is not None


def stated_of(facts: Sequence[str], reply: str) -> int:
    """How many of `facts` stand in the reply."""
    return sum(stated(fact, reply) for fact in facts)


def dead_acts(name: str, reply: str) -> bool:
    """Whether the reply has the dead `name` do what only the living do."""
    who = re.escape(name)
    acts = rf"\b{who}(?:,[^,.]*,)? (?:\w+ly |then |just )?{ACTS}\b"
    speaks = rf"\b(?:says|said|asks|asked|replies|answers|answered) (?:\w+ ){{0,2}}?{who}\b"
    told = narration(reply)
    return re.search(f"{acts}|{speaks}", told, re.IGNORECASE) is not None
