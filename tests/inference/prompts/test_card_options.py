"""What the options of a card do in a prompt, beside the action and at the prompt's end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.contract.cards import CardOptions
from inference.contract.request import Card, Passage
from inference.prompts import cards as story_cards
from inference.prompts.cards import cards_for
from tests.prompting import OPENING, build, narrator, request

OPEN = Passage(kind="opening", reply=OPENING)


def card(key="lamp", title="Lamp", text="It burns oil.", pinned=False, **options) -> Card:
    keys = (key,) if isinstance(key, str) else tuple(key)
    return Card(title=title, keys=keys, text=text, pinned=pinned, options=CardOptions(**options))


def turn(action="wait", reply="The wind turns."):
    return Passage(kind="do", action=action, reply=reply)


def report(*cards, story=(), action="wait", beside=False, **context):
    asked = request("do", action, story=(OPEN, *story), cards=cards, **context)
    return build(asked, narrator(cards_beside_action=beside)).report


def titles(*cards, **asked):
    return [each.title for each in report(*cards, **asked).fired]


def passed_over(*cards, **asked):
    return [(each.title, each.why, each.turns) for each in report(*cards, **asked).passed_over]


# ---- keys


@pytest.mark.parametrize(
    ("key", "text", "fires"),
    [
        ("lantern", "three Lanterns hang here", True),
        ("Lanterns", "a lantern", True),
        ("fairy", "the fairies dance", True),
        ("wolf", "two werewolves and the wolves", True),
        ("mouse", "mice!", True),
        ("маяк", "у старого маяка", True),
        ("старый маяк", "у старого маяка", True),
        ("Zoe", "Zoë waits", True),
        ("Zoë", "zoe waits", True),
        ("ёлка", "под елкой", True),
        ("ash tree", "the ash-trees", True),
        ("ash-tree", "an ash tree", True),
        ("ash tree", "ash. Tree", False),
        ("art", "the arts", True),
        ("art", "an artist, artful", False),
        ("car", "take care, caring", False),
        ("it", "its lid", False),
        ("news", "a new day", False),
        ("universe", "the university", False),
        ("Ann", "Anne waits", False),
        ("C++", "the c is flat", False),
    ],
)
def test_other_forms_of_a_key_fire_and_other_words_do_not(key, text, fires):
    assert bool(story_cards.fired([card(key)], text)) is fires
    exact = card(key, forms=False)
    if fires:
        assert not story_cards.fired([exact], text)


def test_the_text_of_a_card_tells_the_language_of_its_keys():
    spanish = card("año", text="El año en que la guerra no era más que una sombra.")
    assert not story_cards.fired([spanish], "el ano")
    assert story_cards.fired([spanish], "los años")
    german = card("Haus", text="Das Haus ist alt und steht nicht mehr.")
    assert story_cards.fired([german], "zwei Häuser")


@pytest.mark.parametrize(
    ("options", "key", "text", "fires"),
    [
        ({"whole_words": False}, "hen", "then", True),
        ({"case_sensitive": True}, "Rose", "a rose", False),
        ({"case_sensitive": True}, "Rose", "two Roses", True),
        ({"case_sensitive": True}, "Rose", "ROSE", False),
        ({"regex": True}, "lan(tern|p)s?", "two LANTERNS", True),
        ({"regex": True, "case_sensitive": True}, "lantern", "LANTERN", False),
        ({"regex": True, "case_sensitive": True}, "/lantern/i", "LANTERN", True),
        ({"regex": True}, r"\bhen\b", "then", False),
        ({"regex": True}, "(", "(", False),  # stored by another version
    ],
)
def test_a_key_is_looked_for_as_its_card_says(options, key, text, fires):
    assert bool(story_cards.fired([card(key, **options)], text)) is fires


def test_the_place_of_a_match_is_the_same_with_capitals_and_without():
    """What names a card is told by the place, and folding makes texts longer."""
    sources = [card("a", title="A", text="Straße. İzmir ẞ."), card("b", title="B", text="The Rose")]
    rose = card("Rose", case_sensitive=True)
    assert [source.title for _, source in story_cards.named([rose], sources)] == ["B"]


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("logic", "text", "fires"),
    [
        ("and_any", "light the lamp with oil", True),
        ("and_any", "light the lamp", False),
        ("and_all", "light the lamp with oil", False),
        ("and_all", "oil the wicks of the lamp", True),
        ("not_any", "light the lamp", True),
        ("not_any", "light the lamp with oil", False),
        ("not_all", "light the lamp with oil", True),
        ("not_all", "oil the wick of the lamp", False),
    ],
)
def test_secondary_keys_are_asked_for_or_keep_a_card_out(logic, text, fires, beside):
    lamp = card(secondary_keys=("oil", "wick"), secondary_logic=logic)
    told = report(lamp, action=text, beside=beside)
    assert [(each.key, each.rule) for each in told.fired] == [("lamp", "secondary")] * fires
    assert [each.why for each in told.passed_over] == ["secondary"] * (not fires)


@pytest.mark.parametrize("beside", [False, True])
def test_a_secondary_key_may_follow_a_turn_later(beside):
    lamp = card(secondary_keys=("oil",))
    assert titles(lamp, story=[turn("take the lamp")], action="pour oil", beside=beside)
    between = [turn() for _ in range(4)]
    assert not titles(lamp, story=[turn("take the lamp"), *between], action="oil", beside=beside)


def test_depth_is_how_many_of_the_newest_turns_are_searched():
    story = [turn("take the lamp"), *[turn() for _ in range(4)]]
    assert not titles(card(), story=story)
    assert titles(card(depth=6), story=story)
    assert not titles(card(depth=1), story=story[:2])


# ---- time and chance


def played(story, actions, *cards, beside=False):
    """The titles in each prompt of a story that goes on with these actions."""
    story = list(story)
    found = []
    for action in actions:
        found.append(titles(*cards, story=story, action=action, beside=beside))
        story.append(turn(action))
    return found


WAIT = ["wait"] * 7


def test_a_card_stays_for_as_many_turns_as_it_says():
    lamp = card(sticky=5)
    assert played([], ["lamp", *WAIT], lamp) == [["Lamp"]] * 6 + [[]] * 2
    told = report(lamp, story=[turn("lamp"), *[turn() for _ in range(3)]])
    assert [(each.rule, each.turns, each.key) for each in told.fired] == [("sticky", 1, "")]


def test_a_card_rests_after_it_fired():
    lamp = card(cooldown=2)
    assert played([], ["lamp"] * 5, lamp) == [["Lamp"], [], [], ["Lamp"], []]
    assert passed_over(lamp, story=[turn("lamp")], action="lamp") == [("Lamp", "cooldown", 2)]
    both = card(cooldown=2, sticky=1)
    assert played([], ["lamp"] * 6, both) == [["Lamp"], ["Lamp"], [], [], ["Lamp"], ["Lamp"]]


def test_what_a_card_did_belongs_to_the_branch():
    lamp = card(cooldown=3)
    assert not titles(lamp, story=[turn("lamp"), turn()], action="lamp")
    assert titles(lamp, story=[turn("wait"), turn()], action="lamp")  # after undo, another way


def test_beside_its_action_a_card_that_rests_stands_again_only_after_its_rest():
    story = [turn("lamp"), *[turn() for _ in range(12)]]
    asked = {"story": story, "action": "lamp", "beside": True}
    text = build(
        request("do", "lamp", story=(OPEN, *story), cards=[card()]),
        narrator(cards_beside_action=True),
    ).text
    assert text.count("It burns oil.") == 2
    rests = card(cooldown=30)
    text = build(
        request("do", "lamp", story=(OPEN, *story), cards=[rests]),
        narrator(cards_beside_action=True),
    ).text
    assert text.count("It burns oil.") == 1
    assert not passed_over(rests, **asked)  # it stands in the prompt


def test_chance_is_the_same_whenever_a_turn_is_built_and_another_for_each_turn():
    lamp = card(probability=40)
    turns = [turn(f"lamp {number}") for number in range(60)]
    once = [titles(lamp, story=turns[:place], action="lamp") for place in range(60)]
    again = [titles(lamp, story=turns[:place], action="lamp") for place in range(60)]
    assert once == again
    assert 12 <= sum(map(bool, once)) <= 36
    unlucky = once.index([])
    asked = {"story": turns[:unlucky], "action": "lamp"}
    assert passed_over(lamp, **asked) == [("Lamp", "probability", 0)]


# ---- groups and order


@pytest.mark.parametrize("beside", [False, True])
def test_of_a_group_only_the_best_fires(beside):
    day = card("tavern", title="Day", group="tavern", order=10)
    night = card("tavern", title="Night", group="tavern", order=20)
    asked = {"action": "enter the tavern", "beside": beside}
    assert titles(day, night, **asked) == ["Night"]
    assert passed_over(day, night, **asked) == [("Day", "group", 0)]


def test_the_more_important_card_gets_the_room_and_stands_later():
    first = card("sun", title="Zenith", text="sun " * 60, order=200)
    second = card("egg", title="Aurora", text="egg " * 60)
    asked = request("do", "show the sun and then the egg", cards=[first, second])
    assert build(asked, window=512).report.fired[0].title == "Zenith"
    text = build(asked).text
    assert text.index("egg egg") < text.index("sun sun")


def test_a_disabled_card_is_in_no_prompt_even_if_it_is_pinned():
    assert titles(card(disabled=True), card(title="P", pinned=True, disabled=True)) == []
    assert cards_for([card(disabled=True)], (turn("lamp"),)) == ()


def test_a_card_that_stays_long_is_sent_while_it_does():
    filler = [card(f"k{n}", title=f"{n}", text="x" * 500) for n in range(40)]
    story = (turn("lamp"), *[turn() for _ in range(60)])
    assert [each.title for each in cards_for([card(sticky=90), *filler], story)] == ["Lamp"]
    assert cards_for([card(sticky=30), *filler], story) == ()


WORDS = st.sampled_from(["lamp", "oil", "wick", "tavern", "wind"])
SHELF = (
    card(secondary_keys=("oil",), sticky=2),
    card("wick", title="Wick", probability=50, cooldown=4),
    card("tavern", title="Day", group="g", order=1),
    card(("tavern", "wind"), title="Night", group="g", order=2, text="The oil is dear."),
    card("oils?", title="Oil", regex=True, secondary_keys=("wind",), secondary_logic="not_any"),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=20))
def test_between_two_cuts_a_prompt_with_such_cards_only_grows(plays):
    story: list[Passage] = []
    before = ""
    for word, told in plays:
        asked = request(
            "do", f"find the {word}", story=(OPEN, *story), cards=SHELF, authors_note=""
        )
        now = build(asked, narrator("transcript", cards_beside_action=True))
        assert not now.report.cut
        assert now.text.startswith(before)
        before = now.text
        story.append(turn(f"find the {word}", f"There is a {told}."))
