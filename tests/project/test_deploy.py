"""What hosts deploy: all that names something names what there is. Clusters: test_kubernetes.py."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import runbook
from tests.cluster import KUBERNETES, one

ROOT = Path(__file__).resolve().parents[2]


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


def services_of_compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


# What servers of others begin with as root, to become another user.
BECOMES_ANOTHER = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}
ADDED = {
    "secrets": {"CHOWN", "DAC_OVERRIDE", "FOWNER"},
    "keeper": {"DAC_OVERRIDE"},
    "postgres": BECOMES_ANOTHER,
    "redis": {*BECOMES_ANOTHER, "SETPCAP"},
    "caddy": {"NET_BIND_SERVICE"},
}


@pytest.mark.parametrize("name", sorted(services_of_compose()))
def test_every_container_is_shut_in_and_bounded(name):
    service = services_of_compose()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]
    assert set(service.get("cap_add", [])) == ADDED.get(name, set())


def test_what_a_host_edits_is_mounted_as_a_folder():
    """Of a file, what an editor puts in its place stays outside."""
    services = services_of_compose()
    sources = {each for service in services.values() for each in service.get("volumes", [])}
    assert "./config:/grue/config:ro" in sources
    assert not [each for each in sources if "narrators.yaml" in each]
    assert (ROOT / "narrators.yaml").resolve() == ROOT / "config" / "narrators.yaml"


def test_a_signal_for_a_container_is_for_its_program_alone():
    """With `-g` tini sends a SIGHUP to the engine as well, and to the shell that pulls."""
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert json.loads(entrypoint) == ["tini", "--"]


def test_no_container_of_ours_has_a_default_password():
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.findall(r"(?:PASSWORD|SECRET|KEY)\w*: *[^\s/$].*", text)


WITHOUT_THE_REST = """
import os, re, sys
from importlib.metadata import packages_distributions
def normal(name): return re.sub(r"[-_.]+", "-", name).lower()
locked = {normal(re.split(r"[=\\[ ]", line)[0]) for line in open("requirements/web.txt")}
tops = packages_distributions().items()
absent = {top for top, names in tops if not {normal(name) for name in names} & locked}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
WEB = """
import dungeon.asgi, dungeon.celery, dungeon.web, game.urls, game.tasks, inference.worker.tasks
"""
COMMAND = """
import manage
manage.main()
"""
LOADED = """
from django.core.management import load_command_class
for module in sys.argv[1:]:
    app, *_, name = module.split(".")
    try:
        load_command_class(app, name).create_parser("grue", name)
    except ModuleNotFoundError as problem:
        print(name)
"""


def without_the_rest(program, *arguments):
    """Run a program with all that web.txt does not name out of reach."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST + program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "dungeon.settings"},
    )


def commands():
    files = ROOT.glob("*/management/commands/[!_]*.py")
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)


def test_the_web_image_needs_nothing_that_only_workers_have():
    """The web and the game worker are there, and all commands but those that need more."""
    done = without_the_rest(WEB + LOADED, *commands())
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"play"}


def test_a_command_that_the_web_image_lacks_something_for_says_in_one_line_where_it_works():
    done = without_the_rest(COMMAND, "play", "--help")
    assert done.returncode == 1
    assert done.stderr.startswith("grue: play needs the library ")
    assert "docker compose exec narrator grue play" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_web_image_lists_the_narrators():
    done = without_the_rest(COMMAND, "narrators", "list")
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_command_that_grue_names_is_there():
    listed = re.findall(r"^  grue ([\w-]+) ", (ROOT / "scripts" / "grue").read_text(), re.M)
    assert len(listed) > 8
    assert {name.replace("-", "_") for name in listed} <= {
        *(name.split(".")[-1] for name in commands()),
        "changepassword",
        "check",
    }


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
