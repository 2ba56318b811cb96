"""Cards over HTTP: alice keeps her own, bob never sees them, and lists come from other games."""

import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from game.cards import cards
from game.cards.card_import import CardImportError, read_cards
from game.models import Adventure, StoryCard
from game.play.context import all_cards

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(client, alice, adventure, log):
    """Alice's browser, and the address of her cards."""
    client.force_login(alice)
    return Cards(client, f"/adventures/{adventure.pk}/cards/")


class Cards:
    def __init__(self, client, url):
        self.client, self.url = client, url

    def get(self, path="", **query):
        return self.client.get(self.url + path, query, headers={"Accept": "application/json"})

    def post(self, path="", **fields):
        return self.client.post(self.url + path, fields, headers={"Accept": "application/json"})


def test_a_card_is_added_edited_pinned_and_deleted(hers, adventure):
    added = hers.post(title="", keys="Hen,  duchess , HEN", text=" She bites.\r\n")
    assert added.status_code == 201
    card = added.json()
    assert (card["title"], card["keys"], card["text"]) == ("Hen", ["Hen", "duchess"], "She bites.")
    edited = hers.post(f"{card['id']}/", title="Bird", keys="bird", text="She pecks.").json()
    assert edited == {**card, "title": "Bird", "keys": ["bird"], "text": "She pecks."}
    assert hers.post(f"{card['id']}/pin/", pinned="on").json()["pinned"] is True
    assert hers.get().json()["cards"][0]["id"] == card["id"], "pinned ones come first"
    assert hers.post(f"{card['id']}/pin/").json()["pinned"] is False
    assert hers.post(f"{card['id']}/delete/").status_code == 200
    assert hers.get(f"{card['id']}/").status_code == 404
    assert [each["title"] for each in hers.get().json()["cards"]] == ["The cellar"]


def test_each_change_of_the_cards_is_heard_in_every_window(hers, adventure):
    before = Adventure.objects.get(pk=adventure.pk).version
    hers.post(keys="hen", text="She bites.")
    assert Adventure.objects.get(pk=adventure.pk).version == before + 1


def test_cards_are_found_by_title_key_and_text(hers, adventure):
    hers.post(title="Bird", keys="duchess", text="A hen of Naples.")
    for words in ("bird", "DUCH", "naples hen"):
        assert [each["title"] for each in hers.get(q=words).json()["cards"]] == ["Bird"]
    assert hers.get(q="goat").json() == {
        "cards": [],
        "found": 0,
        "limit": 1000,
        "next": None,
        "hidden": 0,
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"keys": "hen", "text": ""}, "required"),
        ({"keys": "", "text": "She bites."}, "at least one key"),
        ({"keys": " , \u200b", "text": "She bites."}, "at least one key"),
        ({"keys": "hen", "text": "x" * 2001}, "2,001 characters"),
        ({"keys": "h" * 201, "text": "She bites."}, "at most 200"),
        ({"keys": ",".join(f"hen{i}" for i in range(51)), "text": "x"}, "51 keys"),
        ({"keys": "hen", "text": "x", "title": "t" * 81}, "80"),
    ],
)
def test_a_card_that_cannot_be_is_refused_with_the_reason(hers, fields, message):
    answer = hers.post(**fields)
    assert answer.status_code == 422
    assert message in answer.json()["message"]
    assert StoryCard.objects.filter(adventure__isnull=False).count() == 1


def test_a_card_without_keys_cannot_be_unpinned(hers):
    card = hers.post(text="The light speaks.", pinned="on").json()
    answer = hers.post(f"{card['id']}/pin/")
    assert answer.status_code == 422
    assert StoryCard.objects.get(pk=card["id"]).pinned


def test_an_adventure_holds_a_thousand_cards(hers, adventure, monkeypatch):
    monkeypatch.setattr(cards, "MOST_CARDS", 3)
    hers.post(keys="hen", text="One.")
    answer = hers.post(
        "import/", list=json.dumps([{"title": i, "keys": "hen", "text": f"{i}."} for i in range(3)])
    ).json()
    assert answer["added"] == 1
    assert "No room for 2 more" in answer["problems"][-1]
    full = hers.post(keys="hen", text="Four.")
    assert full.status_code == 422
    assert "Delete one first" in full.json()["message"]


def test_bob_sees_and_changes_none_of_alices_cards(hers, client, bob, begin, adventure):
    card = adventure.cards.get()
    own = begin(bob)
    client.force_login(bob)
    assert hers.get().status_code == hers.post(keys="hen", text="x").status_code == 404
    assert hers.post("import/", list="[]").status_code == 404
    for address in (hers.url, f"/adventures/{own.pk}/cards/"):
        for path in ("", "pin/", "delete/"):
            answer = client.post(f"{address}{card.pk}/{path}", {"keys": "x", "text": "x"})
            assert answer.status_code == 404
    assert client.get(f"/adventures/{own.pk}/cards/{card.pk}/").status_code == 404
    card.refresh_from_db()
    assert card.text == "It floods in spring."


