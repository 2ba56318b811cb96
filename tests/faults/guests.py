"""Players for the fault tests, made inside the house: `python -m tests.faults.guests COUNT`.

Prints a JSON list: each player's adventure and session cookie.
"""

import json
import sys
import uuid

import django


def invite() -> dict[str, str]:
    """A new player with an adventure of his own."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from game import adventures
    from game.models import Player, Scenario

    scenario, _ = Scenario.objects.get_or_create(
        slug="the-quake", defaults={"title": "The Quake", "opening": "The floor is trembling."}
    )
    player = Player.objects.create_user(f"player-{uuid.uuid4().hex}")
    adventure = adventures.begin(player, scenario, {})
    session = SessionStore()
    session[SESSION_KEY] = str(player.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = player.get_session_auth_hash()
    session.create()
    return {"adventure": str(adventure.pk), "session": str(session.session_key)}


if __name__ == "__main__":
    django.setup()
    print(json.dumps([invite() for _ in range(int(sys.argv[1]))]))
