"""Parts of a story that stand for the whole: on the shelf, at home, where a link is pasted. Pure.

A part never ends or begins within a quotation without the marks that belong to it.
"""

import re

from inference.reply.quotes import quotations
from inference.worker.summaries import sentences

ELLIPSIS = "…"
LEAST = 0.4  # of the room: an excerpt that ends before a quotation is at least so long
LAST_WORDS = 240  # code points of a story's end that stand on its card
FEW = 60  # a shorter last sentence brings the one before it
MARKS = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "'": "'", "‘": "’"}


def last_words(reply: str, most: int = LAST_WORDS) -> str:
    """The last sentence of a reply, with the one before it where it is short.

    A sentence within a quotation comes with the whole quotation, where that fits.
    """
    told = whole_sentences(reply)
    words = told.pop() if told else ""
    while told and len(words) < FEW and len(told[-1]) + len(words) < most:
        words = f"{told.pop()} {words}"
    return end_of(words, most)


def whole_sentences(text: str) -> list[str]:
    """Its sentences, those of one quotation together."""
    found: list[str] = []
    for each in sentences(text):
        if found and quoted_at_end(found[-1]):
            found[-1] = f"{found[-1]} {each}"
        else:
            found.append(each)
    return found


def quoted_at_end(text: str) -> str:
    """The mark that opens the quotation in which `text` ends; "" where it ends in none."""
    for begin, end in quotations(text):
        if end == len(text) and (text[-1] not in MARKS.values() or end - begin == 1):
            return text[begin]
    return ""


def start_of(text: str, most: int) -> str:
    """The first `most` code points of a text, whole words, with an ellipsis where it goes on."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 2]  # room for an ellipsis and a closing mark
    within = next(
        (span for span in quotations(text) if span[0] < len(cut) < span[1]),
        None,
    )
    if within and within[0] >= most * LEAST:
        return with_ellipsis(cut[: within[0]])
    if text[len(cut) : len(cut) + 1].strip():
        cut = cut.rsplit(" ", 1)[0] if " " in cut.strip() else cut
    return with_ellipsis(cut) + (MARKS.get(text[within[0]], "") if within else "")


def end_of(text: str, most: int) -> str:
    """The last `most` code points of a text, from a pause or a word on, with an ellipsis before."""
    if len(text) <= most:
        return text
    at = len(text) - (most - 3)  # room for an ellipsis, a space and an opening mark
    half = text[at : at + most // 2]
    outside = [end for _, end in quotations(text) if at <= end < at + most // 2]
    pause = re.search(r"[,;:—–]\s+(?=\S)", half)
    if pause:
        at += pause.end()
    elif outside:
        at = outside[0]
    elif " " in text[at:]:
        at = text.index(" ", at) + 1
    within = next((begin for begin, end in quotations(text) if begin < at < end), None)
    mark = "" if within is None else text[within]
    return f"{ELLIPSIS} {mark}{text[at:].lstrip()}"


def with_ellipsis(text: str) -> str:
    return text.rstrip(" ,;:–—") + ELLIPSIS
