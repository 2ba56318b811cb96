"""Later clauses of a sentence: whose they are, and where a long reply may end."""

import pytest

from tests.reply_text import stream_of, tell

ON = "The lamp swings on its chain and the water drips from the beams of the old roof."


@pytest.mark.parametrize(
    "raw",
    [
        "You look at her, and you say that you are sorry. She nods.",
        'You look at her, and you say, "I am sorry." She nods.',
        'You look at her and say, "I am sorry." She nods.',
        "You look at her and then you ask her why. She nods.",
        "You look at her, and I am glad of it. She nods.",
        "You look at her, but I know better. She nods.",
        "You look at her and",
        "You look at her, and you",
        "You look at her and say…",
    ],
)
def test_a_sentence_ends_before_a_clause_that_is_not_the_narrators_to_tell(raw):
    assert tell(f"{ON} {raw}", "stop") == f"{ON} You look at her."


def test_a_reply_that_is_cut_off_at_such_a_clause_ends_before_it():
    assert tell(f"{ON} You look at her, and you", "length") == f"{ON} You look at her."


@pytest.mark.parametrize(
    "raw",
    [
        "You look at her, and you say nothing. She nods.",
        "You look at her and walk on, and you tell yourself that it is late.",
        "He looks at you and says that he is sorry. You nod, and he goes.",
        "You watch him as he turns to the wall and says a word. You wait.",
        "You and the boy wait, and the bell rings, and you hear a step.",
        '"You look old, and I say so," he laughs. You laugh, too.',
        "You see the gate, and the sign above it, marked as I. It is rusty.",
    ],
)
def test_other_clauses_are_told(raw):
    assert tell(raw) == raw


def test_i_after_a_quotation_is_not_the_player():
    raw = f'{ON} "I am not sure," I say to him. You wait.'
    assert tell(raw) == ON
    assert stream_of(raw).fault == "person"


def test_a_story_told_by_i_goes_on_so():
    recent = ["I open the gate, and I wait. I see nobody."]
    raw = "The bell rings, and I wait. He looks at me, and I look away."
    assert tell(raw, recent=recent) == raw


def test_past_what_is_enough_a_reply_may_end_before_a_clause():
    raw = f"{ON} You follow the sound down the long stairs, and a door, as it seems, is open below"
    assert tell(raw, "length", enough=len(ON) + 30) == (
        f"{ON} You follow the sound down the long stairs."
    )
    short = f"{ON} You stop, and a door opens."
    assert tell(short, enough=len(ON) + 1) == short
    assert tell(raw, "length", enough=1000).endswith("is open…")


def test_four_words_come_twice_in_a_reply_and_no_third_time():
    raw = "You look at the crate. You look at the glass. He sits. You look at the wall. He waits."
    stream = stream_of(raw)
    assert stream.told == "You look at the crate. You look at the glass. He sits."
    assert stream.fault == "loop"
    assert tell("He says no, no, no, no.") == "He says no, no, no, no."


def test_a_phrase_is_not_begun_a_third_time():
    raw = f"{ON} She smiles at the boy, and she smiles at the dog, and she smiles at the moon."
    assert "moon" not in tell(raw) and not tell(raw).endswith("smiles at…")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('The captain looks at you, and you say "I am sorry." He', "The captain looks at you."),
        ('You look at the hook and think, "What if', "You look at the hook and think."),
        ('The captain looks as if, and you say "I am sorry." He', "The captain looks as if…"),
    ],
)
def test_before_the_players_own_words_a_clause_that_can_end_does(raw, shown):
    assert tell(f"{ON} {raw}") == f"{ON} {shown}"
