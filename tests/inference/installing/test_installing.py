"""Narrators that the operator installs from the page: fetched, tried, told with, removed.

The worker's part runs in this process; installing itself in a process of its own, as in earnest,
with the built-in model's file, which a hub of the tests has.
"""

import io
import json
import re
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import redis
from django.db import connections

from game.installed import installation, publishing, registry
from game.models import InstalledNarrator, Player, Status, Turn, TurnContext
from game.play import narration
from game.play.events import queue_client
from game.play.sweep import sweep_turn
from inference.contract.prompt_report import unpack
from inference.installing import install_process, installer, job_lease, machine, machine_report
from inference.installing.installer import Installer
from inference.installing.job_lease import JobLease
from inference.installing.jobs import Job
from inference.installing.machine import Machine
from inference.installing.process import Work, pinned, run
from inference.models import removal
from inference.models.records import Record, key_of, record_path
from inference.models.store import ensure_model, model_lock
from inference.narrators import Narrator, load_narrators
from inference.queue.keys import INSTALLS_KEY, job_key
from inference.worker.pool import draining
from tests.faulty_server import drips, faulty_server, hangs, says
from tests.full_disk import fill_disk
from tests.game.play.test_turns import act
from tests.inference.models.test_hub import running
from tests.serving import PATIENCE, until

pytestmark = pytest.mark.django_db(transaction=True)
State = InstalledNarrator.State
SOURCE = "hf:org/gpt@v1/Tale-0.1B-Q8_0.gguf"


@pytest.fixture
def operator(db):
    return Player.objects.create_superuser("operator", password="a long password")


@pytest.fixture
def hub(monkeypatch):
    with running(monkeypatch) as hub:
        yield hub


class Worker:
    """A worker that installs, on a models folder of its own, and a sweep beside it."""

    def __init__(self, pools, models):
        self.models = models
        pools.write({"name": "parrot"})
        self.pool = pools.pool("parrot", models_dir=models, secret=SECRET)
        self.installers = []
        self.begin()

    def begin(self):
        """One that installs, as after the death of the one before."""

        def send(result):
            try:
                publishing.record(result)
            finally:
                connections.close_all()

        self.installer = Installer(self.pool, self.pool.config, send)
        self.installer.start()
        self.installers.append(self.installer)

    def stop(self):
        for each in self.installers:
            each.stop()


SECRET = "0123456789abcdef" * 3


@pytest.fixture
def tale(settings):
    """The bytes of a small GGUF that really tells."""
    smol = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    plain = smol.model_copy(update={"adapter": ""})
    return ensure_model(plain, settings.MODELS_DIR)


def few_threads(described):
    def lightly(*args):
        small = {"options": {"threads": 1}, "context": 512, "slots": 1}
        return described(*args).model_copy(update=small)

    return lightly


