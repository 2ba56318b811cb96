"""The processes of one `make play` end together, in order, and nobody stays behind."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dungeon.services import Program
from dungeon.supervisor import MAX_RESTARTS, Died, Stopped, Supervisor
from tests.serving import PATIENCE, until


def python(name, code, *arguments, **options):
    return Program(name, [sys.executable, "-c", code, *map(str, arguments)], **options)


SLEEP = "import time; time.sleep(60)"

NOTE_ITS_END = """
import pathlib, signal, sys, time
def end(*_):
    with open(sys.argv[1], "a") as log:
        log.write(sys.argv[2] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid):
    """Whether it is gone, after a while at most."""
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


async def until_they_speak(supervisor):
    children = [child for stage in supervisor.stages for child in stage]
    await supervisor.wait_until(lambda: all(child.last_lines for child in children), every=0.02)


async def test_a_process_that_dies_is_named_and_ends_the_others_with_its_exit_code():
    supervisor = Supervisor()
    with pytest.raises(Died) as death:
        async with supervisor:
            await supervisor.start(python("first", SLEEP))
            await supervisor.start(python("second", "print('the roof fell in'); exit(7)"))
            await asyncio.Event().wait()
    assert str(death.value) == "second ended (exit code 7), its last lines:\n  the roof fell in"
    assert death.value.exit_code == 7
    assert not any(child.running for stage in supervisor.stages for child in stage)


COUNTS_ITS_LIVES = """
import pathlib, sys, time
lives = pathlib.Path(sys.argv[1])
lives.write_text(lives.read_text() + "x" if lives.exists() else "x")
print("alive", flush=True)
time.sleep(0.4)
"""


async def test_a_worker_that_dies_after_it_has_settled_in_is_started_again(tmp_path, capsys):
    lives = tmp_path / "lives"
    with pytest.raises(Died, match=r"worker ended \(exit code 0\), for the 6th time in \d+ s"):
        async with Supervisor(first_backoff=0.01) as supervisor:
            await supervisor.start(python("worker", COUNTS_ITS_LIVES, lives, settled=0.1))
            await asyncio.Event().wait()
    assert lives.read_text() == "x" * (MAX_RESTARTS + 1)
    assert "worker ended (exit code 0); it is started again" in capsys.readouterr().out


async def test_a_worker_that_dies_before_it_has_settled_in_ends_the_house(tmp_path):
    lives = tmp_path / "lives"
    with pytest.raises(Died):
        async with Supervisor() as supervisor:
            await supervisor.start(python("worker", COUNTS_ITS_LIVES, lives, settled=60))
            await asyncio.Event().wait()
    assert lives.read_text() == "x"


async def test_once_all_is_up_whatever_dies_is_started_again_later_each_time(tmp_path):
    lives = tmp_path / "lives"
    note = "import pathlib, sys, time; open(sys.argv[1], 'a').write(f'{time.time()} '); exit(3)"
    prepared = []
    server = python("server", note, lives, quiet=True, prepare=lambda: prepared.append(1))
    with pytest.raises(Died, match=r"server ended \(exit code 3\), for the 6th time") as death:
        async with Supervisor(first_backoff=0.1) as supervisor:
            supervisor.up = True
            await supervisor.start(server)
            await asyncio.Event().wait()
    times = [float(each) for each in lives.read_text().split()]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(waits) == MAX_RESTARTS == len(prepared)
    for number, wait in enumerate(waits):
        assert wait >= 0.1 * 2**number
    assert death.value.exit_code == 3


async def test_deaths_that_lie_far_apart_do_not_add_up(tmp_path, monkeypatch):
    monkeypatch.setattr("dungeon.supervisor.RESTART_WINDOW", 0.05)
    lives = tmp_path / "lives"
    with pytest.raises(Stopped):
        async with Supervisor(first_backoff=0.01) as supervisor:
            supervisor.up = True
            await supervisor.start(
                python("web", COUNTS_ITS_LIVES.replace("0.4", "0.06"), lives, quiet=True)
            )
            await supervisor.wait_until(
                lambda: lives.exists() and len(lives.read_text()) > MAX_RESTARTS + 3, every=0.02
            )
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()


