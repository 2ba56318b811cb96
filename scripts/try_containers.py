"""Brings docker-compose.yml up, plays through its published port, and breaks each service.

    python scripts/try_containers.py [--compose docker-compose] [--keep]

Needs an engine of containers. Builds on the host's network, so that a build finds its packages
where a bridge does not. Takes all of it down at the end, volumes included; its project has a name
of its own. The way from nothing to an upgrade is `make test-containers`.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, SSLContext, create_default_context
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "grue-try"
UP_SECONDS = 1800
TURN_SECONDS = 300
HEALTHY_SECONDS = 300
BROKEN = ["web", "game", "narrator", "redis", "postgres"]


class House:
    """The containers, and how to speak to them."""

    def __init__(self, compose: str, port: int, override: Path, **environ: str) -> None:
        self.compose = [
            *compose.split(),
            *("-p", PROJECT, "-f", str(ROOT / "docker-compose.yml"), "-f", str(override)),
        ]
        self.port = port
        self.environ = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", **environ}

    def do(self, *command: str, check: bool = True, quiet: bool = False) -> str:
        if not quiet:
            say(" ".join(["compose", *command]))
        done = subprocess.run(
            [*self.compose, *command], cwd=ROOT, env=self.environ, capture_output=True, text=True
        )
        if check and done.returncode:
            sys.exit(f"{done.stdout}\n{done.stderr}\nfailed: {' '.join(command)}")
        return done.stdout + done.stderr

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as problem:
            return 0, str(problem)
        finally:
            connection.close()

    def until_ready(self) -> None:
        give_up = time.monotonic() + UP_SECONDS
        while (answer := self.get("/readyz"))[0] != 200:
            if time.monotonic() > give_up:
                sys.exit(f"not ready: {answer}\n{self.do('logs', '--tail', '30', check=False)}")
            time.sleep(2)

    def until_healthy(self) -> None:
        give_up = time.monotonic() + HEALTHY_SECONDS
        while "unhealthy" in (states := self.do("ps", quiet=True)) or "starting" in states:
            if time.monotonic() > give_up:
                sys.exit(f"not healthy:\n{states}")
            time.sleep(5)


class Guest:
    """A browser without an account, in an adventure of the narrator that is named, if one is.

    Where `origin` has https, a certificate that nobody vouches for will do: this machine made it.
    """

    def __init__(self, origin: str, narrator: str = "") -> None:
        self.origin = origin
        self.tls = trusting() if origin.startswith("https:") else None
        self.cookies: dict[str, str] = {}
        status, page, _ = self.ask("GET", "/scenarios/lost-property/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            raise ConnectionError(f"the scenario's page has no form: {status} {page[:300]}")
        form = {"csrfmiddlewaretoken": token[1]}
        names = re.findall(r'<(?:input|textarea)[^>]*name="([^"]+)"', page)
        form |= {name: "Wren" for name in names if name not in ("csrfmiddlewaretoken", "q")}
        self.adventure = self.ask("POST", "/scenarios/lost-property/begin/", form)[2]
        if narrator:
            form = {"csrfmiddlewaretoken": self.cookies["csrftoken"], "narrator": narrator}
            status, answer, _ = self.ask("POST", f"{self.adventure}narrator/", form)
            if status not in (200, 302):
                sys.exit(f"{narrator} cannot be had: {status} {answer[:500]}")

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None
    ) -> tuple[int, str, str]:
        host = urlsplit(self.origin).netloc
        connection = (
            HTTPSConnection(host, timeout=30, context=self.tls)
            if self.tls
            else HTTPConnection(host, timeout=30)
        )
        headers = {"Cookie": self.cookie, "Origin": self.origin, "Referer": self.origin + path}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, answer.read().decode(), answer.headers.get("Location") or ""

    async def play(self, text: str, during: str = "") -> str:
        """One turn, to its end, coming back where the socket is lost; its reply."""
        key = str(uuid.uuid4())
        command = {"type": "take_action", "key": key, "kind": "do", "text": text}
        identity = self.adventure.strip("/").split("/")[-1]
        give_up = time.monotonic() + TURN_SECONDS
        turn = None
        while time.monotonic() < give_up:
            try:
                async with connect(
                    f"{self.origin.replace('http', 'ws', 1)}/ws/adventures/{identity}/",
                    origin=self.origin,  # type: ignore[arg-type]
                    additional_headers={"Cookie": self.cookie},
                    ssl=self.tls,
                ) as page:
                    if turn is None:
                        await page.send(json.dumps(command))
                    async with asyncio.timeout(60):
                        async for frame in page:
                            event = json.loads(frame)
                            if event["type"] == "accepted":
                                turn = event["turn"]
                            elif event["type"] == "snapshot":
                                for each in event["turns"]:
                                    if each["id"] == turn and each["status"] == "told":
                                        return str(each["reply"])
                            elif event["type"] == "turn.told" and event["turn"]["id"] == turn:
                                return str(event["turn"]["reply"])
                            elif event["type"] in ("turn.failed", "error"):
                                if event.get("code") not in ("narrator_down", "busy"):
                                    sys.exit(f"{during}: {event}")
                                await asyncio.sleep(2)
                                break
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake):
                await asyncio.sleep(2)  # the service is being broken: come back
        sys.exit(f"{during}: a turn was not told in {TURN_SECONDS} s")


def trusting() -> SSLContext:
    context = create_default_context()
    context.check_hostname = False
    context.verify_mode = CERT_NONE
    return context


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)  # noqa: T201


def override(models: str = "") -> str:
    built = "".join(
        f"  {name}:\n    build:\n      network: host\n"
        for name in ("secrets", "pending", "migrate", "web", "game")
    )
    mounted = f"    volumes:\n      - {models}:/models\n" if models else ""
    return (
        f'version: "3.9"\nservices:\n{built}  narrator:\n    build:\n      network: host\n{mounted}'
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--compose", default="docker compose")
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--keep", action="store_true", help="leave it up")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "override.yml"
        file.write_text(override(), encoding="utf-8")
        house = House(asked.compose, asked.port, file)
        try:
            try_all(house)
        finally:
            if not asked.keep:
                house.do("down", "--volumes", check=False)


def try_all(house: House) -> None:
    house.do("config", "-q")
    house.do("build")
    house.do("up", "-d")
    house.until_ready()
    say("ready")
    guest = Guest(f"http://127.0.0.1:{house.port}")
    for text in ("look around", "open the nearest drawer", "ask who is there"):
        reply = asyncio.run(guest.play(text, "at first"))
        say(f"told: {len(reply)} characters")
    for service in BROKEN:
        house.do("kill", service)
        time.sleep(2)
        house.do("up", "-d", "--no-recreate")
        house.until_ready()
        reply = asyncio.run(guest.play("go on", f"after {service} was killed"))
        say(f"told after {service} was killed and started: {len(reply)} characters")
        house.do("restart", service)
        house.until_ready()
        reply = asyncio.run(guest.play("wait", f"after {service} was restarted"))
        say(f"told after {service} was restarted: {len(reply)} characters")
    house.until_healthy()
    say("all services were killed and restarted, and every turn was told")


if __name__ == "__main__":
    main()
