"""An alert on its whole way: Prometheus, Alertmanager, who is told, the page that it links to."""

import contextlib
import json
import os
import queue
import re
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.request import urlopen

import pytest
import yaml

from tests.cluster import ROOT
from tests.serving import free_port, until

START = ROOT / "deploy" / "alertmanager" / "start.sh"
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_servers = pytest.mark.skipif(
    not (shutil.which("prometheus") and ALERTMANAGER),
    reason="install Prometheus and Alertmanager (Debian: prometheus prometheus-alertmanager)",
)


@pytest.fixture
def told():
    """A server that is told of alerts: its address, and what it was told."""
    heard = queue.Queue()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.put((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/grue?template=alertmanager&x=it%27s", heard
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def program(*command, **environ):
    process = subprocess.Popen(command, env={**os.environ, **environ}, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def answers(url):
    with contextlib.suppress(OSError):
        return urlopen(url, timeout=5).status == 200
    return False


def command_of(service):
    """What docker-compose.yml gives the service, with the defaults of its variables."""
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][service][
        "command"
    ]
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", each) for each in command]


def start_alertmanager(folder, port, url):
    config = folder / "alertmanager.yml"
    return program(
        "sh", str(START), *command_of("alertmanager"), f"--web.listen-address=127.0.0.1:{port}",
        ALERTS_URL=url, ALERTMANAGER=ALERTMANAGER, ALERTMANAGER_CONFIG=str(config),
        ALERTMANAGER_DATA=str(folder / "data"),
    )  # fmt: skip


@pytest.mark.full
@needs_servers
def test_an_alert_reaches_whom_the_host_named_with_a_link_that_opens(told, tmp_path):
    url, heard = told
    ports = {"prometheus": free_port(), "alertmanager": free_port()}
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(re.sub(r"for: \d+m", "for: 1s", rules))
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    away = {"job_name": "grue-web", "static_configs": [{"targets": [f"127.0.0.1:{free_port()}"]}]}
    config["scrape_configs"] = [away]
    text = yaml.safe_dump(config)
    assert "alertmanager:9093" in text
    text = text.replace("alertmanager:9093", f"127.0.0.1:{ports['alertmanager']}")
    (tmp_path / "prometheus.yml").write_text(text)
    base = f"http://127.0.0.1:{ports['prometheus']}"
    command = [
        each.replace("/etc/prometheus/prometheus.yml", str(tmp_path / "prometheus.yml"))
        .replace("/etc/prometheus/", f"{ROOT}/deploy/prometheus/")
        .replace("=/prometheus", f"={tmp_path}/metrics")
        .replace("http://localhost:9090", base)
        for each in command_of("prometheus")
    ]
    listen = f"--web.listen-address=127.0.0.1:{ports['prometheus']}"
    with start_alertmanager(tmp_path, ports["alertmanager"], url):
        until(lambda: answers(f"http://127.0.0.1:{ports['alertmanager']}/-/ready"))
        with program("prometheus", *command, listen):
            path, message = heard.get(timeout=120)
            assert path == "/grue?template=alertmanager&x=it%27s"
            (alert,) = message["alerts"]
            assert alert["labels"]["alertname"] == "ProcessAway"
            assert alert["status"] == "firing"
            assert alert["annotations"]["summary"].endswith("(grue-web) does not answer.")
            page, anchor = alert["annotations"]["runbook_url"].split("#")
            with urlopen(page, timeout=10) as answer:
                assert answer.headers["Content-Type"].startswith("text/html")
                assert f'<h2 id="{anchor}">ProcessAway</h2>' in answer.read().decode()


@pytest.mark.full
@needs_servers
def test_without_an_address_alertmanager_runs_and_says_that_nobody_is_told(tmp_path, capfd):
    port = free_port()
    with start_alertmanager(tmp_path, port, ""):
        until(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
    assert "ALERTS_URL is empty: alerts are sent to nobody" in capfd.readouterr().err


@pytest.mark.parametrize(
    "url", ["ntfy.sh/topic", "https://", "https://a.example/it's", "http://a b"]
)
def test_an_address_that_is_none_is_refused_with_a_line_that_says_so(url, tmp_path):
    config = tmp_path / "alertmanager.yml"
    done = subprocess.run(
        ["sh", START], capture_output=True, text=True,
        env={**os.environ, "ALERTS_URL": url, "ALERTMANAGER_CONFIG": str(config),
             "ALERTMANAGER": "true"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "ALERTS_URL wants an address" in done.stderr
    assert not config.exists()
