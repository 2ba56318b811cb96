"""Phrases that a host or a writer bans are never told, not even their beginnings."""

import random
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference.contract.sampling import SamplingParams
from inference.engines.bans import MOST_BACKTRACKS, MOST_RETRIES, BanningEngine
from inference.engines.base import NewText
from inference.reply import ReplyStream
from inference.reply.phrases import Phrases, Watch
from inference.reply.worn import phrases_for, worn_phrases

STEPS = 20_000


class Dice:
    """An engine whose tokens `tell` makes of the prompt, how often it was asked, and the place."""

    context_tokens = 10_000
    reads_ahead = False
    continues = True

    def __init__(self, tell, can_avoid=False):
        self.tell, self.can_avoid = tell, can_avoid
        self.asked = []
        self.under_way = {}
        self.cancelled = []

    @property
    def busy(self):
        return bool(self.under_way or self.cancelled)

    def count(self, text):
        return len(text.split())

    def ignores(self, sampling):
        return ()

    def submit(self, prompt, sampling, output=None):
        self.asked.append((prompt, sampling))
        number = len(self.asked)
        tokens = list(self.tell(prompt, number))
        if self.can_avoid:
            while tokens and tokens[0] in sampling.not_first:
                tokens.pop(0)
        self.under_way[number] = tokens[: sampling.max_tokens]
        return number

    def cancel(self, number):
        if self.under_way.pop(number, None) is not None:
            self.cancelled.append(number)

    def step(self):
        news = [NewText(number, "", 0, "cancelled") for number in self.cancelled]
        self.cancelled.clear()
        for number, tokens in list(self.under_way.items()):
            text = tokens.pop(0) if tokens else ""
            if not tokens:
                del self.under_way[number]
            news.append(NewText(number, text, int(bool(text)), None if tokens else "stop"))
        return news


def told(engine, prompt="P:\n", **sampling):
    """The pieces that one reply is told in, how it ended, and the phrases that it left out."""
    banning = BanningEngine(engine)
    number = banning.submit(prompt, SamplingParams(**{"max_tokens": 400, **sampling}))
    pieces, banned = [], []
    for _ in range(STEPS):
        for new in banning.step():
            assert new.request == number
            pieces.append(new.text)
            banned += new.banned
            if new.finish:
                assert not banning.busy
                return pieces, new.finish, banned
    raise AssertionError("it never ended")


def split(text, luck):
    """A text in tokens of one to five characters."""
    tokens = []
    while text:
        size = luck.randint(1, 5)
        tokens.append(text[:size])
        text = text[size:]
    return tokens


def holds(phrases, text):
    watch = Watch(Phrases(phrases))
    return watch.hear(text) or watch.end()


# ---- what a phrase is


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("a testament to", "It is A Testament  to their skill."),
        ("you can't help but feel", "You can’t help\nbut FEEL small."),
        ("a testament to", "a *testament* to"),
        ("straße", "Die STRASSE ist leer"),
        ("café", "the cafe\u0301, closed"),
        ("the end", "This is the end"),
        ('"hello there"', "“Hello there,” she says"),
        ("不由自主", "你不由自主地笑了"),
        ("シャドウ", "彼はシャドウだ"),
    ],
)
def test_a_phrase_is_found_in_whatever_case_and_marks_it_stands(phrase, text):
    assert holds([phrase], text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("a testament to", "a testament tomorrow"),
        ("art", "the cart, smart and artful"),
        ("cafe", "the café"),
        ("か", "がらす"),
        ("the end", "the endless lend"),
    ],
)
def test_part_of_a_word_is_no_phrase(phrase, text):
    assert not holds([phrase], text)


# ---- an engine that tells none


def test_a_reply_goes_back_before_the_phrase_and_goes_on_without_its_first_token():
    def tell(prompt, number):
        if prompt.endswith("stands"):
            return [" a", " testament", " to", " rain", "."] if number == 1 else [" alone", "."]
        return ["The", " tower", " stands", " a", " testament", " to", " rain", "."]

    engine = Dice(tell)
    pieces, finish, banned = told(engine, banned=("a testament to",))
    assert "".join(pieces) == "The tower stands alone."
    assert (finish, banned) == ("stop", ["a testament to"])
    prompt, sampling = engine.asked[1]
    assert prompt == "P:\nThe tower stands"
    assert sampling.not_first == (" a",)
    assert sampling.banned == ()
    assert sampling.max_tokens == 400 - 3


