"""A server of the host's own choice, as narrators.yaml names it for the engine `openai`."""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

# Names that mean this machine: for itself, and as its containers say it.
HERE = {"localhost", "ip6-localhost", "host.docker.internal", "host.containers.internal"}


class Server(BaseModel):
    """What an OpenAI-compatible server must be told and asked, beside its address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = ""  # its name for the model; the only one it serves where empty
    # The environment variable that holds its key. The key itself is in no file.
    key: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")
    # Whether a chat can be continued in the middle of its last message: as is known of the server
    # where this is missing.
    continues: bool | None = None
    timeout: float = Field(default=120, gt=0)  # seconds to its first word, and from word to word
    # Seconds for a whole reply; where missing, `timeout` and two more for each token it may have.
    reply_timeout: float | None = Field(default=None, gt=0)
    extra: dict[str, Any] = {}  # fields that every request gets, as the server's manual names them


def address_problem(url: str) -> str:
    """What is wrong with a server's address; empty where nothing is."""
    wanted = "wants the address of a server, such as http://127.0.0.1:8080/v1"
    # urlsplit leaves some of these out without a word, and the client that asks does not.
    if any(letter.isspace() or not letter.isprintable() for letter in url) or "\\" in url:
        return wanted
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return wanted
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return wanted
    if parts.username is not None or parts.password is not None:
        return "wants no key in the address: name an environment variable in server.key"
    if parts.query or parts.fragment:
        return wanted
    return ""


def host_beyond(url: str) -> str:
    """The host that a request to `url` leaves this machine for; empty where it stays here.

    A private address is another machine's unless it is one of ours: what is sent there leaves.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host in HERE or host.endswith(".localhost") or host == socket.gethostname().lower():
        return ""
    return "" if is_ours(host) else host


def is_ours(host: str) -> bool:
    """Whether `host` is an IP address of this machine. Asks the kernel, sends nothing."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))  # only an address of our own can be bound
    except OSError:
        return False
    return True
