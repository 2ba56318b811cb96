"""What changes nothing leaves an adventure's version alone, and its place on the shelf."""

import json
import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from game.cards import cards
from game.cards.card_import import CardContent
from game.models import Adventure
from game.play import adventures, endings, summaries, turns
from game.play.protocol import parse_command
from inference.contract.request import Result, SummaryResult

pytestmark = pytest.mark.django_db(transaction=True)


def play(adventure, player, type, **fields):
    """Carry out a command. The command, to send it again."""
    command = parsed(type, **fields)
    turns.carry_out(adventure.pk, player, command)
    return command


def parsed(type, **fields):
    return parse_command(json.dumps({"type": type, "key": str(uuid.uuid4()), **fields}))


def ended(turn, **fields):
    names = {"adventure": str(turn.adventure_id), "turn": str(turn.pk), "attempt": turn.attempt}
    return Result(**{**names, "outcome": "told", "reply": "It opens.", **fields})


@pytest.fixture
def told(alice, adventure, narrator_awake):
    """The adventure's first turn, told; the adventure was last changed yesterday."""
    play(adventure, alice, "take_action", kind="do", text="open the door")
    turn = adventure.turns.get(kind="do")
    endings.finish_turn(ended(turn))
    Adventure.objects.filter(pk=adventure.pk).update(changed=Now() - timedelta(days=1))
    return turn


def state(adventure):
    return Adventure.objects.values_list("version", "changed").get(pk=adventure.pk)


def test_a_repeated_command_changes_nothing(alice, adventure, told):
    command = play(adventure, alice, "undo_turn")
    before = state(adventure)
    turns.carry_out(adventure.pk, alice, command)
    assert state(adventure) == before


def test_a_result_that_comes_twice_or_late_changes_nothing(alice, adventure, told):
    before = state(adventure)
    assert not endings.finish_turn(ended(told, reply="Something else."))
    endings.stop_unwatched_turn(told)
    assert state(adventure) == before


@pytest.mark.parametrize("type", ["stop_turn", "go_to_turn"])
def test_stopping_what_has_ended_and_going_where_one_is_change_nothing(
    alice, adventure, told, type
):
    before = state(adventure)
    play(adventure, alice, type, turn=str(told.pk))
    assert state(adventure) == before


def test_what_is_saved_as_it_was_changes_nothing(alice, adventure, told):
    [card] = adventure.cards.all()
    same = CardContent(title=card.title, keys=tuple(card.keys), text=card.text, pinned=card.pinned)
    summaries.write(adventure.pk, alice, "A door opened.")
    before = state(adventure)
    play(adventure, alice, "edit_turn", turn=str(told.pk), reply="It opens.")
    adventures.rename(adventure.pk, adventure.title, alice)
    adventures.set_plot(adventure.pk, adventure.memory, adventure.authors_note, alice)
    adventures.set_options(adventure.pk, {"dice": adventure.dice})
    adventures.set_audience(adventure.pk, alice, adventure.audience)
    adventures.set_narrator(adventure.pk, adventure.narrator)
    summaries.write(adventure.pk, alice, "A door opened.")
    cards.edit_card(card, alice, same)
    cards.pin_card(card, alice, card.pinned)
    assert state(adventure) == before


def test_a_summary_that_comes_late_changes_nothing(alice, adventure, told):
    before = state(adventure)
    late = SummaryResult(
        adventure=str(adventure.pk), turn=str(told.pk), text="Late.", replaces="Something."
    )
    assert not summaries.record(late)
    assert state(adventure) == before


def test_what_changes_something_raises_both_once(alice, adventure, told, log):
    version, changed = state(adventure)
    play(adventure, alice, "edit_turn", turn=str(told.pk), reply="It creaks.")
    assert state(adventure)[0] == version + 1
    assert state(adventure)[1] > changed
