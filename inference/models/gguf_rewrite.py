"""GGUF files that openvino reads as they are meant: opened, and rewritten where it would not."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.models.compatibility import FAITHFUL, FAMILIES

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFReader
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Progress = Callable[[int, int], None]
Change = Callable[["Floats"], "Floats"]
"""What becomes of a tensor's values, in the shape that numpy sees: outputs, inputs."""


class GGUFError(Exception):
    """Why a file cannot be read or rewritten, in one line."""


def read_gguf(path: Path) -> "GGUFReader":
    """Open a GGUF that openvino's reader can load. Raises GGUFError in one line."""
    from gguf import GGUFReader  # noqa: PLC0415  numpy, which a web process does without

    try:
        reader = GGUFReader(path)
        family = reader.fields["general.architecture"].contents()
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise GGUFError(f"{path} is not a whole GGUF file") from error
    if family not in FAMILIES:
        raise GGUFError(
            f"{path} is a model of the {family} family; the openvino engine reads "
            f"{', '.join(sorted(FAMILIES))}"
        )
    return reader


def faithful(reader: "GGUFReader") -> bool:
    """Whether openvino reads every tensor as it is meant."""
    return all(tensor.tensor_type.name in FAITHFUL for tensor in reader.tensors)


def rewrite(
    reader: "GGUFReader",
    path: Path,
    report: Progress,
    changes: Mapping[str, Change] | None = None,
) -> None:
    """Write the model again with every tensor that openvino distorts as Q8_0.

    `changes` are made to the values of the tensors that they name, on the way. Metadata stays. One
    tensor at a time is in memory as floats: the largest, the embedding, is 113 MB in the built-in
    model. Raises GGUFError.
    """
    from gguf import GGUFWriter  # noqa: PLC0415  numpy, which a web process does without

    changes = changes or {}
    missing = changes.keys() - {tensor.name for tensor in reader.tensors}
    if missing:
        raise GGUFError(f"the model has no tensor {min(missing)}")
    writer = GGUFWriter(path, reader.fields["general.architecture"].contents())
    copy_metadata(reader, writer)
    sizes = [announce(tensor, writer) for tensor in reader.tensors]
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        done = 0
        for tensor, size in zip(reader.tensors, sizes, strict=True):
            writer.write_tensor_data(as_written(tensor, changes.get(tensor.name)))
            done += size
            report(done, sum(sizes))
    finally:
        writer.close()


def copy_metadata(reader: "GGUFReader", writer: Any) -> None:
    """Everything that the file says of itself, but that its tensors are Q8_0 now."""
    from gguf.constants import LlamaFileType  # noqa: PLC0415

    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value: Any = field.contents()
        if field.name == "general.file_type":
            value = int(LlamaFileType.MOSTLY_Q8_0)
        inner = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, value, field.types[0], inner)
    writer.data_alignment = int(reader.alignment)


def kind_written(tensor: Any) -> Any:
    """What type a tensor is written as."""
    from gguf import GGMLQuantizationType  # noqa: PLC0415

    kind = tensor.tensor_type
    return kind if kind.name in FAITHFUL else GGMLQuantizationType.Q8_0


def announce(tensor: Any, writer: Any) -> int:
    """Put a tensor into the file's table; the bytes that it will have there."""
    import numpy as np  # noqa: PLC0415
    from gguf.constants import GGML_QUANT_SIZES  # noqa: PLC0415

    kind = kind_written(tensor)
    block, block_bytes = GGML_QUANT_SIZES[kind]
    shape = [int(length) for length in reversed(tensor.shape)]
    if shape[-1] % block:
        raise GGUFError(f"{tensor.name} cannot be rewritten as Q8_0: its rows are uneven")
    size = int(tensor.n_elements) // block * block_bytes
    # The dtype only says that `shape` counts values; `kind` is what the file will say.
    writer.add_tensor_info(tensor.name, shape, np.dtype(np.float32), size, kind)
    return size


def as_written(tensor: Any, change: Change | None) -> Any:
    """A tensor's bytes in the new file."""
    import numpy as np  # noqa: PLC0415
    from gguf.quants import dequantize, quantize  # noqa: PLC0415

    kind = kind_written(tensor)
    if kind == tensor.tensor_type and change is None:
        return tensor.data
    try:
        values = dequantize(tensor.data, tensor.tensor_type)
    except NotImplementedError as error:
        raise GGUFError(
            f"tensors of type {tensor.tensor_type.name} cannot be read: "
            "take a Q8_0 or F16 file of this model"
        ) from error
    if change is not None:
        values = np.ascontiguousarray(change(values), np.float32)
    return quantize(values, kind)
