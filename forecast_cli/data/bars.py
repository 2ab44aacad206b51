"""Bars: one validated price series in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.schema import BAR_COLUMNS, PriceBasis


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """One symbol's bars. All arrays have shape (n_bars,), oldest first.

    timestamp: session dates, `datetime64[D]`; of intraday bars the instants in UTC at which they
    start, `datetime64[s]`, each complete one interval later. Prices in the exchange's currency;
    `adj_close` is the close that returns are computed from. `dividends` and `splits` are NaN where
    unknown. zone: of the exchange's clock, for intraday bars.
    """

    symbol: str
    interval: str
    price_basis: PriceBasis
    timestamp: DateArray1D
    open: FloatArray1D
    high: FloatArray1D
    low: FloatArray1D
    close: FloatArray1D
    adj_close: FloatArray1D
    volume: FloatArray1D
    dividends: FloatArray1D
    splits: FloatArray1D
    zone: str | None = None

    def __len__(self) -> int:
        return len(self.timestamp)

    def take(self, rows: IntArray1D | BoolArray1D | slice) -> "Bars":
        """The bars of some rows, given as indices, mask or slice."""
        return replace(self, **{name: getattr(self, name)[rows] for name in BAR_COLUMNS})

    def until(self, last: np.datetime64) -> "Bars":
        """The bars up to and including a date: all that was known at its close."""
        return self.take(self.timestamp <= last)


def concatenate(parts: Sequence[Bars]) -> Bars:
    """Join bars of one symbol row after row; neither sorted nor checked."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in BAR_COLUMNS
    }
    return replace(parts[0], **columns)


def equal(left: Bars, right: Bars) -> bool:
    """Whether two series hold the same values; NaN equals NaN."""
    return len(left) == len(right) and all(
        np.array_equal(getattr(left, f.name), getattr(right, f.name), equal_nan=True)
        if f.name in BAR_COLUMNS
        else getattr(left, f.name) == getattr(right, f.name)
        for f in fields(Bars)
    )
