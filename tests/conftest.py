"""The people of the tests: alice owns the adventure, bob is a friend, charlie is not."""

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
        opening="You are in the kitchen, ${name}. The cellar is open. Something coughs below.",
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


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Threads of their own must not hold on to the test database when it is dropped."""
    from django.conf import settings

    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0


class Troupe:
    """Narrators that really tell: a worker's Storyteller with a scripted engine, without Celery."""

    def __init__(self):
        self.storytellers = []

    def start(self, name="parrot", slots=4, woken=True, **options):
        from concurrent.futures import ThreadPoolExecutor

        from django.conf import settings
        from django.db import connections

        from game import turns
        from inference.narrators import Narrator
        from inference.worker import Storyteller

        narrator = Narrator(
            name=name, line="A test.", engine="scripted", slots=slots, options=options
        )

        def record(result):
            try:
                turns.finish_turn(result)
            finally:
                connections.close_all()

        storyteller = Storyteller(narrator, settings.INFERENCE, record)
        storyteller.start()
        pool = ThreadPoolExecutor(slots)

        def work():
            while not storyteller.ended.wait(0.01):
                while storyteller.tell_next():
                    pass

        if woken:
            for _ in range(slots):
                pool.submit(work)
        self.storytellers.append((storyteller, pool))
        storyteller.say_alive()
        return storyteller

    def stop(self):
        for storyteller, pool in self.storytellers:
            storyteller.stop()
            pool.shutdown(wait=True)


@pytest.fixture
def troupe(log):
    troupe = Troupe()
    yield troupe
    troupe.stop()
