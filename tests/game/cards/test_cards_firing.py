"""Cards: which fire, on which words, in which order, and how much room they get."""

import time
import unicodedata

import pytest

from inference.contract.cards import CardOptions
from inference.contract.request import Card, Passage
from inference.prompts import cards as story_cards
from tests.prompting import OPENING, build, count, narrator, request, told_turns


def cards_fired(action: str, *cards: Card, story=None) -> list[tuple[str, str]]:
    built = build(request("do", action, cards=cards, story=story))
    return [(firing.title, firing.key) for firing in built.report.fired]


HEN = Card(title="Hen", keys=("hen", "Duchess"), text="She bites.")
TOWER = Card(title="Tower", keys=("Tower Six",), text="It is tall.")


@pytest.mark.parametrize(
    ("action", "fires"),
    [
        ("feed the hen", True),
        ("feed the HEN!", True),
        ("then wait", False),
        ("open the henhouse", False),
        ("take the hen's egg", True),
        ("call duchess", True),
        ("call Duchess-2", True),
    ],
)
def test_a_card_fires_on_whole_words_in_any_case(action, fires):
    story = [Passage(kind="opening", reply="It is quiet.")]
    assert bool(cards_fired(action, HEN, story=story)) is fires


def test_keys_in_scripts_without_spaces_fire_inside_a_sentence():
    door = Card(title="門", keys=("門",), text="赤い。")
    assert cards_fired("門を開ける", door) == [("門", "門")]


def test_the_most_recently_mentioned_card_comes_first():
    assert cards_fired("look from Tower Six at the hen", HEN, TOWER) == [
        ("Hen", "hen"),
        ("Tower", "Tower Six"),
    ]


def test_a_card_fires_in_what_was_told_lately_and_not_long_ago():
    lately = [Passage(kind="opening", reply="Duchess bites."), *told_turns(1)]
    long_ago = [Passage(kind="opening", reply="Duchess bites."), *told_turns(20)]
    assert cards_fired("wait", HEN, story=lately)
    assert not cards_fired("wait", HEN, story=long_ago)


def test_cards_keep_to_a_quarter_and_say_who_found_no_room():
    cards = tuple(
        Card(title=f"Card {index}", keys=("hen",), text=f"Word{index} " * 60) for index in range(20)
    )
    built = build(request("do", "feed the hen", cards=cards), window=1024)
    size = sum(count(piece.text) for piece in built.report.pieces if piece.origin == "card")
    assert 100 < size <= 0.25 * 1024
    assert len(built.report.fired) + len(built.report.left_out) == 20


def test_pinned_cards_stand_in_front():
    pinned = Card(title="Light", keys=(), text="The light speaks.", pinned=True)
    for format in ("transcript", "chat"):
        text = build(request(cards=(pinned,)), narrator(format)).text
        assert text.index("The light speaks.") < text.index(OPENING)


# ---- words in any script


@pytest.mark.parametrize(
    ("key", "text", "fires"),
    [
        ("Straße", "you cross the STRASSE again", True),
        ("ΟΔΥΣΣΕΥΣ", "ο οδυσσεύς", False),  # an accent makes another word
        ("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς", True),
        ("дракон", "ДРАКОН спит", True),
        ("дракон", "дракончик спит", False),
        ("Wien", "wienerisch", False),
        ("O'Neill", "you meet O’Neill.", True),
        ("Zoë", unicodedata.normalize("NFD", "Zoë waits"), True),
        (unicodedata.normalize("NFD", "Zoë"), "Zoë waits", True),
        ("Zoe", unicodedata.normalize("NFD", "Zoë waits"), False),
        ("राम", "राम आया", True),
        ("राम", "रामायण पढ़ो", False),  # a vowel sign goes on with the word
        ("سیف", "هذا سیف قدیم", True),
        ("שלום", "אמר שלום!", True),
        ("龍", "赤い龍が眠る", True),
        ("มังกร", "เจ้าเห็นมังกรตัวใหญ่", True),
        ("용", "용이 잔다", True),  # a particle follows
        ("용", "작은용이 잔다", False),
        ("Tower Six", "at tower\u00a0 six, again", True),
        ("Tower Six", "at the tower\nSix men wait", False),
        ("C-3PO", "you call c-3po over", True),
        ("C-3PO", "you call c-3pox over", False),
        ("🐉", "a 🐉\ufe0f!", True),
        ("dra\u200bgon", "a dragon", True),
        ("snake_case", "see snake_case here", True),
        ("snake", "see snake_case here", True),
        ("Tokyo", "昨日Tokyoへ行った", True),
        ("", "anything", False),
        ("\u200b ", "anything", False),
        (".", "It ends.", True),
    ],
)
def test_a_key_is_found_as_the_words_of_its_script_are(key, text, fires):
    card = Card(title="x", keys=(key,), text="x", options=CardOptions(forms=False))
    assert bool(story_cards.fired([card], text)) is fires


