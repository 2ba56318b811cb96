"""The operator's page of narrators. Installing itself: tests/inference/installing."""

import re
import time
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from game.installed import installation, publishing, registry
from game.models import AuditEntry, InstalledNarrator, Player
from game.play import narration
from game.play.protocol import Refused
from inference.installing.jobs import DesiredState, FoundFile, JobResult, MachineReport, Progress
from inference.installing.machine import Machine
from inference.installing.sealing import CannotOpen, unseal
from inference.queue.keys import MACHINES_KEY, job_progress_key

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/game/installednarrator/"
CONNECT = f"{PAGE}connect/"
PASSWORD = "a long password for the operator"
State = InstalledNarrator.State
KEY = "sk-very-secret-0123456789"
MACHINE = Machine(
    memory=8_000_000_000,
    memory_free=6_000_000_000,
    cores=4,
    disk_free=50_000_000_000,
    read_speed=54e9,
)
SERVER = {
    "title": "Far Voice",
    "address": "http://192.168.1.20:8080/v1/",
    "key": KEY,
    "model": "big",
    "kind": "chat",
}


@pytest.fixture
def operator(db):
    return Player.objects.create_superuser("operator", password=PASSWORD)


@pytest.fixture
def page(client, operator, log):
    """The operator's browser, where the password was just given."""
    publishing.installs.cache_clear()
    cache.clear()
    client.force_login(operator)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def worker(log):
    """A worker that says what its machine has; the test does its jobs."""
    report = MachineReport(
        machine=MACHINE,
        files=(
            FoundFile(file="Own-3B.Q4_K_M.gguf", size=2_000_000_000, family="llama", chat=True),
            FoundFile(file="cut.gguf", size=10, problem="cut.gguf has a damaged header"),
        ),
        loaded={"parrot": 1_200_000_000},
    )
    publishing.installs().report("worker", report)
    return report


def desired():
    return publishing.installs().desired_state() or DesiredState()


def shown(page):
    return page.get(PAGE).content.decode()


def end(name, **fields):
    """The worker's answer to a job."""
    row = InstalledNarrator.objects.get(name=name)
    narrator = registry.narrator_of(row)
    ready = {"outcome": "ready", "narrator": narrator, "what": "a GGUF", "speed": 20.0}
    publishing.record(JobResult(name=name, attempt=row.attempt, **{**ready, **fields}))


def test_the_page_says_what_the_machine_can_carry(page, worker):
    text = shown(page)
    assert "This machine has 8.0 GB of memory (6.0 GB free), 4 cores" in text
    assert "licence: Apache-2.0 · 1.1 GB to download · 2.5 GB of memory" in text
    assert "about 21 words a second" in text
    assert "Not on this machine: it needs 14.5 GB of memory" in text
    assert "never loaded here" in text


def test_without_a_worker_the_page_says_that_nothing_can_be_installed(page):
    assert "No worker that installs narrators is running" in shown(page)


def test_what_is_installed_is_offered_and_made_the_default(page, worker, alice):
    assert page.post(PAGE, {"install": "nib"}).status_code == 302
    [job] = desired().jobs
    assert (job.name, job.do, job.attempt) == ("nib", "install", 1)
    assert "nib" not in narration.narrators()
    publishing.installs().set_progress(
        "nib", Progress(attempt=1, step="fetching", done=500_000_000, total=1_000_000_000)
    )
    assert "Downloading: 500 MB / 1.0 GB" in shown(page)
    [said] = page.get(f"{PAGE}progress/").json()["narrators"]
    assert (said["state"], said["percent"]) == ("installing", 50)
    end("nib")
    assert [each.narrator.name for each in desired().narrators] == ["nib"]
    assert "nib" in [each.name for each in narration.offered_to(alice)]
    assert "15 words a second" in shown(page)
    page.post(PAGE, {"default": "nib"})
    assert narration.narrators().default.name == "nib"
    page.post(PAGE, {"remove": "nib"})
    assert narration.narrators().default.name == "parrot"
    assert [job.do for job in desired().jobs] == ["remove"]
    end("nib", outcome="removed")
    assert desired() == DesiredState()
    deeds = list(AuditEntry.objects.order_by("pk").values_list("deed", flat=True))
    assert deeds == ["narrator_install", "narrator_default", "narrator_remove"]


def test_what_failed_says_why_and_is_tried_again(page, worker):
    page.post(PAGE, {"install": "nib"})
    end("nib", outcome="failed", problem="the hub does not answer")
    assert "the hub does not answer" in shown(page)
    assert desired().jobs == ()
    assert [each.name for each in desired().kept] == ["nib"], "what it fetched is kept"
    page.post(PAGE, {"retry": "nib"})
    [job] = desired().jobs
    assert job.attempt == 2
    publishing.record(JobResult(name="nib", attempt=1, outcome="failed", problem="old news"))
    assert InstalledNarrator.objects.get().state == State.INSTALLING


