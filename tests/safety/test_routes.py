"""Who gets what: everybody tries every page, to read it and to change it."""

import pytest
from django.contrib import admin
from django.urls import get_resolver, reverse

from game.models import Adventure, Membership, Scenario, Share, StoryCard, Turn
from tests import dumps
from tests.safety.routes import ENTRANCE, OWN, PASSWORD, PUBLIC, ROUTES, THEIRS, address, prepare
from tests.safety.world import MEMBERS, PEOPLE, STRANGERS, World

pytestmark = pytest.mark.django_db
OUT = (404, 405)


@pytest.fixture
def world(begin, log):
    return World(begin)


def named_routes(resolver=None, namespace=""):
    for pattern in (resolver or get_resolver()).url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from named_routes(pattern, pattern.namespace or namespace)
        else:
            yield namespace, pattern


def test_every_route_is_in_the_table():
    names = {pattern.name for namespace, pattern in named_routes() if namespace != "admin"}
    assert names - set(ROUTES) == set(), "say in tests/safety/routes.py who may have these"
    assert set(ROUTES) - names == set(), "these are in the table and nowhere else"
    assert None not in names


def test_what_hangs_on_an_adventure_is_in_the_table_as_theirs():
    for namespace, pattern in named_routes():
        if namespace != "admin" and "adventure_id" in str(pattern.pattern):
            assert ROUTES[pattern.name].whose == THEIRS, pattern.name


def of(whose):
    return [name for name, route in ROUTES.items() if route.whose == whose]


def ask(client, name, route, world, there=True):
    """The answers to reading a page and to sending something to it."""
    url = address(name, world, there)
    return client.get(url), client.post(url, route.post)


@pytest.mark.parametrize("name", of(THEIRS))
def test_a_story_is_there_for_its_owner_and_for_nobody_else(world, name):
    route = ROUTES[name]
    prepare(name, world)
    before = dumps_of_the_story()
    for who in STRANGERS:
        client = world.client(who)
        for answer, nowhere in zip(
            ask(client, name, route, world), ask(client, name, route, world, False), strict=True
        ):
            assert answer.status_code == nowhere.status_code in OUT, who
            assert len(answer.content) == len(nowhere.content), f"{who} can tell the two apart"
    for who in MEMBERS:
        read, sent = ask(world.client(who), name, route, world)
        if who not in route.reads:
            assert read.status_code in (403, *OUT), who
        elif read.status_code != 405:
            assert read.status_code == 200, who
        assert (sent.status_code not in (403, *OUT)) == (who in route.writes), who
    if not route.writes:
        assert dumps_of_the_story() == before
    got = [answer.status_code for answer in ask(world.client("alice"), name, route, world)]
    assert any(status not in (403, *OUT) for status in got), got


def dumps_of_the_story():
    return [
        *Membership.objects.order_by("pk").values_list(),
        *Adventure.objects.order_by("pk").values_list(),
        *Turn.objects.order_by("pk").values_list(),
        *StoryCard.objects.order_by("pk").values_list(),
        *Share.objects.order_by("pk").values_list(),
        *Scenario.objects.filter(author__isnull=False).order_by("pk").values_list(),
    ]


@pytest.mark.parametrize("name", of(PUBLIC))
def test_a_public_page_is_the_same_for_everybody(world, name):
    route = ROUTES[name]
    got = {}
    for who in PEOPLE:
        read, sent = ask(world.client(who), name, route, world)
        got[who] = read.status_code
        assert (read.status_code == 404) is route.missing
        assert sent.status_code < 500
    assert len(set(got.values())) == 1 or name == "account_logout", got


@pytest.mark.parametrize("name", [*of(OWN), *of(PASSWORD)])
def test_a_page_of_ones_own_asks_who_one_is(world, name, settings):
    settings.EMAIL_URL = True  # or there is no page for an address
    route = ROUTES[name]
    for who in PEOPLE:
        client = world.client(who)
        for answer in ask(client, name, route, world):
            assert answer.status_code < 500
            if who == "nobody":
                assert answer.status_code in (302, 403, *OUT)
                assert "/accounts/login/" in answer.headers.get("Location", "/accounts/login/")
            elif who.endswith("guest") and route.whose == PASSWORD:
                assert answer.url == "/accounts/signup/"
            for other in PEOPLE[:-1]:
                if other != who and answer.status_code == 200 and not answer.streaming:
                    assert str(world.players[other].pk) not in answer.content.decode()


@pytest.mark.parametrize("name", of(ENTRANCE))
def test_the_entrance_is_for_those_outside(world, name):
    for who in PEOPLE:
        read, sent = ask(world.client(who), name, ROUTES[name], world)
        outside = who in ("nobody", "guest", "blocked guest") and name != "mfa_authenticate"
        assert read.status_code == (200 if outside else 302), who
        assert sent.status_code < 500


def test_exports_are_whose_the_story_is(world):
    for form in ("json", "txt", "md", "html"):
        url = reverse("export", args=[world.adventure.pk, form])
        assert world.client("alice").get(url).status_code == 200
        for who in STRANGERS:
            assert world.client(who).get(url).status_code == 404
        assert world.client("spectator").get(url).status_code == 403
        theirs = world.client("player").get(url)
        assert theirs.status_code == (403 if form == "json" else 200), "the plot is the owner's"


# The admin


def admin_pages():
    for model, page in admin.site._registry.items():
        yield f"admin:{model._meta.app_label}_{model._meta.model_name}", page


@pytest.mark.parametrize("who", [each for each in PEOPLE if each != "moderator"])
def test_nobody_but_staff_gets_into_the_admin(world, who):
    client = world.client(who)
    urls = [reverse("admin:index"), *(reverse(f"{name}_changelist") for name, _ in admin_pages())]
    for url in urls:
        for answer in (client.get(url), client.post(url)):
            assert answer.status_code in (302, 403)
            assert answer.status_code == 403 or answer.url.startswith("/admin/login/")


def test_staff_see_in_the_admin_what_they_were_given_and_nothing_else(world):
    client = world.client("moderator")
    assert client.get(reverse("admin:index")).status_code == 200
    for name, _ in admin_pages():
        assert client.get(reverse(f"{name}_changelist")).status_code == 403, name


# Forms


def test_every_form_wants_its_token(begin, log):
    world = World(begin, enforce_csrf_checks=True)
    for name, route in ROUTES.items():
        answer = world.client("alice").post(address(name, world), route.post)
        assert answer.status_code in (403, 405), name
    assert Adventure.objects.filter(title="The Cellar").count() == 1


def test_a_token_from_another_site_is_not_enough(begin, log):
    world = World(begin, enforce_csrf_checks=True)
    client = world.client("alice")
    client.get(reverse("plot", args=[world.adventure.pk]))
    token = client.cookies["csrftoken"].value
    url = reverse("rename", args=[world.adventure.pk])
    for origin in ("https://evil.example", "null", "http://testserver:81"):
        answer = client.post(
            url, {"title": "stolen", "csrfmiddlewaretoken": token}, headers={"origin": origin}
        )
        assert answer.status_code == 403
    answer = client.post(
        url,
        {"title": "mine", "csrfmiddlewaretoken": token},
        headers={"origin": "http://testserver"},
    )
    assert answer.status_code == 302


def test_the_dump_that_the_tests_look_into_holds_the_story(world):
    assert "The Cellar" in dumps.postgres()
