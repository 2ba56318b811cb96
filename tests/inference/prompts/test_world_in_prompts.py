"""Recalled turns and the state of the world in the prompt: frozen shapes, version 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.contract.request import Passage
from inference.contract.world import Person, Recalled, Thing, World
from inference.prompts import stable_front
from inference.prompts.beginnings import facts_of
from inference.worker.idle.read_ahead import next_request
from tests.prompting import OPENING, build, count, narrator, render_chat, request, told_turns

WORLD = World(
    place="the lock house",
    time="night",
    people=(
        Person(name="Mira", here=True, mood="wary"),
        Person(name="Jonna", here=True),
        Person(name="Teague", life="dead"),
        Person(name="Ambrose", life="gone"),
    ),
    things=(
        Thing(name="brass lantern", held="carried"),
        Thing(name="oilskin", held="worn"),
        Thing(name="rope", held="lost"),
        Thing(name="spoon", held="carried"),
    ),
    aims=("find the ledger",),
    facts=("The bridge is down.", "The bishop counts his geese."),
)
OLD = (
    Recalled(turn="u5", number=5, text="Teague hid the ledger under the third stair."),
    Recalled(turn="u2", number=2, text="Mira was paid thirty marks."),
)
STORY = (
    Passage(kind="opening", reply=OPENING),
    Passage(kind="do", action="cross the bridge", reply="You hold the lantern and the oilskin."),
)


def built(action="call Teague", world=WORLD, format="chat", beside=True, **context):
    context.setdefault("story", STORY)
    asked = request("do", action, world=world, **context)
    return build(asked, narrator(format, cards_beside_action=beside))


NOW = (
    "Now: Open aim: find the ledger. Place: the lock house, night. Here: Mira (wary), Jonna. "
    "The bridge is down. You carry: brass lantern. You wear: oilskin."
)


def test_the_state_stands_in_front_of_the_action_and_what_the_action_brings_after_it():
    text = built("call Teague and throw the rope").text
    assert text.endswith(
        f"user\n{NOW}\n\nNow: You no longer have: rope. Teague is dead.\n\n"
        "You call Teague and throw the rope.<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_transcript_has_the_same_lines_in_brackets():
    text = built(format="transcript").text
    assert text.endswith(f"[{NOW}]\n[Now: Teague is dead.]\n> You call Teague.\n")


def test_other_narrators_have_it_where_cards_and_note_stand():
    text = built(beside=False).text
    assert text.index("Here: Mira") < text.index("You hold the lantern")


def test_nothing_is_said_of_what_nobody_mentions():
    text = built("wait").text
    for word in ("Teague", "Ambrose", "rope", "spoon", "geese"):
        assert word not in text


def test_recalled_sentences_stand_in_the_order_of_the_story():
    recalled = built("wait", world=None, earlier=OLD, turns=40)
    line = "Earlier: Mira was paid thirty marks. Teague hid the ledger under the third stair."
    assert f"user\n{line}\n\nYou wait." in recalled.text
    assert [(each.number, each.turn, each.text) for each in recalled.report.recalled] == [
        (2, "u2", ""),
        (5, "u5", ""),
    ]
    titles = [piece.title for piece in recalled.report.pieces if piece.origin == "earlier"]
    assert titles == ["2:u2", "5:u5"]


def test_what_the_prompt_has_anyway_is_not_recalled():
    ten = (*STORY, *told_turns(8))
    assert "Earlier" not in built("wait", world=None, earlier=OLD, story=ten, turns=10).text
    assert "Earlier" in built("wait", world=None, earlier=OLD, story=ten, turns=30).text


def test_recalled_sentences_take_their_share_and_no_more():
    many = tuple(
        Recalled(
            turn=f"u{number}", number=number, text="Geese came. " * 3, by_action=number % 2 == 0
        )
        for number in range(100)
    )
    report = built("wait", earlier=many, turns=200).report
    tokens = sum(count(piece.text) for piece in report.pieces if piece.origin == "earlier")
    room = report.window - report.max_tokens
    assert 0.12 * room < tokens <= 0.15 * room
    assert report.pieces[-1].origin == "frame"


def test_the_state_takes_its_share_and_loses_what_matters_least():
    crowd = World(
        people=tuple(Person(name=f"Guest number {index}", here=True) for index in range(40)),
        aims=("an aim of many words " * 9,) * 5,
        things=(Thing(name="rope", held="lost"),),
    )
    built_one = built("throw the rope", world=crowd)
    tokens = sum(count(each.text) for each in built_one.report.pieces if each.origin == "world")
    assert tokens <= 0.08 * (built_one.report.window - built_one.report.max_tokens)
    assert "You no longer have: rope." in built_one.text


def test_a_narrator_without_a_state_is_not_told_of_it():
    asked = request("do", "call Teague", world=WORLD, story=STORY)
    teller = narrator(cards_beside_action=True, state="none", may_repeat=False)
    assert "Teague is dead" not in build(asked, teller).text
    assert facts_of(asked.context, teller) is None
    assert facts_of(asked.context, narrator(may_repeat=False)) is not None


def test_hidden_things_are_marked():
    report = built("wait", world=World(hidden=("Mira holds the ledger",))).report
    pieces = [(each.text, each.title) for each in report.pieces if each.origin == "world"]
    assert pieces == [("Mira holds the ledger.", "hidden")]


@pytest.mark.parametrize("format", ["chat", "transcript"])
def test_the_note_stands_in_front_of_the_turn_before(format):
    """Beside the newest action a model of 1.5B obeys it to the letter and says hardly a word."""
    text = built("wait", world=None, format=format).text
    assert text.index(OPENING) < text.index("Short sentences.") < text.index("You cross the bridge")


@pytest.mark.parametrize("format", ["chat", "transcript"])
@given(
    action=st.sampled_from(["wait", "call Teague", "throw the rope", "count the geese"]),
    kind=st.sampled_from(["do", "say", "continue"]),
    turns=st.integers(0, 12),
)
def test_no_action_changes_what_was_read_ahead(format, action, kind, turns):
    teller = narrator(format, cards_beside_action=True)
    asked = request(
        kind,
        "" if kind == "continue" else action,
        story=(*STORY, *told_turns(turns)),
        world=WORLD,
        earlier=(*OLD, OLD[0].model_copy(update={"by_action": True, "number": 7})),
        turns=100,
    )
    front = stable_front(asked, teller, count, render_chat, 2048)
    text = build(asked, teller).text
    assert text.startswith(front)
    assert count(text) - count(front) < 60


def test_the_worker_reads_ahead_without_what_the_game_finds_out_later():
    following = next_request(request(world=WORLD, earlier=OLD, turns=40), "Nothing moves.")
    assert following.context.world is None
    assert following.context.earlier == ()
    assert following.context.turns == 41
