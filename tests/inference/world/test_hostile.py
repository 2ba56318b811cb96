"""Whatever is typed, told or used as a name: reading a turn and checking a reply end soon."""

import time

import pytest

from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World
from inference.world import rules
from inference.world.checks import Facts
from inference.world.names import names_in

LONGEST = 4_000  # characters of an action or a reply
SECONDS = 1.5  # of processor time: what grows by the square takes minutes here
NAMES = [
    "Teague",
    "(a+)+$",
    "[",
    ".*" * 30,
    "|",
    "\\",
    "Mr. Holm",
    "the Captain",
    "A" * 60,
    "X " * 29,
]
WORLD = World(
    place="(",
    people=(
        *(Person(name=name, life="dead") for name in NAMES),
        Person(name="Orla Budge", life="gone"),
        Person(name="Jory", here=True),
    ),
    things=tuple(
        Thing(name=name, held="lost")
        for name in ["lamp", "key", "earpiece", "(a|b)*", "?", "x " * 29]
    ),
)
PIECES = {
    "spaces": " ",
    "line ends": "\n",
    "one word": "Aa",
    "hyphens": "Aa-",
    "titles": "Dr ",
    "names": "Teague Aa, ",
    "marks": '"',
    "open quotations": "“",
    "adverbs": "Teague slowly ",
    "joints": "and then as if ",
    "things": "your lamp with the ",
    "said": '"" says the old ',
    "Chinese": "你把",
    "French": "tu prends la lampe et ",
    "deeds": "and unlock ",
    "riders": "You ride away on ",
    "places": "In the ",
    "what is gone": "gone, so is your ",
    "what is taken": "taking your ",
    "voices": "a voice ",
    "marks on letters": "e\u0301",
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_no_text_takes_long_to_read_or_to_check(piece):
    text = f"You look at Teague. {piece * LONGEST}"[: LONGEST - 6] + " lamp"
    begun = time.process_time()
    rules.read_turn(Passage(kind="do", action=text, reply=text), WORLD, names_in(text), "Bob")
    facts = Facts(WORLD, text, [text] * 4)
    facts.mentioned(text)
    facts.contradicted(text)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize("text", ["Tu prends la lampe. ", "你拿起灯，走进房间。", "You take it. "])
def test_a_thousand_names_that_nobody_tells_of_cost_little(text):
    names = frozenset(f"Aa{number:04} Bb{number:04}" for number in range(3_000))
    begun = time.process_time()
    rules.read_turn(Passage(kind="do", action="wait", reply=text * 100), WORLD, names, "Bob")
    assert time.process_time() - begun < SECONDS


def test_names_that_are_patterns_are_only_names():
    facts = Facts(WORLD, "wait")
    for name in NAMES:
        facts.contradicted(f"{name} nods. aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")
    assert facts.contradicted("You see the well. a nods. b smiles.") is None
    found = facts.contradicted("Teague nods at you.")
    assert found is not None and found.fact == "Teague is dead."
