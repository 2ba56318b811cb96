"""Each field of other programs' files: where it comes, in what form, and what is kept of it."""

import json

import pytest

from game.imports.reader_process import read_document
from game.imports.turns import split_actions
from tests.game.imports import foreign_files as files

OPENING = [("opening", "")]


def read(name):
    return read_document(files.FILES[name], name)


def told(adventure):
    """The path to the head as (kind, action, reply)."""
    turns, path = adventure.turns, []
    place = len(turns) - 1 if adventure.head is None else adventure.head
    while place is not None:
        path.append((turns[place].kind, turns[place].action, turns[place].reply))
        place = turns[place].parent
    return path[::-1]


def codes(document, level=None):
    return {each.code for each in document.notes if level in (None, each.level)}


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("scenario.json", "aidungeon"),
        ("dump.json", "aidungeon"),
        ("old.json", "aidungeon2"),
        ("clover.json", "clover"),
        ("lite.json", "kobold_lite"),
        ("united.json", "kobold_united"),
        ("kobold.json", "kobold"),
        ("a.story", "novelai_story"),
        ("a.scenario", "novelai_scenario"),
        ("a.lorebook", "novelai_lorebook"),
        ("lore.png", "novelai_lorebook"),
        ("world.json", "sillytavern_world"),
        ("chat.jsonl", "sillytavern_chat"),
        ("oda.json", "character_card"),
        ("oda1.json", "character_card"),
        ("oda.png", "character_card"),
        ("oda.charx", "character_card"),
        ("agnai.json", "agnai_memory"),
        ("risu.json", "risu_lorebook"),
        ("story.txt", "text"),
        ("story.md", "markdown"),
    ],
)
def test_a_file_is_known_by_its_content_whatever_it_is_called(name, format):
    for called in (name, "", "upload.bin", "x.json"):
        assert read_document(files.FILES[name], called).format == format


def test_an_ai_dungeon_scenario_comes_with_its_questions_options_and_scripts():
    document = read("scenario.json")
    ferry, north, south = document.scenarios
    assert (ferry.title, ferry.tagline) == ("The Glass Ferry", "A river that nobody has crossed.")
    assert ferry.tags == ["river", "glass"]
    assert ferry.authors_note == "Slow and wet."
    assert ferry.openings == [
        "You board the ferry as ${who_are_you}. The fare is $5, ${character_name}."
    ]
    assert ferry.memory == "The ferryman is blind. ${who_are_you} owes him."
    assert [each["question"] for each in ferry.placeholders] == [
        "Who are you?",
        "What is your name?",
        "What is your name?",
    ]
    assert ferry.options == [north.name, south.name]
    assert (north.openings, south.title) == (["You step onto ice."], "South")
    (card,) = ferry.cards
    assert card.keys == ["ferryman", "old oar", "oar"]
    assert card.text == "He counts the oars of ${player}."
    assert card.kept["description"] == "he is the river"
    assert card.kept["keys"] == "ferryman, (old |)oar#[t=5]"
    assert ferry.kept["gameCode"] and ferry.kept["thirdPerson"] is True
    assert ferry.kept["options"] == [{"title": "Nowhere", "publicId": "gone"}]
    assert {"scripts", "option_missing", "keys_expanded", "question"} <= codes(document)


def test_an_ai_dungeon_adventure_is_put_in_order_without_what_was_undone():
    (adventure,) = read("dump.json").adventures
    assert told(adventure) == [
        ("opening", "", "A lamp hangs."),
        ("say", "Who is there?", ""),
        ("story", "Night comes.", ""),
        ("do", "You light it.", "It burns."),
    ]
    assert (adventure.title, adventure.memory) == ("Crossing", "You hold a rope.")
    assert adventure.authors_note == "Salt everywhere."
    assert adventure.created.startswith("2023-05-01T10:00")
    assert adventure.turns[1].created.startswith("2023-05-01T10:02")
    assert adventure.turns[-1].summary["text"] == "You crossed."
    (card,) = adventure.cards
    assert (card.title, card.keys, card.text) == ("lamp", ["lamp"], "It never goes out.")
    assert "undone" in codes(read("dump.json"), "dropped")


@pytest.mark.parametrize("name", ["old.json", "clover.json"])
def test_saves_of_the_first_ai_dungeon_come_turn_by_turn(name):
    (adventure,) = read(name).adventures
    assert told(adventure)[1] == ("do", "You climb the wall.", "You slip.")
    assert adventure.turns[0].reply.endswith(("A wall stands here.", "It leans."))
    if name == "old.json":
        assert told(adventure)[2] == ("say", "Hello", "Nobody answers.")
        assert adventure.kept["rating"] == "teen"
    else:
        assert adventure.memory == "You are a mason.\nThe wall is old."
        assert adventure.kept["top-keks"] == 20


