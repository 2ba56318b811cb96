"""Model files that are cut, broken or made to do harm: one clear line, soon, and nothing else."""

import contextlib
import importlib
import random
import struct
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gguf")

from game.models import Adventure, Status, Turn
from inference.config import InferenceConfig
from inference.engines.process import EngineFailed, EngineProcess
from inference.models.gguf import first_number, read_header
from inference.models.processor import LLAMA_NEEDS, lacks
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator
from tests.game.play.test_turns import act
from tests.inference.models.test_lora import a_llama
from tests.inference.models.test_store import a_gguf
from tests.serving import until

ENORMOUS = (1 << 64) - 1


def text(said: bytes) -> bytes:
    return struct.pack("<Q", len(said)) + said


def header(tensors: int = 0, keys: int = 0, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


KEY = text(b"general.architecture")
HOSTILE = {
    "more keys than a file can hold": header(keys=ENORMOUS),
    "more tensors than a file can hold": header(tensors=ENORMOUS),
    "a name without end": header(keys=1, rest=struct.pack("<Q", ENORMOUS)),
    "a string without end": header(keys=1, rest=KEY + struct.pack("<IQ", 8, ENORMOUS)),
    "a string that overflows": header(keys=1, rest=KEY + struct.pack("<IQ", 8, (1 << 63) - 1)),
    "a list without end": header(keys=1, rest=KEY + struct.pack("<IIQ", 9, 12, ENORMOUS)),
    "strings without end": header(keys=1, rest=KEY + struct.pack("<IIQ", 9, 8, ENORMOUS)),
    "lists of lists": header(
        keys=1, rest=KEY + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 99
    ),
    "a kind of value that is none": header(keys=1, rest=KEY + struct.pack("<I", 77)),
    "letters that are none": header(keys=1, rest=text(b"\xff\xfe") + struct.pack("<IB", 7, 1)),
    "four thousand million dimensions": header(
        tensors=1, rest=text(b"w") + struct.pack("<I", (1 << 32) - 1)
    ),
    "a tensor beyond the end": header(
        tensors=1, rest=text(b"w") + struct.pack("<IQIQ", 1, 64, 0, 1 << 40)
    ),
    "a tensor that overflows": header(
        tensors=1, rest=text(b"w") + struct.pack("<I4QIQ", 4, *[ENORMOUS] * 4, 0, 0)
    ),
    "an alignment of nothing": header(
        keys=1, rest=text(b"general.alignment") + struct.pack("<II", 4, 0)
    ),
    "another version": header(version=99),
    "the other byte order": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "nothing": b"",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_is_refused_in_one_line_and_at_once(tmp_path, data):
    path = tmp_path / "evil.gguf"
    path.write_bytes(data)
    began = time.process_time()
    with pytest.raises(ValueError, match=r"^evil\.gguf [^\n]*$"):
        read_header(path)
    with path.open("rb") as file, contextlib.suppress(ValueError):
        assert first_number(file, ".context_length") is None
    assert time.process_time() - began < 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    return a_gguf(tmp_path_factory.mktemp("whole") / "m.gguf").read_bytes()


@given(data=st.data())
def test_whatever_a_file_says_it_is_read_or_refused(tmp_path_factory, whole, data):
    """A whole file with a few bytes changed, or cut; or bytes that only begin like one."""
    spoilt = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, min(len(whole), 600) - 1), max_size=8)):
        spoilt[place] = data.draw(st.integers(0, 255))
    spoilt = spoilt[: data.draw(st.integers(0, len(spoilt)))]
    invented = header(*data.draw(st.tuples(*[st.integers(0, 9)] * 2)), data.draw(st.binary()))
    path = tmp_path_factory.getbasetemp() / "fuzzed.gguf"
    for written in (bytes(spoilt), invented):
        path.write_bytes(written)
        try:
            read_header(path)
        except ValueError as error:
            assert "\n" not in str(error)


def test_a_list_of_more_words_than_any_model_has_is_not_read_through(tmp_path):
    path = tmp_path / "words.gguf"
    words = (1 << 21) + 1
    path.write_bytes(header(keys=1, rest=KEY + struct.pack("<IIQ", 9, 8, words)))
    with path.open("r+b") as file:
        file.truncate(9 * words)  # each of them empty
    with pytest.raises(ValueError, match="damaged header"):
        read_header(path)


def test_what_a_header_makes_a_reader_keep_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("inference.models.gguf.MOST_BYTES", 1 << 20)
    path = tmp_path / "long.gguf"
    keys = (text(b"k%d" % n) + struct.pack("<I", 8) + text(b"x" * 60_000) for n in range(40))
    path.write_bytes(header(keys=40, rest=b"".join(keys)))
    with pytest.raises(ValueError, match="damaged header"):
        read_header(path)


def test_a_file_that_is_cut_says_how_much_is_missing(tmp_path, whole):
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[:-1000])
    narrator = Narrator(name="cut", line="", engine="llama", model=str(path))
    with pytest.raises(
        ModelError, match=r"not a whole GGUF file: cut\.gguf is cut short: it has .* of "
    ):
        ensure_model(narrator, tmp_path / "models")


# ---- loaded by llama.cpp, in a process of its own


def with_template(path, template: str):
    """A whole model with a chat template."""
    return a_llama(path, template=template)


