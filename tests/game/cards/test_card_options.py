"""What options a card may have, and what is said of others. No database."""

import pytest

from game.cards.options import (
    OptionProblem,
    options_of,
    patterns_problem,
    read_options,
    usable_options,
)
from inference.contract.request import Card, GenerationRequest


def test_options_as_usual_are_not_stored():
    usual = {"whole_words": True, "order": 100, "probability": 100, "secondary_keys": []}
    assert read_options({**usual, "depth": None, "group": " ", "sticky": 2}) == {"sticky": 2}


@pytest.mark.parametrize(
    "name, value",
    [
        ("probability", 0),
        ("probability", 101),
        ("probability", True),
        ("sticky", -1),
        ("depth", 41),
        ("order", 1.5),
        ("regex", "yes"),
        ("secondary_logic", "or"),
        ("secondary_keys", "oil, wick"),
        ("secondary_keys", ["k" * 201]),
        ("secondary_keys", [f"key {n}" for n in range(51)]),
        ("group", "g" * 61),
        ("colour", "red"),
    ],
)
def test_a_bad_option_is_refused_by_its_name(name, value):
    with pytest.raises(OptionProblem) as refused:
        read_options({name: value})
    assert refused.value.field == name
    assert str(refused.value)


def test_of_a_files_options_those_that_are_possible_are_taken():
    found, problems = usable_options(
        {
            "probability": 250,
            "sticky": "soon",
            "cooldown": 3.0,
            "vectored": True,
            "order": -20_000,
        }
    )
    assert found == {"cooldown": 3, "order": -10_000}
    assert problems == ["sticky", "vectored"]
    assert usable_options({"depth": float("nan")}) == ({}, ["depth"])


def test_a_pattern_that_is_none_or_takes_too_long_is_refused_with_the_reason():
    assert patterns_problem(["lan(tern|p)s?", r"/\p{L}+ship/i"]) == ""
    assert "missing )" in patterns_problem(["(lamp"])
    assert "unexpected )" in patterns_problem(["lamp)|(oil"])
    assert "(?=" in patterns_problem(["lamp(?=oil)"])
    assert "too much work" in patterns_problem(["[^,]{1,999}z"])
    assert "matches every text" in patterns_problem(["l*"])


def test_a_card_without_options_travels_as_before():
    card = Card(title="Lamp", keys=("lamp",), text="It is out.")
    assert '"options":{}' in card.model_dump_json()
    with_options = card.model_copy(update={"options": options_of({"sticky": 2})})
    assert '"options":{"sticky":2}' in with_options.model_dump_json()
    assert Card.from_message(with_options.model_dump_json()) == with_options


def test_stored_options_of_a_later_version_are_left_out():
    assert options_of({"sticky": 2, "mood": "grim"}).sticky == 2


def test_what_a_later_version_says_of_a_card_is_passed_over():
    request = GenerationRequest.model_validate(
        {
            "adventure": "a",
            "turn": "t",
            "attempt": 1,
            "narrator": "n",
            "context": {
                "cards": [{"title": "T", "keys": [], "text": "x", "pinned": True, "new": 1}],
                "action": {"kind": "continue"},
            },
        },
        extra="ignore",
    )
    assert request.context.cards[0].options == options_of({})
