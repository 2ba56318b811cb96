"""A file of another program, read in a process of its own: what comes back, and what is refused."""

import json

import pytest

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import reader_process
from game.imports.reading import read_file

SCENARIO = {
    "title": "The Glass Ferry",
    "prompt": "You board the ferry as ${Who are you?}.",
    "memory": "The ferryman is blind.",
    "storyCards": [{"keys": "ferryman", "value": "He counts the oars.", "title": "Ferryman"}],
}


def test_a_scenario_comes_back_through_the_other_process():
    document = read_file(json.dumps(SCENARIO).encode(), "ferry.json")
    (scenario,) = document.scenarios
    assert document.format == "aidungeon"
    assert scenario.openings == ["You board the ferry as ${who_are_you}."]
    assert scenario.placeholders[0]["question"] == "Who are you?"
    assert scenario.cards[0].keys == ["ferryman"]


def test_a_file_that_is_no_story_is_refused_with_a_reason():
    with pytest.raises(Unreadable) as refused:
        read_file(b'{"colour": "red"}', "x.json")
    assert "of no kind that can be imported" in sandbox.message_of(refused.value)


def test_a_name_with_strange_characters_is_no_obstacle():
    name = "--help \udc80\0 \u202e" + "x" * 5_000
    assert read_file(json.dumps(SCENARIO).encode(), name).scenarios


def test_a_mistake_of_a_reader_is_said_with_its_place_and_no_word_of_the_file(monkeypatch, caplog):
    try:
        reader_process.read_document(None)
    except TypeError as problem:
        place = reader_process.place_of(problem)
    assert place.startswith("TypeError payload.py:")
    failed = Unreadable("failed", place)

    def run(*_):
        raise failed

    monkeypatch.setattr(sandbox, "run", run)
    with pytest.raises(Unreadable):
        read_file(b"x", "x.txt")
    assert place in caplog.text
    assert place in sandbox.message_of(failed)
