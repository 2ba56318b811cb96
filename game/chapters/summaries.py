"""The summary of each chapter: what the summary that reaches into it says anew."""

from collections.abc import Sequence
from uuid import UUID

from game.chapters.chapters import Section
from game.models import Summary
from inference.worker.summaries import sentences


def summaries_of(sections: Sequence[Section]) -> dict[UUID, str]:
    """Texts by the last turn of each section that has a summary.

    A summary tells all that happened before its turn. Sentences that an earlier section's has too
    are left out.
    """
    found = Summary.objects.in_bulk([each.summary for each in sections if each.summary])
    told: set[str] = set()
    texts: dict[UUID, str] = {}
    for section in sections:
        if section.summary is None or section.summary not in found:
            continue
        own = sentences(found[section.summary].text)
        text = " ".join(each for each in own if each not in told)
        told.update(own)
        if text:
            texts[section.last] = text
    return texts