@pytest.fixture
def worker(pools, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(installer, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(machine_report, "measured_read_speed", lambda: 1e10)
    monkeypatch.setattr(installation, "CONTEXT", 512)
    # What is only named is given few threads: the cores of the tests have other work.
    monkeypatch.setattr(installation, "described", few_threads(installation.described))
    settings.SECRET_KEY = SECRET
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models")
    (tmp_path / "models").mkdir()
    publishing.installs.cache_clear()
    worker = Worker(pools, tmp_path / "models")
    yield worker
    worker.stop()


def row(name):
    return InstalledNarrator.objects.get(name=name)


def until_state(name, state, seconds=4 * PATIENCE):
    end = time.monotonic() + seconds
    while (now := row(name)).state != state:
        assert time.monotonic() < end, f"{name} is {now.state}: {now.problem}"
        if now.state == State.FAILED:
            raise AssertionError(now.problem)
        time.sleep(0.05)
    return now


def files(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_model_of_the_hub_is_fetched_tried_and_told_with_and_goes_again(
    alice, adventure, operator, worker, hub, tale
):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    hub.pause = 0.002
    installation.install_source(operator, SOURCE)
    seen = []
    until(
        lambda: (
            seen.append(publishing.progress_of([row("tale-0-1b-q8-0")]))
            or row("tale-0-1b-q8-0").state != State.INSTALLING
        ),
        60,
    )
    found = until_state("tale-0-1b-q8-0", State.READY)
    steps = {each["tale-0-1b-q8-0"].step for each in seen if each}
    assert {"fetching", "trying"} <= steps
    assert "of the llama family" in found.what and found.speed > 0 and found.memory > 0
    entry = narration.narrators().get("tale-0-1b-q8-0")
    assert entry.format == "chat" and entry.sha256 and "@c0ffee" in entry.model
    until(lambda: worker.installer.offered)
    turn = act(adventure, alice)  # by the house's own
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD)
    adventure.narrator = "tale-0-1b-q8-0"
    adventure.save()
    turn = act(adventure, alice)
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD, 60)
    assert Turn.objects.get(pk=turn.pk).narrator == "tale-0-1b-q8-0"
    assert len(files(worker.models)) == 2

    installation.remove(operator, "tale-0-1b-q8-0")
    until(lambda: not InstalledNarrator.objects.exists())
    assert files(worker.models) == []
    assert "tale-0-1b-q8-0" not in narration.narrators()
    turn = act(adventure, alice)
    assert Turn.objects.get(pk=turn.pk).narrator == "parrot"


# What goes wrong gets one line, and the house tells on


def failed(name, seconds=4 * PATIENCE):
    end = time.monotonic() + seconds
    while row(name).state != State.FAILED:
        assert time.monotonic() < end, row(name).state
        time.sleep(0.05)
    return row(name).problem


def test_a_worker_that_dies_in_a_download_is_followed_by_one_that_goes_on(
    operator, worker, hub, tale
):
    whole = tale.read_bytes()
    hub.files["Tale-0.1B-Q8_0.gguf"] = whole
    hub.pause = 0.03
    installation.install_source(operator, SOURCE, "tale")

    def fetched():
        said = publishing.progress_of([row("tale")]).get("tale")
        return said is not None and said.done > 20_000_000

    until(fetched)
    run = worker.installer.job_run
    worker.installer.ended.set()  # it hears no more, and says nothing
    run.cancelled = run.install_process.cancelled = True
    run.install_process.process.kill()
    until(lambda: not run.thread.is_alive())
    publishing.installs().redis.delete("grue:job:tale")  # its lease ends
    hub.pause = 0
    asked = len(hub.asked)
    worker.begin()
    found = until_state("tale", State.READY)
    assert found.attempt == 1
    ranges = [range_ for path, range_ in hub.asked[asked:] if path.endswith(".gguf") and range_]
    assert len(ranges) == 1 and int(ranges[0][6:-1]) > 10_000_000


def test_what_is_cancelled_stops_and_frees_the_disk(operator, worker, hub, tale):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    hub.pause = 0.05
    installation.install_source(operator, SOURCE, "tale")
    until(lambda: any(worker.models.rglob("*.part")))
    installation.remove(operator, "tale")
    until(lambda: not InstalledNarrator.objects.exists())
    assert list(worker.models.rglob("*.part")) == [] and files(worker.models) == []


@pytest.mark.parametrize(
    ("held", "source", "line"),
    [
        ({"x.gguf": b"GGUF but cut"}, "hf:org/gpt@v1/x.gguf", "is not a whole GGUF file"),
        ({"x.gguf": b"nothing"}, "hf:org/gpt@v1/y.gguf", "has no file y.gguf; it has x.gguf"),
        ({}, "hf:org/gpt@nowhere/x.gguf", "there is no such model or revision"),
        ({"x.gguf": b"x"}, "hf:org/gpt@v1", r"no safetensors but GGUF files \(x.gguf\)"),
    ],
)
def test_a_source_that_is_wrong_gets_one_line(tmp_path, hub, held, source, line):
    hub.files = {"README.md": b"words", **held}
    problem = tried(source, tmp_path)
    assert re.search(line, problem) and "\n" not in problem
    assert files(tmp_path) == []


def tried(source, folder):
    """What is wrong with a source, where installing is done in this process."""
    engine = "llama" if source.endswith(".gguf") else "openvino"
    narrator = installation.described("wrong", "wrong", source, engine)
    job = Job(name="wrong", attempt=1, do="install", narrator=narrator)
    result = run(Work(job=job, models_dir=folder), io.StringIO())
    assert result.outcome == "failed"
    return result.problem


def test_a_file_that_is_not_what_the_hub_promised_is_not_kept(tmp_path, hub):
    hub.files = {"x.gguf": b"GGUF" * 1000}
    hub.promised = {"x.gguf": b"GGUG" * 1000}
    assert "not the file that the hub promised" in tried("hf:org/gpt@v1/x.gguf", tmp_path)


def test_a_hub_that_is_away_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    problem = tried("hf:org/gpt@v1/x.gguf", tmp_path)
    assert problem == "the hub does not answer: Connection refused"


@pytest.mark.parametrize(
    ("lacks", "line"),
    [
        ({"memory": 1_000_000, "memory_free": 1_000_000}, "this machine has 1 MB"),
        ({"memory_free": 1_000_000}, "are free"),
        ({"disk_free": 1_000_000}, "the models folder has 1 MB left"),
    ],
)
def test_memory_and_disk_are_looked_at_before_anything_is_fetched(
    tmp_path, hub, tale, lacks, line, monkeypatch
):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    much = Machine(memory=10**11, memory_free=10**11, cores=2, disk_free=10**12)
    monkeypatch.setattr(machine, "look", lambda folder: much.model_copy(update=lacks))
    assert line in tried(SOURCE, tmp_path)
    assert not any(path.endswith(".gguf") for path, _ in hub.asked)


def test_a_disk_that_fills_in_the_middle_says_so_and_what_was_fetched_is_gone_on_with(
    tmp_path, hub, tale, monkeypatch
):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    room = 5_000_000
    with monkeypatch.context() as patch:
        fill_disk(patch, "file.gguf.part", room)
        assert tried(SOURCE, tmp_path).startswith(f"the disk under {tmp_path} is full")
        assert files(tmp_path) == []
        [part] = tmp_path.rglob("*.part")
        assert part.stat().st_size == room, "it did not fill in the middle of the part"
    hub.asked.clear()
    named = installation.described("wrong", "wrong", SOURCE, "llama")
    narrator, _ = pinned(named, tmp_path)
    assert ensure_model(narrator, tmp_path).read_bytes() == tale.read_bytes()
    [asked] = [asked for path, asked in hub.asked if path.endswith(".gguf")]
    assert asked == f"bytes={room}-"


def test_a_file_in_the_models_folder_is_found_installed_and_stays_when_removed(
    operator, worker, tale
):
    (worker.models / "Own.Q8_0.gguf").hardlink_to(tale)
    (worker.models / "cut.gguf").write_bytes(b"GGUF")
    worker.installer.reporter.reported = 0

    def found():
        report = publishing.installs().machines().get(worker.pool.name)
        return report.files if report else ()

    until(lambda: len(found()) == 2)
    own, cut = found()
    assert (own.file, own.family, own.chat) == ("Own.Q8_0.gguf", "llama", True)
    assert "damaged" in cut.problem or "whole" in cut.problem
    installation.install_file(operator, own)
    assert until_state("own-q8-0", State.READY).what.startswith("a GGUF of the llama")
    installation.remove(operator, "own-q8-0")
    until(lambda: not InstalledNarrator.objects.exists())
    assert files(worker.models) == ["Own.Q8_0.gguf", "cut.gguf"]


# A narrator that is removed


def installed_row(name, state=State.READY, **fields):
    """A narrator that was installed before; scripted, unless it says otherwise."""
    entry = {"name": name, "line": "A test.", "engine": "scripted", **fields}
    row = InstalledNarrator.objects.create(name=name, state=state, entry=entry)
    publishing.publish_on_commit()
    return row


def act_with(adventure, player, name):
    """A turn that a narrator has begun to tell, without an end in sight."""
    adventure.narrator = name
    adventure.save()
    turn = act(adventure, player)
    until(lambda: words_of(turn))
    return turn


def words_of(turn):
    return queue_client().reply_so_far(str(turn.adventure_id), str(turn.pk)).reply


def test_a_reply_that_never_ends_holds_up_neither_its_removal_nor_other_installs(
    alice, adventure, operator, worker, log, monkeypatch
):
    ahead = 0.0  # of the real clock
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead, sleep=time.sleep)
    monkeypatch.setattr(draining, "time", clock)
    with faulty_server() as server:
        server.answers = [says("You sing."), drips("You sing of a lamp and", threading.Event())]
        installed_row("endless", engine="openai", model=server.address, context=512)
        until(lambda: log.narrator_ready("endless"))
        turn = act_with(adventure, alice, "endless")
        engine = worker.pool.entries["endless"].worker.engine
        installation.remove(operator, "endless")
        # Others have their turn while the last reply is still told.
        until(lambda: "endless" in worker.installer.withdrawing)
        installed_row("other", State.REMOVING)
        until(lambda: not InstalledNarrator.objects.filter(name="other").exists())
        assert row("endless").state == State.REMOVING and engine.alive
        ahead = draining.RETIRE_SECONDS
        until(lambda: not InstalledNarrator.objects.exists())
        assert not engine.alive
    sweep_turn(turn.pk)
    turn.refresh_from_db()
    assert turn.status == Status.FAILED and "no longer available" in turn.reason
    assert turn.reply and "You sing of a lamp and".startswith(turn.reply)


