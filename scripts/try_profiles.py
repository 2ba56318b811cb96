"""Brings docker-compose.yml up with its profiles, and plays through each of them.

    python scripts/try_profiles.py --models FOLDER [--compose docker-compose]
        [--profiles https,observe,llama,gpu] [--old-caddy] [--gguf NAME] [--card]

https: four turns through Caddy, on ports 80 and 443, with a certificate of its own for localhost;
with --old-caddy without what Caddy knows since 2.7.
observe: Prometheus reads every service, calls each alert's rule healthy, and answers what each
dashboard asks; Grafana shows both dashboards. llama: four turns told by llama-server. gpu: four
turns told by the image with CUDA; without --card it runs on the processor, as no container gets a
card then. FOLDER holds the built-in narrator's model and NAME, the GGUF that llama and gpu tell
with (the built-in one's, if left out). Other images than the usual are named as in .env:
PROMETHEUS_IMAGE, ALERTMANAGER_IMAGE, GRAFANA_IMAGE (empty: it is left out, and said so),
LLAMA_IMAGE, CADDY_IMAGE.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml
from try_containers import ROOT, Guest, House, override, say

ORIGIN = "https://localhost"
ACTIONS = ("look around", "open the nearest drawer", "ask who is there", "go on")
PATIENCE = 300  # seconds for a server to answer, and for figures to arrive
# What Grafana puts in; a query is asked with what it would be for the last hour.
VARIABLES = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h", "$narrator": ".*"}


def narrators(gguf: str) -> str:
    """narrators.yaml with the two that profiles tell with, beside the built-in one."""
    house = yaml.safe_load((ROOT / "narrators.yaml").read_text(encoding="utf-8"))
    same: dict[str, Any] = {"line": "Tried.", "format": "chat", "context": 2048, "slots": 4}
    same["sampling"] = {"max_tokens": 40}
    house["narrators"] += [
        {"name": "llama", "engine": "openai", "model": "http://llama:8080/v1", **same},
        {"name": "card", "engine": "transformers", "model": gguf, **same},
    ]
    return yaml.safe_dump(house)


def mounts(narrators_file: Path, caddyfile: Path, models: str) -> str:
    """An override that builds on the host's network and mounts what is tried."""
    tried: dict[str, Any] = yaml.safe_load(override(models))
    seen = f"{narrators_file.parent}:/grue/config:ro"
    for name in ("migrate", "web", "game", "narrator", "narrator-llama", "narrator-gpu"):
        service = tried["services"].setdefault(name, {})
        service.setdefault("volumes", []).append(seen)
    tried["services"]["narrator-gpu"]["build"] = {"network": "host"}
    for name in ("llama", "narrator-gpu"):
        service = tried["services"].setdefault(name, {})
        service.setdefault("volumes", []).append(f"{models}:/models")
    tried["services"]["caddy"] = {"volumes": [f"{caddyfile}:/etc/caddy/Caddyfile:ro"]}
    return yaml.safe_dump(tried)


def told_to_caddy(old: bool) -> str:
    lines = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text(encoding="utf-8").splitlines(True)
    return "".join(line for line in lines if not (old and "stream_close_delay" in line))


def play(origin: str, narrator: str, during: str) -> None:
    guest = Guest(origin, narrator)
    for text in ACTIONS:
        say(f"{during}: told {len(asyncio.run(guest.play(text, during)))} characters")


