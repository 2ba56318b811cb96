"""Rubbish at every address and in every form: an answer, and never a broken page."""

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from game.models import Player
from tests.safety.routes import ENTRANCE, PUBLIC, ROUTES, address
from tests.safety.test_headers import GONE_AFTER
from tests.safety.test_words import FIELDS
from tests.safety.world import World

pytestmark = pytest.mark.django_db

VALUES = {
    "nothing": "",
    "NUL": "a\0b",
    "long": "x" * 20_000,
    "half a surrogate": "\ud800".encode("utf-8", "surrogatepass"),
    "not UTF-8": b"\xff\xfe\x80",
    "a number": "99999999999999999999999999",
    "minus one": "-1",
    "markup": "<script>alert(1)</script>",
    "a template": "{{ 7*7 }}{% load x %}${name}%s%(x)s",
    "SQL": "'; DROP TABLE game_player; --",
    "marks": "\u202e\u200b\ufeff\U0001f600" * 20,
    "deep": "[" * 5_000,
    "an id": "00000000-0000-4000-8000-000000000000",
}


@pytest.fixture
def world(begin, log, settings):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, "100000/m/ip")
    settings.ACCOUNT_RATE_LIMITS = False
    settings.AXES_ENABLED = False
    return World(begin)


@pytest.fixture
def client_of(world):
    def client_of(who):
        client = world.client(who)
        client.raise_request_exception = False
        return client

    return client_of


@pytest.mark.parametrize("value", VALUES)
def test_no_value_breaks_a_page(world, client_of, caplog, value):
    fields = dict.fromkeys(FIELDS, VALUES[value])
    broken = []
    for who in ("alice", "nobody"):
        client = client_of(who)
        for name in (each for each in ROUTES if each not in GONE_AFTER):
            if who == "nobody" and ROUTES[name].whose not in (PUBLIC, ENTRANCE):
                continue
            url = address(name, world)
            for answer in (client.post(url, fields), client.get(url, fields)):
                broken += [(who, name, answer.status_code)] if answer.status_code >= 500 else []
    assert [each for each in broken if each[1] != "readyz"] == []
    # Django notes what it refuses as suspicious (400) with a traceback; that is no broken page.
    broke = [each for each in caplog.records if each.exc_info and "security" not in each.name]
    assert broke == []


BODIES = [
    ("application/json", b"{" * 10_000),
    ("application/json", b"\xff\xfe"),
    ("application/x-www-form-urlencoded", b"&".join(b"x=1" for _ in range(5_000))),
    ("application/x-www-form-urlencoded", b"title=" + b"x" * 3_000_000),
    ("application/x-www-form-urlencoded; charset=nonsense", b"title=x"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"title=x"),
    ("multipart/form-data", b"no boundary"),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
    ("text/xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
]


@pytest.mark.parametrize(("kind", "body"), BODIES, ids=[str(n) for n in range(len(BODIES))])
def test_no_body_breaks_a_page(world, client_of, kind, body):
    client = client_of("alice")
    broken = []
    for name in (each for each in ROUTES if each not in GONE_AFTER):
        answer = client.generic("POST", address(name, world), body, content_type=kind)
        broken += [(name, answer.status_code)] if answer.status_code >= 500 else []
    assert [each for each in broken if each != ("readyz", 503)] == []


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "head", "trace"])
def test_no_method_breaks_a_page(world, client_of, method):
    client = client_of("alice")
    for name in (each for each in ROUTES if each not in GONE_AFTER):
        answer = getattr(client, method)(address(name, world))
        assert answer.status_code < 500 or name == "readyz", name


@pytest.mark.parametrize(
    "path",
    [
        "/%00",
        "/\udcff",
        "/scenarios/%ff/",
        "/adventures/%00/",
        "/adventures/00000000-0000-4000-8000-000000000000/export.%00",
        "/accounts/invited/%00%ff/",
        "/operator/%00/",
        "/accounts/password/reset/key/1-%00/",
        "/accounts/password/reset/key/zzzzzzzzzzzzzzzzzzzzzz-x/",
        "/accounts/confirm-email/x:y:z/",
        "/static/../dungeon/settings.py",
        "/static/%2e%2e/dungeon/settings.py",
        "/" + "x" * 8_000,
        "//evil.example/",
        "/accounts/login/?next=//evil.example/",
        "/accounts/login/?next=javascript:alert(1)",
    ],
)
def test_no_address_breaks_anything_or_leads_away(client_of, path):
    answer = client_of("nobody").get(path.encode("utf-8", "surrogateescape").decode("latin-1"))
    assert answer.status_code < 500
    assert "evil.example" not in answer.headers.get("Location", "")


def test_no_login_leads_away(world, client_of):
    for away in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil"):
        answer = client_of("nobody").post(
            "/accounts/login/",
            {"login": "alice", "password": "password-of-alice", "next": away},
        )
        assert answer.status_code == 302
        assert answer.url == "/"


def test_files_that_nobody_asked_for_go_nowhere(world, client_of, tmp_path, settings):
    """Nothing is uploaded here but a file of cards, which is read as text and kept nowhere."""
    settings.MEDIA_ROOT = tmp_path
    client = client_of("alice")
    for name in (each for each in ROUTES if each not in GONE_AFTER):
        file = SimpleUploadedFile("../../x.html", b"\x89PNG\xff<script>", "text/html")
        fields = {field: file for field in ("file", "image", "avatar", "title", "text", "cards")}
        answer = client.post(address(name, world), fields)
        assert answer.status_code < 500 or name == "readyz", name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["NUL", "long", "a number", "SQL", "deep", "nothing"])
def test_no_search_of_the_admin_breaks(client, log, adventure, value):
    client.force_login(Player.objects.create_superuser("operator"))
    client.raise_request_exception = False
    asked = VALUES[value]
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        url = reverse(f"admin:{label}_changelist")
        for query in ({"q": asked}, {"p": asked}, {"o": asked}, {"id__exact": asked}):
            answer = client.get(url, query)
            assert answer.status_code < 500, (label, query)
        change = reverse(f"admin:{label}_change", args=["x"])
        assert client.get(change).status_code < 500
