"""By which addresses browsers may reach this machine."""

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from game import ip

EVERY = {"0.0.0.0", "::", ""}  # noqa: S104 (compared with, not bound to)
LOOPBACK = ["127.0.0.1", "localhost", "::1"]
SIOCGIFADDR = 0x8915
# RFC 1918, the space that carriers and overlay networks share (RFC 6598), link-local, and IPv6's
# unique local addresses.
PRIVATE = [
    ipaddress.ip_network(each)
    for each in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10"),
    )
]


@cache
def outward_address(family: socket.AddressFamily = socket.AF_INET) -> str:
    """This machine's address on its network; "" when there is no network.

    Nothing is sent: connecting a datagram socket only asks the system for a route. The targets are
    addresses reserved for documentation.
    """
    target = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((target, 9))
        return str(probe.getsockname()[0])
    return ""


@cache
def interface_addresses() -> tuple[str, ...]:
    """Every IPv4 address of this machine except the loopback, on Linux; elsewhere none."""
    found = []
    if sys.platform == "linux":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for _, name in socket.if_nameindex():
                with contextlib.suppress(OSError):  # an interface without one
                    asked = struct.pack("256s", name.encode()[:15])
                    answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, asked)
                    found.append(socket.inet_ntoa(answer[20:24]))
    return tuple(address for address in found if not address.startswith("127."))


def lan_addresses() -> list[str]:
    """The addresses of this machine on its networks, the likeliest to be reached first."""
    first = [outward_address(), *interface_addresses(), outward_address(socket.AF_INET6)]
    return list(dict.fromkeys(address for address in first if address))


def names_of_machine() -> list[str]:
    """The host name in lower case, and with `.local` as mDNS announces it."""
    name = socket.gethostname().lower()
    return [name, f"{name}.local"] if name and "." not in name else [name] if name else []


def reachable_as(host: str) -> list[str]:
    """The names and addresses by which browsers reach a server that listens on `host`."""
    if host in EVERY:
        return list(dict.fromkeys([*LOOPBACK, *lan_addresses(), *names_of_machine()]))
    return list(dict.fromkeys([host, *LOOPBACK]))


def in_url(host: str) -> str:
    """Brackets around an IPv6 address."""
    return f"[{host}]" if ":" in host else host


def origin(name: str, port: int) -> str:
    """As a browser writes it: without a port that the scheme implies."""
    return f"http://{name}" + ("" if port == 80 else f":{port}")


def host_of(origin: str) -> str:
    """The name in an origin, as Django's ALLOWED_HOSTS wants it."""
    return in_url(urlsplit(origin).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name, is this machine's loopback."""
    try:
        return ip.parsed(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private_address(host: str) -> bool:
    """Whether `host` is a literal address of a home or pool network, brackets or not.

    Such a Host header cannot come from DNS rebinding: that needs a name.
    """
    try:
        address = ip.parsed(host)
    except ValueError:
        return False
    return any(address in network for network in PRIVATE if network.version == address.version)


def shown_host(host: str, named: list[str] | None = None) -> str:
    """The host in addresses that are shown to people.

    Inside a container the machine's own addresses are not known. There, `named` are the names that
    its host gave it, if any, and every address is shown as the first of them or as localhost.
    """
    if host in EVERY and named is not None:
        return next((name for name in named if name[0] not in "*."), "localhost")
    if host in EVERY:
        return (lan_addresses() or ["127.0.0.1"])[0]
    return host


def in_container() -> bool:
    """Docker, Podman, Kubernetes, LXC and systemd-nspawn each leave one of these."""
    if os.environ.get("KUBERNETES_SERVICE_HOST") or os.environ.get("container"):  # noqa: SIM112
        return True
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))


def listen_problem(host: str, port: int) -> str:
    """Why a server cannot listen on this address, for people; "" when it can."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As Twisted will do it: an address that only lingers after a connection is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except socket.gaierror:
        return f"HOST wants an address of this machine, and nobody knows {host!r}"
    except OSError as problem:
        match problem.errno:
            case errno.EADDRINUSE:
                return f"PORT {port} is in use by another program: make play PORT={port + 1}"
            case errno.EACCES:
                return f"PORT wants 1024 or more unless root listens (it is {port})"
            case errno.EADDRNOTAVAIL:
                return f"HOST wants an address of this machine, which {host} is not"
        return f"HOST and PORT want an address to listen on ({problem})"
    return ""
