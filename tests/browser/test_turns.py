"""Ten turns, and every button and key, with the built-in narrator telling."""

import re
import statistics

from playwright.sync_api import expect


def test_ten_turns_are_told_and_the_page_shows_what_the_server_keeps(alice, capsys):
    window = alice.begin()
    expect(window.turns).to_have_count(1)
    expect(window.page.get_by_text("narrator: Smol")).to_be_visible()
    window.agrees()

    # A tap on a way to begin puts it into the input, where it can be changed.
    expect(window.chips).to_have_count(3)
    window.chips.first.click()
    expect(window.input).not_to_have_value("")
    expect(window.input).to_be_focused()
    offered = window.input.input_value()
    expect(window.chips.first).to_contain_text(offered.rstrip("."))
    window.press("End")
    window.page.keyboard.type(", slowly")
    window.press("Enter")
    expect(window.deed).to_contain_text(f"{offered}, slowly")
    expect(window.input).to_have_value("")
    expect(window.chips.first).to_be_hidden()
    window.told(turns=2)
    window.agrees()

    # By the button, in each of the three ways.
    for turns, mode, text, shown in [
        (3, "do", "look around", "You look around."),
        (4, "say", "Who is there?", 'You say "Who is there?"'),
        (5, "story", "A bell rings somewhere.", "A bell rings somewhere."),
    ]:
        window.type(text, mode)
        window.send.click()
        expect(window.deed).to_have_text(shown)
        window.told(turns)
        assert window.agrees()[-1]["reply"]

    window.button("Continue").click()
    window.told(turns=6)
    assert window.agrees()[-1]["action"] == ""

    # By keys alone: Enter on nothing continues, Tab and Alt+1 to 3 change the way.
    window.input.focus()
    window.press("Enter")
    window.told(turns=7)
    window.mode.select_option("do")
    window.input.focus()
    for mode in ("say", "story", "do"):
        window.press("Tab")
        expect(window.mode).to_have_value(mode)
    for key, mode in (("Alt+3", "story"), ("Alt+1", "do"), ("Alt+2", "say")):
        window.press(key)
        expect(window.mode).to_have_value(mode)
    window.page.keyboard.type("I am not afraid.")
    window.press("Enter")
    expect(window.deed).to_have_text('You say "I am not afraid."')
    window.told(turns=8)
    window.press("Alt+1")
    window.page.keyboard.type("take a step\nback")
    expect(window.turns).to_have_count(9)  # the line end was an Enter
    expect(window.deed).to_have_text("You take a step.")
    expect(window.input).to_have_value("back")
    window.told(turns=9)
    window.press("Enter")
    window.told(turns=10)
    window.act("wait for what happens next")
    window.told(turns=11)  # the opening, and ten that were told
    kept = window.agrees()
    assert {turn["status"] for turn in kept} == {"told"}
    assert all(turn["reply"] for turn in kept)

    echoes = window.page.evaluate("echoes")
    with capsys.disabled():
        print(
            f"\n  what the player did is on the page after {statistics.median(echoes):.0f} ms, "
            f"{max(echoes):.0f} ms at worst of {len(echoes)}"
        )
    assert len(echoes) >= 5
    assert max(echoes) < 1000

    # The same in every form, and after coming back from home.
    window.page.reload()
    window.ready()
    assert window.agrees() == kept
    text = alice.get(f"{window.adventure}export.txt").text()
    assert all(line in text for turn in kept for line in turn["reply"])
    window.page.get_by_role("link", name="Grue, home").click()
    left = window.page.get_by_role("main").get_by_role("region").first
    expect(left.get_by_text("> You wait for what happens next.")).to_be_visible()
    left.get_by_role("link", name=re.compile("^Continue")).click()
    window.ready()
    assert window.agrees() == kept


