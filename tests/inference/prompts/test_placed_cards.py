"""Cards beside the actions that first mention them: the prompt grows at its end alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.contract.request import Card, Passage
from inference.prompts.placing import REPEAT_TURNS
from tests.prompting import OPENING, build, count, narrator, request

JORY = Card(title="Jory", keys=("Jory",), text="Jory is the mate, and afraid of geese.")
KEY = Card(title="Key", keys=("key",), text="The brass key opens the third gate.")
GEESE = Card(title="Geese", keys=("geese",), text="The geese belong to the bishop.")
OPEN = Passage(kind="opening", reply=OPENING)


def turn(action, reply="The wind turns.", kind="do"):
    return Passage(kind=kind, action=action, reply=reply)


def built_after(story, action="wait", kind="do", format="chat", cards=(JORY, KEY), **context):
    asked = request(kind, action, story=(OPEN, *story), cards=cards, **context)
    return build(asked, narrator(format, cards_beside_action=True))


@pytest.mark.parametrize("format", ["chat", "transcript"])
def test_a_card_stays_in_front_of_the_action_that_first_mentioned_it(format):
    first = turn("call Jory")
    later = [turn(f"count to {number}") for number in range(8)]
    text = built_after([first, *later], format=format).text
    assert text.index(JORY.text) < text.index("You call Jory.") < text.index("You count to 0.")
    assert text.count(JORY.text) == 1


@pytest.mark.parametrize("format", ["chat", "transcript"])
def test_a_card_that_a_reply_mentions_stands_in_front_of_the_next_action(format):
    story = [turn("listen", "Jory coughs somewhere."), turn("go on"), turn("stop")]
    text = built_after(story, format=format).text
    assert text.index("Jory coughs") < text.index(JORY.text) < text.index("You go on.")


def test_a_card_stands_again_where_it_is_mentioned_long_after():
    between = [turn(f"count to {number}") for number in range(REPEAT_TURNS)]
    text = built_after([turn("call Jory"), *between], "call Jory").text
    assert text.count(JORY.text) == 2
    assert text.rindex("You count to") < text.rindex(JORY.text)
    soon = built_after([turn("call Jory"), *between[:3]], "call Jory").text
    assert soon.count(JORY.text) == 1


def test_what_a_card_names_comes_with_it():
    built = built_after([turn("call Jory")], cards=(JORY, GEESE))
    assert GEESE.text in built.text
    assert [(each.title, each.via) for each in built.report.fired] == [
        ("Jory", ""),
        ("Geese", "Jory"),
    ]


def test_what_a_pinned_card_names_stands_with_it_at_the_beginning():
    pinned = JORY.model_copy(update={"pinned": True})
    text = built_after([turn("wait")], cards=(pinned, GEESE)).text
    assert text.index(GEESE.text) < text.index(OPENING)


def test_the_oldest_cards_give_way_where_the_room_is_short():
    many = [
        Card(title=f"Hen {number}", keys=(f"hen{number}",), text=f"word{number} " * 60)
        for number in range(20)
    ]
    story = [turn(f"call hen{number}") for number in range(20)]
    built = built_after(story, "look at hen3", cards=many)
    titles = [each.title for each in built.report.fired]
    assert titles[-1] == "Hen 3"
    assert "Hen 19" in titles
    assert "Hen 0" not in titles
    on_cards = sum(count(piece.text) for piece in built.report.pieces if piece.origin == "card")
    assert on_cards <= 0.25 * built.report.window


def test_a_card_that_has_no_room_at_all_is_named():
    huge = Card(title="Tower", keys=("tower",), text="tall " * 2000)
    built = built_after([turn("call Jory")], "climb the tower", cards=(JORY, huge))
    assert built.report.left_out == ("Tower",)
    assert JORY.text in built.text


WORDS = st.sampled_from(["Jory", "key", "geese", "lamp", "door", "wind"])
ACTIONS = st.tuples(st.sampled_from(["do", "say", "story", "continue"]), WORDS)


@given(st.lists(st.tuples(ACTIONS, WORDS), min_size=2, max_size=30), st.booleans())
def test_between_two_cuts_a_prompt_begins_with_the_one_before_it(plays, transcript):
    """Up to the note, which moves by a turn; here there is none."""
    cards = (JORY, KEY, GEESE)
    format = "transcript" if transcript else "chat"
    story: list[Passage] = []
    before = ""
    for (kind, word), told in plays:
        action = "" if kind == "continue" else f"find the {word}"
        now = built_after(story, action, kind, format, cards, authors_note="")
        assert not now.report.cut
        assert now.text.startswith(before)
        before = now.text.removesuffix("<|im_start|>assistant\n")
        story.append(turn(action, f"There is a {told}.", kind))
