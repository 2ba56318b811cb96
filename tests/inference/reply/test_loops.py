"""Loops: seen before they are shown, told again with other settings, and at last left short."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.reply import ReplyStream
from inference.worker import retry_reply
from tests.reply_text import stream_of, tell

WIND = "The door opens slowly and the cold wind blows in from the sea."
CHANGED = "The door opens slowly and the warm wind blows in from the sea."


@pytest.mark.parametrize("sentence", [WIND, CHANGED])
def test_a_sentence_of_an_earlier_reply_is_not_told_again(sentence):
    raw = f"You wait. {sentence} You shiver."
    assert tell(raw, recent=[WIND]) == "You wait."
    assert stream_of(raw, recent=[WIND]).fault == "repeats"


def test_what_was_told_however_long_ago_is_not_told_again_word_for_word():
    older = [WIND, *(f"A bell rings {number} times." for number in range(50))]
    row = "Again the cold wind blows in from the sea today."
    assert tell(f"You wait. {row} You shiver.", older=older, sentences=True) == "You wait."
    assert "the sea" not in tell(f"You wait. {row} You shiver.", older=older)
    assert stream_of(f"You wait. {WIND}", older=older).fault == "repeats"
    seven = "You wait. Now cold wind blows in from the window."
    assert tell(seven, older=older) == seven
    assert tell(f"You wait. {CHANGED}", older=older) == f"You wait. {CHANGED}"


def test_the_words_of_the_action_may_be_told_again_however_often_they_were():
    action = "put the heavy iron key back under the loose stone"
    told = f"You {action}. It fits."
    assert tell(told, kind="do", action=action, older=[f"No. You {action}, and go."]) == told


@pytest.mark.parametrize("sentence", [WIND, CHANGED])
def test_a_sentence_of_this_reply_is_not_told_again(sentence):
    stream = stream_of(f"{WIND} You wait. {sentence} You shiver.")
    assert stream.told == f"{WIND} You wait."
    assert stream.fault == "loop"


def test_a_short_sentence_comes_once_in_a_reply_and_again_in_the_next():
    walk = "You walk to the other side."
    assert tell(f"{walk} You sit. {walk} You sit.") == f"{walk} You sit."
    assert tell(f"{walk} You sit.", recent=[walk]) == f"{walk} You sit."


def test_a_reply_that_is_one_of_the_last_word_for_word_is_told_on():
    """A small model gave '"You're Jun?" she says.' twelve times in a row, whatever was done."""
    jun = '"You\'re Jun?" she says.'
    stream = stream_of(jun, recent=["You wait.", jun], again=True)
    assert (stream.told, stream.fault, stream.unfinished) == (jun, "repeats", True)
    going_on = stream_of(" The door opens.", told=jun, recent=["You wait.", jun], again=True)
    assert (going_on.told, going_on.unfinished) == (f"{jun} The door opens.", False)
    assert tell(jun, recent=["You wait.", jun]) == jun, "nothing better came"


def test_eight_words_of_a_reply_of_long_ago_are_not_told_again():
    doctor_looks = "The doctor looks at the clock above the door and winds it, whatever the hour."
    again = "You wait. Then the doctor looks at the clock above the door, as he does."
    stream = stream_of(again, older=[doctor_looks, "You sit."])
    assert (stream.told, stream.fault) == ("You wait. Then the doctor looks…", "repeats")
    assert tell(again, older=["The doctor looks at the clock above your head."]) == again
    assert tell("You wait. The doctor winds it.", older=[doctor_looks]).endswith("winds it.")


def test_a_long_sentence_of_long_ago_is_not_told_again_and_a_short_one_may_be():
    late = "Nobody remembers anything so late."
    assert tell(f"You sit. {late}", older=[late]) == "You sit."
    assert tell("You sit. Nobody answers.", older=["Nobody answers."]) == "You sit. Nobody answers."