def test_a_new_revision_goes_on_with_a_reply_that_the_old_one_never_ends(
    alice, adventure, pools, monkeypatch
):
    monkeypatch.setattr(draining, "RETIRE_SECONDS", 0.5)
    reply = (
        "You count one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, then "
        "twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety, a hundred, a thousand."
    )
    slow = {"replies": [reply], "pace": 3}  # a quarter of a minute
    pools.write({"name": "parrot", "options": slow})
    pool = pools.pool("parrot")
    turn = act_with(adventure, alice, "parrot")
    old = pool.entries["parrot"].worker
    pools.write({"name": "parrot", "options": {**slow, "pace": 0}})
    pool.reload()
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD)
    turn.refresh_from_db()
    assert (turn.reply, turn.attempt) == (reply, 1)
    new = pool.entries["parrot"].worker.narrator.fingerprint
    assert unpack(TurnContext.objects.get(turn=turn).details).revision == new
    until(lambda: not old.engine.alive)


def fetched_and_ready(operator, worker, hub, tale, name="tale"):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    installation.install_source(operator, SOURCE, name)
    return until_state(name, State.READY)


def test_a_file_stays_for_another_narrator_that_is_being_installed(operator, worker, hub, tale):
    first = fetched_and_ready(operator, worker, hub, tale)
    kept = files(worker.models)
    # Another worker has the job of a second narrator with the same file.
    lease = job_key("twin")
    publishing.installs().redis.set(lease, "another worker")
    twin = {**first.entry, "name": "twin"}
    InstalledNarrator.objects.create(name="twin", entry=twin, state=State.INSTALLING)
    publishing.publish()
    installation.remove(operator, "tale")
    until(lambda: not InstalledNarrator.objects.filter(name="tale").exists())
    assert files(worker.models) == kept
    hub.files.clear()  # it could not be fetched again
    publishing.installs().redis.delete(lease)
    until_state("twin", State.READY)
    installation.remove(operator, "twin")
    until(lambda: not InstalledNarrator.objects.exists())
    assert files(worker.models) == []


