"""Joining new bars to stored ones."""

from dataclasses import replace
from itertools import chain
from random import Random

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


def adjusted(series: Bars, first: int, factor: float) -> Bars:
    """The series with the adj_close of its bars before a row multiplied."""
    values = series.adj_close.copy()
    values[:first] *= factor
    return replace(series, adj_close=values)


def kinds(old: Bars, new: Bars) -> list[tuple[str, int]]:
    """What a merge says of the stored bars: kind and number of rows."""
    return [(found.kind, found.n_rows) for found in merge(old, new).revisions]


def test_late_dividend_readjusts_the_older_part() -> None:
    """A vendor may enter a dividend after its day: the bars before it follow, the others stay."""
    late = adjusted(bars(3, 12), 4, 0.97)  # the dividend is of day 7; bars to day 9 were stored
    joined = merge(bars(0, 10), late)
    assert kinds(bars(0, 10), late) == [("readjusted", 7)]
    assert joined.revisions[0].last == np.datetime64("2024-01-07")
    assert equal(joined.bars, adjusted(bars(0, 12), 7, 0.97))


def test_unfinished_last_bar_hides_no_readjustment() -> None:
    """The newest stored bar is corrected and a dividend lies behind: both are told apart."""
    new = bars(3, 12, scale=0.97)
    factor = np.ones(9)
    factor[6] = 1.02  # day 9, the last one stored
    corrected = replace(new, close=new.close * factor, adj_close=new.adj_close * factor)
    joined = merge(bars(0, 10), corrected)
    assert kinds(bars(0, 10), corrected) == [("readjusted", 9), ("revised", 1)]
    assert joined.revisions[1].first == joined.revisions[1].last == np.datetime64("2024-01-10")
    np.testing.assert_allclose(joined.bars.adj_close[:9], bars(0, 9, scale=0.97).adj_close)


def test_split_divides_volume_and_dividends_too() -> None:
    """Prices, dividends per share and shares of the part not fetched stay of one measure."""
    paid = replace(bars(0, 8), dividends=np.where(np.arange(8) == 1, 0.5, 0.0))
    halves = {name: getattr(paid, name) / 2 for name in (*PRICE_COLUMNS, "dividends")}
    halved = replace(paid, volume=paid.volume * 2, **halves)
    assert kinds(paid.take(slice(6)), halved.take(slice(3, 8))) == [("readjusted", 6)]
    assert equal(merge(paid.take(slice(6)), halved.take(slice(3, 8))).bars, halved)


def test_auto_adjusted_prices_leave_the_volume() -> None:
    """A dividend multiplies all prices of an adjusted series, and no number of shares."""
    lowered = {name: getattr(bars(3, 8), name) * 0.97 for name in PRICE_COLUMNS}
    joined = merge(bars(0, 5), replace(bars(3, 8), **lowered))
    assert joined.readjusted == pytest.approx(0.97)
    np.testing.assert_array_equal(joined.bars.volume, bars(0, 8).volume)


@pytest.mark.parametrize("column", ["open", "volume", "dividends"])
def test_any_other_difference_is_a_revision(column: str) -> None:
    """The new value stands, and the report counts its row."""
    values = getattr(bars(2, 6), column).copy()
    values[1] += 3
    changes = {column: values}
    joined = merge(bars(0, 5), replace(bars(2, 6), **changes))
    assert [(found.kind, found.n_rows) for found in joined.revisions] == [("revised", 1)]
    assert getattr(joined.bars, column)[3] == values[1]


def test_rounding_is_no_change() -> None:
    """The same prices with another last digit leave the stored bars, and so the file, alone."""
    joined = merge(bars(0, 5), bars(0, 5, scale=1 + 1e-7))
    assert not joined.revisions
    assert equal(joined.bars, bars(0, 5))


def test_no_stored_bar_is_lost() -> None:
    """A source with a hole, or of every other day, removes nothing."""
    assert equal(merge(bars(0, 9), bars(0, 9).take(slice(None, None, 2))).bars, bars(0, 9))


rows = st.lists(st.integers(0, 29), min_size=1, unique=True).map(sorted)


@given(st.lists(rows, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(parts: list[list[int]], order: Random) -> None:
    """Files that agree where they overlap give one series, whichever comes first."""
    shuffled = parts.copy()
    order.shuffle(shuffled)
    results = []
    for sequence in (parts, shuffled):
        series = bars(0, 30).take(np.array(sequence[0]))
        for part in sequence[1:]:
            joined = merge(series, bars(0, 30).take(np.array(part)))
            assert not joined.revisions
            series = joined.bars
        results.append(series)
    assert equal(*results)
    assert equal(results[0], bars(0, 30).take(np.array(sorted({*chain(*parts)}))))


@given(rows, rows, st.floats(0.1, 10), st.lists(st.sampled_from([1.0, 1.0, 1.3]), min_size=30))
def test_merging_twice_changes_nothing(
    stored: list[int], fetched: list[int], scale: float, faults: list[float]
) -> None:
    """Whatever the second series says, it says it once."""
    values = bars(0, 30, scale)
    new = replace(values, close=values.close * np.array(faults[:30])).take(np.array(fetched))
    once = merge(bars(0, 30).take(np.array(stored)), new)
    twice = merge(once.bars, new)
    assert equal(once.bars, twice.bars)
    assert (twice.n_new, twice.revisions) == (0, ())
