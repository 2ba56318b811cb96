"""Files are dragged onto the page of imports, and their stories are played on."""

import base64
import json

from playwright.sync_api import expect

DROP = """
(files) => {
  const data = new DataTransfer();
  for (const { name, content } of files) {
    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  const zone = document.querySelector("[data-import-files]");
  for (const type of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(
      new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })
    );
  }
}
"""
DUNGEON = {
    "title": "The Harbour",
    "memory": "You are a pilot.",
    "actions": [
        {"type": "start", "text": "Fog lies on the harbour."},
        {"type": "do", "text": "\n> You ring the bell.\n"},
        {"type": "continue", "text": "Another bell answers."},
    ],
    "storyCards": [{"keys": "bell", "value": "It is cracked.", "type": "thing", "title": "Bell"}],
}
TEXT = "The lamp is out.\n\n> look round\n\nSomething breathes beside you."


def dropped(name, content):
    content = content if isinstance(content, bytes) else content.encode()
    return {"name": name, "content": base64.b64encode(content).decode()}


def test_files_of_three_kinds_are_dragged_imported_and_played_on(alice):
    begun = alice.begin()
    begun.act("look around")
    begun.told(2)
    own = alice.get(f"{begun.adventure}export.json").body()
    page = alice.window("/import/").page
    files = [
        dropped("mine.json", own),
        dropped("dungeon.json", json.dumps(DUNGEON)),
        dropped("lamp.txt", TEXT),
    ]
    page.evaluate(DROP, files)
    rows = page.locator("[data-import]")
    expect(rows).to_have_count(3)
    expect(page.locator("[data-state=preview]")).to_have_count(3)
    expect(page.get_by_text("The Harbour")).to_be_visible()
    lamp = page.locator("[data-import]", has_text="lamp.txt")
    lamp.get_by_role("radio", name="Adventure", exact=True).check()
    lamp.get_by_role("button", name="Import lamp.txt").click()
    expect(page.locator("[data-state=preview]")).to_have_count(2)
    page.get_by_role("button", name="Import all").click()
    expect(page.locator("[data-state=done]")).to_have_count(3, timeout=60_000)
    page.get_by_role("link", name="The Harbour").click()
    harbour = begun.__class__(alice, page)
    harbour.ready()
    expect(harbour.last).to_contain_text("Another bell answers.")
    harbour.act("ring it again")
    expect(harbour.last).to_contain_text("ring it again")


def test_what_cannot_be_imported_is_said_and_the_rest_is_kept(alice):
    page = alice.window("/import/").page
    with alice.expecting("422"):
        page.evaluate(DROP, [dropped("a.txt", TEXT), dropped("b.jpg", b"\xff\xd8\xff\x00\x00")])
        expect(page.locator("[data-uploads] .errors")).to_contain_text("b.jpg")
    expect(page.locator("[data-import]")).to_have_count(1)
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("[data-import]")).to_have_count(0)
