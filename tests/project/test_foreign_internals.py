"""What Grue uses of other libraries though their manuals do not promise it.

Each entry names one thing and says what it has to look like, so that an upgrade fails with the name
of what is gone. Whether what is still there does what it did is for the tests of sockets, slow
readers and limits to tell. Why the web server needs this much: docs/decisions/socket-server.md.
"""

import ast
import gettext
import inspect
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from allauth.account.auth_backends import AuthenticationBackend
from autobahn.websocket.protocol import FrameHeader, TrafficStats, WebSocketServerFactory
from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.utils import log as django_log
from kombu.transport.redis import Channel
from twisted.internet import tcp
from twisted.web.http import HTTPChannel

from dungeon import broker

ROOT = Path(__file__).resolve().parents[2]

VALUE = None  # an attribute: of the class, or set by one of its methods

# A method stands with its parameters, without annotations.
INTERNALS = {
    # dungeon/web.py, Socket
    WebSocketProtocol: {
        "STATE_CLOSED": VALUE,
        "STATE_CLOSING": VALUE,
        "STATE_OPEN": VALUE,
        "application_queue": VALUE,
        "autoPingTimeoutCall": VALUE,
        "check_timeouts": "self",
        "connectionLost": "self, reason=…",
        "connectionMade": "self",
        "current_frame": VALUE,
        "dropConnection": "self, abort=False",
        "factory": VALUE,
        "is_closed": VALUE,
        "last_ping": VALUE,
        "onAutoPingTimeout": "self",
        "onClose": "self, wasClean, code, reason",
        "onFrameData": "self, payload",
        "onMessage": "self, payload, isBinary",
        "onPing": "self, payload",
        "sendClose": "self, code=None, reason=None",
        "sendData": "self, data, sync=False, chopsize=None",
        "sendFrame": "self, opcode, payload=b'', fin=True, rsv=0, mask=None, payload_len=None, "
        "chopsize=None, sync=False",
        "sendMessage": "self, payload, isBinary=False, fragmentSize=None, sync=False, "
        "doNotCompress=False",
        "sendPong": "self, payload=None",
        "send_queue": VALUE,
        "state": VALUE,
        "trafficStats": VALUE,
        "transport": VALUE,
    },
    TrafficStats: {"outgoingOctetsWireLevel": VALUE},
    FrameHeader: {"length": VALUE, "opcode": VALUE},
    WebSocketServerFactory: {"closeHandshakeTimeout": VALUE, "failByDrop": VALUE},
    WebSocketFactory: {"protocol": VALUE, "server_class": VALUE},
    # dungeon/web.py, WebServer and CommandLine
    Server: {
        "__init__": "self, application, endpoints=None, signal_handlers=True, action_logger=None, "
        "http_timeout=None, request_buffer_size=8192, websocket_timeout=86400, "
        "websocket_connect_timeout=20, ping_interval=20, ping_timeout=30, root_path='', "
        "proxy_forwarded_address_header=None, proxy_forwarded_port_header=None, "
        "proxy_forwarded_proto_header=None, verbosity=1, websocket_handshake_timeout=5, "
        "websocket_max_message_size=1048576, websocket_max_frame_size=1048576, "
        "application_close_timeout=10, ready_callable=None, server_name='daphne'",
        "application": VALUE,
        "application_checker": "self",
        "connections": VALUE,
        "create_application": "self, protocol, scope",
        "handle_reply": "self, protocol, message",
        "http_factory": VALUE,
        "timeout_checker": "self",
        "ws_factory": VALUE,
    },
    CommandLineInterface: {
        "__init__": "self",
        "parser": VALUE,
        "run": "self, args",
        "server_class": VALUE,
    },
    # dungeon/web.py and dungeon/http_limits.py: what Twisted writes from
    tcp.Server: {
        "TLS": VALUE,
        "_tempDataBuffer": VALUE,
        "_tempDataLen": VALUE,
        "abortConnection": "self",
        "connected": VALUE,
        "dataBuffer": VALUE,
        "disconnecting": VALUE,
        "getHandle": "self",
        "loseWriteConnection": "self",
        "offset": VALUE,
        "registerProducer": "self, producer, streaming",
        "unregisterProducer": "self",
        "write": "self, bytes",
        "writeSomeData": "self, data",
    },
    # dungeon/http_limits.py
    HTTPFactory: {"protocol": VALUE, "server": VALUE},
    WebRequest: {
        "__init__": "self, *args, **kwargs",
        "connectionLost": "self, reason",
        "content": VALUE,
        "finish": "self",
        "gotLength": "self, length",
        "handleContentChunk": "self, data",
        "process": "self",
        "requestHeaders": VALUE,
        "responseHeaders": VALUE,
        "server": VALUE,
    },
    HTTPChannel: {
        "_finishRequestBody": "self, data",
        "_handlingRequest": VALUE,
        "_networkProducer": VALUE,
        "_path": VALUE,
        "_transferDecoder": VALUE,
        "abortTimeout": VALUE,
        "allContentReceived": "self",
        "allHeadersReceived": "self",
        "connectionLost": "self, reason",
        "connectionMade": "self",
        "dataReceived": "self, data",
        "factory": VALUE,
        "length": VALUE,
        "loseConnection": "self",
        "persistent": VALUE,
        "rawDataReceived": "self, data",
        "requestFactory": VALUE,
        "requests": VALUE,
        "setRawMode": "self",
        "transport": VALUE,
    },
    # dungeon/broker.py, which puts its own in its place
    Channel: {"_connparams": "self, asynchronous=False", "connection": VALUE},
    # dungeon/languages.py
    gettext.GNUTranslations: {"_catalog": VALUE},
    # game/accounts/backend.py
    AuthenticationBackend: {
        "_authenticate": "self, request, **credentials",
        "_check_password": "self, user, password",
    },
}
REPLACED = {(Channel, "_connparams"): broker.original_parameters}
# Names with an underscore that their manuals promise all the same.
PROMISED = {
    "_asdict",
    "_base_manager",
    "_default_manager",
    "_exit",
    "_fields",
    "_make",
    "_meta",
    "_replace",
    "_state",
}
# Looked at by tests of their own: the one below, and tests/inference/finetune/test_training.py
# (torch).
ELSEWHERE = {"_has_been_logged", "_is_avx512_bf16_supported"}