def model_rows(worker, **states):
    """Narrators with the same model, which lies in the models folder; its files."""
    for name, state in states.items():
        entry = {"name": name, "line": "x", "engine": "llama", "model": "hf:a/b@c/d.gguf"}
        InstalledNarrator.objects.create(name=name, state=state, entry=entry)
    narrator = registry.narrator_of(row(name))
    kept = [worker.models / "d.gguf", record_path(narrator, worker.models)]
    kept[0].write_bytes(b"GGUF")
    kept[1].write_text(Record(source=narrator.model, file="d.gguf", size=4).model_dump_json())
    publishing.publish()
    return kept


def test_a_file_stays_where_its_installation_failed_and_can_be_retried(worker, operator):
    kept = model_rows(worker, one=State.REMOVING, two=State.FAILED)
    until(lambda: not InstalledNarrator.objects.filter(name="one").exists())
    assert all(each.exists() for each in kept)
    installation.remove(operator, "two")
    until(lambda: not InstalledNarrator.objects.exists())
    assert not any(each.exists() for each in kept)


def test_a_removal_that_fails_is_said_and_retried_as_a_removal(operator, worker, monkeypatch):
    monkeypatch.setattr(removal, "REMOVE_SECONDS", 0.2)
    kept = model_rows(worker, one=State.READY)
    with model_lock(worker.models, key_of(registry.narrator_of(row("one")))):  # as a pull does
        installation.remove(operator, "one")
        until(lambda: row("one").state == State.NOT_REMOVED)
        assert "another process is fetching or making the same model" in row("one").problem
        assert all(each.exists() for each in kept)
    installation.retry(operator, "one")
    until(lambda: not InstalledNarrator.objects.exists())
    assert not any(each.exists() for each in kept)


