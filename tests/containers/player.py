"""A stranger's browser, for scripts/test-containers.sh. It runs in the web's image, as it is.

player.py opens URL: the page opens
player.py gateway: the address by which a container reaches its machine comes out
player.py operator LINK NAME PASSWORD: the link makes this name the operator
player.py begin URL: a guest begins an adventure, and comes out as JSON
player.py play COUNT <GUEST: so many turns are told; the guest comes out again
player.py reads <GUEST: the adventure still holds every reply
"""

import asyncio
import json
import re
import socket
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import connect

TURN_SECONDS = 300
ACTIONS = ("look around", "open the nearest drawer", "ask who is there", "go on", "wait")


class Browser:
    def __init__(self, origin: str, cookies: dict[str, str] | None = None) -> None:
        self.origin = origin
        self.jar = CookieJar()
        self.sent = dict(cookies or {})
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    @property
    def cookies(self) -> dict[str, str]:
        return self.sent | {each.name: each.value or "" for each in self.jar}

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """A page, after all redirects, and where it is. Exits where it does not open."""
        address = path if path.startswith("http") else self.origin + path
        data = urlencode(form).encode() if form is not None else None
        headers = {"Origin": self.origin, "Referer": address}
        request = urllib.request.Request(address, data, headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.read().decode(), str(answer.url)
        except urllib.error.HTTPError as problem:
            sys.exit(f"{path}: {problem.code} {problem.read().decode(errors='replace')[:500]}")
        except OSError as problem:
            sys.exit(f"{path}: {problem}")

    def submit(self, path: str, typed: dict[str, str], to: str = "") -> tuple[str, str]:
        """Fill in a page's form as it stands there, and send it."""
        page, _ = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            sys.exit(f"{path} has no form: {page[:500]}")
        return self.get(to or path, {"csrfmiddlewaretoken": token[1], **typed})


def operator(link: str, name: str, password: str) -> None:
    parts = urlsplit(link)
    browser = Browser(f"{parts.scheme}://{parts.netloc}")
    typed = {"username": name, "password1": password, "password2": password}
    page, _ = browser.submit(link, typed)
    if name not in page:
        sys.exit(f"the link made nobody the operator: {page[:2000]}")


def gateway() -> str:
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(int(fields[2], 16).to_bytes(4, sys.byteorder))
    sys.exit("there is no way out of this container")


def begin(origin: str) -> dict[str, Any]:
    browser = Browser(origin)
    scenario = "/scenarios/lost-property/"
    page, _ = browser.get(scenario)
    asked = re.findall(r'<(?:input|textarea)[^>]*name="([^"]+)"', page)
    answers = {name: "Wren" for name in asked if name not in ("csrfmiddlewaretoken", "q")}
    _, where = browser.submit(scenario, answers, to=f"{scenario}begin/")
    if "/adventures/" not in where:
        sys.exit(f"no adventure began: {where}")
    return {
        "origin": origin,
        "adventure": where.rstrip("/").split("/")[-1],
        "cookies": browser.cookies,
        "replies": [],
    }


def window(guest: dict[str, Any]) -> Any:
    origin = guest["origin"]
    cookie = "; ".join(f"{name}={value}" for name, value in guest["cookies"].items())
    return connect(
        f"{origin.replace('http', 'ws', 1)}/ws/adventures/{guest['adventure']}/",
        origin=origin,
        additional_headers={"Cookie": cookie},
        max_size=None,
        proxy=None,
    )


async def play(guest: dict[str, Any], count: int) -> None:
    for number in range(count):
        text = ACTIONS[number % len(ACTIONS)]
        command = {"type": "take_action", "key": str(uuid.uuid4()), "kind": "do", "text": text}
        async with window(guest) as page, asyncio.timeout(TURN_SECONDS):
            await page.send(json.dumps(command))
            async for frame in page:
                event = json.loads(frame)
                if event["type"] == "turn.told":
                    guest["replies"].append(event["turn"]["reply"])
                    break
                if event["type"] in ("turn.failed", "error"):
                    sys.exit(f"turn {number + 1} was not told: {event}")
        if not guest["replies"][-1].strip():
            sys.exit(f"turn {number + 1} has no words")


async def reads(guest: dict[str, Any]) -> None:
    async with window(guest) as page, asyncio.timeout(60):
        async for frame in page:
            event = json.loads(frame)
            if event["type"] == "snapshot":
                held = [turn["reply"] for turn in event["turns"]]
                lost = [reply for reply in guest["replies"] if reply not in held]
                if lost:
                    sys.exit(f"{len(lost)} of {len(guest['replies'])} replies are lost: {lost[0]}")
                return


def main() -> None:
    match sys.argv[1:]:
        case ["opens", address]:
            Browser("").get(address)
        case ["gateway"]:
            print(gateway())
        case ["operator", link, name, password]:
            operator(link, name, password)
        case ["begin", origin]:
            print(json.dumps(begin(origin)))
        case ["play", count]:
            guest = json.load(sys.stdin)
            began = time.monotonic()
            asyncio.run(play(guest, int(count)))
            seconds = time.monotonic() - began
            print(f"{count} turns told in {seconds:.0f} s", file=sys.stderr)
            print(json.dumps(guest))
        case ["reads"]:
            asyncio.run(reads(json.load(sys.stdin)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
