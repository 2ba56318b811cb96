"""A wrong setting stops start-up with one line that names it; the right ones reach the pages."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from dungeon import email, environment, machine, network, secrets, services
from dungeon.https import HttpsMiddleware
from tests.serving import free_port

ROOT = Path(__file__).resolve().parents[2]


def manage(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dungeon.settings", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def settings_with(**variables):
    """What dungeon.settings makes of some variables."""
    show = (
        "from dungeon import settings as s; "
        "print(s.ALLOWED_HOSTS, s.ALLOWED_ORIGINS, s.CSRF_TRUSTED_ORIGINS, "
        "getattr(s, 'SECURE_PROXY_SSL_HEADER', None), s.DATABASES['default'], "
        "s.CELERY_BROKER_URL, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", show],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


WRONG = [
    ("SECRET_KEY", "short", "32 random characters"),
    ("SECRET_KEY", "django-insecure-6f8a1d3c9b7e2f4a5d6c8b9e1f2a3d4c", "32 random characters"),
    ("SECRET_KEY", "change-me-to-something-long-and-random-please-do", "32 random characters"),
    ("SECRET_KEY", "x" * 64, "32 random characters"),
    ("DEBUG", "maybe", "yes or no"),
    ("HOST", "http://here", "an address to listen on"),
    ("HOST", "*", "an address to listen on"),
    ("PORT", "eight", "from 1 to 65535"),
    ("PORT", "70000", "from 1 to 65535"),
    ("ALLOWED_HOSTS", "http://grue.example", "host names"),
    ("CSRF_TRUSTED_ORIGINS", "grue.example", "origins like https://"),
    ("CSRF_TRUSTED_ORIGINS", "https://grue.example/path", "origins like https://"),
    ("PUBLIC_URL", "home.example/grue", "the address that browsers use"),
    ("PUBLIC_URL", "https://home.example/adventures/", "no path of Grue's own"),
    ("PUBLIC_URL", "https://home.example/gr ue/", "the address that browsers use"),
    ("DATA_DIR", __file__, "wants a folder"),
    ("DATA_DIR", "/proc/nowhere", "a folder that Grue may write to"),
    ("DATABASE_URL", "mysql://user:hush@host/grue", "like postgres://"),
    ("DATABASE_URL", "postgres://user:hush@host", "like postgres://"),
    ("DATABASE_URL", "postgres://user:hush@host:port/grue", "like postgres://"),
    ("REDIS_URL", "http://:hush@host", "like redis://"),
    ("REDIS_URL", "redis://:hush@", "like redis://"),
    ("NARRATORS_FILE", "/nowhere/narrators.yaml", "a file that can be read"),
    ("MODELS_DIR", __file__, "wants a folder"),
    ("MAX_WAIT_SECONDS", "-1", "from 1 to 86400"),
    ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO"),
    ("ACCOUNTS", "anybody", "one of open, invite, single"),
    ("TRUSTED_PROXIES", "some", "from 0 to 10"),
    ("EMAIL_URL", "smtp://user:hush@mail.example", "like smtp://"),
    ("EMAIL_URL", "http://user:hush@mail.example/?from=a@b.example", "like smtp://"),
    ("EMAIL_URL", "smtp://a%40b.example:hush@mail.example/?tls=perhaps", "like smtp://"),
]


@pytest.fixture(scope="module")
def refusals():
    """Each wrong setting tried, two at a time: a start of Python each."""

    def attempt(wrong):
        name, value, _ = wrong
        variables = {name: value}
        if name == "DATA_DIR":
            variables["SECRET_KEY"] = ""  # or nothing would be written there
        return manage("check", **variables)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(WRONG, pool.map(attempt, WRONG), strict=True))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[0]}={wrong[1][:20]}")
def test_a_wrong_setting_is_one_line_that_names_it(refusals, wrong):
    name, _, wants = wrong
    done = refusals[wrong]
    assert done.returncode == 1
    assert done.stdout == ""
    line, end = done.stderr.split("\n", 1)
    assert end == ""
    assert line.startswith(f"grue: {name} ")
    assert wants in line
    assert "hush" not in line


def test_a_database_that_is_away_is_one_line():
    done = manage("migrate", DATABASE_URL="postgres://alice:hush@127.0.0.1:1/grue")
    assert done.returncode == 1
    assert done.stderr.startswith("grue: DATABASE_URL wants a PostgreSQL that answers")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


def test_a_database_that_is_not_there_comes_with_the_command_that_makes_it(db, settings):
    from django.db import connection

    name = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"]
    path = url.split("?")[0]
    missing = path[: path.rindex("/")] + f"/{name}_missing" + url[len(path) :]
    done = manage("play", DATABASE_URL=missing)
    assert done.returncode == 1
    assert "DATABASE_URL names a database that is not there: make it with `createdb " in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_redis_that_is_away_is_one_line():
    done = manage(
        "play", REDIS_URL="redis://:hush@127.0.0.1:1/0", DATABASE_URL="", PORT=str(free_port())
    )
    assert done.returncode == 1
    assert done.stderr.startswith("grue: REDIS_URL wants a Redis that answers")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


# By which names browsers come


def test_at_home_only_this_machine_may_come():
    hosts, origins, trusted, proxy, *_ = settings_with(HOST="", PORT="8000")
    assert hosts == "['127.0.0.1', 'localhost', '[::1]']"
    assert "'http://localhost:8000'" in origins
    assert (trusted, proxy) == ("[]", "None")


def test_on_the_network_its_addresses_are_let_in_unasked(monkeypatch):
    monkeypatch.setattr(network, "lan_addresses", lambda: ["192.168.1.5"])
    monkeypatch.setattr(network.socket, "gethostname", lambda: "Cave")
    assert network.reachable_as("0.0.0.0") == [
        *("127.0.0.1", "localhost", "::1", "192.168.1.5", "cave", "cave.local")
    ]
    assert network.reachable_as("192.168.1.7") == ["192.168.1.7", "127.0.0.1", "localhost", "::1"]
    assert network.shown_host("::") == "192.168.1.5"


def test_an_origin_of_a_proxy_is_enough_to_be_reached_through_it():
    hosts, origins, trusted, proxy, *_ = settings_with(
        CSRF_TRUSTED_ORIGINS="https://Grue.example:443/", ALLOWED_HOSTS="cave.lan,*"
    )
    assert "'grue.example'" in hosts
    assert "'https://grue.example'" in origins
    assert trusted == "['https://grue.example']"
    assert "HTTP_X_FORWARDED_PROTO" in proxy
    # A name for the Host header is a page of ours; any name is not any page.
    assert "'http://cave.lan:8000'" in origins
    assert "*" in hosts
    assert "*" not in origins


def test_options_of_the_database_address_are_kept():
    database = settings_with(DATABASE_URL="postgres://a@b/c?sslmode=require")[4]
    assert "'sslmode': 'require'" in database
    assert "'connect_timeout': 5" in database


def test_without_addresses_everything_finds_the_servers_of_make_play(tmp_path):
    *_, database, broker = settings_with(DATABASE_URL="", REDIS_URL="", DATA_DIR="/srv/grue")
    assert "'host': '/srv/grue/run'" in database
    assert broker == "redis+socket:///srv/grue/run/valkey.sock?virtual_host=0"


@pytest.mark.parametrize(("secure", "headers"), [(True, {"wsgi.url_scheme": "https"}), (False, {})])
def test_cookies_are_secure_under_https_only(secure, headers):
    def page(request):
        response = HttpResponse()
        response.set_cookie("sessionid", "x")
        return response

    response = HttpsMiddleware(page)(RequestFactory().get("/", **headers))
    assert bool(response.cookies["sessionid"]["secure"]) is secure


@pytest.mark.parametrize(
    ("url", "port", "ssl", "tls", "sender"),
    [
        ("smtp://a%40b.example:p%2Fw@mail.example", 587, False, True, "a@b.example"),
        ("smtps://u:p%2Fw@mail.example/?from=Grue+<g@b.example>", 465, True, False, None),
        ("smtp://u:p%2Fw@127.0.0.1:25/?tls=no&from=g@b.example", 25, False, False, "g@b.example"),
    ],
)
def test_a_mail_server_is_one_address(url, port, ssl, tls, sender):
    found = email.parse(url)
    assert found["EMAIL_PORT"] == port
    assert (found["EMAIL_USE_SSL"], found["EMAIL_USE_TLS"]) == (ssl, tls)
    assert found["EMAIL_HOST_PASSWORD"] == "p/w"
    assert found["DEFAULT_FROM_EMAIL"] == (sender or "Grue <g@b.example>")


# Secrets and folders


def test_processes_that_start_together_agree_on_a_secret(tmp_path):
    file = tmp_path / "data" / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: secrets.stored_secret(file), range(32)))
    assert len(found) == 1
    assert len(found.pop()) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["secret_key"]


def test_a_long_data_folder_keeps_its_sockets_elsewhere():
    assert services.socket_folder(Path("/srv/grue")) == Path("/srv/grue/run")
    long = services.socket_folder(Path("/srv") / ("x" * 100))
    assert len(str(long / ".s.PGSQL.5432.lock")) <= services.LONGEST_SOCKET


def test_a_folder_for_sockets_that_a_stranger_laid_is_refused(tmp_path):
    (tmp_path / "run").symlink_to(tmp_path)
    with pytest.raises(services.ServiceError, match="belongs to somebody else"):
        services.private_folder(tmp_path / "run")


def test_a_folder_for_sockets_is_closed_to_others(tmp_path):
    (tmp_path / "run").mkdir(mode=0o777)
    folder = services.private_folder(tmp_path / "run")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# Machines


@pytest.mark.parametrize(
    ("system", "processor", "glibc", "says"),
    [
        ("Linux", "x86_64", (2, 28), ""),
        ("Linux", "aarch64", (2, 36), ""),
        ("Darwin", "arm64", None, ""),
        ("Linux", "x86_64", None, "docker compose up"),
        ("Linux", "x86_64", (2, 27), "glibc 2.28 or newer, here is 2.27"),
        ("Linux", "aarch64", (2, 31), "glibc 2.35 or newer, here is 2.31"),
        ("Linux", "riscv64", (2, 39), "no build for the processor riscv64"),
        ("Darwin", "x86_64", None, "Macs with Intel: run it in containers"),
        ("Windows", "AMD64", None, "not on Windows"),
    ],
)
def test_a_machine_that_the_libraries_do_not_serve_is_named(system, processor, glibc, says):
    problem = machine.unsupported_reason(system, processor, glibc)
    assert says in problem
    assert bool(problem) is bool(says)


@pytest.mark.parametrize(
    ("macos", "says"),
    [((15, 0), ""), ((26, 1), ""), ((14, 7), "macOS 15.0 or newer, here is 14.7")],
)
def test_a_mac_that_is_too_old_for_the_libraries_is_named(macos, says):
    problem = machine.unsupported_reason("Darwin", "arm64", None, macos)
    assert says in problem
    assert bool(problem) is bool(says)


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        ("https://grue.example", "https://grue.example"),
        ("HTTPS://Grue.Example:443/", "https://grue.example"),
        ("http://[fd00::1]:8000", "http://[fd00::1]:8000"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(raw, origin):
    assert environment.origin_of(raw) == origin


def test_the_secrets_of_the_containers_reach_every_command_and_give_way_to_the_environment(
    tmp_path, monkeypatch
):
    for name in ("secret_key", "postgres_password", "redis_password"):
        (tmp_path / name).write_text(f"{name}-of-the-volume\n")
    monkeypatch.setenv("SECRET_KEY", "of-the-environment")
    monkeypatch.setenv("DATABASE_URL", "")  # as docker-compose.yml hands on what is not set
    monkeypatch.delenv("REDIS_URL", raising=False)
    secrets.load_mounted(tmp_path)
    assert os.environ["SECRET_KEY"] == "of-the-environment"
    assert (
        os.environ["DATABASE_URL"]
        == "postgres://grue:postgres_password-of-the-volume@postgres:5432/grue"
    )
    assert os.environ["REDIS_URL"] == "redis://:redis_password-of-the-volume@redis:6379/0"


def test_a_file_in_the_place_of_a_link_is_what_is_read_next(tmp_path, monkeypatch):
    (tmp_path / "first.yaml").write_text("first")
    link = tmp_path / "narrators.yaml"
    link.symlink_to("first.yaml")
    monkeypatch.setenv("NARRATORS_FILE", str(link))
    found = environment.file("NARRATORS_FILE", tmp_path)
    link.unlink()
    link.write_text("second")
    assert found.read_text() == "second"
