"""Excerpts of stories, for lists, the home page and link previews. Pure functions.

An excerpt never cuts a quotation without adding the quotation mark that is lost.
"""

import re

from inference.reply.quotes import quotations
from inference.worker.summaries import sentences

ELLIPSIS = "…"
MIN_LENGTH = 0.4  # of the limit: an excerpt may end before a quotation from this length on
LAST_WORDS = 240  # code points of a story's end on its preview
SHORT = 60  # code points; a shorter last sentence is shown with the one before
MARKS = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "'": "'", "‘": "’"}


def last_words(reply: str, most: int = LAST_WORDS) -> str:
    """The last sentence of a reply, with the one before if it is short; `most` characters.

    A sentence within a quotation comes with the whole quotation if that fits.
    """
    parts = whole_sentences(reply)
    words = parts.pop() if parts else ""
    while parts and len(words) < SHORT and len(parts[-1]) + len(words) < most:
        words = f"{parts.pop()} {words}"
    return end_of(words, most)


def whole_sentences(text: str) -> list[str]:
    """The sentences of a text; those of one quotation stay together."""
    found: list[str] = []
    for each in sentences(text):
        if found and quoted_at_end(found[-1]):
            found[-1] = f"{found[-1]} {each}"
        else:
            found.append(each)
    return found


def quoted_at_end(text: str) -> str:
    """The mark that opens an unclosed quotation at the end of `text`; "" if there is none."""
    for begin, end in quotations(text):
        if end == len(text) and (text[-1] not in MARKS.values() or end - begin == 1):
            return text[begin]
    return ""


def start_of(text: str, most: int) -> str:
    """The first `most` code points of a text, cut between words, with an ellipsis if it goes on."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 2]  # room for an ellipsis and a closing mark
    within = next(
        (span for span in quotations(text) if span[0] < len(cut) < span[1]),
        None,
    )
    if within and within[0] >= most * MIN_LENGTH:
        return with_ellipsis(cut[: within[0]])
    if text[len(cut) : len(cut) + 1].strip():
        cut = cut.rsplit(" ", 1)[0] if " " in cut.strip() else cut
    return with_ellipsis(cut) + (MARKS.get(text[within[0]], "") if within else "")


def end_of(text: str, most: int) -> str:
    """The last `most` code points of a text, cut at a pause or a word, with an ellipsis before."""
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
    """The text with an ellipsis in place of trailing punctuation and spaces."""
    return text.rstrip(" ,;:–—") + ELLIPSIS
