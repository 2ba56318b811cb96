"""The document of NovelAI's newer stories, packed here as its editor packs it."""

import base64
import json
import struct

import pytest

from game.exchange.parsers import Unreadable
from game.imports.formats.novelai_document import read_sections
from game.imports.reader_process import read_document

WORDS = {1: "Sand falls.", 2: "> You sift it.", 3: "Ein Käfer 🙂 krabbelt."}


def pack(value):
    """A value in plain MessagePack."""
    if isinstance(value, bool) or value is None:
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return bytes([value]) if 0 <= value < 0x40 else b"\xd2" + struct.pack(">i", value)
    if isinstance(value, str):
        coded = value.encode()
        return b"\xda" + struct.pack(">H", len(coded)) + coded
    if isinstance(value, list):
        return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
    pairs = [
        pack(name) + (each if isinstance(each, bytes) else pack(each))
        for name, each in value.items()
    ]
    return b"\xde" + struct.pack(">H", len(pairs)) + b"".join(pairs)


def document(sections, order):
    """A document: extension 20, and behind it the map."""
    inside = {
        "sections": pack(sections),
        "order": pack(order),
        "history": b"\xd4\x1e\0" + pack({"root": 0, "nodes": {}}),  # extension 30
        "step": pack(1),
    }
    return b"\xd4\x14\0" + pack(inside)


def coded(content):
    return base64.b64encode(content).decode()


def test_sections_come_in_their_order():
    sections = {number: {"type": 1, "text": text} for number, text in WORDS.items()}
    assert read_sections(coded(document(sections, [3, 1]))) == [WORDS[3], WORDS[1]]


def test_records_name_their_fields_once():
    record = b"\xd4\x72\x40" + pack(["type", "text"])
    first = record + pack(1) + pack(WORDS[1])
    second = b"\x40" + pack(1) + pack(WORDS[3])
    sections = b"\xde\x00\x02" + pack(1) + first + pack(2) + second
    content = b"\xd4\x14\0" + pack({"sections": sections, "order": pack([1, 2])})
    assert read_sections(coded(content)) == [WORDS[1], WORDS[3]]


def test_bundled_strings_are_counted_as_javascript_counts_them():
    def bundled(text):
        units = len(text.encode("utf-16-le")) // 2
        return b"\xc1" + pack(units if text.isascii() else -units)

    plain = ["sections", "text", WORDS[1], "text", "order"]
    section = b"\x81" + bundled("text")
    body = b"\x82" + bundled("sections") + b"\x82" + pack(1) + section + bundled(WORDS[1])
    body += pack(2) + section + bundled(WORDS[3]) + bundled("order") + pack([2, 1])
    strings = pack(WORDS[3]) + pack("".join(plain))
    content = b"\xd6\x62" + struct.pack(">I", 4 + len(body)) + body + strings
    assert read_sections(coded(content)) == [WORDS[3], WORDS[1]]


def test_a_newer_story_is_read_from_its_document():
    sections = {number: {"type": 1, "text": text} for number, text in WORDS.items()}
    story = {
        "storyContainerVersion": 1,
        "metadata": {"title": "The Sieve"},
        "content": {"storyContentVersion": 6, "document": coded(document(sections, [1, 2, 3]))},
    }
    found = read_document(json.dumps(story).encode(), "a.story")
    (adventure,) = found.adventures
    assert (found.version, adventure.turns[0].reply) == ("6", "Sand falls.")
    assert (adventure.turns[1].action, adventure.turns[1].reply) == ("You sift it.", WORDS[3])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x91" * 1_000 + b"\x01", "deep"),
        (b"\xdd\xff\xff\xff\xff" + b"\x01" * 600_000, "many"),
        (b"\xde\xff\xff", "damaged"),
        (b"\x01", "damaged"),
        (b"\xc1\x05", "damaged"),
        (b"\xd6\x62\xff\xff\xff\xff\x80", "damaged"),
    ],
)
def test_a_document_that_lies_is_refused(content, reason):
    with pytest.raises(Unreadable) as refused:
        read_sections(coded(content))
    assert refused.value.reason == reason
