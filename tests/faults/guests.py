"""Players for the fault tests, made inside it: `python -m tests.faults.guests COUNT [MANY]`.

Prints a JSON list: each player's adventure and session cookie. With MANY, one player more has so
many adventures, an entry each, at the end of the list.
"""

import json
import sys
import uuid

import django


def invite(count: int = 1) -> list[dict[str, str]]:
    """A new player with adventures of his own."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from game.models import Player, Scenario
    from game.play import adventures

    scenario, _ = Scenario.objects.get_or_create(
        slug="the-quake", defaults={"title": "The Quake", "opening": "The floor is trembling."}
    )
    player = Player.objects.create_user(f"player-{uuid.uuid4().hex}")
    begun = [adventures.begin(player, scenario, {}) for _ in range(count)]
    session = SessionStore()
    session[SESSION_KEY] = str(player.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = player.get_session_auth_hash()
    session.create()
    return [{"adventure": str(each.pk), "session": str(session.session_key)} for each in begun]


if __name__ == "__main__":
    django.setup()
    counts = [1] * int(sys.argv[1]) + [int(each) for each in sys.argv[2:]]
    print(json.dumps([guest for count in counts for guest in invite(count)]))