def test_a_kobold_lite_save_keeps_retries_conditions_and_settings():
    document = read("lite.json")
    (adventure,) = document.adventures
    assert told(adventure) == [
        ("opening", "", "You row toward a gate of glass."),
        ("do", "You knock.", "It rings."),
        ("story", "I wait.", "It opens."),
    ]
    assert [turn.reply for turn in adventure.turns if turn.parent == 0] == [
        "It cracks.",
        "It rings.",
    ]
    assert (adventure.memory, adventure.authors_note) == ("You are Ines.", "Few words.")
    gate, boat = adventure.cards
    assert gate.options == {
        "secondary_keys": ["dream"],
        "secondary_logic": "not_any",
        "probability": 40,
    }
    assert gate.kept["wigroup"] == "Town"
    assert boat.pinned
    assert boat.options["disabled"] is True
    assert boat.options["secondary_keys"] == ["oar"]
    assert adventure.kept["savedsettings"] == {
        "opmode": 2,
        "chatname": "Ines",
        "chatopponent": "Guard",
    }
    assert adventure.kept["anotestr"] == 320
    assert {"note_frame", "folder"} <= codes(document, "kept")


def test_a_kobold_united_save_has_all_cards_and_no_pickle():
    document = read("united.json")
    (adventure,) = document.adventures
    assert (document.version, adventure.title) == ("2", "Gate")
    assert told(adventure) == [("opening", "", "You row."), ("do", "You knock.", "It rings.")]
    assert adventure.turns[1].reply == "It cracks."
    assert adventure.turns[-1].created.startswith("2023-11-14")
    assert adventure.turns[-1].summary["text"] == "Ines rowed."
    assert [card.title for card in adventure.cards] == ["Gate", "All", "Rope"]
    assert adventure.cards[0].options["secondary_keys"] == ["glass"]
    assert adventure.cards[1].pinned
    assert "wi_object" not in adventure.kept
    assert adventure.kept["biases"] == {"dark": [1, 1]}
    assert adventure.kept["andepth"] == 3
    assert "pickled" in codes(document, "dropped")


def test_a_novelai_story_comes_with_context_and_lorebook():
    document = read("a.story")
    (adventure,) = document.adventures
    assert told(adventure) == [
        ("opening", "", "Sand falls."),
        ("story", "You sift it.", "A coin shows."),
    ]
    assert (adventure.title, adventure.memory) == ("The Sieve", "You are a miner.")
    assert adventure.authors_note == "Dry."
    assert adventure.created.startswith("2023-07-22")
    (card,) = adventure.cards
    assert (card.title, card.text, card.pinned) == ("Coin", "[It pays no debts.]", True)
    assert card.keys == ["/\\bcoin\\b/", "/gold(en)?/i"]
    assert card.options == {"regex": True, "disabled": True}
    assert card.kept["searchRange"] == 1000
    lorebook = adventure.kept["content"]["lorebook"]
    assert lorebook["categories"][0]["name"] == "Things"
    assert adventure.kept["content"]["settings"] == {"preset": "x"}
    assert adventure.kept["metadata"]["favorite"] is True
    assert "undo_tree" in codes(document, "dropped")


def test_a_novelai_scenario_asks_its_own_questions_and_those_of_nobody():
    (scenario,) = read("a.scenario").scenarios
    assert scenario.openings == ["You are ${name}, and ${mood} sand falls."]
    assert scenario.memory == "${name} is a miner."
    assert scenario.placeholders[0] == {"name": "name", "question": "Who digs?", "default": "Ada"}
    assert scenario.placeholders[1]["question"] == "mood"
    assert scenario.kept["author"] == "nobody"


def test_world_info_of_sillytavern_keeps_each_condition():
    document = read("world.json")
    (card,) = document.cards
    assert card.text == "Agent reports to you."
    assert card.options == {
        "disabled": True,
        "secondary_keys": ["captain"],
        "secondary_logic": "and_all",
        "order": 70,
        "probability": 60,
        "sticky": 2,
        "cooldown": 1,
        "depth": 2,
        "group": "spies",
        "case_sensitive": True,
        "whole_words": False,
    }
    assert (card.kept["position"], card.kept["depth"]) == (4, 4)
    assert document.kept["originalData"] == {"x": 1}


