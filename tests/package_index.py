"""A package index of our own, with wheels that the tests make, and its bad days."""

import base64
import hashlib
import http.server
import io
import json
import threading
import time
import zipfile
from contextlib import contextmanager

JSON = "application/vnd.pypi.simple.v1+json"


def wheel_bytes(name: str, member: str, content: bytes) -> bytes:
    """A wheel of version 1.0 with one file in it, which is not compressed."""
    file = io.BytesIO()
    about = f"{name.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return file.getvalue()


class PackageIndex(http.server.ThreadingHTTPServer):
    """Lists packages as PyPI does, and sends their wheels."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.wheels: dict[str, bytes] = {}  # by package
        self.promised: dict[str, bytes] = {}  # where the listing is about other bytes
        self.speaks_json = True
        self.ranges = True
        self.login = ""  # "name:password" that it wants for what begins with `locked`
        self.locked = "/"
        self.refused: dict[str, int] = {}  # package: status of its wheel
        self.broken: dict[str, int] = {}  # package: bytes after which an answer ends, once
        self.held: dict[str, threading.Event] = {}  # package: sends half, and waits for this
        self.pause = 0.0  # seconds after each 64 KiB
        self.sent: dict[str, int] = {}  # package: bytes of its wheel that were sent
        self.asked: list[tuple[str, str]] = []  # package, range
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()

    def handle_error(self, request, client_address):
        """Clients of these tests end connections."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, member: str, content: bytes) -> None:
        self.wheels[name] = wheel_bytes(name, member, content)

    def forget(self) -> None:
        """Count anew. What is still being sent counts no more."""
        self.sent, self.asked = {}, []


class Answer(http.server.BaseHTTPRequestHandler):
    server: PackageIndex
    counted = False

    def log_message(self, *args):
        pass

    def do_GET(self):
        login = base64.b64encode(self.server.login.encode()).decode()
        locked = self.server.login and self.path.startswith(self.server.locked)
        if locked and self.headers.get("Authorization") != f"Basic {login}":
            return self.send_error(401)
        where, name, *_ = [*self.path.strip("/").split("/"), ""]
        if name not in self.server.wheels:
            return self.send_error(404)
        return self.list(name) if where == "simple" else self.send_wheel(name)

    def list(self, name):
        data = self.server.promised.get(name, self.server.wheels[name])
        file = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        digest = hashlib.sha256(data).hexdigest()
        url = f"/files/{name}/{file}"
        if self.server.speaks_json and JSON in self.headers["Accept"]:
            entry = {"filename": file, "url": url, "size": len(data), "hashes": {"sha256": digest}}
            said = {"meta": {"api-version": "1.1"}, "name": name, "files": [entry]}
            kind, body = JSON, json.dumps(said).encode()
        else:
            kind = "text/html"
            body = f'<!DOCTYPE html><a href="{url}#sha256={digest}">{file}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_wheel(self, name):
        asked, server = self.headers.get("Range", ""), self.server
        server.asked.append((name, asked))
        if name in server.refused:
            return self.send_error(server.refused[name])
        data = server.wheels[name]
        start = int(asked[6:-1]) if asked and server.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            self.counted = True
        try:
            self.send_bytes(name, data[start:])
        finally:
            self.end_answer()
        return None

    def end_answer(self):
        with self.server.lock:
            if self.counted:
                self.counted = False
                self.server.at_once -= 1

    def send_bytes(self, name, rest):
        server, sent = self.server, self.server.sent
        cut = server.broken.pop(name, None)
        if cut is not None:
            rest = rest[:cut]
        for at in range(0, len(rest), 1 << 16):
            if name in server.held and at >= len(rest) // 2:
                server.held[name].wait(30)
            piece = rest[at : at + (1 << 16)]
            if at + len(piece) == len(rest):
                # With the last bytes the client may ask for the next, before this one is done.
                self.end_answer()
            self.wfile.write(piece)
            sent[name] = sent.get(name, 0) + len(piece)
            time.sleep(server.pause)


@contextmanager
def package_index(monkeypatch):
    """An index that is the only one to be asked."""
    server = PackageIndex()
    threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("FIND_LINKS", "EXTRA_INDEX_URL", "NO_INDEX", "CERT", "PROXY"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.address}/simple")
    yield server
    server.shutdown()
    server.server_close()
