"""`manage.py bench`: speed of replies from socket to socket, compared with the engine alone.

Starts a whole host as `make play` does, in a folder of its own, and plays 1, 8 and 16 adventures at
once over real sockets; then gives the same requests to a bare loop over the engine. The two
alternate, round by round, since a machine's speed changes from one minute to the next: compare the
ratios. Prints one JSON object per figure.

With `--queue` it measures the queue of turns instead (`game.load.queue_bench`).
"""

import asyncio
import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management.base import BaseCommand, CommandError
from websockets.asyncio.client import ClientConnection, connect

from game.load import queue_bench
from game.models import Adventure, Player, Scenario, Turn
from game.play import adventures, narration
from game.play.events import queue_client
from inference import prompts
from inference.contract.request import GenerationRequest
from inference.engines.base import Engine
from inference.engines.host import load
from inference.lab.bench import REPLY_TOKENS, Run, make_story, print_figure
from inference.narrators import Narrator

STORIES = (1, 8, 16)
START_SECONDS = 600
TURN_SECONDS = 300
ACTIONS = ("go on along the road", "look back and listen")


@dataclass
class HostRun:
    """A run from socket to socket. `requests` and `tokens` are by adventure."""

    run: Run
    requests: dict[int, GenerationRequest]
    tokens: dict[int, int]


class Command(BaseCommand):
    """Starts a host and measures it, or (`--inside`) measures the host it runs in."""

    help = "Measures speed from socket to socket beside the engine alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--inside` is for the process that this command starts."""
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--stories", type=int, nargs="*", default=STORIES)
        parser.add_argument(
            "--queue", action="store_true", dest="of_queue", help="measure the queue of turns"
        )
        parser.add_argument("--inside", action="store_true", help="(used by itself)")

    def handle(self, *args: Any, rounds: int, inside: bool, **options: Any) -> None:
        """Print a JSON object for each figure. Raises CommandError if the host fails."""
        of_queue = options["of_queue"]
        if inside and of_queue:
            queue_bench.measure()
            return
        if inside:
            measure(rounds, options["stories"])
            return
        stories = [str(each) for each in options["stories"]]
        with running_host(queue_bench.NARRATORS if of_queue else None) as environ:
            command = [sys.executable, "manage.py", "bench", "--inside", "--rounds", str(rounds)]
            command += ["--queue"] if of_queue else []
            done = subprocess.run([*command, "--stories", *stories], env=environ, check=False)
        if done.returncode:
            raise CommandError("the bench failed")


