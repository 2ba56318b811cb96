"""Narrators on a server of the host's: what a server says, how it fails, and what players read."""

import gzip
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import Message
from inference.engines.openai import OpenAIEngine, connection, counting, discovery, streaming
from inference.engines.openai.context_check import check_context
from inference.engines.openai.dialects import (
    OLLAMA,
    UNKNOWN,
    VLLM,
    estimate_tokens,
    read_models,
    sampling_fields,
)
from inference.engines.openai.sse import EventStream
from inference.engines.openai.thinking import ThinkingFilter
from inference.engines.process import EngineProcess
from inference.engines.servers import host_beyond
from inference.narrators import Narrator, NarratorsError, parse_narrators
from tests.faulty_server import (
    breaks_off,
    complains,
    faulty_server,
    hangs,
    never_ends,
    reads_only,
    refuses,
    refuses_fields,
    says,
    sends,
)
from tests.serving import PATIENCE

PROMPT = "You stand before a door.\n> You open it."
CHAT = [Message("system", "Tell a story."), Message("user", "I open the door.")]
SOON = 1.0  # seconds: a limit within which the first words arrive on a busy machine too


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(streaming, "RETRY_DELAYS", (0.0, 0.0))
    with faulty_server() as server:
        yield server


@pytest.fixture
def narrator(server):
    """Narrators on the faulty server; each is let go of at the end."""
    made = []

    def make(**given):
        given = {"format": "transcript", "slots": 4, "context": 512, **given}
        told_by = Narrator(name="far", line="", engine="openai", model=server.address, **given)
        made.append(OpenAIEngine(told_by))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def tell(engine, prompt=PROMPT, **sampling):
    """What a player would read of one reply, how it ended, and why."""
    engine.submit(prompt, SamplingParams(**sampling))
    said, last, tokens = "", None, 0
    while engine.busy:
        for text in engine.step():
            said, last, tokens = said + text.text, text, tokens + text.tokens
    return said, last.finish, last.error, tokens


# ---- bad days


def test_a_reply_arrives_and_ends_as_the_server_says(server, narrator):
    server.answers = [says("You open the door.", tokens=9)]
    assert tell(narrator()) == ("You open the door.", "stop", "", 9)
    server.answers = [says("You open", finish="length")]
    assert tell(narrator()) == ("You open", "length", "", 2)


@pytest.mark.parametrize(
    "fault",
    [
        refuses(500, "out of memory"),
        refuses(503, "loading model"),
        refuses(429, "slow down", Retry_After="0"),
        breaks_off(),
        sends(b": nothing follows\n\n"),
        sends(b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'),
    ],
    ids=["500", "503", "429", "closed", "empty", "no words"],
)
def test_what_goes_wrong_before_the_first_word_is_tried_again(server, narrator, fault):
    server.answers = [fault, fault, says("You open the door.")]
    assert tell(narrator())[:2] == ("You open the door.", "stop")
    assert len(server.asked) == 3


def test_after_the_first_word_nothing_is_tried_again(server, narrator):
    server.answers = [breaks_off(after="You open"), says("Another story.")]
    said, finish, why, _ = tell(narrator())
    assert (said, finish) == ("You open", "error")
    assert "broke off" in why
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "asked", "says_why"),
    [
        (refuses(500, "CUDA error"), 3, "answered 500: CUDA error"),
        (refuses(429, "", Retry_After="0"), 3, "too much to do"),
        (refuses(429, "", Retry_After="3600"), 1, "try again in 3600 s"),
        (refuses(401, "no"), 1, "does not accept the host's key"),
        (refuses(404, "no model 'm'"), 1, "does not know the model.*no model 'm'"),
        (refuses(302, "", Location="http://elsewhere.example/"), 1, "has moved"),
        (refuses(400, "maximum context length is 4096"), 1, "400: maximum context length"),
        (sends(b"data: {half\n\n"), 1, "not understood"),
        (sends(b"data: [1]\n\n"), 1, "not understood"),
        (sends(b"data: " + b"[" * 100_000 + b"\n\n"), 1, "not understood"),
        (sends(b"<html>Hello</html>", kind="text/html"), 1, "not understood"),
        (sends(b'data: {"error": {"message": "the GPU is lost"}}\n\n'), 1, "the GPU is lost"),
        (says("", finish="content_filter"), 1, "filter"),
    ],
)
def test_a_reply_that_cannot_be_had_says_why(server, narrator, fault, asked, says_why):
    server.answers = [fault]
    said, finish, why, _ = tell(narrator())
    assert (said, finish) == ("", "error")
    assert re.search(says_why, why), why
    assert len(server.asked) == asked
    assert "\n" not in why and len(why) < 400


