"""Actions that a narrator suggests: as a player would type them, and each a new one."""

import json

import pytest

from inference.world import suggestions
from inference.world.suggestions import UnreadableAnswer
from tests.prompting import request


def actions(*found, said=()):
    return suggestions.actions_in(json.dumps(found), said)


def test_three_short_actions_are_asked_for():
    question = suggestions.question_of(request())
    schema = question.output.json_schema
    assert schema["minItems"] == schema["maxItems"] == 3
    assert schema["items"]["maxLength"] == suggestions.LONGEST_ACTION


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("ask Teague about the key", "ask Teague about the key"),
        ("Ask Teague about the key.", "ask Teague about the key"),
        ("You ask Teague about the key", "ask Teague about the key"),
        ("I'll open the door", "open the door"),
        ("You could open the door", "open the door"),
        ("1. Open the door", "open the door"),
        ("- “Open the door.”", "open the door"),
        ('"Open the door"', "open the door"),
        ("open\nthe   door", "open the door"),
        ("<|im_end|>open the door", "open the door"),
        ("去磨坊", "去磨坊"),
        ("Ouvre la porte", "ouvre la porte"),
    ],
)
def test_an_action_is_as_a_player_types_it(told, kept):
    assert actions(told) == (kept,)


def test_nothing_is_suggested_twice_nor_what_was_done_just_now():
    found = actions("Open the door", "open the door.", "run", "hide", said=["You run!"])
    assert found == ("open the door", "hide")


def test_what_is_empty_or_too_long_is_left_out():
    assert actions("", "  ", "x" * 81, "wait here", "I") == ("wait here",)


@pytest.mark.parametrize("answer", ["", '["open', '{"a": "b"}', '["open", 7]', "7"])
def test_an_answer_that_is_none_is_refused(answer):
    with pytest.raises(UnreadableAnswer):
        suggestions.actions_in(answer, ())