@cache
def attributes_set_in(module):
    """By class of a module: the attributes that its methods set on `self`."""
    found = {}
    for kind in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(kind, ast.ClassDef):
            found[kind.name] = {
                node.attr
                for node in ast.walk(kind)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            }
    return found


def set_by_methods(kind):
    """The attributes that a class, or one that it extends, sets on itself."""
    return {
        name
        for each in kind.__mro__
        if each.__module__ != "builtins"
        for name in (
            *attributes_set_in(sys.modules[each.__module__]).get(each.__name__, ()),
            *getattr(each, "__slots__", ()),
        )
    }


def parameters(method):
    shown = []
    for each in inspect.signature(method).parameters.values():
        plain = each.replace(annotation=inspect.Parameter.empty)
        simple = isinstance(each.default, (type(None), bool, int, str, bytes, type))
        shown.append(str(plain) if simple else f"{each.name}=…")
    return ", ".join(shown)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, names in INTERNALS.items() for name in names],
    ids=lambda each: each if isinstance(each, str) else f"{each.__module__}.{each.__name__}",
)
def test_it_is_still_there_and_looks_the_same(kind, name):
    wanted = INTERNALS[kind][name]
    whole = f"{kind.__module__}.{kind.__name__}.{name}"
    if wanted is VALUE:
        assert name in dir(kind) or name in set_by_methods(kind), f"{whole} is gone"
    else:
        assert hasattr(kind, name), f"{whole} is gone"
        method = REPLACED.get((kind, name)) or getattr(kind, name)
        assert parameters(method) == wanted, f"{whole} takes something else"


def test_django_still_asks_whether_an_answer_was_logged():
    assert "_has_been_logged" in inspect.getsource(django_log.log_response)


# Nothing is used that is not in the list.

OURS = {
    "Socket": WebSocketProtocol,
    "WebServer": Server,
    "CommandLine": CommandLineInterface,
    "LimitedRequest": WebRequest,
    "LimitedChannel": HTTPChannel,
}


def classes(file):
    tree = ast.parse((ROOT / file).read_text())
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def names_of(kind, node):
    """What our class takes from, or changes in, the class of a library that it extends."""
    used = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and ast.unparse(each.value) in ("self", "super()"):
            used.add(each.attr)
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            used.add(each.name)
    return {name for name in used if name in dir(kind) or name in set_by_methods(kind)}


@pytest.mark.parametrize("file", ["dungeon/web.py", "dungeon/http_limits.py"])
def test_all_that_our_server_takes_from_daphne_and_twisted_is_in_the_list(file):
    missing = [
        f"{node.name}: {name}"
        for node in classes(file)
        if node.name in OURS
        for name in sorted(names_of(OURS[node.name], node) - {*INTERNALS[OURS[node.name]]})
    ]
    transport = {
        each.attr
        for node in classes(file)
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and ast.unparse(each.value).endswith("transport")
    }
    missing += [f"transport: {name}" for name in sorted(transport - {*INTERNALS[tcp.Server]})]
    assert not missing


TAKEN = re.compile(
    r"""[\w)\]]\.(_[a-z]\w*)\b|[gs]etattr\([^()]*["'](_[a-z]\w*)["']|import (_[a-z]\w*)"""
)
MADE = re.compile(
    r"(?:def|class) (_\w+)|(?:self|cls)\.(_\w+)(?:: [^=\n]+)? =|^ *(_\w+)\b.* = ", re.M
)


def found_by(pattern, text):
    return {name for groups in pattern.findall(text) for name in groups if name}


def test_no_other_private_name_is_used():
    files = [
        file
        for room in ("dungeon", "game", "inference", "scripts")
        for file in sorted((ROOT / room).rglob("*.py"))
        if "node_modules" not in file.parts
    ]
    made = {name for file in files for name in found_by(MADE, file.read_text())}
    listed = {name for names in INTERNALS.values() for name in names} | PROMISED | ELSEWHERE
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in sorted(found_by(TAKEN, file.read_text()) - listed - made)
    ]
    assert not found, "list it in INTERNALS, or do without"
