"""The people of the tests: alice owns the adventure, bob is a friend, charlie is not."""

from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest

from game.models import Player, Scenario, StoryCard
from game.play import adventures, endings
from game.play.events import queue_client
from tests.database_cleanup import DatabaseCleanup

HERE = Path(__file__).parent

# A machine that is busy with something else is slow to make examples: no fault of a test.
hypothesis.settings.register_profile(
    "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """With several processes (-n 2), a file is told by one of them.

    What lasts longest comes first: the browser's tests, then those of faults. Those of the browser
    are all run by one process: each would start an installation and a Chromium of its own for them.
    """

    def group(item):
        path = item.path.relative_to(HERE)
        return "browser" if path.parts[0] == "browser" else path.as_posix()

    def turn(item):
        path = item.path.relative_to(HERE)
        return {"browser": 0, "faults": 1}.get(path.parts[0], 2)

    without_torch = pytest.mark.skip(reason="torch is not installed (make test-torch)")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group(item)))  # pytest-xdist reads it at the yield
        # Skipped before a fixture of theirs imports it.
        if item.get_closest_marker("torch") and find_spec("torch") is None:
            item.add_marker(without_torch)
    result = yield
    items.sort(key=turn)  # pytest-django has put those without a database last
    return result


@pytest.fixture(autouse=True)
def no_narrators_of_another_test(monkeypatch):
    """What a process remembers of the installed narrators is this test's own."""
    from game.installed import registry

    monkeypatch.setattr(registry, "ready_cache", registry.ReadyCache())


@pytest.fixture
def log():
    """The story log, on a Redis database that is this test run's own."""
    queue_client().redis.flushdb()
    return queue_client()


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
def as_player(client):
    """A browser where that player is signed in."""

    def as_player(player):
        client.force_login(player)
        return client

    return as_player


@pytest.fixture
def narrator_awake(log):
    """The line of the narrator is open, and nobody tells: the test plays the worker."""
    log.send_heartbeat("parrot", "test", slots=4, recent_seconds=[2.0])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit empty every table after themselves, the audit log too, which refuses that.

    Its trigger against it sleeps, and is woken by the test that is about it.
    """
    from django.db import connection
    from django.test import TransactionTestCase

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE game_auditentry DISABLE TRIGGER audit_is_not_emptied")
    empty = DatabaseCleanup()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test: empty())
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Threads of their own must not hold on to the test database when it is dropped."""
    from django.conf import settings

    settings.DATABASES["default"]["CONN_MAX_AGE"] = 0


@pytest.fixture(scope="session")
def llama():
    """The address of a real llama-server with the built-in model, 2048 tokens to a slot."""
    from django.conf import settings

    from inference.models.store import ensure_model
    from inference.narrators import load_narrators
    from tests import llama_server

    if not llama_server.at_hand():
        pytest.skip(llama_server.MISSING)
    smol = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    with llama_server.llama_server(ensure_model(smol, settings.INFERENCE.models_dir)) as address:
        yield address


class Workers:
    """Workers of narrators with a scripted engine, without Celery."""

    def __init__(self):
        self.narrator_workers = []

    def start(self, name="parrot", slots=4, woken=True, may_repeat=None, given=None, **options):
        from django.conf import settings
        from django.db import connections

        from inference.narrators import Narrator
        from inference.worker.narrator_worker import NarratorWorker

        entry = {"engine": "scripted", "slots": slots, "may_repeat": may_repeat, **(given or {})}
        narrator = Narrator(name=name, line="A test.", options=options, **entry)

        def record(result):
            try:
                endings.finish_turn(result)
            finally:
                connections.close_all()

        narrator_worker = NarratorWorker(narrator, settings.INFERENCE, record)
        narrator_worker.start()
        if woken:
            narrator_worker.take_turns()
        self.narrator_workers.append(narrator_worker)
        narrator_worker.send_heartbeat()
        return narrator_worker

    def stop(self):
        for narrator_worker in self.narrator_workers:
            narrator_worker.stop()


class Pools:
    """A worker's NarratorPool on narrators of a file that tests write, without Celery."""

    def __init__(self, file):
        self.file = file
        self.pool_module = []

    def write(self, *narrators, **top):
        """The narrators file: dicts, each a scripted narrator unless it says otherwise."""
        import yaml

        entries = [{"line": "A test.", "engine": "scripted", **each} for each in narrators]
        text = yaml.safe_dump({**top, "narrators": entries})
        # Renamed into place: whoever reads it meanwhile gets the one or the other.
        draft = self.file.with_suffix(".new")
        draft.write_text(text)
        draft.replace(self.file)

    def pool(self, *names, **config):
        """A worker that serves these narrators."""
        from dataclasses import replace

        from django.conf import settings
        from django.db import connections

        from inference.worker.pool.narrator_pool import NarratorPool

        def record(result):
            try:
                endings.finish_turn(result)
            finally:
                connections.close_all()

        config = replace(settings.INFERENCE, narrators_file=self.file, **config)
        pool = NarratorPool(list(names), config, record)
        pool.start()
        self.pool_module.append(pool)
        return pool

    def stop(self):
        for pool in self.pool_module:
            pool.stop()


@pytest.fixture
def pools(log, settings, tmp_path):
    from dataclasses import replace

    pools = Pools(tmp_path / "narrators.yaml")
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=pools.file)
    yield pools
    pools.stop()


@pytest.fixture
def workers(log):
    workers = Workers()
    yield workers
    workers.stop()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The folder of a small GPT-2 that knows a few sentences."""
    pytest.importorskip("torch", reason="torch is not installed (make test-torch)")
    from tests import tiny_gpt2

    return tiny_gpt2.train(tmp_path_factory.mktemp("tiny"))
