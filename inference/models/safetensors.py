"""A safetensors file read with numpy alone: what a pull needs, where no torch is.

The format: eight bytes with the length of a header in JSON, the header, the tensors' bytes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
LONGEST_HEADER = 1 << 24


def tensors_of(path: Path) -> Iterator[tuple[str, "Floats"]]:
    """The tensors by name, as float32, one at a time in memory. Raises ValueError, OSError."""
    import numpy as np  # noqa: PLC0415  a web process does without

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= LONGEST_HEADER:
            raise ValueError(f"{path.name} is not a safetensors file")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            entries = [
                (name, about["dtype"], about["shape"], about["data_offsets"])
                for name, about in header.items()
            ]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path.name} has a damaged header") from error
        for name, dtype, shape, (begin, end) in entries:
            if dtype not in DTYPES:
                raise ValueError(f"{path.name}: {name} is {dtype}; F32, F16 and BF16 can be read")
            file.seek(8 + length + begin)
            wanted = np.dtype(DTYPES[dtype])
            data = file.read(end - begin)
            if len(data) != wanted.itemsize * int(np.prod(shape)):
                raise ValueError(f"{path.name} is cut short at {name}")
            values = np.frombuffer(data, wanted)
            if dtype == "BF16":  # the upper half of a float32
                values = (values.astype(np.uint32) << 16).view(np.float32)
            yield name, values.astype(np.float32).reshape(shape)
