"""What rules read out of a turn: who is there, what the player has, where they are."""

import pytest

from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World, WorldChange
from inference.lab.evaluation.world_labels import read_turns, score_turns
from inference.lab.world_accuracy import read_by_rules
from inference.world.names import names_in
from inference.world.rules import read_turn

SHIP = World(
    place="the deck",
    people=(
        Person(name="Captain Aune"),
        Person(name="Jory", here=True),
        Person(name="Holm", life="dead"),
    ),
    things=(Thing(name="brass lantern", held="carried"), Thing(name="coat", held="worn")),
)


def read(reply: str, action: str = "", kind="do", outcome="", world=SHIP, names=()):
    """The changes of a turn as (name or part, value), in order."""
    passage = Passage(kind=kind, action=action, reply=reply, outcome=outcome)
    found = read_turn(passage, world, frozenset(names), "Jonna")
    assert all(change.source == "rule" and change.sentence for change in found)
    return [(change.name or change.part, change.value) for change in found]


@pytest.mark.parametrize(
    ("reply", "changes"),
    [
        ("You take the rope and the iron key.", [("rope", "carried"), ("iron key", "carried")]),
        ("Jory hands you a piece of paper.", [("piece of paper", "carried")]),
        ("You put on the boots and slip the letter into your pocket.", "boots worn letter carried"),
        ("The captain takes the lantern from your hand.", "Captain Aune yes brass lantern lost"),
        ("You hand Jory the lantern.", [("brass lantern", "lost")]),
        ("You take off your coat.", [("coat", "carried")]),
        ("You pick up something. It's a small flashlight.", [("small flashlight", "carried")]),
        ("Your lantern is gone.", [("brass lantern", "lost")]),
        ("The captain gives you back your purse.", "Captain Aune yes purse carried"),
        ("Your lantern is taken from you.", [("brass lantern", "lost")]),
        ("The lantern slides down and is swept overboard.", [("brass lantern", "lost")]),
        ("Jory is gone, and so is your lantern.", "Jory no brass lantern lost"),
        ("Jory tucks the lantern in his belt.", [("brass lantern", "lost")]),
        ("Jory lifts the lantern from your hands.", [("brass lantern", "lost")]),
        ("Jory ties a ribbon round your wrist.", [("ribbon", "carried")]),
        ("You pack the map and the rope. You drop them.", "map lost rope lost"),
        ("You swap the lantern for the compass.", "compass carried brass lantern lost"),
    ],
)
def test_what_is_taken_given_and_lost(reply, changes):
    found = read(reply)
    if isinstance(changes, str):
        assert " ".join(" ".join(each) for each in found) == changes
    else:
        assert found == changes


@pytest.mark.parametrize(
    "reply",
    [
        "You take a deep breath and grab his arm. You take a step back.",
        "You try to take the rope. You would take the key if you could.",
        "Jory offers you the rope. There is a key on the table.",
        "You dream that Jory hands you a key. He says that it is yours.",
        '"I take the rope," says Jory. "You take the key."',
        "You do not take the rope, and you never put on the boots.",
        "You still hold the lantern.",
        "He will find you and take the lantern. You cannot run and drop it.",
        "You take the lantern to Jory.",
    ],
)
def test_what_is_not_so_may_be_or_is_only_said_changes_nothing(reply):
    assert read(reply) == []


def test_the_reply_decides_whether_what_was_tried_has_happened():
    assert read("It is cold and sharp.", "pick up the knife") == [("knife", "carried")]
    assert read("The knife is nailed to the table. It won't move.", "pick up the knife") == []
    assert read("You reach for the knife, but Jory is faster.", "grab the knife") == []
    fails = "The attempt fails: what was attempted does not happen."
    assert read("It is cold and sharp.", "pick up the knife", outcome=fails) == []
    assert read("Jory laughs.", "I take the knife.", kind="say") == []


def test_who_comes_leaves_and_dies():
    assert read('"Help!" shouts Captain Aune.') == [("Captain Aune", "yes")]
    assert read("Jory walks away.") == [("Jory", "no")]
    assert read("Jory falls dead.") == [("Jory", "dead")]
    assert read('"Jory is dead," says Captain Aune.')[-1] == ("Jory", "dead")
    assert read("Jory is somewhere behind you.") == [("Jory", "no")]
    assert read("Overhead, Captain Aune walks across the deck.") == []
    assert read("Holm's coat hangs on the wall. You remember how Holm laughed.") == []
    assert read("Jory glares at you.") == [("Jory", "angry")]


