"""What a browser may keep: the shell, which is everybody's, and a story, its player's."""

import json
import re

from django.urls import reverse

from game.offline import files


def test_the_worker_is_served_from_the_root_and_never_kept(client):
    answer = client.get("/worker.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "no-store" in answer.headers["Cache-Control"]
    kept = json.loads(re.match(r"const KEPT = (.*);\n", answer.content.decode())[1])
    assert kept["version"] == files.version()
    assert kept["offline"] == "/offline/"
    for url in kept["shell"]:
        assert client.get(url).status_code == 200, url


def test_the_page_without_a_network_is_nobodys(client, alice):
    stranger = client.get("/offline/").content
    client.force_login(alice)
    assert client.get("/offline/").content == stranger
    assert b"csrfmiddlewaretoken" not in stranger
    assert b'name="player"' not in stranger


def test_pages_say_whose_they_are_in_a_word_that_says_nothing(client, alice, bob):
    def word(player):
        if player:
            client.force_login(player)
        return re.search(r'name="player" content="(.*?)"', client.get("/").content.decode())[1]

    assert word(None) == ""
    first, second = word(alice), word(bob)
    assert first != second
    assert len(first) == len(second) == 16
    assert str(alice.pk) not in first


def test_a_story_is_kept_by_its_last_turns_and_without_secrets(client, alice, adventure):
    client.force_login(alice)
    page = client.get(reverse("read", args=[adventure.pk]) + "?kept").content.decode()
    assert "copy saved on this device" in page
    assert "csrf" not in page
    assert 'name="player"' not in page
    assert (
        "copy saved on this device"
        not in client.get(reverse("read", args=[adventure.pk])).content.decode()
    )
