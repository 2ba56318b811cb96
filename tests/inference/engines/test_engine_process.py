"""An engine in a process of its own: how it tells, how it dies, and who notices."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import pytest
from django.conf import settings

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import NewText
from inference.engines.host import Host
from inference.engines.messages import PromptBuilt, Step, Stop, Submit
from inference.engines.process import EngineFailed, EngineProcess
from inference.engines.scripted import ScriptedEngine
from inference.narrators import Narrator, load_narrators

PATIENCE = 60.0  # seconds; the most a test waits for what takes a moment
REPLY = "You open the box. Inside lies a brass key, cold and heavy. Behind you, a step creaks."


def scripted(**options: object) -> Narrator:
    return Narrator(
        name="script",
        line="",
        engine="scripted",
        slots=8,
        context=512,
        options={"pace": 0, "replies": [REPLY], **options},
    )


def request(action: str = "open the box", **more: object) -> GenerationRequest:
    return GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="script",
        context=StoryContext(memory="A cellar.", action=Passage(kind="do", action=action)),
        **more,
    )


class Audience:
    """Hears what an engine's process says."""

    def __init__(self) -> None:
        self.steps: list[list[NewText]] = []
        self.reports: dict[int, object] = {}
        self.deaths: list[str] = []
        self.threads: set[str] = set()
        self.changed = threading.Condition()

    def on_step(self, texts: list[NewText]) -> None:
        with self.changed:
            self.threads.add(threading.current_thread().name)
            self.steps.append(texts)
            self.changed.notify_all()

    def on_prompt(self, number: int, report: object) -> None:
        self.reports[number] = report

    def on_death(self, cause: str) -> None:
        with self.changed:
            self.deaths.append(cause)
            self.changed.notify_all()

    def texts(self, number: int) -> list[NewText]:
        return [text for step in self.steps for text in step if text.request == number]

    def reply(self, number: int) -> str:
        return "".join(text.text for text in self.texts(number))

    def wait(self, heard) -> None:
        with self.changed:
            assert self.changed.wait_for(heard, PATIENCE), (self.steps[-3:], self.deaths)

    def wait_for_end(self, *numbers: int) -> None:
        self.wait(lambda: all(any(text.finish for text in self.texts(n)) for n in numbers))


@pytest.fixture
def audience():
    return Audience()


@pytest.fixture
def spawn(audience, tmp_path):
    """Start an engine's process; all are gone after the test."""
    begun = []

    def spawn(narrator: Narrator, config: InferenceConfig | None = None) -> EngineProcess:
        config = config or InferenceConfig(
            redis_url="", narrators_file=tmp_path / "none", models_dir=tmp_path
        )
        engine = EngineProcess(
            narrator, config, audience.on_step, audience.on_prompt, audience.on_death
        )
        begun.append(engine)
        engine.start()
        return engine

    yield spawn
    for engine in begun:
        engine.stop(timeout=5)
        assert not engine.alive


def until(true) -> None:
    give_up = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has taken note of its death."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_turn_goes_to_the_process_and_comes_back_in_pieces(spawn, audience):
    engine = spawn(scripted())
    info = engine.wait_ready(PATIENCE)
    assert info.context_tokens == 512
    assert info.pid != os.getpid()
    assert engine.alive
    engine.submit(7, request())
    audience.wait_for_end(7)
    assert audience.reply(7) == REPLY
    assert len(audience.texts(7)) > 5
    assert "open the box" in "".join(piece.text for piece in audience.reports[7].pieces)
    assert audience.threads == {"engine-reader"}
    assert engine.seconds_in_step() == 0


def test_words_of_one_step_come_together(spawn, audience):
    engine = spawn(scripted(step_seconds=0.02))
    engine.wait_ready(PATIENCE)
    for number in range(8):
        engine.submit(number, request())
    audience.wait_for_end(*range(8))
    # Or more: steps that a busy reader finds waiting come as one.
    assert any({text.request for text in texts} == set(range(8)) for texts in audience.steps)


def test_turns_may_be_asked_for_before_the_engine_is_loaded(spawn, audience):
    engine = spawn(scripted(load_seconds=0.3))
    engine.submit(1, request())
    assert not engine.alive
    audience.wait_for_end(1)
    assert engine.alive


def test_a_turn_that_was_cut_off_goes_on(spawn, audience):
    engine = spawn(scripted())
    engine.wait_ready(PATIENCE)
    told = REPLY[:40]
    engine.submit(1, request(told=told))
    audience.wait_for_end(1)
    assert told + audience.reply(1) == REPLY


def test_a_stopped_turn_ends_within_a_step_and_the_others_go_on(spawn, audience):
    engine = spawn(scripted(pace=50))
    engine.wait_ready(PATIENCE)
    engine.submit(1, request())
    engine.submit(2, request())
    audience.wait(lambda: len(audience.texts(1)) > 2)
    engine.cancel(1)
    engine.cancel(99)
    audience.wait_for_end(1, 2)
    assert [text.finish for text in audience.texts(1) if text.finish] == ["cancelled"]
    assert len(audience.texts(1)) < len(audience.texts(2))
    assert audience.reply(2) == REPLY


