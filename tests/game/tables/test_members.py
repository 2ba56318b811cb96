"""Friends join an adventure with a link or a code, play or watch, and leave or are removed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from game.accounts.account_merge import merge_guest
from game.accounts.deletion import delete_player
from game.models import Adventure, Membership, Player, TableBlock, TableInvite, TrainingConsent
from game.moderation.limits import table_audience
from game.play import snapshots, turns
from game.play.protocol import EditTurn, Refused, TakeAction
from game.tables import invites, members
from game.tables.invites import InviteTerms

pytestmark = pytest.mark.django_db


def add(adventure, player, role="player", name=""):
    return Membership.objects.create(
        adventure=adventure, player=player, role=role, character=name or player.username.title()
    )


def invite(adventure, role="player", **more):
    return invites.make(adventure, InviteTerms(role, 1, **more))


def browser(player):
    client = Client()
    client.force_login(player)
    return client


def role_of(adventure, player):
    return adventure.membership_set.filter(player=player).values_list("role", flat=True).first()


def test_a_visitor_joins_with_a_code_and_plays_without_an_account(adventure, alice, log):
    owner, visitor = browser(alice), Client()
    here = f"/adventures/{adventure.pk}/table"
    page = owner.post(f"{here}/invites/", {"role": "player", "days": "1"})
    assert "First name your own character" in page.content.decode()
    owner.post(f"{here}/character/", {"name": "Jonna"})
    page = owner.post(f"{here}/invites/", {"role": "player", "days": "7"}, follow=True)
    made = TableInvite.objects.get()
    assert made.spoken in page.content.decode()
    assert "<svg" in page.content.decode(), "for phones in the room"

    assert visitor.post("/join/", {"code": "AAAA-AAAA"}).status_code == 422
    page = visitor.post("/join/", {"code": f" {made.spoken.lower()} "}, follow=True)
    assert "Something coughs below." in page.content.decode(), "the story so far"
    assert "Jonna" in page.content.decode()
    page = visitor.post(f"/join/{made.token}/", {"name": "jonna"})
    assert "has this name already" in page.content.decode()
    visitor.post(f"/join/{made.token}/", {"name": " Mira "})
    guest = Player.objects.get(is_guest=True)
    assert adventure.membership_set.get(player=guest).character == "Mira"
    page = visitor.get(f"/adventures/{adventure.pk}/").content.decode()
    assert 'data-role="player"' in page
    assert "a plumber" not in page, "the memory is the owner's"
    made.refresh_from_db()
    assert made.uses == 1
    visitor.post(f"/join/{made.token}/", {"name": "Mira"})
    made.refresh_from_db()
    assert made.uses == 1, "who is in it already uses nothing up"


@pytest.mark.parametrize(
    "over",
    [
        {"revoked": timezone.now()},
        {"expires": timezone.now() - timedelta(seconds=1)},
        {"most_uses": 2, "uses": 2},
    ],
)
def test_an_invite_that_is_over_lets_nobody_in(adventure, bob, over):
    made = invite(adventure)
    TableInvite.objects.update(**over)
    assert Client().get(f"/join/{made.token}/").status_code == 404
    assert invites.find_by_code(made.code) is None
    with pytest.raises(Refused):
        members.join(bob, made, "Mira")
    assert role_of(adventure, bob) is None


@pytest.mark.parametrize("name", ["", "x" * 41, "You", "<b>", "12", "a\u202eb", "Mira: says"])
def test_a_name_that_no_story_can_use_is_refused(adventure, bob, name):
    with pytest.raises(Refused):
        members.join(bob, invite(adventure), name)
    assert TableInvite.objects.get().uses == 0


def test_a_player_acts_and_leaves_the_rest_to_the_owner(adventure, bob, narrator_awake):
    add(adventure, bob)
    with pytest.raises(Refused, match="Only the owner"):
        edit = EditTurn(type="edit_turn", key=uuid4(), turn=adventure.head_id, reply="Mine.")
        turns.carry_out(adventure.pk, bob, edit)
    act = TakeAction(type="take_action", key=uuid4(), kind="do", text="open the door")
    made = turns.carry_out(adventure.pk, bob, act).turn
    assert adventure.turns.get(pk=made).player == bob


def test_a_spectator_reads_and_does_nothing(adventure, bob, narrator_awake):
    members.join(bob, invite(adventure, "spectator"), "")
    act = TakeAction(type="take_action", key=uuid4(), kind="do", text="open the door")
    with pytest.raises(Refused, match="watching"):
        turns.carry_out(adventure.pk, bob, act)
    page = browser(bob).get(f"/adventures/{adventure.pk}/").content.decode()
    assert "You are watching." in page


def test_a_snapshot_has_the_plot_for_the_owner_alone(adventure, alice, bob, charlie, log):
    add(adventure, bob)
    add(adventure, charlie, "spectator")
    of = {each: snapshots.snapshot(adventure.pk, each) for each in (alice, bob, charlie)}
    assert [of[each].adventure["memory"] for each in of] == [adventure.memory, "", ""]
    assert [of[each].you.role for each in of] == ["owner", "player", "spectator"]
    assert [each.name for each in of[charlie].table.members] == ["Owner", "Bob"]
    assert "alice" not in of[bob].model_dump_json(), "accounts are not named"


def test_the_owner_removes_and_blocks(adventure, alice, bob, charlie):
    first, made = add(adventure, bob), invite(adventure)
    members.remove(adventure.pk, alice, first.pk)
    assert browser(bob).get(f"/adventures/{adventure.pk}/").status_code == 404
    again = members.join(bob, made, "Bob")
    members.remove(adventure.pk, alice, again.pk, block=True)
    assert invites.open_invites(adventure).count() == 0, "or they come back as another guest"
    with pytest.raises(Refused):
        members.join(bob, invite(adventure), "Bob")
    members.unblock(adventure.pk, alice, TableBlock.objects.get().pk)
    assert members.join(bob, invite(adventure), "Bob").role == "player"


def test_an_adventure_is_handed_over_and_its_consent_ends(adventure, alice, bob):
    TrainingConsent.objects.create(adventure=adventure, player=alice)
    members.hand_over(adventure.pk, alice, add(adventure, bob).pk)
    assert (role_of(adventure, alice), role_of(adventure, bob)) == ("player", "owner")
    assert not TrainingConsent.objects.exists()
    assert list(Adventure.objects.of(alice)) == []
    members.leave(adventure.pk, alice)
    with pytest.raises(Refused):
        members.leave(adventure.pk, bob)


def test_roles_change_and_a_closed_table_is_the_owners_alone(adventure, alice, bob):
    watching = add(adventure, bob, "spectator")
    members.set_role(adventure.pk, alice, watching.pk, "player")
    assert role_of(adventure, bob) == "player"
    invite(adventure)
    members.close(adventure.pk, alice)
    assert [each.player for each in adventure.membership_set.all()] == [alice]
    assert invites.open_invites(adventure).count() == 0


def test_the_strictest_player_decides_for_whom_it_is_told(adventure, alice, bob, charlie):
    Adventure.objects.update(audience="mature")
    Player.objects.filter(pk=bob.pk).update(audience_limit="everyone")
    bob.refresh_from_db()
    adventure.refresh_from_db()
    with pytest.raises(Refused):
        members.join(bob, invite(adventure, "spectator"), "")
    page = browser(bob).get(f"/join/{invite(adventure).token}/").content.decode()
    assert "the story is told for everyone" in page
    assert "Something coughs" not in page, "what is beyond the limit is not shown"
    members.join(bob, invite(adventure), "Mira")
    assert table_audience(adventure, alice) == "everyone"


def test_who_deletes_their_account_leaves_the_story_to_the_players(adventure, alice, bob, charlie):
    add(adventure, charlie, "spectator")
    add(adventure, bob)
    delete_player(alice)
    assert role_of(adventure, bob) == "owner"
    delete_player(bob)
    assert not Adventure.objects.exists(), "spectators keep no adventure"


def test_a_guest_who_signs_up_keeps_the_better_role_and_no_way_around_a_block(
    adventure, alice, bob, begin
):
    guest = Player.objects.create(username="guest-1", is_guest=True)
    own = begin(guest)
    add(own, bob)
    add(adventure, guest)
    TableBlock.objects.create(adventure=adventure, player=bob)
    merge_guest(guest, bob)
    assert role_of(own, bob) == "owner"
    assert role_of(adventure, bob) is None