def test_what_was_told_long_ago_may_be_told_with_other_words():
    assert tell(f"You wait. {CHANGED}", older=[WIND]) == f"You wait. {CHANGED}"


def test_a_story_of_hundreds_of_replies_is_searched_in_no_time():
    older = [f"You walk to the door of the house number {n} and see the man." for n in range(3000)]
    began = time.process_time()
    told = tell("You walk to the well of the town and see the man on the roof.", older=older)
    assert told.endswith("on the roof.")
    assert time.process_time() - began < 5


SPACELESS = ["門が静かに開いて冷たい風が海から吹き込んでくる。", "ประตูไม้เก่าบานใหญ่เปิดออกอย่างช้าช้า"]


@pytest.mark.parametrize("script", SPACELESS)
def test_loops_are_seen_in_scripts_without_spaces(script):
    assert tell(f"{script}{script}{script}", "length").count(script[:12]) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "No, no, no. Tick tock, tick tock.",
        "You see a man with a red hat. You see a man with a blue hat.",
        "The first door is locked. The second door is locked.",
        "You go north along the wall. You go north along the river.",
    ],
)
def test_figures_of_speech_are_no_loops(raw):
    assert tell(raw, recent=["You go north. You see a man with a hat."]) == raw


def test_a_reply_that_begins_with_a_loop_asks_to_be_told_again():
    stream = stream_of(f"{WIND} You wait.", recent=[WIND], again=True)
    assert (stream.told, stream.fault, stream.unfinished) == ("", "repeats", True)


def test_a_reply_that_was_told_well_before_its_loop_is_left_short():
    raw = f"You climb the tower and look out over the roofs of the town. {WIND} {WIND}"
    stream = stream_of(raw, again=True)
    assert stream.told == f"You climb the tower and look out over the roofs of the town. {WIND}"
    assert (stream.fault, stream.unfinished) == ("loop", False)


def test_a_reply_that_breaks_off_inside_a_sentence_goes_on_from_there():
    earlier = "Along the wall the lamps are lit by a boy with a long pole."
    raw = "You see: along the wall the lamps are lit by a boy with a long pole."
    stream = stream_of(raw, recent=[earlier], again=True)
    assert stream.unfinished and raw.startswith(stream.told) and stream.told[-1].isalpha()
    on = ReplyStream("do", told=stream.told, recent=[earlier])
    on.feed(" stones are wet. You slip.")
    on.finish("stop")
    assert on.told == f"{stream.told} stones are wet. You slip."


def test_an_unfinished_reply_can_be_closed():
    stream = ReplyStream("do", recent=["along the wall the lamps are lit by a boy"], again=True)
    stream.feed('He says, "See: along the wall the lamps are lit by a boy with')
    assert stream.unfinished
    told = stream.told
    assert stream.close() == '…"' and stream.told == f'{told}…"'
    assert stream.close() == ""


# ---- other settings


def test_other_settings_lead_away_from_the_loop_and_stay_within_their_ranges():
    first = SamplingParams(temperature=0.6, repetition_penalty=1.1, seed=1)
    second = retry_reply.vary_sampling(first)
    third = retry_reply.vary_sampling(second)
    assert first.temperature < second.temperature < third.temperature <= retry_reply.HOTTEST
    assert first.frequency_penalty < second.frequency_penalty < third.frequency_penalty
    assert first.presence_penalty < second.presence_penalty < third.presence_penalty
    assert len({first.seed, second.seed, third.seed}) == 3
    assert second.max_tokens == first.max_tokens
    for sampling in (first, second, third):
        SamplingParams.model_validate(sampling.model_dump())


def test_with_dry_a_retry_has_no_other_penalties():
    first = SamplingParams(temperature=0.6, dry_multiplier=1, seed=1)
    second = retry_reply.vary_sampling(first)
    assert second.temperature > first.temperature and second.seed != first.seed
    assert second.frequency_penalty == second.presence_penalty == 0


