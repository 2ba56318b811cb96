"""Whether a reply tells what the dice decided. Pure; for English.

Each situation says by what words its attempt is seen to succeed (`happened`) or not (`refused`);
words that refuse anything anywhere stand here. Where a reply has both, the answer to what was said
is what comes first, and the outcome of what was done is what comes last.
"""

import re
from typing import Literal

from inference.evaluation.situations import Situation
from inference.evaluation.voice import narration

Kept = Literal["honoured", "broken", "open"]

SUCCEEDS = ("cost", "success", "triumph")
FAILS = (
    r"(?:\b(?:can(?:'t|not)|could(?:n't| not)|won't|will not|(?:does|do|did|is|are|has|have)"
    r"(?:n't| not) (?:\w+ )?(?:come|move|moved|budge|give|open|work|let|hold|reach|get|turn|stop"
    r"|succeed|catch|close|fit|light|pull|enough|able|want|agree)|fails?|failed|stuck"
    r"|stays? (?:put|shut|closed|cold|dark|wet|where|in place)|holds? (?:fast|tight|on to|onto)"
    r"|slips? (?:from|out of|off|through|back)|you (?:slip|slide|fall)|boots slide"
    r"|loses? (?:your|his|her|its) (?:grip|balance|hold)|miss(?:es)?|in vain|no use"
    r"|nothing happens|too (?:late|heavy|tight|hard|strong|slow|deep|fast|slippery|high|far)"
    r"|refuses?|shakes? (?:his|her|their) head|stops? you|jammed|not (?:yet|today|budge)|gives? up"
    r"|still (?:has|have|holds|hangs|sits|stands|runs)|where it (?:hung|was|stood|is|lay)"
    r"|(?:half ?way|still) [^.]* when)\b|\"No\b(?! one))"
)
# In the same clause before what would have happened.
NOT = re.compile(
    r"(?:\bnot\b|n't\b|\bcannot\b|\bnever\b|\bno\b|\bwithout\b|\bbefore you can\b|\balmost\b"
    r"|\btr(?:y|ies) to\b|\btrying to\b|\battempt(?:s|ing)? to\b|\bcould\b|\bwould\b|\bif\b"
    r"|\bfails? to\b|\bunable to\b|\bwants? to\b|\bneeds? to\b|\babout to\b|\btoo \w+ to\b)"
    r"[^.!?,;]*$",
    re.IGNORECASE,
)


def kept(situation: Situation, reply: str) -> Kept:
    """What became of a roll: told as it fell, told the other way round, or left open."""
    text = reply.replace("’", "'").replace("“", '"').replace("”", '"')
    if situation.kind == "do":
        told = narration(text)
        text = told if any(map(str.isalpha, told)) else text
    seen = [
        (found.start(), True)
        for found in re.finditer(situation.happened, text, re.IGNORECASE)
        if not NOT.search(text[: found.start()])
    ]
    against = f"{FAILS}|{situation.refused}" if situation.refused else FAILS
    seen += [(found.start(), False) for found in re.finditer(against, text, re.IGNORECASE)]
    if not seen:
        return "open"
    _, happens = min(seen) if situation.kind == "say" else max(seen)
    return "honoured" if happens == (situation.dice in SUCCEEDS) else "broken"
