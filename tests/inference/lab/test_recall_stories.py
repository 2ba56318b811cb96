"""The stories that recall is judged by are fair: these checks hold their material to the rules."""

import hashlib
import re
from functools import cache
from itertools import chain, pairwise

import pytest
import snowballstemmer

from inference.contract.request import Passage
from inference.lab.recall import stories
from inference.lab.recall.stories import Question, Story

ALL = stories.names()
ENGLISH = tuple(name for name in ALL if name.startswith("english"))
CHINESE = tuple(name for name in ALL if name.startswith("chinese"))

# Whoever changes a story changes what figures of it mean: then name them anew.
DIGESTS = {
    "chinese-a": "2389071a2f40415290badc1ccdf61f83cce8fe8e31611fa38eba1b5b1c180e5f",
    "chinese-b": "dfbaa42e6374219e75ed46ecdf7be0c628d23d18da2fcaf112c376d271e46793",
    "english-a": "09a5db5ab57169a92054f616eeb8444325b13739c9a1ba627de1590df53b0bad",
    "english-b": "f3a6e662c8d46f1f42660b1cd85fa60306cf8ae72567b4f7bb6b01d95c086bea",
    "english-c": "e4a1792c263083def5a2687f6f4af0f5c8c7c0080f2a3ead70a05f9582505d16",
}

# Words that say nothing by themselves. Everything else counts as a word with a stem.
FUNCTION_WORDS = """
a about above across after again against all along although am among an and another any anybody
anyone anything are around as at away back be because been before behind below beneath beside
between beyond both but by can cannot could did do does done down each either else even ever
every everybody everyone everything for from had has have having he her here hers herself him
himself his how i if in inside into is it its itself just least less may me mine more most much
must my near neither never no nobody none nor not nothing now of off on once one only onto or
other others our out outside over own past perhaps rather s same shall she should since so some
somebody someone something still such t than that the their them themselves then there these
they this those though through till to together too toward under until up upon us very was we
were what whatever when where whether which while who whom whose why will with within without
would yes yet you your yours yourself
"""
ENDINGS = re.compile(r"(?:ings?|edly|ed|er|ers|est|ies|ied|es|s|ly|ness|ful|y|e|en)$")
PLAIN_LETTERS = str.maketrans({"’": "'", "ë": "e", "é": "e"})


load = cache(stories.load)
SNOWBALL = cache(snowballstemmer.stemmer("english").stemWord)


@pytest.fixture(params=ALL)
def story(request) -> Story:
    return load(request.param)


@pytest.fixture(params=ENGLISH)
def english(request) -> Story:
    return load(request.param)


@pytest.fixture(params=CHINESE)
def chinese(request) -> Story:
    return load(request.param)


def text(turn: Passage) -> str:
    return f"{turn.action}\n{turn.reply}"


def asked(question: Question) -> str:
    return "\n".join(map(text, (*question.newest, question.action)))


def answering(story: Story, question: Question) -> Passage:
    return story.turns[question.number]


def content(text: str, names: tuple[str, ...] = ()) -> set[str]:
    """The words of a text that have a meaning of their own, without the names."""
    words = set(re.findall(r"[^\W\d_]+", text.translate(PLAIN_LETTERS).casefold()))
    return words - set(FUNCTION_WORDS.split()) - {name.casefold() for name in names}


@cache
def stem(word: str) -> str:
    """What is left of a word without its endings, and without a doubled last letter."""
    while len(word) > 3 and (shorter := ENDINGS.sub("", word)) != word and len(shorter) >= 3:
        word = shorter
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def related(one: str, other: str) -> bool:
    """Whether two words may share a stem: a stemmer's, or one that is cut more boldly."""
    short, long = sorted((stem(one), stem(other)), key=len)
    return (
        short == long
        or SNOWBALL(one) == SNOWBALL(other)
        or (len(short) >= 4 and long.startswith(short))
        or (len(short) >= 5 and short[:5] == long[:5])
    )


def shared(story: Story, question: Question, asked: str) -> set[tuple[str, str]]:
    """The pairs of related words of what is asked and of the turn that answers it."""
    told = content(text(answering(story, question)), story.people)
    return {
        (one, other)
        for one in content(asked, story.people)
        for other in told
        if related(one, other)
    }


def sentences(turn: Passage) -> list[str]:
    found = re.findall(r"[^.!?。！？]+[.!?。！？]+[”’」』]*", turn.reply)
    return [sentence.strip() for sentence in found]


def test_there_are_stories_to_tune_by_and_stories_held_out():
    uses = {name: load(name).use for name in ALL}
    assert {use for name, use in uses.items() if name.endswith("-a")} == {"development"}
    assert {use for name, use in uses.items() if not name.endswith("-a")} == {"scored"}


def test_a_story_has_300_turns_and_30_questions(story):
    assert len(story.turns) == 300  # with the opening, and without the turn of the question
    assert story.turns[0].kind == "opening"
    assert all(turn.reply for turn in story.turns)
    assert len(story.questions) == 30
    assert len({question.number for question in story.questions}) == 30
    assert all(len(story.path(question)) == 300 for question in story.questions)


def test_a_story_is_the_same_each_time_and_on_every_machine(story):
    assert stories.load(story.id) == story
    assert hashlib.sha256(as_json(story).encode()).hexdigest() == DIGESTS[story.id]