def test_nobody_changes_a_scenarios_cards(hers, adventure, scenario):
    card = scenario.cards.get()
    assert hers.post(f"{card.pk}/delete/").status_code == 404
    assert hers.post(f"{uuid.uuid4()}/delete/").status_code == 404
    assert scenario.cards.exists()


def test_who_is_not_signed_in_sees_no_cards(client, adventure):
    assert client.get(f"/adventures/{adventure.pk}/cards/").status_code == 404


def test_without_javascript_the_cards_are_pages(hers, client):
    page = client.get(hers.url).content.decode()
    assert "The cellar" in page and "It floods in spring." in page
    added = client.post(hers.url, {"keys": "hen", "text": "<b>She bites.</b>"}, follow=True)
    assert "&lt;b&gt;She bites." in added.content.decode()
    assert client.post(hers.url, {"keys": "", "text": "x"}).status_code == 422
    card = StoryCard.objects.get(title="hen")
    assert b"She bites." in client.get(f"{hers.url}{card.pk}/").content
    part = client.get(hers.url, {"part": ""}).content.decode()
    assert "<html" not in part and "She bites." in part


# Lists from elsewhere. The field names are those of the games' own files.

OURS = [{"title": "Hen", "keys": ["hen", "duchess"], "text": "She bites."}]
AI_DUNGEON = [
    {
        "keys": "hen, duchess",
        "value": "She bites.",
        "type": "character",
        "title": "Hen",
        "description": "A note for the author.",
        "useForCharacterCreation": False,
    }
]
AI_DUNGEON_WORLD = [{"keys": "hen,duchess", "entry": "She bites.", "name": "Hen"}]
NOVELAI = {
    "lorebookVersion": 5,
    "entries": [
        {
            "displayName": "Hen",
            "text": "She bites.",
            "keys": ["hen", "duchess", "/h.n/i"],
            "forceActivation": False,
            "enabled": True,
            "contextConfig": {"prefix": ""},
        }
    ],
    "settings": {},
    "categories": [],
}
NOVELAI_STORY = {"storyContainerVersion": 1, "content": {"story": {}, "lorebook": NOVELAI}}
KOBOLD = {
    "gamestarted": True,
    "prompt": "You wake.",
    "actions": [],
    "worldinfo": [
        {
            "key": "hen,duchess",
            "keysecondary": "",
            "content": "She bites.",
            "comment": "Hen",
            "selective": False,
            "constant": False,
        }
    ],
}
TAVERN = {
    "entries": {
        "0": {
            "uid": 0,
            "key": ["hen", "duchess"],
            "keysecondary": [],
            "comment": "Hen",
            "content": "She bites.",
            "constant": False,
            "disable": False,
        }
    }
}
CHARACTER = {
    "spec": "chara_card_v2",
    "data": {
        "name": "Ada",
        "character_book": {
            "entries": [
                {
                    "keys": ["hen", "duchess"],
                    "content": "She bites.",
                    "name": "Hen",
                    "enabled": True,
                    "constant": False,
                }
            ]
        },
    },
}


def cards_of(data):
    """The cards in a file with this data."""
    return read_cards(json.dumps(data).encode())


@pytest.mark.parametrize(
    "file",
    [OURS, AI_DUNGEON, AI_DUNGEON_WORLD, NOVELAI, NOVELAI_STORY, KOBOLD, TAVERN, CHARACTER],
    ids=["ours", "ai-dungeon", "world", "novelai", "story", "kobold", "tavern", "character"],
)
def test_the_lists_of_other_games_are_read(file):
    imported = cards_of(file)
    (card,) = imported.cards
    assert (card.title, card.text) == ("Hen", "She bites.")
    assert card.keys in {("hen", "duchess"), ("/\\bhen\\b/", "/\\bduchess\\b/", "/h.n/i")}
    assert not card.pinned and not imported.problems


def test_what_is_always_there_elsewhere_is_pinned_here():
    for always in ("constant", "forceActivation", "pinned"):
        (card,) = cards_of([{"text": "x", always: True}]).cards
        assert card.pinned


def test_what_cannot_be_a_card_is_left_out_with_the_reason():
    imported = cards_of(
        [
            {"title": "Fine", "keys": "a", "text": "x"},
            {"title": "Off", "keys": "a", "text": "x", "enabled": False},
            {"title": "Off too", "keys": "a", "text": "x", "disable": True},
            {"title": "Pattern", "keys": ["/(?=a)b/i"], "text": "x"},
            {"title": "Long", "keys": "a", "text": "x" * 2001},
            {"title": "Keyless", "keys": "", "text": "x"},
            "words",
            {"title": "Empty", "keys": "a"},
        ]
    )
    assert [card.title for card in imported.cards] == ["Fine", "Off", "Off too"]
    for problem, word in zip(
        imported.problems,
        ["regular expression", "2,001", "key", "no text"],
        strict=True,
    ):
        assert word in problem


@pytest.mark.parametrize(
    "content",
    ["", "{", "[" * 100_000, "9" * 5000, "null", '{"a": 1}', '{"data": {"data": 3}}', '"x"'],
)
def test_what_is_no_list_is_refused_with_words(content):
    with pytest.raises(CardImportError):
        read_cards(content.encode())


