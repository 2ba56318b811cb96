"""Where several play, an action is told of who acts: "Mira opens the hatch." """

import pytest

from inference.reply import ReplyStream, shown_action
from inference.reply.third_person import worded_action


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("open the hatch", "Mira opens the hatch."),
        ("I open the hatch and climb down", "Mira opens the hatch and climbs down."),
        ("> look at my hand", "Mira looks at their hand."),
        ("You're tired", "Mira is tired."),
        ("I don't trust him", "Mira doesn't trust him."),
        ("try the door, then go north", "Mira tries the door, then goes north."),
        ("n", "Mira goes north."),
        ("carefully take the lamp", "Mira carefully takes the lamp."),
        ("take the key. Open the door", "Mira takes the key. Mira opens the door."),
        ('tell him "I know you" and leave', 'Mira tells him "I know you" and leaves.'),
        ("watch where I stand", "Mira watches where they stand."),
        ("hide behind me", "Mira hides behind them."),
        ("I took the sword", "Mira took the sword."),
        ("ATTACK THE TROLL", "Mira ATTACKS THE TROLL."),
        ("Mira waves", "Mira waves."),
        ("mira waves", "Mira waves."),
        ("the guard opens the door", "Mira: The guard opens the door."),
        ("öffne die Luke", "Mira: öffne die Luke."),
        ('"Who is there?"', 'Mira says "Who is there?"'),
    ],
)
def test_what_is_typed_is_told_of_the_character(typed, told):
    assert shown_action("do", worded_action("do", typed, "Mira"), "Mira") == told


def test_other_kinds_and_a_single_player_stay_as_they_are():
    assert worded_action("say", "hello", "Mira") == "hello"
    assert worded_action("story", "It rains.", "Mira") == "It rains."
    assert worded_action("do", "open the hatch", "") == "open the hatch"


def test_a_reply_in_the_third_person_is_not_cut():
    reply = (
        "Mira lifts the hatch and cold air comes up. Jonna holds the lamp for her. "
        'Below them something coughs. "Mira," Jonna whispers, "did you hear that?"'
    )
    stream = ReplyStream("do", action="Mira opens the hatch.")
    shown = stream.feed(reply) + stream.finish("stop")
    assert shown == reply
    assert not stream.fault
