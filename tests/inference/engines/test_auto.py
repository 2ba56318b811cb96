"""`engine: auto`: which engine that is for a model, and why."""

import pickle

import pytest
from django.core.management import CommandError, call_command

from inference.engines import auto as choice
from inference.narrators import Narrator, NarratorsError, load_narrators, parse_narrators
from tests.inference.models.test_lora import a_llama


def auto(model) -> Narrator:
    return Narrator(name="any", line="", engine="auto", model=model)


def test_a_gguf_is_for_llama_wherever_it_comes_from():
    for model in (
        "bard.Q4_K_M.gguf",
        "hf:org/repo@main/bard-Q8_0.gguf",
        "pypi:bard==1/bard/BARD.GGUF",
        "pypi:part{1..2}==1/data/part{01..02}.bin",
    ):
        assert auto(model).engine == "llama", model
    assert "keeps its weights as they are" in auto("bard.gguf").engine_reason


def test_a_checkpoint_is_for_openvino():
    for model in ("my-gpt2", "hf:openai-community/gpt2", "hf:org/name@main"):
        assert auto(model).engine == "openvino", model


def test_a_processor_that_llama_cannot_use_takes_openvino(monkeypatch):
    monkeypatch.setattr(choice, "lacks", lambda needed: ("avx2",))
    assert auto("bard.gguf").engine == "openvino"
    assert "wants AVX2" in auto("bard.gguf").engine_reason


def test_the_choice_is_an_engine_like_any_other():
    """Another process gets the same narrator, and its revision does not depend on who chose."""
    chosen = auto("bard.gguf")
    assert chosen.fingerprint == chosen.model_copy(update={"engine_reason": ""}).fingerprint
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    assert Narrator.model_validate(chosen.model_dump()).engine == "llama"


def test_auto_without_a_model_names_the_line():
    with pytest.raises(NarratorsError, match="line 2: `engine: auto` wants a model"):
        parse_narrators("narrators:\n- {name: x, line: y, engine: auto}\n", "n.yaml")


def test_a_reason_is_not_for_the_file():
    text = "narrators:\n- {name: x, line: y, engine: scripted, engine_reason: because}\n"
    with pytest.raises(NarratorsError, match="engine_reason is not a setting that narrators know"):
        parse_narrators(text, "n.yaml")


def test_check_says_which_engine_and_why(tmp_path, settings, capsys):
    from dataclasses import replace

    model = a_llama(tmp_path / "m.gguf")
    file = tmp_path / "narrators.yaml"
    file.write_text(
        "narrators:\n- {name: any, line: y, engine: auto, slots: 1, context: 256, "
        f"model: {model}, options: {{threads: 1}}}}\n"
    )
    settings.INFERENCE = replace(
        settings.INFERENCE, narrators_file=file, models_dir=tmp_path / "models"
    )
    assert load_narrators(file).default.engine == "llama"
    call_command("narrators", "pull", "any")
    try:
        call_command("narrators", "check", "any")
    except CommandError as error:  # what so small a model tells is no matter here
        assert "left a reply empty" in str(error)
    assert "engine: auto is llama: it reads every family" in capsys.readouterr().out
