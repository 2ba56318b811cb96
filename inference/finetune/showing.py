"""What a narrator is given for each turn besides the story: for writers of adventures. Pure."""

from collections.abc import Iterator

from inference.finetune.corpus import Adventure, Turn
from inference.finetune.playing import Played, first_sent
from inference.finetune.prepare import chatml
from inference.finetune.rules import estimated_tokens
from inference.narrators import Narrator
from inference.prompts import build

WINDOW = 100_000  # tokens: nothing is cut
LABELS = {"earlier": "Earlier", "world": "Now", "dice": "dice"}


def given_lines(adventure: Adventure) -> Iterator[str]:
    """A line for each turn, and below it the cards, recalled sentences, state and dice it has."""
    played = Played(adventure)
    narrator = Narrator.model_validate(
        {
            "name": "any",
            "line": "-",
            "engine": "scripted",
            "format": "chat",
            "context": WINDOW,
            "cards_beside_action": True,
        }
    )
    for turn in adventure.turns:
        yield f"turn {turn.number}, line {turn.line}: > {turn.shown}".rstrip()
        yield from (f"    {line}" for line in parts_of(played, turn, narrator))


def parts_of(played: Played, turn: Turn, narrator: Narrator) -> Iterator[str]:
    """What the prompt of one turn has besides the story."""
    request = played.request(turn)
    report = build(request, narrator, estimated_tokens, chatml, WINDOW).report
    path = played.adventure.path_to(turn)
    if first := first_sent(path):
        yield f"the story from turn {path[first - 1].number} on"
    newest = len(request.context.story)
    for firing in report.fired:
        yield f"card: {firing.title}" + (f" ({firing.key})" if firing.key else "")
    for origin, label in LABELS.items():
        texts = [
            piece.text
            for piece in report.pieces
            if piece.origin == origin and piece.passage in (None, newest)
        ]
        if texts:
            yield f"{label}: {' '.join(texts)}"