def test_a_file_brings_its_cards_once(hers):
    for added in (1, 0):
        file = SimpleUploadedFile("lore.lorebook", json.dumps(NOVELAI).encode("utf-8-sig"))
        answer = hers.post("import/", file=file).json()
        assert answer["added"] == added
    assert answer["problems"] == ["Here already: 1."]


def test_our_own_list_can_be_brought_to_another_adventure(hers, begin, alice):
    hers.post(title="Hen", keys="hen, duchess", text="She bites.")
    listed = json.dumps(hers.get().json())
    other = Cards(hers.client, f"/adventures/{begin(alice).pk}/cards/")
    assert other.post("import/", list=listed).json()["added"] == 1


def test_cards_are_in_the_whole_export_and_can_be_brought_from_it(hers, begin, alice, adventure):
    exported = hers.client.get(f"/adventures/{adventure.pk}/export.json").content.decode()
    other = Cards(hers.client, f"/adventures/{begin(alice).pk}/cards/")
    StoryCard.objects.filter(adventure=Adventure.objects.latest("created")).delete()
    assert other.post("import/", list=exported).json()["added"] == 1


def test_a_file_that_is_no_text_or_too_long_is_refused(hers):
    for content, word in ((b"\xff\xfe\x00", "UTF-8"), (b"[]" + b" " * 2**21, "2 MiB")):
        answer = hers.post("import/", file=SimpleUploadedFile("lore.json", content))
        assert answer.status_code == 422
        assert word in answer.json()["message"]


# ---- options


MORE = {"more": "on", "forms": "on", "whole_words": "on", "probability": "100", "order": "100"}


def test_a_card_keeps_its_options_and_an_edit_without_them(hers, adventure):
    added = hers.post(
        **MORE, keys="lamp", text="It burns.", sticky="2", secondary_keys="oil, wick", group=" g "
    ).json()
    assert added["options"] == {"sticky": 2, "secondary_keys": ["oil", "wick"], "group": "g"}
    edited = hers.post(f"{added['id']}/", keys="lamp", text="It is out.").json()
    assert edited["options"] == added["options"]
    usual = hers.post(f"{added['id']}/", **MORE, keys="lamp", text="It is out.").json()
    assert usual["options"] == {}
    off = hers.post(f"{added['id']}/", more="on", keys="lamp", text="It is out.").json()
    assert off["options"] == {"whole_words": False, "forms": False}


def test_the_keys_of_a_card_with_regular_expressions_stand_one_a_line(hers, adventure):
    card = hers.post(**MORE, regex="on", keys="lamp{1,2}\noil, wick", text="It burns.").json()
    assert card["keys"] == ["lamp{1,2}", "oil, wick"]
    page = hers.client.get(f"{hers.url}{card['id']}/").content.decode()
    assert "lamp{1,2}\noil, wick</textarea>" in page
    assert '<details class="more-options" open>' in page


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"regex": "on", "keys": "(lamp"}, "no regular expression"),
        ({"keys": "lamp", "probability": "0"}, "greater than or equal to 1"),
        ({"keys": "lamp", "secondary_keys": "k" * 201}, "at most 200 characters"),
        ({"keys": ",".join(f"{n}{'k' * 150}" for n in range(20))}, "together"),
    ],
)
def test_a_bad_option_is_named_and_nothing_is_lost(hers, adventure, sent, message):
    refused = hers.post(**{**MORE, "text": "It burns.", **sent})
    assert refused.status_code == 422
    assert message in refused.json()["message"]
    page = hers.client.post(hers.url, {**MORE, "text": "It burns.", **sent}).content.decode()
    assert "It burns.</textarea>" in page


def test_regular_expressions_of_an_adventure_are_limited(hers, adventure, monkeypatch):
    monkeypatch.setattr(cards, "MOST_PATTERNS", 2)
    assert hers.post(**MORE, regex="on", keys="a\nb", text="x").status_code == 201
    assert hers.post(**MORE, regex="on", keys="c", text="x").status_code == 422
    assert hers.post(**MORE, keys="c", text="x").status_code == 201


def test_our_own_lists_carry_options_and_switched_off_cards_come_as_they_are():
    listed = cards_of(
        [
            {"title": "A", "keys": ["a"], "text": "x", "options": {"sticky": 3, "mood": 1}},
            {"title": "B", "keys": ["b(c)?"], "text": "x", "options": {"regex": True}},
            {"title": "C", "keys": ["c"], "text": "x", "enabled": False},
        ]
    )
    assert [card.options for card in listed.cards] == [
        {"sticky": 3},
        {"regex": True},
        {"disabled": True},
    ]


def test_the_narrator_gets_the_options(adventure, alice):
    adventure.cards.create(title="Lamp", keys=["x"], text="y", options={"sticky": 2, "odd": 1})
    adventure.cards.create(title="Off", keys=["x"], text="y", options={"disabled": True})
    sent = {card.title: card.options for card in all_cards(adventure)}
    assert sent["Lamp"].sticky == 2
    assert "Off" not in sent
