"""A narrator that slips into the first person is shown in the second."""

import pytest

from tests.reply_text import tell


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("You're right, I did cut the saw.", "You're right, you did cut the saw."),
        ("You scream in my chair.", "You scream in your chair."),
        ("My hands shake. It is cold.", "Your hands shake. It is cold."),
        ("The dog looks at me, and barks.", "The dog looks at you, and barks."),
        ("Perhaps I am late.", "Perhaps you are late."),
        ("Perhaps I was late (I wasn't).", "Perhaps you were late (you weren't)."),
        ("The rope is longer than I’d thought.", "The rope is longer than you’d thought."),
        ("It is as if I'm dreaming of myself.", "It is as if you're dreaming of yourself."),
        ("He says I should go.", "He says you should go."),
    ],
)
def test_the_first_person_becomes_the_second(raw, told):
    assert tell(raw) == told


@pytest.mark.parametrize(
    "raw",
    [
        '"I am here, with my dog," he says. "Look at me."',
        "The gate bears the sign I. It is the first of five.",
        "You read about King Henry I and his cook.",
        "The mine is deep. Mine carts stand about.",
    ],
)
def test_what_others_say_and_what_only_looks_like_it_stays(raw):
    assert tell(raw) == raw


def test_a_story_that_is_told_by_someone_who_says_i_stays_so():
    recent = ["I open the gate, and I wait. I see nobody."]
    raw = "Nobody sees me, or my dog."
    assert tell(raw, recent=recent) == raw
