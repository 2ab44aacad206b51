"""A window is the row where it ends; its inputs are gathered, never copied for all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.features.windows import Windows, concatenate, in_common, offsets

N_ROWS = 30
FIELDS = ("rows", "cutoffs", "known_from", "symbol_index", "scale", "targets")


def windows(lookback: int, rows: list[int]) -> Windows:
    """Windows over two symbols of 15 rows; the cell in row r, column c is 100 c + r."""
    n = len(rows)
    index = np.array(rows, dtype=np.int64)
    cutoffs = np.datetime64("2020-01-01") + index % 15
    return Windows(
        features=np.add.outer(np.arange(N_ROWS), [0.0, 100.0]).astype(np.float32),
        bar_returns=np.where(np.arange(N_ROWS) % 15 == 0, np.nan, np.arange(N_ROWS)),
        lookback=lookback,
        horizons=(1, 5),
        symbols=("AAA", "BBB"),
        rows=index,
        cutoffs=cutoffs,
        known_from=np.where(index % 15 < 10, cutoffs + 5, np.datetime64("NaT", "D")),
        symbol_index=index // 15,
        scale=np.arange(1.0, 2 * n + 1).reshape(n, 2),
        targets=np.arange(2.0 * n).reshape(n, 2) - n,
    )


ROWS = st.lists(st.integers(4, N_ROWS - 1), max_size=20)


@given(st.integers(1, 5), ROWS)
def test_inputs_equal_naive_slicing(lookback: int, rows: list[int]) -> None:
    """A window's input is the `lookback` rows up to its own, oldest first."""
    made = windows(lookback, rows)
    inputs = made.inputs()
    assert inputs.shape == (len(rows), lookback, made.n_features)
    assert inputs.dtype == np.float32
    for row, window in zip(rows, inputs, strict=True):
        np.testing.assert_array_equal(window, made.features[row - lookback + 1 : row + 1])


@pytest.mark.parametrize(("lookback", "expected"), [(1, [0]), (4, [-3, -2, -1, 0])])
def test_offsets_end_at_the_windows_own_row(lookback: int, expected: list[int]) -> None:
    """No offset is positive: a window never reaches behind its row."""
    assert offsets(lookback).tolist() == expected


def test_take_picks_the_same_windows_everywhere() -> None:
    """Slice, indices or mask: every field is cut alike, the feature series is shared."""
    made = windows(2, [5, 8, 17, 20])
    mask = np.array([False, True, True, False])
    for which in (slice(1, 3), np.array([1, 2]), mask):
        taken = made.take(which)
        assert len(taken) == 2
        assert taken.features is made.features
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(taken, name), getattr(made, name)[1:3])
        np.testing.assert_array_equal(taken.inputs(), made.inputs()[1:3])


def test_concatenate_undoes_take() -> None:
    """Parts joined in order are the whole, over the one feature series."""
    made = windows(2, [5, 8, 17, 20, 29])
    joined = concatenate([made.take(slice(0, 2)), made.take(slice(2, 2)), made.take(slice(2, 5))])
    assert joined.features is made.features
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(joined, name), getattr(made, name))


@given(ROWS)
def test_known_drops_exactly_the_windows_with_an_unknown_target(rows: list[int]) -> None:
    """A window stays if and only if there is a date at which its longest target is known."""
    assert windows(2, rows).known().rows.tolist() == [row for row in rows if row % 15 < 10]


def test_symbol_names_follow_the_index() -> None:
    """Each window names its symbol."""
    assert windows(2, [5, 17, 6]).symbol_names.tolist() == ["AAA", "BBB", "AAA"]


def test_returns_are_targets_times_scale() -> None:
    """What was divided by the scale is multiplied by it again."""
    assert windows(1, [5, 6]).returns.tolist() == [[-2.0, -2.0], [0.0, 4.0]]


UNIQUE_ROWS = st.lists(st.integers(4, N_ROWS - 1), max_size=20, unique=True).map(sorted)


@given(UNIQUE_ROWS, UNIQUE_ROWS)
def test_in_common_are_the_windows_that_end_on_the_same_bars(
    first: list[int], second: list[int]
) -> None:
    """In the order of each, whatever the lookback; alone, all are in common."""
    short, long = in_common([windows(1, first), windows(5, second)])
    shared = [row for row in first if row in second]
    assert short.rows.tolist() == long.rows.tolist() == shared
    assert (short.lookback, long.lookback) == (1, 5)
    assert short.cutoffs.tolist() == long.cutoffs.tolist()
    (alone,) = in_common([windows(1, first)])
    assert alone.rows.tolist() == first


@pytest.mark.parametrize(("row", "expected"), [(0, []), (3, [1, 2, 3]), (15, []), (17, [16, 17])])
def test_past_returns_are_of_one_symbol_up_to_a_row(row: int, expected: list[float]) -> None:
    """From the symbol's second bar up to and including the row, never of the symbol before."""
    assert windows(3, [20]).past_returns(row).tolist() == expected
