"""Whether what the player has lost is used in a reply. Pure; for English."""

import re

# A thing that is gone may be missed: "if you still had your lamp", "your lamp is gone".
MISSED = re.compile(r"\b(?:if|no|not|without|given|gave|lost|where|instead of|like)\b|n['’]t\b")
GONE = re.compile(r"\s+(?:away|is gone|is lost|was)\b")
WORDS = r"(?:[\w'’-]+ ){0,2}"
USES = (
    r"(?:raise|lift|light|swing|use|hold|draw|aim|point|open|shine|fire|wave|grip|clutch|brandish"
    r"|read|unfold|switch on|turn on|play|strike|cock|load|put on|wear|unsheathe|wield|show)"
)
REGAINS = (
    r"(?:take|pick|grab|find|retrieve|get|catch|recover|fetch|collect|buy|receive|reach for"
    r"|search for|look for|snatch|dig|fish|hand|give|pass|return|bring|throw|toss|lend|make"
    r"|hold out)"
)
OTHER = r"(?:another|new|second|spare|other|different|his|her|their|'s)"


def told_as_had(pattern: str, reply: str) -> bool:
    """Whether what `pattern` finds is told as what is so now, and not as what is missed."""
    for found in re.finditer(rf"(?<!\w){pattern}(?!\w)", reply, re.IGNORECASE):
        sentence = re.split(r"[.!?…]", reply[: found.start()])[-1].lower()
        if not MISSED.search(sentence) and not GONE.match(reply[found.end() :]):
            return True
    return False


def uses_lost(name: str, told: str, action: str = "") -> bool:
    """Whether the player uses or has a lost thing in `told`, the narration of a reply.

    Whoever gets it back, or looks for it, does not: in the reply or in the action. So does another
    of its kind.
    """
    head = re.escape(name.split()[-1])
    regained = rf"\b{REGAINS}(?:s|es|ed|ing)?\b[^.!?]{{0,40}}\b{head}\b"
    other = rf"{OTHER} {WORDS}{head}\b"
    if re.search(f"{regained}|{other}", f"{action} {told}", re.IGNORECASE):
        return False
    used = rf"you (?:\w+ly |then |now |still )*{USES} (?:up |out )?(?:your|the) {WORDS}{head}"
    had = rf"(?:with|by the light of|in) your {WORDS}{head}|the {WORDS}{head} in your hands?"
    does = rf"your {WORDS}{head} (?:\w+ly )*(?:glows|shines|lights|flickers|burns|fires|rings|cuts)"
    return told_as_had(f"(?:{used}|{had}|{does})", told)