def test_a_server_that_falls_silent_is_given_up(server, narrator):
    server.answers = [hangs(after="You open")]
    said, finish, why, _ = tell(narrator(server={"timeout": SOON}))
    assert (said, finish) == ("You open", "error")
    assert "said nothing for" in why
    assert server.gone.wait(PATIENCE)


def event(**delta):
    return f"data: {json.dumps({'choices': [{'text': '', 'finish_reason': None, **delta}]})}\n\n"


EMPTY, WORD, THOUGHT = (
    event().encode(),
    event(text=" on").encode(),
    event(text="<think> hm").encode(),
)


@pytest.mark.parametrize(
    ("endless", "limits", "said", "says_why"),
    [
        (never_ends(EMPTY), {"timeout": 0.2}, "", "said nothing for"),
        (never_ends(b": still here\n\n"), {"timeout": 0.2}, "", "said nothing for"),
        (never_ends(THOUGHT), {"timeout": 0.2}, "", "was thinking for"),
        (never_ends(EMPTY, after="You go"), {"timeout": SOON}, "You go", "said nothing for"),
        (
            never_ends(WORD, after="You go"),
            {"reply_timeout": SOON},
            r"You go( on)+",
            "not done with the reply after",
        ),
    ],
    ids=["empty", "comments", "thoughts", "empty after a word", "words"],
)
def test_a_server_that_sends_events_for_ever_holds_a_slot_no_longer_than_it_may(
    server, narrator, endless, limits, said, says_why
):
    server.answers = [endless]
    began = time.monotonic()
    heard, finish, why, _ = tell(narrator(server=limits))
    assert time.monotonic() - began < PATIENCE
    assert re.fullmatch(said, heard) and finish == "error"
    assert re.search(says_why, why) and "\n" not in why
    assert len(server.asked) == 1
    assert server.gone.wait(PATIENCE), "the server still tells"


def test_tries_that_break_off_have_one_time_together(server, narrator):
    """Each of them says something, none a word."""

    def answer(reply):
        reply.begin()
        reply.words("")
        time.sleep(1.2)
        reply.drop()

    server.answers = [answer]
    _, finish, why, _ = tell(narrator(server={"timeout": 2}))
    assert (finish, len(server.asked)) == ("error", 2)
    assert "said nothing for" in why


def test_a_reply_that_is_done_does_not_wait_for_what_comes_behind_it(server, narrator, monkeypatch):
    monkeypatch.setattr(streaming, "USAGE_SECONDS", 0.2)
    server.answers = [never_ends(EMPTY, after="You open it.", finish="stop")]
    began = time.monotonic()
    assert tell(narrator())[:3] == ("You open it.", "stop", "")
    assert time.monotonic() - began < PATIENCE


def test_a_whole_reply_has_time_for_every_token_it_may_have(narrator):
    engine = narrator(server={"timeout": 30})
    request = engine.submit(PROMPT, SamplingParams(max_tokens=100))
    assert engine._replies[request].seconds_allowed == 230
    engine.cancel(request)


def test_more_than_was_asked_for_is_not_read(server, narrator, monkeypatch):
    monkeypatch.setattr(streaming, "MAX_REPLY_BYTES", 1 << 16)
    server.answers = [never_ends(b": " + b"x" * 30_000 + b"\n\n", pause=0)]
    _, finish, why, _ = tell(narrator(), max_tokens=2)
    assert finish == "error" and "more than was asked for" in why


