"""Training, from samples to a narrator, on a GPT-2 that learns in seconds."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from inference.config import InferenceConfig
from tests.inference.finetune.test_corpus import SHIPPED

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]
ROOT = SHIPPED.parent.parent
WINDOW = 384
FILES = ("the-nine-forty-three", "no-refunds", "bad-quell", "sign-for-it")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A GPT-2 of the tests' size with random weights, and words of the corpus in its tokenizer."""
    from inference.lab.shapes import Shape, make, make_tokenizer

    folder = tmp_path_factory.mktemp("gpt2")
    shape = Shape(layers=2, heads=4, width=64, vocabulary=1200, positions=512)
    make(folder, shape)
    make_tokenizer(folder, shape, "\n".join((SHIPPED / f"{f}.txt").read_text() for f in FILES))
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for file in FILES:
        shutil.copy(SHIPPED / f"{file}.txt", folder)
    return folder


@pytest.fixture
def house(tmp_path, settings, base, corpus):
    """Runs stages with a recipe, in folders of the test's own."""
    settings.INFERENCE = InferenceConfig(
        redis_url="", narrators_file=ROOT / "narrators.yaml", models_dir=tmp_path / "models"
    )
    return House(tmp_path, base, corpus)


class House:
    def __init__(self, folder: Path, base: Path, corpus: Path) -> None:
        self.folder = folder
        self.recipe = {
            "base": str(base),
            "prepare": {"corpus": [str(corpus)], "window": WINDOW, "held_out": 0.3},
            "train": {
                **{"method": "full", "epochs": 3, "learning_rate": 3e-3, "rows_a_step": 2},
                **{"threads": 1, "device": "cpu", "evaluations": 2},
            },
            "evaluate": {"seeds": 0, "plays": 0, "turns": 0},
            "export": {"name": "tiny", "line": "It is small."},
        }

    def __getitem__(self, name: str) -> Path:
        return self.folder / name

    def write(self) -> Path:
        (self["params.yaml"]).write_text(yaml.safe_dump(self.recipe))
        return self["params.yaml"]

    def run(self, do: str, *more: str) -> str:
        said = StringIO()
        call_command("finetune", do, "--recipe", str(self.write()), *more, stdout=said)
        return said.getvalue()

    def prepare(self) -> str:
        return self.run("prepare", "--out", str(self["samples"]))

    def train_arguments(self) -> list[str]:
        return ["--samples", str(self["samples"]), "--out", str(self["run"])]

    def train(self, *more: str) -> str:
        return self.run("train", *self.train_arguments(), *more)

    @property
    def metrics(self) -> dict:
        return json.loads((self["run"] / "metrics.json").read_text())


@pytest.fixture
def prepared(house):
    house.prepare()
    return house


def test_a_whole_model_learns_and_says_how_it_goes(prepared):
    said = prepared.train("--metrics", str(prepared["m.json"]), "--curve", str(prepared["c.csv"]))
    lines = said.splitlines()
    assert any("memory: about" in line and "there is" in line for line in lines)
    first = next(index for index, line in enumerate(lines) if line.startswith("step 1 of"))
    assert "memory: about" in "".join(lines[:first]), "before it begins"
    assert "tokens/s" in lines[first] and "left" in lines[first]
    found = json.loads(prepared["m.json"].read_text())
    assert found["held_out_loss"] < found["held_out_loss_before"] - 0.5
    steps = list(csv.DictReader(prepared["c.csv"].open()))
    assert float(steps[-1]["loss"]) < float(steps[0]["loss"])
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        path.name for path in (prepared["run"] / "model").iterdir()
    }
    assert not list(prepared["run"].rglob("*.bin")) or not list(
        (prepared["run"] / "model").glob("*.bin")
    ), "no pickle among what is kept"


def test_an_adapter_learns_and_is_small(prepared):
    prepared.recipe["train"] |= {
        **{"method": "lora", "lora": {"rank": 4}, "learning_rate": 0.02, "epochs": 5},
    }
    said = prepared.train()
    assert "of which 0.0M learn" in said
    assert prepared.metrics["held_out_loss"] < prepared.metrics["held_out_loss_before"] - 0.1
    adapter = prepared["run"] / "adapter"
    assert (adapter / "adapter_model.safetensors").stat().st_size < 100_000


