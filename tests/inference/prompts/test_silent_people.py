"""How a reply begins to someone who cannot answer, and to the use of what is lost."""

import pytest

from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World
from inference.prompts import beginnings, reply_stream
from tests.prompting import build, narrator, request

WORLD = World(
    people=(
        Person(name="Maud Finch", life="dead"),
        Person(name="Agnes", life="gone"),
        Person(name="Jory", here=True),
    ),
    things=(Thing(name="saw", held="lost"), Thing(name="brass lantern", held="lost")),
)
STORY = (
    Passage(
        kind="opening", reply='"Go on," says Jory. Maud Finch lies by the stove. Agnes is gone.'
    ),
)
BEGUN = {"say": '{someone} says, "'}


def begun(kind, action, world=WORLD, story=STORY, **more):
    asked = request(kind, action, story=story, world=world)
    teller = narrator(begun=BEGUN, cards_beside_action=True, may_repeat=False, **more)
    return build(asked, teller).text.rsplit("assistant\n", 1)[1]


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        ("Maud, what does he eat?", "Maud does not answer. The"),
        ("What does he eat, Maud Finch?", "Maud Finch does not answer. The"),
        ("Agnes, who is that?", "Agnes is not here to answer. The"),
        ("Jory, who is that?", 'Jory says, "'),
        ("Where is Maud, Jory?", 'Jory says, "'),
        ("Who is there?", 'Jory says, "'),
        ("Maud, wo ist der Ofen?", ""),  # these sentences are for English
    ],
)
def test_whoever_cannot_answer_does_not(action, reply):
    assert begun("say", action) == reply


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        ("ask Maud about the stove", "Maud does not answer. The"),
        ("cut the rope with the saw", "You no longer have the saw. The"),
        ("hold up the lantern", "You no longer have the brass lantern. The"),
        ("light the brass lantern", "You no longer have the brass lantern. The"),
        ("look for the saw", ""),
        ("pick up the saw", ""),
        ("ask Jory about the saw", ""),
        ("cut the rope with the knife", ""),
        ("see the rope", ""),
    ],
)
def test_what_is_lost_is_not_used(action, reply):
    assert begun("do", action) == reply


def test_where_ghosts_walk_the_dead_may_answer():
    haunted = (*STORY, Passage(kind="continue", reply="The ghost of Maud Finch rises."))
    assert begun("say", "Maud, what does he eat?", story=haunted) == 'Maud says, "'


def test_a_narrator_without_a_state_lets_anybody_answer():
    assert begun("say", "Maud, what does he eat?", state="none") == 'Maud says, "'


def test_what_an_action_names_stands_last_in_the_prompt():
    asked = request("do", "sit down beside Maud Finch", story=STORY, world=WORLD)
    text = build(asked, narrator(cards_beside_action=True, may_repeat=False)).text
    assert "You sit down beside Maud Finch.\n\n(Maud Finch is dead.)<|im_end|>" in text


FIELD = World(
    people=(Person(name="the fly", life="dead"), Person(name="Thistle", life="dead")),
    things=(Thing(name="iron key", held="lost"),),
)


@pytest.mark.parametrize(
    ("kind", "action", "reply"),
    [
        ("say", "Which way now, fly?", "The fly does not answer. The"),
        ("say", "Old fly, which way?", "The fly does not answer. The"),
        ("say", "I saw a fly.", ""),
        ("do", "go out and ride away on Thistle", "Thistle is dead. The"),
        ("do", "hold out a crumb to Thistle", "Thistle is dead. The"),
        ("do", "hold up the lamp and look at Thistle", ""),
        ("do", "unlock the cabinet", "You no longer have the iron key. The"),
        ("do", "unlock the cabinet with a hairpin", ""),
        ("do", "take the iron key out of my boot", "You no longer have the iron key. The"),
        ("do", "take the iron key", ""),
    ],
)
def test_what_needs_somebody_alive_or_a_lost_thing_is_answered_with_the_fact(kind, action, reply):
    story = (Passage(kind="opening", reply="The cabinet is shut."),)
    assert begun(kind, action, world=FIELD, story=story) == reply


def test_the_facts_are_made_once_for_a_prompt_and_once_for_a_reply(monkeypatch):
    made = []
    real = beginnings.Facts
    monkeypatch.setattr(beginnings, "Facts", lambda *given: made.append(1) or real(*given))
    asked = request("say", "Maud, what does he eat?", story=STORY, world=WORLD)
    teller = narrator(begun=BEGUN, may_repeat=False)
    build(asked, teller)
    assert len(made) == 1
    reply_stream(asked, teller)
    assert len(made) == 2
