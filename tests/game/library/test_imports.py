"""Files that strangers import: whatever is in them, nobody else waits, and the reason is said."""

import json
import sys
import threading
import time
import unicodedata

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from game.cards.card_import import read_cards
from game.exchange import parsers, sandbox
from game.models import Player, Scenario
from game.play.protocol import clean_text
from game.scenarios import parse_scenario_yaml
from inference.reply.characters import MOST_MARKS

KIB = 1024
SCENARIO = "title: A\ntempt: B\nopening: C\n"

HEAVY_YAML = {
    "numbers in sixties": "rank: " + "1:" * (255 * KIB) + "1",  # 19 s in the web's thread
    "a list of tags": SCENARIO + "tags: [" + "a," * (250 * KIB) + "]",  # 7 s
    "a deep list": "[" * (500 * KIB),
    "deep maps": "{a: " * (120 * KIB),
    "names without end": "? " * (250 * KIB),
    "lines of a list": "- a\n" * (125 * KIB),
    "a billion laughs": "a: &a [x]\n" + "b: [" + "*a," * 1000 + "]",
    "tags of types": "!!int 1:1\n--- !!binary x\n" * (20 * KIB),
    "one open quotation": '"' + "\\n" * (250 * KIB),
}
HEAVY_JSON = {
    "a list of numbers": "[" + "0," * 1_000_000 + "0]",  # 7 s
    "a list of lists": "[" + "[]," * 600_000 + "[]]",
    "a deep list": "[" * 2_000_000,
    "a long number": "9" * 2_000_000,
    "one open quotation": '"' + '\\"' * 1_000_000,
    "quotations without end": '"' * 2_000_000,
    "one card with a million keys": json.dumps([{"keys": "a," * 1_000_000, "text": "x"}]),
    "one endless text": json.dumps([{"keys": "a", "text": "門" * 300_000}]),
    "marks without end": json.dumps(
        [{"keys": "a", "text": "x" + "\u0301\u0323" * 160_000}], ensure_ascii=False
    ),
}


@pytest.fixture
def importing(client, log, settings):
    """Import a file as a stranger would: the words that come back, and this process' own CPU."""
    settings.LIMITS = {**settings.LIMITS, "import": "100/m/ip"}

    def send(url, content, **headers):
        file = SimpleUploadedFile("file", content.encode())
        began = time.process_time()
        answer = client.post(url, {"file": file}, headers=headers, follow=True)
        return answer, time.process_time() - began

    client.get("/")  # templates are read once
    return send


@pytest.mark.parametrize("name", HEAVY_YAML)
@pytest.mark.django_db
def test_no_scenario_file_keeps_the_web_busy(importing, name):
    answer, seconds = importing(reverse("import_scenario"), HEAVY_YAML[name])
    assert seconds < 1.5, seconds
    assert "Import failed." in answer.content.decode()
    assert not Player.objects.exists(), "a guest was made for a file that nobody could read"


@pytest.mark.parametrize("name", HEAVY_JSON)
@pytest.mark.django_db
def test_no_file_of_cards_keeps_the_web_busy(importing, client, adventure, alice, name):
    client.force_login(alice)
    url = reverse("import_cards", args=[adventure.pk])
    answer, seconds = importing(url, HEAVY_JSON[name], accept="application/json")
    assert seconds < 1.5, seconds
    assert adventure.cards.count() <= 2, "the scenario's, and the one that is in some of them"
    assert "added" in answer.json() or answer.json()["message"]


@pytest.mark.django_db
def test_a_file_that_takes_too_long_is_given_up(importing, client, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 0.01)
    answer, _ = importing(reverse("import_scenario"), SCENARIO)
    assert "takes too long" in answer.content.decode()


