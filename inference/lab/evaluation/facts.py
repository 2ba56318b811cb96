"""Whether what is known stands in a reply. Pure."""

import re
from collections.abc import Sequence

from inference.world.lost import told_as_had


def stated(fact: str, reply: str) -> bool:
    """Whether one of the ways to say `fact`, parted by "|", stands in the reply as whole words."""
    ways = "|".join(re.escape(way.strip()) for way in fact.split("|"))
    return re.search(rf"(?<!\w)(?:{ways})(?!\w)", reply, re.IGNORECASE) is not None


def stated_of(facts: Sequence[str], reply: str) -> int:
    """How many of `facts` stand in the reply."""
    return sum(stated(fact, reply) for fact in facts)


def contradicts(wrong: Sequence[str], reply: str) -> bool:
    """Whether one of `wrong` is told as what is so now."""
    return any(told_as_had(re.escape(each), reply) for each in wrong)
