"""Whoever leaves a table, is removed or loses a role leaves nothing behind that is not theirs."""

import time
from threading import Event, Thread
from uuid import uuid4

import pytest
from django.db import connections, transaction

from game.accounts.deletion import delete_player, remove_character_names
from game.models import Adventure, Membership, Status, TurnPart
from game.play import snapshots, turns
from game.play.changes import NoSuchAdventure
from game.play.consumers import AdventureConsumer
from game.play.protocol import ApproveProposal, Refused, TakeAction
from game.tables import deadlines, members, rules
from game.tables.rules import TableRules

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def playing(adventure, alice, bob, charlie, narrator_awake):
    """Jonna (alice, the owner), Mira (bob) and Teague (charlie) at one table."""
    Membership.objects.filter(player=alice).update(character="Jonna")
    for player, name in ((bob, "Mira"), (charlie, "Teague")):
        Membership.objects.create(adventure=adventure, player=player, role="player", character=name)


def of(player):
    return Membership.objects.get(player=player)


def taking(text):
    return TakeAction(type="take_action", key=uuid4(), kind="do", text=text)


def act(adventure, player, text):
    return turns.carry_out(adventure.pk, player, taking(text)).turn


@pytest.mark.parametrize("how", ["removed", "spectator", "deleted"])
def test_nobody_waits_for_who_is_gone(adventure, alice, bob, charlie, how):
    rules.set_rules(adventure.pk, alice, TableRules("together", 0, "owner"))
    act(adventure, alice, "look round")
    act(adventure, bob, "open the hatch")
    if how == "removed":
        members.remove(adventure.pk, alice, of(charlie).pk)
    elif how == "spectator":
        members.set_role(adventure.pk, alice, of(charlie).pk, "spectator")
    else:
        delete_player(charlie)
    deadlines.pass_due_turns()
    turn = adventure.turns.get(status=Status.QUEUED)
    assert turn.action == "Jonna looks round. Mira opens the hatch."


def test_a_game_masters_words_are_not_the_players(adventure, alice, bob):
    rules.set_rules(adventure.pk, alice, TableRules("master", 0, "owner"))
    act(adventure, bob, "open the hatch")
    approval = {"type": "approve_proposal", "member": of(bob).pk, "text": "burn the hatch"}
    made = turns.carry_out(adventure.pk, alice, ApproveProposal(key=uuid4(), **approval)).turn
    turn = adventure.turns.get(pk=made)
    assert (turn.character, turn.player) == ("Mira", alice)


def test_who_is_no_member_any_more_gets_no_snapshot(adventure, alice, bob):
    assert snapshots.snapshot(adventure.pk, bob).turns
    members.remove(adventure.pk, alice, of(bob).pk)
    with pytest.raises(Adventure.DoesNotExist):
        snapshots.snapshot(adventure.pk, bob)


def test_a_spectator_who_sends_commands_locks_nothing(adventure, charlie, monkeypatch):
    monkeypatch.setattr(turns, "carry_out", lambda *_: "carried out")
    socket = AdventureConsumer()
    socket.player, socket.adventure_id, socket.role = charlie, adventure.pk, "spectator"
    assert socket.carry_out_now(taking("go on")) == "carried out", "a player since a moment"
    Membership.objects.filter(player=charlie).update(role="spectator")
    with pytest.raises(Refused, match="watching"):
        socket.carry_out_now(taking("go on"))


async def test_a_spectators_socket_asks_for_no_place_in_the_queue(adventure, charlie):
    socket = AdventureConsumer()
    socket.role, socket.reporting = "spectator", None
    socket.set_waiting_turn(str(adventure.head_id))
    assert (socket.waiting, socket.reporting) == (None, None)


def test_there_is_always_a_name_for_a_new_player(adventure, alice, bob, django_user_model):
    for number in range(members.MOST_PLAYERS + 2):
        player = django_user_model.objects.create(username=f"guest-{number}", is_guest=True)
        one = Membership.objects.create(adventure=adventure, player=player, role="spectator")
        members.set_role(adventure.pk, alice, one.pk, "player")
        one.refresh_from_db()
        assert one.character == "Player 2"
        members.set_role(adventure.pk, alice, one.pk, "spectator")


def test_a_name_goes_and_the_words_with_its_letters_stay(adventure, bob):
    turn = adventure.head
    for character, before, after in (
        ("Al", "Al opens Al’s hatch. Also Alma.", "Somebody opens Somebody’s hatch. Also Alma."),
        ("小红", "小红打开舱门。", "Somebody打开舱门。"),
    ):
        type(turn).objects.filter(pk=turn.pk).update(action=before, character=character)
        TurnPart.objects.create(turn=turn, player=bob, character=character, kind="do", text="x")
        remove_character_names(bob)
        turn.refresh_from_db()
        assert (turn.action, turn.character) == (after, "Somebody")
        TurnPart.objects.all().delete()


def test_an_adventure_whose_players_leave_at_once_is_no_orphan(adventure, alice, bob, monkeypatch):
    leave = members.leave_for_good

    def after_the_others(locked, player):
        Membership.objects.filter(adventure=locked).exclude(player=player).delete()
        leave(locked, player)

    monkeypatch.setattr(members, "leave_for_good", after_the_others)
    delete_player(alice)
    adventure.refresh_from_db()
    assert adventure.deleted is not None


@pytest.mark.django_db(transaction=True)
def test_a_former_owner_does_nothing_more_that_waited(adventure, alice, bob, charlie):
    locked = Event()

    def hand_over():
        with transaction.atomic():
            members.hand_over(adventure.pk, alice, of(bob).pk)
            locked.set()
            time.sleep(0.3)  # until the other change waits for this one
        connections.close_all()

    other = Thread(target=hand_over)
    other.start()
    locked.wait(10)
    with pytest.raises(NoSuchAdventure):
        members.remove(adventure.pk, alice, of(charlie).pk)
    other.join()
    assert of(charlie).role == "player"