def test_retry_tells_it_again_and_keeps_every_telling(alice):
    window = alice.begin()
    expect(window.button("Retry")).to_be_disabled()  # the opening was written by hand
    window.act("look up")
    window.told(turns=2)
    first = window.agrees()
    window.button("Retry").click()
    expect(window.line).to_contain_text("The other reply is kept")
    expect(window.last.get_by_text("2/2")).to_be_visible()
    window.told(turns=2)
    second = window.agrees()
    window.input.focus()
    window.press("Alt+r")
    expect(window.last.get_by_text("3/3")).to_be_visible()
    window.told(turns=2)
    third = window.agrees()
    assert len({telling[-1]["id"] for telling in (first, second, third)}) == 3

    for step, place, telling in [
        ("Previous reply", "2/3", second),
        ("Previous reply", "1/3", first),
        ("Next reply", "2/3", second),
    ]:
        window.tool(step).click()
        expect(window.last.get_by_text(place)).to_be_visible()
        assert window.agrees() == telling

    # The story goes on from the telling that is shown.
    window.button("Continue").click()
    window.told(turns=3)
    assert window.agrees()[:2] == second


def test_undo_and_redo_lose_nothing(alice):
    window = alice.begin()
    expect(window.button("Undo")).to_be_disabled()
    expect(window.button("Redo")).to_be_disabled()
    window.act("open the door")
    window.told(turns=2)
    window.act("Hello?", "say")
    window.told(turns=3)
    whole = window.agrees()

    window.button("Undo").click()
    expect(window.turns).to_have_count(2)
    assert window.agrees() == whole[:2]
    window.button("Undo").click()
    expect(window.turns).to_have_count(1)
    assert window.agrees() == whole[:1]
    expect(window.chips.first).to_be_visible()
    expect(window.button("Undo")).to_be_disabled()
    for turns in (2, 3):
        window.button("Redo").click()
        expect(window.turns).to_have_count(turns)
    assert window.agrees() == whole
    expect(window.button("Redo")).to_be_disabled()

    # By keys; while something is typed, Ctrl+Z takes back the typing.
    window.input.focus()
    for key, turns in (
        ("Alt+z", 2),
        ("Alt+Shift+z", 3),
        ("Control+z", 2),
        ("Control+Shift+z", 3),
    ):
        window.press(key)
        expect(window.turns).to_have_count(turns)
        assert window.agrees() == whole[:turns]
    window.page.keyboard.type("x")
    window.press("Control+z")
    expect(window.input).to_have_value("")
    assert window.agrees() == whole

    # Back to an earlier turn, and forth again.
    window.tool("Go back to here", window.turns.nth(0)).click()
    expect(window.turns).to_have_count(1)
    assert window.agrees() == whole[:1]
    window.button("Redo").click()
    window.button("Redo").click()
    expect(window.turns).to_have_count(3)
    assert window.agrees() == whole


def stopped(window):
    """Whether the reply ended where it was, not at its end."""
    window.ready()
    return window.last.get_attribute("data-status") == "stopped"


def test_stop_ends_the_reply_where_it_is(alice):
    window = alice.begin(narrator="Quill")

    def press_stop():
        if window.stop.is_visible():
            window.stop.click()
        return stopped(window)

    def press_escape():
        window.press("Escape")
        return stopped(window)

    for stop in (press_stop, press_escape):
        turns = window.until_caught(stop)
        kept = window.agrees()
        assert kept[-1]["reply"]
        # It is as good a turn as any: the story goes on from it.
        window.button("Continue").click()
        window.told(turns + 1)
        assert window.agrees()[:-1] == kept


def test_undo_in_mid_reply_stops_it_first(alice):
    window = alice.begin(narrator="Quill")

    def undo_and_redo():
        turns = window.turns.count()
        window.button("Undo").click()
        expect(window.turns).to_have_count(turns - 1)
        window.agrees()
        window.button("Redo").click()
        expect(window.turns).to_have_count(turns)
        return stopped(window)

    window.until_caught(undo_and_redo)
    assert window.agrees()[-1]["reply"]


