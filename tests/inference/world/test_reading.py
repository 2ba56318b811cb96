"""What the narrator is asked about a turn, and what its answers change."""

import json

import pytest

from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World, WorldChange
from inference.world import reading
from inference.world.reading import Asked, UnreadableAnswer
from tests.prompting import request

WORLD = World(
    people=(
        Person(name="Teague", here=True, mood="wary"),
        Person(name="Captain Aune"),
        Person(name="Rolf", life="dead"),
    ),
    things=(
        Thing(name="brass key", held="carried"),
        Thing(name="lantern", held="lost"),
    ),
)
TURN = Passage(
    kind="do",
    action="give Teague the brass key",
    reply='Teague takes it with a grin. "Ask at the mill," he says. The lantern is out. Rolf lies '
    "where he fell.",
)


def asked(world=WORLD, turn=TURN):
    return reading.names_asked(world, turn)


def read(world=WORLD, turn=TURN, names=None, **answers):
    names = names or asked(world, turn)
    return reading.changes_in(json.dumps(answers), names, world, turn)


def changed(change):
    return (change.part, change.name, change.field, change.value)


def test_only_what_the_turn_mentions_is_asked_about():
    assert asked() == (Asked("Teague"), Asked("brass key", "carried"))


def test_the_dead_and_the_lost_are_not_asked_about():
    turn = Passage(kind="do", action="take the lantern", reply="Rolf hands you the lantern.")
    assert asked(turn=turn) == ()


def test_who_is_not_mentioned_is_not_asked_about():
    """The state may have hidden people: an answer about them would show them to the player."""
    assert asked(turn=Passage(kind="do", action="wait", reply="It rains on.")) == ()


def test_a_turn_without_anything_known_asks_nothing():
    turn = Passage(kind="do", action="wait", reply="Rain. The wind turns round.")
    assert asked(World(), turn) == ()


def test_who_is_only_spoken_of_is_not_asked_about():
    reply = '"Teague will be here soon," says a voice.'
    assert asked(turn=Passage(kind="say", action="Where is Teague?", reply=reply)) == ()


def test_a_name_that_nobody_knows_is_not_asked_about():
    """It may be a place: a small narrator says of those, too, that they are here."""
    reply = "The door opens, and in comes Mother Hale, wet to the knees."
    assert asked(turn=Passage(kind="do", action="wait", reply=reply)) == ()


def test_people_are_mentioned_by_a_part_of_their_name_or_their_rank():
    turn = Passage(kind="do", action="wait", reply="The captain shrugs. Then Aune is gone.")
    assert asked(World(people=WORLD.people[1:]), turn) == (Asked("Captain Aune"),)


def test_names_without_spaces_are_found_in_the_text():
    world = World(people=(Person(name="小红"),))
    turn = Passage(kind="do", action="等", reply="门开了,小红走进来。")
    assert asked(world, turn) == (Asked("小红"),)


def test_a_crowd_is_asked_about_in_part():
    people = tuple(Person(name=name) for name in ("Ada", "Bo", "Cy", "Dee", "Ed", "Fay"))
    turn = Passage(kind="do", action="wait", reply="Ada, Bo, Cy, Dee, Ed and Fay look up.")
    assert len(asked(World(people=people), turn)) == reading.MOST_ASKED


def test_nothing_can_be_answered_but_words_of_the_question():
    question = reading.question_of(request(), asked())
    schema = question.output.json_schema
    assert schema["properties"] == {
        "Teague": {"enum": ["here", "away", "dead"]},
        "brass key": {"enum": ["carried", "lost"]},
    }
    assert schema["required"] == ["Teague", "brass key"]
    assert "Teague" in question.text and "brass key" in question.text
    assert question.sampling.max_tokens < 60


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ({"Teague": "here", "brass key": "carried"}, []),
        ({"Teague": "here", "brass key": "lost"}, [("thing", "brass key", "held", "lost")]),
        ({"Teague": "away", "brass key": "carried"}, [("person", "Teague", "here", "no")]),
        ({"Teague": "dead", "brass key": "carried"}, [("person", "Teague", "life", "dead")]),
    ],
)
def test_an_answer_changes_what_was_known(answer, changes):
    assert [changed(each) for each in read(**answer)] == changes


def test_who_was_elsewhere_may_be_here_now():
    turn = Passage(kind="do", action="wait", reply="Captain Aune comes down the ladder.")
    [change] = read(turn=turn, **{"Captain Aune": "here"})
    assert changed(change) == ("person", "Captain Aune", "here", "yes")
    assert read(turn=turn, **{"Captain Aune": "away"}) == ()


def test_what_is_worn_may_be_lost():
    world = World(things=(Thing(name="hat", held="worn"),))
    turn = Passage(kind="do", action="run", reply="The wind takes your hat.")
    assert asked(world, turn) == (Asked("hat", "worn"),)
    [change] = read(world, turn, hat="lost")
    assert changed(change) == ("thing", "hat", "held", "lost")
    assert read(world, turn, hat="worn") == ()


def test_a_change_says_what_it_was_read_from_and_by_whom():
    [change] = read(**{"Teague": "here", "brass key": "lost"})
    assert change.source == "narrator"
    assert change.sentence == "Rolf lies where he fell.", "the turn's last: none has the key"
    [change] = read(**{"Teague": "away", "brass key": "carried"})
    assert change.sentence == "Teague takes it with a grin."


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "[]",
        '{"Teague": "here"}',
        '{"Teague": "married", "brass key": "lost"}',
        '{"Teague": ["here"], "brass key": "lost"}',
        '{"Teague": "carried", "brass key": "lost"}',
    ],
)
def test_an_answer_that_is_none_is_refused_without_a_word_of_it(answer):
    with pytest.raises(UnreadableAnswer) as refused:
        reading.changes_in(answer, asked(), WORLD, TURN)
    assert "Teague" not in str(refused.value)


def test_what_is_read_keeps_to_the_limits_of_a_change():
    turn = Passage(kind="do", action="wait", reply="Teague " + "walks on and on " * 60 + ".")
    [change] = read(turn=turn, names=(Asked("Teague"),), Teague="away")
    assert isinstance(change, WorldChange)
    assert len(change.sentence) <= 300
