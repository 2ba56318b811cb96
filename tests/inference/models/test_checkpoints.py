"""A GPT-2 checkpoint from pull to play, with both engines that can tell one."""

import shutil

import pytest
from django.core.management import CommandError, call_command

from inference.config import InferenceConfig
from inference.engines.process import EngineProcess
from inference.lab.shapes import make
from inference.models.export import ENVIRONMENT, environment
from inference.models.records import Record, digest_of, size_of
from inference.models.store import ModelError, ensure_model, model_path
from inference.narrators import Narrator
from tests import tiny_gpt2
from tests.inference.engines.test_engine_process import Audience, request
from tests.inference.models.test_hub import COMMIT, server  # noqa: F401  the fixture

pytestmark = pytest.mark.torch


@pytest.fixture
def house(tmp_path, settings):
    """A narrators file and a folder of models; the environment that exports is the real one."""
    models = tmp_path / "models"
    models.mkdir()
    if environment(settings.INFERENCE.models_dir) is not None:
        (models / ENVIRONMENT).symlink_to(settings.INFERENCE.models_dir / ENVIRONMENT)
    file = tmp_path / "n.yaml"
    settings.INFERENCE = InferenceConfig(
        redis_url="redis://127.0.0.1:1", narrators_file=file, models_dir=models
    )

    def write(**entry):
        sampling = "{max_tokens: 20, temperature: 0.7}"
        words = "".join(f", {key}: '{value}'" for key, value in entry.items())
        file.write_text(f"narrators: [{{name: gpt, line: x, sampling: {sampling}{words}}}]")
        return models

    return write


def exporting(models):
    if environment(models) is None:
        pytest.skip("there is no environment that exports (make test-torch)")


def test_a_checkpoint_on_the_hub_is_pulled_and_told(house, tiny, server, capsys):  # noqa: F811
    server.files = {path.name: path.read_bytes() for path in tiny.iterdir()}
    models = house(engine="transformers", model="hf:org/gpt")
    call_command("narrators", "pull", "gpt")
    assert "gpt loads" in capsys.readouterr().out
    gpt = Narrator(name="gpt", line="x", engine="transformers", model="hf:org/gpt")
    path = model_path(gpt, models)
    assert COMMIT in next(models.glob("*.json")).read_text()
    server.asked.clear()
    call_command("narrators", "check", "gpt")
    said = capsys.readouterr().out
    assert "gpt2 family" in said and "tokens in" in said and "a second in the last" in said
    assert not server.asked, "what is here is asked of nobody"
    (path / "model.safetensors").unlink()  # first: what an engine has mapped is not written over
    (path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(CommandError, match="narrators pull gpt"):
        call_command("narrators", "check", "gpt")


def test_a_checkpoint_becomes_an_ir_that_says_what_the_checkpoint_says(house, tiny, capsys):
    models = house(engine="openvino", model=tiny)
    exporting(models)
    call_command("narrators", "pull", "gpt")
    said = capsys.readouterr().out
    assert "gpt2 family" in said and "openvino (" in said and "gpt says what it should" in said
    call_command("narrators", "check", "gpt")
    assert "tokens in" in capsys.readouterr().out

    # One that says something else is found out, though its files are those of its record.
    note = next(models.glob("*/reference.json"))
    note.unlink()
    note.write_text('{"prompt": "The door is", "text": " shut and nobody has the key."}')
    with pytest.raises(CommandError, match="narrators pull gpt"):
        call_command("narrators", "check", "gpt")
    note = next(models.glob("*.json"))
    record = Record.model_validate_json(note.read_text())
    ir = models / record.file
    changed = {"sha256": digest_of(ir), "size": size_of(ir)}
    note.write_text(record.model_copy(update=changed).model_dump_json())
    with pytest.raises(CommandError, match="not read as they are meant"):
        call_command("narrators", "pull", "gpt")


def test_an_export_that_fails_leaves_nothing_half_made(house, tiny, tmp_path):
    models = house(engine="openvino", model="x")
    exporting(models)
    odd = tmp_path / "odd"
    shutil.copytree(tiny, odd)
    (odd / "tokenizer.json").write_text("{}")
    gpt = Narrator(name="gpt", line="x", engine="openvino", model=str(odd))
    with pytest.raises(ModelError, match="the export of odd failed"):
        ensure_model(gpt, models)
    there = {path.name for path in models.iterdir()}
    locks = {name for name in there if name.endswith(".lock")}
    assert there - locks == {ENVIRONMENT} and len(locks) == 1


def told_in_a_process(folder, models, audience, count):
    """Have a process of its own begin `count` stories; the process."""
    gpt = Narrator(name="gpt", line="x", engine="transformers", model=str(folder), context=2048)
    config = InferenceConfig(redis_url="", narrators_file=models, models_dir=models)
    process = EngineProcess(gpt, config, audience.on_step, audience.on_prompt, audience.on_death)
    process.start()
    assert process.wait_ready(120).context_tokens == tiny_gpt2.POSITIONS
    for number in range(count):
        process.submit(number, request(f"open door {number}"))
    return process


def test_a_model_loads_without_a_word_among_the_workers_lines(tiny, capfd):
    import torch

    from inference.engines.transformers import load_model

    load_model(tiny, torch.device("cpu"), torch.float32, "sdpa")
    assert capfd.readouterr() == ("", "")


def test_a_process_of_its_own_tells_eight_stories(tiny, tmp_path):
    audience = Audience()
    process = told_in_a_process(tiny, tmp_path, audience, 8)
    audience.wait_for_end(*range(8))
    assert all(audience.reply(number) for number in range(8))
    process.stop(timeout=5)
    assert not audience.deaths


def test_the_process_ends_when_the_librarys_loop_does(tiny, tmp_path):
    """Its model has fewer words than its tokenizer: a number beyond them ends the loop."""
    fewer = tmp_path / "fewer"
    make(fewer, tiny_gpt2.SHAPE._replace(vocabulary=280))
    shutil.copy(tiny / "tokenizer.json", fewer)
    audience = Audience()
    process = told_in_a_process(fewer, tmp_path, audience, 1)
    audience.wait(lambda: audience.deaths)
    assert "continuous batching ended" in audience.deaths[0]
    assert not process.alive
