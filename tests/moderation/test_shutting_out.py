"""A player who is banned or suspended: open windows close, commands are refused, pages say why."""

import time
from datetime import timedelta

import pytest

from game.attendance import Attendance
from game.database import in_database
from game.models import Sanction, Turn
from tests.safety.test_sockets import WITHIN, in_thread
from tests.test_sockets import Window

pytestmark = pytest.mark.django_db(transaction=True)


def banned(player):
    Sanction.objects.create(player=player, kind=Sanction.Kind.BAN)


async def test_the_window_of_a_banned_player_closes_within_five_seconds(alice, adventure, log):
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await in_thread(banned, alice)
        began = time.monotonic()
        error = await window.until("error")
        assert "banned" in error["message"]
        assert await window.closed(timeout=20) == 4408
        assert time.monotonic() - began < WITHIN + 1


async def test_a_banned_players_command_is_refused_at_once(alice, adventure, log, monkeypatch):
    async def look_away(self, part):
        """The look that would close the window first."""

    monkeypatch.setattr(Attendance, "look", look_away)
    async with Window(adventure.pk, alice) as window:
        await window.next()
        await in_thread(banned, alice)
        key = await window.command("take_action", kind="do", text="run")
        error = await window.until("error")
        assert (error["code"], error["key"]) == ("not_allowed", key)
        assert await in_database(Turn.objects.count) == 1


def test_pages_say_until_when_a_player_is_suspended(client, alice, adventure):
    from django.utils import timezone

    until = timezone.now() + timedelta(days=2)
    Sanction.objects.create(player=alice, kind=Sanction.Kind.SUSPENSION, until=until)
    client.force_login(alice)
    page = client.get(f"/adventures/{adventure.pk}/")
    assert page.status_code == 403
    assert f"{until:%Y-%m-%d}" in page.content.decode()
    assert client.get("/notices/").status_code == 200
