"""What every engine promises, told of the scripted one, of openvino with the real model, and of
openai with a real server of it."""

import importlib
import json
import shutil
import subprocess
import sys
import time
from bisect import bisect_right

import pytest
from django.conf import settings

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import Engine, EngineBroken, Message, NewText
from inference.engines.detokenize import CONTEXT, LOST, Detokenizer
from inference.engines.scripted import ScriptedEngine
from inference.models.export import ENVIRONMENT, environment
from inference.models.store import ensure_model
from inference.narrators import Narrator, load_narrators
from inference.prompts import reply_stream
from tests import tiny_gpt2

SLOTS = 4
WINDOW = 512
PROMPT = "You stand in the old tower. Rain beats on the roof, and the lamp is low.\n> You look up."
STEPS = 10_000  # more than any test needs: a test that never ends says nothing


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


def smol_for_openvino():
    """The built-in narrator in a small context, its file, and where openvino compiles it."""
    narrator = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    path = ensure_model(narrator, settings.INFERENCE.models_dir)
    small = narrator.model_copy(update={"slots": SLOTS, "context": WINDOW})
    return small, path, settings.INFERENCE.models_dir / "compiled"


@pytest.fixture(scope="module")
def openvino_engine():
    from inference.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(*smol_for_openvino())


@pytest.fixture(scope="module")
def llama_engine(tmp_path_factory):
    """The built-in narrator's own file, as the package brings it: four bits, and no adapter."""
    from inference.engines.llama import LlamaEngine

    narrator = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    path = ensure_model(narrator, settings.INFERENCE.models_dir)
    given = {"slots": SLOTS, "context": WINDOW, "engine": "llama", "options": {"threads": 1}}
    folder = tmp_path_factory.mktemp("llama", numbered=True)
    return LlamaEngine(narrator.model_copy(update=given), path, folder)


def told_by(engine: str, model: str = "tiny", **more: object) -> Narrator:
    return Narrator(
        name="tiny", line="", engine=engine, model=model, slots=SLOTS, context=2048, **more
    )


def of_server(address, **given):
    from inference.engines.openai import OpenAIEngine

    given = {"slots": SLOTS, "context": WINDOW, **given}
    return OpenAIEngine(Narrator(name="far", line="", engine="openai", model=address, **given))


@pytest.fixture(scope="module")
def openai_engine(llama):
    engine = of_server(llama)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def openai_chat_engine(llama):
    engine = of_server(llama, format="chat")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def transformers_engine(tiny):
    from inference.engines.transformers import TransformersEngine

    engine = TransformersEngine(told_by("transformers"), tiny)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def exported_engine(tiny, tmp_path_factory):
    """The same GPT-2 as an IR, as `narrators pull` makes it. Exact, so that it can be compared."""
    from inference.engines.openvino import OpenVinoEngine

    if environment(settings.INFERENCE.models_dir) is None:
        pytest.skip("there is no environment that exports (make test-torch)")
    folder = tmp_path_factory.mktemp("exported")
    (folder / ENVIRONMENT).symlink_to(settings.INFERENCE.models_dir / ENVIRONMENT)
    exact = told_by("openvino", str(tiny), dtype="float32", options={"precision": "f32"})
    path = ensure_model(exact, folder)
    return OpenVinoEngine(exact, path, folder / "compiled")


SERVERS = [pytest.param(name, marks=pytest.mark.model) for name in ("openai", "openai_chat")]
ENGINES = [
    "scripted",
    pytest.param("openvino", marks=pytest.mark.model),
    pytest.param("llama", marks=[pytest.mark.model, pytest.mark.full]),
    pytest.param("transformers", marks=pytest.mark.torch),
    pytest.param("exported", marks=pytest.mark.torch),
    *SERVERS,
]
MODELS = ENGINES[1:5]  # those that hold one themselves
TINY = ENGINES[3:5]  # those that tell with the tests' own GPT-2


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "scripted":
        yield scripted()
        return
    engine = request.getfixturevalue(f"{request.param}_engine")
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
    def joins() -> bool:
        first = engine.submit(PROMPT, SamplingParams(max_tokens=40))
        for _ in range(5):
            engine.step()
        second = engine.submit(f"{PROMPT} A bat!", SamplingParams(max_tokens=5))
        order = [text.request for texts in steps(engine) for text in texts if text.finish]
        return order == [second, first]

    # Now and then a model ends its first story after a few words, before the second.
    assert any(joins() for _ in range(5))