def test_of_a_complaint_without_end_the_beginning_is_read(server, narrator):
    server.answers = [complains(b"CUDA error " * 100)]
    _, finish, why, _ = tell(narrator())
    assert finish == "error" and "answered 500: CUDA error CUDA" in why
    assert len(why) < 400
    assert server.gone.wait(PATIENCE)


def test_an_answer_that_is_packed_is_not_unpacked(server, narrator):
    def answer(reply):
        reply.handler.send_response(200)
        reply.handler.send_header("Content-Type", "text/event-stream")
        reply.handler.send_header("Content-Encoding", "gzip")
        reply.handler.end_headers()
        reply.handler.wfile.write(gzip.compress(EMPTY * 1000))
        reply.drop()

    server.answers = [answer]
    assert "not understood" in tell(narrator())[2]
    assert server.headers[0]["Accept-Encoding"] == "identity"


def test_a_server_that_is_gone_is_named(server, narrator):
    engine = narrator()
    engine._connection.base = "http://127.0.0.1:1/v1"
    _, finish, why, _ = tell(engine)
    assert finish == "error" and "cannot be reached" in why


def test_stop_closes_the_stream_at_once(server, narrator):
    server.answers = [hangs(after="You open")]
    engine = narrator()
    request = engine.submit(PROMPT, SamplingParams())
    while not engine.step():
        pass
    engine.cancel(request)
    assert server.gone.wait(PATIENCE), "the server still tells"
    assert [(text.text, text.finish) for text in engine.step()] == [("", "cancelled")]
    assert not engine.busy


def test_a_hanging_reply_keeps_nobody_else_waiting(server, narrator):
    server.answers = [hangs(), says("You open the door.")]
    engine = narrator(slots=2)
    first = engine.submit(PROMPT, SamplingParams())
    while not server.asked:
        engine.step()
    second = engine.submit(PROMPT, SamplingParams())
    heard = []
    while second not in {text.request for text in heard if text.finish}:
        heard += engine.step()
    assert first not in {text.request for text in heard}


# ---- the key


def test_the_key_comes_from_the_environment_and_is_never_told(server, narrator, monkeypatch):
    monkeypatch.setenv("FAR_KEY", "sk-secret")
    engine = narrator(server={"key": "FAR_KEY"})
    server.answers = [refuses(402, "key sk-secret has no money left")]
    assert "…" in tell(engine)[2] and "sk-secret" not in tell(engine)[2]
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"


def test_a_missing_key_is_said_at_the_start(narrator, monkeypatch):
    monkeypatch.delenv("FAR_KEY", raising=False)
    with pytest.raises(ValueError, match="set FAR_KEY in the environment"):
        narrator(server={"key": "FAR_KEY"})


# ---- what a server does not know


def test_fields_that_a_server_refuses_are_left_out_from_then_on(server, narrator):
    server.answers = [
        refuses_fields("repetition_penalty", "stream_options", then=says("You open it."))
    ]
    engine = narrator()
    assert tell(engine, seed=3)[0] == "You open it."
    assert [len(server.asked), server.asked[-1]["seed"]] == [3, 3]
    assert tell(engine, seed=3)[0] == "You open it."
    assert len(server.asked) == 4


def test_where_a_server_names_none_all_beyond_the_standard_are_left_out(server, narrator):
    server.answers = [refuses_fields("repetition_penalty", silently=True, then=says("You go."))]
    assert tell(narrator(), seed=3, top_p=0.5)[0] == "You go."
    assert set(server.asked[-1]) >= {"seed", "top_p", "temperature", "max_tokens"}
    assert len(server.asked) == 2


def test_a_limit_that_has_another_name_keeps_its_value(server, narrator):
    server.answers = [refuses_fields("max_tokens", then=says("You go."))]
    assert tell(narrator(), max_tokens=7)[0] == "You go."
    assert server.asked[-1]["max_completion_tokens"] == 7


