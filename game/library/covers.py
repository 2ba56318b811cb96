"""Covers: a small picture for each scenario, in two colours, drawn in SVG.

The scenarios that come with Grue have handmade ones, in `covers/<slug>.svg`. All others are
generated: title and tags choose a motif (game.library.motifs), and a hash of both places its light,
its stars and its hills. The same title and tags always give the same picture.

A drawing is 320 by 200 units and has no colours of its own. Its CSS classes say what a shape is:
`line`, `solid` (an outline filled with the background), `faint`, `wire` (a luminous line), `bright`
(a luminous area), `glow`, `beam`, `hole`, `ink`, `dots`, `studs`. static/css/library.css colours
them on pages, COLOURS in link previews. No text of a player is ever part of a drawing.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from game.library.motifs import ANY, MOTIF_OF_WORD, WIDTH, Choices, Motif, sky
from game.models import Adventure, Scenario

HANDMADE = Path(__file__).parent / "covers"

# Colours for the link preview, which follows no theme of the page.
INK, GROUND, LAMP = "#d9cdb8", "#120e09", "#f3b555"
COLOURS = f"""
.line,.solid,.faint,.dots,.studs{{fill:none;stroke:{INK};stroke-width:3;
stroke-linecap:round;stroke-linejoin:round}}
.solid,.hole{{fill:{GROUND}}} .faint{{stroke-width:2;opacity:.4}}
.wire{{fill:none;stroke:{LAMP};stroke-width:3;stroke-linecap:round;stroke-linejoin:round}}
.bright{{fill:{LAMP}}} .glow{{fill:{LAMP};opacity:.13}} .beam{{fill:{LAMP};opacity:.2}}
.ink{{fill:{INK}}} .dots,.studs{{stroke-width:4}} .studs,.bright-dots{{stroke:{LAMP}}}
"""


def cover_of(of: Scenario | Adventure) -> str:
    """The SVG inside a cover's `<svg>` element. An adventure has its scenario's cover."""
    scenario = of if isinstance(of, Scenario) else of.scenario
    if scenario is None:
        return generate_cover(of.title, ())
    if scenario.author_id is None and scenario.slug in handmade_covers():
        return handmade_covers()[scenario.slug]
    return generate_cover(scenario.title, [str(tag) for tag in scenario.tags])


@cache
def handmade_covers() -> dict[str, str]:
    """The covers of the scenarios that come with Grue, by slug."""
    return {file.stem: file.read_text(encoding="utf-8") for file in HANDMADE.glob("*.svg")}


def generate_cover(title: str, tags: Sequence[str]) -> str:
    """The cover that a title and tags produce, always the same."""
    choices = Choices("\n".join((title, *tags)))
    motif = motif_for(title, tags, choices)
    picture = sky(choices) + motif(choices)
    if choices.below(2):
        return f'<g transform="matrix(-1 0 0 1 {WIDTH} 0)">{picture}</g>'
    return picture


def motif_for(title: str, tags: Sequence[str], choices: Choices) -> Motif:
    """The motif of the first known word in the tags, then in the title; else any."""
    for text in (*tags, title):
        for word in re.findall(r"\w+", text.casefold()):
            if found := MOTIF_OF_WORD.get(word) or MOTIF_OF_WORD.get(word.removesuffix("s")):
                return found
        # Chinese puts no spaces between its words.
        for word, motif in MOTIF_OF_WORD.items():
            if not word.isascii() and word in text and len(word.encode()) == 3 * len(word):
                return motif
    return ANY[choices.below(len(ANY))]