def test_a_stopped_story_says_so_once_and_gives_its_slot_to_one_that_waits(engine):
    running = [engine.submit(f"{PROMPT} {n}", SamplingParams(max_tokens=100)) for n in range(SLOTS)]
    waiting = engine.submit(f"{PROMPT} last", SamplingParams(max_tokens=3))
    told: set[int] = set()
    while not told:  # a server's first word takes more steps than one
        told |= {text.request for text in engine.step() if text.tokens}
    for _ in range(3):
        told |= {text.request for text in engine.step() if text.tokens}
    assert waiting not in told
    engine.cancel(running[0])
    engine.cancel(running[0])
    engine.cancel(10**9)  # a story that never was
    now = [text for text in engine.step() if text.request == running[0]]
    assert [(text.text, text.finish) for text in now] == [("", "cancelled")]
    heard = [text.request for _ in range(4) for text in engine.step()]
    while waiting not in heard and engine.busy:
        heard += [text.request for text in engine.step()]
    assert waiting in heard
    assert running[0] not in heard
    for request in (*running, waiting):
        engine.cancel(request)
    tell_all(engine)


def test_a_story_stopped_before_its_first_word_is_never_told(engine):
    request = engine.submit(PROMPT, SamplingParams())
    engine.cancel(request)
    assert [(text.finish, text.text) for text in tell_all(engine)[request]] == [("cancelled", "")]


# Those that read ahead: what the others do is nothing.
READERS = ["reading_script", *ENGINES[1:3]]


@pytest.fixture
def reading_script_engine():
    return scripted(prefill_seconds=0.1)


@pytest.fixture
def reader(request):
    engine = request.getfixturevalue(f"{request.param}_engine")
    yield engine
    assert not engine.busy, "a test left a story untold"


def long_prompt(engine: Engine, title: str) -> str:
    """Nearly as long as the window."""
    text = title
    while engine.count(text + PROMPT) < WINDOW - 20:
        text += f" On day {len(text)} the bell rang."
    return text


@pytest.mark.parametrize("reader", READERS, indirect=True)
def test_a_prompt_is_read_ahead_without_a_word(reader):
    assert reader.reads_ahead
    request = reader.prefill(PROMPT)
    assert tell_all(reader) == {request: [NewText(request, "", 0, "stop")]}


@pytest.mark.parametrize("reader", READERS, indirect=True)
def test_reading_ahead_ends_where_a_reply_begins(reader):
    ahead = reader.prefill(long_prompt(reader, "Night."))
    first = reader.step()
    reply = reader.submit(PROMPT, SamplingParams(max_tokens=4))
    told = tell_all(reader)
    assert first == []
    assert told[ahead] == [NewText(ahead, "", 0, "cancelled")]
    assert sum(text.tokens for text in told[reply]) == 4


@pytest.mark.parametrize("reader", READERS, indirect=True)
def test_nothing_is_read_ahead_while_a_reply_is_told(reader):
    reply = reader.submit(PROMPT, SamplingParams(max_tokens=8, seed=3))
    ahead = reader.prefill(f"{PROMPT} Wait.")
    order = [text.request for texts in steps(reader) for text in texts if text.finish]
    assert order == [reply, ahead]


@pytest.mark.model
@pytest.mark.full
def test_what_was_read_ahead_is_found_again(llama_engine):
    prompt = long_prompt(llama_engine, "Dawn.")
    read = llama_engine.count(prompt)
    llama_engine.prefill(prompt)
    tell_all(llama_engine)
    request = llama_engine.submit(f"{prompt} You wait.", SamplingParams(max_tokens=2))
    [cached] = [each.cached for each in tell_all(llama_engine)[request] if each.cached is not None]
    assert cached >= read - 1