def test_what_is_sent_in_mid_reply_stops_it_first(alice):
    window = alice.begin(narrator="Quill")

    def interrupt():
        interrupted = window.last.get_attribute("data-turn")
        turns = window.turns.count()
        window.type("and then?")
        window.input.press("Enter")
        window.told(turns + 1)
        expect(window.deed).to_have_text("You and then?")
        expect(window.input).to_have_value("")
        cut = window.page.locator(f"[data-turn='{interrupted}']")
        return cut.get_attribute("data-status") == "stopped"

    window.until_caught(interrupt)
    assert [turn["status"] for turn in window.agrees()][-2:] == ["stopped", "told"]


def test_retry_in_mid_reply_stops_it_first(alice):
    window = alice.begin(narrator="Quill")

    def retry():
        turns = window.turns.count()
        window.button("Retry").click()
        expect(window.last.get_by_text("2/2")).to_be_visible()
        window.told(turns)
        window.tool("Previous reply").click()
        expect(window.last.get_by_text("1/2")).to_be_visible()
        return stopped(window)

    window.until_caught(retry)
    assert window.agrees()[-1]["reply"]


def test_turns_are_edited_where_they_stand(alice):
    window = alice.begin()
    window.act("light a match")
    window.told(turns=2)
    before = window.agrees()

    # The last one by key: the cursor is in the action.
    window.input.focus()
    window.press("ArrowUp")
    action = window.last.get_by_role("textbox", name="Your action")
    expect(action).to_be_focused()
    expect(action).to_have_value("light a match")
    action.fill("light <b>the</b> lantern")
    window.press("Control+Enter")
    expect(action).to_be_hidden()
    expect(window.deed).to_have_text("You light <b>the</b> lantern.")
    expect(window.input).to_be_focused()
    assert window.agrees()[-1]["reply"] == before[-1]["reply"]

    # The reply by its button.
    window.tool("Edit").click()
    reply = window.last.get_by_role("textbox", name="Reply")
    expect(reply).to_be_focused()
    reply.fill("It burns green.\n\nNobody else seems to mind.")
    window.last.get_by_role("button", name="Save").click()
    expect(reply).to_be_hidden()
    assert window.agrees()[-1]["reply"] == ["It burns green.", "Nobody else seems to mind."]

    # An older one, too: the opening. Escape leaves it as it was.
    opening = window.turns.first
    window.tool("Edit", opening).click()
    expect(opening.get_by_role("textbox", name="Your action")).to_have_count(0)
    opening.get_by_role("textbox", name="Reply").fill("Never mind.")
    window.press("Escape")
    assert window.agrees()[0] == before[0]
    window.tool("Edit", opening).click()
    opening.get_by_role("textbox", name="Reply").fill("You wake up, and it is late.")
    opening.get_by_role("button", name="Save").click()
    expect(opening.get_by_text("You wake up, and it is late.")).to_be_visible()
    assert window.agrees()[0]["reply"] == ["You wake up, and it is late."]

    # The narrator goes on from the new words.
    window.button("Continue").click()
    window.told(turns=3)
    window.agrees()


def test_plot_and_keys_are_at_hand(alice):
    window = alice.begin()
    page = window.page
    page.get_by_role("link", name="Plot", exact=True).click()
    plot = page.get_by_role("dialog", name="Plot")
    plot.get_by_role("textbox", name="Memory").fill("You are a lighthouse keeper.")
    plot.locator("#plot-form").get_by_role("button", name="Save").click()
    expect(window.line).to_contain_text("Saved.")
    plot.get_by_role("button", name="Close").click()
    expect(plot).to_be_hidden()
    answer = alice.get(f"{window.adventure}export.json").json()
    assert answer["adventure"]["memory"] == "You are a lighthouse keeper."

    window.press("Escape")
    window.press("Tab")  # out of the input, where "?" would be typed
    window.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_be_visible()
    window.press("Escape")
    expect(keys).to_be_hidden()
    page.locator("summary", has_text="narrator: Smol").click()
    told_by = page.locator("details", has=page.locator("summary", has_text="narrator: Smol"))
    expect(told_by.get_by_text("Learned from sixty adventures")).to_be_visible()
    page.get_by_label("Menu").click()
    page.get_by_role("link", name="Your adventures").click()
    expect(page.get_by_role("heading", name="Your adventures")).to_be_visible()