class Picky(ScriptedEngine):
    def submit(self, prompt, sampling, output=None):
        if "sing" in prompt:
            raise ValueError("a library's sources, line 5:\nthis engine does not sing\n")
        return super().submit(prompt, sampling, output)


def test_a_turn_that_the_engine_refuses_fails_alone():
    ours, theirs = Pipe()
    host = Host(theirs, scripted(), Picky(scripted()))
    threading.Thread(target=host.run, daemon=True).start()
    for number, action in enumerate(["sing", "open the box"]):
        ours.send(Submit(number, request(action)))
    heard: list[NewText] = []
    while len([text for text in heard if text.finish]) < 2:
        event = ours.recv()
        heard += event.texts if isinstance(event, Step) else []
    ours.send(Stop())
    refused = NewText(0, "", 0, "error", "this engine does not sing")
    assert [text for text in heard if text.request == 0] == [refused]
    assert "".join(text.text for text in heard if text.request == 1) == REPLY


def test_a_crash_is_noticed_at_once_and_told_once(spawn, audience):
    engine = spawn(scripted(crash_after_tokens=5))
    engine.wait_ready(PATIENCE)
    engine.submit(1, request())
    audience.wait(lambda: audience.deaths)
    assert not engine.alive
    assert engine.seconds_in_step() == 0
    engine.submit(2, request())
    engine.stop(timeout=1)
    assert audience.deaths == ["the engine's process ended while telling: exit status 70"]
    assert sum(text.tokens for text in audience.texts(1)) == 5


def test_an_engine_that_breaks_says_why(spawn, audience):
    engine = spawn(scripted(error_after_tokens=2))
    engine.wait_ready(PATIENCE)
    engine.submit(1, request())
    audience.wait(lambda: audience.deaths)
    assert audience.deaths == ["the script says that the engine breaks here"]


def test_a_step_that_never_ends_is_seen_and_can_be_killed(spawn, audience):
    engine = spawn(scripted(hang_after_tokens=3))
    pid = engine.wait_ready(PATIENCE).pid
    assert engine.seconds_in_step() == 0
    engine.submit(1, request())
    until(lambda: engine.seconds_in_step() > 0.3)
    assert engine.alive
    engine.kill()
    audience.wait(lambda: audience.deaths)
    [death] = audience.deaths
    assert death.startswith("the engine's process died while telling: SIGKILL (out of memory?")
    assert gone(pid)


def test_a_frozen_process_delays_nobody_who_asks(spawn, audience):
    engine = spawn(scripted())
    pid = engine.wait_ready(PATIENCE).pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    for number in range(20):
        engine.submit(number, request(action="x" * 100_000))  # more than a pipe holds
        engine.cancel(number)
    assert time.monotonic() - began < PATIENCE
    until(lambda: engine.seconds_in_step() > 0.1)
    engine.kill()
    audience.wait(lambda: audience.deaths)


def test_a_slow_listener_is_not_mistaken_for_a_slow_engine(audience, tmp_path):
    begun, free = threading.Event(), threading.Event()

    def slow(texts):
        begun.set()
        free.wait()

    config = InferenceConfig(redis_url="", narrators_file=tmp_path, models_dir=tmp_path)
    engine = EngineProcess(scripted(), config, slow, None, audience.on_death)
    engine.start()
    engine.wait_ready(PATIENCE)
    engine.submit(1, request())
    assert begun.wait(PATIENCE)
    time.sleep(0.1)
    assert engine.seconds_in_step() == 0
    free.set()
    engine.stop(timeout=5)
    assert audience.deaths == []


def test_words_that_nobody_can_record_are_not_told_on(audience, tmp_path, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda args: None)

    def refuse(texts):
        raise RuntimeError("no room")

    config = InferenceConfig(redis_url="", narrators_file=tmp_path, models_dir=tmp_path)
    engine = EngineProcess(scripted(), config, refuse, None, audience.on_death)
    engine.start()
    pid = engine.wait_ready(PATIENCE).pid
    engine.submit(1, request())
    audience.wait(lambda: audience.deaths)
    assert audience.deaths == ["RuntimeError: no room"]
    assert gone(pid)


def test_a_stop_is_no_death(spawn, audience):
    engine = spawn(scripted(pace=5))
    pid = engine.wait_ready(PATIENCE).pid
    engine.submit(1, request())
    engine.stop(timeout=5)
    assert gone(pid)
    assert not engine.alive
    assert audience.deaths == []


def test_a_process_that_does_not_stop_is_killed(spawn, audience):
    engine = spawn(scripted(hang_after_tokens=0))
    pid = engine.wait_ready(PATIENCE).pid
    engine.submit(1, request())
    until(lambda: engine.seconds_in_step() > 0.1)
    engine.stop(timeout=0.2)
    assert gone(pid)
    assert audience.deaths == []


def test_ctrl_c_in_the_terminal_leaves_the_turn_to_the_worker(spawn, audience):
    engine = spawn(scripted(pace=50))
    pid = engine.wait_ready(PATIENCE).pid
    engine.submit(1, request())
    audience.wait(lambda: audience.steps)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGHUP)  # a terminal that closes, or a signal for the whole group
    audience.wait_for_end(1)
    assert audience.reply(1) == REPLY