def test_what_the_player_said_is_not_said_back_where_that_costs_no_request():
    def tell(prompt, number):
        if number == 1:
            return [" We", " don't", " have", " much", " time", "."]
        return [" Then", " run", "."]

    said = {
        "prompt": '"We don\'t have much time."\nInes says, "',
        "echoes": ("We don't have much",),
    }
    pieces, _, _ = told(Dice(tell, can_avoid=True), **said)
    assert "".join(pieces) == " Then run."
    pieces, _, _ = told(Dice(tell), **said)
    assert "".join(pieces) == " We don't have much time."


def test_a_phrase_that_the_prompt_has_begun_is_not_told():
    """`begun: You` stands in the prompt, and the model says the rest."""
    engine = Dice(
        lambda prompt, number: (
            [" can", "'t", " help", " but", " feel", " cold."] if number == 1 else [" shiver."]
        )
    )
    pieces, _, _ = told(engine, prompt="…\nYou", banned=("you can't help but feel",))
    assert "".join(pieces) == " shiver."
    assert engine.asked[1][1].not_first == (" can",)


def test_a_model_that_knows_nothing_else_ends_before_the_phrase():
    engine = Dice(lambda prompt, number: [" a", " testament", " to", " it"])
    pieces, finish, banned = told(engine, prompt="It is", banned=("a testament to",))
    assert "".join(pieces) == ""
    assert finish == "length"
    assert 1 < len(engine.asked) <= MOST_BACKTRACKS + 1
    assert set(banned) == {"a testament to"}


@pytest.mark.parametrize(
    ("can_avoid", "requests"), [(False, 1 + MOST_RETRIES), (True, 1 + MOST_BACKTRACKS)]
)
def test_an_engine_that_must_try_with_other_luck_is_asked_a_few_times_only(can_avoid, requests):
    """However often it is told that a word is not to be said, it says it two words later."""
    engine = Dice(lambda prompt, number: [" a", f" {number}", " the", " lamp"], can_avoid)
    pieces, finish, banned = told(engine, banned=("the",))
    assert len(engine.asked) == requests
    assert (finish, banned) == ("length", ["the"] * requests)
    assert "".join(pieces) == "".join(f" a {number}" for number in range(1, 1 + requests))


def test_what_ends_before_a_phrase_says_so():
    banning = BanningEngine(Dice(lambda prompt, number: ["A", " lamp"]))
    banning.submit("P:\n", SamplingParams(banned=("lamp",)))
    news = []
    while banning.busy:
        news += banning.step()
    assert [new.shortened for new in news if new.finish] == [True]


def test_a_greedy_model_is_told_on_warmer_where_no_token_can_be_left_out():
    for can_avoid, temperature in ((False, 0.7), (True, 0)):
        engine = Dice(lambda prompt, number: ["A", " lamp"][number - 1 :], can_avoid)
        told(engine, banned=("lamp", "a"), temperature=0)
        assert engine.asked[1][1].temperature == temperature


def test_a_reply_that_is_stopped_while_it_goes_back_ends_as_stopped():
    engine = Dice(lambda prompt, number: ["So", " a", " testament", " to", " it", " all"])
    banning = BanningEngine(engine)
    number = banning.submit("P:\n", SamplingParams(banned=("a testament to",)))
    news = []
    while not any(new.banned for new in news):
        news = banning.step()
    banning.cancel(number)
    news = banning.step()
    assert [(new.request, new.finish) for new in news] == [(number, "cancelled")]
    assert not banning.busy


def test_what_goes_wrong_when_a_reply_goes_on_ends_that_reply_alone():
    engine = Dice(lambda prompt, number: ["So", " a", " testament", " to", " it", " all"])
    usual = engine.submit

    def submit(prompt, sampling, output=None):
        if sampling.not_first:
            raise OSError("the socket is gone")
        return usual(prompt, sampling, output)

    engine.submit = submit
    banning = BanningEngine(engine)
    number = banning.submit("P:\n", SamplingParams(banned=("a testament to",)))
    news = [new for _ in range(20) for new in banning.step()]
    assert [(new.request, new.finish) for new in news if new.finish] == [(number, "error")]
    assert news[-1].error == "OSError: the socket is gone"
    assert not banning.busy


