"""Stories written for other programs: what comes back when they are read again, and the books."""

import json
import zipfile
from io import BytesIO
from xml.etree import ElementTree

import pytest

from game.imports.documents import AdventureDocument, CardDocument, ScenarioDocument, TurnDocument
from game.imports.reader_process import read_document
from game.imports.writers import aidungeon, charactercard, epub, kobold_lite, novelai, prose, tavern
from game.imports.writers.forms import CHARACTER_HOLDS, FORMS
from game.imports.writers.written import losses, path_of
from tests.game.imports import foreign_files as files


def story():
    return AdventureDocument(
        title="The <Sieve> & Co",
        memory="You are a miner.",
        authors_note="Dry.",
        turns=[
            TurnDocument(kind="opening", reply="Sand falls.\n\nIt is *late*."),
            TurnDocument(0, "do", "sift the sand", "Nothing."),
            TurnDocument(0, "do", "sift the sand", "A coin shows.", chapter="Noon"),
            TurnDocument(2, "say", "Hello", "An echo."),
            TurnDocument(3, "continue", "", "The wind rises."),
        ],
        head=4,
        cards=[
            CardDocument("Coin", ["coin", "gold"], "It pays.", True, False, {"probability": 40}),
            CardDocument(
                "Wind",
                ["/win(d|t)/"],
                "It bites.",
                options={
                    "regex": True,
                    "secondary_keys": ["north"],
                    "secondary_logic": "not_any",
                    "disabled": True,
                },
            ),
        ],
    )


def scenario():
    return ScenarioDocument(
        title="The Ferry",
        tagline="A river.",
        tags=["river"],
        openings=["You, ${player}, pay $$5 to ${who}.", "It rains on ${player}."],
        placeholders=[
            {"name": "player", "question": "What is your name?", "default": "Alex"},
            {"name": "who", "question": "Whom do you pay?", "default": "Ida"},
        ],
        memory="${who} is blind.",
        authors_note="Slow.",
        cards=[CardDocument("Oar", ["oar"], "${who} has one.", options={"sticky": 3})],
    )


def texts(adventure):
    return [(step.turn.kind, step.line, step.turn.reply) for step in path_of(adventure)]


def again(written, name="x"):
    return read_document(written.content, name)


PICTURE = files.png()


def test_a_kobold_save_of_ours_is_read_as_the_same_story():
    (read,) = again(kobold_lite.write(story())).adventures
    told = texts(read)
    assert told[0] == ("opening", "", "Sand falls.\n\nIt is *late*.")
    assert told[1] == ("do", "> You sift the sand.", "A coin shows.")
    assert told[2] == ("say", '> You say "Hello"', "An echo.")
    assert told[3] == ("continue", "", "The wind rises.")
    assert path_of(read)[1].others == ["Nothing."]
    assert (read.memory, read.authors_note) == ("You are a miner.", "Dry.")
    coin, wind = read.cards
    assert (coin.title, coin.keys, coin.pinned) == ("Coin", ["coin", "gold"], True)
    assert coin.options == {"probability": 40}
    assert wind.options == story().cards[1].options


def test_a_chat_of_ours_has_its_retries_as_swipes():
    document = again(tavern.write_chat(story()))
    (read,) = document.adventures
    assert document.format == "sillytavern_chat"
    assert [reply for _, _, reply in texts(read)][:3] == [
        "Sand falls.\n\nIt is *late*.",
        "A coin shows.",
        "An echo.",
    ]
    assert path_of(read)[1].others == ["Nothing."]
    assert read.authors_note == "Dry."


def test_scenarios_keep_their_questions_where_the_format_asks_them():
    (read,) = again(novelai.write_scenario(scenario())).scenarios
    assert read.openings == ["You, ${player}, pay $5 to ${who}."]
    assert [each["name"] for each in read.placeholders] == ["player", "who"]
    (read,) = again(aidungeon.write(scenario())).scenarios
    assert read.openings == ["You, ${what_is_your_name}, pay $5 to ${whom_do_you_pay}."]
    assert (read.tagline, read.tags) == ("A river.", ["river"])
    assert read.cards[0].text == "${whom_do_you_pay} has one."


def test_a_lorebook_has_the_cards():
    cards = again(novelai.write_lorebook(story())).cards
    assert [card.title for card in cards] == ["Coin", "Wind"]
    assert cards[0].pinned
    assert cards[1].keys == ["/win(d|t)/"]
    assert cards[1].options["disabled"] is True


