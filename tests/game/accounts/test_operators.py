"""The operator's link, what it asks for, and what the operator confirms with a password."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from game.accounts import operators
from game.models import Adventure, Case, OperatorLink, Player
from game.moderation.roles import make_groups
from tests.game.accounts.test_accounts import PASSWORD, begin, log_in, who

pytestmark = pytest.mark.django_db
FRESH = "a-sturdy-new-word"


@pytest.fixture(autouse=True)
def nothing_counted(log):
    """Each test begins with nobody having tried anything."""


@pytest.fixture
def wren():
    return Player.objects.create_user("Wren", password=PASSWORD)


@pytest.fixture
def operator():
    return Player.objects.create_superuser("Opal", password=PASSWORD)


def printed(capsys, *options):
    """The path that the command prints."""
    call_command("operator_link", *options)
    found = re.search(r"http://127\.0\.0\.1:8000(/operator/[\w-]+/) ", capsys.readouterr().out)
    return found and found[1]


def enter(client, path, name="Opal", password=PASSWORD, again=None):
    form = {"username": name, "password1": password, "password2": again or password}
    return client.post(path, form, follow=True)


# The link


def test_the_link_asks_for_a_name_and_a_password_and_works_once(client, capsys):
    path = printed(capsys)
    assert printed(capsys) == path, "the next start prints it again while nobody used it"
    page = client.get(path).content.decode()
    assert 'name="username"' in page and page.count('type="password"') == 2
    assert client.post(path).status_code == 422
    assert Player.objects.count() == 0
    answer = enter(client, path)
    assert "You are now the operator" in answer.content.decode()
    made = Player.objects.get()
    assert made.is_staff and made.is_superuser and not made.is_guest
    assert made.username == "Opal" and made.check_password(PASSWORD)
    assert client.get("/admin/").status_code == 200
    assert client.get(path).status_code == enter(Client(), path, "Robin").status_code == 404
    assert printed(capsys) is None
    assert Player.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "password", "again", "says"),
    [
        ("Opal", "short", None, "too short"),
        ("Opal", PASSWORD, "another-one-entirely", "not the same"),
        ("x" * 31, PASSWORD, None, "2 to 30"),
        ("guest-1", PASSWORD, None, "not available"),
        ("Wren", "not-her-password", None, "belongs to an account"),
    ],
)
def test_a_name_or_password_that_will_not_do_is_refused_and_the_link_stays(
    client, capsys, wren, name, password, again, says
):
    path = printed(capsys)
    answer = enter(client, path, name, password, again)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Player.objects.filter(is_superuser=True).exists()
    assert enter(client, path).status_code == 200


def test_a_guest_who_opens_the_link_becomes_an_account_with_their_stories(client, capsys, scenario):
    adventure = begin(client)
    guest, key = who(client), client.session.session_key
    enter(client, printed(capsys))
    assert who(client).pk == guest.pk and who(client).is_superuser and not who(client).is_guest
    assert client.session.session_key != key
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200


def test_an_account_that_is_there_gives_its_own_password(client, capsys, wren, scenario):
    adventure = begin(client)
    enter(client, printed(capsys), "wren")
    assert who(client) == wren
    assert who(client).is_superuser
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200, "the guest's came along"


@pytest.mark.parametrize("token", ["wrong", "öffne-dich", "A" * 43])
def test_a_wrong_link_is_not_there(client, capsys, token):
    printed(capsys)
    assert client.get(f"/operator/{token}/").status_code == 404
    assert enter(client, f"/operator/{token}/").status_code == 404
    assert Player.objects.count() == 0


def test_two_who_open_the_link_at_once_are_one_operator(capsys, monkeypatch):
    path = printed(capsys)
    real = operators.promote

    def another_is_faster(link, player):
        OperatorLink.objects.all().delete()
        return real(link, player)

    monkeypatch.setattr(operators, "promote", another_is_faster)
    assert enter(Client(), path).status_code == 404
    assert Player.objects.count() == 0, "nothing of the slower one stays"


def test_the_database_alone_opens_nothing(client, capsys):
    printed(capsys)
    nonce = OperatorLink.objects.get().nonce
    assert client.get(f"/operator/{nonce}/").status_code == 404


def test_where_mail_goes_out_the_operator_can_log_in_again(client, capsys, settings):
    settings.EMAIL_URL = True
    settings.ACCOUNT_LOGIN_METHODS = {"username", "email"}
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    path = printed(capsys)
    assert enter(client, path).status_code == 422, "an address is asked for"
    form = {"username": "Opal", "password1": PASSWORD, "password2": PASSWORD}
    client.post(path, {**form, "email": "Opal@example.com"})
    assert EmailAddress.objects.get().verified
    client.post("/accounts/logout/")
    log_in(client, "opal@example.com")
    assert who(client).is_superuser


# A lost operator


def test_the_host_makes_a_new_link_for_an_operator_who_lost_the_password(capsys, operator):
    there = Client()
    there.force_login(operator)
    Authenticator.objects.create(user=operator, type="totp", data={"secret": "x"})
    assert printed(capsys) is None
    path = printed(capsys, "--new")
    client = Client()
    assert "lost your password" in client.get(path).content.decode()
    enter(client, path, "Opal", FRESH)
    assert who(client) == operator
    operator.refresh_from_db()
    assert operator.check_password(FRESH)
    assert not Authenticator.objects.exists()
    assert there.get("/admin/").status_code == 302, "whoever was in with the old one is out"
    assert enter(Client(), path, "Opal", PASSWORD).status_code == 404


def test_a_link_that_was_asked_for_works_for_an_hour(client, capsys, operator):
    path = printed(capsys, "--new")
    OperatorLink.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert client.get(path).status_code == 404


def test_a_new_link_ends_the_one_before(client, capsys):
    old = printed(capsys)
    new = printed(capsys, "--new")
    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200


def test_the_first_link_is_void_once_there_is_an_operator(client, capsys):
    path = printed(capsys)
    Player.objects.create_superuser("Opal", password=PASSWORD)
    assert client.get(path).status_code == 404


# Guests and rights


def test_a_guest_cannot_be_staff(client, scenario):
    begin(client)
    guest = who(client)
    for right in ("is_staff", "is_superuser"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Player.objects.filter(pk=guest.pk).update(**{right: True})


def test_the_admin_says_why_a_guest_cannot_be_staff(client, operator, scenario):
    begin(client)
    guest = who(client)
    client.force_login(operator)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get(f"/admin/game/player/{guest.pk}/change/")
    fields = {**page.context["adminform"].form.initial, "is_staff": "on", "username": "guest-x"}
    data = {name: value for name, value in fields.items() if value not in (None, [], False)}
    day = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    answer = client.post(f"/admin/game/player/{guest.pk}/change/", {**data, **day})
    assert "they have to sign up first" in answer.content.decode()


def test_logging_in_brings_stories_along_and_no_rights(client, wren, scenario):
    adventure = begin(client)
    guest = who(client)
    # As the old link left guests, past the constraint of today.
    guest.is_staff = guest.is_superuser = True
    from game.accounts.account_merge import merge_guest

    merge_guest(guest, wren)
    wren.refresh_from_db()
    assert not wren.is_staff and not wren.is_superuser
    assert Adventure.objects.of(wren).filter(pk=adventure.pk).exists()


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_an_upgrade_takes_the_rights_that_the_old_link_gave_a_guest():
    def migrate(name):
        executor = MigrationExecutor(connection)
        executor.migrate([("game", name)])
        return executor.loader.project_state([("game", name)]).apps.get_model("game", "Player")

    with connection.cursor() as cursor:  # the oldest state that this one is made of
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'game' ORDER BY name DESC")
        newest = cursor.fetchone()[0]
    try:
        before = migrate("0010_moderators")
        before.objects.create(username="guest-1", is_guest=True, is_staff=True, is_superuser=True)
        before.objects.create(username="Opal", is_staff=True, is_superuser=True)
    finally:
        after = migrate(newest)
    assert after.objects.get(username="Opal").is_superuser
    guest = after.objects.get(username="guest-1")
    assert not guest.is_staff and not guest.is_superuser


# What wants the password again


@pytest.mark.parametrize(
    "page",
    [
        "player/{wren}/change/",
        "player/{wren}/password/",
        "player/{wren}/delete/",
        "player/add/",
        "scenario/the-cellar/delete/",
    ],
)
def test_rights_and_deletions_ask_for_the_password_again(client, operator, wren, scenario, page):
    client.force_login(operator)
    path = "/admin/game/" + page.format(wren=wren.pk)
    for asked in (client.get(path), client.post(path, {"post": "yes"})):
        assert asked.status_code == 302
        assert unquote(asked.url) == f"/accounts/reauthenticate/?next={path}"
    assert Player.objects.filter(pk=wren.pk).exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get(path).status_code == 200


def test_reading_the_admin_asks_for_nothing_more(client, operator, wren, scenario):
    client.force_login(operator)
    for page in ("", "game/player/", "game/scenario/the-cellar/change/", "game/case/"):
        assert client.get(f"/admin/{page}").status_code == 200


def test_several_at_once_are_deleted_only_with_the_password_and_then_without_asking_twice(
    client, operator, scenario
):
    client.force_login(operator)
    form = {"action": "delete_selected", "_selected_action": [scenario.pk], "post": "yes"}
    asked = client.post("/admin/game/scenario/", form)
    assert asked.url.startswith("/accounts/reauthenticate/")
    assert type(scenario).objects.exists()
    client.post(asked.url, {"password": PASSWORD, "next": "/admin/game/scenario/"})
    assert not type(scenario).objects.exists(), "what was posted is done once the password is given"


@pytest.mark.parametrize(("deed", "asked"), [("ban", True), ("delete", True), ("dismiss", False)])
def test_a_ban_wants_the_password_of_whoever_bans(client, wren, scenario, alice, deed, asked):
    wren.is_staff = True
    wren.save()
    make_groups(apps)  # a test before may have emptied the database
    wren.groups.add(Group.objects.get(name="senior"))
    case = Case.objects.create(subject="scenario", key="x", player=alice, words="player")
    client.force_login(wren)
    answer = client.post(f"/admin/game/case/{case.pk}/change/", {"deed": deed})
    assert ("reauthenticate" in answer.headers.get("Location", "")) is asked
    case.refresh_from_db()
    assert (case.decided is None) is asked


# A host with a single player


@pytest.fixture
def single(settings, operator, scenario):
    """It had accounts once: its only player is the operator of then."""
    settings.ACCOUNTS = "single"
    settings.LOOPBACK_OPERATOR = True
    return operator


HERE = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def local_names(settings):
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize(
    ("request_from", "let_in"),
    [
        ({}, True),
        ({"HTTP_HOST": "127.0.0.1"}, True),
        ({"HTTP_HOST": "[::1]:8000", "REMOTE_ADDR": "::1"}, True),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, True),
        ({"REMOTE_ADDR": "192.168.1.20", "HTTP_HOST": "192.168.1.5:8000"}, False),
        ({"REMOTE_ADDR": "192.168.1.20"}, False),  # who claims to have asked for localhost
        ({"REMOTE_ADDR": "172.17.0.1"}, False),  # a container's bridge
        ({"REMOTE_ADDR": ""}, False),  # a Unix socket
        ({"HTTP_HOST": "grue.lan"}, False),
        ({"HTTP_X_FORWARDED_FOR": "192.168.1.20"}, False),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
        ({"HTTP_X_FORWARDED_PROTO": "http"}, False),
        ({"HTTP_FORWARDED": "for=192.168.1.20"}, False),
        ({"HTTP_X_REAL_IP": "192.168.1.20"}, False),
        ({"HTTP_VIA": "1.1 Caddy"}, False),
        ({"HTTP_CF_CONNECTING_IP": "203.0.113.7"}, False),
    ],
)
def test_only_a_browser_on_this_very_machine_is_the_operators(
    client, single, local_names, request_from, let_in
):
    answer = client.get("/admin/", **{**HERE, **request_from})
    assert answer.status_code == (200 if let_in else 302)


def test_behind_a_proxy_and_in_a_container_loopback_says_nothing(
    client, single, local_names, settings
):
    settings.LOOPBACK_OPERATOR = False
    assert client.get("/admin/", **HERE).url == "/operator/?next=/admin/"


def code_printed(capsys, *options):
    call_command("operator_link", *options)
    return re.search(r"/operator/ with the code ([A-Z2-7-]{14})$", capsys.readouterr().out.strip())[
        1
    ]


def test_whoever_types_the_terminals_code_is_the_operator(client, single, capsys):
    code = code_printed(capsys)
    assert client.get("/admin/").url == "/operator/?next=/admin/"
    assert "Enter the operator" in client.get("/operator/?next=/admin/").content.decode()
    wrong = client.post("/operator/", {"code": "AAAA-BBBB-CCCC"})
    assert wrong.status_code == 422 and "Wrong code" in wrong.content.decode()
    assert client.get("/admin/").status_code == 302
    typed = {"code": code.lower().replace("-", " "), "next": "/admin/"}
    assert client.post("/operator/", typed).url == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert Client().get("/admin/").status_code == 302, "another browser types it too"
    assert code_printed(capsys) == code
    assert code_printed(capsys, "--new") != code
    assert client.get("/admin/").status_code == 302, "a new code ends what the old one opened"


def test_a_code_is_not_guessed(single, capsys, settings):
    code_printed(capsys)
    far = Client(REMOTE_ADDR="203.0.113.7")
    answers = [far.post("/operator/", {"code": "x"}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_in_a_single_players_house_visitors_play_and_delete_nothing_of_it(client, single, capsys):
    adventure = begin(client)
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    assert client.get("/accounts/delete/").url == "/operator/?next=/accounts/delete/"
    assert client.post("/accounts/delete/").url == "/operator/?next=/accounts/delete/"
    client.post("/operator/", {"code": code_printed(capsys)})
    assert client.get("/accounts/delete/").status_code == 200, "there is no password to ask for"


def test_what_a_visitor_of_a_single_player_changes_never_stores_rights(client, single):
    begin(client)
    client.post("/notices/limit/", {"audience": "everyone"})
    single.refresh_from_db()
    assert single.is_superuser and single.is_staff


def test_rights_for_a_request_are_not_saved(wren):
    wren.set_rights_for_request(True)
    wren.first_name = "W"
    wren.save()
    found = Player.objects.get(pk=wren.pk)
    assert found.first_name == "W"
    assert not found.is_staff and not found.is_superuser


def test_a_link_opens_nothing_where_there_is_a_single_player(client, capsys, settings):
    path = printed(capsys)
    settings.ACCOUNTS = "single"
    assert client.get(path).status_code == 404


def test_a_code_opens_nothing_where_there_are_accounts(client, capsys):
    assert client.get("/operator/").status_code == 404