def test_a_removal_that_failed_says_why_and_is_retried_as_a_removal(page, worker):
    page.post(PAGE, {"install": "nib"})
    end("nib")
    page.post(PAGE, {"remove": "nib"})
    end("nib", outcome="failed", problem="its files cannot be deleted: Read-only file system")
    text = shown(page)
    assert "its files cannot be deleted: Read-only file system" in text
    assert "nib" not in narration.narrators()
    assert 'name="retry" value="nib"' in text and 'name="remove" value="nib"' not in text
    page.post(PAGE, {"retry": "nib"})
    [job] = desired().jobs
    assert (job.do, job.attempt) == ("remove", 3)
    end("nib", outcome="removed")
    assert InstalledNarrator.objects.count() == 0


def test_the_page_says_whether_a_narrator_is_loaded(page, worker, log):
    def said():
        return re.search(r'data-offered="parrot".*?class="legend">([^<·]+)', shown(page), re.S)[1]

    assert said().strip() == "no worker"
    log.send_heartbeat("parrot", "test", slots=1, recent_seconds=[1.0], loaded=False)
    assert said().strip() == "loads with the next turn"
    log.send_heartbeat("parrot", "test", slots=1, recent_seconds=[1.0])
    assert said().strip() == "loaded"


RUBBISH = [b"no JSON", b"[]", b"7", b'{"at": "noon"}', b'{"step": "a step of tomorrow", "x": [1]}']


@pytest.mark.parametrize("raw", RUBBISH)
def test_what_another_version_says_of_its_work_is_left_out_and_logged_once(
    page, worker, log, caplog, raw
):
    for name in ("nib", "tale"):
        installation.install_source(Player.objects.get(), f"hf:org/gpt@v1/{name}.gguf", name)
    progress = Progress(attempt=1, step="fetching", done=5, total=10)
    publishing.installs().set_progress("tale", progress)
    log.redis.set(job_progress_key("nib"), raw)
    log.redis.hset(MACHINES_KEY, "a worker of another version", raw)
    for _ in range(2):
        text = shown(page)
        assert "This machine has 8.0 GB of memory" in text
        assert "Waiting for a worker" in text and "Downloading: 5 B" not in text
    said = {each["name"]: each for each in page.get(f"{PAGE}progress/").json()["narrators"]}
    assert (said["nib"]["percent"], said["tale"]["percent"]) == (None, 50)
    unreadable = [line for line in caplog.messages if "cannot be read" in line]
    assert len(unreadable) == 2, unreadable
    publishing.installs().report("worker", worker)
    assert set(publishing.installs().machines()) == {"worker"}


def test_an_entry_of_another_version_can_be_removed(page, worker):
    InstalledNarrator.objects.create(
        name="future", state=State.READY, entry={"name": "future", "mood": "of tomorrow"}
    )
    assert page.get(PAGE).status_code == 200
    publishing.publish()
    assert desired().unread == {"future"}
    page.post(PAGE, {"remove": "future"})
    assert InstalledNarrator.objects.count() == 0
    assert desired() == DesiredState()


def test_a_job_is_cancelled(page, worker):
    page.post(PAGE, {"install": "nib"})
    assert "Cancel" in shown(page)
    page.post(PAGE, {"remove": "nib"})
    [job] = desired().jobs
    assert (job.do, job.attempt) == ("remove", 2)
    end("nib", outcome="ready", narrator=job.narrator)
    assert InstalledNarrator.objects.get().state == State.REMOVING


def test_files_of_the_models_folder_appear_and_one_that_is_damaged_says_so(page, worker):
    text = shown(page)
    assert "Own-3B.Q4_K_M.gguf" in text and "cut.gguf has a damaged header" in text
    page.post(PAGE, {"file": "Own-3B.Q4_K_M.gguf"})
    [job] = desired().jobs
    assert (job.name, job.narrator.model, job.adapt) == (
        "own-3b-q4-k-m",
        "Own-3B.Q4_K_M.gguf",
        True,
    )
    for name in ("../../etc/passwd", "cut.gguf", "gone.gguf"):
        page.post(PAGE, {"file": name})
    assert len(desired().jobs) == 1


@pytest.mark.parametrize(
    ("source", "model", "engine"),
    [
        ("hf:org/Tale-GGUF@v1/tale-Q4_K_M.gguf", "hf:org/Tale-GGUF@v1/tale-Q4_K_M.gguf", "llama"),
        ("hf:org/tale", "hf:org/tale", "openvino"),
        ("org/tale@main", "hf:org/tale@main", "openvino"),
    ],
)
def test_a_model_is_named_by_its_address(page, worker, source, model, engine):
    assert page.post(PAGE, {"source": source, "name": "My Tale"}).status_code == 302
    [job] = desired().jobs
    assert (job.name, job.narrator.model, job.narrator.engine) == ("my-tale", model, engine)