def spoil_the_narrators_file(worker):
    config = replace(worker.pool.config, narrators_file=worker.models / "gone.yaml")
    worker.installer.config = config


def add_an_entry_of_tomorrow(worker):
    entry = {"name": "future", "mood": "of tomorrow"}
    InstalledNarrator.objects.create(name="future", state=State.READY, entry=entry)


@pytest.mark.parametrize("spoil", [spoil_the_narrators_file, add_an_entry_of_tomorrow])
def test_nothing_is_deleted_while_it_is_not_known_who_else_wants_it(operator, worker, spoil):
    kept = model_rows(worker, own=State.READY)
    spoil(worker)
    installation.remove(operator, "own")
    until(lambda: row("own").state == State.NOT_REMOVED)
    assert row("own").problem and "\n" not in row("own").problem
    assert all(each.exists() for each in kept)


# Two versions of Grue, during an upgrade


def test_entries_of_another_version_hold_up_nobody_and_are_logged_once(
    alice, adventure, operator, worker, log, caplog, monkeypatch
):
    monkeypatch.setattr(publishing, "publish", lambda: None)  # the other version's is the newest
    said = {"replies": ["Polly is asleep."], "pace": 0}
    good = {"narrator": {"name": "good", "line": "x", "engine": "scripted", "options": said}}
    kept = {"narrator": {"name": "kept", "line": "x", "engine": "scripted"}}
    log.redis.set(INSTALLS_KEY, json.dumps({"narrators": [kept]}))
    until(lambda: "kept" in worker.pool.entries)
    kept["narrator"]["mood"] = "of tomorrow"
    jobs = [{"name": "soon", "do": "polish"}, 7]
    log.redis.set(
        INSTALLS_KEY,
        json.dumps({"narrators": [kept, good, "nonsense"], "jobs": jobs, "news": [1]}),
    )
    until(lambda: "good" in worker.pool.entries)
    time.sleep(0.3)  # some more looks
    assert "kept" in worker.pool.entries, "what was offered goes on"
    unreadable = [line for line in caplog.messages if "cannot be read" in line]
    assert len(unreadable) == len(set(unreadable)) == 3
    log.redis.set(INSTALLS_KEY, b"no JSON")
    time.sleep(0.3)
    assert {"kept", "good"} <= set(worker.pool.entries)
    log.redis.set(INSTALLS_KEY, json.dumps({"narrators": [good]}))
    until(lambda: "kept" not in worker.pool.entries)


