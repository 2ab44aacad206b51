"""Bars in memory: cutting, joining, comparing."""

from dataclasses import replace

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars, concatenate, equal


def bars(n_bars: int = 5) -> Bars:
    """Daily bars from 2024-01-01 with prices 100, 101, ..."""
    price: FloatArray1D = np.arange(100, 100 + n_bars).astype(np.float64)
    return Bars(
        symbol="A",
        interval="1d",
        price_basis="unknown",
        timestamp=np.datetime64("2024-01-01") + np.arange(n_bars),
        open=price,
        high=price + 1,
        low=price - 1,
        close=price,
        adj_close=price,
        volume=price,
        dividends=price * np.nan,
        splits=price * np.nan,
    )


def test_until_is_all_that_was_known() -> None:
    """The cutoff's own bar is known at its close, the next one is not."""
    assert len(bars().until(np.datetime64("2024-01-03"))) == 3


def test_concatenate_and_equal() -> None:
    """Two halves are the whole, NaN included; another symbol is another series."""
    series = bars()
    halves = [series.take(slice(0, 2)), series.take(slice(2, None))]
    assert equal(concatenate(halves), series)
    assert not equal(series, replace(series, symbol="B"))
    assert not equal(series, halves[0])