def test_samples_of_one_row_do_not_see_each_other(base):
    """The loss of a row is that of its samples, each told by itself."""
    import torch

    from inference.finetune.training.checkpoint import load_base
    from inference.finetune.training.measuring import batch_of, summed_loss
    from inference.finetune.training.packing import NOT_LEARNT, Row, pack

    torch.manual_seed(1)
    model = load_base(base, torch.float32).eval()
    rows = []
    for length in (40, 25, 60):
        tokens = torch.randint(5, 1000, (length,)).tolist()
        rows.append(Row(tokens, [NOT_LEARNT] * 10 + tokens[10:], list(range(length))))
    apart = [summed_loss(model, batch_of([row])) for row in rows]
    for packed in (pack(rows, 130), rows):
        together, tokens = summed_loss(model, batch_of(packed))
        assert tokens == sum(count for _, count in apart)
        assert torch.allclose(together, sum(loss for loss, _ in apart), rtol=1e-4)


def test_only_what_is_to_be_learnt_counts(base):
    """The loss is transformers' own for the same labels."""
    import torch

    from inference.finetune.training.checkpoint import load_base
    from inference.finetune.training.measuring import batch_of, mean_loss
    from inference.finetune.training.packing import NOT_LEARNT, Row

    model = load_base(base, torch.float32).eval()
    tokens = torch.randint(5, 1000, (50,)).tolist()
    labels = [NOT_LEARNT] * 20 + tokens[20:30] + [NOT_LEARNT] * 10 + tokens[40:]
    row = Row(tokens, labels, list(range(50)))
    batch = batch_of([row])
    right = model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
    assert mean_loss(model, [row]) == pytest.approx(float(right), rel=1e-4)


# ---- what breaks off goes on


def spawn(house) -> subprocess.Popen:
    environ = {**os.environ, "MODELS_DIR": str(house["models"]), "DATA_DIR": str(house["data"])}
    command = [sys.executable, "manage.py", "finetune", "train", "--recipe", str(house.write())]
    return subprocess.Popen(
        [*command, *house.train_arguments()], cwd=ROOT, env=environ, stdout=subprocess.PIPE
    )


def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(prepared):
    prepared.recipe["train"] |= {"epochs": 4, "evaluations": 4}
    killed = spawn(prepared)
    deadline = time.monotonic() + 300
    while not list((prepared["run"] / "checkpoints").glob("checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    # What a kill in the middle of a checkpoint leaves behind.
    (prepared["run"] / "checkpoints" / "checkpoint-9999").mkdir()
    said = prepared.train()
    assert "going on from step" in said
    went_on = prepared.metrics
    shutil.rmtree(prepared["run"])
    assert "going on" not in prepared.train()
    assert went_on["steps"] == prepared.metrics["steps"]
    assert went_on["held_out_loss"] == pytest.approx(prepared.metrics["held_out_loss"], abs=0.02)


def test_another_recipe_begins_anew(prepared):
    prepared.train()
    prepared.recipe["train"]["seed"] = 8
    assert "going on" not in prepared.train()


def test_it_ends_when_what_is_held_out_gets_no_better(prepared):
    prepared.recipe["train"] |= {"epochs": 60, "learning_rate": 0.02, "patience": 1}
    prepared.train()
    found = prepared.metrics
    assert found["best_step"] < found["steps"] < 60 * 4


# ---- what goes wrong, in one line


def refused(house, do="train") -> str:
    with pytest.raises(CommandError) as caught:
        house.train() if do == "train" else house.prepare()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(prepared, monkeypatch):
    import torch

    from inference.finetune.training import run

    real, calls = run.summed_loss, []

    def sick(model, batch):
        calls.append(1)
        loss, tokens = real(model, batch)
        return (loss * torch.nan if len(calls) > 9 else loss), tokens

    prepared.recipe["train"]["evaluations"] = 4
    monkeypatch.setattr(run, "summed_loss", sick)
    said = refused(prepared)
    assert "the loss is no number in step 5: try a smaller learning_rate" in said
    assert "the last good checkpoint is" in said
    kept = list((prepared["run"] / "checkpoints").glob("checkpoint-*"))
    assert kept
    monkeypatch.undo()
    assert "going on from step" in prepared.train()


def test_no_samples(house):
    assert "cannot be read" in refused(house)


def test_an_empty_side_of_the_split(prepared):
    (prepared["samples"] / "transcript-held-out.jsonl").write_text("")
    assert "no adventure is on the held-out side" in refused(prepared)


def test_a_base_that_is_not_there(house):
    house.recipe["base"] = "nobody"
    assert "base: there is no narrator 'nobody'" in refused(house, "prepare")


def test_a_base_that_is_broken(prepared, base):
    broken = prepared["broken"]
    shutil.copytree(base, broken)
    (broken / "model.safetensors").write_bytes(b"short")
    prepared.recipe["base"] = str(broken)
    assert "broken cannot be loaded" in refused(prepared)


def test_an_empty_corpus_and_a_wrong_encoding(house):
    house["c"].mkdir()
    house.recipe["prepare"]["corpus"] = [str(house["c"])]
    assert "holds no adventures" in refused(house, "prepare")
    (house["c"] / "a.txt").write_bytes(b"title: \xff\n")
    assert "is not UTF-8 here" in refused(house, "prepare")


def test_a_turn_longer_than_the_window(house):
    house.recipe["prepare"]["window"] = 64
    assert "is longer than the window of 64 tokens" in refused(house, "prepare")


def test_no_room_on_the_disk(prepared, monkeypatch):
    import collections

    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 1000))
    assert "checkpoints take" in refused(prepared)


