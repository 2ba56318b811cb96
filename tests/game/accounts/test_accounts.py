"""Signing up, logging in, and who stays who."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.management import call_command

from game.accounts import invites
from game.models import Adventure, Player

pytestmark = pytest.mark.django_db
PASSWORD = "lamp-oil-and-rope"


@pytest.fixture(autouse=True)
def nothing_counted(log):
    """Each test begins with nobody having tried anything."""


@pytest.fixture
def by_mail(settings):
    """A host that can send e-mail."""
    settings.EMAIL_URL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ACCOUNT_LOGIN_METHODS = {"username", "email"}
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True


@pytest.fixture
def wren(db):
    return Player.objects.create_user("Wren", "wren@example.com", PASSWORD)


def sign_up(client, name="Wren", **fields):
    fields = {"username": name, "password1": PASSWORD, "password2": PASSWORD, **fields}
    return client.post("/accounts/signup/", fields)


def log_in(client, login="Wren", password=PASSWORD, **fields):
    return client.post("/accounts/login/", {"login": login, "password": password, **fields})


def who(client):
    found = client.session.get(SESSION_KEY)
    return Player.objects.get(pk=found) if found else None


def begin(client):
    client.post("/scenarios/the-cellar/begin/")
    return Adventure.objects.latest("created")


# Without e-mail, as `make play` starts


def test_nobody_has_to_sign_up(client, scenario):
    adventure = begin(client)
    page = client.get(f"/adventures/{adventure.pk}/")
    assert page.status_code == 200
    assert "/accounts/login/" in client_of_nobody().get("/").content.decode()


def client_of_nobody():
    from django.test import Client

    return Client()


def test_a_guest_reads_how_long_stories_are_kept_and_how_to_keep_them(client, wren, scenario):
    kept = "have not been here for 30 days"
    assert kept in client.get("/scenarios/the-cellar/").content.decode()
    client.post("/scenarios/the-cellar/begin/")
    shelf = client.get("/adventures/").content.decode()
    assert kept in shelf
    assert "Sign up</a> to keep them" in shelf
    client.force_login(wren)
    for page in ("/scenarios/the-cellar/", "/adventures/"):
        assert kept not in client.get(page).content.decode()


def test_where_there_is_one_player_nobody_is_told_to_sign_up(client, scenario, settings):
    settings.ACCOUNTS = "single"
    assert "Sign up" not in client.get("/scenarios/the-cellar/").content.decode()


def test_signing_up_says_where_a_name_is_shown(client):
    page = client.get("/accounts/signup/").content.decode()
    assert "Scenarios that you publish show it." in page
    assert "Other players see it" not in page


def test_signing_up_takes_a_name_and_a_password(client):
    page = client.get("/accounts/signup/").content.decode()
    assert "E-mail" not in page.split("<form")[1].split("</form>")[0]
    assert sign_up(client).url == "/"
    assert who(client).username == "Wren"
    assert ">Wren</a>" in client.get("/").content.decode()
    assert not who(client).is_guest


def test_a_guest_who_signs_up_stays_the_same_player_under_a_new_key(client, scenario):
    adventure = begin(client)
    guest, key = who(client), client.session.session_key
    assert guest.is_guest
    sign_up(client)
    assert who(client).pk == guest.pk
    assert not who(client).is_guest
    assert client.session.session_key != key
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    assert Player.objects.count() == 1


def test_the_old_key_of_a_guest_opens_nothing_more(client, scenario):
    from django.conf import settings

    adventure = begin(client)
    old = client.cookies[settings.SESSION_COOKIE_NAME].value
    sign_up(client)
    other = client_of_nobody()
    other.cookies[settings.SESSION_COOKIE_NAME] = old
    assert other.get(f"/adventures/{adventure.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a", "2 to 30"),
        ("x" * 31, "2 to 30"),
        ("wren@example.com", "letters and digits"),
        ("<b>wren</b>", "letters and digits"),
        ("guest-1", "not available"),
        ("Operator", "not available"),
        ("wREN", "that name is taken"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_says_why(client, wren, name, says):
    answer = sign_up(client, name)
    assert answer.status_code == 200
    assert says in answer.content.decode().lower()
    assert Player.objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password123", "wrenwren"])
def test_a_weak_password_is_refused(client, password):
    answer = sign_up(client, "wrenwren", password1=password, password2=password)
    assert answer.status_code == 200
    assert not Player.objects.exists()


def test_logging_in_and_out(client, wren):
    assert log_in(client, "wren").url == "/"
    assert who(client) == wren
    client.post("/accounts/logout/")
    assert who(client) is None


def test_a_name_as_long_as_a_book_is_no_ones(client, wren, log):
    assert log_in(client, "x" * 10_000).status_code == 200
    assert who(client) is None


def test_what_a_guest_began_comes_along_into_the_account(client, wren, scenario):
    adventure = begin(client)
    guest = who(client)
    assert "Move this browser’s adventures" in client.get("/accounts/login/").content.decode()
    log_in(client, bring="on")
    assert who(client) == wren
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    assert not Player.objects.filter(pk=guest.pk).exists()


def test_a_guest_may_leave_it_behind(client, wren, scenario):
    adventure = begin(client)
    log_in(client)  # the box is not ticked
    assert who(client) == wren
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 404
    assert Player.objects.count() == 2


def test_whoever_is_in_is_not_asked_again(client, wren):
    log_in(client)
    assert client.get("/accounts/login/").url == "/accounts/"
    assert client.get("/accounts/login/?next=/adventures/").url == "/adventures/"
    assert client.get("/accounts/login/?next=https://evil.example/").url == "/accounts/"
    assert client.get("/accounts/signup/").status_code == 302


def test_without_mail_its_pages_say_so(client, wren):
    for page in ("password/reset/", "confirm-email/", "email/"):
        assert "sends no e-mail" in client.get(f"/accounts/{page}").content.decode()


def test_a_guest_has_no_password_to_change(client, scenario):
    begin(client)
    for page in ("password/set/", "password/change/", "2fa/", "2fa/totp/activate/", "email/"):
        assert client.get(f"/accounts/{page}").url == "/accounts/signup/"


# With e-mail


def code_in(message):
    return re.search(r"^([A-Z0-9-]{6,})$", message.body, re.MULTILINE)[1]


def test_an_address_is_confirmed_by_a_code_and_then_logs_in(client, by_mail, scenario):
    adventure = begin(client)
    answer = sign_up(client, email="wren@example.com")
    assert answer.url == "/accounts/confirm-email/"
    assert client.get(answer.url).status_code == 200
    assert who(client) is None
    assert mail.outbox[0].to == ["wren@example.com"]
    client.post(answer.url, {"code": code_in(mail.outbox[0])})
    assert who(client).username == "Wren"
    assert EmailAddress.objects.get().verified
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    client.post("/accounts/logout/")
    log_in(client, "wren@example.com")
    assert who(client).username == "Wren"


def test_a_forgotten_password_is_made_anew_by_mail(client, by_mail, wren):
    EmailAddress.objects.create(user=wren, email=wren.email, verified=True, primary=True)
    client.post("/accounts/password/reset/", {"email": "wren@example.com"})
    link = re.search(r"http://testserver(\S+)", mail.outbox[0].body)[1]
    form = client.get(link, follow=True)
    fresh = "a-sturdy-new-word"
    path = form.redirect_chain[-1][0]
    client.post(path, {"password1": fresh, "password2": fresh})
    assert log_in(client, password=PASSWORD).status_code == 200
    log_in(client, password=fresh)
    assert who(client) == wren
    assert "invalid" in client_of_nobody().get(link).content.decode()


def test_asking_for_a_password_tells_nobody_who_has_an_account(client, by_mail, wren):
    EmailAddress.objects.create(user=wren, email=wren.email, verified=True, primary=True)
    answers = [
        client.post("/accounts/password/reset/", {"email": address}, follow=True)
        for address in ("wren@example.com", "nobody@example.com")
    ]
    assert answers[0].redirect_chain == answers[1].redirect_chain
    assert len(mail.outbox) == 1


def test_signing_up_with_a_taken_address_tells_nothing_either(client, by_mail, wren):
    EmailAddress.objects.create(user=wren, email=wren.email, verified=True, primary=True)
    taken = sign_up(client, "Robin", email="wren@example.com")
    free = sign_up(client_of_nobody(), "Finch", email="finch@example.com")
    assert (taken.status_code, taken.url) == (free.status_code, free.url)
    assert not Player.objects.filter(username="Robin").exists()


def test_the_address_is_changed_by_a_code(client, by_mail, wren):
    EmailAddress.objects.create(user=wren, email=wren.email, verified=True, primary=True)
    log_in(client)
    answer = client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    assert "/reauthenticate/" in answer.url
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = client.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    client.post("/accounts/confirm-email/", {"code": code_in(mail.outbox[-1])})
    wren.refresh_from_db()
    assert wren.email == "new@example.com"


# Who is let in


def test_an_invite_lets_one_person_in(client, settings, scenario):
    settings.ACCOUNTS = "invite"
    assert client.get("/").url == "/accounts/login/?next=/"
    assert "By invitation" in client.get("/accounts/signup/").content.decode()
    sign_up(client)
    assert not Player.objects.exists()
    _, token = invites.make("for Wren")
    assert client.get(invites.path(token)).url == "/accounts/signup/"
    assert sign_up(client).url == "/"
    assert client.get("/").status_code == 200
    other = client_of_nobody()
    assert other.get(invites.path(token)).status_code == 404
    sign_up(other, "Robin")
    assert Player.objects.count() == 1


def test_two_who_hold_the_same_invite_are_one_too_many(settings, client):
    settings.ACCOUNTS = "invite"
    _, token = invites.make()
    second = client_of_nobody()
    for each in (client, second):
        each.get(invites.path(token))
        assert "Sign up" in each.get("/accounts/signup/").content.decode()
    sign_up(client)
    assert "By invitation" in sign_up(second, "Robin").content.decode()
    assert list(Player.objects.values_list("username", flat=True)) == ["Wren"]


def test_an_old_invite_opens_nothing(client, settings):
    from datetime import timedelta

    from django.utils import timezone

    settings.ACCOUNTS = "invite"
    _, token = invites.make(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(invites.path(token)).status_code == 404


def test_invites_come_from_a_command_and_from_the_admin(client, capsys, settings):
    call_command("invite", 2, note="the pub")
    links = capsys.readouterr().out.split()
    assert len(links) == 2
    assert all(invites.find(link.split("/")[-2]) for link in links)
    client.force_login(Player.objects.create_superuser("host"))
    form = {"note": "Robin", "expires_0": "2099-01-01", "expires_1": "00:00"}
    page = client.post("/admin/game/invite/add/", form, follow=True).content.decode()
    token = re.search(r"/accounts/invited/([\w-]+)/", page)[1]
    assert invites.find(token).note == "Robin"


def test_where_players_are_invited_guests_stay_outside(client, settings, scenario):
    adventure = begin(client)
    settings.ACCOUNTS = "invite"
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 403
    assert client.get("/accounts/data/").status_code == 200


def test_a_single_player_is_the_same_in_every_browser(client, settings, scenario):
    settings.ACCOUNTS = "single"
    adventure = begin(client)
    other = client_of_nobody()
    assert other.get(f"/adventures/{adventure.pk}/").status_code == 200
    assert Player.objects.count() == 1
    assert other.get("/accounts/login/").status_code == 404
    assert other.get("/accounts/signup/").status_code == 404


def test_a_guest_becomes_the_single_player(client, settings, scenario):
    adventure = begin(client)
    settings.ACCOUNTS = "single"
    client.get("/")
    assert client_of_nobody().get(f"/adventures/{adventure.pk}/").status_code == 200
    assert Player.objects.count() == 1


# The second factor


def totp(secret):
    import time

    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def add_app(client):
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert client.post("/accounts/2fa/totp/activate/", {"code": totp(secret)}).status_code == 302
    return secret


def test_an_app_is_asked_for_its_code(client, wren, log):
    log_in(client)
    secret = add_app(client)
    client.post("/accounts/logout/")
    assert log_in(client).url == "/accounts/2fa/authenticate/"
    assert who(client) is None
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert who(client) is None
    log.redis.flushdb()  # a code counts once in its half minute
    client.post("/accounts/2fa/authenticate/", {"code": totp(secret)})
    assert who(client) == wren


def test_staff_need_an_app_where_strangers_may_sign_up(client, wren, settings):
    settings.STAFF_NEED_TOTP = True
    wren.is_staff = wren.is_superuser = True
    wren.save()
    log_in(client)
    assert client.get("/admin/").url == "/accounts/2fa/totp/activate/"
    assert client.get("/admin/game/player/").url == "/accounts/2fa/totp/activate/"
    add_app(client)
    assert client.get("/admin/").status_code == 200


def test_the_admin_has_no_door_of_its_own(client, wren):
    assert client.get("/admin/").url.startswith("/admin/login/")
    assert client.get("/admin/login/").url.startswith("/accounts/login/")
    log_in(client)
    assert client.get("/admin/login/").status_code == 403
