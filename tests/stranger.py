"""A browser without an account that begins a scenario and plays, over HTTP and a socket."""

import json
import re
import time
import uuid
from http.client import HTTPConnection
from urllib.parse import urlencode

from websockets.sync.client import connect

ENDS = ("turn.told", "turn.failed", "turn.stopped")


class Stranger:
    def __init__(self, port: int, scenario: str = "lost-property") -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.cookies: dict[str, str] = {}
        self.scenario = scenario
        self.adventure = ""

    def ask(self, method, path, form=None):
        """Status, body and where it leads."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Origin": self.origin,
            "Referer": self.origin + path,
        }
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form or {}), headers)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        body = answer.read().decode()
        connection.close()
        return answer.status, body, answer.headers.get("Location") or ""

    def fill_in(self, path, **fields):
        """A page's form with its token, sent to where the page is unless `to` says otherwise."""
        page = self.ask("GET", path)[1]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, page[:500]
        return self.ask("POST", fields.pop("to", path), {"csrfmiddlewaretoken": token[1], **fields})

    def begin(self):
        path = f"/scenarios/{self.scenario}/"
        status, body, where = self.fill_in(path, to=f"{path}begin/", name="Wren")
        if status == 302:
            self.adventure = where
        return status, body

    def command(self, command, seconds=60.0, **fields):
        """Send one command; the error, or the turn once it has ended, or the acceptance."""
        identity = self.adventure.strip("/").split("/")[-1]
        key = str(uuid.uuid4())
        with connect(
            f"ws://127.0.0.1:{self.port}/ws/adventures/{identity}/",
            additional_headers={"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())},
            origin=self.origin,
        ) as socket:
            give_up = time.monotonic() + seconds
            turn = None
            first = json.loads(socket.recv(timeout=seconds))
            assert first["type"] == "snapshot", first
            socket.send(json.dumps({"type": command, "key": key, **fields}))
            while time.monotonic() < give_up:
                event = json.loads(socket.recv(timeout=give_up - time.monotonic()))
                if event["type"] == "error" and event.get("key") == key:
                    return event
                if event["type"] == "accepted" and event["key"] == key:
                    if command not in ("take_action", "retry_turn"):
                        return event
                    turn = event["turn"]
                if event["type"] in ENDS:
                    told = event["turn"]["id"] if isinstance(event["turn"], dict) else event["turn"]
                    if told == turn or turn is None:
                        return event
            raise AssertionError(f"nothing came of {command} within {seconds} s")

    def act(self, text, seconds=60.0):
        return self.command("take_action", seconds, kind="do", text=text)

    def turns(self):
        """The story as it is exported: kinds, actions and replies."""
        return json.loads(self.ask("GET", f"{self.adventure}export.json")[1])["turns"]