def test_no_room_in_memory(prepared, monkeypatch):
    from inference.finetune.training import hardware

    monkeypatch.setattr(hardware, "memory_there", lambda device: 1000)
    assert "take method: lora, or a smaller base" in refused(prepared)


def test_a_gpu_that_is_not_there(prepared):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    prepared.recipe["train"]["device"] = "cuda"
    assert "torch finds no GPU" in refused(prepared)


# ---- report and export


def test_what_was_learned_is_reported_and_exported(prepared):
    pytest.importorskip("matplotlib")
    prepared.train()
    out, report = str(prepared["export"]), str(prepared["report"])
    run = str(prepared["run"])
    prepared.run(
        "evaluate", *("--samples", str(prepared["samples"]), "--run", run, "--out", report)
    )
    page = (prepared["report"] / "report.html").read_text()
    assert "perplexity" in page and page.count("data:image/png;base64,") == 2
    assert (prepared["report"] / "loss.png").read_bytes().startswith(b"\x89PNG")
    figures = json.loads((prepared["report"] / "metrics.json").read_text())
    assert figures["held_out_loss"] == pytest.approx(prepared.metrics["held_out_loss"], abs=1e-3)

    prepared.run("export", "--run", run, "--report", report, "--out", out)
    files = {path.name for path in prepared["export"].iterdir()}
    assert {"checkpoint", "README.md", "narrator.yaml", "agreement.json"} <= files
    card = (prepared["export"] / "README.md").read_text()
    assert "CC0-1.0" in card and "held_out_loss" in card and "checkpoint/model.safetensors" in card
    (entry,) = yaml.safe_load((prepared["export"] / "narrator.yaml").read_text())
    assert entry["name"] == "tiny" and entry["engine"] == "transformers"
    file = prepared["narrators.yaml"]
    file.write_text(yaml.safe_dump({"narrators": [entry]}))
    from inference.narrators import load_narrators

    assert load_narrators(file).default.name == "tiny"


def test_a_trained_narrator_says_the_same_in_each_engine(prepared):
    """Greedy words of the IR and of the checkpoint, as far as the IR's rounding lets them."""
    from inference.models.export import ENVIRONMENT, environment

    made = environment(ROOT / "var" / "models")
    if made is None:
        pytest.skip("there is no environment that exports (make test-torch)")
    prepared["models"].mkdir()
    (prepared["models"] / ENVIRONMENT).symlink_to(made.parent.parent)
    prepared.recipe["train"]["epochs"] = 30
    prepared.train()
    prepared.run("export", "--run", str(prepared["run"]), "--out", str(prepared["export"]))
    agreement = json.loads((prepared["export"] / "agreement.json").read_text())
    assert set(agreement["said"]) == {"transformers", "openvino"}
    assert sum(agreement["same_words"]["openvino"]) >= 4