def test_two_replies_do_not_mix_while_one_goes_back():
    texts = {
        "one\n": ["A", " testament", " to", " it", " all", "."],
        "two\n": ["The", " lamp", " is", " lit", " and", " warm", "."],
    }

    def tell(prompt, number):
        return texts[prompt] if number <= 2 else [" rain", " falls", "."]

    banning = BanningEngine(Dice(tell))
    sampling = SamplingParams(banned=("a testament to",))
    said = {banning.submit(each, sampling): "" for each in texts}
    while banning.busy:
        for new in banning.step():
            said[new.request] += new.text
    assert said == {1: " rain falls.", 2: "The lamp is lit and warm."}


ALPHABET = st.sampled_from([*"ab c.,'ÄäßẞéE不由 \n*-", "e\u0301", "’", "你"])
WORDS = st.lists(ALPHABET, min_size=1, max_size=6).map("".join)


@given(
    phrases=st.lists(WORDS, max_size=4),
    text=st.lists(ALPHABET, max_size=60).map("".join),
    seed=st.integers(0, 10_000),
    can_avoid=st.booleans(),
)
@example(phrases=["a", "不"], text="b a不aa", seed=1783, can_avoid=False)
def test_no_word_that_is_passed_on_ever_holds_a_phrase(phrases, text, seed, can_avoid):
    phrases = tuple(each for each in phrases if any(map(str.isalnum, each)))
    luck = random.Random(seed)

    def tell(prompt, number):
        rest = text if number == 1 else "".join(luck.sample(text, len(text)))
        return split(rest, luck)

    pieces, finish, banned = told(Dice(tell, can_avoid), prompt="\n", banned=phrases)
    shown = ""
    for piece in pieces:
        shown += piece
        assert not holds(phrases, shown)
    if not holds(phrases, text):
        assert (shown, finish, banned) == (text, "stop", [])


@given(
    phrases=st.lists(WORDS, min_size=1, max_size=4),
    text=st.lists(ALPHABET, max_size=80).map("".join),
    seed=st.integers(0, 10_000),
)
def test_no_word_that_is_shown_ever_holds_a_phrase(phrases, text, seed):
    """Clean-up puts words together that stood apart: the reader looks once more."""
    luck = random.Random(seed)
    stream = ReplyStream("continue", bans=Phrases(phrases))
    shown = ""
    for token in split(text, luck):
        shown += stream.feed(token)
        assert not holds(phrases, shown)
    shown += stream.finish("stop")
    assert not holds(phrases, shown)
    assert shown == stream.told
    plain = ReplyStream("continue")
    plain.feed(text)
    plain.finish("stop")
    if not holds(phrases, plain.told):
        assert stream.told == plain.told


def test_the_reader_ends_a_reply_where_markup_would_join_a_phrase():
    stream = ReplyStream("continue", bans=phrases_for(("a testament to",), False))
    shown = stream.feed("The tower stands, a <b>testament</b> to rain. It falls.")
    shown += stream.finish("stop")
    assert shown.startswith("The tower stands")
    assert not holds(["a testament to"], shown)
    assert stream.fault == "banned"


# ---- the list that ships


def test_the_phrases_that_ship_can_be_banned_and_are_not_twice_there():
    every = worn_phrases()
    assert len(every) > 100
    assert SamplingParams(banned=every).banned == every
    assert all(unicodedata.is_normalized("NFC", each) for each in every)
    for phrase in ("a testament to", "little did you know", "不由自主地"):
        assert phrase in every


@pytest.mark.parametrize(
    ("phrases", "problem"),
    [
        (["…!"], "has no letters"),
        (["x" * 81], "at most 80"),
        ([f"phrase {number}" for number in range(501)], "500 is the most"),
        ([f"{number:03} " + "字" * 70 for number in range(200)], "bytes together"),
    ],
)
def test_what_cannot_be_banned_is_said_in_one_line(phrases, problem):
    with pytest.raises(ValueError, match=problem):
        SamplingParams(banned=phrases)
