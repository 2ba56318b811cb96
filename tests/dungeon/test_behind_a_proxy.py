"""Grue behind a real nginx and a real Caddy: below a path, and where a setting is missing."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from playwright.sync_api import expect, sync_playwright

from dungeon import environment, origins
from tests.browser.conftest import FLAGS
from tests.serving import PATIENCE, free_port, serving, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

MISSING = "{0} is missing: apt-get install {0} (scripts/test.sh does)"
NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {servers}
}}
"""
# As docs/operations.md has them.
PASSED = """
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
"""
NAMED = """
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
"""
SERVER = """
  server {{
    listen 127.0.0.1:{port};
    location {path} {{
      proxy_pass http://127.0.0.1:{web}{to};
      {headers}
    }}
  }}
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  handle /grue/* {{
    reverse_proxy 127.0.0.1:{web}
  }}
}}
"""


@contextlib.contextmanager
def program(*command, port, **environ):
    process = subprocess.Popen(command, env={**os.environ, **environ})
    try:
        until(lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, command
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def found(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    return path or pytest.skip(MISSING.format(name))


def nginx(folder, *servers):
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(user=user, folder=folder, servers="".join(servers)))
    return found("nginx"), "-c", str(file), "-p", str(folder), "-e", "stderr"


def environ_of(web, **more):
    name = connection.settings_dict["NAME"]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    served = {"DJANGO_SETTINGS_MODULE": "dungeon.settings", "PORT": str(web), "HOST": "127.0.0.1"}
    return {**served, "DATABASE_URL": database, **more}


def origin(port):
    return f"http://127.0.0.1:{port}"


class Installation:
    """The web server, and the ports of the proxies before it."""

    def __init__(self, served, log, **ports):
        self.served, self.log, self.ports = served, log, ports

    @property
    def said(self):
        return Path(self.log.name).read_text()


@contextlib.contextmanager
def installation(folder, web, environ, *proxies, **ports):
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))
        served = serving("dungeon.asgi:application", port=web, log=log, **environ)
        served = stack.enter_context(served)
        for port, proxy in zip(ports.values(), proxies, strict=False):
            stack.enter_context(program(*proxy, port=port, HOME=str(folder)))
        yield Installation(served, log, **ports)


@pytest.fixture(scope="module")
def below_a_path(django_db_setup, tmp_path_factory):
    """nginx takes the path off before it passes a request on, Caddy does not. One setting."""
    folder = tmp_path_factory.mktemp("path")
    web, first, second = free_port(), free_port(), free_port()
    server = SERVER.format(port=first, path="/grue/", web=web, to="/", headers=PASSED + NAMED)
    (folder / "Caddyfile").write_text(CADDY.format(port=second, web=web))
    caddy = (found("caddy"), "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile")
    environ = environ_of(web, PUBLIC_URL=f"{origin(first)}/grue/")
    environ["CSRF_TRUSTED_ORIGINS"] = origin(second)  # only since there are two proxies here
    ports = {"nginx": first, "caddy": second}
    with installation(folder, web, environ, nginx(folder, server), caddy, **ports) as found_house:
        yield found_house


@pytest.fixture(scope="module")
def unknown_proxies(django_db_setup, tmp_path_factory):
    """A proxy that no setting names, and one that is named and passes no WebSockets on."""
    folder = tmp_path_factory.mktemp("unknown")
    web, untrusted, blocked = free_port(), free_port(), free_port()
    servers = [
        SERVER.format(port=untrusted, path="/", web=web, to="", headers=PASSED + NAMED),
        SERVER.format(port=blocked, path="/", web=web, to="", headers=NAMED),
    ]
    environ = environ_of(web, CSRF_TRUSTED_ORIGINS=origin(blocked))
    ports = {"untrusted": untrusted, "blocked": blocked}
    with installation(folder, web, environ, nginx(folder, *servers), **ports) as found_house:
        yield found_house


@pytest.fixture(scope="module", autouse=True)
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(MISSING.format("chromium"))
    # Playwright's loop is in this thread, and Django would take the tests' own look-ups for its.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.wrong = []
    page.on(
        "response", lambda each: each.status >= 400 and page.wrong.append((each.status, each.url))
    )
    yield page
    context.close()


def begin(page, address):
    page.goto(f"{address}scenarios/the-cellar/")
    page.get_by_role("button", name="Begin").first.click()
    page.wait_for_url(re.compile("/adventures/"))