@pytest.mark.parametrize("options", [{}, {"hang_after_tokens": 0}], ids=["idle", "in a step"])
def test_no_engine_outlives_a_worker_that_was_killed(options, tmp_path):
    worker = subprocess.Popen(
        [sys.executable, __file__, str(tmp_path), repr(options)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(settings.BASE_DIR)},
    )
    try:
        pid = int(worker.stdout.readline())
        time.sleep(0.3)
        assert not gone(pid)
    finally:
        worker.kill()
        worker.communicate()
    until(lambda: gone(pid))


def test_the_process_is_found_from_any_folder(spawn, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert spawn(scripted()).wait_ready(PATIENCE)


def test_the_worker_itself_loads_no_model_library():
    loaded = "import sys, inference.engines.process; print('openvino' in sys.modules)"
    said = subprocess.check_output([sys.executable, "-c", loaded], cwd=settings.BASE_DIR, text=True)
    assert said == "False\n"


# ---- engines that cannot be loaded


def failure(engine: EngineProcess) -> str:
    with pytest.raises(EngineFailed) as failed:
        engine.wait_ready(PATIENCE)
    said = str(failed.value)
    assert "\n" not in said
    return said


def test_a_wrong_option_is_named(spawn, audience):
    said = failure(spawn(scripted(speed=3)))
    assert "'script'" in said
    assert "speed" in said
    assert audience.deaths == []


def test_an_engine_that_takes_too_long_to_load_is_given_up(spawn):
    engine = spawn(scripted(load_seconds=60))
    with pytest.raises(EngineFailed, match="not ready after 0 s"):
        engine.wait_ready(0.2)
    assert not engine.alive


def of_file(path: Path) -> Narrator:
    return Narrator(name="broken", line="", engine="openvino", model=str(path))


def test_a_missing_model_file_is_named(spawn, tmp_path):
    assert "absent.gguf" in failure(spawn(of_file(tmp_path / "absent.gguf")))


def test_a_file_that_is_no_model_is_named(spawn, tmp_path):
    path = tmp_path / "words.gguf"
    path.write_text("Once upon a time there was no model.")
    assert "words.gguf" in failure(spawn(of_file(path)))


# ---- the real model


@pytest.fixture
def smol():
    return load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")


@pytest.mark.model
def test_smol_tells_eight_stories_at_once(spawn, audience, smol):
    engine = spawn(smol, settings.INFERENCE)
    info = engine.wait_ready(300)
    assert info.context_tokens == smol.context
    sampling = SamplingParams(max_tokens=20)
    for number in range(8):
        engine.submit(number, request(f"open door {number}", sampling=sampling))
    audience.wait_for_end(*range(8))
    assert all(audience.reply(number).strip() for number in range(8))
    assert resident_megabytes(info.pid) < 1000


@pytest.mark.model
def test_two_engines_compile_the_same_model_at_once(spawn, smol, tmp_path):
    """openvino took away the file that the other one was reading, and one of the two ended."""
    for file in settings.INFERENCE.models_dir.glob("SmolLM2*"):
        (tmp_path / file.name).symlink_to(file)
    config = replace(settings.INFERENCE, models_dir=tmp_path)
    engines = [spawn(smol, config) for _ in range(3) if not time.sleep(0.4)]
    assert all(engine.wait_ready(300) for engine in engines)
    assert list((tmp_path / "compiled").glob("*/openvino_model.xml"))


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def be_a_worker(models_dir: str, options: str) -> None:
    """Start an engine, say its process' number, and wait to be killed."""
    config = InferenceConfig(redis_url="", narrators_file=Path(), models_dir=Path(models_dir))
    engine = EngineProcess(
        scripted(**eval(options)), config, lambda texts: None, None, lambda cause: None
    )
    engine.start()
    pid = engine.wait_ready(PATIENCE).pid
    engine.submit(1, request())
    print(pid, flush=True)
    time.sleep(60)


if __name__ == "__main__":
    be_a_worker(*sys.argv[1:])


def test_steps_that_wait_are_taken_as_one_and_in_order():
    """Whoever appends words more slowly than they come catches up."""
    ours, theirs = Pipe()
    process = EngineProcess.__new__(EngineProcess)  # its reading alone, without a process

    def text(number, word):
        return NewText(request=number, text=word, tokens=1)

    theirs.send(Step([text(1, "The ")]))
    theirs.send(Step([text(1, "door "), text(2, "You ")]))
    theirs.send(PromptBuilt(3, None))
    theirs.send(Step([text(3, "Rain.")]))
    first, built, last = process._receive(ours)
    assert [(each.request, each.text) for each in first.texts] == [
        (1, "The "),
        (1, "door "),
        (2, "You "),
    ]
    assert built == PromptBuilt(3, None)
    assert [each.text for each in last.texts] == ["Rain."]
    theirs.send(Step([text(1, "opens.")]))
    theirs.close()
    assert [each.text for each in process._receive(ours)[0].texts] == ["opens."]
    with pytest.raises(EOFError):
        process._receive(ours)
