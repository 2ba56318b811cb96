"""Excerpts on the shelf, at home and where a link is pasted: no quotation is cut in half."""

import pytest

from game.library import linkcard
from game.library.excerpts import LAST_WORDS, last_words, start_of
from inference.reply.quotes import quotations
from tests.game.test_pages import told

LONG_SPEECH = '"' + "I will say it again, and again, " * 12 + 'and then I stop."'


def whole(text):
    """Whether every quotation in it has both of its marks."""
    straight = text.count('"') % 2 == 0
    return straight and text.count("“") == text.count("”") and text.count("«") == text.count("»")


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (
            'She turns round. "I am late. You are early. Sit down."',
            'She turns round. "I am late. You are early. Sit down."',
        ),
        (
            "The lamp is out and nobody has any oil left in this house. “Who is there?” asks Ada. "
            "“Nobody. Nobody at all, and nobody who would come with you.”",
            "“Nobody. Nobody at all, and nobody who would come with you.”",
        ),
        (
            "«Il fait nuit. Rentrez chez vous maintenant, monsieur, et fermez bien la porte.»",
            "«Il fait nuit. Rentrez chez vous maintenant, monsieur, et fermez bien la porte.»",
        ),
        (
            'She turns. "I have waited here for you since the lamp went out on Monday night. You '
            'did not come, and nobody would tell me why, so I went to bed."',
            '"I have waited here for you since the lamp went out on Monday night. You did not '
            'come, and nobody would tell me why, so I went to bed."',
        ),
        ("It's the keeper's lamp. It burns.", "It's the keeper's lamp. It burns."),
    ],
)
def test_the_last_words_bring_their_whole_quotation(reply, shown):
    assert last_words(reply) == shown


@pytest.mark.parametrize(
    "reply",
    [
        LONG_SPEECH,
        f"He looks up. {LONG_SPEECH}",
        f'{LONG_SPEECH} says the man who sells lamps. "And you?"',
        LONG_SPEECH.replace('"', "“", 1).replace('"', "”"),
        "word " * 200,
        "x" * 1000,
    ],
)
def test_a_long_quotation_is_cut_and_keeps_its_marks(reply):
    shown = last_words(reply)
    assert len(shown) <= LAST_WORDS
    assert whole(shown), shown
    assert shown.startswith("…") or reply.endswith(shown)


@pytest.mark.parametrize("most", range(20, 180, 7))
def test_the_start_of_a_text_never_ends_in_an_open_quotation(most):
    text = (
        'You say "I will go with you to the end of the world and back." Then he asks, "Why? '
        'Who told you to, and since when?" and nobody in the room has an answer to that.'
    )
    shown = start_of(text, most)
    assert len(shown) <= most
    assert whole(shown), shown
    assert shown == text or "…" in shown
    assert all(end <= len(shown) for _, end in quotations(shown))


def test_the_shelf_and_home_show_whole_quotations(client, alice, adventure):
    told(
        adventure,
        adventure.head,
        kind="say",
        action="I will go with you, Ada, to the end of the world and back again, whatever they "
        "may say about it, and I bring the lamp, the rope and all of the oil. Do not wait.",
        reply='The door opens. "You came. I had given up. Come in, and close it behind you."',
    )
    client.force_login(alice)
    for url in ("/adventures/", "/"):
        page = client.get(url).content.decode()
        assert "&quot;You came. I had given up. Come in, and close it behind you.&quot;" in page
        (said,) = [line for line in page.split("\n") if 'class="last-action"' in line]
        assert whole(said.replace("&quot;", '"').split(">", 1)[1]), said


def test_the_picture_of_a_link_closes_what_it_cuts():
    font = linkcard.font_of_size(linkcard.WORDS_SIZE)
    lines = linkcard.words_that_fit(f"He says, {LONG_SPEECH}", font, 3)
    assert len(lines) == 3
    assert lines[-1].endswith('…"')
    assert all(font.getlength(line) <= linkcard.WIDTH for line in lines)