async def test_what_cannot_be_started_just_now_waits_and_that_is_not_counted(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("dungeon.supervisor.POLL_SECONDS", 0.02)
    lives = tmp_path / "lives"
    looks = []

    def restart_problem():
        looks.append(1)
        return "the disk is full" if len(looks) % 3 else ""

    with pytest.raises(Stopped):
        async with Supervisor(first_backoff=0.01) as supervisor:
            supervisor.up, supervisor.restart_problem = True, restart_problem
            await supervisor.start(python("database", COUNTS_ITS_LIVES.replace("0.4", "0"), lives))
            await supervisor.wait_until(
                lambda: lives.exists() and len(lives.read_text()) > MAX_RESTARTS + 2, every=0.02
            )
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
    assert "database | not started again yet: the disk is full" in capsys.readouterr().out


async def test_a_process_killed_by_a_signal_gives_the_exit_code_of_a_shell():
    with pytest.raises(Died, match=r"victim ended \(SIGKILL\)") as death:
        async with Supervisor() as supervisor:
            await supervisor.start(python("victim", "import os; os.kill(os.getpid(), 9)"))
            await asyncio.Event().wait()
    assert death.value.exit_code == 137


async def test_a_process_that_leaves_without_a_reason_went_wrong_too():
    with pytest.raises(Died) as death:
        async with Supervisor() as supervisor:
            await supervisor.start(python("quitter", ""))
            await asyncio.Event().wait()
    assert death.value.exit_code == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_youngest_go_first(tmp_path, how):
    log = tmp_path / "log"
    with pytest.raises(Stopped):
        async with Supervisor() as supervisor:
            for name in ("database", "worker", "web"):
                await supervisor.start(python(name, NOTE_ITS_END, log, name))
            await until_they_speak(supervisor)
            os.kill(os.getpid(), how)
            await asyncio.Event().wait()
    assert log.read_text().split() == ["web", "worker", "database"]


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


async def test_who_does_not_go_is_killed_after_its_time_of_grace():
    began = time.monotonic()
    with pytest.raises(Stopped):
        async with Supervisor() as supervisor:
            await supervisor.start(python("stubborn", STUBBORN, grace=0.5))
            await until_they_speak(supervisor)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
    assert time.monotonic() - began < PATIENCE


async def test_a_second_ctrl_c_does_not_wait():
    began = time.monotonic()
    with pytest.raises(Stopped):
        async with Supervisor() as supervisor:
            await supervisor.start(python("stubborn", STUBBORN, grace=500))
            await until_they_speak(supervisor)
            os.kill(os.getpid(), signal.SIGINT)
            asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
    assert time.monotonic() - began < PATIENCE


WITH_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


async def test_what_a_process_started_goes_with_it():
    with pytest.raises(Stopped):
        async with Supervisor() as supervisor:
            await supervisor.start(python("parent", WITH_A_CHILD))
            await until_they_speak(supervisor)
            pid = int(supervisor.stages[0][0].last_lines[0])
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
    assert gone(pid)


async def test_a_step_that_fails_tells_why():
    with pytest.raises(Died, match=r"migrate ended \(exit code 3\), its last lines:\n  no table"):
        async with Supervisor() as supervisor:
            await supervisor.run(python("migrate", "print('no table'); exit(3)", quiet=True))


async def test_a_step_that_succeeds_lets_the_next_begin(capsys):
    with pytest.raises(Stopped):
        async with Supervisor() as supervisor:
            await supervisor.run(python("migrate", "print('quietly')", quiet=True))
            await supervisor.run(python("scenarios", "print('aloud')"))
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
    assert capsys.readouterr().out == "scenarios| aloud\n"


async def test_a_very_long_line_does_no_harm(capsys):
    with pytest.raises(Died):
        async with Supervisor() as supervisor:
            code = "print('x' * 300_000); print('after'); exit(1)"
            await supervisor.start(python("chatty", code))
            await asyncio.Event().wait()
    assert "after" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="the request is Linux's")
def test_nobody_outlives_a_parent_that_was_killed(tmp_path):
    pid_file = tmp_path / "pid"
    child = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "import subprocess, sys, time\n"
        "from dungeon.services import Program\n"
        f"program = Program('child', [sys.executable, '-c', {child!r}])\n"
        "subprocess.Popen(program.command, start_new_session=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    until(lambda: pid_file.exists() and pid_file.read_text())
    process.kill()
    process.wait()
    pid = int(pid_file.read_text())
    assert gone(pid)
