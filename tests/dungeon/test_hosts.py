"""By which addresses a Grue is reached that is published on every address of its machine."""

from http.client import HTTPConnection

import pytest

from dungeon import network
from tests.serving import free_port, serving

ALLOWED = ["192.168.1.5", "10.0.0.7", "172.20.1.1", "100.101.102.103", "[fd00::5]", "grue.lan"]
REFUSED = [
    "8.8.8.8",
    "[2001:db8::1]",
    "phone.lan",
    "192.168.1.5.evil.example",
    "192.168.1",
    "0.0.0.0",
]


def served(**environ):
    """A web process that listens on the loopback, as in a container that is published."""
    port = free_port()
    environ = {"PORT": str(port), "DJANGO_SETTINGS_MODULE": "dungeon.settings", **environ}
    return serving("dungeon.asgi:application", port=port, **environ)


def status(port, host, path="/manifest.webmanifest", **headers):
    """The answer's status. The manifest asks no database."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": f"{host}:{port}", **headers})
    found = connection.getresponse().status
    connection.close()
    return found


def knock(port, host, origin):
    """The answer to a socket's first line: 101, or why not."""
    return status(
        port,
        host,
        "/ws/nowhere/",
        Origin=origin,
        Connection="Upgrade",
        Upgrade="websocket",
        **{"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
    )


@pytest.fixture(scope="module")
def everywhere():
    with served(PUBLISHED_HOST="0.0.0.0", ALLOWED_HOSTS="grue.lan") as web:
        yield web.port


@pytest.mark.parametrize("host", ALLOWED)
def test_a_phone_reaches_it_by_any_private_address_and_by_the_names_that_are_listed(
    everywhere, host
):
    assert status(everywhere, host) == 200


@pytest.mark.parametrize("host", REFUSED)
def test_other_names_and_public_addresses_must_be_listed(everywhere, host):
    assert status(everywhere, host) == 400


def test_a_page_from_a_private_address_may_open_its_socket_and_no_other_page_may(everywhere):
    here = f"http://192.168.1.5:{everywhere}"
    # No adventure is there: that is the routing's answer, to those whose origin is let in.
    assert knock(everywhere, "192.168.1.5", here) == 500
    for origin in (
        f"http://192.168.1.6:{everywhere}",
        "http://192.168.1.5:1",
        f"https://192.168.1.5:{everywhere}",
        f"http://phone.lan:{everywhere}",
    ):
        assert knock(everywhere, "192.168.1.5", origin) == 403, origin
    assert knock(everywhere, "phone.lan", f"http://phone.lan:{everywhere}") == 403


def test_published_on_this_machine_alone_no_private_address_is_let_in():
    with served(PUBLISHED_HOST="127.0.0.1") as web:
        assert status(web.port, "localhost") == 200
        assert status(web.port, "192.168.1.5") == 400


@pytest.mark.parametrize(
    ("host", "named", "shown"),
    [
        ("0.0.0.0", [], "localhost"),
        ("0.0.0.0", ["*", ".lan", "grue.lan"], "grue.lan"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("192.168.1.5", ["grue.lan"], "192.168.1.5"),
    ],
)
def test_links_that_a_container_prints_open_in_a_browser_of_its_host(host, named, shown):
    assert network.shown_host(host, named) == shown