def until(what: str, found: Any) -> Any:
    """What `found` finds, as soon as it finds something."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            if answer := found():
                return answer
        except (URLError, OSError, ValueError) as problem:
            answer = problem
        if time.monotonic() > give_up:
            sys.exit(f"{what}: {answer}")
        time.sleep(2)


def asked(url: str, password: str = "") -> Any:
    """What a server on this machine answers, as JSON."""
    request = Request(url)  # noqa: S310  this machine's
    if password:
        token = b64encode(f"admin:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def try_https(house: House) -> None:
    house.do("--profile", "https", "up", "-d", "--no-recreate")
    until("Caddy", lambda: Guest(ORIGIN).adventure)
    play(ORIGIN, "", "https")
    status = Guest(ORIGIN).ask("GET", "/metrics")[0]
    if status != 404:
        sys.exit(f"https: /metrics is shown to the outside: {status}")


def prometheus(path: str, **query: str) -> Any:
    return asked(f"http://127.0.0.1:9090/api/v1/{path}?{urlencode(query)}")["data"]


def try_observe(house: House, grafana: bool) -> None:
    house.do("--profile", "observe", "up", "-d", "--no-recreate", "prometheus", "alertmanager")
    jobs = {"grue-web": 1, "grue-workers": 2}

    def all_up() -> bool:
        targets = prometheus("targets")["activeTargets"]
        up = [each["labels"]["job"] for each in targets if each["health"] == "up"]
        return all(up.count(job) >= least for job, least in jobs.items())

    until("Prometheus reads the web, the game and the narrator", all_up)
    until("Alertmanager", lambda: prometheus("alertmanagers")["activeAlertmanagers"])
    until("Alertmanager answers", lambda: asked("http://127.0.0.1:9093/api/v2/status"))
    play(f"http://127.0.0.1:{house.port}", "", "observe")

    def rules() -> list[dict[str, str]]:
        found = [rule for group in prometheus("rules")["groups"] for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    found = until("rules", rules)
    if sick := [rule for rule in found if rule["health"] != "ok"]:
        sys.exit(f"rules: {sick}")
    say(f"observe: {len(found)} rules are healthy")
    time.sleep(60)  # rates want figures over a while
    for board in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        empty = []
        panels = json.loads(board.read_text(encoding="utf-8"))["panels"]
        for expression in [target["expr"] for panel in panels for target in panel["targets"]]:
            query = expression
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            if not prometheus("query", query=query)["result"]:
                empty.append(expression)
        say(f"observe: {board.stem} is answered; without figures yet: {empty or 'none'}")
    if not grafana:
        say("observe: GRAFANA_IMAGE is empty, so Grafana was not tried")
        return
    house.do("--profile", "observe", "up", "-d", "--no-recreate")
    password = house.do("exec", "-T", "grafana", "cat", "/run/grue-secrets/grafana_password")

    def boards() -> Any:
        return asked("http://127.0.0.1:3000/api/search?type=dash-db", password.strip())

    shown = {each["uid"] for each in until("Grafana", boards)}
    if not {"grue-players", "grue-workers"} <= shown:
        sys.exit(f"Grafana shows {shown}")
    say("observe: Grafana shows both dashboards")


def try_llama(house: House) -> None:
    house.do("--profile", "llama", "up", "-d", "--no-recreate")
    until("a worker for llama", lambda: Guest(f"http://127.0.0.1:{house.port}", "llama").adventure)
    play(f"http://127.0.0.1:{house.port}", "llama", "llama")


def try_gpu(house: House, card: bool) -> None:
    if card:
        house.do("--profile", "gpu", "up", "-d", "--no-recreate")
    else:
        house.environ |= {"GRUE_CPU_IMAGE": "grue-worker-gpu", "NARRATORS": "card"}
        house.do("up", "-d", "--no-deps", "narrator")
    play(f"http://127.0.0.1:{house.port}", "card", "gpu")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--compose", default="docker compose")
    parser.add_argument("--models", required=True)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--profiles", default="https,observe,llama,gpu")
    parser.add_argument("--old-caddy", action="store_true")
    parser.add_argument("--gguf", default="SmolLM2-135M-Instruct-07d83c76.gguf")
    parser.add_argument("--card", action="store_true", help="there is one for narrator-gpu")
    chosen = parser.parse_args()
    profiles = chosen.profiles.split(",")
    if not (Path(chosen.models) / chosen.gguf).is_file():
        sys.exit(f"no {chosen.gguf} in {chosen.models}: name a GGUF that is there with --gguf")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        listed = Path(folder) / "narrators.yaml"
        listed.write_text(narrators(chosen.gguf), encoding="utf-8")
        caddyfile = Path(folder) / "Caddyfile"
        caddyfile.write_text(told_to_caddy(chosen.old_caddy), encoding="utf-8")
        file = Path(folder) / "override.yml"
        file.write_text(mounts(listed, caddyfile, chosen.models), encoding="utf-8")
        grafana = os.environ.get("GRAFANA_IMAGE") != ""
        house = House(
            chosen.compose,
            chosen.port,
            file,
            CSRF_TRUSTED_ORIGINS=ORIGIN,
            LLAMA_MODEL=chosen.gguf,
            GPU_NARRATORS="card",
            GRAFANA_IMAGE=os.environ.get("GRAFANA_IMAGE") or "grafana",
        )
        try:
            house.do("build")
            house.do("up", "-d")
            house.until_ready()
            say("ready")
            if "https" in profiles:
                try_https(house)
            if "observe" in profiles:
                try_observe(house, grafana)
            if "llama" in profiles:
                try_llama(house)
            if "gpu" in profiles:
                house.do("--profile", "gpu", "build", "narrator-gpu")
                try_gpu(house, chosen.card)
            say(f"every profile was tried: {', '.join(profiles)}")
        finally:
            house.do(*flags(profiles), "down", "--volumes", check=False)


def flags(profiles: list[str]) -> list[str]:
    return [word for name in profiles for word in ("--profile", name)]


if __name__ == "__main__":
    main()