@pytest.mark.django_db
def test_a_third_file_at_once_waits_and_is_then_told_so(importing, monkeypatch):
    monkeypatch.setattr(sandbox, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(sandbox, "slots", threading.BoundedSemaphore(1))
    with sandbox.slots:
        answer, _ = importing(reverse("import_scenario"), SCENARIO)
    assert "Try again in a minute" in answer.content.decode()
    answer, _ = importing(reverse("import_scenario"), SCENARIO)
    assert Scenario.objects.get(title="A").opening == "C"


@pytest.mark.django_db
def test_imports_are_counted(client, log, settings):
    settings.LIMITS = {**settings.LIMITS, "import": "2/m/ip"}
    at = {"REMOTE_ADDR": "203.0.113.9"}
    got = [client.post(reverse("import_scenario"), **at).status_code for _ in range(3)]
    assert got == [302, 302, 429]


@pytest.mark.django_db
def test_a_scenario_that_a_rule_stands_against_is_refused_with_the_reason(
    importing, monkeypatch, settings
):
    from game.library import writing
    from game.play.protocol import Refused

    def against(*_, **__):
        raise Refused("rejected", "A rule stands against it.")

    monkeypatch.setattr(writing, "write", against)
    answer, _ = importing(reverse("import_scenario"), SCENARIO)
    assert "A rule stands against it." in answer.content.decode()


@pytest.mark.django_db
def test_a_form_that_claims_thousands_of_rows_is_read_as_the_few_that_fit(client, log):
    rows = {
        f"{name}-{count}": "9999"
        for name in ("questions", "actions", "cards")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    page = client.post(reverse("new_scenario"), {**rows, "title": "A"}).content.decode()
    assert 'name="cards-399-keys"' in page
    assert 'name="cards-400-keys"' not in page


def test_yaml_is_words_lists_and_maps_and_nothing_else():
    text = (
        "a: 1:30:00\nb: no\nc: 2024-01-01\nd: 0x10\ne: [null, ~, '']\nf: {g: 1e3}\nh: |\n  x\n  y\n"
    )
    assert parsers.read_yaml(text) == {
        **{"a": "1:30:00", "b": "no", "c": "2024-01-01", "d": "0x10", "e": ["null", "~", ""]},
        **{"f": {"g": "1e3"}, "h": "x\ny\n"},
    }
    with pytest.raises(parsers.Unreadable, match="aliases"):
        parsers.read_yaml("a: &x 1\nb: *x")
    with pytest.raises(parsers.Unreadable, match="a name in it"):
        parsers.read_yaml("? [a]\n: b")


def test_numbers_and_switches_of_a_scenario_still_mean_what_they_say():
    found = parse_scenario_yaml(
        SCENARIO.replace("A", "1984") + "rank: 7\ncards:\n  - {title: T, keys: [k], text: x, "
        "pinned: yes}\nplaceholders:\n  - {name: n, question: q, default: 007, multiline: false}\n"
    )
    assert (found.title, found.rank, found.cards[0].pinned) == ("1984", 7, True)
    assert (found.placeholders[0].default, found.placeholders[0].multiline) == ("007", False)


@pytest.mark.parametrize("text", ["", "a: [", "a: b: c", "a: 1\n--- \nb: 2", "\tx", "a: \x00"])
def test_yaml_that_is_none_is_refused_in_a_line(text):
    try:
        found = parsers.read_yaml(text)
    except parsers.Unreadable as problem:
        assert "\n" not in sandbox.message_of(problem)
    else:
        assert found == ""


def test_a_card_keeps_its_first_keys_whatever_follows():
    imported = read_cards(
        json.dumps([{"keys": ",".join(f"k{n}" for n in range(100_000)), "text": "x"}]).encode()
    )
    assert "limit is 50" in imported.problems[0]


def test_marks_piled_upon_a_letter_are_read_at_once_and_few_stay():
    """Python sorts them in quadratic time: the 64 KB of one socket message took six seconds."""
    for piled in ("\u0301\u0323" * 16_000, "\u0344" * 16_000, "\u0f73" * 16_000):
        began = time.process_time()
        assert len(clean_text(f"a{piled}b")) <= 2 * MOST_MARKS + 2
        assert time.process_time() - began < 1
    assert clean_text("e\u0301" * 5_000) == "é" * 5_000
    assert clean_text("Z̄ạ̈́ ทั้งที่ வணக்கம்") == unicodedata.normalize("NFC", "Z̄ạ̈́ ทั้งที่ வணக்கம்")
    beyond = range(0x20000, sys.maxunicode + 1)
    assert not any(unicodedata.combining(chr(code)) for code in beyond)
