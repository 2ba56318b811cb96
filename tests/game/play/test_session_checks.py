"""Many sockets are looked at in one go; whoever has no business there any more is found."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from game.accounts.standing import certainly_allowed, play_refusal
from game.models import Adventure, Membership, Player, Sanction
from game.play import adventures, connections, session_checks
from game.play.session_checks import OpenSocket, SessionChecker, find_valid
from tests.serving import PATIENCE

pytestmark = pytest.mark.django_db


class CountingConsumer:
    """A socket that counts how often it had to look for itself."""

    def __init__(self):
        self.looks = 0
        self.crowded = False

    async def check_fully(self):
        self.looks += 1
        return True

    async def close_surplus(self):
        self.crowded = True


def sit(player, scenario):
    """The player in a window of an adventure of theirs."""
    session = SessionStore()
    session["anything"] = str(player.pk)
    session.create()
    adventure = adventures.begin(player, scenario, {})
    window = connections.Connection(player.pk)
    return OpenSocket(CountingConsumer(), session.session_key, player.pk, adventure.pk, window)


@pytest.fixture
def seated(scenario):
    return lambda name, **fields: sit(Player.objects.create_user(name, **fields), scenario)


def test_fifty_sockets_take_as_many_queries_as_two(seated):
    crowd = [seated(f"player{number}") for number in range(50)]
    counts = []
    for part in (crowd[:2], crowd):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert set(find_valid(part)) == set(part)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def log_out(socket):
    Session.objects.filter(pk=socket.session).delete()


def expire(socket):
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk=socket.session).update(expire_date=past)


def leave(socket):
    Membership.objects.filter(player=socket.player).delete()


def delete(socket):
    Adventure.objects.filter(pk=socket.adventure).update(deleted=timezone.now())


def close_account(socket):
    Player.objects.filter(pk=socket.player).update(is_active=False)


def ban(socket):
    Sanction.objects.create(player_id=socket.player, kind=Sanction.Kind.BAN)


@pytest.mark.parametrize("happens", [log_out, expire, leave, delete, close_account, ban])
def test_whoever_has_no_business_there_any_more_is_not_taken_for_good(seated, happens):
    stays, goes = seated("alice"), seated("bob")
    happens(goes)
    assert set(find_valid([stays, goes])) == {stays}


def test_membership_of_one_adventure_is_none_of_another(seated):
    alice, bob = seated("alice"), seated("bob")
    astray = replace(alice, adventure=bob.adventure)
    assert set(find_valid([alice, bob, astray])) == {alice, bob}


def sanction(kind, **fields):
    def apply(player):
        Sanction.objects.create(player=player, kind=kind, **fields)

    return apply


NOW = timezone.now()
STATES = {
    "nothing": lambda player: None,
    "banned": sanction("ban"),
    "suspended": sanction("suspension", until=NOW + timedelta(days=1)),
    "suspended for good": sanction("suspension"),
    "suspended until yesterday": sanction("suspension", until=NOW - timedelta(days=1)),
    "forgiven": sanction("ban", lifted=NOW),
    "muted": sanction("mute"),
    "warned": sanction("warning"),
}


@pytest.mark.parametrize("accounts", ["open", "invite", "single"])
@pytest.mark.parametrize("state", STATES)
def test_nobody_is_let_through_whom_the_rules_refuse(settings, accounts, state):
    settings.ACCOUNTS = accounts
    players = [
        Player.objects.create_user(
            f"{is_guest}{is_staff}{is_active}",
            is_guest=is_guest,
            is_staff=is_staff,
            is_active=is_active,
        )
        for is_guest in (True, False)
        for is_staff in (True, False)
        for is_active in (True, False)
        if not (is_guest and is_staff)  # the database refuses that
    ]
    for player in players:
        STATES[state](player)
    certain = certainly_allowed([player.pk for player in players])
    for player in players:
        if play_refusal(player) is not None:
            assert player.pk not in certain, player.username
    if state in ("nothing", "forgiven", "muted", "warned", "suspended until yesterday"):
        assert certain  # it is of use
    assert len(certain) < len(players)


async def look_at(*crowd, until, monkeypatch):
    """Look at these in quick succession until that holds."""
    monkeypatch.setattr(session_checks, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(session_checks, "TICK_SECONDS", 0.01)
    checker = SessionChecker()
    for socket in crowd:
        checker.add(socket)
    try:
        async with asyncio.timeout(PATIENCE):
            while not until():
                await asyncio.sleep(0.02)
    finally:
        for socket in crowd:
            checker.remove(socket)
        await checker.task


def made_up(alice, adventure):
    return OpenSocket(
        CountingConsumer(), "none", alice.pk, adventure.pk, connections.Connection(alice.pk)
    )


async def test_a_socket_looks_for_itself_once_and_again_when_something_changed(
    alice, adventure, log, monkeypatch
):
    socket = made_up(alice, adventure)
    said = {"evidence": ("session", "password")}
    looks = []

    def gathered(part):
        looks.append(len(part))
        return {each: said["evidence"] for each in part}

    monkeypatch.setattr(session_checks, "find_valid", gathered)
    await look_at(socket, until=lambda: len(looks) > 5, monkeypatch=monkeypatch)
    assert socket.consumer.looks == 1
    said["evidence"] = ("session", "another password")
    looks.clear()
    socket.due = 0
    await look_at(socket, until=lambda: len(looks) > 5, monkeypatch=monkeypatch)
    assert socket.consumer.looks == 2


async def test_a_look_that_breaks_is_not_the_last(alice, adventure, log, monkeypatch):
    socket = made_up(alice, adventure)
    looks = []

    def breaks(part):
        looks.append(len(part))
        raise RuntimeError

    monkeypatch.setattr(session_checks, "find_valid", breaks)
    await look_at(socket, until=lambda: len(looks) > 3, monkeypatch=monkeypatch)


async def test_a_window_that_newer_ones_push_out_hears_of_it(
    alice, adventure, log, monkeypatch, settings
):
    settings.WINDOWS_PER_PLAYER = 2
    monkeypatch.setattr(
        session_checks, "find_valid", lambda part: {each: ("", "") for each in part}
    )
    crowd = [made_up(alice, adventure) for _ in range(3)]
    for socket in crowd:
        await asyncio.to_thread(socket.connection.register)
    await look_at(*crowd, until=lambda: crowd[0].consumer.crowded, monkeypatch=monkeypatch)
    assert [socket.consumer.crowded for socket in crowd] == [True, False, False]


async def test_somebody_watches_where_hosts_stop_what_nobody_does(
    alice, adventure, log, monkeypatch, settings
):
    settings.STOP_WHEN_AWAY_SECONDS = 20
    socket = made_up(alice, adventure)
    monkeypatch.setattr(
        session_checks, "find_valid", lambda part: {each: ("", "") for each in part}
    )
    key = watched_by(socket)
    await look_at(socket, until=lambda: log.redis.exists(key), monkeypatch=monkeypatch)
    assert 15 < log.redis.ttl(key) <= 20


def watched_by(socket):
    from inference.queue.keys import watched_key

    return watched_key(str(socket.adventure))
