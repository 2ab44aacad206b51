"""Joining new bars to stored ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.merge import merge
from forecast_cli.errors import BadDataError
from forecast_cli.schema import PRICE_COLUMNS


def bars(first: int, last: int, scale: float = 1.0) -> Bars:
    """Daily bars of day numbers first..last-1; the price of a day is 100 + its number."""
    days = np.arange(first, last)
    price: FloatArray1D = (100 + days).astype(np.float64)
    return Bars(
        symbol="A",
        interval="1d",
        price_basis="split_adjusted",
        timestamp=np.datetime64("2024-01-01") + days,
        open=price,
        high=price + 1,
        low=price - 1,
        close=price,
        adj_close=price * scale,
        volume=price,
        dividends=price * 0,
        splits=price * np.nan,
    )


def returns(series: Bars) -> FloatArray1D:
    """Log returns of adj_close."""
    steps: FloatArray1D = np.diff(np.log(series.adj_close))
    return steps


def test_first_fetch() -> None:
    """With nothing stored, all rows are new."""
    joined = merge(None, bars(0, 5))
    assert (joined.n_new, joined.n_revised) == (5, 0)


def test_same_again() -> None:
    """Equal rows change nothing."""
    joined = merge(bars(0, 5), bars(0, 5))
    assert (joined.n_new, joined.n_revised) == (0, 0)
    assert equal(joined.bars, bars(0, 5))


@pytest.mark.parametrize(("first", "last", "n_new"), [(3, 8, 3), (5, 8, 3), (-3, 2, 3), (1, 3, 0)])
def test_new_rows_extend(first: int, last: int, n_new: int) -> None:
    """Rows after, before and beside the stored ones are joined in order."""
    joined = merge(bars(0, 5), bars(first, last))
    assert equal(joined.bars, bars(min(first, 0), max(last, 5)))
    assert (joined.n_new, joined.n_revised) == (n_new, 0)


def test_covering_series_replaces() -> None:
    """A new series over the whole stored range is the vendor's present view of history."""
    joined = merge(bars(0, 5), bars(0, 6, scale=0.9))
    assert equal(joined.bars, bars(0, 6, scale=0.9))
    assert (joined.n_new, joined.n_revised) == (1, 0)
    assert joined.readjusted == pytest.approx(0.9)


def test_readjusted_history_keeps_returns() -> None:
    """A dividend lowers every older adj_close by one ratio: the part not fetched follows."""
    joined = merge(bars(0, 5), bars(3, 8, scale=0.9))
    np.testing.assert_allclose(returns(joined.bars), returns(bars(0, 8)), rtol=1e-12)
    np.testing.assert_array_equal(joined.bars.close, bars(0, 8).close)
    assert (joined.n_new, joined.n_revised) == (3, 0)
    assert joined.readjusted == pytest.approx(0.9)


def test_other_differences_replace_the_overlap() -> None:
    """Corrected rows take the new values; older rows stay."""
    new = bars(3, 6)
    corrected = replace(new, adj_close=new.adj_close * np.array([1.0, 1.1, 1.0]))
    joined = merge(bars(0, 5), corrected)
    np.testing.assert_array_equal(joined.bars.adj_close[:3], bars(0, 3).adj_close)
    np.testing.assert_array_equal(joined.bars.adj_close[3:], corrected.adj_close)
    assert (joined.n_new, joined.n_revised) == (1, 1)


def test_split_rescales_all_prices() -> None:
    """After a 2:1 split the vendor halves every older price; the part not fetched follows."""
    halved = {name: getattr(bars(3, 8), name) / 2 for name in PRICE_COLUMNS}
    joined = merge(bars(0, 5), replace(bars(3, 8), **halved))
    for name in PRICE_COLUMNS:
        np.testing.assert_array_equal(getattr(joined.bars, name), getattr(bars(0, 8), name) / 2)


def test_one_corrected_bar_moves_no_older_price() -> None:
    """A last bar stored too early and replaced by its final close is no re-adjustment."""
    new = bars(4, 6)
    changed = {name: getattr(new, name) * np.array([1.02, 1.0]) for name in ("close", "adj_close")}
    joined = merge(bars(0, 5), replace(new, **changed))
    np.testing.assert_array_equal(joined.bars.adj_close[:4], bars(0, 4).adj_close)
    assert joined.n_revised == 1


def test_another_price_basis_is_refused() -> None:
    """Two meanings of close must not meet in one series."""
    with pytest.raises(BadDataError, match="split_adjusted, the new ones adjusted") as caught:
        merge(bars(0, 5), replace(bars(5, 6), price_basis="adjusted"))
    assert "remove" in str(caught.value.fix)


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 20), st.integers(1, 20))
def test_dates_are_the_union_in_order(a: int, n: int, b: int, m: int) -> None:
    """Whatever overlaps, each date stands once, ascending, and merging again changes nothing."""
    old, new = bars(a, a + n), bars(b, b + m)
    joined = merge(old, new)
    assert sorted({*old.timestamp, *new.timestamp}) == list(joined.bars.timestamp)
    assert joined.n_new == len(joined.bars) - len(old)
    assert equal(merge(joined.bars, new).bars, joined.bars)
