"""How a reply ends, and what of a prompt stands in it. Pure."""

import re

from inference.reply.rules.reminder import says_reminder

SENTENCE_END = re.compile(r"""[.!?…。！？।؟]["'”’»」』)\]]*$""")
LEAKS = re.compile(
    r"<\||\|>|<｜|</?s>|\[/?INST\]|<<SYS>>|<(?:start|end)_of_turn>|</?think>"
    r"|^\s*(?:###?|\*\*|>|user:|assistant:|system:|narrator:)"
    r"|\bauthor['’]s note\b|\bas an ai\b|^(?:sure|certainly)[!,.]"
    r"|\bhere(?:['’]s| is) the (?:story|next)"
    r"|\b(?:two|three|four) to (?:three|four|five|six) sentences\b|\bthe second person\b",
    re.IGNORECASE | re.MULTILINE,
)


SENTENCES = re.compile(r"(?<=[.!?…])\s+")
QUOTED = re.compile(r'"[^"]*"?|“[^”]*”?')
TOKENS_AT_END = re.compile(r"(?:\s*(?:<\|[^|<>]*\|>|</s>|\[/?INST\]))+\s*$")


def empty(reply: str) -> bool:
    """Whether there is no word in it."""
    return not any(each.isalnum() for each in reply)


def cut(reply: str) -> bool:
    """Whether it ends inside a sentence, or with the "…" that stands for the rest of one."""
    reply = TOKENS_AT_END.sub("", reply.rstrip())
    if empty(reply):
        return False
    return not SENTENCE_END.search(reply) or reply.rstrip("\"'”’»」』)]").endswith(("…", "..."))


def leaks(reply: str, reminder: str = "") -> bool:
    """Whether template tokens, markers, headings, talk about the task or the reminder are in it."""
    if LEAKS.search(reply):
        return True
    return any(says_reminder(each, reminder) for each in SENTENCES.split(QUOTED.sub("", reply)))