def test_a_chat_has_its_swipes_as_siblings():
    document = read("chat.jsonl")
    (adventure,) = document.adventures
    assert told(adventure) == [("opening", "", "Halt, Ines."), ("story", "I stop.", "Good.")]
    assert [turn.reply for turn in adventure.turns if turn.parent == 0] == ["Bad.", "Good."]
    assert adventure.turns[-1].created.startswith("2023-06-05T15:42")
    assert (adventure.title, adventure.authors_note) == ("Guard", "Few words.")
    assert adventure.created.startswith("2023-04-17T13:05:22")
    assert adventure.turns[0].kept["swipes"] == ["Halt, {{user}}.", "Stop."]
    assert adventure.turns[-1].kept["extra"] == {"model": "x"}
    assert adventure.kept["chat_metadata"] == {"note_depth": 4}
    assert {"system_message"} == codes(document, "dropped")


@pytest.mark.parametrize("name", ["oda.json", "oda.png", "oda.charx"])
def test_a_character_becomes_a_scenario_with_its_greetings_and_its_book(name):
    (scenario,) = read(name).scenarios
    assert (scenario.title, scenario.tagline, scenario.tags) == (
        "Oda",
        "A harbour story.",
        ["harbour"],
    )
    assert scenario.openings == ['"Wet feet again," says Oda.', "The nets are gone, ${player}."]
    assert scenario.memory == (
        "Oda mends nets.\n\nPersonality: wry\n\nScenario: ${player} needs a net."
    )
    assert scenario.authors_note == "Stay short.\n\nOda limps."
    net, ship = scenario.cards
    assert (net.title, net.text, net.pinned) == ("Net", "Nets dry at noon.", True)
    assert net.options == {
        "secondary_keys": ["tide", "moon"],
        "secondary_logic": "and_any",
        "disabled": True,
        "probability": 30,
        "sticky": 2,
        "case_sensitive": True,
        "order": 5,
    }
    assert net.kept["decorators"] == ["@@depth 4"]
    assert ship.keys == ["/ship(s)?/"]
    assert (ship.options["regex"], ship.options["secondary_logic"]) == (True, "not_any")
    assert scenario.kept["mes_example"] == "{{user}}: Hi"
    assert bool(scenario.picture) is (name != "oda.json")


@pytest.mark.parametrize(
    ("data", "openings"),
    [
        ({**files.CHARACTER_V1, "alternate_greetings": "Go."}, ["Wet feet again.", "Go."]),
        ({"char_name": "Oda", "char_greeting": "Ahoy."}, ["Ahoy."]),
        ({"spec": "chara_card_v2", "data": {"name": "", "character_book": None}}, []),
    ],
)
def test_characters_of_all_ages_are_read(data, openings):
    (scenario,) = read_document(json.dumps(data).encode(), "oda.json").scenarios
    assert scenario.openings == openings
    assert scenario.title.lower() == "oda"


def test_memory_books_and_risu_lorebooks_become_cards():
    (net,) = read("agnai.json").cards
    assert (net.title, net.keys, net.text) == ("Net", ["net", "rope"], "Nets dry at noon.")
    assert net.options == {"order": 7, "disabled": True}
    assert net.kept["priority"] == 3
    (net,) = read("risu.json").cards
    assert (net.keys, net.pinned) == (["net", "rope"], True)
    assert net.options == {"secondary_keys": ["noon"], "secondary_logic": "and_any", "order": 9}


def test_a_text_is_split_where_the_player_acts():
    (adventure,) = read("story.txt").adventures
    assert adventure.title == "The Sieve"
    assert told(adventure)[1] == ("do", "You sift it.", "A coin shows.")
    (adventure,) = read("story.md").adventures
    assert told(adventure) == [("opening", "", "Sand falls."), ("say", "Hey", "A *coin*.")]
    assert adventure.turns[1].chapter == "Noon"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("No action here.", [("", "No action here.")]),
        ("> look\n> again\nIt is dark.", [("do", "look again"), ("", "It is dark.")]),
        ('a\n\n> You say, "Hi."\n\nb', [("", "a"), ("say", "Hi."), ("", "b")]),
        (">>quoted twice", [("", ">>quoted twice")]),
        (">\n\nb", [("", "b")]),
    ],
)
def test_lines_with_an_angle_bracket_are_actions(text, pieces):
    assert list(split_actions(text)) == pieces


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{user}} is here. {{user}}'s hat. I see {{user}}.", "You are here. Your hat. I see you."),
        ("{{char}} waits.", "D waits."),
        ("{{random:red,blue}} door{{// unseen}}{{trim}}", "red door"),
        ("{{unknown::x}}<USER> has it", "You have it"),
        ("Say ${What?} for $5 or ${character.name}", "Say What? for $5 or you"),
    ],
)
def test_macros_never_come_raw(text, filled):
    cards = json.dumps([{"keys": "door", "value": text, "title": "D"}]).encode()
    (card,) = read_document(cards, "").cards
    assert card.text == filled
