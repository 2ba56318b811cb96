"""The scenarios that come with Grue, and loading them."""

import string

import pytest

from game.library.placeholders import fill_placeholders
from game.models import Scenario, StoryCard
from game.play import adventures
from game.scenarios import SHIPPED, ScenarioError, load_scenarios, read_scenario

FILES = sorted(SHIPPED.glob("*.yaml"))
OWN = "your-own-beginning"
WRITTEN = [file for file in FILES if file.stem != OWN]


def words(text):
    return len(text.split())


def test_there_are_a_dozen_and_one_for_your_own_words():
    assert len(WRITTEN) >= 12
    assert len(FILES) == len(WRITTEN) + 1
    assert len({read_scenario(file).rank for file in FILES}) == len(FILES)


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_a_scenario_has_all_that_a_player_and_a_narrator_need(file):
    scenario = read_scenario(file)
    filled = string.Template(scenario.opening).substitute(
        {each.name: each.default for each in scenario.placeholders}
    )
    assert 80 <= words(filled) <= 200
    assert filled.count(" you") + filled.count("You") >= 3, "the second person"
    assert scenario.memory and scenario.authors_note and scenario.tempt and scenario.tags
    assert len(scenario.first_actions) == 3
    assert len(scenario.cards) >= 5
    for paragraph in scenario.opening.strip().split("\n\n"):
        assert "\n" not in paragraph, f"a paragraph is one line: {paragraph[:40]}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_placeholder_that_a_scenario_uses_is_asked_for(file):
    scenario = read_scenario(file)
    asked = {each.name for each in scenario.placeholders}
    texts = [scenario.opening, scenario.memory, scenario.authors_note]
    texts += [action.text for action in scenario.first_actions]
    texts += [text for card in scenario.cards for text in (card.title, card.text, *card.keys)]
    used = {name for text in texts for name in string.Template(text).get_identifiers()}
    assert used <= asked


@pytest.mark.django_db
def test_loading_again_brings_files_up_to_date_and_doubles_nothing(alice):
    assert len(load_scenarios()) == len(FILES)
    scenario = Scenario.objects.get(slug=WRITTEN[0].stem)
    adventure = adventures.begin(alice, scenario, {})
    cards = StoryCard.objects.count()
    Scenario.objects.filter(slug=scenario.slug).update(title="Worn away")
    load_scenarios()
    scenario.refresh_from_db()
    assert scenario.title != "Worn away"
    assert StoryCard.objects.count() == cards
    assert adventure.cards.count() == scenario.cards.count()


@pytest.mark.django_db
def test_the_players_answers_fill_the_story(alice, scenario):
    adventure = adventures.begin(alice, scenario, {"name": "Mo$$ ${x}"})
    assert "Mo$$ ${x}" in adventure.head.reply
    assert "Mo$$ ${x}" in adventure.memory
    unnamed = adventures.begin(alice, scenario, {"name": "  "})
    assert "Wren" in unnamed.head.reply


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("title: [", "bad.yaml"),
        ("title: A\ntempt: B\n", "opening"),
        ("title: A\ntempt: B\nopening: C\ncolour: red\n", "colour"),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path, text, complaint):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ScenarioError, match=complaint):
        load_scenarios(tmp_path)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("You are ${name}.", "You are Ada."),
        ("$name, $name!", "Ada, Ada!"),
        ("In ${place}", "In ${name} <b>"),
        ("${nobody} and $nobody", "${nobody} and $nobody"),
        ("It costs $5, or $$5.", "It costs $5, or $5."),
        ("$$name", "$name"),
        ("${na me} ${} $", "${na me} ${} $"),
        ("$ß ${naïve}", "$ß ${naïve}"),
    ],
)
def test_texts_are_filled_as_the_preview_fills_them(template, filled):
    """The same cases as in tests/js/fill.test.mjs."""
    assert fill_placeholders(template, {"name": "Ada", "place": "${name} <b>"}) == filled


@pytest.mark.django_db
def test_answers_that_make_an_opening_too_long_come_back(client, scenario):
    Scenario.objects.update(opening="${name} " * 300)
    answer = client.post("/scenarios/the-cellar/begin/", {"name": "A" * 80})
    assert answer.status_code == 422
    assert "24,300 characters; the limit is 20,000" in answer.content.decode()
