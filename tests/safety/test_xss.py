"""Story text is text: Chromium sees every page with payloads in it, and nothing of them runs."""

import os
import shutil
import uuid
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from game.models import Chapter, Kind, Player, Scenario, StoryCard, Summary, Turn, TurnContext
from game.play import adventures, endings, turns
from game.play.protocol import TakeAction
from inference.contract.prompt_report import Part, PromptReport, pack
from inference.contract.request import Result
from tests.browser.conftest import FLAGS
from tests.serving import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    '" onfocus=alert(1) autofocus x="',
    "' onmouseover=alert(1) x='",
    "javascript:alert(1)",
    "</script><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<!--<img src=--><img src=x onerror=alert(1)>",
    '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>*{background:url(//evil.example)}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>x",
    "<math><mtext><mglyph><style><img src=x onerror=alert(1)>",
    "\u2028<script>alert(1)</script>\u2029",
    "<details open ontoggle=alert(1)>",
]
EVERY = "\n".join(PAYLOADS)
WATCH = """
globalThis.found = [];
for (const name of ["alert", "confirm", "prompt"]) {
  globalThis[name] = () => { globalThis.found.push(name); };
}
addEventListener("securitypolicyviolation", (event) =>
  globalThis.found.push(`policy: ${event.effectiveDirective} ${event.blockedURI}`));
"""


@pytest.fixture
def operator(scenario, log):
    """Somebody whose everything is payloads, who sees every page, the admin too."""
    player = Player.objects.create_superuser("operator")
    player.username = PAYLOADS[0]
    player.first_name = PAYLOADS[1]
    player.save()
    Scenario.objects.filter(pk=scenario.pk).update(
        title=PAYLOADS[8][:80],
        tempt=PAYLOADS[3],
        opening=EVERY,
        tags=[PAYLOADS[5], PAYLOADS[1]],
        placeholders=[{"name": "name", "question": PAYLOADS[3], "default": PAYLOADS[5]}],
        first_actions=[{"kind": "do", "text": PAYLOADS[1]}],
    )
    StoryCard.objects.filter(scenario=scenario).update(title=PAYLOADS[1], text=EVERY)
    return player


@pytest.fixture
def adventure(operator, scenario, narrator_awake):
    scenario.refresh_from_db()
    adventure = adventures.begin(operator, scenario, {"name": PAYLOADS[5]})
    adventures.rename(adventure.pk, PAYLOADS[10])
    adventures.set_plot(adventure.pk, EVERY, EVERY)
    adventure.refresh_from_db()
    parent = adventure.head
    for kind in (Kind.DO, Kind.SAY, Kind.STORY):
        parent = Turn.objects.create(
            adventure=adventure, parent=parent, kind=kind, action=EVERY, reply=EVERY, status="told"
        )
    adventure.head = parent
    adventure.save()
    Summary.objects.create(turn=parent, text=EVERY, by="player")
    Chapter.objects.create(turn=parent, title=PAYLOADS[0])
    parts = tuple(
        Part(origin=origin, text=EVERY, title=PAYLOADS[1]) for origin in ("memory", "card", "frame")
    )
    details = PromptReport(narrator=PAYLOADS[1], revision="1", parts=parts, tokens=1, window=10)
    TurnContext.objects.create(turn=parent, details=pack(details))
    StoryCard.objects.create(
        adventure=adventure, title=PAYLOADS[3], keys=[PAYLOADS[1], PAYLOADS[5]], text=EVERY
    )
    return adventure


@pytest.fixture
def served():
    port = free_port()
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}")
    environ = {"DATABASE_URL": database.geturl(), "PORT": str(port), "HOST": "127.0.0.1"}
    environ["DJANGO_SETTINGS_MODULE"] = "dungeon.settings"
    with serving("dungeon.asgi:application", port=port, **environ) as served:
        yield served


@pytest.fixture
def page(served, operator):
    from playwright.sync_api import sync_playwright

    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium here")
    client = Client()
    client.force_login(operator)
    cookie = {
        "name": django_settings.SESSION_COOKIE_NAME,
        "value": client.cookies[django_settings.SESSION_COOKIE_NAME].value,
        "url": f"http://127.0.0.1:{served.port}",
    }
    # Playwright's loop must not stay behind: Django refuses its database where one runs.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
            context = browser.new_context()
            context.add_cookies([cookie])
            context.add_init_script(WATCH)
            page = context.new_page()
            page.set_default_timeout(60_000)
            yield page
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def test_nothing_in_a_story_runs_anywhere(page, served, adventure, operator, scenario, log):
    asked = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).hostname))
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    here = f"http://127.0.0.1:{served.port}"
    story = f"/adventures/{adventure.pk}"
    turn = adventure.head_id
    card = adventure.cards.first()
    paths = [
        *("/", "/scenarios/", f"/scenarios/{scenario.pk}/", "/adventures/", "/accounts/"),
        *("/accounts/delete/", "/scenarios/?q=" + "%3Cscript%3Ealert(1)%3C/script%3E"),
        *(f"{story}/", f"{story}/read/", f"{story}/plot/", f"{story}/cards/", f"{story}/summary/"),
        *(f"{story}/cards/{card.pk}/", f"{story}/delete/", f"{story}/turns/{turn}/context/?part"),
        *(f"{story}/chapters/", f"{story}/chapters/?part"),
        *(f"{story}/summary/?part", f"{story}/turns/?before={turn}", f"{story}/tree/"),
        *("/admin/game/adventure/", f"/admin/game/adventure/{adventure.pk}/change/"),
        *("/admin/game/scenario/", f"/admin/game/scenario/{scenario.pk}/change/"),
        *("/admin/game/player/", f"/admin/game/player/{operator.pk}/change/"),
        *(
            "/admin/game/storycard/",
            "/accounts/login/?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        ),
    ]
    for path in paths:
        answer = page.goto(here + path)
        assert answer.status < 500, path
        page.wait_for_load_state()
        assert page.evaluate("globalThis.found ?? []") == [], path
    # What arrives by the socket, in a page that is open: a turn that waits, is told, is renamed.
    page.goto(f"{here}{story}/")
    # An expression that is no function is evaluated again and again, which the page forbids.
    page.wait_for_function("() => document.body.dataset.connection === 'open'")
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="say", text=EVERY)
    turns.carry_out(adventure.pk, operator, command)
    lease = log.take_next("parrot", "w")
    new = lease.request.turn
    page.wait_for_selector(f'[data-turn="{new}"]')
    result = Result(adventure=str(adventure.pk), turn=new, attempt=1, outcome="told", reply=EVERY)
    endings.finish_turn(result)
    adventures.rename(adventure.pk, PAYLOADS[0])
    page.wait_for_selector(f'[data-turn="{new}"][data-status="told"]')
    assert page.evaluate("globalThis.found ?? []") == []
    assert "<script>alert(1)</script>" in page.inner_text(f'[data-turn="{new}"]')
    assert set(asked) <= {"127.0.0.1", None}, "a page asked another host for something"
