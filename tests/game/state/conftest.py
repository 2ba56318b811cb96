"""A rule that every story here is written for: "NAME arrives.", "NAME dies.", "You take NAME."."""

import re

import pytest

from game.state import changes
from inference.contract.world import WorldChange

SAID = re.compile(r"(\w+) (arrives|leaves|dies)\.|You (take|lose) the (\w+)\.|You are in (\w+)\.")


def read(text):
    for person, what, hand, thing, place in SAID.findall(text):
        if place:
            yield WorldChange(part="place", value=place, source="rule", sentence=text)
        elif thing:
            held = {"take": "carried", "lose": "lost"}[hand]
            yield WorldChange(part="thing", name=thing, field="held", value=held, source="rule")
        elif what == "dies":
            yield WorldChange(
                part="person",
                name=person,
                field="life",
                value="dead",
                source="rule",
                sentence=f"{person} dies.",
            )
        else:
            here = {"arrives": "yes", "leaves": "no"}[what]
            yield WorldChange(part="person", name=person, field="here", value=here, source="rule")


@pytest.fixture
def plain_rules(monkeypatch):
    monkeypatch.setattr(
        changes, "read_by_rules", lambda turn, before: [*read(f"{turn.action}\n{turn.reply}")]
    )
