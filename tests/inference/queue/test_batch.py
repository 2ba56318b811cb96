"""Prompts by the thousand, told when no player wants anything."""

import json
import threading
import time

import pytest
from django.core.management import CommandError, call_command

from game.models import Status, Turn
from inference.queue import batch as batches
from inference.queue.batch import Batch, BatchError, finished_ids, prompts_of
from tests.game.play.test_turns import act

REPLY = "The hinges groan. A cold wind comes out of the dark."


@pytest.fixture
def prompts(tmp_path):
    def write(*lines):
        file = tmp_path / "prompts.jsonl"
        file.write_text(
            "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
        )
        return file

    return write


def results_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_prompt_of_a_file_gets_a_reply(log, workers, prompts, tmp_path):
    workers.start(pace=0, replies=[REPLY], may_repeat=True)
    file = prompts(*({"id": f"p{n}", "prompt": f"You stand before door {n}."} for n in range(30)))
    out = tmp_path / "out.jsonl"
    call_command("narrate_batch", str(file), "--out", str(out), "--narrator", "parrot")
    told = results_of(out)
    assert {each["id"] for each in told} == {f"p{n}" for n in range(30)}
    assert all(each["reply"] == REPLY and not each["error"] for each in told)
    assert not log.redis.keys("grue:batch*"), "nothing is left in Redis"


def test_a_batch_that_was_stopped_goes_on_where_it_was(log, workers, prompts, tmp_path):
    workers.start(pace=0, replies=[REPLY], may_repeat=True)
    file = prompts(*({"id": str(n), "prompt": f"Door {n}."} for n in range(8)))
    out = tmp_path / "out.jsonl"
    Batch(log, "parrot", prompts({"id": "3", "prompt": "Door 3."}), out).run(lambda _: None)
    first = out.read_text()
    out.write_text(first + '{"id": "5", "rep')  # a crash in the middle of a line
    file = prompts(*({"id": str(n), "prompt": f"Door {n}."} for n in range(8)))
    progress = Batch(log, "parrot", file, out).run(lambda _: None)
    assert progress.done == progress.total == 8
    assert out.read_text().startswith(first)
    assert sorted(each["id"] for each in results_of(out)) == [str(n) for n in range(8)]


@pytest.mark.django_db(transaction=True)
def test_a_turn_does_not_wait_for_a_batch(alice, adventure, log, workers, prompts, tmp_path):
    """The jobs under way are broken off for the turn, and told afterwards."""
    narrator_worker = workers.start(slots=2, pace=15, replies=[REPLY * 5], may_repeat=True)
    file = prompts(*({"id": str(n), "prompt": f"Door {n}."} for n in range(4)))
    out = tmp_path / "out.jsonl"
    run = threading.Thread(
        daemon=True, target=Batch(log, "parrot", file, out).run, args=[lambda _: None]
    )
    run.start()
    wait_for(lambda: len(narrator_worker.idle_batch.jobs) == 2)
    began = time.monotonic()
    act(adventure, alice)
    wait_for(lambda: Turn.objects.exclude(status=Status.TOLD).count() == 0)
    assert not out.read_text(), "no job was told to its end before the turn"
    assert time.monotonic() - began < 60
    run.join(120)
    assert len(results_of(out)) == 4


def test_a_job_that_was_lost_with_its_worker_is_asked_for_again(
    log, workers, prompts, tmp_path, monkeypatch
):
    monkeypatch.setattr("inference.queue.jobs.BATCH_LOST_SECONDS", 0)
    file = prompts({"id": "1", "prompt": "A door."})
    out = tmp_path / "out.jsonl"
    batch = Batch(log, "parrot", file, out)
    run = threading.Thread(daemon=True, target=batch.run, args=[lambda _: None])
    run.start()
    wait_for(lambda: log.take_batch("parrot", 1))  # a worker that is never heard of again
    time.sleep(1.1)
    workers.start(pace=0, replies=[REPLY], may_repeat=True)
    run.join(60)
    assert [each["id"] for each in results_of(out)] == ["1"]


def test_a_worker_whose_engine_dies_of_a_job_gives_it_up(log, workers, prompts, tmp_path):
    narrator_worker = workers.start(woken=False, pace=0, crash_after_tokens=1, replies=[REPLY])
    narrator_worker.supervisor.give_up = lambda why: None
    file = prompts({"id": "1", "prompt": "A door."})
    out = tmp_path / "out.jsonl"
    run = threading.Thread(
        daemon=True, target=Batch(log, "parrot", file, out).run, args=[lambda _: None]
    )
    run.start()
    run.join(120)
    assert "died" in results_of(out)[0]["error"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "line 2: wants a JSON object"),
        ("[" * 100_000, "line 2: wants a JSON object"),
        ('{"id": "a"}', "line 2: wants either prompt or context"),
        ('{"prompt": "x", "colour": 1}', "line 2: colour"),
        ('{"id": "first", "prompt": "x"}', "line 2: the id 'first' is there twice"),
        ('{"prompt": "' + "x" * 300_000 + '"}', "line 2: over 256 KiB"),
        ('{"prompt": "x", "sampling": {"temperature": -1}}', "line 2: sampling.temperature"),
    ],
)
def test_a_wrong_line_is_named_before_anything_is_told(log, prompts, tmp_path, line, complaint):
    file = prompts({"id": "first", "prompt": "A door."}, line)
    with pytest.raises(BatchError, match=complaint):
        list(prompts_of(file))


def test_a_file_of_something_else_is_not_added_to(tmp_path):
    out = tmp_path / "notes.txt"
    out.write_text("milk\nbread\n")
    with pytest.raises(BatchError, match="name another file"):
        finished_ids(out)
    assert out.read_text() == "milk\nbread\n"


def test_a_missing_file_is_one_line(log, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("narrate_batch", str(tmp_path / "none.jsonl"), "--narrator", "parrot")


def test_only_so_many_jobs_lie_in_redis_at_once(log, prompts, tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "IN_REDIS", 5)
    file = prompts(*({"prompt": f"Door {n}."} for n in range(40)))
    batch = Batch(log, "parrot", file, tmp_path / "out.jsonl")
    assert batch.enqueue(prompts_of(file))
    assert log.redis.llen("grue:batch:parrot") == 5


def wait_for(what, seconds=60):
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it did not come to that"
        time.sleep(0.02)
    return found
