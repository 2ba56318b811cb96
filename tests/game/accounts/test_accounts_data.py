"""What a player takes home, and that nothing is left of one who goes."""

import json
import uuid
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.utils import timezone

from game.accounts import account_merge, data, deletion, tasks
from game.library import shares
from game.models import (
    Adventure,
    Chapter,
    Edit,
    Invite,
    Membership,
    Player,
    Scenario,
    StoryCard,
    Summary,
    Turn,
    TurnChanges,
    TurnContext,
    Visibility,
)
from game.play import adventures, turns
from game.play.protocol import TakeAction
from inference.contract.prompt_report import Part, PromptReport, pack
from inference.contract.request import Token
from tests import dumps

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "xylopomp"
PASSWORD = "lamp-oil-and-rope"
PLANTED = [
    *("title", "memory", "note", "action", "reply", "before", "summary", "context", "chapter"),
    *("card", "cardtext", "scenario", "scenariocard", "deleted", "world"),
]


def word(place):
    return f"{WORD}-{place}"


@pytest.fixture
def planted(scenario, narrator_awake, log, client):
    """A player with the word in everything that one can write, in the middle of a turn."""
    player = Player.objects.create_user(word("name"), f"{word('mail')}@example.com", PASSWORD)
    EmailAddress.objects.create(user=player, email=player.email, verified=True, primary=True)
    adventure = adventures.begin(player, scenario, {"name": "Ada"})
    adventures.rename(adventure.pk, word("title"))
    adventures.set_plot(adventure.pk, word("memory"), word("note"))
    adventure.refresh_from_db()
    opening = adventure.head
    told = Turn.objects.create(
        adventure=adventure,
        parent=opening,
        player=player,
        kind="do",
        action=word("action"),
        reply=word("reply"),
        status="told",
    )
    Adventure.objects.filter(pk=adventure.pk).update(head=told)
    Edit.objects.create(turn=told, field="reply", before=word("before"), by=player)
    Summary.objects.create(turn=told, text=word("summary"), by="player")
    Chapter.objects.create(turn=told, title=word("chapter"))
    fact = {"part": "fact", "name": word("world"), "value": "true", "source": "player"}
    TurnChanges.objects.create(turn=told, changes=[fact])
    part = Part(origin="memory", text=word("context"))
    details = PromptReport(narrator="parrot", revision="1", parts=(part,), tokens=1, window=10)
    TurnContext.objects.create(turn=told, details=pack(details))
    StoryCard.objects.create(
        adventure=adventure, title=word("card"), keys=["key"], text=word("cardtext")
    )
    own = Scenario.objects.create(
        slug="own",
        author=player,
        title=word("scenario"),
        tempt="x",
        opening="x",
        visibility=Visibility.PRIVATE,
    )
    StoryCard.objects.create(scenario=own, title="x", text=word("scenariocard"))
    shares.share(player, told, plot=True)
    gone = adventures.begin(player, scenario, {})
    Adventure.objects.filter(pk=gone.pk).update(deleted=timezone.now(), title=word("deleted"))
    client.post("/accounts/login/", {"login": player.username, "password": "wrong"})
    client.post("/accounts/login/", {"login": player.username, "password": PASSWORD})
    # A turn under way: its request waits in Redis with the story in it, its first words are there.
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text=word("waiting"))
    turns.carry_out(adventure.pk, player, command)
    lease = log.take_next("parrot", "w")
    piece = Token(turn=lease.request.turn, attempt=1, index=0, text=word("token"))
    log.append([(lease, [piece])])
    log.store_details(lease, pack(details))
    second = adventures.begin(player, scenario, {})
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text=word("queued"))
    turns.carry_out(second.pk, player, command)
    return player


def test_my_data_is_everything_i_wrote_and_did(planted, client):
    answer = client.get("/accounts/data/")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    told = json.loads(answer.content)
    missing = [place for place in PLANTED if word(place) not in answer.content.decode()]
    assert not missing
    assert told["player"]["username"] == word("name")
    assert told["player"]["emails"][0]["email"] == f"{word('mail')}@example.com"
    assert {"adventures", "turns", "scenarios", "edits", "summaries", "shares"} <= set(told)
    assert "password" not in told["player"]


def test_nobody_elses_story_is_in_my_data(planted, client, bob, begin):
    other = begin(bob)
    adventures.rename(other.pk, "secret-of-bob")
    assert "secret-of-bob" not in client.get("/accounts/data/").content.decode()
    assert str(bob.pk) not in client.get("/accounts/data/").content.decode()


def test_who_else_plays_in_my_story_is_not_told(planted, client, bob):
    adventure = Adventure.objects.get(title=word("title"))
    Turn.objects.create(
        adventure=adventure, parent=adventure.head, player=bob, kind="do", action="hum",
        status="told",
    )  # fmt: skip
    told = json.loads(client.get("/accounts/data/").content)
    theirs = next(each for each in told["turns"] if each["action"] == "hum")
    assert theirs["player"] == "somebody else"


