"""What is said of a model before it is loaded: its kind, who can tell it, the memory that takes."""

import json

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("gguf")

from inference.models.compatibility import check_compatibility  # noqa: E402
from inference.models.gguf import read_header  # noqa: E402
from inference.models.store import ModelError, ensure_model, model_path  # noqa: E402
from inference.narrators import Narrator  # noqa: E402
from tests.inference.models.test_store import a_gguf  # noqa: E402


def narrator(model="m", engine="openvino", **more):
    return Narrator(name="tiny", line="x", engine=engine, model=str(model), **more)


def checkpoint(folder, **config):
    """A checkpoint's folder with one tensor of 64 x 96, as safetensors writes it."""
    folder.mkdir()
    values = np.ones((64, 96), np.float32)
    header = {"w": {"dtype": "F32", "shape": [64, 96], "data_offsets": [0, values.nbytes]}}
    said = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    written = len(said).to_bytes(8, "little") + said + values.tobytes()
    (folder / "model.safetensors").write_bytes(written)
    about = {"model_type": "gpt2", "n_layer": 2, "n_embd": 64, "n_head": 4, "n_positions": 128}
    (folder / "config.json").write_text(json.dumps({**about, **config}))
    return folder


def test_a_gguf_says_what_it_is_without_being_read(tmp_path):
    header = read_header(a_gguf(tmp_path / "m.gguf"))
    assert header.family == "llama"
    assert header.context == 128
    assert header.values == {"Q4_1": 64 * 96, "F32": 96}


def test_a_llama_can_be_told_by_all_and_openvino_counts_what_it_rewrites(tmp_path):
    q4, q8 = (
        check_compatibility(a_gguf(tmp_path / f"{kind}.gguf", kind), narrator())
        for kind in ("Q4_1", "Q8_0")
    )
    assert set(q4.memory) == {"openvino", "llama", "transformers"}
    assert q4.memory["openvino"] == q8.memory["openvino"]
    assert "llama family" in q4.what and "Q4_1" in q4.what and "128 tokens" in q4.what
    assert "openvino (0.3 GB of memory)" in q4.lines()[1]


def test_a_family_that_one_engine_knows_is_refused_to_the_other_by_name(tmp_path):
    path = a_gguf(tmp_path / "m.gguf", family="gemma2")
    assert set(check_compatibility(path, narrator()).memory) == {"llama", "transformers"}
    with pytest.raises(ModelError, match=r"gemma2 family.*take engine: llama or engine: transf"):
        ensure_model(narrator(path), tmp_path / "models")


def test_a_family_that_nobody_knows_brings_an_alternative(tmp_path):
    path = a_gguf(tmp_path / "m.gguf", family="clippy")
    assert check_compatibility(path, narrator()).memory == {}
    assert "llama-server" in check_compatibility(path, narrator()).lines()[1]
    with pytest.raises(ModelError, match=r"clippy family.*llama-server.*engine: openai"):
        ensure_model(narrator(path), tmp_path / "models")


@pytest.mark.parametrize("length", [3, 20, 100, 200])
def test_half_a_header_is_damaged(tmp_path, length):
    path = a_gguf(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"damaged header|not a GGUF"):
        check_compatibility(path, narrator())


def test_a_checkpoint_says_its_weights_and_what_they_take(tmp_path):
    found = check_compatibility(checkpoint(tmp_path / "gpt"), narrator())
    assert "gpt2 family" in found.what and "F32" in found.what and "128 tokens" in found.what
    half = check_compatibility(tmp_path / "gpt", narrator(engine="transformers", dtype="bfloat16"))
    assert half.memory["transformers"] < found.memory["transformers"]


@pytest.mark.parametrize("engine", ["openvino", "transformers"])
def test_a_checkpoint_of_pickles_is_refused(tmp_path, engine):
    folder = checkpoint(tmp_path / "gpt")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors: its weights are a pickle"):
        ensure_model(narrator(folder, engine), tmp_path / "models")


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty is no checkpoint: its config\.json"):
        ensure_model(narrator(tmp_path / "empty", "transformers"), tmp_path / "models")


def test_transformers_takes_a_checkpoint_as_it_is_and_looks_again_when_it_changes(tmp_path):
    folder = checkpoint(tmp_path / "gpt")
    gpt = narrator(folder, "transformers")
    assert ensure_model(gpt, tmp_path / "models") == folder
    assert model_path(gpt, tmp_path / "models") == folder
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 24}))
    with pytest.raises(ModelError, match="narrators pull tiny"):
        model_path(gpt, tmp_path / "models")
    assert ensure_model(gpt, tmp_path / "models") == folder


def test_transformers_takes_a_gguf_as_it_is_where_openvino_wants_it_rewritten(tmp_path):
    path = a_gguf(tmp_path / "m.gguf", "Q4_1")
    assert ensure_model(narrator(path, "transformers"), tmp_path / "models") == path
    assert ensure_model(narrator(path), tmp_path / "models") != path


def test_a_sha256_of_a_folder_is_a_mistake(tmp_path):
    folder = checkpoint(tmp_path / "gpt")
    with pytest.raises(ModelError, match="sha256 is of a file"):
        ensure_model(narrator(folder, "transformers", sha256="0" * 64), tmp_path / "models")


def test_openvino_wants_an_ir_of_a_checkpoint_and_says_why_there_is_none(tmp_path, monkeypatch):
    folder = checkpoint(tmp_path / "gpt")
    monkeypatch.setattr("inference.models.export.LOCK", tmp_path / "export.txt")
    (tmp_path / "export.txt").write_text("torch==0.0.1\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ModelError, match=r"installing what the export needs failed: .*torch"):
        ensure_model(narrator(folder), tmp_path / "models")
    assert not list((tmp_path / "models").glob(".pull-*"))
