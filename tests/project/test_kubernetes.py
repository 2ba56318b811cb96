"""What a cluster is given: every overlay is built by kustomize, and what comes out is looked at."""

import json
import os
import re
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit, urlunsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from inference.lab import sizing
from inference.lab.capacity import Demand, Speed, workers_needed
from inference.lab.sizing import Load, most_players, parts_of
from inference.narrators import load_narrators
from tests.cluster import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    build,
    built,
    containers,
    environment,
    name_of,
    of_kind,
    one,
    pods,
)
from tests.serving import serving

VERSIONS = ["1.33", "1.37"]  # of Kubernetes: the oldest that still gets fixes, and the newest
OUR_IMAGES = {"grue-web", "grue-worker-cpu", "grue-worker-gpu"}
CLOCK = "Deployment/beat"  # while it hangs, game workers sweep by themselves: no probe restarts it


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid(overlay):
    keda = yaml.safe_load((ROOT / "tests" / "schemas" / "keda.yaml").read_text())
    for document in built(overlay):
        if document["apiVersion"].startswith("keda.sh/"):
            jsonschema.validate(document, keda[document["kind"]])
        else:
            for version in VERSIONS if overlay == "spot" else VERSIONS[:1]:  # spot has them all
                kubernetes_validate.validate(document, version, strict=True)


def test_the_schemas_of_keda_refuse_what_keda_would():
    schema = yaml.safe_load((ROOT / "tests" / "schemas" / "keda.yaml").read_text())["ScaledObject"]
    scaled = json.loads(json.dumps(one("cpu", "ScaledObject", "narrator-smol")))
    (trigger,) = scaled["spec"]["triggers"]
    trigger["metadata"]["targetValue"] = 12  # a number, where KEDA wants a string
    with pytest.raises(jsonschema.ValidationError, match="is not of type 'string'"):
        jsonschema.validate(scaled, schema)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_image_comes_from_the_registry(overlay):
    used = {each["image"] for _, pod in pods(overlay) for each in containers(pod)}
    ours = {image for image in used if "grue" in image}
    for image in ours:
        assert re.fullmatch(r"registry\.example/(grue-[a-z-]+):[\w.]+", image), image
    targets = re.findall(r"^FROM .* AS ([\w-]+)$", (ROOT / "Dockerfile").read_text(), re.M | re.I)
    assert {re.sub(r".*/grue-|:.*", "", image) for image in ours} <= set(targets)
    assert used - ours == {"postgres:17"}


def test_a_digest_that_is_written_once_reaches_every_container():
    """As docs/operations.md says: they stand in images/kustomization.yaml."""
    digest = "sha256:" + "0f" * 32

    def pin(folder):
        path = folder / "images" / "kustomization.yaml"
        component = yaml.safe_load(path.read_text())
        assert {each["name"] for each in component["images"]} == OUR_IMAGES
        for image in component["images"]:
            image.pop("newTag")
            image |= {"newName": f"hub.example/{image['name']}", "digest": digest}
        path.write_text(yaml.safe_dump(component))

    documents = build("spot", pin)
    images = re.findall(r'"image": "([^"]+)"', json.dumps(documents))
    expected = {f"hub.example/{name}@{digest}" for name in OUR_IMAGES} | {"postgres:17"}
    assert set(images) == expected


# Names


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_name_leads_to_an_object_of_that_kind(overlay):
    documents = built(overlay)
    there = {(each["kind"], name_of(each)) for each in documents}
    assert len(there) == len(documents), "an object stands twice"
    wanted = set()
    for _, pod in pods(overlay):
        if "serviceAccountName" in pod:
            wanted.add(("ServiceAccount", pod["serviceAccountName"]))
        for volume in pod["volumes"]:
            if "configMap" in volume:
                wanted.add(("ConfigMap", volume["configMap"]["name"]))
            if "persistentVolumeClaim" in volume:
                wanted.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        mounts = {mount["name"] for each in containers(pod) for mount in each["volumeMounts"]}
        assert mounts <= {volume["name"] for volume in pod["volumes"]}
        for each in containers(pod):
            for source in each.get("envFrom", []):
                ((kind, reference),) = source.items()
                wanted.add((kind.removesuffix("Ref")[0].upper() + kind[1:-3], reference["name"]))
    for document in documents:
        spec = document.get("spec", {})
        if "scaleTargetRef" in spec:
            wanted.add(("Deployment", spec["scaleTargetRef"]["name"]))
        for trigger in spec.get("triggers", []):
            wanted.add(("TriggerAuthentication", trigger["authenticationRef"]["name"]))
        for reference in spec.get("secretTargetRef", []):
            wanted.add(("Secret", reference["name"]))
            assert reference["key"] in one(overlay, "Secret", reference["name"])["data"]
        for subject in document.get("subjects", []):
            assert subject["namespace"] == "grue"
            wanted.add((subject["kind"], subject["name"]))
        if "roleRef" in document:
            wanted.add((document["roleRef"]["kind"], document["roleRef"]["name"]))
    assert wanted <= there, wanted - there


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_the_pods_that_they_are_for(overlay):
    labels = {
        name_of(each): each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind(overlay, "Deployment")
    }
    for document in built(overlay):
        selector = document.get("spec", {}).get("selector")
        if not selector:
            continue
        wanted = selector.get("matchLabels", selector)
        found = [name for name, has in labels.items() if wanted.items() <= has.items()]
        assert found == [name_of(document)], (document["kind"], name_of(document))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_and_scalers_ask_for_narrators_that_the_cluster_has(overlay, tmp_path):
    narrators = tmp_path / "narrators.yaml"
    narrators.write_text(one(overlay, "ConfigMap", "grue-narrators")["data"]["narrators.yaml"])
    known = load_narrators(narrators)
    assert known.default
    for name, pod in pods(overlay):
        for container in containers(pod):
            command = " ".join(container["command"])
            told = re.findall(r"--narrators ([\w,-]+)|for name in ([\w -]+);", command)
            for each in re.split(r"[ ,]+", " ".join(map("".join, told))) if told else []:
                assert each in known.names, (name, each)
                narrator = known.get(each)
                gpu = "worker-gpu" in container["image"]
                assert gpu == (narrator.engine == "transformers"), (name, each)
                # What a scaler calls a full worker is no more than the worker's slots.
                for scaled in of_kind(overlay, "ScaledObject"):
                    if name_of(scaled) in name:
                        (trigger,) = scaled["spec"]["triggers"]
                        assert f'narrator="{each}"' in trigger["metadata"]["valueLocation"]
                        assert int(trigger["metadata"]["targetValue"]) <= narrator.slots