@contextmanager
def running_host(narrators: dict[str, Any] | None = None) -> Iterator[dict[str, str]]:
    """A whole Grue that is up and ready while the block runs. Yields its environment.

    Its narrators are the host's own, with shorter replies, unless others are given.
    """
    with tempfile.TemporaryDirectory(prefix="grue-bench-") as folder:
        data = Path(folder)
        if narrators is None:
            narrators = yaml.safe_load(settings.NARRATORS_FILE.read_text(encoding="utf-8"))
            for narrator in narrators["narrators"]:
                # A reply may exceed max_tokens by MARGIN to end its sentence.
                narrator["sampling"]["max_tokens"] = int(REPLY_TOKENS / (1 + prompts.MARGIN))
        (data / "narrators.yaml").write_text(yaml.safe_dump(narrators), encoding="utf-8")
        environ = {
            **os.environ,
            "DATA_DIR": str(data),
            "MODELS_DIR": str(settings.MODELS_DIR),
            "NARRATORS_FILE": str(data / "narrators.yaml"),
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
            "PYTHONUNBUFFERED": "1",
            "MAX_WAIT_SECONDS": "86400",
        }
        for server in ("DATABASE_URL", "REDIS_URL"):
            environ.pop(server, None)
        play = subprocess.Popen(
            [sys.executable, "manage.py", "play"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            wait_until_open(play, f"http://127.0.0.1:{environ['PORT']}")
            yield environ
        finally:
            play.terminate()
            play.wait(timeout=60)


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_open(play: "subprocess.Popen[str]", address: str) -> None:
    """Read the output of `manage.py play` until it names its address. Raises CommandError."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    output = play.stdout
    if output is None:
        raise CommandError("the host printed nothing")

    def listen() -> None:
        for line in output:
            lines.put(line)
        lines.put("")

    threading.Thread(target=listen, daemon=True).start()
    printed = ""
    deadline = time.monotonic() + START_SECONDS
    while address not in printed:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise CommandError(f"the host did not start in {START_SECONDS} s:\n{printed}") from None
        if not line:
            raise CommandError(f"the host ended:\n{printed}")
        printed += line


# Run with the settings of that host (--inside)


def measure(rounds: int, counts: list[int]) -> None:
    """Measure each number of stories, host and engine alternately, and print the figures."""
    narrator = narration.default()
    engine = load(narrator, settings.INFERENCE)
    fresh = 0
    for count in counts:
        runs: dict[tuple[str, str], list[Run]] = {}
        for turn in range(rounds + 1):
            numbers = range(fresh, fresh + count)
            fresh += count
            openings = [" ".join(p.reply for p in make_story(n, engine.count)) for n in numbers]
            cold, further = asyncio.run(play_two_turns(openings))
            if turn == 0:  # a warm-up
                continue
            alone = run_alone(engine, narrator, cold)
            runs.setdefault(("whole", "cold"), []).append(cold.run)
            runs.setdefault(("alone", "cold"), []).append(alone)
            runs.setdefault(("whole", "next"), []).append(further.run)
            next_alone = run_alone(engine, narrator, with_replies(further, alone))
            runs.setdefault(("alone", "next"), []).append(next_alone)
        report(count, runs)


def report(count: int, runs: dict[tuple[str, str], list[Run]]) -> None:
    """Print medians over the rounds, and the ratios of runs of the same round."""
    for (way, turn), each in runs.items():
        what = {"way": way, "stories": count, "turn": turn}
        speed = statistics.median(run.tokens_per_second for run in each)
        first = statistics.median(run.first_token_seconds for run in each)
        print_figure("tokens_per_second", round(speed, 1), **what)
        print_figure("first_token_seconds", round(first, 3), **what)
    for turn in ("cold", "next"):
        pairs = zip(runs["whole", turn], runs["alone", turn], strict=True)
        ratio = statistics.median(w.tokens_per_second / a.tokens_per_second for w, a in pairs)
        print_figure("whole_to_alone", round(ratio, 3), stories=count, turn=turn)
    pairs = zip(runs["whole", "next"], runs["whole", "cold"], strict=True)
    ratio = statistics.median(n.first_token_seconds / c.first_token_seconds for n, c in pairs)
    print_figure("first_token_next_to_cold", round(ratio, 3), stories=count)


async def play_two_turns(openings: list[str]) -> tuple[HostRun, HostRun]:
    """Begin an adventure for each opening, each with a player of its own, and act twice."""
    begun = await asyncio.to_thread(lambda: [begin_adventure(opening) for opening in openings])
    port = settings.PORT
    sockets = []
    for adventure, cookie in begun:
        sockets.append(
            await connect(
                f"ws://127.0.0.1:{port}/ws/adventures/{adventure.pk}/",
                origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"},
            )
        )
    try:
        for each in sockets:
            await each.recv()  # the snapshot
        runs = [await take_action(sockets, action) for action in ACTIONS]
    finally:
        for each in sockets:
            await each.close()
    return runs[0], runs[1]


def begin_adventure(opening: str) -> tuple[Adventure, str]:
    """Begin an adventure with this opening. Returns it with its player's session cookie."""
    player = Player.objects.create_user(f"bench-{uuid.uuid4().hex}")
    scenario = Scenario.objects.get(slug="your-own-beginning")
    adventure = adventures.begin(player, scenario, {"opening": opening})
    session = SessionStore()
    session[SESSION_KEY] = str(player.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = player.get_session_auth_hash()
    session.create()
    return adventure, str(session.session_key)


async def take_action(sockets: list[ClientConnection], action: str) -> HostRun:
    """Take the same action in every adventure at once, and wait until all replies have ended."""
    run = Run(started=time.monotonic())
    turns = await asyncio.gather(
        *(play_turn(run, number, each, action) for number, each in enumerate(sockets))
    )
    run.ended = time.monotonic()
    requests, tokens = await asyncio.to_thread(requests_and_tokens, turns)
    run.tokens = sum(tokens.values())
    return HostRun(run, requests, tokens)


async def play_turn(run: Run, number: int, page: ClientConnection, action: str) -> str:
    """Play one turn over a socket. Returns the turn's id. Raises CommandError if it fails."""
    command = {"type": "take_action", "key": str(uuid.uuid4()), "kind": "do", "text": action}
    await page.send(json.dumps(command))
    async with asyncio.timeout(TURN_SECONDS):
        while True:
            event = json.loads(await page.recv())
            if event["type"] == "turn.token":
                run.first_token.setdefault(number, time.monotonic())
            elif event["type"] == "turn.told":
                return str(event["turn"]["id"])
            elif event["type"] in ("error", "turn.failed"):
                raise CommandError(f"a turn was not told: {event}")


def requests_and_tokens(ids: list[str]) -> tuple[dict[int, GenerationRequest], dict[int, int]]:
    """The request of each turn, and how many tokens its reply has."""
    requests, tokens = {}, {}
    for number, each in enumerate(ids):
        turn = Turn.objects.select_related("adventure").get(pk=each)
        requests[number] = narration.request_for(turn.adventure, turn)
        end = queue_client().reply_so_far(str(turn.adventure_id), each).end
        if end is None:
            raise CommandError("the log lost the end of a turn")
        tokens[number] = end.tokens
    return requests, tokens


def run_alone(engine: Engine, narrator: Narrator, whole: HostRun) -> Run:
    """Give the engine the same requests in a bare loop, with as many tokens each."""
    built = {
        number: prompts.build(
            request, narrator, engine.count, engine.render_chat, engine.context_tokens
        )
        for number, request in whole.requests.items()
    }
    run = Run(started=time.monotonic())
    numbers = {
        engine.submit(
            each.text, each.sampling.model_copy(update={"max_tokens": whole.tokens[number]})
        ): number
        for number, each in built.items()
    }
    while engine.busy:
        for text in engine.step():
            run.add(numbers[text.request], text)
    return run


def with_replies(further: HostRun, alone: Run) -> HostRun:
    """The next turn's requests, with the bare loop's own replies in their stories.

    Its prefix cache then has the story, as the worker's cache has its own.
    """
    requests = {}
    for number, request in further.requests.items():
        *before, last = request.context.story
        last = last.model_copy(update={"reply": alone.replies[number]})
        context = request.context.model_copy(update={"story": (*before, last)})
        requests[number] = request.model_copy(update={"context": context})
    return HostRun(further.run, requests, further.tokens)
