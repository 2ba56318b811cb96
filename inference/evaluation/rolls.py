"""Whether a reply tells what the dice decided. Pure; for English.

Each situation says by what words its attempt is seen to succeed (`happened`) or not (`refused`);
words that refuse anything anywhere stand here.
"""

import re
from typing import Literal

Kept = Literal["honoured", "broken", "open"]

SUCCEEDS = ("cost", "success", "triumph")
FAILS = (
    r"\b(?:can(?:'t|not)|could(?:n't| not)|won't|will not|(?:does|do|did|is|are)(?:n't| not)"
    r" (?:\w+ )?(?:come|move|budge|give|open|work|let|hold|reach|get|turn|stop|succeed|catch|close"
    r"|fit|light|enough|able|want|agree)|fails?|failed|stuck|stays? (?:put|shut|where|in place)"
    r"|holds? (?:fast|tight|on to|onto)|slips? (?:from|out of|off|through|back)|you slip|you fall"
    r"|loses? (?:your|his|her|its) (?:grip|balance|hold)|miss(?:es)?|in vain|no use"
    r"|nothing happens|too (?:late|heavy|tight|hard|strong|slow|deep|fast|slippery|high|far)"
    r"|refuses?|shakes? (?:his|her|their) head|stops? you|jammed|not (?:yet|today|budge)"
    r"|gives? up|never)\b"
)
# In the same clause before what would have happened.
NOT = re.compile(
    r"(?:\bnot\b|n't\b|\bcannot\b|\bnever\b|\bno\b|\bwithout\b|\bbefore you can\b|\balmost\b"
    r"|\btr(?:y|ies) to\b|\btrying to\b|\battempt(?:s|ing)? to\b|\bcould\b|\bwould\b|\bif\b"
    r"|\bfails? to\b|\bunable to\b|\bwants? to\b|\bneeds? to\b|\babout to\b|\btoo \w+ to\b)"
    r"[^.!?,;]*$"
)


def kept(roll: str, happened: str, refused: str, reply: str) -> Kept:
    """What became of a roll: told as it fell, told the other way round, or left open."""
    text = reply.replace("’", "'")
    did = any(
        not NOT.search(text[: found.start()])
        for found in re.finditer(happened, text, re.IGNORECASE)
    )
    against = f"{FAILS}|{refused}" if refused else FAILS
    did_not = re.search(against, text, re.IGNORECASE) is not None
    if did == did_not:
        return "open"
    return "honoured" if did == (roll in SUCCEEDS) else "broken"