KEEP = """async () => {
  const { active } = await navigator.serviceWorker.ready;
  const player = document.querySelector("meta[name=player]").content;
  active.postMessage({ type: "keep", url: `${location.pathname}read/?kept`, player });
  while (!(await caches.has("grue-story"))) await new Promise((done) => setTimeout(done, 50));
}"""
SHARE = """async () => {
  const { turns } = JSON.parse(document.getElementById("adventure-data").textContent);
  const turn = document.querySelector("[data-turn]").dataset.turn;
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  return (await fetch(`${turns}${turn}/share/`, { method: "POST", headers })).json();
}"""


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_below_a_path_everything_works_with_one_setting(page, below_a_path, scenario, log, proxy):
    here = f"{origin(below_a_path.ports[proxy])}/grue/"
    page.goto(here)
    assert page.evaluate("document.styleSheets.length") > 0
    begin(page, here)
    assert page.url.startswith(f"{here}adventures/")
    expect(page.locator("body")).to_have_attribute("data-connection", "open", timeout=60_000)
    # What a browser keeps.
    scope = page.evaluate("navigator.serviceWorker.ready.then((found) => found.scope)")
    assert scope == here
    manifest = page.request.get(f"{here}manifest.webmanifest").json()
    assert {manifest["start_url"], manifest["scope"], manifest["id"]} == {"/grue/"}
    assert all(each["src"].startswith("/grue/static/") for each in manifest["icons"])
    cookies = page.context.cookies()
    assert {"grue_sessionid", "grue_csrftoken"} <= {each["name"] for each in cookies}
    assert {each["path"] for each in cookies} == {"/grue/"}
    # The last adventure is kept, and read without a network.
    played = page.url
    page.evaluate(KEEP)
    page.context.set_offline(True)
    try:
        until(lambda: page.goto(played) and page.get_by_text("saved on this device").is_visible())
    finally:
        page.context.set_offline(False)
    page.goto(played)
    # A link to share is for whoever is outside, and leads to a page.
    shared = page.evaluate(SHARE)["url"]
    assert shared.startswith(f"{origin(below_a_path.ports['nginx'])}/grue/s/")
    page.goto(shared)
    assert "coughs below" in page.content()
    # Ways on, and forms.
    moved = page.request.get(f"{here}adventures", max_redirects=0)
    assert moved.headers["location"] == "/grue/adventures/"
    page.goto(f"{here}accounts/login/")
    assert page.locator("form[action^='/grue/accounts/login/']").count() == 1
    assert page.wrong == []


def test_past_the_proxy_it_is_reached_with_the_path_and_without(below_a_path):
    assert b"ok" in below_a_path.served.get("/healthz")
    assert b"ok" in below_a_path.served.get("/grue/healthz")


def test_a_page_at_an_address_that_is_not_trusted_says_so_and_the_log_names_the_setting(
    page, unknown_proxies, scenario, log
):
    here = origin(unknown_proxies.ports["untrusted"])
    begin(page, f"{here}/")
    line = page.get_by_text("The server does not trust the address")
    expect(line).to_be_visible(timeout=60_000)
    until(lambda: f"PUBLIC_URL={here}" in unknown_proxies.said)
    assert unknown_proxies.said.count(f"PUBLIC_URL={here}") == 1, "it is said again and again"
    assert "TRUSTED_PROXIES is 0" in unknown_proxies.said


def test_a_proxy_that_passes_no_websockets_on_is_named_on_the_page_and_in_the_log(
    page, unknown_proxies, scenario, log
):
    here = origin(unknown_proxies.ports["blocked"])
    begin(page, f"{here}/")
    expect(page.get_by_text("WebSockets do not get through")).to_be_visible(timeout=60_000)
    assert unknown_proxies.said.count("without its Upgrade header") == 1


# Without a proxy: what one would pass on


def test_a_form_from_an_https_address_that_no_setting_names_is_refused_with_the_reason(caplog):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/scenarios/new/", headers={"origin": "https://stones.example:8443"})
    assert answer.status_code == 403
    assert "does not trust the address" in answer.content.decode()
    assert "PUBLIC_URL=https://stones.example:8443" in caplog.text
    answer = client.post("/scenarios/new/")
    assert "open for too long" in answer.content.decode()


def test_a_name_that_is_not_ours_is_refused_with_the_setting(client, caplog):
    answer = client.get("/", headers={"host": "grue.<b>lan"})
    assert answer.status_code == 400
    assert "ALLOWED_HOSTS" in answer.content.decode()
    assert "<b>" not in answer.content.decode()
    answer = client.get("/", headers={"host": "grue.lan:8000"})
    assert "<bdi>grue.lan</bdi>" in answer.content.decode()
    assert "ALLOWED_HOSTS" in caplog.text


def test_an_https_proxy_that_does_not_say_so_is_named_in_the_log(client, settings, caplog):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = 1
    origins.logged.clear()
    client.get("/healthz", headers={"x-forwarded-for": "203.0.113.9"})
    client.get("/healthz", headers={"x-forwarded-for": "203.0.113.9"})
    assert caplog.text.count("does not send X-Forwarded-Proto") == 1


def test_no_client_fills_the_log_with_addresses_of_its_own(caplog):
    origins.logged.clear()
    for number in range(200):
        origins.note_untrusted(f"https://{number}.example")
    for strange in ("null", "", "https://a.example/\nforged line", "javascript:alert(1)"):
        origins.note_untrusted(strange)
    assert len(caplog.records) == origins.MAX_LOGGED
    assert "forged" not in caplog.text


def test_a_path_of_ours_is_no_path_to_serve_below():
    first = {str(each.pattern).split("/")[0] for each in every_pattern(get_resolver())}
    assert {name for name in first if name and "<" not in name} <= environment.OUR_PATHS | {""}
    assert "static" in environment.OUR_PATHS


def every_pattern(resolver):
    """The patterns of the first level: those that are included below "" count as well."""
    for each in resolver.url_patterns:
        if str(each.pattern) == "" and hasattr(each, "url_patterns"):
            yield from every_pattern(each)
        else:
            yield each
