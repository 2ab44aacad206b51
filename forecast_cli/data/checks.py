"""Every check of a price series, in one list; each looks at the series and its calendar alone.

A check takes a validated series and returns the timestamps at fault. What is said about them, and
what follows, stands under the check's code in `findings.CODES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.sessions import Calendar
from forecast_cli.schema import DAILY

_RANGE_TOLERANCE: Final = 1e-4
"""Relative: vendors round open, high, low and close separately."""
_SPLIT_TOLERANCE: Final = 0.03
_LARGEST_SPLIT: Final = 50
_UNIT: Final = 100
_UNIT_TOLERANCE: Final = 0.1
_LARGE: Final = 0.4
"""Log return that few days of a market have."""
_QUIET: Final = 0.2
"""Log return that the days around a lone jump stay below."""
_STUCK: Final = 5
_ENOUGH: Final = 20
"""Bars from which on a habit of the whole series can be told from chance."""
_YEAR: Final = 252
_WEEKLY_DAYS: Final = 5
_WEEKLY_ROWS: Final = 10
_CLOSED_SHARE: Final = 0.01
_CLOSED_ROWS: Final = 3
"""One odd day in a short file says nothing about its calendar."""
_SETTLE: Final = timedelta(minutes=15)
"""After the close, until vendors show the official prices."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a check may look at. now: an instant with its zone; None where nobody waits for bars."""

    bars: Bars
    calendar: Calendar | None = None
    now: datetime | None = None


Check: TypeAlias = Callable[[Subject], DateArray1D]


# Prices and volumes.


def range_violations(subject: Subject) -> DateArray1D:
    """Bars whose high is below, or whose low is above, their open or close."""
    bars = subject.bars
    top = np.maximum(bars.open, bars.close) > bars.high * (1 + _RANGE_TOLERANCE)
    bottom = np.minimum(bars.open, bars.close) < bars.low * (1 - _RANGE_TOLERANCE)
    return bars.timestamp[top | bottom]


def split_like_jumps(subject: Subject) -> DateArray1D:
    """Lone jumps near a whole ratio that `splits` does not explain.

    A real crash can look the same, so nothing is changed.
    """
    return _jumps(subject.bars)[0]


def unit_jumps(subject: Subject) -> DateArray1D:
    """Jumps by a factor of about 100, there and back: a part of the file is in another unit."""
    return _jumps(subject.bars)[1]


def large_jumps(subject: Subject) -> DateArray1D:
    """The other log returns beyond 0.4: spin-offs and true crashes."""
    return _jumps(subject.bars)[2]


def _jumps(bars: Bars) -> tuple[DateArray1D, DateArray1D, DateArray1D]:
    """Large moves, shared out among the three causes."""
    ratio = bars.adj_close[1:] / bars.adj_close[:-1]
    rows = np.flatnonzero((ratio > np.exp(_LARGE)) | (ratio < np.exp(-_LARGE)))
    days = bars.timestamp[1:]
    if not len(rows):
        return days[rows], days[rows], days[rows]
    size = np.maximum(ratio[rows], 1 / ratio[rows])
    is_unit = np.abs(size / _UNIT - 1) < _UNIT_TOLERANCE
    whole = np.round(size)
    is_split = (whole > 1) & (whole <= _LARGEST_SPLIT)
    is_split &= np.abs(size / whole - 1) < _SPLIT_TOLERANCE
    is_split &= _is_quiet_around(ratio, rows)
    stated = bars.splits[1:][rows]
    stated = np.maximum(stated, 1 / stated)
    is_split &= ~(np.abs(size / stated - 1) < _SPLIT_TOLERANCE)
    is_other = ~(is_unit | is_split)
    return days[rows[is_split]], days[rows[is_unit]], days[rows[is_other]]


