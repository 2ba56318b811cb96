"""Settings of how words are chosen: that they do something, and that nobody ignores one silently.

With the built-in narrator's own file, told by llama.cpp.
"""

import pytest
from django.conf import settings
from pydantic import ValidationError

from inference.contract.sampling import SamplingParams
from inference.engines.abilities import ignored_by
from inference.engines.bans import BanningEngine
from inference.engines.openai.dialects import (
    KOBOLDCPP,
    LLAMA_SERVER,
    OLLAMA,
    VLLM,
    ignored_settings,
    sampling_fields,
)
from inference.models.store import ensure_model
from inference.narrators import Narrator, load_narrators, parse_narrators
from inference.reply.phrases import Phrases, Watch

PROMPT = "You open the door of the old mill and look around. On the table"
LIST = "The bell rings, and the bell rings, and the bell rings, and the bell"
GREEDY = {"temperature": 0, "repetition_penalty": 1, "max_tokens": 24}
EVERY = SamplingParams(
    typical_p=0.9,
    dry_multiplier=0.8,
    xtc_probability=0.5,
    logit_bias={"lamp": -5},
    repetition_penalty=1,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from inference.engines.llama import LlamaEngine

    narrator = load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")
    path = ensure_model(narrator, settings.INFERENCE.models_dir)
    given = {"slots": 2, "context": 512, "engine": "llama", "options": {"threads": 1}}
    folder = tmp_path_factory.mktemp("llama", numbered=True)
    given["adapter"] = ""
    return BanningEngine(LlamaEngine(narrator.model_copy(update=given), path, folder))


def tell(engine, prompt=PROMPT, **sampling):
    number = engine.submit(prompt, SamplingParams(**{**GREEDY, **sampling}))
    said, banned = "", []
    while engine.busy:
        for new in engine.step():
            assert new.request == number
            assert new.finish != "error", new.error
            said += new.text
            banned += new.banned
    return said, banned


@pytest.mark.model
def test_dry_breaks_off_what_the_prompt_repeats(engine):
    plain, _ = tell(engine, LIST, max_tokens=4)
    assert plain.startswith(" rings")
    dry, _ = tell(engine, LIST, max_tokens=4, dry_multiplier=2)
    assert not dry.startswith(" rings")
    # No repetition goes on beyond a breaker, so there is none here.
    broken, _ = tell(engine, LIST, max_tokens=4, dry_multiplier=2, dry_breakers=("bell",))
    assert broken == plain


@pytest.mark.model
def test_xtc_leaves_out_what_is_likeliest(engine):
    plain, _ = tell(engine)
    warm = {"temperature": 0.01, "seed": 7, "max_tokens": 6}
    likeliest, _ = tell(engine, **warm)
    assert plain.startswith(likeliest)
    other, _ = tell(engine, **warm, xtc_probability=1, xtc_threshold=0.02)
    assert other != likeliest
    never, _ = tell(engine, **warm, xtc_probability=1, xtc_threshold=1)
    assert never == likeliest


@pytest.mark.model
def test_a_bias_makes_a_word_likelier_or_keeps_it_away(engine):
    plain, _ = tell(engine)
    word = plain.split()[0]
    without, _ = tell(engine, logit_bias={word: -100})
    assert word not in without.split()
    only, _ = tell(engine, logit_bias={"dragon": 100}, max_tokens=1)
    assert only == " dragon"


@pytest.mark.model
def test_typical_sampling_leaves_out_what_is_not_to_be_expected(engine):
    hot = {"temperature": 3, "seed": 5}
    assert tell(engine, **hot)[0] != tell(engine, **hot, typical_p=0.1)[0]


@pytest.mark.model
def test_a_banned_phrase_is_told_otherwise_by_the_real_model(engine):
    plain, _ = tell(engine)
    words = plain.split()
    phrase = " ".join(words[2:5])
    told, banned = tell(engine, banned=(phrase,))
    assert banned[0] == phrase
    watch = Watch(Phrases((phrase,)))
    assert (watch.hear(told) or watch.end()) is None
    # The words before it stay, and what follows is another token than the one that began it.
    assert told.startswith(plain[: plain.index(words[2])].rstrip())
    assert told.split()[2] != words[2]
    assert len(told.split()) > 4


@pytest.mark.model
def test_a_reply_that_goes_back_finds_its_prompt_read(engine):
    """It goes on in the slot that knows it: only the last tokens are computed anew."""
    prompt = PROMPT + " and on the floor and on the chairs and on the shelves" * 12 + ", there is"
    plain, _ = tell(engine, prompt)
    phrase = " ".join(plain.split()[1:3]).strip(".,")
    seen = []
    inner = engine.engine
    usual = inner._server.handle_completions

    def watched(body, on_event):
        def heard(event):
            if "prompt_progress" in event:
                progress = event["prompt_progress"]
                seen.append(progress["total"] - progress["cache"])
            return on_event(event)

        return usual(body, heard)

    inner._runner._server = type("Server", (), {"handle_completions": staticmethod(watched)})()
    _, banned = tell(engine, prompt, banned=(phrase,))
    assert banned
    assert inner.count(prompt) > 150
    assert max(seen) < 20  # in the other slot it would be all of them


@pytest.mark.model
def test_a_real_server_takes_what_it_is_sent_and_tells_no_banned_phrase(llama):
    from inference.engines.openai import OpenAIEngine

    far = Narrator(name="far", line="", engine="openai", model=llama, slots=2, context=512)
    engine = BanningEngine(OpenAIEngine(far))
    try:
        plain, _ = tell(engine)
        never, _ = tell(engine, logit_bias={plain.split()[0]: -100})
        assert plain.split()[0] not in never.split()
        dry, _ = tell(engine, LIST, max_tokens=4, dry_multiplier=2)
        assert not dry.startswith(" rings")
        every = EVERY.model_dump(exclude={"max_tokens", "temperature"})
        assert tell(engine, **{**every, "max_tokens": 4, "temperature": 1})[0]
        assert engine.ignores(EVERY) == ()
        phrase = " ".join(plain.split()[1:3]).strip(".,")
        told, banned = tell(engine, banned=(phrase,))
        assert banned
        watch = Watch(Phrases((phrase,)))
        assert (watch.hear(told) or watch.end()) is None
    finally:
        engine.engine.close()


# ---- who knows what


def test_an_engine_that_knows_a_setting_less_says_so():
    assert ignored_by("llama", EVERY) == ()
    every = ("typical_p", "dry", "xtc", "logit_bias")
    assert ignored_by("openvino", EVERY) == ignored_by("transformers", EVERY) == every
    off = SamplingParams(dry_multiplier=0, xtc_probability=0, repetition_penalty=1)
    assert ignored_by("openvino", off) == ()


@pytest.mark.parametrize(
    ("engine", "more"),
    [("openvino", "model: some.gguf"), ("transformers", "model: some")],
)
def test_a_host_who_asks_an_engine_for_more_is_told_the_line(engine, more):
    text = f"""
narrators:
  - name: bard
    line: Tells.
    engine: {engine}
    {more}
    sampling: {{xtc_probability: 0.5, dry_multiplier: 0.8}}
"""
    with pytest.raises(Exception, match="does not know DRY, XTC") as problem:
        parse_narrators(text, "n.yaml")
    assert "n.yaml, line 3" in str(problem.value)
    parse_narrators(text.replace(f"engine: {engine}", "engine: llama"), "n.yaml")


def test_servers_are_sent_what_they_know_in_their_own_words():
    fields = sampling_fields(EVERY, LLAMA_SERVER)
    assert fields["dry_multiplier"] == 0.8
    assert fields["xtc_probability"] == 0.5
    assert fields["typical_p"] == 0.9
    assert fields["logit_bias"] == [[" lamp", -5.0]]
    assert sampling_fields(EVERY, KOBOLDCPP)["typical"] == 0.9
    for dialect in (VLLM, OLLAMA):
        assert not any(name.startswith(("dry", "xtc")) for name in sampling_fields(EVERY, dialect))


def test_what_a_server_does_not_know_or_refuses_is_said():
    assert ignored_settings(EVERY, LLAMA_SERVER, set()) == ()
    assert ignored_settings(EVERY, LLAMA_SERVER, {"xtc_probability"}) == ("xtc",)
    assert ignored_settings(EVERY, VLLM, set()) == ("typical_p", "dry", "xtc", "logit_bias")
    asked = SamplingParams(top_k=5, min_p=0.1, repetition_penalty=1.2)
    assert ignored_settings(asked, OLLAMA, set()) == ("top_k", "min_p", "repetition_penalty")


def test_check_says_what_a_narrator_does_not_know():
    from game.management.commands.narrators import sampling_lines

    class Known:
        continues = False

        def ignores(self, sampling):
            return ignored_by("openvino", sampling)

    bard = Narrator(name="bard", line="", engine="scripted", sampling={"banned": ["the lamp"]})
    assert sampling_lines(bard, Known()) == [
        "sampling: it does not know stop strings, typical-p, DRY, XTC, logit bias",
        "banned phrases: 1; a reply ends before one, as its server cannot go on",
    ]
    wild = bard.model_copy(update={"sampling": EVERY})
    assert sampling_lines(wild, Known())[1].endswith("no effect: typical-p, DRY, XTC, logit bias")


def test_worn_phrases_are_left_out_where_a_narrator_says_so():
    plain = Narrator(name="bard", line="", engine="scripted")
    assert not plain.sampling.worn
    for sampling in ({}, {"temperature": 0.5}, SamplingParams(temperature=0.5)):
        bard = Narrator(name="bard", line="", engine="scripted", bans="worn", sampling=sampling)
        assert bard.sampling.worn
    shipped = load_narrators(settings.BASE_DIR / "config" / "narrators.yaml")
    assert shipped.get("smol").sampling.worn


@pytest.mark.parametrize(
    "wrong",
    [
        {"typical_p": 0},
        {"dry_multiplier": 6},
        {"dry_base": 0.5},
        {"dry_multiplier": 1, "dry_breakers": ()},
        {"dry_breakers": ("",)},
        {"xtc_probability": 1.5},
        {"logit_bias": {"lamp": 101}},
        {"logit_bias": {" ": 1}},
        {"logit_bias": {f"word{number}": 1 for number in range(65)}},
        {"logit_bias": {"x" * 61: 1}},
        {"logit_bias": {"lamp": float("nan")}},
    ],
)
def test_settings_keep_to_their_range(wrong):
    with pytest.raises(ValidationError):
        SamplingParams(**wrong)