def test_what_the_host_asks_for_itself_is_never_left_out(server, narrator):
    server.answers = [refuses_fields("top_k", then=says("You go."))]
    _, finish, why, _ = tell(narrator(server={"extra": {"top_k": 40}}))
    assert finish == "error" and "top_k" in why


def test_sampling_is_said_in_the_servers_words():
    sampling = SamplingParams(
        temperature=0.7,
        top_k=5,
        min_p=0.1,
        repetition_penalty=1.2,
        frequency_penalty=0.3,
        presence_penalty=0.4,
        seed=2**40 + 1,
        stop=("\n>",),
        max_tokens=9,
    )
    assert sampling_fields(sampling, VLLM) == {
        "max_tokens": 9,
        "temperature": 0.7,
        "top_p": 0.95,
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.2,
        "frequency_penalty": 0.3,
        "presence_penalty": 0.4,
        "seed": 1,
        "stop": ["\n>"],
    }
    plain = SamplingParams(repetition_penalty=1)
    assert sampling_fields(plain, UNKNOWN).keys() == {"max_tokens", "temperature", "top_p"}
    assert sampling_fields(plain, VLLM)["top_k"] == 0, "its own default is the model's"


# ---- thinking


@pytest.mark.parametrize(
    "answer",
    [
        says("<think> The door is a lie. </think>\n\nYou open the door."),
        sends(
            b'data: {"choices": [{"delta": {"reasoning_content": "A lie?"}}]}\n\n',
            b'data: {"choices": [{"delta": {"reasoning": "A lie!"}}]}\n\n',
            b'data: {"choices": [{"delta": {"content": "You open the door."}}]}\n\n',
            b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n',
        ),
    ],
    ids=["tags", "apart"],
)
def test_what_the_model_thinks_is_no_story(server, narrator, answer):
    server.answers = [answer]
    said, finish, _, tokens = tell(narrator(format="chat"))
    assert (said, finish) == ("You open the door.", "stop")
    assert tokens <= 4


def test_a_model_that_only_thinks_is_no_narrator(server, narrator):
    server.answers = [says("<think> Let me see. The player opens", finish="length")]
    said, finish, why, tokens = tell(narrator(format="chat"))
    assert (said, finish, tokens) == ("", "error", 0)
    assert "thinking off" in why


def test_thinking_is_switched_off_where_the_server_can(server, narrator):
    server.models = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 400}]}
    server.counts = True
    engine = narrator(format="chat")
    tell(engine, engine.render_chat(CHAT, ""))
    assert server.asked[0]["chat_template_kwargs"] == {"enable_thinking": False}
    assert OLLAMA.disable_thinking == {"reasoning_effort": "none"}


@pytest.mark.parametrize("size", range(1, 12))
def test_tags_are_found_however_the_text_is_split(size):
    text = "<think>a < b\n</thin </think>\n\nYou <thin ice> see 1 < 2.<think>x</think> End <"
    thinking_filter = ThinkingFilter()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    said = "".join(map(thinking_filter.feed, pieces)) + thinking_filter.finish()
    assert said == "You <thin ice> see 1 < 2. End <"


def test_text_without_tags_is_not_touched():
    thinking_filter = ThinkingFilter()
    assert thinking_filter.feed("  \n You see.") + thinking_filter.finish() == "  \n You see."


# ---- going on with what was begun


def test_a_chat_goes_on_where_the_server_can(server, narrator):
    server.models = {"data": [{"id": "m", "owned_by": "vllm"}]}
    server.counts = True
    engine = narrator(format="chat", begun={"do": "You"})
    tell(engine, engine.render_chat(CHAT, "You open"))
    asked = server.asked[0]
    assert asked["messages"][-1] == {"role": "assistant", "content": "You open"}
    assert asked["continue_final_message"] and not asked["add_generation_prompt"]


