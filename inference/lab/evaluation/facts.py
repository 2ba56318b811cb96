"""Whether what is known stands in a reply. Pure."""

import re
from collections.abc import Sequence


def stated(fact: str, reply: str) -> bool:
    """Whether one of the ways to say `fact`, parted by "|", stands in the reply as whole words."""
    ways = "|".join(re.escape(way.strip()) for way in fact.split("|"))
    return re.search(rf"(?<!\w)(?:{ways})(?!\w)", reply, re.IGNORECASE) is not None


def stated_of(facts: Sequence[str], reply: str) -> int:
    """How many of `facts` stand in the reply."""
    return sum(stated(fact, reply) for fact in facts)


# A thing that is gone may be missed: "if you still had your lamp", "your lamp is gone".
MISSED = re.compile(r"\b(?:if|no|not|without|given|gave|lost|where|instead of|like)\b|n['’]t\b")
GONE = re.compile(r"\s+(?:away|is gone|is lost|was)\b")


def contradicts(wrong: Sequence[str], reply: str) -> bool:
    """Whether one of `wrong` is told as what is so now."""
    for each in wrong:
        for found in re.finditer(rf"(?<!\w){re.escape(each)}(?!\w)", reply, re.IGNORECASE):
            sentence = re.split(r"[.!?…]", reply[: found.start()])[-1].lower()
            if not MISSED.search(sentence) and not GONE.match(reply[found.end() :]):
                return True
    return False
