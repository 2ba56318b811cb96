"""What every engine promises, told of the scripted one and of openvino with the real model."""

import importlib
import sys
import time

import pytest
from django.conf import settings

from inference.engines.base import Engine, EngineBroken, Message, NewText
from inference.engines.detokenize import CONTEXT, LOST, Unfolding
from inference.engines.scripted import ScriptedEngine
from inference.models import ensure_model
from inference.narrators import Narrator, load_narrators
from inference.sampling import SamplingParams

SLOTS = 4
WINDOW = 512
PROMPT = "You stand in the old tower. Rain beats on the roof, and the lamp is low.\n> You look up."
STEPS = 2000  # more than any test needs: a test that never ends says nothing


def scripted(**options: object) -> ScriptedEngine:
    narrator = Narrator(
        name="script",
        line="",
        engine="scripted",
        slots=SLOTS,
        context=WINDOW,
        options={"pace": 0, **options},
    )
    return ScriptedEngine(narrator)


@pytest.fixture(scope="module")
def openvino_engine():
    from inference.engines.openvino import OpenVinoEngine

    narrator = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    path = ensure_model(narrator, settings.INFERENCE.models_dir)
    small = narrator.model_copy(update={"slots": SLOTS, "context": WINDOW})
    return OpenVinoEngine(small, path, settings.INFERENCE.models_dir / "compiled")


@pytest.fixture(params=["scripted", pytest.param("openvino", marks=pytest.mark.model)])
def engine(request):
    if request.param == "scripted":
        yield scripted()
        return
    engine = request.getfixturevalue("openvino_engine")
    yield engine
    assert not engine.busy, "a test left a story untold"


def steps(engine: Engine):
    """Each step's texts until nothing is under way."""
    for _ in range(STEPS):
        if not engine.busy:
            return
        yield engine.step()
    raise AssertionError("the engine never came to an end")


def tell_all(engine: Engine) -> dict[int, list[NewText]]:
    told: dict[int, list[NewText]] = {}
    for texts in steps(engine):
        for text in texts:
            told.setdefault(text.request, []).append(text)
    return told


def tell(engine: Engine, prompt: str = PROMPT, **sampling: object) -> str:
    request = engine.submit(prompt, SamplingParams(**sampling))
    return joined(tell_all(engine)[request])


def joined(texts: list[NewText]) -> str:
    return "".join(text.text for text in texts)


def test_a_story_comes_word_by_word_and_says_when_it_ends(engine):
    request = engine.submit(PROMPT, SamplingParams(max_tokens=12, seed=1))
    texts = tell_all(engine)[request]
    assert len([text for text in texts if text.text]) > 5
    assert [text.finish for text in texts[:-1]] == [None] * (len(texts) - 1)
    assert texts[-1].finish == "length"
    assert sum(text.tokens for text in texts) == 12
    assert " " in joined(texts)


def test_thirty_two_stories_are_told_in_few_slots(engine):
    requests = [
        engine.submit(f"{PROMPT} Number {n}.", SamplingParams(max_tokens=6)) for n in range(32)
    ]
    told = tell_all(engine)
    assert set(told) == set(requests)
    for texts in told.values():
        assert [text.finish for text in texts if text.finish] in (["length"], ["stop"])


def test_a_story_that_arrives_later_joins_those_under_way(engine):
    first = engine.submit(PROMPT, SamplingParams(max_tokens=40))
    for _ in range(5):
        engine.step()
    second = engine.submit(f"{PROMPT} A bat!", SamplingParams(max_tokens=5))
    order = [text.request for texts in steps(engine) for text in texts if text.finish]
    assert order == [second, first]