def test_the_built_in_narrators_of_a_cluster_are_the_built_in_ones():
    ours = load_narrators(ROOT / "narrators.yaml")
    for folder in ("base", "gpu"):
        cluster = load_narrators(KUBERNETES / folder / "narrators.yaml")
        assert cluster.defaults == ours.defaults


def test_a_worker_of_quill_has_the_memory_that_quill_wants():
    (container,) = one("cpu", "Deployment", "narrator-quill")["spec"]["template"]["spec"][
        "containers"
    ]
    limit = container["resources"]["limits"]["memory"]
    wanted = load_narrators(ROOT / "narrators.yaml").get("quill").memory_mb
    assert int(limit.removesuffix("Gi")) * 1024**3 > wanted * 1_000_000


# Limits

SMOL = Speed.parse("1:112,8:480,16:510")  # tokens a second on two cores: docs/operations.md


@pytest.mark.parametrize(("turns", "words"), [(40, 60), (10, 60), (5, 120), (120, 120)])
def test_limits_reach_what_the_largest_installation_needs(turns, words):
    """As `manage.py capacity` plans for as many players as one Redis takes."""
    load = Load(most_players(turns, words), turns, words)
    parts = parts_of(load)
    web = one("cpu", "HorizontalPodAutoscaler", "web")["spec"]
    windows, _ = web["metrics"]
    assert int(windows["pods"]["target"]["averageValue"]) == sizing.WINDOWS
    assert (
        max(parts.web, by_processor("web", load.cores(sizing.WEB_TURN, sizing.WEB_WORD)))
        <= (web["maxReplicas"])
    )
    game = one("cpu", "HorizontalPodAutoscaler", "game")["spec"]
    assert by_processor("game", load.cores(sizing.GAME_TURN)) <= game["maxReplicas"]
    # A bit over a token a word; none is planned above eight tenths.
    demand = Demand(load.turns_per_second, tokens=words * 1.35)
    found = workers_needed(16, SMOL, demand, wait=5, load=0.8)
    assert found.workers <= one("cpu", "ScaledObject", "narrator-smol")["spec"]["maxReplicaCount"]


def by_processor(name, cores):
    """The pods that a scaler wants where so many cores are busy."""
    (container,) = one("cpu", "Deployment", name)["spec"]["template"]["spec"]["containers"]
    wanted = container["resources"]["requests"]["cpu"]
    requested = float(wanted[:-1]) / 1000 if wanted.endswith("m") else float(wanted)
    metrics = one("cpu", "HorizontalPodAutoscaler", name)["spec"]["metrics"]
    (share,) = [
        each["resource"]["target"]["averageUtilization"] for each in metrics if "resource" in each
    ]
    return cores / (requested * share / 100)


def test_a_scaler_asks_for_another_worker_before_all_are_full():
    (trigger,) = one("cpu", "ScaledObject", "narrator-smol")["spec"]["triggers"]
    assert SMOL.at(int(trigger["metadata"]["targetValue"])) / SMOL.at(16) <= 0.8


