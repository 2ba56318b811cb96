"""Who asks, and for which name: IPv4 over an IPv6 socket, and the pages for machines."""

import os
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.test import RequestFactory

from dungeon import network
from game import ip
from game.accounts import limits
from tests.serving import Served, free_port, until

ROOT = Path(__file__).resolve().parents[2]
SAYS = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "dungeon.settings"
from dungeon.asgi import Application
async def show(scope, receive, send):
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": scope["client"][0].encode()})
application = Application({"http": show})
"""


def test_who_comes_over_ipv4_is_ipv4_also_on_an_ipv6_socket(tmp_path):
    """HOST=:: showed ::ffff:127.0.0.1: everybody of IPv4 was one home, and nobody was here."""
    (tmp_path / "says.py").write_text(SAYS)
    port = free_port()
    command = [sys.executable, "-m", "dungeon.web", "-v", "0", "-b", "::", "-p", str(port)]
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    process = subprocess.Popen([*command, "says:application"], cwd=ROOT, env=environ)
    try:
        served = Served(port, process)
        until(lambda: served.answers() or process.poll() is not None)
        assert served.get("/") == b"127.0.0.1"
        with socket.socket(socket.AF_INET6) as probe:
            probe.connect(("::1", port))
        connection = HTTPConnection("::1", port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"::1"
    finally:
        process.terminate()
        process.wait()


def asking(address, **more):
    return RequestFactory().get("/", REMOTE_ADDR=address, **more)


def test_each_ipv4_address_has_a_limit_of_its_own_however_it_is_written(settings):
    def counted(address):
        return limits.counted_subject(asking(address), "ip")

    assert counted("::ffff:203.0.113.9") == counted("203.0.113.9") == "203.0.113.9"
    assert counted("::ffff:203.0.113.8") != counted("::ffff:203.0.113.9")
    assert counted("2001:db8::1") == counted("2001:db8::2") == "2001:db8::/64"
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    request = asking("10.0.0.1", HTTP_X_FORWARDED_FOR="::ffff:203.0.113.9")
    assert limits.counted_subject(request, "ip") == "203.0.113.9"


@pytest.mark.parametrize("address", ["::ffff:127.0.0.1", "127.0.0.1", "::1", "::ffff:7f00:1"])
def test_whoever_sits_here_is_known_however_the_address_is_written(address):
    assert limits.is_here(asking(address))
    assert limits.counted_subject(asking(address), "ip") is None
    assert network.is_loopback(address)
    assert network.is_private_address("[::ffff:192.168.1.5]")
    assert ip.plain("nobody") == "nobody"


PROBES = ["/healthz", "/metrics"]
MINE = network.lan_addresses()[:1]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "10.42.0.17:8000", "172.18.0.4", *MINE]
)
def test_machines_ask_for_a_pod_or_this_machine_by_its_address(client, host, path):
    assert client.get(path, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize("host", ["evil.example", "10.0.0.1.evil.example", "203.0.113.5", "a b"])
def test_no_page_of_somebody_else_reads_them_by_a_name_of_its_own(client, host, path):
    """As with DNS rebinding: a name of theirs leads to our address, from inside our network."""
    assert client.get(path, headers={"host": host}).status_code == 400