def why_not(path, **given) -> str:
    """What is said where a narrator with this file cannot be loaded."""
    given = {"format": "chat", "context": 256, "slots": 1, "options": {"threads": 1}, **given}
    narrator = Narrator(name="bad", line="", engine="llama", model=str(path), **given)
    config = InferenceConfig(redis_url="", narrators_file=path, models_dir=path.parent / "models")
    process = EngineProcess(narrator, config, lambda _: None, None, lambda _: None)
    process.start()
    try:
        with pytest.raises(EngineFailed, match=r"^[^\n]*$") as caught:
            process.wait_ready(60)
    finally:
        process.stop(5)
    return str(caught.value)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for m in %}{{", "its chat template is broken (Unexpected token"),
        ("{{ raise_exception('no!') }}", "its chat template is broken (Jinja Exception: no!)"),
        ("{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}", "SIGSEGV"),
    ],
    ids=["that nobody can read", "that raises", "that is nested too deep"],
)
def test_a_broken_template_is_one_line(tmp_path, template, said):
    assert said in why_not(with_template(tmp_path / "t.gguf", template))


def test_weights_that_are_not_there_are_named(tmp_path):
    path = a_llama(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes().replace(b"attn_norm", b"attn_nomr"))
    assert "tensor 'blk.0.attn_norm.weight' not found" in why_not(path)


def test_a_narrator_that_asks_for_more_memory_than_there_is_says_what_to_do(tmp_path):
    path = a_llama(tmp_path / "m.gguf")
    assert "a shorter `context`, or fewer `slots`" in why_not(
        path, context=10**9, format="transcript"
    )


ENDLESS = "{% for a in range(3000) %}{% for b in range(3000) %}{% for c in range(3000) %}"


@pytest.fixture
def endless(tmp_path, monkeypatch):
    """A model whose chat template never ends, in processes that wait two seconds for it."""
    monkeypatch.setenv(
        "PYTHONPATH", str(Path(__file__).resolve().parents[2] / "short_load_timeout")
    )
    return with_template(tmp_path / "t.gguf", ENDLESS + "{% endfor %}" * 3)


def test_a_template_that_never_ends_is_one_line(endless):
    assert "its chat template may never end (take another file" in why_not(endless)


@pytest.mark.django_db(transaction=True)
def test_a_template_that_never_ends_keeps_no_other_narrator_from_telling(
    alice, bob, adventure, begin, pools, log, endless, tmp_path
):
    pools.write(
        {
            "name": "parrot",
            "options": {"pace": 0, "replies": ["A cold wind comes out of the dark."]},
        },
        {
            **{"name": "raven", "engine": "llama", "model": str(endless), "format": "chat"},
            **{"context": 256, "slots": 1, "options": {"threads": 1}},
        },
        default="parrot",
    )
    pool = pools.pool("parrot", "raven", models_dir=tmp_path / "models")
    until(lambda: log.narrator_alive("raven"))
    Adventure.objects.filter(pk=adventure.pk).update(narrator="raven")
    waits = act(adventure, alice)
    theirs = act(begin(bob), bob)
    until(lambda: pool.entries["raven"].problem)
    assert "its chat template may never end" in pool.entries["raven"].problem
    until(lambda: Turn.objects.get(pk=theirs.pk).status == Status.TOLD)
    # What was typed for it waits until the host has put the file right; nobody else need try.
    assert Turn.objects.get(pk=waits.pk).status == Status.QUEUED
    assert not log.narrator_alive("raven")
    last = act(begin(alice), alice)
    until(lambda: Turn.objects.get(pk=last.pk).status == Status.TOLD)
    assert pool.entries["parrot"].worker.engine.alive


def test_a_file_of_noise_is_told_from_without_harm(tmp_path):
    """Nothing can be said of weights but by what they tell: `pull` proves a model by that."""
    path = a_llama(tmp_path / "m.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100_000] + random.Random(1).randbytes(100_000))
    from inference.contract.sampling import SamplingParams
    from inference.engines.llama import LlamaEngine
    from tests.inference.engines.test_engines import tell_all

    narrator = Narrator(
        name="noise", line="", engine="llama", model=str(path), context=256, slots=1
    )
    engine = LlamaEngine(narrator, path, tmp_path)
    request = engine.submit('!"#', SamplingParams(max_tokens=8))
    assert tell_all(engine)[request][-1].finish in ("length", "stop", "error")


def test_a_processor_without_what_the_wheel_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    old = tmp_path / "cpuinfo"
    old.write_text("processor : 0\nflags : fpu sse sse2 avx f16c bmi2\n")
    assert lacks(LLAMA_NEEDS, old) == ("avx2", "fma")
    old.write_text("flags : avx avx2 fma f16c bmi2\n")
    assert lacks(LLAMA_NEEDS, old) == ()
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert lacks(LLAMA_NEEDS, old) == ()


def test_the_engine_is_not_imported_where_it_would_break_the_process(monkeypatch):
    monkeypatch.setattr("inference.models.processor.lacks", lambda needed: ("avx2",))
    monkeypatch.delitem(sys.modules, "inference.engines.llama", raising=False)
    with pytest.raises(ImportError, match=r"a processor with AVX2.*take `engine: openvino`"):
        importlib.import_module("inference.engines.llama")
