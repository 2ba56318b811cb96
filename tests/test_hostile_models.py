"""Model files that are cut, broken or made to do harm: one clear line, soon, and nothing else."""

import contextlib
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("gguf")

from inference.gguf_header import first_number, read_header
from inference.models import ModelError, ensure_model
from inference.narrators import Narrator
from tests.test_models import a_gguf

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
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"^evil\.gguf [^\n]*$"):
        read_header(path)
    with path.open("rb") as file, contextlib.suppress(ValueError):
        assert first_number(file, ".context_length") is None
    assert time.monotonic() - began < 1


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


def test_a_file_that_is_cut_says_how_much_is_missing(tmp_path, whole):
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[:-1000])
    narrator = Narrator(name="cut", line="", engine="llama", model=str(path))
    with pytest.raises(
        ModelError, match=r"not a whole GGUF file: cut\.gguf is cut short: it has .* of "
    ):
        ensure_model(narrator, tmp_path / "models")
