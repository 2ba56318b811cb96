"""Trying again and again: passwords, sign-ups, guests, exports."""

import time

import pytest
import redis
from django.contrib.auth import hashers
from django.core.cache import cache
from django.test import Client

from dungeon.cache import ForgivingCache
from game.accounts import limits
from game.models import Adventure, Player
from tests.game.accounts.test_accounts import PASSWORD, log_in, sign_up, who

pytestmark = pytest.mark.django_db
FAR = {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture(autouse=True)
def nothing_counted(log):
    ForgivingCache.retry_at = 0


@pytest.fixture
def wren(db):
    return Player.objects.create_user("Wren", "wren@example.com", PASSWORD)


@pytest.fixture
def unhurried(settings):
    """allauth's own limits out of the way, to see django-axes'."""
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}


def test_after_ten_wrong_passwords_the_right_one_is_refused_too(client, wren, unhurried):
    answers = [log_in(client, password="wrong").status_code for _ in range(10)]
    assert set(answers) == {200, 429}
    assert log_in(client).status_code == 429
    assert who(client) is None
    other = Client(REMOTE_ADDR="198.51.100.4")
    assert log_in(other).status_code == 302, (
        "whoever tries at an address shuts nobody out elsewhere"
    )


def test_a_name_that_nobody_has_is_shut_out_alike(client, wren, unhurried):
    real = [log_in(client, password="wrong") for _ in range(12)]
    made_up = [log_in(client, "Nobody", "wrong") for _ in range(12)]
    assert [each.status_code for each in real] == [each.status_code for each in made_up]
    for one, other in zip(real, made_up, strict=True):
        assert words(one) == words(other).replace("Nobody", "Wren")


def words(answer):
    """A page without what differs each time: its token."""
    import re

    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(client, wren):
    wrong_password = words(log_in(client, "Wren", "wrong"))
    wrong_name = words(log_in(client, "Robin", "wrong"))
    assert wrong_password == wrong_name.replace("Robin", "Wren")
    assert "Wrong name or password" in wrong_password


@pytest.mark.parametrize("login", ["Wren", "wren@example.com", "Robin", "robin@example.com"])
@pytest.mark.parametrize("mail", [True, False])
def test_every_wrong_login_takes_as_many_hashes(client, wren, settings, monkeypatch, login, mail):
    """Time is what a hash takes; how many there are is what would tell who has an account."""
    if mail:
        settings.ACCOUNT_LOGIN_METHODS = {"username", "email"}
    hashed = []
    real = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(
        hashers.MD5PasswordHasher,
        "encode",
        lambda self, *args, **kwargs: hashed.append(1) or real(self, *args, **kwargs),
    )
    log_in(client, login, "wrong")
    assert len(hashed) == 2  # ours, and Django's own backend


def test_closed_accounts_look_like_any_other(client, wren):
    Player.objects.update(is_active=False)
    closed = log_in(client, "Wren", "wrong")
    assert words(closed) == words(log_in(client, "Robin", "wrong")).replace("Robin", "Wren")


def test_signing_up_is_limited_by_address(settings):
    answers = [sign_up(Client(**FAR), f"Wren{number}").status_code for number in range(11)]
    assert answers == [302] * 10 + [429]
    assert sign_up(Client(REMOTE_ADDR="198.51.100.4"), "Robin").status_code == 302
    assert Player.objects.count() == 11


def test_guests_are_limited_by_address_and_read_on(settings, scenario):
    settings.LIMITS = {**settings.LIMITS, "guest": "3/m/ip"}
    begun = [Client(**FAR).post("/scenarios/the-cellar/begin/").status_code for _ in range(5)]
    assert begun == [302, 302, 302, 429, 429]
    assert Player.objects.count() == 3
    assert Client(**FAR).get("/scenarios/").status_code == 200


def test_beginning_is_limited_by_player(settings, scenario, alice):
    settings.LIMITS = {**settings.LIMITS, "begin": "3/m/user"}
    client = Client(**FAR)
    client.force_login(alice)
    begun = [client.post("/scenarios/the-cellar/begin/") for _ in range(4)]
    assert [each.status_code for each in begun] == [302, 302, 302, 429]
    assert "Wait a few minutes" in begun[-1].content.decode()
    assert Adventure.objects.count() == 3