def test_every_model_that_knows_players_is_told_or_left_out_for_a_reason():
    ours = apps.get_app_config("game").get_models()
    known = {model.__name__ for model in ours}
    assert set(data.OMITTED_MODELS) <= known
    assert all(data.OMITTED_MODELS.values())


def delete_account(client):
    asked = client.get("/accounts/delete/")
    if asked.status_code == 302:
        client.post(asked.url, {"password": PASSWORD})
    return client.post("/accounts/delete/")


def test_nothing_is_left_of_a_player_who_goes(planted, client, log):
    identity = str(planted.pk)
    for place in [*PLANTED, "name", "mail", "waiting"]:
        assert word(place) in dumps.postgres(), f"the test plants no {place}"
    assert word("token") in dumps.redis(log.redis)
    assert word("queued") in dumps.redis(log.redis)
    assert delete_account(client).status_code == 302
    rows = [line for line in dumps.postgres().splitlines() if WORD in line or identity in line]
    assert rows == []
    keys = [line for line in dumps.redis(log.redis).splitlines() if WORD in line]
    assert keys == []
    assert Player.objects.count() == 0


def test_deleting_asks_for_the_password_again(planted, client):
    assert client.post("/accounts/delete/").url.startswith("/accounts/reauthenticate/")
    assert Player.objects.count() == 1
    page = client.get("/accounts/delete/", follow=True)
    client.post(page.redirect_chain[-1][0], {"password": "wrong"})
    assert client.post("/accounts/delete/").url.startswith("/accounts/reauthenticate/")
    assert Player.objects.count() == 1


def test_a_guest_deletes_everything_without_a_password(client, scenario, log):
    client.post("/scenarios/the-cellar/begin/")
    assert "1 adventure " in client.get("/accounts/delete/").content.decode()
    client.post("/accounts/delete/")
    assert (Player.objects.count(), Adventure.objects.count()) == (0, 0)


def test_a_story_that_others_play_in_stays_and_loses_the_name(planted, client, bob, log):
    adventure = Adventure.objects.get(title=word("title"))
    Membership.objects.create(player=bob, adventure=adventure)
    delete_account(client)
    assert Adventure.objects.get().pk == adventure.pk
    assert not Turn.objects.filter(player__isnull=False).exists()
    assert Adventure.objects.of(bob).count() == 1
    dump = dumps.postgres()
    assert str(planted.pk) not in dump
    assert word("name") not in dump
    assert word("mail") not in dump


def test_an_invite_that_was_used_forgets_by_whom(planted, client):
    Invite.objects.create(digest="x", expires=timezone.now(), used=timezone.now(), used_by=planted)
    delete_account(client)
    assert Invite.objects.get().used_by is None


# Guests who stay away


def test_guests_who_stay_away_for_thirty_days_are_forgotten(client, scenario, log, alice):
    for _ in range(3):
        client.cookies.clear()
        client.post("/scenarios/the-cellar/begin/")
    away, playing, here = Player.objects.filter(is_guest=True).order_by("date_joined")
    long_ago = timezone.now() - timedelta(days=31)
    Player.objects.filter(pk__in=[away.pk, playing.pk, alice.pk]).update(
        seen=long_ago.date(), date_joined=long_ago
    )
    Adventure.objects.filter(membership__player=away).update(changed=long_ago)
    tasks.tidy()
    left = set(Player.objects.values_list("pk", flat=True))
    assert left == {playing.pk, here.pk, alice.pk}
    assert Adventure.objects.count() == 2
    playing.refresh_from_db()
    assert playing.seen == timezone.now().date()


def test_a_visit_is_noted_once_a_day(client, scenario, django_assert_num_queries):
    client.post("/scenarios/the-cellar/begin/")
    client.get("/")
    guest = Player.objects.get()
    assert guest.seen == timezone.now().date()
    assert not deletion.delete_inactive_guests()


# Guests who become somebody's


def test_nothing_of_an_adopted_guest_points_at_the_guest(planted, alice, log):
    Player.objects.filter(pk=planted.pk).update(is_guest=True)
    planted.refresh_from_db()
    identity = str(planted.pk)
    EmailAddress.objects.all().delete()
    account_merge.merge_guest(planted, alice)
    lines = [line for line in dumps.postgres().splitlines() if identity in line]
    assert [line for line in lines if not line.startswith("session")] == []
    assert Adventure.objects.with_deleted_of(alice).count() == 3
    assert Scenario.objects.of(alice).count() == 1
    assert Turn.objects.filter(player=alice).count() == 3


def test_only_guests_are_adopted(alice, bob):
    with pytest.raises(ValueError, match="only guests"):
        account_merge.merge_guest(alice, bob)
