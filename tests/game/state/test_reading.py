"""What rules read from told turns reaches the state: the real rules, on the real path."""

import pytest

from game.models import Turn
from game.play import adventures
from game.play.protocol import EditTurn
from game.state import worlds
from inference.contract.world import Thing
from tests.game.play.test_turns import act, do, tell

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("narrator_awake")]


def test_what_a_reply_gives_the_player_is_carried_and_an_edit_takes_it_back(adventure, alice):
    turn = act(adventure, alice, "take the rope")
    tell(turn, "You take the rope and sling it over your shoulder.")
    assert worlds.world_at(turn.pk).things == (Thing(name="rope", held="carried"),)
    do(adventure, alice, EditTurn, turn=turn.pk, reply="The rope is nailed to the wall.")
    assert worlds.world_at(turn.pk).things == ()


def test_the_sentence_that_a_change_was_read_from_is_kept(adventure, alice):
    turn = act(adventure, alice, "wait")
    tell(turn, "It rains. You pick up the brass lantern. It is heavy.")
    [entry] = [each for each in worlds.entries_at(turn.pk).values() if each.part == "thing"]
    assert (entry.source, entry.turn) == ("rule", str(turn.pk))
    assert entry.sentence == "You pick up the brass lantern."


def test_the_opening_is_read_too(alice, scenario):
    scenario.opening = "You take the rope. The cellar is open."
    scenario.save()
    adventure = adventures.begin(alice, scenario, {})
    assert worlds.world_at(adventure.head_id).things == (Thing(name="rope", held="carried"),)


def test_the_player_is_none_of_the_people(adventure, alice):
    assert "Wren" in adventure.memory
    turn = act(adventure, alice, "wait")
    tell(turn, '"Who is there?" asks Wren. Mara, a woman in a red coat, walks in and nods to Wren.')
    assert "Wren" not in [each.name for each in worlds.world_at(turn.pk).people]
    assert Turn.objects.get(pk=turn.pk).status == "told"
