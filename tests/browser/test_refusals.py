"""What is refused: the page says why, and nothing that the player wrote is lost."""

import time

from playwright.sync_api import expect

LONGEST = 4000


def test_too_long_a_text_stays_in_the_input(alice):
    window = alice.begin()
    text = "x" * (LONGEST + 1)
    window.type(text)
    window.input.press("Enter")
    expect(window.line).to_contain_text("A turn can have 4,000 characters. Remove one")
    expect(window.input).to_have_value(text)
    assert len(window.agrees()) == 1

    # One less is told.
    window.input.press("End")
    window.press("Backspace")
    window.input.press("Enter")
    window.told(turns=2)
    assert window.agrees()[1]["action"] == f"You {'x' * LONGEST}."


def test_a_text_that_the_server_finds_too_long_comes_back(alice):
    window = alice.begin()
    # One letter here; the server, which stores the canonical form, counts two.
    text = "\N{DEVANAGARI LETTER QA}" * 2500
    window.type(text, "story")
    window.input.press("Enter")
    expect(window.line).to_contain_text("5,000 characters; a turn can have 4,000")
    expect(window.input).to_have_value(text)
    expect(window.mode).to_have_value("story")
    window.ready()
    assert len(window.agrees()) == 1


def test_of_two_who_act_at_once_one_keeps_the_words(alice):
    window = alice.begin()
    second = alice.window(window.adventure)
    second.ready()
    texts = {window: "go left", second: "go right"}
    for each, text in texts.items():
        each.type(text)
    # At one moment, so that neither has heard of the other: Send would be Stop by then.
    moment = time.time() * 1000 + 1000
    for each in texts:
        each.page.evaluate(
            "at => { setTimeout(() => document.getElementById('send').click(), at - Date.now()) }",
            moment,
        )
    for each in texts:
        each.told(turns=2)
    acted = window.agrees()[1]["action"]
    assert second.agrees()[1]["action"] == acted
    for each, text in texts.items():
        expect(each.input).to_have_value("" if text in acted else text)


def test_an_adventure_of_somebody_else_is_not_there(alice, charlie):
    window = alice.begin()
    charlie.begin().page.close()
    with charlie.expecting("404"):
        stranger = charlie.window(window.adventure)
    expect(stranger.page.get_by_role("heading", level=1)).to_be_visible()
    expect(stranger.story).to_have_count(0)
    for path in ("export.json", "export.txt", "tree/", "plot/"):
        assert charlie.get(f"{window.adventure}{path}").status == 404

    # Nor by its socket, which tells nothing before it closes.
    told, code = stranger.page.evaluate(
        """(path) => new Promise((done) => {
            const told = [];
            const socket = new WebSocket(`ws://${location.host}/ws${path}`);
            socket.onmessage = ({ data }) => told.push(data);
            socket.onclose = ({ code }) => done([told, code]);
        })""",
        window.adventure,
    )
    assert (told, code) == ([], 4404)


def test_an_adventure_that_was_deleted_in_another_window_says_so(alice):
    window = alice.begin()
    window.type("not yet sent")
    other = alice.window("/adventures/")
    other.page.get_by_role("button", name="Delete").first.click()
    expect(other.page.get_by_role("button", name="Restore")).to_be_visible()
    expect(window.connection).to_be_visible()
    expect(window.input).to_have_value("not yet sent")
    expect(window.connection).to_contain_text("This adventure no longer exists.", timeout=100)
