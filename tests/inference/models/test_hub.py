"""Checkpoints from a hub: what is taken, resumed and verified. The hub is a server of the tests."""

import hashlib
import http.server
import io
import json
import threading
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.models import download, hub
from inference.models.hub import HubError

COMMIT = "c0ffee" * 6 + "c0ff"
WEIGHTS = bytes(range(256)) * 4000
FILES = {
    "config.json": b'{"model_type": "gpt2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"a pickle",
    "modeling_evil.py": b"import os",
    "onnx/model.onnx": b"another form",
    "README.md": b"words",
}


class Hub(http.server.ThreadingHTTPServer):
    """Answers as a hub does; may break off, lie, and ask for a token."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = dict(FILES)
        self.promised: dict[str, bytes] = {}  # where it lies about a file
        self.break_off = 0  # answers that end in the middle
        self.pause = 0.0  # seconds after each MB
        self.token = ""
        self.asked: list[tuple[str, str]] = []  # path, range


class Answer(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = urllib.parse.unquote(self.path.split("?")[0])
        self.server.asked.append((path, self.headers.get("Range", "")))
        if self.server.token and self.headers.get("Authorization") != (
            f"Bearer {self.server.token}"
        ):
            return self.send_error(401)
        if path.startswith("/api/models/org/gpt/revision/"):
            if not path.endswith(("/main", "/v1", f"/{COMMIT}")):
                return self.send_error(404)
            return self.reply(
                json.dumps({"sha": COMMIT, "siblings": list(self.siblings())}).encode()
            )
        name = path.removeprefix(f"/org/gpt/resolve/{COMMIT}/")
        if name not in self.server.files:
            return self.send_error(404)
        return self.reply(self.server.files[name])

    def siblings(self):
        for name, held in self.server.files.items():
            data = self.server.promised.get(name, held)
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            about = {"rfilename": name, "size": len(data), "blobId": blob}
            if name.endswith((".safetensors", ".gguf")):
                about["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            yield about

    def reply(self, data: bytes):
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        rest = data[start:]
        if self.server.break_off and len(rest) > 1000:
            self.server.break_off -= 1
            rest = rest[: len(rest) // 2]
        for start in range(0, len(rest), 1 << 20):
            self.wfile.write(rest[start : start + (1 << 20)])
            if self.server.pause:
                time.sleep(self.server.pause)


@contextmanager
def running(monkeypatch):
    """A hub that is the one to be asked."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(monkeypatch):
    with running(monkeypatch) as server:
        monkeypatch.setattr(download, "wait", lambda seconds, cancelled: None)
        yield server


def fetch(folder: Path, revision: str = "main"):
    seen: list[tuple[int, int]] = []
    commit = hub.fetch("org/gpt", revision, folder, lambda *progress: seen.append(progress))
    return commit, seen


def test_what_telling_needs_is_fetched_and_neither_pickle_nor_code(server, tmp_path):
    commit, seen = fetch(tmp_path / "gpt", "v1")
    assert commit == COMMIT
    there = {path.name: path.read_bytes() for path in (tmp_path / "gpt").iterdir()}
    assert set(there) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert there["model.safetensors"] == WEIGHTS
    total = sum(len(FILES[name]) for name in there)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_download_that_breaks_off_goes_on_where_it_was(server, tmp_path):
    server.break_off = 2
    fetch(tmp_path / "gpt")
    ranges = [asked for path, asked in server.asked if path.endswith("model.safetensors")]
    assert ranges == ["", f"bytes={len(WEIGHTS) // 2}-", f"bytes={len(WEIGHTS) * 3 // 4}-"]
    assert (tmp_path / "gpt" / "model.safetensors").read_bytes() == WEIGHTS


def test_what_an_earlier_pull_left_is_gone_on_with_and_what_is_whole_is_kept(server, tmp_path):
    folder = tmp_path / "gpt"
    fetch(folder)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.part").write_bytes(WEIGHTS[:5000])
    server.asked.clear()
    fetch(folder)
    fetched = [(path.rsplit("/", 1)[1], asked) for path, asked in server.asked[1:]]
    assert fetched == [("model.safetensors", "bytes=5000-")]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_the_promised_one_is_refused(server, tmp_path, name):
    server.promised[name] = bytes(len(FILES[name]))
    with pytest.raises(HubError, match=f"{name} is not the file that the hub promised"):
        fetch(tmp_path / "gpt")
    assert not (tmp_path / "gpt" / name).exists()
    assert not (tmp_path / "gpt" / f"{name}.part").exists()


def test_a_hub_that_sends_more_than_it_promised_fills_no_disk(tmp_path, monkeypatch):
    class Endless(io.BytesIO):
        status = 200
        headers: dict[str, str] = {}

        def read1(self, size=-1):
            return b"x" * size

    monkeypatch.setattr(hub, "ask", lambda *_: Endless())
    promised = hub.Remote("model.gguf", 3 * download.CHUNK + 7, "0" * 64)
    with pytest.raises(
        HubError, match=r"^org/name: model\.gguf is longer than the server promised$"
    ):
        hub.fetch_file("org/name", "0" * 40, promised, tmp_path / "model.gguf", lambda done: None)
    assert (tmp_path / "model.gguf.part").stat().st_size <= promised.size


def test_a_file_that_is_larger_than_its_entry_says_is_not_fetched(server, tmp_path):
    server.files["x.gguf"] = WEIGHTS
    with pytest.raises(HubError, match=r"x\.gguf is too large: 1024000 bytes, of 1000$"):
        hub.fetch_one("org/gpt", "v1", "x.gguf", tmp_path / "x.gguf", lambda *_: None, 1000)
    assert not any(path.endswith("x.gguf") for path, _ in server.asked)


def test_a_model_that_is_a_pickle_alone_is_refused(server, tmp_path):
    del server.files["model.safetensors"]
    with pytest.raises(HubError, match=r"no safetensors: its weights are a pickle"):
        fetch(tmp_path / "gpt")


def test_a_place_of_ggufs_says_what_to_do_with_one(server, tmp_path):
    del server.files["model.safetensors"]
    server.files["gpt.Q8_0.gguf"] = b"GGUF"
    with pytest.raises(HubError, match=r"GGUF files \(gpt\.Q8_0\.gguf\): write hf:org/name@rev"):
        fetch(tmp_path / "gpt")


def test_a_model_that_is_not_there_and_one_that_wants_a_token(server, tmp_path, monkeypatch):
    with pytest.raises(HubError, match="no such model or revision"):
        fetch(tmp_path / "gpt", "v9")
    server.token = "sesame"
    with pytest.raises(HubError, match="wants HF_TOKEN"):
        fetch(tmp_path / "gpt")
    monkeypatch.setenv("HF_TOKEN", "sesame")
    assert fetch(tmp_path / "gpt")[0] == COMMIT


def test_a_hub_that_does_not_answer_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(HubError, match="no address"):
        fetch(tmp_path / "gpt")
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")
    with pytest.raises(HubError, match=r"nowhere\.invalid does not answer"):
        fetch(tmp_path / "gpt")
