"""The narrators file: what it says, and how it says what is wrong."""

import os
import re
from pathlib import Path

import pytest

from inference.narrators import (
    NarratorsError,
    UnknownNarrator,
    load_narrators,
    narrators_problem,
    parse_narrators,
)

BUILT_IN = Path(__file__).resolve().parents[2] / "narrators.yaml"


def test_the_built_in_narrators_can_be_read():
    narrators = load_narrators(BUILT_IN)
    smol = narrators.get("smol")
    quill = narrators.get("quill")
    assert narrators.defaults == (quill, smol)
    assert quill.builtin and quill.engine == "llama" and len(quill.mirrors) == 1
    assert smol.small and not quill.small
    assert smol.builtin and smol.engine == "openvino" and smol.format == "chat"
    assert smol.reference is not None
    assert smol.shown_name == "Smol"


def examples() -> list[str]:
    """Every narrator that the file has in comments, and those of the manual."""
    commented = "\n".join(
        line.removeprefix("# ")
        for line in BUILT_IN.read_text().splitlines()
        if line.startswith("#   ")
    )
    manual = (BUILT_IN.parent / "docs" / "narrators.md").read_text()
    return [commented, *re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)]


def test_every_example_of_a_narrator_can_be_used_as_it_stands():
    told = [parse_narrators(f"narrators:\n{text}", "n.yaml") for text in examples()]
    assert {"bard", "dungeon-gpt2", "far"} <= set(told[0].names)
    assert len(told) >= 6


def test_narrators_keep_their_order_and_the_first_is_the_default():
    narrators = parse_narrators(
        "narrators:\n"
        "- {name: b, line: x, engine: scripted}\n- {name: a, line: x, engine: scripted}",
        "n.yaml",
    )
    assert narrators.names == ("b", "a")
    assert narrators.default.name == "b"
    assert "a" in narrators and "c" not in narrators and len(narrators) == 2


def test_another_default_can_be_named():
    text = (
        "default: a\nnarrators:\n"
        "- {name: b, line: x, engine: scripted}\n- {name: a, line: x, engine: scripted}"
    )
    assert parse_narrators(text, "n.yaml").default.name == "a"


def test_an_unknown_narrator_is_named_with_those_that_there_are():
    with pytest.raises(UnknownNarrator, match="no narrator 'bard'; there are quill, smol"):
        load_narrators(BUILT_IN).get("bard")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: wants `narrators:`"),
        ("[]", "line 1: wants `narrators:`"),
        ("narrators: []", "line 1: .*at least 1 item"),
        (
            "narrators:\n- name: a\n  line: x\n  engine: vllm",
            "line 4: engine: .*'scripted'.*'vllm'",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  line: y\n  engine: scripted",
            "line 4: 'line'.*twice",
        ),
        (
            "narrators:\n- {name: a, line: x, engine: scripted}\n"
            "- {name: a, line: x, engine: scripted}",
            "line 3: 'a' is there twice",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  engine: scripted\n"
            "  sampling:\n    temperature: hot",
            "line 6: sampling.temperature: .*number.*'hot'",
        ),
        ("narrators:\n- name: a\n  line: x\n engine: scripted", "line 4: expected"),
        ("narrators:\n- name: Ä\n  line: x\n  engine: scripted", "line 2: name: .*'Ä'"),
        ("narrators:\n- name: a\n  engine: scripted", "line 2: line: is missing"),
        (
            "narrators:\n- name: a\n  line: x\n  engine: scripted\n  colour: red",
            "line 5: colour: is not a setting.*'red'",
        ),
        ("narrators:\n- {name: a, line: x, engine: openvino}", "line 2: .*wants a model"),
        ("narrators:\n- {name: a, line: x, engine: transformers}", "line 2: .*wants a model"),
        (
            "narrators:\n- {name: a, line: x, engine: transformers, model: m, state: narrator}",
            "line 2: state: .*cannot keep to a schema",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  engine: transformers\n  model: hf:gpt2",
            "line 5: model: wants hf:org/name.*'hf:gpt2'",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  engine: openvino\n  model: pypi:gpt2/x",
            "line 5: model: wants pypi:package==version",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  engine: transformers\n  model: m\n  dtype: int8",
            "line 6: dtype: .*float32, bfloat16, float16.*'int8'",
        ),
        (
            "narrators:\n- name: a\n  line: x\n  engine: openvino\n  model: m\n  sha256: abc",
            "line 6: sha256: .*'abc'",
        ),
        (
            "narrators:\n- {name: a, line: x, engine: openvino, model: m, adapter: lora}",
            "line 2: .*adapter is for the transformers engine",
        ),
        (
            "narrators:\n- {name: a, line: x, engine: scripted, visible: cats}",
            "line 2: visible: .*'everyone' or 'staff'",
        ),
        ("narrators:\n- {name: a, line: x, engine: scripted, weight: -1}", "line 2: weight: "),
        ("default: b\nnarrators:\n- {name: a, line: x, engine: scripted}", "line 1: .*'b'"),
        ("a: !!python/object:os.system x", "line 1: could not determine a constructor"),
        ("a: \x00", "special characters"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_place(text, says):
    with pytest.raises(NarratorsError, match=f"^n.yaml.*{says}") as caught:
        parse_narrators(text, "n.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "model",
    [
        "hf:org/some-model",
        "hf:org/some.model@v1.2",
        "hf:org/m@refs/pr/3",
        "pypi:package==1.0/package/model.gguf",
        "/srv/models/mine",
        "Some Model.Q8_0.gguf",
    ],
)
def test_a_model_comes_from_the_hub_from_a_wheel_or_from_a_folder(model):
    entry = f"{{name: a, line: x, engine: transformers, model: '{model}', dtype: bfloat16}}"
    assert parse_narrators(f"narrators: [{entry}]", "n.yaml").default.model == model


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NarratorsError, match=r"none\.yaml cannot be read: No such file"):
        load_narrators(tmp_path / "none.yaml")