@pytest.mark.model
@pytest.mark.full
def test_what_was_read_before_a_reply_came_is_not_read_again(llama_engine):
    prompt = long_prompt(llama_engine, "Noon.")
    llama_engine.prefill(prompt)
    deadline = time.monotonic() + 0.5  # some steps of it
    while time.monotonic() < deadline and llama_engine.busy:
        llama_engine.step()
    request = llama_engine.submit(f"{prompt} You wait.", SamplingParams(max_tokens=2))
    [cached] = [each.cached for each in tell_all(llama_engine)[request] if each.cached is not None]
    assert cached >= 64


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
    over = bisect_right(range(room), room, key=lambda n: engine.count("word " * n + "word"))
    request = engine.submit("word " * (over - 1) + "word", SamplingParams(max_tokens=8))
    # A model may have nothing to add to so many words, and end at once.
    assert tell_all(engine)[request][-1].finish in {"stop", "length"}


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


def test_a_high_min_p_leaves_only_the_likeliest(engine):
    hot = {"max_tokens": 4, "temperature": 2, "top_p": 1, "min_p": 0.99, "repetition_penalty": 1}
    # Where the likeliest is far ahead: where two are as likely, rounding decides, and not the seed.
    letters = "A, B, C, D, E, F, G, H, I, J, K, L, M, N,"
    assert tell(engine, letters, **hot, seed=1) == tell(engine, letters, **hot, seed=2)


def test_a_story_is_stopped_where_the_model_begins_the_players_next_action(engine):
    """The engine knows no stop strings: the reply's stream sees them, and cancels."""
    request = GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="n",
        context=StoryContext(action=Passage(kind="do", action="wait")),
    )
    stream = reply_stream(request, told_by("transformers"))
    number = engine.submit(PROMPT, SamplingParams(max_tokens=100, seed=3))
    finishes = []
    for texts in steps(engine):
        for text in texts:
            stream.feed(text.text)
            finishes.append(text.finish)
            if text.text and not stream.done:  # at the first words: how long a reply is, who knows
                stream.feed("\n> You")
        if stream.done:
            engine.cancel(number)
    assert stream.done
    assert finishes[-1] == "cancelled"
    assert "> You" not in stream.told


def alone_and_beside_others(engine: Engine, prompts: list[str], **sampling: object) -> list:
    params = SamplingParams(temperature=0, **sampling)

    def begin(prompt: str) -> int:
        return engine.submit(prompt, params)

    alone = []
    for prompt in prompts:
        request = begin(prompt)
        alone.append(joined(tell_all(engine)[request]))
    requests = [begin(prompt) for prompt in prompts]
    told = tell_all(engine)
    return [alone, [joined(told[request]) for request in requests]]


@pytest.mark.parametrize("engine", TINY, indirect=True)
def test_a_story_told_beside_others_is_the_story_told_alone(engine):
    alone, beside = alone_and_beside_others(
        engine,
        [f"{PROMPT} {'Rain. ' * number}" for number in range(SLOTS)],
        max_tokens=10,
        repetition_penalty=1.3,
    )
    assert alone == beside


@pytest.mark.model
def test_no_story_gets_the_words_of_the_one_beside_it(openvino_engine):
    """In int8 and bfloat16 a near tie falls otherwise beside others; what is sure does not."""
    lines = [
        "The rain falls on the roof.\n",
        "A wolf runs over that hill.\n",
        "My lamp burns all night.\n",
        "Every door has two keys.\n",
    ]
    alone, beside = alone_and_beside_others(
        openvino_engine, [line * 20 for line in lines], max_tokens=12, repetition_penalty=1
    )
    assert alone == beside
    for line, text in zip(lines, beside, strict=True):
        assert text.startswith(line)


@pytest.mark.parametrize("engine", MODELS, indirect=True)
def test_the_repetition_penalty_changes_what_is_told(engine):
    plain, wary = (
        tell(engine, max_tokens=24, temperature=0, repetition_penalty=penalty)
        for penalty in (1.0, 2.0)
    )
    assert plain != wary


