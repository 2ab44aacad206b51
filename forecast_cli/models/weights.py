"""weights.safetensors: numbers and their names, checked before anything is made of them.

The safetensors library refuses cut files, overlaps and sizes that do not fit. It accepts a key that
stands twice and weights that are not finite, and our weights are of one kind: so the header is read
here first. https://huggingface.co/docs/safetensors: eight bytes of length, a JSON header, numbers.
"""

import re
from math import prod
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import FloatArray
from forecast_cli.models.strict_json import strict_json

_LARGEST_HEADER: Final = 2**20
_NAME: Final = re.compile(r"\d{4}\.\w[\w.-]*(/\w[\w.-]*)*\Z", re.ASCII)
_LENGTH_BYTES: Final = 8
_FLOAT_BYTES: Final = 4
_MOST_DIMS: Final = 8


def check_weights(content: bytes) -> None:
    """Raise ValueError, with the reason, for anything but finite single-precision numbers."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if length > _LARGEST_HEADER:
        raise ValueError(
            f"its header claims {length:,} bytes; at most {_LARGEST_HEADER:,} are read"
        )
    data = memoryview(content)[_LENGTH_BYTES + length :]
    if len(content) < _LENGTH_BYTES + length:
        raise ValueError("it is cut short")
    header = strict_json(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    if not isinstance(header, dict):
        raise ValueError("its header does not name tensors")  # noqa: TRY004 - a fault of the file
    ends = [0]
    for start, end in sorted(_extent(name, tensor) for name, tensor in header.items()):
        if start != ends[-1]:
            raise ValueError("its tensors overlap, or leave room between them")
        ends.append(end)
    if ends[-1] != len(data):
        raise ValueError(f"its tensors take {ends[-1]:,} bytes, and it has {len(data):,}")
    if not np.isfinite(np.frombuffer(data, dtype="<f4")).all():
        raise ValueError("it holds weights that are not finite")


def _extent(name: str, tensor: Any) -> tuple[int, int]:  # noqa: ANN401 - whatever stands there
    """Where a tensor's bytes begin and end."""
    if not _NAME.match(name):
        raise ValueError(f"{name[:40]!a} is not the name of a weight")
    if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name}: is not described by dtype, shape and data_offsets")
    if tensor["dtype"] != "F32":
        raise ValueError(f"{name}: is of type {tensor['dtype']!a:.40}; only F32 is read")
    shape, offsets = tensor["shape"], tensor["data_offsets"]
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"{name}: its shape or place is not made of whole numbers")
    start, end = offsets
    if end - start != prod(shape) * _FLOAT_BYTES:
        raise ValueError(f"{name}: has {end - start:,} bytes for a shape of {shape!s:.60}")
    return start, end


def _are_sizes(values: object) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= _MOST_DIMS
        and all(type(value) is int and value >= 0 for value in values)
    )


def read_weights(content: bytes) -> dict[str, FloatArray]:
    """Weights by name, in their order; of bytes that have been checked."""
    # only who compares or exports reads weights: predict is spared the import
    from safetensors.numpy import load  # noqa: PLC0415

    tensors: dict[str, FloatArray] = load(content)
    return {name: tensors[name] for name in sorted(tensors)}
