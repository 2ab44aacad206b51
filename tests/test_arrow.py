"""Arrow columns as numpy arrays: the same values as Arrow's own, whatever lies in memory."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data.arrow import float_rows, floats, integers

_NUMBERS = st.lists(st.none() | st.floats(width=32, allow_nan=False), max_size=40)


def _column(values: list[float | None], kind: pa.DataType, start: int, cut: int) -> pa.ChunkedArray:
    """Values in up to two chunks, which begin somewhere in their memory."""
    array = pa.array([0.0] * start + values, type=kind).slice(start)
    return pa.chunked_array([array.slice(0, cut), array.slice(cut)], type=kind)


@given(values=_NUMBERS, start=st.integers(0, 9), cut=st.integers(0, 40))
@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()])
def test_floats_are_arrow_s(
    values: list[float | None], start: int, cut: int, kind: pa.DataType
) -> None:
    """Null becomes NaN; chunks and offsets do not matter."""
    column = _column([None if v is None else v % 100 for v in values], kind, start, cut)
    expected = [np.nan if value is None else value for value in column.to_pylist()]
    np.testing.assert_array_equal(floats(column), np.array(expected, dtype=np.float64))


@given(values=st.lists(_NUMBERS.filter(bool), min_size=1, max_size=4), start=st.integers(0, 9))
def test_rows_are_the_columns(values: list[list[float | None]], start: int) -> None:
    """At once or one by one: the same float64, nulls or none, one chunk or two."""
    length = min(map(len, values))
    whole = [
        pa.chunked_array([pa.array([0.0] * start + one[:length], type=pa.float32()).slice(start)])
        for one in values
    ]
    parts = [pa.chunked_array([*one.slice(0, 1).chunks, *one.slice(1).chunks]) for one in whole]
    expected = np.stack([floats(column) for column in whole])
    assert float_rows(whole).dtype == np.float64
    np.testing.assert_array_equal(float_rows(whole), expected)
    np.testing.assert_array_equal(float_rows(parts), expected)


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.int32(), pa.int8(), pa.date32(), pa.timestamp("us"), pa.timestamp("s")]
)
def test_integers_are_what_lies_in_memory(kind: pa.DataType) -> None:
    """Days since 1970 for dates, the column's own unit for instants; from any row on."""
    column = pa.chunked_array([pa.array([1, 2, 3, 4], type=kind)]).slice(1)
    assert integers(column).tolist() == [2, 3, 4]
    assert integers(column).dtype == np.int64
    assert integers(column.slice(3)).tolist() == []
