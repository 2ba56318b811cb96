"""The people of the tests, as in every adventure: alice owns it, bob is a friend, charlie is not."""

import pytest

from game import adventures
from game.log import story_log
from game.models import Player, Scenario, StoryCard


@pytest.fixture
def log():
    """The story log, on a Redis database that is this test run's own."""
    story_log().redis.flushdb()
    return story_log()


@pytest.fixture
def alice(db):
    return Player.objects.create_user("alice")


@pytest.fixture
def bob(db):
    return Player.objects.create_user("bob")


@pytest.fixture
def charlie(db):
    return Player.objects.create_user("charlie")


@pytest.fixture
def scenario(db):
    scenario = Scenario.objects.create(
        slug="the-cellar",
        title="The Cellar",
        tempt="Something coughs below.",
        opening="You stand in the kitchen, ${name}. The cellar door is ajar. Something coughs below.",
        memory="You are ${name}, a plumber.",
        authors_note="Write in the second person.",
        placeholders=[{"name": "name", "question": "Your name?", "default": "Wren"}],
        first_actions=[{"kind": "do", "text": "open the cellar door"}],
    )
    StoryCard.objects.create(
        scenario=scenario, title="The cellar", keys=["cellar"], text="It floods in spring."
    )
    return scenario


@pytest.fixture
def begin(scenario):
    def begin(player):
        return adventures.begin(player, scenario, {})

    return begin


@pytest.fixture
def adventure(alice, begin):
    return begin(alice)


@pytest.fixture
def narrator_awake(log):
    """The line of the narrator is open, and nobody tells: the test plays the worker."""
    log.beat("parrot", "test", slots=4, running=0, turn_s=2.0)
