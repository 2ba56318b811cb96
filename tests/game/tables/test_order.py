"""Players act in the table's order: freely, in turn, together, by vote, or by a game master."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pydantic import TypeAdapter

from game.accounts.data import export_of
from game.accounts.deletion import delete_player
from game.models import Membership, Player, Proposal, Status, Table, TrainingConsent, Turn, TurnPart
from game.play import endings, protocol, snapshots, turns
from game.play.changes import NoSuchAdventure
from game.play.protocol import Refused
from game.tables import deadlines, members, rules
from game.tables.rules import TableRules
from game.tables.state import seen_table, table_data
from game.training.consent import adventures_with_consent
from inference.contract.request import Result

pytestmark = pytest.mark.django_db
COMMANDS = TypeAdapter(protocol.Keyed)


@pytest.fixture(autouse=True)
def playing(adventure, alice, bob, charlie, narrator_awake):
    """Jonna (alice, the owner), Mira (bob) and Teague (charlie) at one table."""
    Membership.objects.filter(player=alice).update(character="Jonna")
    for player, name in ((bob, "Mira"), (charlie, "Teague")):
        Membership.objects.create(adventure=adventure, player=player, role="player", character=name)


def of(player):
    return Membership.objects.get(player=player)


def set_rules(adventure, alice, order="free", changes="owner", seconds=0, master=None):
    rules.set_rules(adventure.pk, alice, TableRules(order, seconds, changes, master))


def send(adventure, player, type_, key=None, **fields):
    """The turn that a command made, told at once; None if it made none."""
    command = COMMANDS.validate_python({"type": type_, "key": key or uuid4(), **fields})
    made = turns.carry_out(adventure.pk, player, command).turn
    turn = Turn.objects.filter(pk=made).first()
    if turn is not None and turn.status == Status.QUEUED:
        ended = Result(
            adventure=str(adventure.pk),
            turn=str(turn.pk),
            attempt=turn.attempt,
            outcome="told",
            reply="It creaks.",
        )
        endings.finish_turn(ended)
        turn.refresh_from_db()
    return turn


def act(adventure, player, text, kind="do"):
    return send(adventure, player, "take_action", kind=kind, text=text)


def table(adventure):
    adventure.refresh_from_db()
    return table_data(adventure)


def test_in_a_round_each_acts_in_turn_and_undo_gives_it_back(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "round")
    act(adventure, alice, "look round")
    with pytest.raises(Refused, match="turn of Mira") as refused:
        act(adventure, charlie, "open the hatch")
    assert refused.value.code == "not_your_turn"
    assert act(adventure, bob, "open the hatch").character == "Mira"
    assert table(adventure).turn_of == str(of(charlie).pk)
    send(adventure, alice, "undo_turn")
    assert table(adventure).turn_of == str(of(bob).pk)
    send(adventure, alice, "skip_member")
    assert table(adventure).turn_of == str(of(charlie).pk)
    with pytest.raises(Refused):
        send(adventure, charlie, "skip_member")
    members.remove(adventure.pk, alice, of(charlie).pk)
    assert act(adventure, bob, "climb down").player == bob, "who is gone is not waited for"


def test_who_is_late_in_a_round_is_skipped_until_nobody_is_there(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "round", seconds=60)
    act(adventure, alice, "look round")
    assert table(adventure).until is not None, "Mira's time began when the reply was told"
    whose = []
    for _each in range(4):
        Table.objects.filter(until__isnull=False).update(
            until=timezone.now() - timedelta(seconds=1)
        )
        deadlines.pass_due_turns()
        whose.append(table(adventure).turn_of)
    assert whose[:2] == [str(of(charlie).pk), str(of(alice).pk)]
    assert table(adventure).until is None, "nobody is there: the clock stands still"


def test_what_all_write_is_told_in_one_turn(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "together")
    assert act(adventure, bob, "open the hatch") is None
    assert act(adventure, bob, "shut the hatch") is None, "in place of the first"
    assert act(adventure, alice, "Careful!", kind="say") is None
    seen = seen_table(table(adventure).model_dump(), str(of(charlie).pk))
    assert [each["text"] for each in seen["proposals"]] == [None, None]
    assert "hatch" not in json.dumps(seen)
    turn = act(adventure, charlie, "")
    assert snapshots.turn_data(turn).shown == 'Mira shuts the hatch. Jonna says "Careful!"'
    assert {(each.player, each.text) for each in TurnPart.objects.all()} == {
        (bob, "shut the hatch"),
        (alice, "Careful!"),
    }
    assert not Proposal.objects.exists()
    TrainingConsent.objects.create(adventure=adventure, player=alice)
    assert not adventures_with_consent().exists(), "the others consented to nothing"


def test_who_deletes_their_account_is_named_in_no_shared_turn(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "together")
    act(adventure, alice, "look round")
    act(adventure, charlie, "wait")
    turn = act(adventure, bob, "open the hatch")
    delete_player(bob)
    turn.refresh_from_db()
    assert snapshots.turn_data(turn).shown == (
        "Jonna looks round. Teague waits. Somebody opens the hatch."
    )
    assert not TurnPart.objects.filter(character="Mira").exists()


def test_time_that_is_up_tells_what_there_is(adventure, alice, bob, narrator_awake):
    set_rules(adventure, alice, "together", seconds=60)
    act(adventure, bob, "open the hatch")
    assert table(adventure).until is not None
    Table.objects.update(until=timezone.now() - timedelta(seconds=1))
    deadlines.pass_due_turns()
    turn = Turn.objects.get(status=Status.QUEUED)
    assert (turn.player, turn.character, turn.action) == (bob, "Mira", "Mira opens the hatch.")
    assert table(adventure).until is None


@pytest.mark.parametrize(("code", "again"), [("narrator_down", True), ("rejected", False)])
def test_what_is_refused_for_good_is_not_tried_again_by_the_clock(
    adventure, alice, bob, monkeypatch, code, again
):
    set_rules(adventure, alice, "together", seconds=60)
    act(adventure, bob, "open the hatch")

    def refuse(*_args):
        raise Refused(code, "No.")

    monkeypatch.setattr(deadlines.commands, "tell", refuse)
    Table.objects.update(until=timezone.now() - timedelta(seconds=1))
    deadlines.pass_due_turns()
    assert (table(adventure).until is not None) is again
    assert table(adventure).proposals, "what was proposed stays"


def test_the_players_vote_on_what_happens(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "vote")
    act(adventure, alice, "go back")
    act(adventure, bob, "open the hatch")
    for voter, choice in ((alice, alice), (alice, bob), (bob, alice)):
        assert send(adventure, voter, "vote_for", member=of(choice).pk) is None
    assert [len(each.votes) for each in table(adventure).proposals] == [1, 1]
    turn = send(adventure, charlie, "vote_for", member=of(bob).pk)
    assert (turn.player, turn.action) == (bob, "open the hatch")


def test_a_game_master_takes_what_they_like_and_alone_reads_it(adventure, alice, bob, charlie):
    set_rules(adventure, alice, "master", master=of(charlie).pk)
    act(adventure, bob, "open the hatch")
    full = table(adventure).model_dump()
    assert seen_table(full, str(of(charlie).pk))["proposals"][0]["text"] == "open the hatch"
    assert seen_table(full, str(of(alice).pk))["proposals"][0]["text"] is None
    assert "open the hatch" not in export_of(alice), "others' drafts are no data of the owner"
    assert "open the hatch" in export_of(bob)
    with pytest.raises(Refused, match="Only the game master"):
        send(adventure, alice, "approve_proposal", member=of(bob).pk)
    turn = send(adventure, charlie, "approve_proposal", member=of(bob).pk, text="pull at the hatch")
    assert (turn.character, turn.action) == ("Mira", "pull at the hatch")
    assert act(adventure, charlie, "It rains.", kind="story").kind == "story"


def test_a_proposal_that_is_sent_again_is_one_and_can_be_withdrawn(adventure, alice, bob):
    set_rules(adventure, alice, "vote")
    key = uuid4()
    for _twice in range(2):
        send(adventure, bob, "take_action", key=key, kind="do", text="wait")
    assert Proposal.objects.count() == 1
    send(adventure, bob, "withdraw_proposal")
    assert not Proposal.objects.exists()


def test_who_acted_may_change_it_where_the_rule_says_so(adventure, alice, bob, charlie):
    set_rules(adventure, alice, changes="actor")
    turn = act(adventure, bob, "open the hatch")
    with pytest.raises(Refused, match="whoever acted there"):
        send(adventure, charlie, "undo_turn")
    send(adventure, bob, "edit_turn", turn=turn.pk, action="shut the hatch")
    again = send(adventure, bob, "retry_turn", turn=turn.pk)
    assert (again.player, again.character) == (bob, "Mira")


def test_who_acted_undoes_no_edit_and_redoes_no_turn_of_others(adventure, alice, bob, charlie):
    set_rules(adventure, alice, changes="actor")
    first = act(adventure, bob, "open the hatch")
    second = act(adventure, charlie, "go down")
    send(adventure, alice, "edit_turn", turn=first.pk, action="shut the hatch")
    with pytest.raises(Refused, match="whoever acted there"):
        send(adventure, charlie, "undo_turn")
    send(adventure, bob, "undo_turn")
    first.refresh_from_db()
    assert first.action == "open the hatch"
    with pytest.raises(Refused, match="whoever acted there"):
        send(adventure, charlie, "redo_turn")
    send(adventure, alice, "go_to_turn", turn=first.pk)
    with pytest.raises(Refused, match="whoever acted there"):
        send(adventure, bob, "redo_turn")
    assert send(adventure, charlie, "redo_turn").pk == second.pk


def test_what_another_edited_is_not_trained_on(adventure, alice, bob, charlie):
    act(adventure, alice, "look round")
    TrainingConsent.objects.create(adventure=adventure, player=alice)
    edit = {"turn": adventure.turns.first().pk, "reply": "It is dark."}
    send(adventure, alice, "edit_turn", **edit)
    assert adventures_with_consent().exists()
    set_rules(adventure, alice, changes="vote")
    for player in (charlie, alice):
        send(adventure, player, "edit_turn", **{**edit, "reply": "Bob waits below."})
    assert not adventures_with_consent().exists(), "Charlie wrote it, whoever agreed"


def test_more_than_half_of_the_players_change_it_together(adventure, alice, bob, charlie):
    set_rules(adventure, alice, changes="vote")
    act(adventure, bob, "open the hatch")
    head = table(adventure) and adventure.head_id
    assert send(adventure, charlie, "undo_turn") is None
    assert table(adventure).asked.agreed == [str(of(charlie).pk)]
    assert adventure.head_id == head
    send(adventure, charlie, "undo_turn")
    assert table(adventure).asked.needed == 2, "one is one, however often"
    send(adventure, bob, "undo_turn")
    adventure.refresh_from_db()
    assert adventure.head_id != head
    assert table(adventure).asked is None


def test_an_edit_that_waits_says_what_it_asks_for(adventure, alice, bob, charlie):
    set_rules(adventure, alice, changes="vote")
    turn = act(adventure, bob, "open the hatch")
    assert send(adventure, bob, "edit_turn", turn=turn.pk, action="shut the hatch") is None
    asked = table(adventure).asked
    assert (asked.type, asked.action, asked.reply) == ("edit_turn", "shut the hatch", None)
    send(adventure, charlie, "edit_turn", turn=turn.pk, action="shut the hatch")
    turn.refresh_from_db()
    assert turn.action == "shut the hatch"
    assert turn.edits.get().by == bob, "who wrote it, not who agreed last"


def test_another_order_drops_what_was_proposed_and_strangers_are_no_part(adventure, alice, bob):
    set_rules(adventure, alice, "vote")
    act(adventure, bob, "wait")
    set_rules(adventure, alice, "free")
    assert not Proposal.objects.exists()
    assert act(adventure, bob, "wait").player == bob
    with pytest.raises(NoSuchAdventure):
        act(adventure, Player.objects.create(username="dora"), "wait")