@pytest.mark.parametrize("engine", MODELS, indirect=True)
def test_penalties_for_what_a_reply_has_told_change_what_is_told(engine):
    prompts = [PROMPT, "Rain. " * 20, "The door is open. The door is"]
    told = {
        tuple(
            tell(engine, p, max_tokens=40, temperature=0, repetition_penalty=1, **penalty)
            for p in prompts
        )
        for penalty in (
            {},
            {"frequency_penalty": 1.5},
            {"presence_penalty": 2},
        )
    }
    assert len(told) == 3


# ---- with the tests' own GPT-2, whose every word is known


@pytest.mark.parametrize("engine", TINY, indirect=True)
@pytest.mark.parametrize("penalty", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("prompt", [PROMPT, "The door is", "Old tower"])
def test_the_greedy_story_is_that_of_plain_generate(engine, tiny, prompt, penalty):
    told = tell(engine, prompt, max_tokens=24, temperature=0, repetition_penalty=penalty)
    assert told == tiny_gpt2.greedy(tiny, prompt, 24, repetition_penalty=penalty)


@pytest.mark.parametrize("engine", TINY, indirect=True)
def test_a_model_is_told_no_further_than_its_positions(engine):
    assert engine.context_tokens == tiny_gpt2.POSITIONS
    with pytest.raises(ValueError, match=f"exceed {tiny_gpt2.POSITIONS}"):
        engine.submit("The door is open." * 200, SamplingParams(max_tokens=1))


@pytest.mark.parametrize("engine", TINY, indirect=True)
def test_dragons_that_span_tokens_arrive_whole(engine):
    request = engine.submit("🐉🔥" * 4, SamplingParams(max_tokens=16, temperature=0))
    texts = tell_all(engine)[request]
    assert joined(texts) == "🐉🔥🐉🔥"
    assert [text.text for text in texts if text.text] == ["🐉", "🔥", "🐉", "🔥"]


# ---- transformers


@pytest.mark.torch
def test_a_seed_is_a_story_whoever_is_told_beside_it(transformers_engine):
    """Each request draws its own luck, which openvino's do not."""
    engine = transformers_engine
    wild = {"max_tokens": 16, "temperature": 2.0, "top_p": 1}
    alone = tell(engine, **wild, seed=5)
    requests = [engine.submit(PROMPT, SamplingParams(**wild, seed=seed)) for seed in (3, 4, 5, 6)]
    told = [joined(texts) for _, texts in sorted(tell_all(engine).items())]
    assert told[requests.index(requests[2])] == alone
    assert len(set(told)) == 4


@pytest.mark.torch
def test_the_next_turn_of_a_known_story_is_not_computed_anew(transformers_engine):
    engine = transformers_engine
    cache = engine._manager.batch_processor.cache
    told = "You follow the river down through the reeds. " * 20
    tell(engine, told, max_tokens=4)
    ids = engine._encode(told + "You look up.")
    known = cache.search_prefix_match("a look", ids)
    cache.free_blocks("a look")
    assert len(ids) - 2 * 32 < known < len(ids)


@pytest.mark.torch
def test_a_fault_inside_the_library_breaks_the_engine(tiny, monkeypatch):
    from inference.engines.transformers import TransformersEngine

    engine = TransformersEngine(told_by("transformers"), tiny)
    engine.submit(PROMPT, SamplingParams(max_tokens=50))
    for _ in range(3):
        engine.step()

    def no_memory(*args, **kwargs):
        raise RuntimeError("no memory")

    monkeypatch.setattr(engine._manager.model, "forward", no_memory)
    with pytest.raises(EngineBroken, match="no memory"):
        tell_all(engine)
    engine.submit(PROMPT, SamplingParams())
    with pytest.raises(EngineBroken, match="no memory"):
        engine.step()


@pytest.mark.torch
def test_a_pickle_is_not_opened(tiny, tmp_path):
    import torch

    from inference.engines.transformers import TransformersEngine

    folder = tmp_path / "pickled"
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises((OSError, ValueError), match="safetensors"):
        TransformersEngine(told_by("transformers"), folder)


@pytest.mark.torch
def test_a_models_own_code_is_not_run(tiny, tmp_path):
    from inference.engines.transformers import TransformersEngine

    folder = tmp_path / "own-code"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.EvilConfig"}
    config["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises((OSError, ValueError)):
        TransformersEngine(told_by("transformers"), folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.torch
def test_an_adapter_changes_the_story_and_a_pickled_one_is_refused(tiny, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from inference.engines.transformers import TransformersEngine

    torch.manual_seed(1)
    config = LoraConfig(
        r=4, target_modules=["c_attn"], fan_in_fan_out=True, init_lora_weights=False
    )
    base = AutoModelForCausalLM.from_pretrained(tiny)
    adapted = get_peft_model(base, config)
    adapted.save_pretrained(tmp_path / "lora")
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    shutil.copy(tiny / "tokenizer.json", tmp_path / "merged")
    shutil.copy(tiny / "tokenizer_config.json", tmp_path / "merged")
    engine = TransformersEngine(told_by("transformers"), tiny, tmp_path / "lora")
    told = tell(engine, max_tokens=12, temperature=0, repetition_penalty=1)
    engine.close()
    assert told == tiny_gpt2.greedy(tmp_path / "merged", PROMPT, 12)
    assert told != tiny_gpt2.greedy(tiny, PROMPT, 12)

    (tmp_path / "lora" / "adapter_model.safetensors").unlink()
    torch.save({}, tmp_path / "lora" / "adapter_model.bin")
    with pytest.raises(ValueError, match=r"no adapter_model\.safetensors"):
        TransformersEngine(told_by("transformers"), tiny, tmp_path / "lora")


@pytest.mark.torch
def test_a_device_that_is_not_there_is_named(tiny):
    from inference.engines.transformers import pick_device

    with pytest.raises(ValueError, match="no 'gpu'"):
        pick_device("gpu")
    with pytest.raises(ValueError, match="cuda:99"):
        pick_device("cuda:99")


@pytest.mark.torch
@pytest.mark.parametrize(
    "sampling",
    [
        {"temperature": 1},
        {"temperature": 0.7, "top_k": 5},
        {"temperature": 1.3, "top_p": 0.8},
        {"temperature": 1, "min_p": 0.1},
        {"temperature": 0.9, "top_k": 40, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.4},
    ],
    ids=str,
)
@pytest.mark.parametrize("vocabulary", [300, 3000])
def test_what_may_be_chosen_and_how_often_is_what_transformers_says(sampling, vocabulary):
    """Its own processors are the reference; draws laid evenly show each token's share."""
    torch = pytest.importorskip("torch", reason="torch is not installed (make test-torch)")
    from transformers import LogitsProcessorList
    from transformers.generation import logits_process

    from inference.engines.batch_sampler import sample, with_repetition_penalty

    torch.manual_seed(0)
    scores = 3 * torch.randn(1, vocabulary)
    params = SamplingParams(**{"top_p": 1, "repetition_penalty": 1, **sampling})
    before = torch.randint(vocabulary, (1, 40))
    of = logits_process
    reference = LogitsProcessorList(
        [of.RepetitionPenaltyLogitsProcessor(params.repetition_penalty)]
        + [of.TemperatureLogitsWarper(params.temperature)]
        + ([of.TopKLogitsWarper(params.top_k)] if params.top_k else [])
        + ([of.TopPLogitsWarper(params.top_p)] if params.top_p < 1 else [])
        + ([of.MinPLogitsWarper(params.min_p)] if params.min_p else [])
    )
    wanted = reference(before, scores.clone()).softmax(-1)[0]
    draws = 1024
    seen = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, before, True)
    each = torch.ones(draws)
    moved = with_repetition_penalty(scores, seen, torch.tensor([params.repetition_penalty]))
    chosen = sample(
        moved.expand(draws, -1),
        temperature=each * params.temperature,
        top_k=(each * params.top_k).long(),
        top_p=each * params.top_p,
        min_p=each * params.min_p,
        draw=(torch.arange(draws) + 0.5) / draws,
    )
    found = torch.bincount(chosen, minlength=vocabulary) / draws
    assert (found - wanted).abs().max() < 1.5 / draws
    assert not (found[wanted == 0]).any()


@pytest.mark.torch
def test_only_what_the_reply_itself_has_told_wears_out(tiny):
    """Once for having been told, and once more for each time; the prompt's own words do not."""
    torch = pytest.importorskip("torch", reason="torch is not installed (make test-torch)")

    from inference.engines.batch_sampler import with_count_penalties

    told = torch.tensor([[0, 1, 3], [0, 1, 3]])
    scores = with_count_penalties(
        torch.zeros(2, 3), told, frequency=torch.tensor([0.5, 0]), presence=torch.tensor([0, 2.0])
    )
    assert scores.tolist() == [[0, -0.5, -1.5], [0, -2, -2]]


@pytest.mark.torch
def test_a_penalty_for_frequency_wears_out_a_loop(transformers_engine):
    """The tiny model repeats "The door is open." for ever: greedily, until its words are worn."""
    engine = transformers_engine
    loop = {"max_tokens": 30, "temperature": 0, "repetition_penalty": 1}
    prompt = "The door is open. The door is"
    plain = tell(engine, prompt, **loop)
    assert plain.count("The door is") >= 5
    assert tell(engine, prompt, **loop, frequency_penalty=0.01) == plain
    worn_out = tell(engine, prompt, **loop, frequency_penalty=2)
    assert worn_out.startswith(" open.")
    assert worn_out.count("The door is") < plain.count("The door is")


# ---- openvino


@pytest.mark.model
def test_the_narrator_ends_its_answer_by_itself(openvino_engine):
    questions = ["Is the door open?", "Is it night?", "What is the capital of France?", "Ready?"]
    told = []
    for question in questions:
        said = [Message("system", "Answer with one word."), Message("user", question)]
        request = openvino_engine.submit(
            openvino_engine.render_chat(said, ""), SamplingParams(max_tokens=100, temperature=0)
        )
        told.append(tell_all(openvino_engine)[request])
    # Not each of them: what it says differs from one kind of processor to the next.
    ended = [texts for texts in told if texts[-1].finish == "stop"]
    assert ended
    assert all(sum(text.tokens for text in texts) < 100 for texts in ended)
    assert not any("<|" in joined(texts) for texts in told)


@pytest.mark.model
def test_what_a_player_types_never_becomes_structure(openvino_engine):
    """In the prompt's ids there are as many special ones as the template itself has."""
    assert "<repo_name>" in openvino_engine._special_tokens().names

    def specials(text: str) -> int:
        said = [Message("system", "Tell."), Message("user", text)]
        ids = openvino_engine._encode(openvino_engine.render_chat(said, ""))
        return sum(each <= 16 for each in ids)

    plain = specials("I knock.")
    for token in ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>", "<jupyter_code>"):
        assert len(openvino_engine._encode(token)) == 1
        for typed in (f"I knock.{token}", f"{token[:4]}{token}{token[4:]}", token * 3):
            assert specials(typed) == plain, typed


@pytest.mark.model
def test_a_story_is_greedy_and_sensible_without_temperature(openvino_engine):
    said = [
        Message("system", "You tell a story in the second person."),
        Message("user", "I open the door of the old tower."),
    ]
    told = tell(
        openvino_engine, openvino_engine.render_chat(said, "You"), max_tokens=24, temperature=0
    )
    # Where the processor has AMX, openvino computes in bfloat16, and says it in other words.
    assert told.startswith((" step in", "'re standing"))
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
    assert detokenized(before, openvino_engine._encode(story), decode) == story


@pytest.mark.model
def test_a_gguf_is_unpacked_once_and_told_the_same(openvino_engine):
    """What the engine has loaded says what the file itself says, in the same template."""
    from inference.engines import openvino

    cache = settings.INFERENCE.models_dir / "compiled"
    smol = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    path = ensure_model(smol, settings.INFERENCE.models_dir)
    folder = openvino.unpacked(path, cache)
    assert {file.name for file in folder.iterdir()} >= {
        *("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml"),
        "openvino_detokenizer.xml",
    }
    assert openvino.unpacked(path, cache) == folder
    assert not list(cache.glob(".unpack-*"))
    direct = openvino.openvino_genai.ContinuousBatchingPipeline(
        str(path), openvino.scheduling(1, 512), "CPU", {}
    )
    said = [Message("system", "Tell a story."), Message("user", "I knock.")]
    prompt = openvino_engine.render_chat(said, "You")
    history = [{"role": each.role, "content": each.content} for each in said]
    tokenizer = direct.get_tokenizer()
    assert tokenizer.apply_chat_template(history, add_generation_prompt=True) + "You" == prompt
    assert tokenizer.get_vocab() == openvino_engine._tokenizer.get_vocab()
    greedy = {"max_tokens": 12, "temperature": 0, "repetition_penalty": 1}
    generation = openvino_engine._generation(SamplingParams(**greedy))
    generation.apply_chat_template = False  # the prompt is in it already
    [told] = direct.generate([prompt], [generation])
    assert told.m_generation_ids[0] == tell(openvino_engine, prompt, **greedy)


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


FREED_ON_ANOTHER_THREAD = """
import gc, os, pathlib, signal, sys, threading
from inference.engines.openvino import OpenVinoEngine
from inference.narrators import Narrator

narrator, *paths = sys.argv[1:]
engines = [OpenVinoEngine(Narrator.model_validate_json(narrator), *map(pathlib.Path, paths))]

def free():
    engines.clear()
    gc.collect()

thread = threading.Thread(target=free)
thread.start()
thread.join()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.model
def test_ctrl_c_is_heard_after_an_engine_was_freed_on_another_thread():
    """As the garbage collector does, which runs on any thread. It ended the process (SIGSEGV)."""
    narrator, *paths = smol_for_openvino()
    done = subprocess.run(
        [sys.executable, "-c", FREED_ON_ANOTHER_THREAD, narrator.model_dump_json(), *paths],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_openvino_reports_to_nobody():
    importlib.import_module("inference.engines.openvino")  # before anything else of openvino
    telemetry_utils = importlib.import_module("openvino.tools.ovc.telemetry_utils")
    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
    assert sys.modules["openvino_telemetry"] is None


# ---- text as it grows, with a tokenizer of bytes


def detokenized(before: list[int], ids: list[int], decode) -> str:
    """What `ids` say, one at a time."""
    detokenizer = Detokenizer(before, decode(before))
    said = []
    for place, token in enumerate(ids):
        detokenizer.add([token])
        said.append(detokenizer.new_text(decode(detokenizer.window), last=place == len(ids) - 1))
        if detokenizer.is_long:
            detokenizer.set_text(decode(detokenizer.shorten()))
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
    assert detokenized(list(b"You see"), list(story.encode()), decode) == story


def test_half_a_character_at_the_end_is_left_out():
    half = list("a dragon: 🐉".encode())[:-1]
    assert detokenized([], half, DECODERS["half characters are marked"]) == "a dragon: "


def test_bytes_that_are_no_text_do_not_hold_back_what_follows():
    ids = [0x9F] * 30 + list(b" and then")
    assert detokenized([], ids, DECODERS["half characters are marked"]).endswith(" and then")


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
    assert 0.08 < time.monotonic() - began < 10


def test_the_script_can_echo_and_can_break():
    assert tell(scripted(echo=True), "a b c") == "a b c"
    engine = scripted(error_after_tokens=3)
    engine.submit(PROMPT, SamplingParams())
    with pytest.raises(EngineBroken):
        tell_all(engine)


def test_the_script_refuses_an_option_it_does_not_know():
    with pytest.raises(ValueError, match="crash_after"):
        scripted(crash_after=3)
