"""Whether a lost thing is used in a reply as if it were there. Pure; for English.

It may be missed, looked for, spoken of, seen where it lies, and something else may stand in for it.
What may not be: it is in the player's hand or at work, or what only it can do is done.
"""

import re
from collections.abc import Sequence

from inference.reply.quotes import narration
from inference.world.needs import done_with, head_of, is_heard, opens_itself

SENTENCES = re.compile(r"[^.!?…\n]+[.!?…]*")
# In a sentence that names the thing: it is known to be gone, or it is not the thing.
MISSED = re.compile(
    r"\b(?:no|not|nothing|never|without|lost|gone|if|remember|would|could|might|had|miss|instead"
    r"|below|bottom|pieces|crumbs|fell|threw|dropped|left (?:it|in|at|behind|on)|another|new"
    r"|somewhere|(?:feel|reach|look|search) for)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
# Where it was, or should be, there is nothing.
EMPTY = re.compile(
    r"\byour? (?:have (?:no|nothing)|(?:hands?|fist|sleeve|boot|belt|wrist|ear|pockets?)\b"
    r".*\b(?:empty|nothing|bare))|\b(?:no|nothing|bare)\b.*\byour (?:hand|hands|wrist|ear)\b",
    re.IGNORECASE,
)
# What is seen or thought of is not used.
PERCEIVES = (
    r"(?:see|hear|think|wish|want|need|imagine|watch|know|find|look|ask|feel in|put your hand out)"
)
# The sentence after one that names the thing.
TAKEN_UP = re.compile(rf"\bin your hands?\b|\bYou (?!(?:can )?{PERCEIVES}\b)\w+ it\b")
# What cannot be done without a tool; the player's action said with which.
NEEDS_A_TOOL = r"(?:unlock|lock|cut|saw|shoot|stab|tie|dig|light|measure)"
# A verb of which the thing is the subject, but what any thing is or does where it lies.
AT_WORK = r"(?!(?:is|was|has|lies|shines|hangs|stands|rests|remains|falls|sinks|as|his|its|this)\b)"


def lost_used(names: str, reply: str, action: str = "") -> bool:
    """Whether a lost thing, called one of `names` (parted by "|"), is used as if it were there.

    `action` is what the player did, as the page shows it.
    """
    thing = "|".join(re.escape(each.strip()) for each in names.split("|"))
    mentioned = False
    used = False
    for sentence in map(str.strip, SENTENCES.findall(narration(reply))):
        if re.match(rf"You no longer have the (?:{thing})", sentence, re.IGNORECASE):
            continue  # so the reply was begun; what follows may contradict it
        named = re.search(rf"\b(?:{thing})\b", sentence, re.IGNORECASE) is not None
        if EMPTY.search(sentence) or (named and MISSED.search(sentence)):
            return False
        if (named and in_use(thing, sentence)) or (mentioned and TAKEN_UP.search(sentence)):
            used = True
        if re.search(rf"\b(?:the|your) (?:{thing})\b", sentence, re.IGNORECASE):
            mentioned = True
    told = narration(reply)
    done = any(done_with(each, told, action) or is_heard(each, told) for each in names.split("|"))
    return used or done or done_without(reply, action) or opens_itself(told, action)


def in_use(thing: str, sentence: str) -> bool:
    """Whether the player has the thing in this sentence, or it is at work."""
    the = rf"(?:the|your) (?:{thing})\b"
    return (
        re.search(
            rf"\b(?:with|through|by|of|on) {the}"
            rf"|\b(?:in|into|under|from) your (?:{thing})\b"
            rf"|\b(?:{thing}) [^.,;]*\bin your hands?\b"
            rf"|\byour (?:{thing}) is the\b"
            rf"|\b(?:{thing}) (?:\w+ly )?{AT_WORK}\w+s\b"
            rf"|\b(?:{thing}) (?:in|on|around|at|to) your\b(?! (?:mind|head|memory|thoughts))"
            rf"|\b(?:takes|grabs|holds|bites|pulls|catches|touches) {the}(?! of\b)"
            rf"|\b[Yy]ou (?!(?:can )?{PERCEIVES}\b)\w+[^.,;]* {the}"
            rf"|\bwhen you \w+ [^.,;]*{the}",
            sentence,
            re.IGNORECASE,
        )
        is not None
    )


def done_without(reply: str, action: str) -> bool:
    """Whether the reply does what was typed, which cannot be done without the thing."""
    typed = re.match(rf"You {NEEDS_A_TOOL} \w+ \w+", action)
    told = narration(reply)
    if typed is None or re.search(r"\bwith (?:a|an)\b", told):
        return False
    return typed[0].casefold() in told.casefold()


# Who has it back, or looks for it, may use it.
REGAINS = (
    r"(?:take|pick|grab|find|retrieve|get|catch|recover|fetch|collect|buy|receive|reach for"
    r"|search for|look for|snatch|dig|fish|hand|give|pass|return|bring|throw|toss|lend|make"
    r"|hold out)"
)
OTHER = r"(?:another|new|second|spare|other|different|his|her|their|'s)"
PUT_DOWN = r"(?:put|set|lay|laid|place|leave|left|hang|hung|lean|rest|stand)"


def uses_lost(name: str, told: str, action: str = "") -> bool:
    """Whether the player uses what they have lost: `lost_used` without what is no fault in play.

    It may be got back in the reply or the action, and another of its kind may be used. Where the
    action does not name it, somebody else may use it.
    """
    head = re.escape(head_of(name))
    regained = rf"\b{REGAINS}(?:s|es|ed|ing)?\b[^.!?]{{0,40}}\b{head}\b"
    other = rf"{OTHER} (?:[\w'’-]+ ){{0,2}}{head}\b"
    if re.search(f"{regained}|{other}", f"{action} {told}", re.IGNORECASE):
        return False
    if re.search(rf"\b{head}\b", action, re.IGNORECASE):
        return lost_used(f"{name}|{head_of(name)}", told)
    return any(
        used_by_player(head, each) and not MISSED.search(each) for each in SENTENCES.findall(told)
    )


def used_by_player(thing: str, sentence: str) -> bool:
    """Whether it is the player who has or uses the thing in this sentence."""
    return (
        re.search(
            rf"\b(?:with|through|by|in|into|under|from) your (?:{thing})\b"
            rf"|\b(?:{thing}) [^.,;]*\bin your hands?\b|\b(?:{thing}) (?:in|on|around|at) your\b"
            rf"|\byour (?:{thing}) (?:\w+ly )?{AT_WORK}\w+s\b"
            rf"|\b[Yy]ou (?!(?:can )?{PERCEIVES}\b)\w+ (?:up |out )?(?:the|your) (?:{thing})\b",
            sentence,
            re.IGNORECASE,
        )
        is not None
    )


def was_put_down(name: str, texts: Sequence[str]) -> bool:
    """Whether a thing was put down, as far as `texts` tell: it is at hand still."""
    put = re.compile(
        rf"\b{PUT_DOWN}s?\b[^.!?]{{0,30}}\b{re.escape(head_of(name))}\b", re.IGNORECASE
    )
    return any(put.search(text) for text in texts)
