"""Arrow columns as numpy arrays without pandas, which pyarrow's own `to_numpy` imports (0.5 s).

Columns of the width asked for are taken as they lie: `cast` would import pyarrow.compute (0.05 s).
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D, IntArray1D

ArrowColumn: TypeAlias = Any
"""A `pyarrow.ChunkedArray`; pyarrow ships no types."""

ArrowArray: TypeAlias = Any
"""A `pyarrow.Array`."""

_WIDTHS: Final[dict[Any, "np.dtype[Any]"]] = {
    pa.float64(): np.dtype(np.float64),
    pa.float32(): np.dtype(np.float32),
    pa.int64(): np.dtype(np.int64),
    pa.int32(): np.dtype(np.int32),
    pa.date32(): np.dtype(np.int32),
}
"""How numbers lie in memory; an instant is an int64."""


def floats(column: ArrowColumn) -> FloatArray1D:
    """A column of floats as float64; null becomes NaN."""
    if not len(column):
        return np.empty(0)
    if column.type not in _WIDTHS:
        column = column.cast(pa.float64())
    array = column.combine_chunks()
    values: FloatArray1D = _values(array).astype(np.float64, copy=False)
    if not array.null_count:
        return values
    if array.null_count == len(array):
        return np.full(len(array), np.nan)
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], dtype=np.uint8), bitorder="little")
    return np.where(bits[array.offset : array.offset + len(array)] == 1, values, np.nan)


def float_rows(columns: Sequence[ArrowColumn]) -> FloatArray2D:
    """Columns of single precision as rows of float64, shape (n_columns, n_rows); null becomes NaN.

    The same as `floats` of each, at once: of a hundred columns of few rows, a tenth of the time.
    """
    if any(column.num_chunks != 1 or column.null_count for column in columns):
        return np.stack([floats(column) for column in columns])
    arrays = [column.chunk(0) for column in columns]
    content = b"".join(
        memoryview(array.buffers()[1])[4 * array.offset : 4 * (array.offset + len(array))]
        for array in arrays
    )
    rows: FloatArray2D = np.frombuffer(content, dtype=np.float32).astype(np.float64)
    return rows.reshape(len(arrays), -1)


def integers(column: ArrowColumn) -> IntArray1D:
    """A column of integers, instants or dates without nulls, as int64."""
    if not len(column):
        return np.empty(0, dtype=np.int64)
    if not (column.type in _WIDTHS or pa.types.is_timestamp(column.type)):
        column = column.cast(pa.int64())
    values: IntArray1D = _values(column.combine_chunks()).astype(np.int64, copy=False)
    return values


def _values(array: ArrowArray) -> Any:  # noqa: ANN401 - of any number's type
    """The numbers in an array's memory, whatever stands at nulls."""
    values = np.frombuffer(array.buffers()[1], dtype=_WIDTHS.get(array.type, np.dtype(np.int64)))
    return values[array.offset : array.offset + len(array)]


def float_array(values: FloatArray1D, *, nan_is_null: bool = False) -> ArrowArray:
    """Floats as an Arrow array over the same memory; `pa.array` would import pandas."""
    valid = ~np.isnan(values) if nan_is_null else None
    bits = None if valid is None or valid.all() else np.packbits(valid, bitorder="little")
    buffers = [None if bits is None else pa.py_buffer(bits), _buffer(values)]
    return pa.Array.from_buffers(pa.float64(), len(values), buffers)


def timestamp_array(days: DateArray1D) -> ArrowArray:
    """Session dates as Arrow timestamps at midnight."""
    buffers = [None, _buffer(days.astype("datetime64[us]").view(np.int64))]
    return pa.Array.from_buffers(pa.timestamp("us"), len(days), buffers)


def date_array(days: DateArray1D) -> ArrowArray:
    """Dates as an Arrow date32 array."""
    numbers = days.astype("datetime64[D]").view(np.int64).astype(np.int32)
    return pa.Array.from_buffers(pa.date32(), len(days), [None, pa.py_buffer(numbers)])


def integer_array(values: IntArray1D) -> ArrowArray:
    """Whole numbers as an Arrow int64 array."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, _buffer(values)])


def text_array(texts: Sequence[str]) -> ArrowArray:
    """Texts as an Arrow array."""
    contents = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, contents)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(contents))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _buffer(values: FloatArray1D | IntArray1D) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(values))


def days(column: ArrowColumn) -> DateArray1D:
    """A date32 column without nulls as dates."""
    return integers(column).view("datetime64[D]")


def encoded(column: ArrowColumn) -> tuple[list[str], IntArray1D]:
    """The distinct texts of a string column, in order, and each row's number among them.

    Null becomes the empty text.
    """
    array = column.combine_chunks().dictionary_encode(null_encoding="encode")
    texts = [text or "" for text in array.dictionary.to_pylist()]
    return texts, integers(pa.chunked_array([array.indices]))