def test_elsewhere_a_broken_reply_ends_as_told_so_far(server, narrator):
    engine = narrator(format="chat")
    assert tell(engine, engine.render_chat(CHAT, "You open the"))[:2] == ("", "length")
    assert not server.asked
    tell(engine, engine.render_chat(CHAT, ""))
    assert server.asked[0]["messages"][-1] == {"role": "user", "content": "I open the door."}


def test_a_begun_reply_wants_a_server_that_goes_on(server, narrator):
    with pytest.raises(ValueError, match="continues: true"):
        narrator(format="chat", begun={"do": "You"})
    narrator(format="chat", begun={"do": "You"}, server={"continues": True})
    narrator(format="transcript", begun={"do": "You"})


# ---- meeting a server


def test_the_only_model_is_taken_and_its_context_kept_to(server, narrator):
    server.models = {"data": [{"id": "big", "owned_by": "vllm", "max_model_len": 300}]}
    engine = narrator()
    assert engine.context_tokens == 300
    tell(engine)
    assert server.asked[0]["model"] == "big"


def test_among_several_models_the_host_must_choose(server, narrator):
    server.models = {"data": [{"id": "a"}, {"id": "b"}]}
    with pytest.raises(ValueError, match=r"serves 2 models.*\(a, b\)"):
        narrator()
    tell(narrator(server={"model": "b"}))
    assert server.asked[0]["model"] == "b"


@pytest.mark.parametrize("answer", [b"<html>", b"[" * 100_000, [], {"data": 3}, {"data": [{}]}])
def test_a_list_of_models_that_is_none_is_said_at_the_start(server, narrator, answer):
    server.models = answer
    with pytest.raises(ValueError, match=r"not understood|serves 0 models"):
        narrator()


def test_a_list_of_models_without_end_is_said_at_the_start(server, narrator):
    server.models = b" " * (connection.MAX_RESPONSE_BYTES + 1)
    with pytest.raises(ValueError, match=r"^its server \S+ lists its models in over 4 MiB.*/v1"):
        narrator()


def test_a_list_of_models_that_comes_byte_by_byte_is_not_waited_for(server, monkeypatch):
    monkeypatch.setattr(discovery, "LIST_SECONDS", 0.3)
    server.models, server.pause = b" " * 1000, 0.05
    far = Narrator(name="far", line="", engine="openai", model=server.address)
    with pytest.raises(ValueError, match="did not list its models within"):
        OpenAIEngine(far, startup_seconds=0)


def test_names_of_models_are_cut_before_they_are_said(server, narrator):
    server.models = {"data": [{"id": "a\n" * 5000}, {"id": "b"}]}
    with pytest.raises(ValueError, match=r"^[^\n]{,400}$"):
        narrator()


def test_a_server_without_a_list_wants_its_model_named(server, narrator):
    server.models_status = 404
    with pytest.raises(ValueError, match="does not know"):
        narrator()
    assert tell(narrator(server={"model": "m"}))[1] == "stop"


def test_a_server_is_known_by_what_it_says_of_its_models():
    def of(owner):
        return read_models({"data": [{"id": "m", "owned_by": owner}]}).dialect.name

    assert [of("vllm"), of("llamacpp"), of("library"), of("koboldcpp")] == [
        "vLLM",
        "llama-server",
        "Ollama",
        "KoboldCpp",
    ]
    assert read_models({"data": [{"id": "gpt", "owned_by": "openai"}]}).dialect == UNKNOWN


# ---- counting


def test_lines_are_counted_once(server, narrator):
    server.models = {"data": [{"id": "m", "owned_by": "vllm"}]}
    server.counts = True
    engine = narrator()
    story = "\n".join(f"line {n}" for n in range(10))
    assert engine.count(story) == 29
    server.counts = False
    assert engine.count(story) == 29
    assert engine.counts_exactly
    assert engine.count("a new line of words") == estimate_tokens("a new line of words")
    assert not engine.counts_exactly


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 100_000,
        b'{"count": 1e999}',
        {"count": -5},
        {"count": 1 << 60},
        b'{"count": 3}' + b" " * (4 << 20),
    ],
    ids=["nested", "infinite", "below nothing", "enormous", "without end"],
)
def test_a_count_that_cannot_be_is_an_estimate_and_is_said(server, narrator, caplog, answer):
    server.models = {"data": [{"id": "m", "owned_by": "vllm"}]}
    server.counts, server.count = True, answer
    engine = narrator()
    assert engine.count("some words of a story") == estimate_tokens("some words of a story")
    assert not engine.counts_exactly
    [line] = [record.message for record in caplog.records]
    assert re.fullmatch(r"the server at \S+ counts no tokens now: .{,300}", line)