def test_a_card_with_many_keys_fires_once_on_the_one_mentioned_last():
    card = Card(title="x", keys=("hen", "duchess", "bird"), text="x")
    found = story_cards.fired([card], "the hen, the Duchess, the hens, the duchess, a henhouse")
    assert [(each.card, each.key) for each in found] == [(card, "duchess")]


def test_the_first_to_get_room_is_the_most_recently_mentioned():
    cards = [
        Card(title=title, keys=(title,), text=f"{title} " * 60) for title in ("egg", "fox", "sun")
    ]
    built = build(request("do", "show the sun and the egg to the fox", cards=cards), window=512)
    assert built.report.fired[0].title == "fox"
    assert "sun" in built.report.left_out


# ---- cards that name others


def chain(*titles: str) -> list[Card]:
    """Each card names the next."""
    names = [*titles, "nobody"]
    return [
        Card(title=title, keys=(title,), text=f"{title.capitalize()} obeys the {following}.")
        for title, following in zip(titles, names[1:], strict=True)
    ]


def test_a_card_names_others_two_steps_deep():
    cards = chain("hen", "queen", "giant", "moon")
    fired = build(request("do", "feed the hen", cards=cards)).report.fired
    assert [(each.title, each.key, each.via) for each in fired] == [
        ("hen", "hen", ""),
        ("queen", "queen", "hen"),
        ("giant", "giant", "queen"),
    ]


def test_what_is_mentioned_comes_before_what_is_named():
    cards = [*chain("hen", "queen"), Card(title="rope", keys=("rope",), text="Frayed.")]
    fired = build(request("do", "tie the rope to the hen", cards=cards)).report.fired
    assert [each.title for each in fired] == ["hen", "rope", "queen"]


def test_cards_that_name_each_other_stand_once():
    cards = [
        Card(title="hen", keys=("hen",), text="The fox hates the hen."),
        Card(title="fox", keys=("fox",), text="The hen hates the fox."),
    ]
    text = build(request("do", "feed the hen", cards=cards)).text
    assert text.count("hates the hen") == text.count("hates the fox") == 1


def test_a_pinned_card_names_others_and_needs_no_key():
    pinned = Card(title="Law", keys=(), text="The queen rules.", pinned=True)
    fired = build(request("do", "wait", cards=[pinned, *chain("queen")])).report.fired
    assert [(each.title, each.via) for each in fired] == [("Law", ""), ("queen", "Law")]


def test_a_card_without_room_names_nobody():
    cards = [
        Card(title="hen", keys=("hen",), text="The queen. " + "It goes on. " * 600),
        *chain("queen"),
    ]
    report = build(request("do", "feed the hen", cards=cards), window=512).report
    assert report.left_out == ("hen",)
    assert not report.fired


def test_those_that_could_fire_are_all_that_the_narrator_needs():
    cards = [*chain("hen", "queen", "giant", "moon"), *chain("rope")]
    cards.append(Card(title="Law", keys=(), text="Nothing.", pinned=True))
    sent = story_cards.reachable(cards, "feed the hen")
    assert [card.title for card in sent] == ["Law", "hen", "queen", "giant"]
    whole = build(request("do", "feed the hen", cards=cards))
    fewer = build(
        request(
            "do",
            "feed the hen",
            cards=sent,
            card_characters=sum(len(card.text) for card in cards),
        )
    )
    assert whole == fewer


def test_a_thousand_cards_hang_nothing():
    """How fast it is, `python -m inference.prompts.measure` says. This only sees a hang."""
    cards = [
        Card(
            title=f"{index}", keys=(f"name{index}", f"alias {index}", f"門{index}"), text="x. " * 99
        )
        for index in range(1000)
    ]
    text = " ".join(f"name{index * 7} and alias {index}" for index in range(400))
    began = time.process_time()
    assert len(story_cards.fired(cards, text)) > 400
    assert time.process_time() - began < 5


def test_what_the_action_alone_mentions_has_room_of_its_own_beside_it():
    """However many cards the story has fired before."""
    many = [
        Card(title=f"Hen {index}", keys=("hens",), text=f"Word{index} " * 30) for index in range(60)
    ]
    teller = narrator(cards_beside_action=True)
    built = build(request("do", "climb Tower Six", cards=(*many, TOWER)), teller)
    assert built.report.fired[-1].title == "Tower"
    assert built.text.rindex("It is tall.") < built.text.index("You climb Tower Six.")
    assert built.report.left_out
    on_cards = sum(count(piece.text) for piece in built.report.pieces if piece.origin == "card")
    assert on_cards <= 0.25 * (2048 - built.report.max_tokens)


def test_cards_beside_an_action_are_left_out_first_where_nothing_else_can_be():
    huge = Card(title="Tower", keys=("Tower Six",), text="tall " * 60)
    teller = narrator(cards_beside_action=True, style="x " * 130)
    built = build(request("do", "climb Tower Six", cards=(huge,)), teller, window=256)
    assert built.report.left_out == ("Tower",)
    assert "tall tall" not in built.text