def test_a_stopped_story_says_so_once_and_gives_its_slot_to_one_that_waits(engine):
    running = [engine.submit(f"{PROMPT} {n}", SamplingParams(max_tokens=100)) for n in range(SLOTS)]
    waiting = engine.submit(f"{PROMPT} last", SamplingParams(max_tokens=3))
    for _ in range(4):
        assert waiting not in {text.request for text in engine.step() if text.tokens}
    engine.cancel(running[0])
    engine.cancel(running[0])
    engine.cancel(10**9)  # a story that never was
    now = [text for text in engine.step() if text.request == running[0]]
    assert [(text.text, text.finish) for text in now] == [("", "cancelled")]
    heard = [text.request for _ in range(4) for text in engine.step()]
    assert waiting in heard
    assert running[0] not in heard
    for request in (*running, waiting):
        engine.cancel(request)
    tell_all(engine)


def test_a_story_stopped_before_its_first_word_is_never_told(engine):
    request = engine.submit(PROMPT, SamplingParams())
    engine.cancel(request)
    assert [(text.finish, text.text) for text in tell_all(engine)[request]] == [("cancelled", "")]


def test_another_seed_tells_another_story_and_the_same_seed_the_same(engine):
    told = [tell(engine, max_tokens=12, seed=seed) for seed in (1, 2, 3, 4, 5, 1)]
    assert len(set(told)) > 1
    assert told[0] == told[-1]


def test_a_prompt_that_leaves_no_room_for_its_reply_is_refused(engine):
    with pytest.raises(ValueError, match=f"exceed {WINDOW}"):
        engine.submit("word " * (WINDOW - 20), SamplingParams(max_tokens=40))
    with pytest.raises(ValueError, match=f"exceed {WINDOW}"):
        engine.submit("word " * 20_000, SamplingParams(max_tokens=1))
    assert not engine.busy


def test_an_empty_prompt_is_refused(engine):
    with pytest.raises(ValueError, match="empty"):
        engine.submit("", SamplingParams())


def test_a_prompt_that_just_fits_is_told(engine):
    room = WINDOW - 8
    words = "word"
    while engine.count(words + " word") <= room:
        words += " word"
    assert tell(engine, words, max_tokens=8)


def test_text_is_counted_in_the_engines_own_tokens(engine):
    assert engine.count("") == 0
    assert engine.count("You open the door.") == 5
    assert engine.count("You open the door. " * 5000) >= 25_000


def test_a_chat_holds_what_was_said_and_ends_with_the_reply_begun(engine):
    said = [Message("system", "Tell a story."), Message("user", "I knock.")]
    prompt = engine.render_chat(said, "You")
    assert prompt.endswith("You")
    assert prompt.index("Tell a story.") < prompt.index("I knock.")
    assert "helpful AI assistant" not in prompt


# ---- openvino


@pytest.mark.model
def test_the_narrator_ends_its_answer_by_itself(openvino_engine):
    prompt = openvino_engine.render_chat(
        [Message("system", "Answer with one word."), Message("user", "Is the door open?")], "Yes."
    )
    request = openvino_engine.submit(prompt, SamplingParams(max_tokens=40, temperature=0))
    texts = tell_all(openvino_engine)[request]
    assert texts[-1].finish == "stop"
    assert sum(text.tokens for text in texts) < 40
    assert "<|" not in joined(texts)


@pytest.mark.model
def test_a_story_is_greedy_and_sensible_without_temperature(openvino_engine):
    said = [
        Message("system", "You tell a story in the second person."),
        Message("user", "I open the door of the old tower."),
    ]
    told = tell(
        openvino_engine, openvino_engine.render_chat(said, "You"), max_tokens=24, temperature=0
    )
    assert told.startswith(" step in")
    assert "  " not in told


@pytest.mark.model
def test_characters_that_span_tokens_arrive_whole(openvino_engine):
    request = openvino_engine.submit(
        "🐉🔥🐉🔥🐉🔥🐉🔥🐉🔥🐉🔥",
        SamplingParams(max_tokens=9, temperature=0, repetition_penalty=1),
    )
    texts = tell_all(openvino_engine)[request]
    assert joined(texts).startswith("🐉🔥")
    assert any(text.tokens and not text.text for text in texts), "a dragon takes several tokens"
    assert LOST not in joined(texts)


