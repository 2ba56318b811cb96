"""When a story stands still, a narrator is reminded to go on with it."""

import pytest

from inference.contract.request import Passage
from inference.prompts.stalling import stands_still
from tests.prompting import OPENING, build, narrator, request

REMINDER = "The others and the world act."
LIVELY = "The bear lifts its head, sniffs twice and shoulders the cabin door off its hinges."
ECHO = "You tie a knot with the rope."
STORY = (
    Passage(kind="opening", reply=OPENING),
    Passage(kind="do", action="wake the bear", reply=LIVELY),
)
STALLED = (*STORY, Passage(kind="do", action="tie a knot", reply=ECHO))


def reminded(story, kind="do", **settings) -> bool:
    settings.setdefault("reminder_when", "stalled")
    built = build(request(kind=kind, story=story), narrator(reminder=REMINDER, **settings))
    return REMINDER in built.text


def test_a_reply_that_says_the_action_back_stands_still():
    assert stands_still(STALLED) and not stands_still(STORY)


def test_a_reply_in_the_words_of_the_turns_before_stands_still():
    again = Passage(kind="do", action="wait", reply="The bear lifts its head and sniffs.")
    assert stands_still((*STORY, again))
    assert not stands_still((again.model_copy(update={"reply": LIVELY}),))


def test_an_opening_never_stands_still():
    assert not stands_still(()) and not stands_still((Passage(kind="opening", reply="Dark."),))


@pytest.mark.parametrize(
    ("reply", "still"),
    [("你打了一个结。", True), ("门外传来脚步声,船长提着灯走进来,脸色苍白。", False)],
)
def test_chinese_is_measured_by_its_signs(reply, still):
    story = (Passage(kind="do", action="打一个结", reply=reply),)
    assert stands_still(story) == still


def test_only_a_story_that_stands_still_is_reminded():
    assert reminded(STALLED) and not reminded(STORY)


def test_who_does_nothing_leaves_it_to_the_narrator_and_its_reminder():
    assert reminded(STORY, kind="continue")


def test_a_reminder_is_always_there_where_nothing_else_is_said():
    assert REMINDER in build(request(story=STORY), narrator(reminder=REMINDER)).text
