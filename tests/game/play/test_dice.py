"""Dice, where an adventure has them: rolled by the server, told to the narrator, shown."""

from collections import Counter

import pytest
from django.test import Client

from game.models import Adventure, Turn
from game.play import adventures, context, dice
from game.play.protocol import RetryTurn
from inference.contract.world import Person, Thing, World
from tests.game.play.test_turns import act, do, head, logged, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rolls(monkeypatch):
    """The dice fall as the list says, from its end."""
    falls = []
    monkeypatch.setattr(dice, "DICE", type("Fixed", (), {"randint": lambda *_: falls.pop()})())
    return falls


def given(adventure, turn):
    return context.story_context(Adventure.objects.get(pk=adventure.pk), turn)


def test_without_asking_for_dice_there_are_none(alice, adventure, narrator_awake):
    assert act(adventure, alice).dice is None


def test_the_dice_fall_before_the_narrator_speaks(alice, adventure, narrator_awake, log, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    rolls.append(12)
    turn = act(adventure, alice, "jump")
    assert turn.dice == {
        "sides": 20,
        "rolled": 12,
        "outcome": "success",
        "difficulty": "ordinary",
        "needed": 8,
    }
    queued = [event for event in logged(log, adventure) if event["type"] == "turn.queued"]
    assert queued[0]["turn"]["dice"] == {**turn.dice, "text": "success"}
    lease = log.take_next(turn.narrator, "w")
    outcome = "The attempt succeeds: what was attempted happens."
    assert lease.request.context.action.outcome == outcome


def test_telling_the_story_is_no_attempt(alice, adventure, narrator_awake, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    for kind, text in (("story", "Night falls."), ("continue", ""), ("say", "")):
        turn = act(adventure, alice, text, kind=kind)
        assert turn.dice is None
        tell(turn)
    rolls.append(3)
    assert act(adventure, alice, "Give it to me.", kind="say").dice["outcome"] == "failure"


def test_another_telling_does_not_roll_again(alice, adventure, narrator_awake, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    rolls.append(1)
    first = act(adventure, alice, "jump")
    tell(first)
    do(adventure, alice, RetryTurn, turn=first.pk)
    assert head(adventure).dice == first.dice


def test_what_the_dice_said_stays_in_the_story(alice, adventure, narrator_awake, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    rolls.append(20)
    first = act(adventure, alice, "jump")
    tell(first)
    adventures.set_options(adventure.pk, {"dice": False})
    second = act(adventure, alice, "land")
    assert second.dice is None
    story = given(adventure, second).story
    assert story[-1].outcome.endswith("what was attempted happens, better than anyone hoped.")
    assert given(adventure, second).action.outcome == ""


def test_every_roll_of_a_d20_has_an_outcome_and_none_is_rare_by_mistake():
    for difficulty, failures, successes in ((dice.ORDINARY, 6, 8), (dice.HARD, 10, 4)):
        found = Counter(dice.outcome_of(rolled, difficulty.needed) for rolled in range(1, 21))
        assert found == {
            "disaster": 1,
            "failure": failures,
            "cost": 4,
            "success": successes,
            "triumph": 1,
        }
    assert {dice.roll(dice.HARD)["rolled"] for _ in range(2000)} == set(range(1, 21))


EVERYDAY = [
    ("do", "pick up the lantern"),
    ("do", "I take the lantern and the rope."),
    ("do", "carefully open the door"),
    ("do", "look around"),
    ("do", "go to bed"),
    ("do", "ask about the fight"),
    ("do", "walks over to the window, then looks out"),
    ("say", "Hello, Odile."),
    ("say", "Who is there?"),
]
ORDINARY = [
    ("do", "jump"),
    ("do", "open the locked door"),
    ("do", "walk past the guard"),
    ("do", "take the lantern and climb down"),
    ("do", "nimm die Laterne"),
    ("say", "Give it to me."),
]
HARD = [
    ("do", "attack the guard"),
    ("do", "try to steal the crown"),
    ("do", "go to the throne and fight the king"),
    ("do", "I start attacking him"),
]


@pytest.mark.parametrize(
    ("difficulty", "actions"),
    [(None, EVERYDAY), (dice.ORDINARY, ORDINARY), (dice.HARD, HARD)],
)
def test_how_hard_an_action_is_decides_what_it_needs(difficulty, actions):
    assert {action: dice.difficulty_of(*action) for action in actions} == dict.fromkeys(
        actions, difficulty
    )


def test_picking_up_a_lantern_does_not_fail(alice, adventure, narrator_awake, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    turn = act(adventure, alice, "pick up the lantern")
    assert turn.dice is None
    assert given(adventure, turn).action.outcome == ""
    tell(turn)
    rolls.append(9)
    assert act(adventure, alice, "climb down").dice["outcome"] == "cost"


WORLD = World(
    people=(
        Person(name="Mira Holt", here=True),
        Person(name="Odile", here=True),
        Person(name="Teague", life="dead"),
        Person(name="The Stranger", here=True),
        Person(name="old man", here=True),
    ),
    things=(
        Thing(name="brass lantern", held="carried"),
        Thing(name="rope", held="carried"),
        Thing(name="knife", held="lost"),
        Thing(name="灯笼", held="carried"),
    ),
)


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        ("climb down", []),
        ("climb down with the lantern", [("brass lantern", -2)]),
        ("tie the rope to the lantern and climb", [("brass lantern", -2)]),
        ("climb down with Mira", [("Mira Holt", -2)]),
        ("climb down the rope with Mira and Odile", [("rope", -2), ("Mira Holt", -2)]),
        ("fight with Mira", []),
        ("climb down with Teague", []),
        ("climb down with the Stranger", [("The Stranger", -2)]),
        ("break it with the hammer", []),
        ("open it with the old key", []),
        ("climb down with the old man", [("old man", -2)]),
        ("cut the net with the knife", [("knife", 4)]),
        ("提着灯笼爬下去", [("灯笼", -2)]),
    ],
)
def test_what_is_carried_and_who_helps_make_it_easier_and_what_is_lost_harder(action, changes):
    assert [(each.name, each.change) for each in dice.modifiers_of(action, WORLD)] == changes


def test_the_page_shows_what_moved_a_roll(alice, adventure, narrator_awake, rolls):
    adventures.set_options(adventure.pk, {"dice": True})
    tell(act(adventure, alice, "look around"), "You take the lantern.")
    rolls.append(7)
    turn = act(adventure, alice, "climb down with the lantern")
    assert turn.dice == {
        "sides": 20,
        "rolled": 7,
        "outcome": "cost",
        "difficulty": "ordinary",
        "needed": 6,
        "modifiers": [{"name": "lantern", "change": -2}],
    }
    assert dice.roll_data(turn.dice)["modifiers"][0]["text"] == "lantern −2"
    tell(turn)
    page = alice_page(alice, adventure)
    assert "needed 6 · <bdi>lantern −2</bdi>" in page


def alice_page(alice, adventure):
    client = Client()
    client.force_login(alice)
    return client.get(f"/adventures/{adventure.pk}/").content.decode()


def test_a_roll_stays_possible_and_uncertain(rolls):
    rolls += [2, 19]
    harder = [dice.Modifier(str(number), 4) for number in range(5)]
    assert dice.roll(dice.HARD, harder)["needed"] == 19
    assert dice.roll(dice.ORDINARY, [dice.Modifier("all", -20)])["needed"] == 2


def test_a_roll_from_before_actions_had_a_difficulty_reads_as_it_did():
    old = {"sides": 20, "rolled": 9, "outcome": "failure"}
    assert dice.outcome_line(old) == "This does not succeed."
    assert dice.roll_data(old)["text"] == "failure"


def test_dice_are_switched_by_their_owner_alone(client, alice, bob, adventure, log):
    url = f"/adventures/{adventure.pk}/options/"
    client.force_login(bob)
    assert client.post(url, {"dice": "on"}).status_code == 404
    client.force_login(alice)
    json = {"Accept": "application/json"}
    assert client.post(url, {"dice": "on"}, headers=json).json()["dice"] is True
    assert client.post(url, {}, headers=json).json()["dice"] is True
    assert client.post(url, {"dice": "perhaps"}, headers=json).status_code == 422
    assert client.post(url, {"dice": "off"}, headers=json).json() == {
        "dice": False,
        "summarise": True,
        "suggestions": False,
    }
    assert client.get(url).status_code == 405
    assert Adventure.objects.get(pk=adventure.pk).version == 2
    assert Turn.objects.count() == 1
