"""The model that training begins with, as a checkpoint's folder of Hugging Face's kind."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.finetune.trouble import Broken


def checkpoint_of(model: Path, folder: Path) -> Path:
    """`model` itself where it is a checkpoint's folder; of a GGUF, a checkpoint made in `folder`.

    A GGUF's tensors are dequantized to float32, which is what a LoRA adapter is trained beside. It
    takes a minute, so the folder is kept: one that is there is whole.
    """
    if model.is_dir() or (folder / "config.json").is_file():
        return model if model.is_dir() else folder
    half = folder.with_name(f"{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    found, tokenizer = read_gguf(model)
    found.save_pretrained(half)
    tokenizer.save_pretrained(half)
    half.replace(folder)
    return folder


def load_base(folder: Path, dtype: Any) -> Any:
    """The model of a checkpoint's folder. Raises Broken."""
    import transformers  # noqa: PLC0415

    with clear_errors(folder):
        return transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )


def load_tokenizer(folder: Path) -> Any:
    """A checkpoint's tokenizer; one that knows where its tokens stand. Raises Broken."""
    import transformers  # noqa: PLC0415

    with clear_errors(folder):
        found = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    if not found.is_fast:
        raise Broken(f"{folder} has no tokenizer.json")
    return found


@contextmanager
def clear_errors(folder: Path) -> Iterator[None]:
    """Turn the errors of loading a checkpoint into one Broken with a clear line."""
    if not folder.is_dir():
        raise Broken(f"there is no base {folder}")
    if not (folder / "config.json").is_file():
        raise Broken(f"{folder} is no checkpoint: it has no config.json")
    from safetensors import SafetensorError  # noqa: PLC0415

    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first = " ".join(str(error).split())
        raise Broken(f"{folder} cannot be loaded: {first[:200]}") from error


def read_gguf(file: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a GGUF, as if they had never been one."""
    import torch  # noqa: PLC0415  the light install has none
    import transformers  # noqa: PLC0415

    source: dict[str, Any] = {
        "pretrained_model_name_or_path": str(file.parent),
        "gguf_file": file.name,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    read = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # What came from a GGUF refuses to be saved: its tensors move to a model of no such past.
    config = read.config
    del config.quantization_config
    plain = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict())
    plain.generation_config = read.generation_config
    return plain, tokenizer
