"""The library in a browser: a scenario is written and published, a story shared and played on."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_everyone import EVERY_RULE, wrong
from tests.browser.test_phone import PHONE


def write(page, title="The Lamp Room"):
    page.get_by_label("Title", exact=True).first.fill(title)
    page.get_by_label("Tagline").fill("Something knocks below.")
    page.locator("#id_opening").fill("You are ${who}, and the lamp is out.")


def save(page, name="Save as a draft"):
    page.get_by_role("button", name=name).click()


def test_a_preview_follows_what_is_written(alice):
    page = alice.window("/scenarios/new/").page
    preview = page.get_by_role("complementary", name="Preview")
    write(page)
    expect(preview.get_by_text("${who}")).to_have_class("missing")
    page.get_by_label("Name", exact=True).fill("who")
    page.get_by_label("Question", exact=True).fill("Who are you?")
    page.get_by_label("Default answer").fill("Ada <b>")
    expect(preview.get_by_text("You are Ada <b>, and the lamp is out.")).to_be_visible()
    page.get_by_role("button", name="Another action").click()
    page.locator("[name=actions-1-text]").fill("go down, ${who}")
    expect(preview.get_by_text("go down, Ada <b>")).to_be_visible()


def test_a_scenario_is_written_published_begun_and_taken_back(alice, charlie):
    page = alice.window("/scenarios/new/").page
    write(page)
    with alice.expecting("422"):
        save(page)
        expect(page.get_by_role("alert")).to_contain_text("no question asks for it")
    page.get_by_label("Name", exact=True).fill("who")
    page.get_by_label("Question", exact=True).fill("Who are you?")
    page.get_by_label("Default answer").fill("Ada")
    save(page)
    expect(page.get_by_text("Only you can see it.")).to_be_visible()
    address = page.url
    with charlie.expecting("404"):
        stranger = charlie.window(address)
        expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("Page not found")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Everybody on this host can play it.")).to_be_visible()
    stranger.page.goto(charlie.address + "/scenarios/?sort=newest")
    stranger.page.get_by_role("link", name="The Lamp Room").first.click()
    stranger.page.get_by_label("Who are you?").fill("Bo")
    stranger.page.get_by_role("button", name="Begin", exact=True).click()
    stranger.ready()
    expect(stranger.last).to_contain_text("You are Bo, and the lamp is out.")
    stranger.page.goto(address)
    stranger.page.get_by_role("button", name="4 stars").click()
    expect(stranger.page.get_by_role("button", name="4 stars")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="Unpublish").click()
    expect(page.get_by_text("Only you can see it.")).to_be_visible()
    with charlie.expecting("404"):
        stranger.page.reload()
        expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("Page not found")


def test_a_story_is_shared_read_and_played_on_and_the_link_taken_back(alice, charlie):
    window = alice.begin()
    window.act("look up")
    window.told(2)
    told = window.words
    window.tool("Share").click()
    page = window.page
    dialog = page.get_by_role("dialog", name="Share up to here")
    dialog.get_by_role("button", name="Create link").click()
    link = dialog.get_by_role("textbox", name="Link")
    expect(link).to_have_value(re.compile(r"/s/[\w-]{22}/$"))
    address = link.input_value()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)

    reader = charlie.window(address)
    action = reader.page.get_by_text("You look up.")
    expect(action).to_have_css("font-style", "italic")  # as on the play page
    assert " ".join(reader.page.locator(".reply").last.inner_text().split()) == " ".join(
        told.split()
    )
    reader.page.get_by_role("button", name="Continue in my own copy").click()
    reader.ready()
    expect(reader.turns).to_have_count(2)
    reader.act("wait")
    reader.told(3)
    assert len(window.export()) == 2, "the original stays as it is"

    page.goto(alice.address + "/shares/")
    page.get_by_role("button", name="Delete link").click()
    expect(page.get_by_text("It no longer works.")).to_be_visible()
    with charlie.expecting("404"):
        reader.page.goto(address)
        expect(reader.page.get_by_role("heading", level=1)).to_contain_text("Page not found")


def test_a_passage_becomes_a_picture_here_and_nowhere_else(alice):
    window = alice.begin()
    page = window.page
    paragraph = window.last.locator(".reply p").first
    paragraph.scroll_into_view_if_needed()
    box = paragraph.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 12)
    page.mouse.down()
    offer = page.get_by_role("button", name="Make an image")
    expect(offer).to_be_visible()
    page.mouse.up()
    offer.click()
    dialog = page.get_by_role("dialog", name="Image of these words")
    expect(dialog.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(re.escape(paragraph.inner_text()[:40]))
    )
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save").click()
    with Image.open(download.value.path()) as picture:
        assert picture.size == (1080, 1350)
        assert len(picture.convert("L").getcolors(1 << 16) or []) > 20, "there is something on it"
    assert download.value.suggested_filename.endswith(".png")
    picture = io.BytesIO(dialog.get_by_role("img").screenshot())
    assert picture.getbuffer().nbytes > 5_000


def test_deleting_is_undone(alice):
    window = alice.begin()
    page = window.page
    title = page.locator("#title").inner_text()
    page.goto(alice.address + "/adventures/")
    page.get_by_role("button", name=f"Delete {title}").click()
    expect(page.get_by_text("You can restore each one for 24 hours.")).to_be_visible()
    page.get_by_role("button", name=f"Restore {title}").click()
    page.get_by_role("link", name=f"Continue {title}").click()
    window.ready()
    expect(window.turns).to_have_count(1)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_library_is_for_everyone_and_fits_a_phone(visit, size):
    """axe-core finds nothing wrong, and no page is wider than its window."""
    browser = visit(reduced_motion="reduce", **(PHONE if size == "phone" else {}))
    window = browser.begin()
    page = window.page
    found = {}

    def look(name, path=None):
        if path is not None:
            page.goto(path if "://" in path else browser.address + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if problems := wrong(page, EVERY_RULE) + ([("too wide", wide)] if wide > 0 else []):
            found[name] = problems

    window.tool("Share").click()
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_role("textbox", name="Link")).to_be_visible()
    look("share dialog")
    link = page.get_by_role("textbox", name="Link").input_value()
    page.get_by_role("button", name="Image of its last words").click()
    expect(page.get_by_role("img")).to_be_visible()
    look("picture")
    look("shared", link)
    look("links", "/shares/")
    look("new", "/scenarios/new/")
    look("mine, empty", "/scenarios/mine/")
    page.goto(browser.address + "/scenarios/new/")
    write(page)
    page.locator("#id_opening").fill("The lamp is out.")
    save(page)
    look("own scenario", page.url)
    look("edit", f"{page.url}edit/")
    look("mine", "/scenarios/mine/")
    look("newest", "/scenarios/?sort=newest")
    page.goto(browser.address + "/adventures/")
    page.get_by_role("link", name=re.compile("^Share")).click()
    look("share")
    page.goto(browser.address + "/adventures/")
    page.locator("summary", has_text="More").first.click()
    look("shelf")
    page.get_by_role("button", name=re.compile("^Delete")).first.click()
    look("deleted")
    look("put away", "/adventures/?archived")
    assert found == {}