# Pods


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_no_rights_they_do_not_need(overlay):
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in pods(overlay):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            box = container["securityContext"]
            assert box["readOnlyRootFilesystem"] is True
            assert box["allowPrivilegeEscalation"] is False
            assert box["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_that_stay_are_probed_and_bounded(overlay):
    stay = [(name, pod) for name, pod in pods(overlay) if name.startswith("Deployment/")]
    for name, pod in stay:
        (container,) = pod["containers"]
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"]["cpu"], name
        if name == CLOCK:
            continue
        for probe in (container["startupProbe"], container["livenessProbe"]):
            if "exec" in probe:
                program, script, part = probe["exec"]["command"]
                assert program == "python3" and (ROOT / script).exists()
                assert part == ("game" if name == "Deployment/game" else "narrator")
                assert probe["timeoutSeconds"] >= 5  # Python starts, and asks Redis
            else:
                ports = {each["name"]: each["containerPort"] for each in container["ports"]}
                assert probe["httpGet"]["port"] in ports
    assert {name for name, pod in stay if "readinessProbe" in pod["containers"][0]} == {
        "Deployment/web"
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_have_ten_seconds_more_than_they_drain(overlay):
    for name, pod in pods(overlay):
        for container in pod["containers"]:
            if "worker" in container["command"] and "--narrators" in container["command"]:
                drain = int(environment(overlay, container)["DRAIN_SECONDS"])
                assert pod["terminationGracePeriodSeconds"] >= drain + 10, name
            if stop := container.get("lifecycle", {}).get("preStop"):
                # The pause before SIGTERM counts, too; then the web closes its sockets.
                slept = int(stop["exec"]["command"][-1])
                assert pod["terminationGracePeriodSeconds"] >= slept + 20, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_figures_are_read_where_they_are_told(overlay):
    for document in of_kind(overlay, "Deployment"):
        template = document["spec"]["template"]
        note = template["metadata"].get("annotations", {})
        if name_of(document) == "beat":
            assert not note
            continue
        (container,) = template["spec"]["containers"]
        settings = environment(overlay, container)
        told = "8000" if name_of(document) == "web" else settings["METRICS_PORT"]
        assert note == {"prometheus.io/scrape": "true", "prometheus.io/port": told}


# The web of a cluster


@contextmanager
def web_of(overlay, tmp_path):
    """A web process with the variables of the built overlay; servers and folders are the test's."""
    (container,) = one(overlay, "Deployment", "web")["spec"]["template"]["spec"]["containers"]
    narrators = tmp_path / "narrators.yaml"
    narrators.write_text(one(overlay, "ConfigMap", "grue-narrators")["data"]["narrators.yaml"])
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    changed = {name: os.environ[name] for name in ("REDIS_URL", "DATA_DIR")}
    changed |= {
        "DATABASE_URL": urlunsplit(database),
        "NARRATORS_FILE": str(narrators),
        "MODELS_DIR": str(tmp_path),
    }
    with serving("dungeon.asgi:application", **environment(overlay, container) | changed) as web:
        yield web


def asked(web, path, **headers):
    with closing(HTTPConnection("127.0.0.1", web.port, timeout=20)) as line:
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.read().decode()


def test_kubelet_and_keda_get_their_answers_from_a_web_of_the_cluster(db, tmp_path):
    """Probes as the kubelet sends them, and a scaler's query as KEDA's metrics-api scaler does."""
    overlay = "spot"
    (container,) = one(overlay, "Deployment", "web")["spec"]["template"]["spec"]["containers"]
    service = one(overlay, "Service", "web")
    scaled = of_kind(overlay, "ScaledObject")
    assert len(scaled) == 4
    with web_of(overlay, tmp_path) as web:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container[name]["httpGet"]
            headers = {each["name"]: each["value"] for each in probe["httpHeaders"]}
            assert asked(web, probe["path"], **headers)[0] == 200
        for each in scaled:
            (trigger,) = each["spec"]["triggers"]
            question = trigger["metadata"]
            url = urlsplit(question["url"])
            assert url.hostname == f"{name_of(service)}.{service['metadata']['namespace']}.svc"
            authentication = one(
                overlay, "TriggerAuthentication", trigger["authenticationRef"]["name"]
            )
            (reference,) = authentication["spec"]["secretTargetRef"]
            secret = environment(overlay, {"envFrom": [{"secretRef": {"name": reference["name"]}}]})
            token = secret[reference["key"]]
            assert asked(web, url.path, Host=url.netloc)[0] == 404
            status, text = asked(web, url.path, Host=url.netloc, Authorization=f"Bearer {token}")
            assert status == 200
            metric, label, value = re.fullmatch(
                r'(\w+)\{(\w+)="(\w+)"\}', question["valueLocation"]
            ).groups()
            found = [
                sample
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == metric and sample.labels == {label: value}
            ]
            assert [sample.value for sample in found] == [0.0], question["valueLocation"]
            assert text_of_web_scaler(overlay) in text


def text_of_web_scaler(overlay):
    """The figure by which the web itself is scaled."""
    scaler = one(overlay, "HorizontalPodAutoscaler", "web")
    (figure,) = [each["pods"] for each in scaler["spec"]["metrics"] if each["type"] == "Pods"]
    return f"\n{figure['metric']['name']} "