def test_a_count_that_comes_byte_by_byte_is_not_waited_for(server, narrator, monkeypatch):
    monkeypatch.setattr(counting, "COUNT_SECONDS", 0.3)
    server.models = {"data": [{"id": "m", "owned_by": "vllm"}]}
    engine = narrator()
    server.counts, server.count, server.pause = True, b" " * 10_000, 0.05
    began = time.monotonic()
    assert engine.count("some words of a story") == estimate_tokens("some words of a story")
    assert time.monotonic() - began < PATIENCE


# ---- events


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_events_are_read_however_they_are_split(size, end):
    lines = [": ping", "", "event: x", 'data: {"a": "é🐉"}', "", "data:b", "data: c", "", "data: d"]
    raw = end.join(lines).encode()
    stream = EventStream()
    found = [e for at in range(0, len(raw), size) for e in stream.feed(raw[at : at + size])]
    assert found == ['{"a": "é🐉"}', "b\nc"]


def test_an_event_without_an_end_is_not_kept_for_ever():
    stream = EventStream()
    with pytest.raises(ValueError):
        for _ in range(100):
            stream.feed(b"x" * 100_000)


def test_an_event_of_ever_more_lines_is_not_kept_for_ever():
    stream = EventStream()
    with pytest.raises(ValueError):
        for _ in range(100):
            stream.feed(b"data: " + b"x" * 100_000 + b"\n")


# ---- the narrators file


def entry(text):
    return f"narrators:\n- name: far\n  line: x\n  engine: openai\n{text}"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "line 2: .*model: wants the address of a server"),
        ("  model: bard.gguf", "model: wants the address of a server"),
        ("  model: http://:80/v1", "model: wants the address of a server"),
        ("  model: http://exam ple.com/v1", "model: wants the address of a server"),
        ('  model: "http://example.com/\\nv1"', "model: wants the address of a server"),
        ("  model: https://me:sk-1@api.example.com/v1", "wants no key in the address"),
        (
            "  model: http://127.0.0.1/v1\n  server:\n    model: m\n    key: sk-1234",
            "line 8: server.key: .*pattern",
        ),
        ("  model: http://127.0.0.1/v1\n  server:\n    colour: x", "line 7: server.colour"),
    ],
)
def test_a_mistake_about_a_server_names_the_place(text, wrong):
    with pytest.raises(NarratorsError, match=wrong):
        parse_narrators(entry(text), "n.yaml")


def test_what_only_servers_know_is_refused_for_other_engines():
    text = "narrators:\n- {name: s, line: x, engine: scripted, sampling: {stop: ['>']}}"
    with pytest.raises(NarratorsError, match=r"sampling\.stop is for the openai engine"):
        parse_narrators(text, "n.yaml")
    text = "narrators:\n- {name: s, line: x, engine: scripted, server: {model: m}}"
    with pytest.raises(NarratorsError, match="server is for the openai engine"):
        parse_narrators(text, "n.yaml")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://127.0.0.1:8080/v1", ""),
        ("http://127.8.9.1/v1", ""),
        ("http://[::1]:8080/v1", ""),
        ("http://localhost:11434/v1", ""),
        ("http://LOCALHOST./v1", ""),
        ("http://host.docker.internal:8000/v1", ""),
        ("https://api.example.com/v1", "api.example.com"),
        ("https://API.Example.com:8443/v1", "api.example.com"),
        ("http://192.0.2.7:8080/v1", "192.0.2.7"),
        ("http://[2001:db8::7]/v1", "2001:db8::7"),
        ("http://localhost.example.com/v1", "localhost.example.com"),
        ("http://vllm:8000/v1", "vllm"),
    ],
)
def test_words_that_leave_this_machine_go_to_a_host_with_a_name(address, host):
    assert host_beyond(address) == host