def test_exports_are_limited(settings, adventure, alice):
    settings.LIMITS = {**settings.LIMITS, "export": "2/m/user", "data": "1/h/user"}
    client = Client()
    client.force_login(alice)
    url = f"/adventures/{adventure.pk}/export.txt"
    assert [client.get(url).status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get(url, headers={"accept": "application/json"})
    assert "Try again" in answer.json()["message"]
    assert [client.get("/accounts/data/").status_code for _ in range(2)] == [200, 429]


def test_whoever_sits_at_the_machine_is_not_counted(settings, scenario):
    settings.LIMITS = {**settings.LIMITS, "guest": "1/m/ip", "begin": "1/m/ip"}
    begun = [Client().post("/scenarios/the-cellar/begin/").status_code for _ in range(3)]
    assert begun == [302] * 3


def test_a_claimed_address_counts_only_behind_a_proxy(settings, rf):
    request = rf.get("/", REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR="127.0.0.1, 198.51.100.4")
    assert limits.address_of(request) == "203.0.113.7"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert limits.address_of(request) == "198.51.100.4"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_home_is_one_network(address, network):
    assert limits.network_of(address) == network


def test_a_window_of_counting_ends(monkeypatch):
    assert [limits.count("long", 60) for _ in range(3)] == [1, 2, 3]
    limits.count("short", 1)
    time.sleep(1.1)
    assert limits.count("short", 1) == 1


def test_with_redis_away_everybody_plays_and_nobody_waits(client, scenario, wren, monkeypatch):
    def away(*_, **__):
        raise redis.ConnectionError

    monkeypatch.setattr(redis.Redis, "execute_command", away)
    assert cache.get("x", "nothing") == "nothing"
    assert client.post("/scenarios/the-cellar/begin/").status_code == 302
    assert log_in(client, bring="on").status_code == 302
    assert who(client) == wren


def test_what_stands_in_the_cache_can_run_nothing(log):
    cache.set("list", [1.5, 2])
    cache.set("number", 7)
    cache.incr("number")
    assert cache.get("list") == [1.5, 2]
    assert cache.get("number") == 8
    stored = [log.redis.get(key) for key in log.redis.scan_iter("grue:cache:*")]
    assert sorted(stored) == [b"8", b"[1.5, 2]"]


# Nobody keeps anybody out


def strangers(count):
    return [Client(REMOTE_ADDR=f"198.51.100.{number}") for number in range(1, count + 1)]


def test_strangers_at_many_addresses_keep_nobody_out(client, wren):
    for stranger in strangers(6):
        assert log_in(stranger, password="wrong").status_code == 200
    assert log_in(client).status_code == 302
    assert who(client) == wren


@pytest.fixture
def known(wren):
    """A browser at the far address that wren has logged in with before."""
    client = Client(**FAR)
    log_in(client)
    client.post("/accounts/logout/")
    assert who(client) is None
    return client


def test_a_known_browser_may_try_whatever_strangers_do_at_its_address(known, wren, settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login_page": "6/m/ip"}
    settings.AXES_FAILURE_LIMIT = 3
    stranger = Client(**FAR)
    answers = [log_in(stranger, password="wrong").status_code for _ in range(7)]
    assert answers[-1] == 429
    assert log_in(stranger).status_code == 429, "the right password too: it may be a guess"
    assert log_in(known).status_code == 302
    assert who(known) == wren


def test_a_known_browser_is_counted_by_itself(known, wren):
    answers = [log_in(known, password="wrong").content.decode() for _ in range(11)]
    assert ["Too many attempts" in each for each in answers] == [False] * 10 + [True]
    assert "Too many attempts" in log_in(known).content.decode()
    elsewhere = Client(REMOTE_ADDR="198.51.100.4")
    assert log_in(elsewhere).status_code == 302


def test_a_browser_is_known_to_its_own_accounts_alone(known, wren, settings):
    Player.objects.create_user("Robin", password=PASSWORD)
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        log_in(known, "Robin", "wrong")
    assert log_in(known, "Robin").status_code != 302
    assert log_in(known).status_code == 302


def test_the_cookie_of_a_known_browser_is_signed(known, wren, settings):
    cookie = known.cookies["known_browser"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    forged = Client(**FAR)
    forged.cookies["known_browser"] = cookie.value[:-2] + "xx"
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(3):
        log_in(forged, password="wrong")
    log_in(forged)
    assert who(forged) is None


def test_whoever_is_logged_in_confirms_the_password_whatever_strangers_do(wren, settings):
    here = Client(**FAR)
    here.force_login(wren)
    settings.AXES_FAILURE_LIMIT = 3
    stranger = Client(**FAR)
    for _ in range(4):
        log_in(stranger, password="wrong")
    here.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/delete/"})
    assert here.get("/accounts/delete/").status_code == 200


def test_a_name_is_one_name_however_it_is_spelled(client, wren, unhurried, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for spelled in ("Wren", "wren", "WREN"):
        log_in(client, spelled, "wrong")
    assert log_in(client, "WrEn").status_code == 429


def test_a_home_with_many_addresses_is_one_when_names_are_tried(wren, unhurried, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for number in range(3):
        log_in(Client(REMOTE_ADDR=f"2001:db8::{number + 1}"), password="wrong")
    assert log_in(Client(REMOTE_ADDR="2001:db8::ffff")).status_code == 429


def test_guests_get_no_cookie_of_a_known_browser(client, scenario):
    client.post("/scenarios/the-cellar/begin/")
    assert "known_browser" not in client.cookies
