"""A server of our own that speaks OpenAI's protocol and does what real ones do on bad days.

For faults only: what works is tested with a real server (tests/llama_server.py).
"""

import contextlib
import json
import select
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 30  # seconds after which a hanging answer gives up, in case a test never lets it go


class FaultyServer:
    """Answers each request for a reply with the next of `answers`; the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [says("You open the door.")]
        self.models: Any = {"data": [{"id": "m", "object": "model", "owned_by": "somebody"}]}
        self.models_status = 200
        self.counts = False  # whether it counts tokens at /tokenize, as vLLM does
        self.count: Any = None  # what it says there instead of how many words there are
        self.pause = 0.0  # seconds after each byte of an answer that is no reply
        self.asked: list[dict[str, Any]] = []  # the bodies of requests for a reply
        self.headers: list[dict[str, str]] = []
        self.gone = threading.Event()  # a client has closed a stream before its end
        self.address = ""

    def next_answer(self) -> "Answer":
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Reply:
    """One answer as it is given."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: FaultyServer, body: dict[str, Any]):
        self.handler = handler
        self.server = server
        self.body = body
        self.chats = handler.path.endswith("/chat/completions")

    def begin(self, kind: str = "text/event-stream") -> None:
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", kind)
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def send(self, raw: bytes) -> None:
        self.handler.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.handler.wfile.flush()

    def event(self, data: Any) -> None:
        self.send(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def words(self, text: str, finish: str | None = None, **delta: str) -> None:
        said = {"delta": {"content": text, **delta}} if self.chats else {"text": text}
        self.event({"choices": [{"index": 0, "finish_reason": finish, **said}]})

    def end(self, prompt_tokens: int = 0, completion_tokens: int | None = None) -> None:
        if completion_tokens is not None:
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
            self.event({"choices": [], "usage": usage})
        self.event("[DONE]")
        self.send(b"")

    def drop(self) -> None:
        self.handler.close_connection = True
        self.handler.connection.close()

    def ended(self) -> bool:
        """Whether the client has closed the connection."""
        readable, _, _ = select.select([self.handler.connection], [], [], 0)
        if readable:
            self.server.gone.set()
        return bool(readable)

    def wait_until_gone(self) -> None:
        """Say nothing more until the client closes the connection."""
        readable, _, _ = select.select([self.handler.connection], [], [], PATIENCE)
        if readable:
            self.server.gone.set()
        self.drop()


Answer = Callable[[Reply], None]


def says(text: str, finish: str = "stop", tokens: int | None = None) -> Answer:
    def answer(reply: Reply) -> None:
        reply.begin()
        for word in text.split(" "):
            reply.words(word if text.startswith(word) else f" {word}")
        reply.words("", finish)
        reply.end(completion_tokens=tokens)

    return answer


def refuses(status: int, message: str = "", **headers: str) -> Answer:
    def answer(reply: Reply) -> None:
        raw = json.dumps({"error": {"message": message, "type": "some_error"}}).encode()
        reply.handler.send_response(status)
        for name, value in headers.items():
            reply.handler.send_header(name.replace("_", "-"), value)
        reply.handler.send_header("Content-Length", str(len(raw)))
        reply.handler.end_headers()
        reply.handler.wfile.write(raw)

    return answer


def refuses_fields(*names: str, then: Answer, silently: bool = False) -> Answer:
    """A 400 that names the first of `names` that is there, or none of them."""

    def answer(reply: Reply) -> None:
        there = [name for name in names if name in reply.body]
        if not there:
            then(reply)
            return
        said = "Bad request" if silently else f"Unrecognized request argument: {there[0]}"
        refuses(400, said)(reply)

    return answer


def hangs(after: str = "") -> Answer:
    def answer(reply: Reply) -> None:
        reply.begin()
        if after:
            reply.words(after)
        reply.wait_until_gone()

    return answer


def never_ends(raw: bytes, pause: float = 0.02, after: str = "", finish: str = "") -> Answer:
    """The same bytes over and over, for as long as the client listens."""

    def answer(reply: Reply) -> None:
        reply.begin()
        if after:
            reply.words(after)
        if finish:
            reply.words("", finish)
        until = time.monotonic() + PATIENCE
        while not reply.ended() and time.monotonic() < until:
            reply.send(raw)
            time.sleep(pause)
        reply.drop()

    return answer


def complains(body: bytes, status: int = 500) -> Answer:
    """An answer with an error, whose body never ends."""

    def answer(reply: Reply) -> None:
        reply.handler.send_response(status)
        reply.handler.send_header("Transfer-Encoding", "chunked")
        reply.handler.end_headers()
        until = time.monotonic() + PATIENCE
        while not reply.ended() and time.monotonic() < until:
            reply.send(body)
        reply.drop()

    return answer


def drips(before: str, gate: threading.Event, after: str = "") -> Answer:
    """Some words, then signs of life and no more of them until the gate opens; then the rest."""

    def answer(reply: Reply) -> None:
        reply.begin()
        reply.words(before)
        while not gate.wait(0.2) and not reply.ended():
            reply.send(b": still there\n\n")
        reply.words(after, "stop")
        reply.end()

    return answer


def breaks_off(after: str = "") -> Answer:
    def answer(reply: Reply) -> None:
        if after:
            reply.begin()
            reply.words(after)
        reply.drop()

    return answer


def sends(*raw: bytes, kind: str = "text/event-stream") -> Answer:
    def answer(reply: Reply) -> None:
        reply.begin(kind)
        for piece in raw:
            reply.send(piece)
        reply.send(b"")

    return answer


def reads_only(context: int, per_token: int = 4) -> Answer:
    """Cuts the prompt at its own context without a word, as Ollama does."""

    def answer(reply: Reply) -> None:
        said = reply.body.get("prompt") or "".join(
            message["content"] for message in reply.body["messages"]
        )
        reply.begin()
        reply.words(" and", "length")
        reply.end(min(context, len(said) // per_token), 1)

    return answer


@contextlib.contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    faulty = FaultyServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(faulty.models, faulty.models_status)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/tokenize":
                said = (
                    {"count": len(body["prompt"].split())} if faulty.count is None else faulty.count
                )
                self.answer(said, 200 if faulty.counts else 404)
                return
            faulty.asked.append(body)
            faulty.headers.append(dict(self.headers))
            try:
                faulty.next_answer()(Reply(self, faulty, body))
            except (BrokenPipeError, ConnectionResetError):
                faulty.gone.set()

        def answer(self, said: Any, status: int) -> None:
            raw = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if not faulty.pause:
                    self.wfile.write(raw)
                    return
                for place in range(len(raw)):
                    self.wfile.write(raw[place : place + 1])
                    time.sleep(faulty.pause)

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    faulty.address = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        http.shutdown()
        http.server_close()