# ---- what a host sees


@pytest.fixture
def check(tmp_path, settings, capsys):
    """`manage.py narrators check far`, of a narrator at an address. What it prints."""

    def check(address, **given):
        given = {"name": "far", "line": "x", "engine": "openai", "model": address, **given}
        file = tmp_path / "n.yaml"
        file.write_text(yaml.safe_dump({"narrators": [given]}))
        settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file, models_dir=tmp_path)
        call_command("narrators", "check", "far")
        return capsys.readouterr().out

    return check


@pytest.mark.parametrize("told_as", ["transcript", "chat"])
@pytest.mark.parametrize("cut", [100, 1000])
def test_a_server_that_cuts_long_stories_fails_the_check_with_the_remedy(
    server, check, told_as, cut
):
    server.models = {"data": [{"id": "m", "owned_by": "library"}]}
    server.answers = [reads_only(cut)]
    with pytest.raises(CommandError, match=rf"read {cut} tokens.*OLLAMA_CONTEXT_LENGTH=2048"):
        check(server.address, context=2048, format=told_as)


def test_a_server_that_counts_more_than_we_do_fails_the_check(server, check):
    server.answers = [reads_only(10**6, per_token=1)]
    with pytest.raises(CommandError, match=r"write `context: \d+`"):
        check(server.address)


def test_a_server_that_refuses_a_full_window_fails_the_check(server, check):
    server.answers = [says("Yes."), refuses(400, "the context has 1024 tokens")]
    with pytest.raises(CommandError, match=r"was not answered: .*1024 tokens"):
        check(server.address)


def test_a_server_that_does_not_count_is_said_to_be_unknown(server, check):
    server.answers = [says("You open the door and go down.")]
    assert "whether it cuts long stories is unknown" in check(server.address)


@pytest.mark.model
def test_a_real_server_passes_the_check(llama, check):
    said = check(llama, context=600, format="chat", sampling={"max_tokens": 20})
    assert "llama-server, smol" in said
    assert "a full window is read whole" in said and "counted by the server" in said
    assert "tokens in" in said


@pytest.mark.model
def test_a_real_server_reads_a_transcript_as_it_is_counted(llama):
    engine = OpenAIEngine(Narrator(name="far", line="", engine="openai", model=llama, context=600))
    check = check_context(engine, reply_tokens=40)
    engine.close()
    assert check.counted == check.read and not check.problem


@pytest.mark.model
@pytest.mark.parametrize("told_as", ["transcript", "chat"])
def test_a_real_servers_own_context_is_kept_to(llama, told_as):
    engine = OpenAIEngine(
        Narrator(name="far", line="", engine="openai", model=llama, context=8192, format=told_as)
    )
    assert engine.context_tokens == 2048
    engine.close()


# ---- with a real server

TEXTS = {
    "English": "The lamplighter's daughter — barefoot, as ever — counted the steps: 1, 2, 3… 47.",
    "German": "Die Tür des Leuchtturms öffnete sich, und ein Geruch nach Öl schlug ihr entgegen.",
    "French": "À l’aube, le garçon s’éveilla ; la mer était déjà là, grise et sans âge.",
    "Russian": "Старик поднял фонарь, и тени разбежались по углам комнаты.",
    "Japanese": "扉が静かに開き、冷たい風が廊下を吹き抜けた。",
    "dialogue": '"No," she said. "Not tonight!" — "Why?" he asked; "what\'s the matter?"',
}


@pytest.mark.model
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_estimate_of_tokens_is_on_the_safe_side(llama, text):
    engine = OpenAIEngine(Narrator(name="far", line="", engine="openai", model=llama))
    counted = engine.count(text)
    engine.close()
    assert counted <= estimate_tokens(text)