@given(
    st.floats(0, 5), st.floats(-2, 2), st.floats(-2, 2), st.one_of(st.none(), st.integers(0, 2**31))
)
def test_any_settings_have_others(temperature, frequency, presence, seed):
    given = SamplingParams(
        temperature=temperature,
        frequency_penalty=frequency,
        presence_penalty=presence,
        seed=seed,
    )
    other = retry_reply.vary_sampling(given)
    SamplingParams.model_validate(other.model_dump())
    assert other.temperature >= given.temperature
    assert other.frequency_penalty >= given.frequency_penalty
    assert other.temperature > 0


@pytest.mark.parametrize("penalty", ["frequency_penalty", "presence_penalty"])
@pytest.mark.parametrize("value", [-2.1, 2.1, float("nan")])
def test_penalties_keep_to_their_range(penalty, value):
    with pytest.raises(ValueError, match=penalty):
        SamplingParams(**{penalty: value})


def test_a_reply_is_told_again_from_what_was_shown():
    request = GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="n",
        context=StoryContext(action=Passage(kind="continue")),
    )
    sampling = SamplingParams(seed=3)
    good = stream_of("You climb out. The cable sings.", again=True)
    assert retry_reply.retry_request(request, sampling, good) is None
    looping = stream_of(f"{WIND} You wait.", recent=[WIND], again=True)
    again = retry_reply.retry_request(request, sampling, looping)
    assert again is not None and again.told == looping.told
    assert again.sampling == retry_reply.vary_sampling(sampling)
    speaking = stream_of('You say, "All is well."', again=True)
    again = retry_reply.retry_request(request, sampling, speaking)
    assert again is not None and again.sampling is not None
    assert again.sampling.temperature == sampling.temperature  # hotter, it would lose the story
    assert again.sampling.seed != sampling.seed
    assert [retry_reply.may_retry(tried) for tried in (1, 2, 3)] == [True, True, False]


# ---- promises


VOICES = ["You", "go", "on", "and", "the", "old", "door", "opens", "slowly.", "He", "says,", "“Go”"]
VOICES += ['"no"', '"No,"', "you", "say", WIND, CHANGED, "\n", "I", "You say", "What do", "do?"]
WORDS = st.lists(st.sampled_from(VOICES), max_size=60).map(" ".join)


@given(WORDS, st.lists(st.integers(0, 400), max_size=12), st.booleans())
@settings(max_examples=300, deadline=None)
def test_however_a_reply_was_cut_it_is_the_same_and_has_the_same_fault(raw, cuts, again):
    given = {"recent": [WIND], "older": ["You go on and the old door opens slowly and the wind"]}
    given["again"] = again
    whole = stream_of(raw, **given)
    cut = stream_of(raw, cuts=cuts, **given)
    assert (whole.told, whole.fault, whole.unfinished) == (cut.told, cut.fault, cut.unfinished)


@given(WORDS, WORDS, st.integers(0, 200))
@settings(max_examples=300, deadline=None)
def test_what_was_shown_before_more_came_is_the_beginning_of_what_is_shown_after(raw, more, cut):
    """Shown words are a function of the raw text so far that only grows."""
    recent = [WIND]
    early = ReplyStream("do", recent=recent)
    early.feed(raw[:cut])
    late = ReplyStream("do", recent=recent)
    late.feed(raw[:cut] + more)
    assert late.told.startswith(early.told)
    pieces = ReplyStream("do", recent=recent)
    shown = [pieces.feed(each) for each in raw[:cut] + more]
    assert "".join(shown) == late.told


@given(WORDS)
@settings(max_examples=300, deadline=None)
def test_nothing_is_told_that_the_model_did_not_say(raw):
    """Only an end and marks that close are added, and "I" is told as "you"."""
    told = tell(raw, recent=[WIND]).split()
    said = iter(" ".join("I you" if word == "I" else word for word in raw.split()).split())
    for word in told[:-1]:
        assert word in said, word