@pytest.mark.parametrize(
    "source",
    [
        "https://example.com/x.gguf",
        "hf:org",
        "hf:org/tale.gguf",
        "hf:../../etc@x/y.gguf",
        "x" * 900,
    ],
)
def test_what_is_no_address_gets_one_line_and_is_kept(page, worker, source):
    answer = page.post(PAGE, {"source": source, "name": ""})
    assert answer.status_code == 422
    assert InstalledNarrator.objects.count() == 0
    if len(source) < 300:
        assert "Write the model as hf:org/name" in answer.content.decode()
        assert source in answer.content.decode()


def test_a_name_of_the_narrators_file_is_taken_and_so_is_one_that_is_installed(page, worker):
    for _ in range(2):
        answer = page.post(PAGE, {"source": "hf:org/tale", "name": "parrot"})
        assert "The narrators file has a narrator “parrot” already" in answer.content.decode()
    page.post(PAGE, {"source": "hf:org/tale", "name": "tale"})
    answer = page.post(PAGE, {"source": "hf:org/tale", "name": "tale"})
    assert "There is a narrator “tale” already" in answer.content.decode()


def test_a_name_that_the_file_takes_later_is_the_file_s(page, worker, settings, tmp_path):
    page.post(PAGE, {"install": "nib"})
    end("nib")
    file = tmp_path / "narrators.yaml"
    file.write_text("narrators: [{name: nib, line: The file's., engine: scripted}]")
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    publishing.publish()
    assert narration.narrators().get("nib").line == "The file's."
    assert desired() == DesiredState()
    assert "that one is used" in shown(page)


def test_who_stands_in_for_the_file_s_default_goes_on_doing_so(page, worker, settings, tmp_path):
    file = tmp_path / "narrators.yaml"
    file.write_text(
        "default: [big, small]\n"
        "narrators:\n- {name: big, line: x, engine: scripted}\n"
        "- {name: small, line: x, engine: scripted}\n"
    )
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    page.post(PAGE, {"install": "nib"})
    end("nib")
    assert [each.name for each in narration.narrators().defaults] == ["big", "small"]
    page.post(PAGE, {"default": "nib"})
    assert narration.default().name == "nib"
    page.post(PAGE, {"default": ""})
    assert [each.name for each in narration.narrators().defaults] == ["big", "small"]


# Who is installed is asked seldom, and remembered


@pytest.fixture
def nib(page, worker):
    page.post(PAGE, {"install": "nib"})
    end("nib")
    return "nib"


def asked(queries):
    return [each["sql"] for each in queries if '"game_installednarrator"' in each["sql"]]


def test_a_page_asks_the_database_at_most_once_who_is_installed(client, alice, begin, nib, log):
    adventure = begin(alice)
    client.force_login(alice)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
        assert client.get("/readyz").status_code == 503
    assert len(asked(queries)) <= 1


def test_what_another_process_changes_is_seen_within_seconds(page, nib, monkeypatch):
    monkeypatch.setattr(registry, "CACHE_SECONDS", 0.2)
    assert "nib" in narration.narrators()
    InstalledNarrator.objects.update(state=State.REMOVING)  # as another process would
    time.sleep(0.25)
    assert "nib" not in narration.narrators()


@pytest.mark.parametrize("problem", [OperationalError, InterfaceError])
def test_a_database_that_does_not_answer_for_a_moment_makes_nobody_gone(
    page, nib, alice, begin, monkeypatch, problem
):
    assert "nib" in narration.narrators()

    def fails():
        raise problem("server closed the connection unexpectedly")

    monkeypatch.setattr(registry, "CACHE_SECONDS", 0.0)
    monkeypatch.setattr(registry, "read_ready", fails)
    registry.ready_cache.expire()
    assert "nib" in narration.narrators()
    # A process that has just begun knows nobody, and takes nobody for gone.
    monkeypatch.setattr(registry, "ready_cache", registry.ReadyCache())
    assert narration.is_configured("nib")
    adventure = begin(alice)
    adventure.narrator = "nib"
    with pytest.raises(Refused, match="Try again in a moment"):
        narration.narrator_of(adventure)


# A server


def test_a_server_is_tested_before_players_are_offered_it(page, worker, alice):
    assert page.post(CONNECT, SERVER).status_code == 302
    [job] = desired().jobs
    assert job.narrator.model == "http://192.168.1.20:8080/v1"
    assert job.narrator.server.model == "big"
    end("far-voice", what="llama-server, big")
    assert "It answers: llama-server, big, about 15 words a second." in shown(page)
    assert desired().narrators == desired().jobs == ()
    assert "far-voice" not in narration.narrators()
    page.post(PAGE, {"save": "far-voice"})
    assert narration.narrators().get("far-voice").words_go_to == "192.168.1.20"
    assert "far-voice" in [each.name for each in narration.offered_to(alice)]