def as_json(story):
    """The story without fields of passages that it does not use, and that came later."""
    newer = {"player"}
    questions = {"newest": {"__all__": newer}, "action": newer}
    return story.model_dump_json(
        exclude={"turns": {"__all__": newer}, "questions": {"__all__": questions}}
    )


def test_every_question_is_answered_more_than_100_turns_back(story):
    distances = [300 - question.number for question in story.questions]
    assert min(distances) > 100
    assert max(distances) - min(distances) > 120


def test_one_turn_alone_has_the_answer(story):
    everything = [text(turn) for turn in story.turns]
    everything += [asked(question) for question in story.questions]
    for question in story.questions:
        assert question.answer in answering(story, question).reply
        answer = question.answer.casefold()
        assert sum(answer in told.casefold() for told in everything) == 1, answer


def test_no_sentence_of_an_answering_turn_is_told_twice(story):
    told = [sentence for turn in story.turns for sentence in sentences(turn)]
    for question in story.questions:
        for sentence in sentences(answering(story, question)):
            assert told.count(sentence) == 1, sentence


def test_a_story_hardly_repeats_itself(story):
    told = [sentence for turn in story.turns for sentence in sentences(turn)]
    assert len(set(told)) >= 0.97 * len(told)
    assert all(one.reply != other.reply for one, other in pairwise(story.turns))
    counts = [len(sentences(turn)) for turn in story.turns[1:]]
    assert 2 <= sum(counts) / len(counts) <= 4
    assert all(2 <= count <= 6 for count in counts)


def test_no_slot_is_left_open(story):
    for turn in chain(story.turns, *(question.newest for question in story.questions)):
        assert not re.search(r"[<>{}]|  |\.\.|。。| [,.]", text(turn)), text(turn)


def test_half_of_the_english_questions_share_words_and_half_a_name_only(english):
    kinds = [question.shares for question in english.questions]
    assert (kinds.count("words"), kinds.count("name")) == (15, 15)


def test_questions_that_share_words_do_so_in_the_action_itself(english):
    for question in english.questions:
        if question.shares == "words":
            assert shared(english, question, question.action.action), question.action.action


def test_most_shared_words_stand_in_other_turns_too(story):
    """A word that only one turn has would find it under any ranking."""
    told = [text(turn) for turn in story.turns]
    words = [content(one, story.people) for one in told]
    common = 0
    asking = [question for question in story.questions if question.shares == "words"]
    for question in asking:
        if question.words:
            turns = [sum(word in one for one in told) for word in question.words]
        else:
            turns = [
                sum(any(related(word, other) for other in one) for one in words)
                for word, _ in shared(story, question, question.action.action)
            ]
        common += min(turns) >= 3
    assert common >= len(asking) / 2


def test_questions_that_share_a_name_share_no_stem_otherwise(english):
    for question in english.questions:
        if question.shares == "name":
            assert question.name in question.action.action
            assert not shared(english, question, asked(question)), question.action.action
            others = {name for name in english.people if name != question.name}
            told = text(answering(english, question))
            assert not any(name in told and name in asked(question) for name in others), told


def test_the_name_of_such_a_question_stands_in_twenty_other_turns(english):
    for question in english.questions:
        if question.shares == "name":
            told = text(answering(english, question))
            assert question.name in told
            others = [turn for turn in english.turns if question.name in text(turn)]
            assert len(others) > 20, question.name


def test_chinese_questions_share_words_that_are_no_names(chinese):
    for question in chinese.questions:
        assert question.shares == "words"
        assert question.words
        for word in question.words:
            assert len(word) >= 2
            assert word in question.action.action, word
            assert word in text(answering(chinese, question)), word
            assert not any(word in name or name in word for name in chinese.people), word


def test_words_of_one_stem_are_found_to_be_related():
    pairs = "promised promise|pays pay|stole stolen|burning burns|forgotten forgot|wounds wound"
    for one, other in (pair.split() for pair in pairs.split("|")):
        assert related(one, other), (one, other)
    for one, other in (("scar", "wound"), ("vow", "promise"), ("brother", "sibling")):
        assert not related(one, other)


def test_a_question_in_the_words_of_its_answer_would_be_noticed(english):
    for question in english.questions:
        assert shared(english, question, answering(english, question).reply)


def test_nobody_in_a_story_is_named_as_a_word_of_it(english):
    told = " ".join(text(turn) for turn in english.turns)
    for name in english.people:
        assert not re.search(rf"\b{name.casefold()}\b", told), name


def test_a_story_that_does_not_exist_is_said_in_one_line():
    with pytest.raises(stories.StoriesError, match="There is no story english-z"):
        stories.load("english-z")


def test_a_slot_that_nothing_fills_is_said_in_one_line(tmp_path, monkeypatch):
    written = (stories.FOLDER / "english-a.yaml").read_text(encoding="utf-8")
    spoilt = written.replace("about <part>", "about <nowhere>")
    (tmp_path / "spoilt.yaml").write_text(spoilt, encoding="utf-8")
    monkeypatch.setattr(stories, "FOLDER", tmp_path)
    with pytest.raises(stories.StoriesError, match="nothing is known for <nowhere>"):
        stories.load("spoilt")
