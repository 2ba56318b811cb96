"""Every note of a preview says something."""

import re
from pathlib import Path

import game.imports
from game.imports import messages, reader_messages
from game.imports.formats import grue

ADDED = re.compile(r'notes\.add\(\s*"(\w+)"|Note\(\s*"(\w+)"')


def test_every_code_of_a_note_has_words():
    folder = Path(game.imports.__file__).parent
    files = [*folder.glob("*.py"), *(folder / "formats").glob("*.py")]
    codes = {code for file in files for found in ADDED.findall(file.read_text()) for code in found}
    codes -= {""}
    assert len(codes) > 25
    assert codes - set(messages.TEXTS) - set(reader_messages.TEXTS) == set()


def test_what_an_export_leaves_out_is_said():
    turn = {"id": "1", "parent": None, "kind": "opening", "reply": "Hi.", "status": "told"}
    counts = {"hidden_cards": 3, "hidden_world": 1}
    data = {"adventure": {"head": "1"}, "turns": [turn], "left_out": counts}
    lines = messages.lines_of([vars(note) for note in grue.read_data(data).notes])
    assert [(each["level"], each["count"]) for each in lines] == [("dropped", 3), ("dropped", 1)]
    assert "Hidden cards" in lines[0]["text"]
