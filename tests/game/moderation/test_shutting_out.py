"""A player who is suspended: pages say why. What sockets do is in tests/safety/test_sockets.py."""

from datetime import timedelta

import pytest

from game.models import Sanction

pytestmark = pytest.mark.django_db


def test_pages_say_until_when_a_player_is_suspended(client, alice, adventure):
    from django.utils import timezone

    until = timezone.now() + timedelta(days=2)
    Sanction.objects.create(player=alice, kind=Sanction.Kind.SUSPENSION, until=until)
    client.force_login(alice)
    page = client.get(f"/adventures/{adventure.pk}/")
    assert page.status_code == 403
    assert f"{until:%Y-%m-%d}" in page.content.decode()
    assert client.get("/notices/").status_code == 200
