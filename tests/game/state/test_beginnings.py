"""The beginning state of a scenario: its lines, its hidden part, and what becomes of it."""

import pytest

from game.library import writing
from game.models import Scenario
from game.play import adventures
from game.scenarios import SHIPPED, ScenarioError, parse_scenario_yaml, read_scenario
from game.state import beginnings, worlds
from inference.contract.world import Person, Thing
from tests.game.library.test_writing import form
from tests.game.play.test_turns import act, tell

LINES = """\
place: the lamp room
time: noon
person: Mara, here, wary
person: ${name}, away
person: Teague, dead
carry: lantern
wear: oilskin
lost: whistle
aim: find the key
fact: the bridge is down
hidden person: Prosser, away
hidden fact: the keeper drowned"""


def test_the_lines_of_a_state_are_read_and_written_back_as_they_were():
    entries = beginnings.parse(LINES)
    assert {each.source for each in entries} == {"scenario"}
    assert beginnings.as_text(beginnings.as_data(entries)) == LINES


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("the lamp room", "begin it with one of these and a colon: place, time, person"),
        ("room: the lamp room", "begin it with one of these and a colon"),
        ("place:", "nothing follows"),
        ("hidden: the lamp room", "begin it with one of these"),
        ("person: , here", "makes no sense"),
        ("person: Mara, wary, kind", "contradict"),
        ("person: Mara, dead, gone", "contradict"),
        (f"carry: {'x' * 61}", "61 characters; the limit is 60"),
        (f"person: Mara, {'x' * 21}", "21 characters; the limit is 20"),
        (f"fact: {'x' * 201}", "201 characters; the limit is 200"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong(line, problem):
    with pytest.raises(ValueError, match=r"Line 2: .*" + problem):
        beginnings.parse(f"time: noon\n{line}")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("\n".join(f"fact: number {each}" for each in range(41)), "41 entries; the limit is 40"),
        ("\n".join(f"aim: number {each}" for each in range(6)), "6 aims; the limit is 5"),
        ("fact: x\n" * 3000, "24,000 characters; the limit is 16,000"),
    ],
)
def test_a_state_that_is_too_long_is_refused(lines, problem):
    with pytest.raises(ValueError, match=problem):
        beginnings.parse(lines)


@pytest.mark.django_db
def test_an_author_writes_a_state_and_whoever_begins_has_it(as_player, alice, bob):
    as_player(alice).post("/scenarios/new/", form(world=LINES))
    scenario = Scenario.objects.get()
    begun = adventures.begin(bob, scenario, {"name": "Robin"})
    world = worlds.world_at(begun.head_id)
    assert (world.place, world.time) == ("the lamp room", "noon")
    assert world.people == (
        Person(name="Mara", here=True, mood="wary"),
        Person(name="Robin"),
        Person(name="Teague", life="dead"),
    )
    assert world.things == (
        Thing(name="lantern", held="carried"),
        Thing(name="oilskin", held="worn"),
        Thing(name="whistle", held="lost"),
    )
    assert (world.aims, world.facts) == (("find the key",), ("the bridge is down",))
    assert "the keeper drowned" in world.hidden


@pytest.mark.django_db
def test_a_wrong_line_keeps_the_form_as_it_was_typed(as_player, alice):
    answer = as_player(alice).post("/scenarios/new/", form(world="place: the attic\nroom: x"))
    assert answer.status_code == 422
    assert "Line 2: begin it with one of these" in answer.content.decode()
    assert "place: the attic" in answer.content.decode()
    assert not Scenario.objects.exists()


@pytest.mark.django_db
def test_a_question_that_is_not_asked_is_found_in_the_state_too(as_player, alice):
    answer = as_player(alice).post("/scenarios/new/", form(world="carry: ${toy}"))
    assert "no question asks for it" in answer.content.decode()


@pytest.mark.django_db
def test_a_file_has_the_state_as_lines_and_reads_back_the_same(as_player, alice):
    as_player(alice).post("/scenarios/new/", form(world=LINES))
    scenario = Scenario.objects.get()
    file = writing.as_yaml(scenario)
    assert "world: |" in file
    assert parse_scenario_yaml(file).world == scenario.world


def test_a_file_with_a_wrong_state_says_what_is_wrong():
    file = "title: x\ntempt: x\nopening: x\nworld: {}\n"
    for wrong in (
        '"room: x"',
        "[1]",
        "[{part: thing, name: x, field: held, value: eaten, source: rule}]",
    ):
        with pytest.raises(ScenarioError, match="world"):
            parse_scenario_yaml(file.format(wrong))


@pytest.mark.django_db
def test_undo_in_the_editor_brings_back_the_state_before(as_player, alice):
    client = as_player(alice)
    client.post("/scenarios/new/", form(world="place: the attic"))
    slug = Scenario.objects.get().slug
    client.post(f"/scenarios/{slug}/edit/", form(world="place: the cellar"))
    client.post(f"/scenarios/{slug}/undo/")
    assert beginnings.as_text(Scenario.objects.get().world) == "place: the attic"
    assert "place: the attic" in client.get(f"/scenarios/{slug}/edit/").content.decode()


def test_three_of_the_shipped_scenarios_begin_with_a_state_that_hides_something():
    with_state = [read_scenario(file) for file in sorted(SHIPPED.glob("*.yaml"))]
    with_state = [each for each in with_state if each.world]
    assert len(with_state) >= 3
    for scenario in with_state:
        assert any(each.get("hidden") for each in scenario.world), scenario.title


@pytest.mark.django_db
def test_what_is_hidden_comes_out_when_the_story_tells_it(alice, scenario, narrator_awake):
    lines = "hidden person: Prosser, away\nhidden fact: the keeper drowned in the harbour"
    scenario.world = beginnings.as_data(beginnings.parse(lines))
    scenario.save()
    adventure = adventures.begin(alice, scenario, {})
    turn = act(adventure, alice, "wait")
    tell(turn, "It rains. Nobody says who drowned.")
    assert worlds.world_at(turn.pk).people == worlds.world_at(turn.pk).facts == ()
    turn = act(adventure, alice, "ask Prosser whether the keeper drowned in the harbour")
    tell(turn, "Nobody answers.")
    assert worlds.world_at(turn.pk).facts == (), "a guess reveals nothing"
    turn = act(adventure, alice, "wait")
    tell(turn, '"The keeper drowned in the harbour," says the boy. "Ask Prosser."')
    after = worlds.world_at(turn.pk)
    assert "Prosser" in [each.name for each in after.people]
    assert after.facts == ("the keeper drowned in the harbour",)
    assert after.hidden == ()
