"""What hosts deploy: all that names something names what there is. Clusters: test_kubernetes.py."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import runbook
from tests.cluster import KUBERNETES, one

ROOT = Path(__file__).resolve().parent.parent


def test_the_settings_of_cluster_and_containers_are_settings():
    known = set(re.findall(r'environment\.\w+\(\s*"([A-Z_]+)"', settings_text()))
    known |= {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    assert set(one("base", "ConfigMap", "grue-config")["data"]) <= known
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(compose["x-grue"]["environment"]) <= known
    secrets = (KUBERNETES / "base" / "secrets.env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=", secrets, re.M)) <= known


def settings_text():
    return (ROOT / "dungeon" / "settings.py").read_text()


# Containers


def test_each_variable_of_the_compose_file_is_explained():
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    explained = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert used == explained


def test_what_containers_mount_and_run_is_there():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), (name, source)
            else:
                assert source in compose["volumes"], (name, source)
        for script in re.findall(
            r"scripts/[\w.-]+", json.dumps([service.get("command"), service.get("healthcheck")])
        ):
            assert (ROOT / script).exists(), (name, script)


def test_the_web_is_looked_for_where_it_listens_whatever_port_the_host_publishes():
    web = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]
    listens = re.search(r" -p (\S+) ", web["command"])[1]
    assert [port.split(":")[-1] for port in web["ports"]] == [listens]
    assert web["healthcheck"]["test"][-1] == listens
    caddyfile = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
    assert re.findall(r"reverse_proxy web:(\S+)", caddyfile) == [listens]
    figures = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in figures["scrape_configs"]}
    assert str(jobs["grue-web"]["port"]) == listens


def test_no_container_of_ours_has_a_default_password():
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.findall(r"(?:PASSWORD|SECRET|KEY)\w*: *[^\s/$].*", text)


WITHOUT_THE_REST = """
import re, sys
from importlib.metadata import packages_distributions
def normal(name): return re.sub(r"[-_.]+", "-", name).lower()
locked = {normal(re.split(r"[=\\[ ]", line)[0]) for line in open("requirements/web.txt")}
tops = packages_distributions().items()
absent = {top for top, names in tops if not {normal(name) for name in names} & locked}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import dungeon.asgi, dungeon.celery, dungeon.web, game.urls, game.tasks, inference.tasks
from django.core.management import load_command_class
for name in ("operator_link", "loadscenarios", "worker", "loadtest", "narrate_batch", "capacity"):
    load_command_class("game", name)
"""


def test_the_web_image_needs_nothing_that_only_workers_have():
    """With all that web.txt does not name out of reach, the web and the game worker are there."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# Figures


def told_metrics():
    """Every name that Prometheus reads of us."""
    names = {"up", "process_resident_memory_bytes"}
    for file in (ROOT / "game" / "metrics.py", ROOT / "inference" / "metrics.py"):
        text = file.read_text()
        for kind, name in re.findall(r'(Counter|Gauge|Histogram)\(\s*"(\w+)"', text):
            ends = {"Counter": ["_total"], "Gauge": [""]}.get(kind, ["_bucket", "_sum", "_count"])
            names |= {name + end for end in ends}
        names |= set(re.findall(r'(?:per_narrator|GaugeMetricFamily)\(\s*"(\w+)"', text))
    return names


def asked_metrics(expression):
    return set(re.findall(r"\b((?:grue|process)_\w+|up)\b(?=[{\[) ]|$)", expression))


def alerts():
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_figures_that_are_told_and_has_a_chapter(rule):
    asked = asked_metrics(rule["expr"])
    assert asked and asked <= told_metrics(), asked - told_metrics()
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert page == "{{ $externalURL }}/consoles/alerts.html"
    assert anchor == rule["alert"].lower()
    chapters = re.findall(r"^## (.+)$", runbook.SOURCE.read_text(), re.M)
    assert rule["alert"] in chapters
    assert f'id="{anchor}"' in runbook.PAGE.read_text()


def test_the_page_that_alerts_link_to_says_what_the_docs_say():
    written = runbook.page(runbook.SOURCE.read_text())
    assert runbook.PAGE.read_text() == written, "run python scripts/runbook.py"
    assert "{{" not in written  # Prometheus reads it as a template
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    prometheus = compose["services"]["prometheus"]
    folder = f"/etc/prometheus/{runbook.PAGE.parent.name}"
    assert f"--web.console.templates={folder}" in prometheus["command"]
    assert "./deploy/prometheus:/etc/prometheus:ro" in prometheus["volumes"]


@pytest.mark.parametrize("name", ["grue-players", "grue-workers"])
def test_a_dashboard_asks_for_figures_that_are_told(name):
    board = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / f"{name}.json").read_text())
    assert board["uid"] == name
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(expressions) > 10
    for expression in expressions:
        asked = asked_metrics(expression)
        assert asked and asked <= told_metrics(), (expression, asked - told_metrics())
