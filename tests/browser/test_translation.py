"""The play page in a language that nobody speaks: what is English in it was missed.

What people and narrators write, and what a host calls things, carries dir="auto" or stands in a
<bdi>, or in a language of its own: it is as it is in every language.
"""

import shutil
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests import pseudo
from tests.dungeon.test_play import ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="GNU gettext is missing (apt-get install gettext)"
)

TEXTS = """
() => {
  const given = "[dir=auto], bdi, noscript, .tags, .tag-list, [lang]:not(html), code, kbd, script, "
    + "style, template, #title, #id_narrator option, #voice-name option, .prompt-report-text, "
    + ".prompt-report-facts dd, .tree canvas";
  const found = [document.title.replace(/^.* · /u, "")];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.data.trim() && !node.parentElement.closest(given)) found.push(node.data.trim());
  }
  for (const name of ["aria-label", "placeholder", "title", "alt", "aria-description"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (!element.closest("[data-given]")) found.push(element.getAttribute(name));
    }
  }
  return found;
}
"""


CELLAR = """
from game.models import Scenario, StoryCard
made = Scenario.objects.create(
    slug="podval", title="Подвал", tempt="Внизу кто-то кашляет.", opening="Ты на кухне, ${name}.",
    memory="Ты сантехник.", tags=["тьма"],
    placeholders=[{"name": "name", "question": "Имя?", "default": "Рен"}],
    first_actions=[{"kind": "story", "text": "Открыть дверь."}],
)
StoryCard.objects.create(scenario=made, title="Подвал", keys=["подвал"], text="Сыро.", pinned=True)
"""


@pytest.fixture
def cellar(installation):
    """A scenario without an ASCII letter but in its address."""
    environ = {**installation.environ, "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "manage.py", "shell", "-v0", "-c"]
    subprocess.run([*command, CELLAR], cwd=ROOT, env=environ, check=True)
    yield
    gone = "from game.models import Scenario; Scenario.objects.filter(slug='podval').delete()"
    subprocess.run([*command, gone], cwd=ROOT, env=environ, check=True)


def test_no_state_of_the_play_page_speaks_english(visit, cellar):
    browser = visit(locale="en-XA")
    window = browser.window()
    page = window.page
    left = {}

    def look(name):
        if english := pseudo.untranslated(page.evaluate(TEXTS)):
            left.setdefault(name, english)

    def button(text):
        return page.get_by_role("button", name=pseudo.pseudo(text), exact=True)

    def quiet():
        expect(page.locator("#send:not([disabled])[data-does=send]")).to_be_visible(timeout=120_000)

    look("home")
    page.goto(browser.address + "/scenarios/podval/")
    look("scenario")
    button("Begin").click()
    quiet()
    path = page.url
    look("opening")
    page.locator("#input").fill("x" * 4100)
    page.locator("#send").click()
    look("too long")
    page.locator("#input").fill("listen")
    page.locator("#send").click()
    look("waiting")
    page.locator("#turns > article:last-child .reply p").wait_for(timeout=120_000)
    look("telling")
    quiet()
    look("told")
    button("Retry").click()
    page.wait_for_timeout(300)
    look("told again")
    quiet()
    look("two tellings")
    button("Undo").click()
    expect(page.locator("#turns > article")).to_have_count(1)
    look("undone")
    button("Redo").click()
    expect(page.locator("#turns > article")).to_have_count(2)
    page.locator("#turns > article").last.hover()
    page.locator("#turns > article").last.get_by_role(
        "button", name=pseudo.pseudo("Edit"), exact=True
    ).click()
    look("editor")
    page.keyboard.press("Escape")
    page.locator("[data-panel=plot]").first.click()
    for tab in ("plot", "cards", "world", "tree", "search", "context", "settings"):
        page.locator(f"#tab-of-{tab}").click()
        page.wait_for_timeout(700)
        look(f"panel: {tab}")
    page.locator("#tab-of-world").click()
    page.locator("[data-key='add:person'] button").first.click()
    page.locator("#tab-world input").first.fill("Марта")
    page.locator("#tab-world form").evaluate("form => form.requestSubmit()")
    page.locator("[data-key='person:Марта'] .world-entry").click()
    look("an entry of the world")
    page.locator("#tab-of-settings").click()
    page.locator("#tab-settings input[name=length][value=long]").check(force=True)
    page.wait_for_timeout(500)
    look("a choice that is kept")
    page.locator("#panel [data-closes]").click()
    page.keyboard.press("Escape")
    page.locator("body").press("?")
    look("keys")
    page.keyboard.press("Escape")
    with browser.expecting("ERR_INTERNET_DISCONNECTED"):
        browser.context.set_offline(True)
        page.evaluate("closeSockets()")
        expect(page.locator("#connection")).to_be_visible()
        look("no connection")
        page.wait_for_timeout(500)
        browser.context.set_offline(False)
    for each in ("read/", "plot/", "summary/", "cards/", "delete/"):
        page.goto(path + each)
        look(each)
    assert left == {}, "\n".join(f"{name}: {english}" for name, english in left.items())
