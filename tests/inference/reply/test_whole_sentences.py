"""Replies that are shown by whole sentences: what goes wrong inside one is never begun."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lab.evaluation.endings import cut
from inference.reply import ReplyStream
from tests.inference.reply.test_loops import WIND, WORDS
from tests.reply_text import stream_of, tell

DOOR = "You climb out. The cable sings."
LONG_SPEECH = "The boats have gone out, the nets are wet, and nobody has seen my brother's dog."


def whole(raw, finish="stop", **given):
    return tell(raw, finish, sentences=True, **given)


def test_a_sentence_is_shown_when_the_next_one_begins():
    stream = ReplyStream("do", sentences=True)
    pieces = [stream.feed(each) for each in ("You climb", " out. ", "The cable ", "sings. You")]
    assert pieces == ["", "", "You climb out.", " The cable sings."]


def test_a_sentence_that_never_ends_is_not_begun():
    assert whole(f"{DOOR} The wind, which has", "length") == DOOR
    assert whole(f"{DOOR} The wind, which has", "stop") == f"{DOOR} The wind, which has."


def test_a_sentence_that_repeats_an_earlier_one_at_its_end_is_not_begun():
    earlier = "Along the wall the lamps are lit by a boy with a long pole."
    raw = f"{DOOR} You see that all a{earlier[1:]} You wait."
    assert whole(raw, recent=[earlier]) == DOOR
    assert tell(raw, recent=[earlier]) == f"{DOOR} You see that all along the wall…"


def test_only_the_clause_that_speaks_for_the_player_is_left_out():
    raw = f'{DOOR} You look at her, and you say, "I am sorry." She nods.'
    assert whole(raw) == f"{DOOR} You look at her."
    assert whole("You look at her, and you say that it is late. She nods.") == "You look at her."


def test_a_last_sentence_that_trails_off_is_not_told():
    assert whole(f"{DOOR} The man who made the posts...") == DOOR
    assert whole("The man who made the posts…") == "The man who made the posts…"


def test_what_follows_saying_is_said_by_the_player():
    assert whole(f'{DOOR} You turn back to the girl, saying, "I am sorry." She nods.') == DOOR
    told = f'{DOOR} You turn to the girl, who stands there saying, "I am sorry."'
    assert whole(told.replace("You turn to", "He turns to")) == told.replace(
        "You turn to", "He turns to"
    )


def test_what_is_called_out_to_others_is_said_by_the_player():
    assert whole(f'{DOOR} You call out to the three soldiers: "Lionel!" They smile.') == DOOR


def test_a_first_sentence_without_an_end_is_told_again_and_at_last_as_it_is():
    first = stream_of("You see a wall, and", "length", sentences=True, again=True)
    assert (first.told, first.fault, first.unfinished) == ("", "endless", True)
    assert whole("You see a wall, and", "length") == "You see a wall, and…"


def test_a_short_reply_that_goes_wrong_is_told_on_from_its_last_sentence():
    stream = stream_of('You wait. "Hello?" you ask.', sentences=True, again=True)
    assert (stream.told, stream.fault, stream.unfinished) == ("You wait.", "speaks", True)


def test_a_very_long_sentence_is_shown_word_by_word_after_a_while():
    raw = " ".join(["You pass the doors", *(f"number{each}," for each in range(40))])
    stream = stream_of(raw, "cancelled", sentences=True)
    assert len(stream.told) > 300


def test_a_story_that_another_attempt_began_goes_on_inside_its_sentence():
    stream = ReplyStream("do", told="You climb", sentences=True)
    assert stream.feed(" out over the ") == " out over the"


def test_a_question_to_the_player_is_not_told():
    for question in ("How do you explain?", "So where will you go now?", "What do you feel?"):
        assert whole(f"{DOOR} {question} She waits.") == DOOR
        assert whole(f"{DOOR} {question}") == DOOR
    for told in ("What a day!", '"How do you explain?" she asks.', "What you see is a wall."):
        assert whole(f"{DOOR} {told}") == f"{DOOR} {told}"


def test_a_reply_does_not_begin_as_one_before_however_short_it_was():
    recent = ["You're running. The dog barks."]
    again = stream_of("You're running.", recent=recent, sentences=True, again=True)
    assert (again.told, again.fault, again.unfinished) == ("", "repeats", True)
    raw = "You're running. A wall stands in your way, and the dog has seen it."
    assert whole(raw, recent=recent) == "A wall stands in your way, and the dog has seen it."
    assert whole("You're running.", recent=recent) == "You're running."
    assert whole(f"{DOOR} You're running.", recent=recent) == f"{DOOR} You're running."
    assert tell(raw, recent=recent) == raw


def test_a_reply_does_not_begin_in_the_past():
    raw = "He looked at you. The wind is cold. He was a sailor once."
    assert whole(raw) == "The wind is cold. He was a sailor once."
    assert whole(raw, recent=["You went out. The dog was wet."]) == raw
    assert whole("He looked at you.") == "He looked at you."
    first = stream_of("He looked at you.", sentences=True, again=True)
    assert (first.fault, first.unfinished) == ("tense", True)


# ---- words for the player, without saying so


@pytest.mark.parametrize("sentences", [False, True])
@pytest.mark.parametrize(
    "rest",
    [
        'You turn to Clive. "It is late." He nods.',
        'You turn to Clive. "It is late. We must go." He nods.',
        'You turn to Clive. "It is late."',
        'You turn to Clive. "It is late. We must go." You take his hat.',
        f'You turn to Clive. "It is late. {LONG_SPEECH}" He nods.',
    ],
)
def test_a_quotation_alone_after_what_the_player_does_is_the_players(rest, sentences):
    assert tell(f"{DOOR} {rest}", sentences=sentences) == f"{DOOR} You turn to Clive."


@pytest.mark.parametrize(
    "raw",
    [
        'You turn to Clive. "It is late," he says. He nods.',
        'You turn to Clive.\n\n"It is late." He nods.',
        'Clive turns to you. "It is late." He nods.',
        '"You go first. You know the way." She nods.',
        'You turn to Clive. The sign says "late." He nods.',
    ],
)
def test_the_words_of_others_are_told(raw):
    assert tell(raw) == raw
    assert whole(raw) == raw


def test_a_mark_that_closes_nothing_is_left_out():
    assert (
        tell("It is the old sea dog's way.\" You stare.")
        == "It is the old sea dog's way. You stare."
    )
    assert tell("It is 6'1\" tall.") == "It is 6'1\" tall."


def test_every_sentence_is_judged_also_after_one_that_was_left_out():
    assert tell('"No," I say. I am a lad. Mr. Tobin smiles.') == "Mr. Tobin smiles."


# ---- promises


@given(WORDS, st.lists(st.integers(0, 400), max_size=12), st.booleans())
@settings(max_examples=200, deadline=None)
def test_however_it_was_cut_the_reply_is_the_same(raw, cuts, again):
    given = {"recent": [WIND], "again": again, "sentences": True}
    one, other = stream_of(raw, **given), stream_of(raw, cuts=cuts, **given)
    assert (one.told, one.fault, one.unfinished) == (other.told, other.fault, other.unfinished)


@given(WORDS, WORDS, st.integers(0, 200))
@settings(max_examples=200, deadline=None)
def test_what_was_shown_is_never_taken_back(raw, more, cut_at):
    stream = ReplyStream("do", recent=[WIND], sentences=True)
    shown = [stream.feed(each) for each in raw[:cut_at] + more]
    assert "".join(shown) == stream.told
    assert stream.told.startswith(
        stream_of(raw[:cut_at], "cancelled", recent=[WIND], sentences=True).told
    )
    assert stream.finish("length") == stream.told[len("".join(shown)) :]


@given(WORDS, st.sampled_from(["stop", "length"]))
@settings(max_examples=200, deadline=None)
def test_a_reply_that_began_with_a_sentence_ends_with_one(raw, finish):
    told = whole(f"{DOOR} {raw}", finish, recent=[WIND])
    closed = told.endswith(('"', "”"))  # "Go" without a mark, as the model ended it
    assert len(raw) > 250 or closed or not cut(told), told