def _is_quiet_around(
    ratio: FloatArray1D, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> BoolArray1D:
    padded = np.abs(np.log(np.concatenate([[1.0], ratio, [1.0]])))
    quiet: BoolArray1D = (padded[rows] < _QUIET) & (padded[rows + 2] < _QUIET)
    return quiet


def stuck_prices(subject: Subject) -> DateArray1D:
    """Bars in a run of at least five equal closes."""
    close = subject.bars.close
    repeats = np.concatenate([[False], close[1:] == close[:-1]])
    return subject.bars.timestamp[_in_runs(repeats, _STUCK - 1)]


def _in_runs(mask: BoolArray1D, length: int) -> BoolArray1D:
    """The rows that lie in a run of at least so many rows of the mask, and the row before it."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    inside = np.zeros(len(mask), dtype=bool)
    for start, stop in zip(starts, stops, strict=True):
        if stop - start >= length:
            inside[max(start - 1, 0) : stop] = True
    return inside


def repeated_bars(subject: Subject) -> DateArray1D:
    """Bars that repeat the one before in every price and in volume.

    Not those of one price and without volume, as funds have them: equal days are normal there.
    """
    bars = subject.bars
    same = bars.volume[1:] == bars.volume[:-1]
    for name in ("open", "high", "low", "close"):
        values = getattr(bars, name)
        same &= values[1:] == values[:-1]
    same &= (bars.volume[1:] > 0) | (bars.high[1:] > bars.low[1:])
    repeated: DateArray1D = bars.timestamp[1:][same]
    return repeated


def flat_bars(subject: Subject) -> DateArray1D:
    """Bars of one price where most have four."""
    bars = subject.bars
    flat = (bars.high == bars.low) & (bars.open == bars.close) & (bars.open == bars.high)
    return bars.timestamp[flat] if 2 * flat.sum() < len(flat) else bars.timestamp[:0]


def zero_volumes(subject: Subject) -> DateArray1D:
    """Bars without volume where most have some."""
    none = subject.bars.volume == 0
    return (
        subject.bars.timestamp[none] if 2 * none.sum() < len(none) else subject.bars.timestamp[:0]
    )


def constant_volumes(subject: Subject) -> DateArray1D:
    """All bars of a series whose volume never changes."""
    volume = subject.bars.volume
    constant = len(volume) >= _ENOUGH and volume[0] > 0 and bool((volume == volume[0]).all())
    return subject.bars.timestamp if constant else subject.bars.timestamp[:0]


def short_series(subject: Subject) -> DateArray1D:
    """The bars of a daily series of less than a year; a fetch of the newest ones says nothing."""
    days = subject.bars.timestamp
    return days if subject.bars.interval == DAILY and len(days) < _YEAR else days[:0]


CHECKS: Final[dict[str, Check]] = {
    "range_violation": range_violations,
    "split_like_jump": split_like_jumps,
    "unit_jump": unit_jumps,
    "large_jump": large_jumps,
    "stuck_price": stuck_prices,
    "repeated_bar": repeated_bars,
    "flat_bar": flat_bars,
    "zero_volume": zero_volumes,
    "constant_volume": constant_volumes,
}
"""Of bars of any interval."""


# Daily bars and the exchange's calendar. Days the calendar does not know are left alone.


def wrong_intervals(subject: Subject) -> DateArray1D:
    """Runs of at least ten bars a week or more apart: a part of the history is of weekly bars."""
    days = subject.bars.timestamp
    apart = np.concatenate([[False], np.diff(days).astype(np.int64) >= _WEEKLY_DAYS])
    return days[_in_runs(apart, _WEEKLY_ROWS)]


def missing_sessions(subject: Subject) -> DateArray1D:
    """Sessions between the first and the last bar that have none."""
    if subject.calendar is None:
        return subject.bars.timestamp[:0]
    return subject.calendar.missing(subject.bars.timestamp)


def closed_days(subject: Subject) -> DateArray1D:
    """Bars on days that are no sessions."""
    if subject.calendar is None:
        return subject.bars.timestamp[:0]
    return subject.bars.timestamp[subject.calendar.is_closed(subject.bars.timestamp)]


def wrong_calendars(subject: Subject) -> DateArray1D:
    """Bars on closed days where there are too many: this is not the exchange's calendar."""
    days = closed_days(subject)
    many = len(days) >= _CLOSED_ROWS and len(days) > _CLOSED_SHARE * len(subject.bars)
    return days if many else days[:0]


def unfinished_bars(subject: Subject) -> DateArray1D:
    """The last bar, if its session has not closed, or only just."""
    days = subject.bars.timestamp
    if subject.calendar is None or subject.now is None:
        return days[:0]
    (closed,) = subject.calendar.closes_at(days[-1:])
    now = np.datetime64(subject.now.astimezone(UTC).replace(tzinfo=None), "us")
    return days[-1:] if now < closed + np.timedelta64(_SETTLE) else days[:0]


DAILY_CHECKS: Final[dict[str, Check]] = {
    "wrong_interval": wrong_intervals,
    "missing_session": missing_sessions,
    "closed_day": closed_days,
    "wrong_calendar": wrong_calendars,
    "unfinished_bar": unfinished_bars,
}
"""Of daily bars only."""


def run(subject: Subject) -> list[tuple[str, DateArray1D]]:
    """The code of each check of the list that finds something, and the timestamps at fault."""
    daily = subject.bars.interval == DAILY
    checks = {**CHECKS, **DAILY_CHECKS} if daily else CHECKS
    with np.errstate(divide="ignore", invalid="ignore"):
        found = [(code, check(subject)) for code, check in checks.items()]
    return [(code, dates) for code, dates in found if len(dates)]
