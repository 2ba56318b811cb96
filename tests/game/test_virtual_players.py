"""The virtual players of a load test hear what a page would show."""

import random

import pytest

from game.load.figures import Delays
from game.load.players import RequestedTurn, VirtualPlayer
from game.load.setup import VirtualAccount
from inference.engines.scripted import clock_word, time_in


@pytest.fixture
def player():
    account = VirtualAccount("adventure", "player", "cookie")
    made = VirtualPlayer("ws://127.0.0.1:1", "", account, 1.0, random.Random(1))
    made.requested.append(RequestedTurn("adventure", "key", sent=0.0))
    return made


def words(index, text):
    return {"type": "turn.token", "turn": "t", "attempt": 1, "index": index, "text": text}


def snapshot(reply, status="queued"):
    opening = {"id": "o", "parent": None, "status": "told", "reply": "You wake."}
    turn = {"id": "t", "parent": "o", "status": status, "reply": reply}
    return {"type": "snapshot", "id": "1-1", "turns": [opening, turn]}


def test_a_snapshot_in_mid_turn_loses_no_word_and_doubles_none(player):
    player.receive({"type": "accepted", "key": "key", "turn": "t"}, 0.1)
    player.receive(words(0, "You "), 0.2)
    player.receive(snapshot("You open it"), 0.3)
    player.receive(words(4, "open it and"), 0.4)  # a piece that begins with what is known
    player.receive(words(4, "open"), 0.4)
    player.receive(words(15, " look."), 0.5)
    assert player.current.heard == "You open it and look."


def test_a_snapshot_before_the_acceptance_is_of_the_turn_that_was_asked_for(player):
    player.receive(snapshot("You"), 0.1)
    player.receive(words(3, " run."), 0.2)
    assert (player.current.turn, player.current.heard) == ("t", "You run.")


def test_words_that_are_missing_are_noticed(player):
    player.receive(words(0, "You "), 0.1)
    player.receive(words(9, "run."), 0.2)
    assert player.current.heard == "You "


@pytest.mark.parametrize("seconds", [0.036, 59.999, 1_679.615, 86_400.5])
def test_a_word_says_when_it_was_made_also_on_a_machine_that_just_started(seconds):
    assert time_in(clock_word(seconds)) == pytest.approx(seconds, abs=0.001)
    assert time_in(clock_word(seconds) + ".") is not None
    assert time_in("door") is None


def test_delays_of_a_moment_are_those_since_the_moment_before():
    delays = Delays()
    for _ in range(99):
        delays.add(0.01)
    before = delays.copy()
    for _ in range(10):
        delays.add(1.0)
    lately = delays.since(before)
    assert (before.count, lately.count) == (99, 10)
    assert lately.at(0.01) == pytest.approx(1.0, rel=0.02)
    assert before.at(0.99) == pytest.approx(0.01, rel=0.02)