@pytest.mark.model
def test_a_chat_is_never_longer_than_it_was_counted(llama):
    engine = OpenAIEngine(
        Narrator(name="far", line="", engine="openai", model=llama, format="chat")
    )
    story = [Message("system", "Tell."), *[Message("user", t) for t in TEXTS.values()]]
    prompt = engine.render_chat(story, "You\nand")
    assert 0 <= engine.count(prompt) - engine.count_read_tokens(prompt) <= 6 * len(story)
    engine.close()


@pytest.mark.model
def test_a_real_server_goes_on_with_what_was_told(llama):
    engine = OpenAIEngine(
        Narrator(name="far", line="", engine="openai", model=llama, format="chat")
    )
    said, _, _, _ = tell(
        engine,
        engine.render_chat(CHAT, "You open the door and count to ten: one, two, three, four,"),
        max_tokens=6,
        temperature=0,
        repetition_penalty=1,
    )
    engine.close()
    assert said.startswith(" five, six")


@pytest.mark.model
def test_a_real_server_ends_before_a_stop_string(llama):
    engine = OpenAIEngine(Narrator(name="far", line="", engine="openai", model=llama))
    counting = "one, two, three, four, five, six, seven,"
    said, finish, _, _ = tell(engine, counting, temperature=0, max_tokens=40, stop=("nine",))
    engine.close()
    assert said.startswith(" eight") and "nine" not in said
    assert finish == "stop"


@pytest.mark.model
def test_a_repetition_penalty_moves_a_real_servers_words(llama):
    engine = OpenAIEngine(Narrator(name="far", line="", engine="openai", model=llama))
    prompt = "A, B, C, A, B, C, A, B, C, A, B, C, A, B,"
    told = [
        tell(engine, prompt, temperature=0, max_tokens=8, repetition_penalty=penalty)[0]
        for penalty in (1, 1.8)
    ]
    engine.close()
    assert told[0].startswith(" C, A, B")
    assert told[0] != told[1]


@pytest.mark.model
def test_a_turn_is_told_by_a_real_server_through_the_engines_process(llama):
    import queue

    heard = queue.SimpleQueue()
    narrator = Narrator(
        name="far",
        line="",
        engine="openai",
        model=llama,
        format="chat",
        begun={"do": "You"},
        sampling=SamplingParams(max_tokens=12, seed=4),
    )
    config = InferenceConfig("redis://127.0.0.1:1", Path("n.yaml"), Path())
    process = EngineProcess(narrator, config, heard.put, None, heard.put)
    process.start()
    assert process.wait_ready(60).context_tokens == 2048
    context = StoryContext(
        story=(Passage(kind="opening", reply="A door."),), action=Passage(kind="do", action="knock")
    )
    asked = GenerationRequest(adventure="a", turn="t", attempt=1, narrator="far", context=context)
    process.submit(1, asked)
    said = []
    while not (said and said[-1].finish):
        said += heard.get(timeout=60)
    process.stop(timeout=5)
    assert said[-1].finish in ("stop", "length"), said[-1].error
    assert len("".join(text.text for text in said)) > 10


# ---- what players see


@pytest.mark.django_db
def test_players_read_where_their_words_go(client, alice, adventure, settings, tmp_path):
    file = tmp_path / "n.yaml"
    told = {"name": "far", "line": "x", "engine": "openai"}
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file, models_dir=tmp_path)
    client.force_login(alice)
    pages = [f"/adventures/{adventure.pk}/", f"/scenarios/{adventure.scenario.slug}/"]
    for address, seen in (
        ("https://api.example.com/v1", "<b>api.example.com</b>"),
        ("https://<b>x/v1", "&lt;b&gt;x"),
        ("http://127.0.0.1:8080/v1", ""),
    ):
        file.write_text(yaml.safe_dump({"narrators": [{**told, "model": address}]}))
        for page in pages:
            said = client.get(page).content.decode()
            assert ("Your words go to" in said) == bool(seen)
            assert seen in said and "<b>x" not in said
