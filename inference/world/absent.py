"""Whether someone who is absent answers or acts in a reply as if they were here. Pure; for English.

They may be spoken of, be somewhere else, come back so that one is told of it, and be reached by
letter, telephone or radio: what follows that is theirs to say. Until then they may no more act or
speak than the dead.
"""

import re

from inference.reply.quotes import narration
from inference.world.dead import SENTENCES, dead_acts

TITLE = re.compile(r"\b(Mrs?|Dr|St)\.")
# What carries a voice from elsewhere, where it does so now: not a radio that only stands there.
DEVICE = r"(?:radio|phone|telephone|speaker|earpiece|receiver|intercom|line|walkie-talkie)"
FROM_AFAR = re.compile(
    rf"\b{DEVICE} (?:\w+ly )?(?:crackles|rings|buzzes|says|comes|is answered)\b"
    rf"|\b(?:over|on|through|from|into|down|by) (?:the|your) {DEVICE}\b"
    r"|\b(?:letter|text|message|note|postcard|telegram|recording|photograph) (?:from|of|by|on)\b"
    r"|\b(?:you dream|in your dream|you remember|in your head|far off|far away|from afar)\b"
    r"|\byou (?:call|ring|telephone|phone)\b",
    re.IGNORECASE,
)
# What is supposed, or was so once: "if Ruske came", "where Bea ran".
ASIDE = re.compile(r"\b(?:if|where|how|since|before)\b[^.,;:!?…\n\"“]*", re.IGNORECASE)
# What of somebody may be told alone and is here with them: "Jory's hand closes on the lantern".
BODY = r"['’]s (?:hands?|fingers|eyes|mouth|face|head|arms?|shoulder|foot|feet|voice) \w+s\b"
COMES_BACK = (
    r"(?:(?:comes|walks|steps|bursts|rushes|hurries|runs|stumbles) (?:back|in|into|inside|home)\b"
    r"|climbs (?:back|in|up|over|aboard|down)\b"
    r"|returns\b|arrives\b|is back\b|has come back\b|appears\b)"
)
AT_THE_DOOR = re.compile(
    r"\b(?:a knock|knocks|door (?:\w+ly )?(?:bangs|opens|flies)|at the (?:door|glass|window))\b",
    re.IGNORECASE,
)


def absent_answers(names: str, reply: str, action: str = "", pronoun: str = "") -> bool:
    """Whether the absent, called one of `names` (parted by "|"), act or speak as if they were here.

    `pronoun` and `action` as for `dead_acts`.
    """
    near = ASIDE.sub("", until_they_may(names, reply))
    body = re.search(rf"\b(?:{ways_of(names)}){BODY}", narration(near))
    return body is not None or dead_acts(names, near, action, pronoun)


def ways_of(names: str) -> str:
    return "|".join(re.sub("^the ", "[Tt]he ", each.strip()) for each in names.split("|"))


def until_they_may(names: str, reply: str) -> str:
    """The reply up to where the absent come back, or are reached from afar."""
    comes = re.compile(rf"\b(?:{ways_of(names)}) (?:\w+ly )?{COMES_BACK}")
    plain = TITLE.sub(lambda found: f"{found[1]}\0", reply)
    for sentence in SENTENCES.finditer(plain):
        text = sentence[0].replace("\0", ".")
        if comes.search(text) or AT_THE_DOOR.search(text) or FROM_AFAR.search(text):
            return reply[: sentence.start()]
    return reply