STORIES = {
    "many scripts": "A dragon 🐉 flies.  Two spaces; naïve café — “quotes”… 日本語のテキスト"
    "\n\n\tTab. 👩‍👩‍👧 end",
    "spaces at both ends": " starts with a space, ends with one ",
    "dragons": "🐉🐉🐉" * 20,
    "one word": "word " * 100,
}


@pytest.mark.model
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("prompt", ["The king said:", "🐉", "Once\n"], ids=["king", "🐉", "once"])
def test_text_that_grows_token_by_token_is_the_text(openvino_engine, prompt, story):
    before = openvino_engine._encode(prompt)[-CONTEXT:]
    decode = openvino_engine._tokenizer.decode
    assert unfolded(before, openvino_engine._encode(story), decode) == story


@pytest.mark.model
def test_half_of_a_surrogate_pair_is_refused(openvino_engine):
    with pytest.raises(ValueError, match="surrogate"):
        openvino_engine.submit("\ud83d", SamplingParams())


@pytest.mark.model
def test_an_error_inside_the_library_breaks_the_engine(openvino_engine, monkeypatch):
    class Broken:
        def has_non_finished_requests(self):
            raise RuntimeError("Check 'x' failed at a.cpp:1:\nno memory\n")

    monkeypatch.setattr(openvino_engine, "_pipeline", Broken())
    with pytest.raises(EngineBroken, match="no memory"):
        openvino_engine.step()


def test_openvino_reports_to_nobody():
    importlib.import_module("inference.engines.openvino")  # before anything else of openvino
    telemetry_utils = importlib.import_module("openvino.tools.ovc.telemetry_utils")
    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
    assert sys.modules["openvino_telemetry"] is None


# ---- text as it grows, with a tokenizer of bytes


def unfolded(before: list[int], ids: list[int], decode) -> str:
    """What `ids` say, one at a time."""
    unfolding = Unfolding(before, decode(before))
    said = []
    for place, token in enumerate(ids):
        unfolding.add([token])
        said.append(unfolding.unfold(decode(unfolding.window), last=place == len(ids) - 1))
        if unfolding.overlong:
            unfolding.begun_anew(decode(unfolding.begin_anew()))
    assert not any(LOST in text for text in said)
    return "".join(said)


DECODERS = {
    "half characters are marked": lambda ids: bytes(ids).decode(errors="replace"),
    "half characters are dropped": lambda ids: bytes(ids).decode(errors="ignore"),
    "the first space is dropped": lambda ids: bytes(ids).decode(errors="replace").removeprefix(" "),
}


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_bytes_become_text_without_half_characters(decode, story):
    assert unfolded(list(b"You see"), list(story.encode()), decode) == story


def test_half_a_character_at_the_end_is_left_out():
    half = list("a dragon: 🐉".encode())[:-1]
    assert unfolded([], half, DECODERS["half characters are marked"]) == "a dragon: "


def test_bytes_that_are_no_text_do_not_hold_back_what_follows():
    ids = [0x9F] * 30 + list(b" and then")
    assert unfolded([], ids, DECODERS["half characters are marked"]).endswith(" and then")


# ---- scripted


def test_the_script_goes_on_where_an_earlier_attempt_was_cut_off():
    replies = ["You open the box. It is empty.", "You wait. Nothing comes.", "A bell rings twice."]
    whole = tell(scripted(replies=replies))
    assert whole in replies
    for cut in range(8, len(whole)):
        assert tell(scripted(replies=replies), PROMPT + whole[:cut]) == whole[cut:]


def test_the_script_keeps_its_pace():
    engine = scripted(pace=100, replies=["one two three four five six seven eight nine ten"])
    began = time.monotonic()
    tell(engine)
    assert 0.08 < time.monotonic() - began < 0.5


def test_the_script_can_echo_and_can_break():
    assert tell(scripted(echo=True), "a b c") == "a b c"
    engine = scripted(error_after_tokens=3)
    engine.submit(PROMPT, SamplingParams())
    with pytest.raises(EngineBroken):
        tell_all(engine)


def test_the_script_refuses_an_option_it_does_not_know():
    with pytest.raises(ValueError, match="crash_after"):
        scripted(crash_after=3)
