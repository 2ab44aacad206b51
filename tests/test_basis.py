"""What close means, and total returns from it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.basis import basis_of, with_total_returns
from forecast_cli.data.reader import read_bytes
from forecast_cli.data.series import ReadOptions, ReadSeries
from forecast_cli.errors import BadDataError
from forecast_cli.schema import PriceBasis

TODAY = date(2024, 12, 31)
ACTIONS = """\
Date,Close,Dividends,Stock Splits
2024-03-07,100,0,0
2024-03-08,99,1,0
2024-03-11,49.5,0,2
2024-03-12,25,0.5,2
"""
"""As traded: a dividend, a split, and both on one day."""
FLAT = "Date,Close\n2024-03-07,100\n2024-03-08,99\n"


def read(text: str, basis: PriceBasis | None = None) -> ReadSeries:
    """The one symbol of a text."""
    options = ReadOptions(price_basis=basis)
    (part,) = read_bytes(text.encode(), source="x.csv", symbol="X", today=TODAY, options=options)
    if isinstance(part, ReadSeries):
        return part
    raise part.error


def codes(part: ReadSeries) -> list[str]:
    """The kinds of findings."""
    return [finding.code for finding in part.findings]


@pytest.mark.parametrize(
    ("columns", "kind", "basis"),
    [
        ("close adj_close", "", "split_adjusted"),
        ("close adj_close", "yfinance intraday", "split_adjusted"),
        ("adj_close", "", "adjusted"),
        ("close dividends", "", "adjusted"),
        ("close splits", "", "adjusted"),
        ("close dividends", "intraday", "split_adjusted"),
        ("close", "yfinance", "adjusted"),
        ("close", "yfinance intraday", "split_adjusted"),
        ("close volume", "", "unknown"),
        ("close volume", "intraday", "unknown"),
    ],
)
def test_what_the_columns_tell(columns: str, kind: str, basis: str) -> None:
    """An adjusted close beside it, actions or yfinance's own header tell; prices alone do not."""
    prices = dict.fromkeys(columns.split(), np.ones(1))
    assert basis_of(prices, is_yfinance="yfinance" in kind, is_intraday="intraday" in kind) == basis


def test_raw_prices_with_actions_earn_total_returns() -> None:
    """One share at 100 is worth 100, 100, 100 and 102 after its dividends and splits."""
    part = read(ACTIONS, "raw")
    worth = part.bars.adj_close / part.bars.adj_close[0]
    np.testing.assert_allclose(worth, [1, 1, 1, 1 * (25.5 * 2) / 49.5])
    assert part.bars.adj_close[-1] == 25
    assert part.bars.price_basis == "raw"
    assert part.bars.close.tolist() == [100, 99, 49.5, 25]


def test_split_adjusted_prices_earn_dividends_only() -> None:
    """The vendor has taken the splits out already."""
    part = read(ACTIONS, "split_adjusted")
    returns = part.bars.adj_close[1:] / part.bars.adj_close[:-1]
    np.testing.assert_allclose(returns, [1, 0.5, 25.5 / 49.5])


@pytest.mark.parametrize("basis", ["adjusted", None])
def test_adjusted_prices_are_never_adjusted_twice(basis: PriceBasis | None) -> None:
    """Their returns earn the dividends as they are (D1)."""
    bars = read(ACTIONS, basis).bars
    assert bars.price_basis == "adjusted"
    np.testing.assert_array_equal(bars.adj_close, bars.close)


def test_the_vendors_adjusted_close_comes_first() -> None:
    """Where the file has an Adj Close, nothing is computed; the user may still call Close raw."""
    text = "Date,Close,Adj Close,Dividends\n2024-03-07,100,90,0\n2024-03-08,99,99,1\n"
    bars = read(text, "raw").bars
    assert bars.price_basis == "raw"
    assert bars.adj_close.tolist() == [90, 99]
    with pytest.raises(BadDataError, match=r"Adj Close differs from Close .*2024-03-07"):
        read(text, "adjusted")


@pytest.mark.parametrize(
    ("basis", "code"),
    [
        (None, "price_basis_unknown"),
        ("raw", "price_returns"),
        ("split_adjusted", "price_returns"),
        ("adjusted", None),
    ],
)
def test_prices_alone(basis: PriceBasis | None, code: str | None) -> None:
    """A file of the shape that Stooq shares with others: what it means, or lacks, is said."""
    part = read(FLAT, basis)
    assert part.bars.price_basis == (basis or "unknown")
    assert codes(part) == [*([code] if code else []), "close_only"]


def test_how_an_unknown_basis_is_settled() -> None:
    """The message names the option and where to look."""
    (finding,) = [f for f in read(FLAT).findings if f.code == "price_basis_unknown"]
    assert "compare an old close with the vendor's chart" in finding.message
    assert "--price-basis" in finding.message


positive = st.floats(0.01, 1000)


@given(
    st.lists(
        st.tuples(positive, st.floats(0, 5), st.sampled_from([0.0, 0.5, 2.0, np.nan])),
        min_size=3,
        max_size=30,
    ),
    st.data(),
)
def test_later_rows_change_no_return(
    rows: list[tuple[float, float, float]], data: st.DataObject
) -> None:
    """A return is of two neighbouring bars: dividends and splits to come only scale the series."""
    end = data.draw(st.integers(2, len(rows)))
    whole = with_total_returns(raw_bars(rows)).adj_close[:end]
    part = with_total_returns(raw_bars(rows[:end])).adj_close
    np.testing.assert_allclose(whole[1:] / whole[:-1], part[1:] / part[:-1], rtol=1e-9)


def raw_bars(rows: list[tuple[float, float, float]]) -> Bars:
    """Bars as traded from closes, dividends and splits."""
    close, dividends, splits = (np.array(column) for column in zip(*rows, strict=True))
    ones: FloatArray1D = np.ones(len(rows))
    bars = Bars(
        symbol="X",
        interval="1d",
        price_basis="raw",
        timestamp=np.datetime64("2024-01-01") + np.arange(len(rows)),
        open=ones,
        high=ones,
        low=ones,
        close=ones,
        adj_close=ones,
        volume=ones,
        dividends=dividends,
        splits=splits,
    )
    return replace(bars, close=close, adj_close=close)
