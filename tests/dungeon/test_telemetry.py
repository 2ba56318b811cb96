"""What Grue tells of itself: figures, log lines and traces, and never a word of a story."""

import gzip
import json
import logging
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from dungeon.logs import JsonLines
from game.models import Status, Turn
from game.play import changes, turns
from inference import tracing
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.log_context import Subjects, about
from inference.prompts.parts import Piece, Report
from inference.worker.prefix_stats import PrefixStats, common_front
from tests.game.play.test_turns import act, tell
from tests.serving import until

PLANTED = "zanzibarium"


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def read_metrics(client, db, log):
    def read(**headers):
        answer = client.get("/metrics", **headers)
        if answer.status_code != 200:
            return answer.status_code
        families = text_string_to_metric_families(answer.content.decode())
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in families
            for sample in family.samples
        }

    return read


# Who may read


def test_figures_are_for_private_networks(read_metrics):
    assert read_metrics(REMOTE_ADDR="203.0.113.9") == 404
    assert read_metrics(REMOTE_ADDR="2001:db9::1") == 404
    assert read_metrics(REMOTE_ADDR="") == 404
    assert read_metrics(REMOTE_ADDR="10.1.2.3")["grue_up", "redis"] == 1
    assert read_metrics(REMOTE_ADDR="::ffff:127.0.0.1")["grue_up", "redis"] == 1


def test_a_stranger_behind_our_own_proxy_is_a_stranger(read_metrics):
    assert read_metrics(REMOTE_ADDR="10.1.2.3", HTTP_X_FORWARDED_FOR="203.0.113.9") == 404


def test_where_there_is_a_token_it_alone_counts(read_metrics, settings):
    settings.METRICS_TOKEN = "a-long-enough-token"
    assert read_metrics(REMOTE_ADDR="127.0.0.1") == 404
    assert read_metrics(HTTP_AUTHORIZATION="Bearer another-token") == 404
    assert read_metrics(HTTP_AUTHORIZATION="Bearer ä") == 404
    good = {"HTTP_AUTHORIZATION": "Bearer a-long-enough-token", "REMOTE_ADDR": "203.0.113.9"}
    assert read_metrics(**good)["grue_up", "database"] == 1


# Figures


@pytest.mark.django_db(transaction=True)
def test_a_line_and_its_oldest_turn_are_shown(read_metrics, alice, adventure, narrator_awake):
    act(adventure, alice)
    seen = read_metrics(REMOTE_ADDR="127.0.0.1")
    assert seen["grue_queue_length", "parrot"] == 1
    assert seen["grue_slots", "parrot"] == 4
    assert seen["grue_workers_ready", "parrot"] == 1
    assert 0 < seen["grue_queue_oldest_seconds", "parrot"] < 60
    assert seen["grue_turns_under_way",] == 1
    assert seen["grue_players_playing",] == 1


@pytest.mark.django_db(transaction=True)
def test_a_turn_is_counted_once_however_often_its_end_comes(alice, adventure, narrator_awake):
    labels = {"narrator": "parrot", "outcome": "told"}
    before = value("grue_turns_total", **labels)
    turn = act(adventure, alice)
    assert tell(turn)
    assert not tell(turn)
    assert value("grue_turns_total", **labels) == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_a_rollback_took_back_is_not_counted(alice, adventure, narrator_awake):
    from django.db import transaction

    labels = {"narrator": "parrot", "outcome": "stopped"}
    before = value("grue_turns_total", **labels)
    turn = act(adventure, alice)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        with changes.change_adventure(adventure.pk) as changed:
            turns.stop_turn(changed, turn.pk)
        raise ZeroDivisionError
    assert value("grue_turns_total", **labels) == before
    assert Turn.objects.get(pk=turn.pk).status == Status.QUEUED


@pytest.mark.django_db(transaction=True)
def test_with_redis_away_the_figures_say_so(read_metrics, monkeypatch):
    import redis

    def away(*_, **__):
        raise redis.ConnectionError("away")

    monkeypatch.setattr("inference.queue.client.QueueClient.narrator_stats", away)
    seen = read_metrics(REMOTE_ADDR="127.0.0.1")
    assert (seen["grue_up", "redis"], seen["grue_up", "database"]) == (0, 1)
    assert ("grue_queue_length", "parrot") not in seen


def test_what_a_prompt_shares_with_the_storys_last_one_is_known():
    last = PrefixStats(stories=2)

    def report(text):
        return Report(tokens=len(text), window=99, max_tokens=9, pieces=(Piece("story", text),))

    assert last.shared("a", report("One two three.")) == 0
    assert last.shared("a", report("One two three. Four.")) == len("One two three.")
    assert last.shared("a", report("None of it.")) == 0
    last.shared("b", report("b"))
    last.shared("c", report("c"))
    assert last.shared("a", report("None of it.")) == 0, "a was forgotten"


