"""Where a sentence ends, in several scripts; a reply ends at one, with its quotations closed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.reply import ReplyStream
from inference.reply.quotes import quotations, quoting
from inference.reply.sentences import ends_sentence
from tests.reply_text import tell


@pytest.mark.parametrize(
    "text",
    [
        "You go.| The",
        "You go!| The",
        "You go?!| The",
        "You go…| The",
        "You go...| The",
        "the dark…and the",
        "the dark… and the",
        "the dark... and the",
        '"Go."| He',
        '"Go!" he',
        "“Go?” he",
        "(You go.)| He",
        "Mr. Pell",
        "Dr. Zeller",
        "St. Anne",
        "Mt. Imy",
        "Prof. Ito",
        "J. R. Pell",
        "J.R. Pell",
        "U.S. Mail",
        "Sgt. Rue",
        "e.g. hens",
        "It was I.| He",
        "No.| He",
        "No. 5 is",
        "at 3.5 m",
        "at 6 p.m.| The",
        "at 6 p.m. the",
        "hens, eggs, etc.| The",
        "hens, eggs, etc. and",
        "you go.| the",
        "門が開く。|風",
        "「はい。」|彼",
        "何？！|彼",
        "你好！|他",
        "वह गया।| फिर",
        "وقف هناك؟| ثم",
        "کہا۔| پھر",
        "Նա գնաց։| Հետո",
        "សួស្តី។| គាត់",
        "သွားသည်။| သူ",
        "Τι είναι;| Τότε",
        "He waits; then",
        "Hr. Egli",
        "А. С. Пушкин",
        "Он ушёл.| Потом",
        "¿Quién es?| Nadie",
        "ประตูเปิดออก แล้ว",
        "ประตูไม้เก่าบานใหญ่ค่อย ๆ เปิดออกอย่างช้าช้าในความมืด| แล้ว",
    ],
)
def test_where_a_sentence_ends(text):
    """The bar stands where a sentence ends; without one, none does."""
    plain = text.replace("|", "")
    ends = []
    for place in range(1, len(plain)):
        rest = plain[place:]
        if plain[place - 1].isspace():
            continue
        space = rest[: len(rest) - len(rest.lstrip())]
        following = rest.lstrip()[:1]
        if (space or ord(plain[place - 1]) > 0x2E80) and ends_sentence(
            plain[:place], space, following
        ):
            ends.append(place)
    assert ends == ([text.index("|")] if "|" in text else [])


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("वह गया", "वह गया।"),
        ("Նա գնաց", "Նա գնաց։"),
        ("Он ушёл", "Он ушёл."),
        ("門が開く", "門が開く。"),
        ("문이 열린다", "문이 열린다."),
        ("ประตูเปิดออก", "ประตูเปิดออก"),
        ("وقف هناك", "وقف هناك."),
    ],
)
def test_a_reply_gets_the_end_that_its_script_has(raw, told):
    assert tell(raw) == told


@pytest.mark.parametrize("script", ["वह गया। ", "門が開く。", "Նա գնաց։ ", "وقف هناك؟ "])
def test_a_reply_that_is_long_enough_ends_at_a_sentence_in_any_script(script):
    raw = "".join(f"{script[:-1]}{number}{script[-2:]}" for number in range(50))
    stream = ReplyStream("do", enough=60)
    stream.feed(raw)
    assert stream.done and stream.told.rstrip()[-1] in "।。։؟"
    assert len(stream.told) < 150


def test_thai_ends_at_a_space_between_phrases():
    phrase = "ประตูไม้เก่าบานใหญ่ค่อยเปิดออกอย่างช้าในความมืด"
    raw = f"{phrase}ก {phrase}ข {phrase}ค {phrase}ง"
    stream = ReplyStream("do", enough=60)
    stream.feed(raw)
    assert stream.done and stream.told == f"{phrase}ก"


# ---- quotation


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('He says, "Go', 'He says, "Go."'),
        ('He says, "Go!', 'He says, "Go!"'),
        ("He says, “Go", "He says, “Go.”"),
        ('He says, “Go."', 'He says, “Go."'),
        ('He says, "Go.”', 'He says, "Go.”'),
        ("He says, «Va", "He says, «Va.»"),
        ("Er sagt: „Geh", "Er sagt: „Geh.“"),
        ("Er sagt: „Geh.“", "Er sagt: „Geh.“"),
        ("彼は「行け", "彼は「行け。」"),
        ("He says, ‘Go", "He says, ‘Go.’"),
        ("He says, ‘It’s the dogs’", "He says, ‘It’s the dogs’"),
        ("He says, 'Go", "He says, 'Go.'"),
        ("The dogs' dinner is cold", "The dogs' dinner is cold."),
        ("'Tis late", "'Tis late."),
        ("He says, “She said ‘no", "He says, “She said ‘no.’”"),
        ('He says, "', "He says."),
        ('He nods. "', "He nods."),
        ('He nods. " Go', 'He nods. " Go."'),
        ('Go," he says. You wait', 'Go," he says. You wait.'),
        ("It is 5' 10\" tall", "It is 5' 10\" tall."),
    ],
)
def test_a_reply_never_ends_inside_a_quotation(raw, told):
    assert tell(raw) == told


MARKED = ["He", "says,", "“Go”", "‘no’", '"', '"Go,', '"go"', "'tis", "don’t", "dogs'", "«", "va»"]
MARKED += ["„Geh", "“", "”", "you.", "「行け」", "(", "—", "'no'", "‘", "said", '5"', "\n"]
QUOTED_WORDS = st.lists(
    st.sampled_from(MARKED),
    max_size=30,
).map(" ".join)


@given(QUOTED_WORDS, st.sampled_from(["stop", "length"]), st.integers(10, 4000))
@settings(max_examples=400, deadline=None)
def test_no_reply_ends_inside_a_quotation(raw, finish, limit):
    told = tell(raw, finish, max_chars=limit)
    assert quoting("", told) == "", told


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("say 'I am' now", ["'I am'"]),
        ("the dogs' and cats' food", []),
        ("say 'the dogs' food'.", ["'the dogs'"]),
        ("say 'the dogs' food.'", ["'the dogs' food.'"]),
        ("say \"it's me", ["\"it's me"]),
        ("‘no’ and ’tis", ["‘no’"]),
        ("‘Tis late", []),
    ],
)
def test_what_is_quoted_in_an_action(text, quoted):
    assert [text[begin:end] for begin, end in quotations(text)] == quoted
