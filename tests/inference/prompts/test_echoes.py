"""A reply says neither the player's words back nor the sentences of the latest replies."""

import pytest

from inference.contract.request import Passage, StoryContext
from inference.prompts.echoes import MOST, PLAYER_SPEAKS, echoes_for
from tests.prompting import build, narrator, request


def echoes(kind="do", action="take the rope", replies=()):
    story = tuple(Passage(kind="do", action="wait", reply=reply) for reply in replies)
    phrases = echoes_for(StoryContext(story=story, action=Passage(kind=kind, action=action)))
    assert phrases[: len(PLAYER_SPEAKS)] == PLAYER_SPEAKS
    return phrases[len(PLAYER_SPEAKS) :]


@pytest.mark.parametrize(
    ("kind", "action", "phrases"),
    [
        ("say", "Feet out of the water, Bea. Slowly.", ("Feet out of the water",)),
        ("say", "Come with me! Come with me! Now.", ("Come with me",)),
        ("say", "我们没有多少时间了。快走！", ("我们没有多少时间了",)),
        ("say", "Boy", ()),
        ("do", "take the rope and run", ()),
    ],
)
def test_what_the_player_says_is_not_said_back(kind, action, phrases):
    assert echoes(kind, action) == phrases


def test_sentences_of_the_latest_replies_do_not_come_again():
    replies = [
        "You go back to bed. You are tired, but safe.",
        '"I was sleeping in the hold," says Jory. He nods.',
    ]
    assert echoes(replies=replies) == (
        "I was sleeping in the hold,",
        "You go back to bed",
        "You are tired, but safe",
    )
    assert echoes(replies=[*replies, *["Rain falls."] * 6]) == ()


def test_a_short_answer_comes_twice_at_most():
    please = 'Neti says, "Please."'
    assert echoes(replies=[please]) == ()
    assert echoes(replies=[please, please]) == ("Please.",)


def test_only_so_much_is_looked_for():
    long = " ".join(f"You count the {number} steps down." for number in range(100))
    assert len(echoes(replies=[long])) == MOST


def test_canned_replies_may_say_anything_again():
    said = request(kind="say", action="Come with me!")
    assert build(said, narrator()).sampling.echoes == ()
    assert "Come with me" in build(said, narrator(may_repeat=False)).sampling.echoes
