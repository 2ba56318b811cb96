"""What a page shows of a file before it is imported: what it is, how much, and what cannot come.

Pure: the preview of a file is made in the process that reads it.
"""

from dataclasses import asdict
from typing import Any

from game.imports.documents import FileDocument, every_card

MOST_TITLES = 50
LONGEST_TITLE = 120


def preview_of(document: FileDocument) -> dict[str, Any]:
    """The preview of a document, as it is stored."""
    adventures = [
        story("adventure", each.title, turns=len(each.turns), cards=len(each.cards))
        for each in document.adventures
    ]
    scenarios = [
        story("scenario", each.title, cards=len(each.cards), questions=len(each.placeholders))
        for each in document.scenarios
    ]
    return {
        "adventures": len(adventures),
        "scenarios": len(scenarios),
        "cards": len(every_card(document)),
        "turns": sum(each["counts"]["turns"] for each in adventures),
        "settings": bool(document.settings),
        "stories": [*adventures, *scenarios][:MOST_TITLES],
        "notes": [asdict(note) for note in document.notes],
    }


def story(kind: str, title: str, **counts: int) -> dict[str, Any]:
    """One story of a preview or report."""
    return {"kind": kind, "title": " ".join(title.split())[:LONGEST_TITLE], "counts": counts}