# A lease


def test_a_worker_that_loses_a_job_stops_and_leaves_whole_files_to_the_next(
    operator, worker, hub, tale
):
    hub.files["Tale-0.1B-Q8_0.gguf"] = tale.read_bytes()
    hub.pause = 0.05
    installation.install_source(operator, SOURCE, "tale")
    until(lambda: any(worker.models.rglob("*.part")))
    run = worker.installer.job_run
    publishing.installs().redis.set(job_key("tale"), "another worker")
    until(lambda: not run.thread.is_alive())
    assert run.install_process.process.poll() is not None
    assert files(worker.models) == [] and any(worker.models.rglob("*.part"))
    assert row("tale").state == State.INSTALLING, "it is another's to say how it ends"
    assert publishing.installs().redis.get(job_key("tale")) == b"another worker"
    hub.pause = 0
    publishing.installs().redis.delete(job_key("tale"))
    until_state("tale", State.READY)


def test_a_worker_that_cannot_reach_redis_gives_its_job_up_before_another_may_have_it(
    monkeypatch,
):
    monkeypatch.setattr(job_lease, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(job_lease, "RENEW_EVERY", 0.05)
    narrator = Narrator(name="tale", line="x", engine="scripted")
    job = Job(name="tale", attempt=1, do="install", narrator=narrator)

    class Away:
        def renew(self, job, worker):
            raise redis.ConnectionError

    lost = threading.Event()
    lease = JobLease(Away(), job, "worker", lost.set)
    lease.start()
    assert lost.wait(PATIENCE)

    # Before the lease has run out, with the time for one more try to spare.
    lease = JobLease(Away(), job, "worker", lost.set)
    now = lease.renewed
    monkeypatch.setattr(job_lease, "time", SimpleNamespace(monotonic=lambda: now))
    now += 0.44
    assert lease.renew()
    now += 0.02
    assert not lease.renew()


# A server


def connect(operator, address, key=""):
    installation.connect(
        operator, name="far", title="Far", address=address, model="", key=key, chat=True
    )


def test_a_server_that_is_connected_is_tried_saved_and_tells(
    alice, adventure, operator, worker, llama, log
):
    connect(operator, llama, key="a-key-that-is-sealed")
    found = until_state("far", State.TESTED)
    assert "512 tokens of context" in found.what and found.speed > 0
    installation.save(operator, "far")
    until(lambda: log.narrator_alive("far"))
    adventure.narrator = "far"
    adventure.save()
    turn = act(adventure, alice)
    until(lambda: Turn.objects.get(pk=turn.pk).status == Status.TOLD, 60)
    assert Turn.objects.get(pk=turn.pk).narrator == "far"


def met(address, folder):
    """What is wrong with a server, where it is tried in this process."""
    narrator = Narrator(name="far", line="x", engine="openai", model=address, context=512)
    job = Job(name="far", attempt=1, do="install", narrator=narrator)
    result = run(Work(job=job, models_dir=folder), io.StringIO())
    assert result.outcome == "failed" and "\n" not in result.problem
    return result.problem


def test_a_server_that_answers_rubbish_gets_one_line(tmp_path):
    assert "127.0.0.1:9" in met("http://127.0.0.1:9/v1", tmp_path)
    with faulty_server() as server:
        for rubbish in ("rubbish", [], {"data": 3}, b"\xff" * 1000):
            server.models = rubbish
            assert server.address.split("/")[2] in met(server.address, tmp_path)


def test_a_server_that_never_answers_gets_one_line(operator, worker, monkeypatch):
    monkeypatch.setattr(install_process, "CONNECT_SECONDS", 2.0)
    with faulty_server() as server:
        server.answers = [hangs()]
        connect(operator, server.address)
        assert failed("far") == "the server did not answer within 2 s"
