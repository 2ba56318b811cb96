"""Replies by whole sentences: what is left out, and what is shown where nothing better came."""

import pytest

from inference.reply import ReplyStream
from inference.reply.rules.echoes import says_again, thin
from inference.worker import retry_reply


@pytest.mark.parametrize(
    ("sentence", "action"),
    [
        ("You're lighting the lamps.", "You light the lamps."),
        ("You light the lamp.", "You light the lamps."),
        ("You begin to look around.", "You look around carefully."),
        ("You are running.", "You run."),
        ("You stop and listened.", "You stop and listen."),
        ("You take the key in your hand.", "You take the key in your hand."),
    ],
)
def test_a_sentence_that_says_the_action_again_is_known(sentence, action):
    assert says_again(sentence, action)


@pytest.mark.parametrize(
    ("sentence", "action"),
    [
        ("You light the lamps, and one goes out.", "You light the lamps."),
        ("The key is cold.", "You take the key."),
        ("You.", "You wait."),
        ("Nothing happens.", "You wait."),
        ("你点亮了灯。", "你点亮了灯。"),
    ],
)
def test_a_sentence_with_something_of_its_own_is_not(sentence, action):
    assert not says_again(sentence, action)


@pytest.mark.parametrize(
    ("sentence", "is_thin"),
    [
        ("You're waiting.", True),
        ("You wait here.", True),
        ("You wait until the tide turns.", False),
        ("Nothing happens.", False),
        ("", False),
    ],
)
def test_next_to_nothing_is_a_few_words_about_the_player(sentence, is_thin):
    assert thin(sentence) is is_thin


def told(raw, kind="do", action="light the lamps", again=True, sentences=True, reason="stop"):
    stream = ReplyStream(kind, action, again=again, sentences=sentences)
    stream.feed(raw)
    stream.finish(reason)
    return stream


def test_what_comes_after_an_echo_is_the_reply():
    stream = told("You're lighting the lamps. The third one hisses and goes out. Nobody sees it.")
    assert stream.told == "The third one hisses and goes out. Nobody sees it."
    assert not stream.unfinished


@pytest.mark.parametrize(
    ("raw", "kind", "action"),
    [
        ("You're lighting the lamps.", "do", "light the lamps"),
        ("You're waiting.", "continue", ""),
        ("You wait here.", "do", "look under the bed"),
    ],
)
def test_an_echo_alone_is_told_again_hotter_and_at_last_shown(raw, kind, action):
    stream = told(raw, kind, action)
    assert stream.told == ""
    assert stream.unfinished
    assert stream.fault == "echo"
    assert retry_reply.NAMES[stream.fault] == "said only what the player did"
    assert stream.fault in retry_reply.LOOPS
    assert told(raw, kind, action, again=False).told == raw, "better than nothing"


def test_where_words_are_shown_as_they_come_nothing_is_taken_back():
    assert told("You're lighting the lamps.", sentences=False).told == "You're lighting the lamps."


def test_what_goes_on_after_the_words_of_the_action_is_no_echo():
    raw = "You look around again. Nothing has moved."
    assert told(raw, action="look around").told == raw
    assert told(raw, action="look around", sentences=False).told == raw


@pytest.mark.parametrize("sentences", [True, False])
@pytest.mark.parametrize("between", [". ", "\n\n"])
def test_the_action_word_for_word_is_left_out(sentences, between):
    raw = f"You look around{between}The shelves are empty, but for one jar of honey and a wasp."
    stream = told(raw, action="look around", sentences=sentences)
    assert stream.told == "The shelves are empty, but for one jar of honey and a wasp."


def test_who_answers_in_the_words_of_the_question_does_not_echo():
    raw = 'Ruta says, "What is my patient called? Ask her."'
    assert told(raw, "say", "What is your patient called, Ruta?").told == raw


def test_after_words_for_the_player_the_story_goes_on():
    raw = '"No, no!" You shout. You are shaking your head. The lamp goes out, and somebody laughs.'
    assert told(raw, "say", "No!").told == (
        "You are shaking your head. The lamp goes out, and somebody laughs."
    )
    raw = '"Who is there?" You ask. The stairs creak, one after the other, and then no more.'
    assert (
        told(raw, "say", "Hello?").told
        == "The stairs creak, one after the other, and then no more."
    )


def test_a_quotation_without_an_end_after_what_the_player_does_is_left_out():
    raw = 'You feel something strange in your hand. "That is my wife. I will give her a choice. But'
    assert told(raw, reason="length").told == "You feel something strange in your hand."
    raw = 'He turns to the old man by the door. "That is my wife. I will give her a choice. But'
    assert told(raw, reason="length").told.endswith('I will give her a choice."')


@pytest.mark.parametrize(
    ("raw", "reply"),
    [
        ('"Shaun Caveniak"', '"Shaun Caveniak."'),
        ("“Bless you, Shadowcat”", "“Bless you, Shadowcat.”"),
        ("「ありがとう」", "「ありがとう。」"),
        ('"Shaun Caveniak!"', '"Shaun Caveniak!"'),
        ('The label says "Dr. Ferrow"', 'The label says "Dr. Ferrow."'),
    ],
)
def test_a_quotation_that_ends_a_reply_ends_its_sentence(raw, reply):
    assert told(raw, "say", "What is your name?").told == reply


def test_a_reply_cut_by_its_limit_gets_no_such_end():
    stream = told('He nods slowly. The label says "Old Ferrow"', reason="length")
    assert stream.told == "He nods slowly."


def test_a_long_reply_that_ends_before_its_next_clause_ends_its_quotation():
    before = "There are three rows of books by the door. The first two are thick with dust."
    raw = f'{before} A shelf on the left contains a book called "Not My Wife", and a hat.'
    stream = ReplyStream("do", "look", sentences=True, enough=len(before) + 40)
    stream.feed(raw)
    stream.finish("stop")
    assert stream.told.endswith('called "Not My Wife."')


def test_words_to_which_the_player_responds_are_left_out():
    raw = 'Jory says, "Milk, I am afraid." To which you respond, "No problem. I eat all of it."'
    assert told(raw, "say", "What do you want?").told == 'Jory says, "Milk, I am afraid."'


def test_what_was_withheld_is_shown_in_whole_sentences():
    raw = 'You say, "Go." You say, "Now go away." You say that you'
    stream = told(raw, again=False, reason="length")
    assert stream.told == 'You say, "Go." You say, "Now go away."'


def test_a_first_sentence_that_trails_off_is_told_again():
    assert told("The brass latch and the latch itself...").unfinished
    assert told("The brass latch...", again=False).told == "The brass latch..."