@pytest.mark.parametrize(
    ("one", "other", "front"), [("", "", 0), ("abc", "abd", 2), ("abc", "abc", 3), ("x", "y", 0)]
)
def test_two_texts_begin_together(one, other, front):
    assert common_front(one, other) == front


# Lines


def lines(records):
    form = JsonLines()
    return [json.loads(form.format(each)) for each in records]


def test_a_line_is_one_json_object_with_its_subjects(caplog):
    caplog.handler.addFilter(Subjects())
    caplog.set_level(logging.INFO)
    with about(request="r1", adventure="a1"):
        logging.getLogger("x").info("turn %s: told\nnot a line", "t1", extra={"turn": "t1", "n": 3})
    logging.getLogger("x").info("nothing")
    form = JsonLines()
    first = form.format(caplog.records[0])
    assert "\n" not in first
    said = json.loads(first)
    assert said["message"] == "turn t1: told\nnot a line"
    assert (said["request"], said["adventure"], said["turn"], said["n"]) == ("r1", "a1", "t1", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", said["time"])
    assert "request" not in json.loads(form.format(caplog.records[1]))


def test_a_subject_that_nobody_reads_is_a_mistake():
    with pytest.raises(ValueError, match="colour"), about(colour="red"):
        pass


@pytest.mark.django_db(transaction=True)
def test_a_turns_lines_hold_ids_and_no_word_of_it(alice, adventure, workers, caplog):
    caplog.set_level(logging.DEBUG)
    workers.start(pace=0, replies=[f"The {PLANTED} hums.\n\nIt knows your name."])
    turn = act(adventure, alice, text=f"look at the {PLANTED}")

    def said():
        ours = [each for each in caplog.records if each.name.split(".")[0] in ("game", "inference")]
        return lines(ours)

    def events():
        return [each["message"] for each in said() if each.get("turn") == str(turn.pk)]

    # The line comes after the commit: whoever sees the turn told may be ahead of it.
    until(lambda: any("turn told" in each for each in events()))
    turn.refresh_from_db()
    assert turn.status == Status.TOLD
    assert any("turn queued" in each for each in events())
    assert PLANTED not in json.dumps(said())


def test_a_request_has_a_name_and_a_line_without_its_path(client, db, caplog):
    caplog.set_level(logging.INFO, "dungeon.requests")
    answer = client.get("/operator/secret-token/", HTTP_X_REQUEST_ID="from-the-proxy")
    assert answer.headers["X-Request-ID"] == "from-the-proxy"
    line = lines(caplog.records)[-1]
    assert line["route"] == "operator"
    assert "secret-token" not in json.dumps(line)
    bad = client.get("/", HTTP_X_REQUEST_ID="two words\n").headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", bad)


# Between processes


def test_a_message_of_a_newer_process_is_understood():
    """During a rolling update both are there."""
    request = GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="n",
        context=StoryContext(action=Passage(kind="do")),
    )
    newer = json.loads(request.model_dump_json())
    newer["mood"] = "grim"
    newer["context"]["weather"] = {"rain": True}
    newer["context"]["action"]["loud"] = 1
    assert GenerationRequest.from_message(json.dumps(newer)) == request


def test_nothing_is_traced_where_nobody_asks():
    with tracing.span("x", adventure="a") as span:
        span.set_attribute("y", 1)
        assert tracing.carrier() == ""


TRACED = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")
from dungeon import tracing as host
from inference import tracing
assert host.start("web")
with tracing.span("take_action", adventure="a1"):
    carried = tracing.carrier()
with tracing.span("tell", carried, turn="t1"):
    pass
from opentelemetry import trace
trace.get_tracer_provider().shutdown()
print(carried)
"""


def test_spans_reach_the_hosts_endpoint_and_hang_together(tmp_path):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    received = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
    }
    done = subprocess.run(
        [sys.executable, "-c", TRACED], env=environ, capture_output=True, text=True, timeout=60
    )
    server.shutdown()
    assert done.returncode == 0, done.stderr
    assert {path for path, _ in received} == {"/v1/traces"}
    spans = [
        span
        for _, sent in received
        for resource in sent.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    by_name = {span.name: span for span in spans}
    assert set(by_name) == {"take_action", "tell"}
    assert by_name["tell"].parent_span_id == by_name["take_action"].span_id
    assert by_name["tell"].trace_id.hex() in done.stdout
