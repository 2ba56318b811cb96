"""What every answer tells the browser, whoever asks for it."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from dungeon.https import PERMISSIONS, STRICT_TRANSPORT
from game.models import Player
from tests.safety.routes import ROUTES, THEIRS, address
from tests.safety.world import World

pytestmark = pytest.mark.django_db

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
}
POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


# Sent to, these end what the next page needs.
GONE_AFTER = {
    *("account_logout", "account_delete", "delete", "purge", "delete_scenario", "revoke"),
}


@pytest.fixture
def world(begin, log):
    return World(begin)


def check(answer, page):
    for header, value in ALWAYS.items():
        assert answer.headers.get(header) == value, (page, header)
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert POLICY.items() <= policy.items(), page
    said = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in said, page
    assert "http:" not in said and "https:" not in said and "*" not in said, page
    if answer.headers.get("Content-Type", "").startswith("text/html") and answer.content:
        html = answer.content.decode()
        for inline in ("<style", " style=", " onclick=", " onload=", " onerror=", "javascript:"):
            assert inline not in html, (page, inline)
        assert "<script>" not in html, page


@pytest.mark.parametrize("who", ["alice", "guest", "nobody"])
def test_every_page_sends_them(world, who):
    client = world.client(who)
    for name in ROUTES:
        check(client.get(address(name, world)), name)
        if name not in GONE_AFTER:
            check(client.post(address(name, world)), name)
        if ROUTES[name].whose == THEIRS:
            check(client.get(address(name, world, there=False)), name)
    check(client.get("/nowhere/at/all/"), "404")


def test_the_admin_sends_them_too(log, adventure):
    client = Client()
    client.force_login(Player.objects.create_superuser("operator"))
    pages = [reverse("admin:index")]
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"admin:{label}_changelist"))
        one = model._default_manager.first()
        if one is not None:
            pages.append(reverse(f"admin:{label}_change", args=[one.pk]))
    for page in pages:
        answer = client.get(page)
        for header, value in ALWAYS.items():
            assert answer.headers.get(header) == value, (page, header)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_page_that_broke_sends_them(client, monkeypatch, log):
    from game.library import scenario_views

    def broken(*_):
        raise RuntimeError

    monkeypatch.setattr(scenario_views, "preview_of", broken)
    monkeypatch.setattr(scenario_views.Scenario.objects, "public", broken, raising=False)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    check(answer, "500")


def test_over_https_alone_cookies_are_secure_and_browsers_remember(client, log, scenario):
    plain = client.post("/scenarios/the-cellar/begin/")
    assert "Strict-Transport-Security" not in plain.headers
    assert "Cross-Origin-Opener-Policy" not in plain.headers
    secure = Client().post("/scenarios/the-cellar/begin/", secure=True)
    assert secure.headers["Strict-Transport-Security"] == STRICT_TRANSPORT
    assert secure.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    for name in ("sessionid",):
        assert secure.cookies[name]["secure"]
        assert secure.cookies[name]["httponly"]
        assert secure.cookies[name]["samesite"] == "Lax"
        assert not plain.cookies[name]["secure"]


def test_pages_of_ones_own_are_kept_by_no_cache(world):
    for name, route in ROUTES.items():
        if route.whose in ("theirs", "own"):
            answer = world.client("alice").get(address(name, world))
            if answer.status_code == 200:
                assert "no-store" in answer.headers["Cache-Control"], name