def test_a_scenario_becomes_a_character_card_in_its_picture():
    written = charactercard.write(scenario(), PICTURE)
    document = again(written)
    (read,) = document.scenarios
    assert (document.format, document.version) == ("character_card", "3.0")
    assert read.openings == ["You, ${player}, pay $5 to Ida.", "It rains on ${player}."]
    assert read.memory == "Ida is blind."
    assert (read.tagline, read.authors_note) == ("A river.", "Slow.")
    assert read.cards[0].text == "Ida has one."
    assert read.cards[0].options["sticky"] == 3
    assert read.picture
    assert b"chara\0" in written.content


WRITERS = {
    "scenario.json": aidungeon.write,
    "lite.json": kobold_lite.write,
    "a.scenario": novelai.write_scenario,
    "chat.jsonl": tavern.write_chat,
    "oda.png": lambda found: charactercard.write(found, PICTURE),
}


@pytest.mark.parametrize(
    "name", ["scenario.json", "lite.json", "a.scenario", "chat.jsonl", "oda.png"]
)
def test_what_was_kept_of_a_file_comes_out_of_it_again(name):
    first = read_document(files.FILES[name], name)
    (found, *_others) = first.adventures or first.scenarios
    written = WRITERS[name](found)
    second = read_document(written.content, name)
    (read, *_others) = second.adventures or second.scenarios
    lost = {key for key, each in found.kept.items() if each and key not in read.kept}
    assert lost <= {"assets", "extensions", "options", "actions_metadata"}
    for card, same in zip(found.cards, read.cards, strict=True):
        assert (same.title, same.keys) == (card.title, card.keys)
        assert same.text == card.text.replace("${player}", "${what_is_your_name}")
        assert same.options == card.options
        assert card.kept.items() <= same.kept.items() or "extensions" in card.kept


def test_a_story_is_a_book_that_readers_open():
    told = story()
    told.turns[-1].reply += "\x0b\ud800\uffff &amp; <b>"  # which no XML may hold
    book = zipfile.ZipFile(BytesIO(epub.write(told, "en").content))
    first = book.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert book.read("mimetype") == b"application/epub+zip"
    pages = {}
    for name in book.namelist():
        if name.endswith((".xhtml", ".opf", ".ncx", ".xml")):
            pages[name] = ElementTree.fromstring(book.read(name))
    listed = {
        f"book/{each.get('href')}" for each in pages["book/content.opf"].iter() if each.get("href")
    }
    assert listed <= set(book.namelist())
    words = " ".join(pages["book/part-2.xhtml"].itertext())
    assert "Noon" in words and "You sift the sand" in words
    assert "The <Sieve> & Co" in "".join(pages["book/title.xhtml"].itertext())


def test_texts_are_read_again_with_title_chapter_and_actions():
    for written, name in ((prose.write_text(story()), ""), (prose.write_markdown(story()), "x.md")):
        (read,) = again(written, name).adventures
        assert read.title == "The <Sieve> & Co"
        assert texts(read)[1] == ("do", "> You sift the sand.", "A coin shows.")
        assert read.turns[1].chapter == "Noon"
    assert "Whom" not in prose.write_text(scenario()).content.decode()
    assert "You, Alex, pay $5 to Ida." in prose.write_text(scenario()).content.decode()


@pytest.mark.parametrize("form", FORMS)
def test_every_format_takes_every_story(form):
    for each in (story(), scenario(), AdventureDocument(), ScenarioDocument()):
        assert FORMS[form].write(each).content
        FORMS[form].losses(each, {})


def test_what_a_format_cannot_hold_is_counted():
    lost = {each.code: each.count for each in FORMS["kobold"].losses(story(), {"branches": 2})}
    assert lost == {"card_option": 2, "chapters": 1, "branches": 2}
    lost = {each.code for each in FORMS["sillytavern"].losses(scenario(), {})}
    assert lost == {"memory", "cards", "card_option", "questions_filled", "openings"}
    assert {each.code for each in losses(scenario(), CHARACTER_HOLDS, {})} == {"questions_filled"}


def test_json_of_ours_is_json_elsewhere():
    for write in (kobold_lite.write, novelai.write_scenario, aidungeon.write):
        json.loads(write(story()).content)
