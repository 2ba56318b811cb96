"""Reloads, second windows and lost connections: everybody sees the same story."""

from playwright.sync_api import expect


def joined(events, turn):
    """The reply of `turn` as its pieces came, from a snapshot or the first piece on.

    The log may repeat what a snapshot holds. It never skips anything.
    """
    reply = ""
    for event in events:
        if event["type"] == "snapshot":
            reply = next((t["reply"] for t in event["turns"] if t["id"] == turn), "")
        elif event["type"] == "turn.token" and event["turn"] == turn:
            known = len(reply) - event["index"]
            assert known >= 0, "a piece was skipped"
            assert event["text"].startswith(reply[event["index"] :][: len(event["text"])])
            reply += event["text"][known:]
    return reply


def test_a_reload_in_mid_reply_finds_its_place(alice):
    window = alice.begin(narrator="Quill")

    def reload():
        window.page.reload(wait_until="commit")
        window.ready()
        snapshot = window.sockets[-1][0]
        assert snapshot["type"] == "snapshot"
        return snapshot["turns"][-1]["status"] == "running"

    turns = window.until_caught(reload)
    window.told(turns)
    kept = window.export()
    window.agrees()
    # What came before the reload is in the snapshot, and the pieces go on from there.
    assert joined(window.sockets[-1], kept[-1]["id"]) == kept[-1]["reply"]


def test_a_reload_keeps_the_readers_place_and_the_words_not_yet_sent(visit):
    window = visit(viewport={"width": 800, "height": 500}).begin()
    window.act("look around")
    window.told(turns=2)
    window.type("half a thou", "say")
    window.story.hover()
    window.page.mouse.wheel(0, -10_000)
    window.page.mouse.wheel(0, 120)
    story = window.page.locator("#scroller")
    window.page.wait_for_timeout(500)  # a wheel scrolls on for a moment
    place = story.evaluate("story => story.scrollTop")
    assert place > 0
    window.page.reload()
    window.ready()
    assert abs(story.evaluate("story => story.scrollTop") - place) <= 2
    expect(window.input).to_have_value("half a thou")
    expect(window.mode).to_have_value("say")


def test_a_second_window_shows_the_same_at_the_same_time(alice):
    window = alice.begin(narrator="Quill")
    second = alice.window(window.adventure)
    second.ready()

    def both_in_mid_reply():
        expect(second.turns).to_have_count(window.turns.count())
        if not second.in_mid_reply():
            return False
        # A window that is opened just now comes in at the same place.
        third = alice.window(window.adventure)
        third.ready()
        snapshot = third.sockets[0][0]
        reply = third.export()[-1]
        assert joined(third.sockets[0], reply["id"]) == reply["reply"]
        third.agrees()
        third.page.close()
        return snapshot["turns"][-1]["status"] == "running"

    turns = window.until_caught(both_in_mid_reply)
    for each in (window, second):
        each.told(turns)
        reply = each.export()[-1]
        assert joined(each.sockets[0], reply["id"]) == reply["reply"]
    assert window.agrees() == second.agrees()

    # Whatever one does, the other shows.
    second.button("Undo").click()
    expect(window.turns).to_have_count(turns - 1)
    window.button("Redo").click()
    expect(second.turns).to_have_count(turns)
    window.button("Retry").click()
    expect(second.last.get_by_text("2/2")).to_be_visible()
    second.told(turns)
    second.tool("Edit").click()
    second.last.get_by_role("textbox", name="Reply").fill("And that was that.")
    second.last.get_by_role("button", name="Save").click()
    expect(window.last.get_by_text("And that was that.")).to_be_visible()
    assert window.agrees() == second.agrees()


def unplug(window):
    window.browser.context.set_offline(True)
    window.page.evaluate("closeSockets()")
    expect(window.connection).to_contain_text("Connection lost.")


def plug(window):
    window.browser.context.set_offline(False)
    expect(window.connection).to_be_hidden()


def test_a_window_that_was_offline_gets_what_it_missed(alice, visit):
    window = alice.begin()
    # The same player on another machine.
    away = visit(storage_state=alice.context.storage_state()).window(window.adventure)
    away.ready()
    window.act("open the window")
    away.told(turns=2)

    with away.browser.expecting("ERR_INTERNET_DISCONNECTED"):
        unplug(away)
        away.type("what I was about to say", "say")
        window.act("shout into the night")
        window.told(turns=3)
        window.button("Undo").click()
        expect(window.turns).to_have_count(2)
        window.act("Is anybody there?", "say")
        window.told(turns=3)
        expect(away.turns).to_have_count(2)
        plug(away)
    away.told(turns=3)
    assert away.agrees() == window.agrees()
    expect(away.input).to_have_value("what I was about to say")
    expect(away.mode).to_have_value("say")

    # It went on where it was cut: no snapshot, and nothing twice.
    missed = [event for event in away.sockets[-1] if "id" in event]
    assert [event["type"] for event in missed].count("turn.told") == 2
    assert "snapshot" not in {event["type"] for event in missed}
    ids = [event["id"] for event in away.sockets[0] + missed if "id" in event]
    assert len(set(ids)) == len(ids)

    away.input.press("Enter")
    window.told(turns=4)
    away.told(turns=4)
    expect(window.deed).to_have_text('You say "what I was about to say"')
    assert away.agrees() == window.agrees()


def test_a_connection_lost_in_mid_reply_goes_on_in_mid_word(alice):
    window = alice.begin(narrator="Quill")

    def cut():
        with alice.expecting("ERR_INTERNET_DISCONNECTED"):
            window.page.evaluate("closeSockets()")
            window.ready()
        first = next(event for event in window.sockets[-1] if "id" in event)
        return first["type"] == "turn.token"

    turns = window.until_caught(cut)
    window.told(turns)
    window.agrees()
    reply = window.export()[-1]
    pieces = [event for events in window.sockets for event in events]
    assert joined(pieces, reply["id"]) == reply["reply"]


def test_what_is_sent_while_offline_arrives_once(alice):
    window = alice.begin()
    with alice.expecting("ERR_INTERNET_DISCONNECTED"):
        unplug(window)
        window.act("write a letter home")
        expect(window.deed).to_have_text("You write a letter home.")
        plug(window)
    window.told(turns=2)
    assert [turn["action"] for turn in window.agrees()][1:] == ["You write a letter home."]