def test_people_act_by_any_verb_and_where_a_sentence_turns_round():
    assert read("Captain Aune uncorks a bottle.") == [("Captain Aune", "yes")]
    assert read("At the wheel stands Captain Aune.") == [("Captain Aune", "yes")]
    assert read("You go over to Captain Aune.") == [("Captain Aune", "yes")]
    assert read("You stop at Captain Aune's cabin. Captain Aune owns two.") == []
    assert read("The boat takes Jory away.") == [("Jory", "no")]
    assert read("You climb into the boat. Jory stays on the deck.")[-1] == ("Jory", "no")
    assert read("Jory walks out of the cabin. He is crying.") == [("Jory", "no")]
    assert read("Jory walks out of the cabin. He comes back.") == []


def test_who_is_heard_by_telephone_is_elsewhere():
    heard = 'It is Captain Aune. "Come," she says. Captain Aune laughs. Then she hangs up.'
    assert read(heard, "pick up the telephone") == []
    assert read('The radio crackles. "Come," says Captain Aune.') == []
    assert read(f"{heard} Captain Aune walks in.", "pick up the telephone") == [
        ("Captain Aune", "yes")
    ]
    assert read('"Come," says Captain Aune. She calls your name.') == [("Captain Aune", "yes")]


def test_who_is_called_by_what_they_are_is_somebody():
    assert read("The cook laughs.", names=["the cook"]) == [("the cook", "yes")]
    assert read("The cook laughs.") == []
    assert read("The boiler rattles.", names=["the boiler"]) == []


def test_who_does_not_breathe_is_dead():
    assert read("Jory lies still. He is not breathing.") == [("Jory", "dead")]
    assert read("You find Captain Aune's body.") == [("Captain Aune", "dead")]
    assert read("Jory is breathing hard. Jory's body shakes.") == []


def test_only_what_is_known_or_introduced_is_a_name():
    assert read("Snow melts. Water runs down the wall. Steam rises.") == []
    assert read("Matthias pulls the crate closer.") == []
    assert read("Matthias pulls the crate closer.", names=["Matthias Egli"]) == [
        ("Matthias Egli", "yes")
    ]
    assert read('A man says, "My name is Fitch."') == [("Fitch", "yes")]
    assert read('"Go on," says Odile.') == [("Odile", "yes")]
    assert read("The cabinet falls over.", names=["The cabinet"]) == []
    assert read('"No," says Jonna.') == [], "the player is no one of the people"
    assert names_in("You work with Odile for Mr. Pell. Rain falls. You see Ada.") == {
        "Odile",
        "Mr. Pell",
        "Ada",
    }


def test_where_the_player_goes_and_what_time_it_is():
    assert read("You go down to the hold.") == [("place", "the hold")]
    assert read("He takes you to Brandy Point.") == [("place", "Brandy Point")]
    assert read("You step closer to the window. You turn to Jory.") == []
    assert read("It is midnight.") == [("time", "midnight")]


def test_what_is_known_already_is_no_change():
    assert read("You hold up the lantern. You are on the deck. Jory laughs.") == []


def test_a_story_line_of_the_player_is_told_and_not_tried():
    assert read("Nobody moves.", "Jory falls overboard, dead.", kind="story") == [("Jory", "dead")]


def test_a_change_tells_the_sentence_it_was_read_from():
    reply = 'The wind drops. "Take it," says Jory, and he hands you a rope. You wait.'
    found = read_turn(Passage(kind="continue", reply=reply), SHIP)
    assert found == [
        WorldChange(
            part="thing",
            name="rope",
            field="held",
            value="carried",
            source="rule",
            sentence='"Take it," says Jory, and he hands you a rope.',
        )
    ]


def test_the_rules_read_labelled_turns_as_a_careful_reader_does():
    turns = [turn for turn in read_turns("dev") if turn.language == "en"]
    found = score_turns(turns, read_by_rules)["all"]
    assert found.precision is not None
    assert found.recall is not None
    assert found.precision >= 0.93
    assert found.recall >= 0.8
