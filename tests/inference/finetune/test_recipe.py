"""What a recipe may say, and what a training is foretold to take. Without torch."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest
import yaml

from game.management.commands.finetune import Command
from inference.finetune.recipe import Recipe, RecipeError, read_recipe
from inference.finetune.training.memory import Size, checkpoint_bytes, need_of
from inference.finetune.training.progress import PROGRESS, Progress, duration, read_progress
from tests.inference.finetune.test_corpus import SHIPPED

ROOT = SHIPPED.parent.parent


def test_the_recipe_of_the_house_can_be_read():
    recipe = read_recipe(ROOT / "params.yaml")
    assert recipe.base == "smol"
    assert recipe.prepare.corpus == ("data/adventures",)


def test_an_empty_recipe_is_one(tmp_path):
    (tmp_path / "p.yaml").write_text("")
    assert read_recipe(tmp_path / "p.yaml") == Recipe()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: {epoch: 3}", r"train\.epoch: is not a setting"),
        ("train: {method: qlora}", r"train\.method: .*'lora' or 'full'"),
        ("train: {learning_rate: fast}", r"train\.learning_rate: "),
        ("train: {rows: 2, rows_a_step: 3}", "rows_a_step is a multiple of rows"),
        ("prepare: {held_out: 0}", r"prepare\.held_out: "),
        ("train: [", r"p\.yaml: while parsing"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(tmp_path, text, said):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(RecipeError, match=said) as caught:
        read_recipe(tmp_path / "p.yaml")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def pipeline():
    text = (ROOT / "dvc.yaml").read_text()
    return yaml.safe_load(text.replace("${at}", "var/finetune"))["stages"]


def named(entries):
    """The paths or names in a list of dvc.yaml, with or without settings."""
    return [next(iter(each)) if isinstance(each, dict) else each for each in entries]


def test_each_stage_is_told_to_write_what_it_is_said_to_make(pipeline):
    for stage in pipeline.values():
        words = stage["cmd"].split()
        for kind in ("outs", "metrics", "plots"):
            assert set(named(stage.get(kind, []))) <= set(words)


def test_each_stage_is_a_command_that_takes_its_options(pipeline):
    for name, stage in pipeline.items():
        _, _, called, *words = stage["cmd"].split()
        parser = Command().create_parser("manage.py", called)
        assert parser.parse_args(words).do == name


def test_each_stage_runs_again_for_parameters_that_there_are(pipeline):
    recipe = Recipe().model_dump()
    for stage in pipeline.values():
        for place in stage["params"]:
            inside = recipe
            for step in place.split("."):
                inside = inside[step]


def test_each_stage_depends_on_what_an_earlier_one_makes_or_the_house_has(pipeline):
    made = set()
    for stage in pipeline.values():
        assert all(each in made or (ROOT / each).exists() for each in stage["deps"])
        made |= set(named(stage["outs"]))


# The lock


def md5(path):
    """As dvc.lock has it: of a file, or of all the files in a folder and their names."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = [each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts]
    rows = [{"md5": md5(each), "relpath": each.relative_to(path).as_posix()} for each in files]
    listed = json.dumps(sorted(rows, key=lambda row: row["relpath"]), sort_keys=True)
    return hashlib.md5(listed.encode()).hexdigest() + ".dir"


def test_the_lock_is_of_what_is_here(pipeline):
    """Where not: `dvc repro`, or `dvc commit --force` where nothing that is computed changed."""
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    assert lock.keys() == pipeline.keys()
    recipe = yaml.safe_load((ROOT / "params.yaml").read_text())
    made = {}
    for name, stage in pipeline.items():
        assert lock[name]["cmd"].split() == stage["cmd"].split()
        deps = {each["path"]: each["md5"] for each in lock[name]["deps"]}
        assert set(deps) == set(stage["deps"])
        assert deps == {each: made.get(each) or md5(ROOT / each) for each in deps}, name
        params = lock[name]["params"]["params.yaml"]
        assert set(params) == set(stage["params"])
        for place, value in params.items():
            assert value == reduce(lambda inside, key: inside[key], place.split("."), recipe)
        made |= {each["path"]: each["md5"] for each in lock[name]["outs"]}


@pytest.mark.torch
def test_in_a_fresh_clone_dvc_says_what_would_run(tmp_path):
    dvc = shutil.which("dvc", path=str(Path(sys.executable).parent))
    if dvc is None:
        pytest.skip("dvc is not installed (make test-torch)")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    for name in ("dvc.yaml", "dvc.lock", ".dvcignore", "params.yaml"):
        shutil.copy(ROOT / name, clone)  # as they are now, committed or not
    done = subprocess.run(
        [dvc, "repro", "--dry", "--allow-missing"], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"Running stage '(\w+)'", done.stdout) == ["prepare"]


def size(**more):
    """GPT-2 1.5B, all of it, with rows of 1,024 tokens in bfloat16."""
    usual = {
        **{"parameters": 1_557_611_200, "learning": 1_557_611_200, "layers": 48, "width": 1600},
        **{"vocabulary": 50_257, "weight_bytes": 4, "compute_bytes": 2, "tokens": 1024},
    }
    return Size(**{**usual, **more})


def test_the_largest_gpt2_is_trained_whole_on_one_card_of_80_gb():
    need = need_of(size(tokens=4 * 1024))
    assert 24e9 < need.sure < need.total < 80e9
    assert "GB (weights 6.2, gradients and optimizer 18.7" in str(need)


def test_an_adapter_takes_little_beside_the_model():
    whole, adapter = need_of(size()), need_of(size(learning=5_000_000, weight_bytes=2))
    assert adapter.learning < whole.learning / 100
    assert adapter.total < whole.total / 2


def test_computing_again_takes_less_memory():
    assert need_of(size(checkpointing=True)).values < need_of(size()).values / 10


def test_a_checkpoint_holds_what_learns_and_its_averages():
    assert checkpoint_bytes(size(learning=1000)) == 12_000


def test_progress_is_told_and_kept(tmp_path):
    said = []
    progress = Progress(tmp_path, said.append)
    progress.begin(0)
    progress.saw(500)
    progress.note(1, 10, 0.1, 3.25, 812)
    progress.held_out = 2.5
    progress.note(2, 10, 0.2, 3.0, 812)
    assert said[0].startswith("step 1 of 10 · epoch 0.10 · loss 3.250 · ")
    assert "tokens/s" in said[0] and "left · 812 MB" in said[0]
    assert "held out 2.500" in said[1]
    with (tmp_path / PROGRESS).open("a") as file:
        file.write('{"step": 3')  # the power went
    assert [step.step for step in read_progress(tmp_path)] == [1, 2]


def test_time_left_is_said_as_people_do():
    assert [duration(each) for each in (7, 95, 3700)] == ["7 s", "1 min 35 s", "1 h 01 min"]
