"""Files that are made to do harm, or only broken: a clear reason, and nothing of them."""

import base64
import json
import struct
import zipfile
import zlib
from io import BytesIO

import pytest

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import limits
from game.imports.reader_process import read_document
from game.imports.reading import read_file
from scripts.fuzz_imports import fuzz, memory_mib
from tests.game.imports.foreign_files import CHARACTER, CHARACTER_V1, charx, chunk, png, text_chunk

CARD = '[{"keys":"a","value":%s,"title":"T"}]'
BOMB = zlib.compress(b"A" * (limits.LARGEST_PART + 1), 9)


def zipped(name, content=b"{}", method=zipfile.ZIP_DEFLATED):
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def locked():
    """A zip whose only file says that it has a password."""
    content = bytearray(zipped("card.json"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying_png():
    head = b"\x89PNG\r\n\x1a\n"
    return head + struct.pack(">I", 2**31) + b"tEXt" + b"chara\0" + b"e30="


HOSTILE = {
    "nothing": (b"", "empty"),
    "only blanks": (b" \n\t", "empty"),
    "a picture without a character": (png(), "png_empty"),
    "a cut picture": (png(text_chunk("chara", CHARACTER))[:60], "png"),
    "a chunk that lies about its length": (lying_png(), "png"),
    "a picture of chunks": (
        b"\x89PNG\r\n\x1a\n" + chunk(b"zzzz", b"") * (limits.MOST_CHUNKS + 1),
        "png",
    ),
    "a zTXt bomb": (png((b"zTXt", b"chara\0\0" + BOMB)), "bomb"),
    "an iTXt bomb": (png((b"iTXt", b"ccv3\0\1\0\0\0" + BOMB)), "bomb"),
    "a damaged zTXt": (png((b"zTXt", b"chara\0\0nonsense")), "png"),
    "base64 that is cut": (png((b"tEXt", b"chara\0eyJ")), "json"),
    "base64 with other characters": (png((b"tEXt", b"chara\0e30=!!%")), "base64"),
    "base64 that is too short": (png((b"tEXt", b"chara\0e")), "base64"),
    "a zip bomb": (zipped("card.json", b" " * (limits.LARGEST_PART + 1)), "bomb"),
    "a path out of a zip": (zipped("../../etc/passwd"), "zip_path"),
    "an absolute path in a zip": (zipped("/etc/passwd"), "zip_path"),
    "a drive in a zip": (zipped("C:\\x"), "zip_path"),
    "a zip of many files": (
        charx(CHARACTER, **{f"f{each}": b"" for each in range(limits.MOST_MEMBERS)}),
        "zip_many",
    ),
    "a zip with a password": (locked(), "zip_password"),
    "a zip that cannot be read in pieces": (
        zipped("card.json", method=zipfile.ZIP_LZMA),
        "zip",
    ),
    "a cut zip": (charx(CHARACTER)[:-30], "zip"),
    "a zip of something else": (zipped("word/document.xml"), "unknown"),
    "a checkpoint in a zip": (zipped("archive/data.pkl"), "pickle"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00", "pickle"),
    "an old pickle": (b"cposix\nsystem\n(S'true'\ntR.", "pickle"),
    "depth": (b"[" * 100_000, "deep"),
    "depth of maps": (b'{"entries":' * 5_000, "deep"),
    "a hundred thousand cards": (
        json.dumps([{"keys": "a", "value": "b", "title": "c"}] * 100_000).encode(),
        "many",
    ),
    "values without end": (b"[" + b"0," * limits.MOST_VALUES + b"0]", "many"),
    "broken JSON": (b'{"title": "x", "prompt": }', "json"),
    "text in no encoding": (b'{"title": "\xff\xfe\xc3"}', "encoding"),
    "half of UTF-16": ("﻿[1]".encode("utf-16-le") + b"\x00\xd8", "encoding"),
    "a lorebook without entries": (b'{"lorebookVersion": 4, "entries": []}', "no_cards"),
    "a number alone": (b"{}", "unknown"),
    "a PDF": (b"%PDF-1.7", "unknown"),
    "a NovelAI document that is none": (
        json.dumps(
            {
                "storyContainerVersion": 1,
                "content": {"document": base64.b64encode(b"\xdd\xff\xff\xff\xff").decode()},
            }
        ).encode(),
        "damaged",
    ),
    "laughs": (b"title: &a [x]\nopening: [*a, *a]\n", "aliases"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_clear_words(name):
    content, reason = HOSTILE[name]
    with pytest.raises(Unreadable) as refused:
        read_document(content, "")
    assert refused.value.reason == reason, refused.value.detail
    message = sandbox.message_of(refused.value)
    assert reason in sandbox.REASONS
    assert "%" not in message


def test_a_bomb_is_refused_by_the_other_process_too():
    with pytest.raises(Unreadable) as refused:
        read_file(HOSTILE["a zTXt bomb"][0], "oda.png")
    assert "32 MiB" in sandbox.message_of(refused.value)
    with pytest.raises(Unreadable) as refused:
        read_file(b"x" * (limits.LARGEST_FILE + 1), "x.txt")
    assert refused.value.reason == "large"


@pytest.mark.parametrize(
    ("written", "text", "note"),
    [
        ('"a\\u0000b\\u0007"', "ab", "control_characters"),
        ('"a\\ud800b"', "ab", "control_characters"),
        ('"a","value":"b"', "b", "doubled"),
        ('"x","weight":NaN', "x", "no_number"),
        ('"x","weight":1e999', "x", "no_number"),
        ('"x","weight":' + "9" * 5_000, "x", "no_number"),
        ('"<script>alert(1)</script>"', "<script>alert(1)</script>", ""),
        ('"\\ud83d\\ude42"', "🙂", ""),
    ],
)
def test_what_a_text_may_not_hold_goes_and_is_said(written, text, note):
    document = read_document((CARD % written).encode(), "")
    assert document.cards[0].text == text
    assert note in {"", *(each.code for each in document.notes)}
    json.dumps(document.cards[0].kept, allow_nan=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_files_in_other_encodings_are_read(encoding):
    content = (CARD % '"Маяк"').encode(encoding)
    assert read_document(content, "").cards[0].text == "Маяк"


def test_the_newer_part_of_a_picture_wins_wherever_it_stands():
    older = text_chunk("chara", {**CHARACTER_V1, "name": "Old"})
    newer = text_chunk("ccv3", CHARACTER)
    for content in (png(older, newer), png(older, newer, before=False)):
        (scenario,) = read_document(content, "").scenarios
        assert scenario.title == "Oda"
        picture = base64.b64decode(scenario.picture)
        assert picture.startswith(b"\x89PNG") and b"tEXt" not in picture


def test_a_real_files_size_fits():
    cards = [{"keys": f"k{each}", "value": "b" * 900, "title": f"c{each}"} for each in range(179)]
    scenario = {"title": "Big", "prompt": "Word. " * 73_000, "storyCards": cards}
    (read,) = read_document(json.dumps(scenario).encode(), "").scenarios
    assert (len(read.cards), len(read.openings[0])) == (179, 438_000)


def test_mutated_files_break_nothing_and_take_little_memory():
    before = memory_mib()
    ends, broken = fuzz(600, seed=25)
    assert not broken
    assert ends["read"] > 100
    assert memory_mib() - before < 100


@pytest.mark.full
def test_ten_thousand_mutated_files_break_nothing():
    _ends, broken = fuzz(10_000, seed=26)
    assert not broken
