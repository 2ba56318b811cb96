"""With several players the story and the narrator call each by name."""

from uuid import uuid4

import pytest

from game.accounts.deletion import delete_player
from game.library import shares
from game.models import Membership, Report, Status, Turn, Words
from game.moderation import reports
from game.play import context, snapshots, turns
from game.play.protocol import RetryTurn, TakeAction

pytestmark = pytest.mark.django_db


def act(adventure, player, text, kind="do"):
    command = TakeAction(type="take_action", key=uuid4(), kind=kind, text=text)
    made = turns.carry_out(adventure.pk, player, command).turn
    return told(made)


def told(turn):
    Turn.objects.filter(pk=turn).update(status=Status.TOLD, reply="It creaks.")
    return Turn.objects.get(pk=turn)


def test_one_alone_is_you_and_two_have_names(adventure, alice, bob, narrator_awake):
    alone = act(adventure, alice, "look round")
    Membership.objects.filter(player=alice).update(character="Jonna")
    Membership.objects.create(
        adventure=adventure,
        player=bob,
        role="player",
        character="Mira",
        description="a smuggler with one eye",
    )
    together = act(adventure, bob, "open the hatch")
    act(adventure, alice, "Careful!", kind="say")
    shown = [each.shown for each in snapshots.snapshot(adventure.pk, bob).turns]
    assert shown[1:] == ["You look round.", "Mira opens the hatch.", 'Jonna says "Careful!"']
    assert snapshots.turn_data(together).member == str(Membership.objects.get(player=bob).pk)

    adventure.refresh_from_db()
    next_one = Turn(adventure=adventure, parent=adventure.head, kind="continue")
    story = context.story_context(adventure, next_one)
    assert [(each.player, each.action) for each in story.story[1:]] == [
        ("", "look round"),
        ("Mira", "Mira opens the hatch"),
        ("Jonna", "Careful!"),
    ]
    assert "Mira: a smuggler with one eye" in [card.text for card in story.cards]
    assert alone.character == ""


def test_a_name_stands_above_what_does_not_begin_with_it(
    adventure, alice, bob, narrator_awake, as_player
):
    Membership.objects.create(adventure=adventure, player=bob, role="player", character="Mira")
    act(adventure, bob, "open the hatch")
    act(adventure, bob, "It rains.", kind="story")
    for path in ("", "read/"):
        page = as_player(alice).get(f"/adventures/{adventure.pk}/{path}").content.decode()
        assert page.count('<p class="said-by"><bdi>Mira</bdi></p>') == 1
        assert "Mira opens the hatch." in page


def test_a_retry_is_still_of_who_acted(adventure, alice, bob, narrator_awake):
    Membership.objects.filter(player=alice).update(character="Jonna")
    Membership.objects.create(adventure=adventure, player=bob, role="player", character="Mira")
    first = act(adventure, bob, "open the hatch")
    again = RetryTurn(type="retry_turn", key=uuid4(), turn=first.pk)
    made = Turn.objects.get(pk=turns.carry_out(adventure.pk, alice, again).turn)
    assert (made.player, made.character) == (bob, "Mira")


def test_who_deletes_their_account_takes_their_name_out_of_the_actions(
    adventure, alice, bob, narrator_awake
):
    Membership.objects.create(adventure=adventure, player=bob, role="player", character="Mira")
    turn = act(adventure, bob, "open the hatch")
    delete_player(bob)
    turn.refresh_from_db()
    assert snapshots.turn_data(turn).shown == "Somebody opens the hatch."
    assert turn.player is None


def test_a_reported_action_is_the_case_of_who_wrote_it(
    adventure, alice, bob, charlie, narrator_awake
):
    Membership.objects.create(adventure=adventure, player=bob, role="player", character="Mira")
    turn = act(adventure, bob, "say something rude")
    link = shares.share(alice, turn, plot=False)
    complaint = reports.Complaint(Report.Kind.HATE, "Rude.", Words.PLAYER)
    report = reports.report_turn(reports.reader_of(charlie, ""), link, turn, complaint)
    assert report.case.player == bob
