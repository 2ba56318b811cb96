"""Creates the accounts and adventures of a load test, and deletes them at its end."""

import contextlib
import time
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.utils import timezone

from game.models import Adventure, Kind, Membership, Player, Status, Turn

NAME = "loadtest-"
OPENING = (
    "You stand at the turnstile of an empty fairground. The ticket booth has a lamp in it, and the "
    "lamp is on."
)
BATCH_SIZE = 500
TRIES = 5


@dataclass(frozen=True)
class VirtualAccount:
    """One virtual player's account: its adventure, and the session cookie it is logged in with."""

    adventure: str
    player: str
    cookie: str


def create_accounts(count: int, narrator: str) -> list[VirtualAccount]:
    """Create `count` players, each with an adventure of `narrator` ("" is the host's default)."""
    accounts: list[VirtualAccount] = []
    while len(accounts) < count:
        accounts += create_batch(min(BATCH_SIZE, count - len(accounts)), narrator)
    return accounts


@transaction.atomic
def create_batch(count: int, narrator: str) -> list[VirtualAccount]:
    """Create `count` players with their adventures and sessions, in one transaction."""
    players = Player.objects.bulk_create(
        Player(username=f"{NAME}{uuid.uuid4().hex}", is_guest=True, password=make_password(None))
        for _ in range(count)
    )
    adventures = Adventure.objects.bulk_create(
        Adventure(title="Load test", narrator=narrator) for _ in players
    )
    Membership.objects.bulk_create(
        Membership(player=player, adventure=adventure)
        for player, adventure in zip(players, adventures, strict=True)
    )
    openings = Turn.objects.bulk_create(
        Turn(
            adventure=adventure,
            kind=Kind.OPENING,
            reply=OPENING,
            status=Status.TOLD,
            told=timezone.now(),
        )
        for adventure in adventures
    )
    for adventure, opening in zip(adventures, openings, strict=True):
        adventure.head = opening
    Adventure.objects.bulk_update(adventures, ["head"])
    return [
        VirtualAccount(str(adventure.pk), str(player.pk), cookie_of(player))
        for player, adventure in zip(players, adventures, strict=True)
    ]


def cookie_of(player: Player) -> str:
    """A Cookie header with a session in which this player is logged in."""
    session = SessionStore()
    session[SESSION_KEY] = str(player.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = player.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def delete_accounts(accounts: list[VirtualAccount]) -> None:
    """Delete what `create_accounts` created, and the turns that were played."""
    keys = [account.cookie.partition("=")[2] for account in accounts]
    for start in range(0, len(accounts), BATCH_SIZE):
        some = accounts[start : start + BATCH_SIZE]
        delete_adventures([account.adventure for account in some])
        Player.objects.filter(
            pk__in=[account.player for account in some], username__startswith=NAME
        ).delete()
        Session.objects.filter(session_key__in=keys[start : start + BATCH_SIZE]).delete()


def delete_adventures(adventures: list[str]) -> None:
    """Delete adventures, with retries: an interrupted test may still be storing a last action."""
    for _ in range(TRIES):
        with contextlib.suppress(IntegrityError), transaction.atomic():
            Adventure.objects.filter(pk__in=adventures).delete()
            return
        time.sleep(1)
    Adventure.objects.filter(pk__in=adventures).delete()