def test_a_server_that_failed_is_entered_again_without_its_key(page, worker):
    page.post(CONNECT, SERVER)
    end("far-voice", outcome="failed", problem="192.168.1.20:8080 does not answer")
    again = page.get(f"{CONNECT}?name=far-voice").content.decode()
    assert "192.168.1.20:8080 does not answer" in again
    assert 'value="http://192.168.1.20:8080/v1"' in again
    assert page.post(CONNECT, {**SERVER, "address": "http://10.0.0.2/v1"}).status_code == 302
    [job] = desired().jobs
    assert (job.narrator.model, job.attempt) == ("http://10.0.0.2/v1", 2)


def all_of_redis(log) -> bytes:
    """Every key with its value, read by its type: a dump is compressed, and would hide words."""
    read = {
        b"string": log.redis.get,
        b"hash": log.redis.hgetall,
        b"list": lambda key: log.redis.lrange(key, 0, -1),
        b"set": log.redis.smembers,
        b"zset": lambda key: log.redis.zrange(key, 0, -1, withscores=True),
        b"stream": log.redis.xrange,
    }
    return b"\n".join(
        key + b" " + repr(read[log.redis.type(key)](key)).encode() for key in log.redis.keys("*")
    )


def test_the_key_is_stored_encrypted_and_never_shown(page, worker, settings, caplog, log):
    caplog.set_level("DEBUG")
    page.post(CONNECT, SERVER)
    row = InstalledNarrator.objects.get()
    assert KEY not in row.sealed_key and KEY not in str(row.entry)
    assert unseal(row.sealed_key, settings.SECRET_KEY) == KEY
    with pytest.raises(CannotOpen, match="another SECRET_KEY"):
        unseal(row.sealed_key, "another" * 8)
    [job] = desired().jobs
    assert job.sealed
    assert job.sealed in all_of_redis(log).decode(), "it is found where it is sealed"
    assert KEY not in all_of_redis(log).decode()
    end("far-voice", outcome="failed", problem="no")
    for text in (shown(page), page.get(f"{CONNECT}?name=far-voice").content.decode(), caplog.text):
        assert KEY not in text
    assert KEY not in all_of_redis(log).decode()
    for kept in page.session.items():
        assert KEY not in str(kept)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "ftp://example.com/v1",
        "http://user:key@example.com/v1",
        "http://[::1",
        "http://exam ple.com/v1",
        "http://example.com/\tv1",
        "http://example.com\\v1",
        "http://example.com:99999/v1",
        "file:///etc",
    ],
)
def test_what_is_no_address_of_a_server_gets_one_line(page, worker, address):
    answer = page.post(CONNECT, {**SERVER, "address": address})
    assert answer.status_code == 422
    assert InstalledNarrator.objects.count() == 0
    assert KEY not in answer.content.decode()


# Whose it is


def test_the_password_is_asked_again_before_anything_is_done(client, operator, log):
    client.force_login(operator)
    assert client.get(PAGE).status_code == 200
    for form in ({"install": "nib"}, {"remove": "nib"}, {"source": "hf:org/tale"}):
        assert client.post(PAGE, form).url.startswith("/accounts/reauthenticate/")
    for answer in (client.get(CONNECT), client.post(CONNECT, SERVER)):
        assert answer.url.startswith("/accounts/reauthenticate/")
    assert InstalledNarrator.objects.count() == 0
    assert KEY not in str(dict(client.session))


def test_it_is_the_operator_s_alone(client, staff, alice, log):
    for who in (None, alice, staff("senior", "senior")):
        if who is not None:
            client.force_login(who)
        for path in (PAGE, CONNECT, f"{PAGE}progress/"):
            for answer in (client.get(path), client.post(path, {"install": "nib"})):
                assert answer.status_code in (302, 403)
    assert InstalledNarrator.objects.count() == 0


def test_it_is_not_for_staff_who_gave_their_password_and_may_not_operate(client, staff, log):
    senior = staff("senior", "senior")
    senior.set_password(PASSWORD)
    senior.save()
    client.force_login(senior)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    for path, form in ((PAGE, {"install": "nib"}), (CONNECT, SERVER)):
        assert [client.get(path).status_code, client.post(path, form).status_code] == [403, 403]
    assert InstalledNarrator.objects.count() == 0


def test_it_is_limited(page, worker, settings):
    settings.LIMITS = {**settings.LIMITS, "narrators": "3/m/user"}
    answers = [page.post(PAGE, {"retry": "nobody"}).status_code for _ in range(4)]
    assert answers == [302, 302, 302, 429]
