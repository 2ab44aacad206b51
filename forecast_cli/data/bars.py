"""Bars: one validated price series in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.errors import BadDataError
from forecast_cli.schema import BAR_COLUMNS, PRICE_COLUMNS, PriceBasis

_SHOWN: Final = 3
"""How many faults, or dates of one fault, a message spells out."""


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


@dataclass(frozen=True)
class Finding:
    """Something a user should know about a series that can still be used."""

    code: str
    message: str
    n_rows: int


def validate(bars: Bars, *, source: str, today: date) -> tuple[Bars, list[Finding]]:
    """Sort and check a freshly read series.

    Returns the series, ascending with one bar per date, and findings that do not stop it. Raises
    BadDataError, naming every fault, for prices that are missing, not finite or not positive,
    negative volume, dates out of range and dates that appear twice with different values.
    """
    if not len(bars):
        raise BadDataError(f"{source}: {bars.symbol} has no rows")
    faults = [*_bad_values(bars), *_bad_dates(bars, today)]
    ordered, findings = _sorted_by_date(bars)
    repeated = ordered.timestamp[1:] == ordered.timestamp[:-1]
    faults += _conflicts(ordered, repeated)
    if faults:
        shown = "; ".join(faults[:_SHOWN])
        shown += f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise BadDataError(
            f"{source}: {bars.symbol}: {shown}", fix="correct these rows or download the file again"
        )
    if repeated.any():
        ordered = ordered.take(np.concatenate([[True], ~repeated]))
        count = int(repeated.sum())
        findings.append(Finding("duplicate_bar", f"{count} repeated bars dropped", count))
    return ordered, [*findings, *_odd_ranges(ordered)]


def _bad_values(bars: Bars) -> list[str]:
    faults = []
    for name in PRICE_COLUMNS:
        values = getattr(bars, name)
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            faults.append(
                f"{name} is missing, not finite or not positive on {_rows(bars, bad)}"
                " (expected a price above 0)"
            )
    bad_volume = ~(np.isfinite(bars.volume) & (bars.volume >= 0))
    if bad_volume.any():
        faults.append(f"volume is negative or not finite on {_rows(bars, bad_volume)}")
    return faults


def _bad_dates(bars: Bars, today: date) -> list[str]:
    # One day of grace: east of the reader, tomorrow's session may already have closed.
    latest = np.datetime64(today, "D") + 1
    outside = (bars.timestamp < np.datetime64("1800-01-01")) | (bars.timestamp > latest)
    if not outside.any():
        return []
    return [f"the date lies before 1800 or in the future on {_rows(bars, outside)}"]


def _sorted_by_date(bars: Bars) -> tuple[Bars, list[Finding]]:
    steps = np.diff(bars.timestamp).astype(np.int64)
    if (steps >= 0).all():
        return bars, []
    if (steps <= 0).all():
        return bars.take(slice(None, None, -1)), [
            Finding("newest_first", "rows were newest first; sorted", len(bars))
        ]
    count = int((steps < 0).sum())
    order = np.argsort(bars.timestamp, kind="stable")
    return bars.take(order), [Finding("unsorted", f"rows were out of order {count} times", count)]


def _conflicts(ordered: Bars, repeated: BoolArray1D) -> list[str]:
    differs = np.zeros(len(repeated), dtype=bool)
    for name in BAR_COLUMNS[1:]:
        values = getattr(ordered, name)
        differs |= (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    conflict = np.concatenate([[False], repeated & differs])
    if not conflict.any():
        return []
    return [f"two different bars for the same date on {_rows(ordered, conflict)}"]


def _odd_ranges(bars: Bars) -> list[Finding]:
    # 0.01 % of tolerance: vendors round open, high, low and close separately.
    top = np.maximum(bars.open, bars.close) > bars.high * 1.0001
    bottom = np.minimum(bars.open, bars.close) < bars.low * 0.9999
    odd = top | bottom
    if not odd.any():
        return []
    message = f"high and low do not contain open and close on {_rows(bars, odd)}"
    return [Finding("range_violation", message, int(odd.sum()))]


def _rows(bars: Bars, mask: BoolArray1D) -> str:
    dates = [str(day) for day in bars.timestamp[mask][:_SHOWN]]
    count = int(mask.sum())
    return ", ".join(dates) + (f" and {count - _SHOWN} more dates" if count > _SHOWN else "")