def test_a_file_that_is_not_text_is_named(tmp_path):
    file = tmp_path / "n.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NarratorsError, match=r"n\.yaml cannot be read"):
        load_narrators(file)


def test_a_changed_file_is_read_again(tmp_path):
    file = tmp_path / "n.yaml"
    file.write_text("narrators: [{name: a, line: x, engine: scripted}]")
    assert load_narrators(file) is load_narrators(file)
    file.write_text("narrators: [{name: b, line: x, engine: scripted}]")
    os.utime(file, ns=(1, 1))
    assert load_narrators(file).names == ("b",)


def test_the_command_tries_one_without_a_model(capsys, tmp_path, settings, monkeypatch):
    from io import StringIO

    from django.core.management import CommandError, call_command

    from inference.config import InferenceConfig

    file = tmp_path / "n.yaml"
    file.write_text(
        "narrators: [{name: s, line: x, engine: scripted, options: {pace: 0}},"
        " {name: m, line: x, engine: openvino, model: none.gguf}]"
    )
    settings.INFERENCE = InferenceConfig(
        redis_url="redis://127.0.0.1:1", narrators_file=file, models_dir=tmp_path
    )
    call_command("narrators", "check", "s")
    assert "tokens in" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"no file .*none\.gguf"):
        call_command("narrators", "pull", "m")
    with pytest.raises(CommandError, match="narrators pull m"):
        call_command("narrators", "check", "m")
    call_command("narrators", "list")
    assert "not pulled" in capsys.readouterr().out

    lines = StringIO("A cellar.\n\n")
    monkeypatch.setattr("sys.stdin", lines)
    actions = iter(["look around", "", "/say hello", "/retry", "/undo", "/story Rain.", "/quit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(actions))
    call_command("narrate", "s")
    said = capsys.readouterr().out
    assert "A cellar." in said and "You look around." in said and 'You say "hello"' in said


GOOD = "narrators:\n- {name: parrot, line: x, engine: scripted}\n"
TYPO = "narrators:\n- {name: parrot, line: x, engine: scripted}\n- {name: [, line: y}\n"


def test_a_mistake_while_it_runs_leaves_the_narrators_as_they_were_and_is_logged_once(
    tmp_path, caplog
):
    file = tmp_path / "narrators.yaml"
    file.write_text(GOOD)
    good = load_narrators(file)
    for text in (TYPO, TYPO + "\n", TYPO + "\n\n"):  # an editor that saves again and again
        file.write_text(text)
        for _ in range(3):
            assert load_narrators(file) == good
        assert "narrators.yaml, line 3" in narrators_problem(file)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    file.unlink()
    assert load_narrators(file) == good
    assert narrators_problem(file).endswith("cannot be read: No such file or directory")
    file.write_text(GOOD.replace("parrot", "rook"))
    assert load_narrators(file).names == ("rook",)
    assert narrators_problem(file) == ""
