"""A host edits a file while people play, and makes a mistake: nobody notices but the host."""

import uuid
from dataclasses import replace

import pytest

from game.play import turns
from game.play.protocol import Refused, parse_command
from game.play.snapshots import snapshot
from inference.narrators import load_narrators

GOOD = "narrators:\n- {name: parrot, line: A test., engine: scripted}\n"
TYPO = "narrators:\n- {name: parrot, line: A test., engine: scripted\n"


@pytest.fixture
def file(settings, tmp_path):
    file = tmp_path / "narrators.yaml"
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    return file


def act(adventure, player):
    text = f'{{"type": "take_action", "key": "{uuid.uuid4()}", "kind": "do", "text": "go"}}'
    return turns.carry_out(adventure.pk, player, parse_command(text))


def pages(adventure):
    story = f"/adventures/{adventure.pk}/"
    return ["/", "/adventures/", story, f"{story}tree/", f"{story}summary/", f"{story}export.json"]


@pytest.mark.usefixtures("narrator_awake")
def test_with_a_typo_in_the_narrators_one_reads_and_acts_on_and_the_operator_sees_the_line(
    adventure, alice, as_player, file, client
):
    file.write_text(GOOD)
    load_narrators(file)
    file.write_text(TYPO)
    browser = as_player(alice)
    for page in pages(adventure):
        assert browser.get(page).status_code == 200, page
    assert snapshot(adventure.pk).adventure["narrator"]["name"] == "parrot"
    assert act(adventure, alice).turn
    assert browser.get("/readyz").status_code in (200, 503)
    alice.is_staff = alice.is_superuser = True
    alice.save()
    shown = browser.get("/admin/game/operation/", follow=True).content.decode()
    assert "narrators.yaml, line 3" in shown
    assert "stay as they were" in shown
    assert "parrot" in shown


def test_a_process_that_starts_with_a_typo_has_stories_read_and_says_why_nothing_is_told(
    adventure, alice, as_player, file
):
    file.write_text(TYPO)
    browser = as_player(alice)
    for page in pages(adventure):
        assert browser.get(page).status_code == 200, page
    assert snapshot(adventure.pk).turns
    with pytest.raises(Refused, match="list of narrators on this server has an error") as refused:
        act(adventure, alice)
    assert refused.value.code == "narrator_down"


def test_a_mistake_in_the_rules_is_shown_to_the_operator_with_its_line(
    alice, as_player, settings, tmp_path
):
    rules = tmp_path / "rules.yaml"
    settings.RULES_FILE = rules
    rules.write_text("version: a\nrules: []\n")
    browser = as_player(alice)
    assert browser.get("/policy/").status_code == 200
    rules.write_text("version: b\nrules:\n- {name: a, title: T, says: S, severity: stop}\n")
    assert browser.get("/policy/").status_code == 200
    alice.is_staff = alice.is_superuser = True
    alice.save()
    shown = browser.get("/admin/game/operation/", follow=True).content.decode()
    assert "rules.yaml, line 3: rules.0.severity" in shown
