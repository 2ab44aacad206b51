"""The order of a file's rows and the spacing of its bars, both measured."""

from typing import Final

import numpy as np

from forecast_cli.arrays import IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.dates import DAY
from forecast_cli.errors import BadDataError
from forecast_cli.schema import DAILY

_WEEKLY_DAYS: Final = 5
_WEEKLY_ROWS: Final = 4
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400


def check_order(bars: Bars, source: str) -> None:
    """Refuse rows that are neither oldest nor newest first: something has mixed them up."""
    steps = np.diff(bars.timestamp).astype(np.int64)
    ascents, descents = steps > 0, steps < 0
    if not (ascents.any() and descents.any()):
        return
    odd = descents if ascents.sum() >= descents.sum() else ascents
    row = int(np.argmax(odd))
    days = bars.timestamp
    raise BadDataError(
        f"{source}: {bars.symbol}: the rows are out of order {int(odd.sum()):,} times, first"
        f" {days[row + 1]} below {days[row]}",
        fix="download the file again, or pass --sort if it is whole",
    )


def interval_of(bars: Bars, source: str) -> str:
    """The spacing of the rows, measured: neither file name nor column name can be believed.

    The most common one; most others must be multiples of it (nights, bars without a trade).
    """
    spacings = np.diff(bars.timestamp).astype(np.int64)
    if bars.timestamp.dtype == DAY:
        _check_daily(bars, spacings, source)
        return DAILY
    values, counts = np.unique(spacings, return_counts=True)
    seconds = int(values[np.argmax(counts)]) if len(values) else 0
    if not seconds:
        problem = "a single bar with a time of day does not tell its interval"
    elif seconds >= _DAY_S:
        problem = f"the bars carry a time of day but are {seconds / _DAY_S:.3g} days apart"
    elif seconds % _MINUTE_S or 2 * np.mean(spacings % seconds == 0) <= 1:
        problem = "the bars have no regular spacing of whole minutes"
    else:
        minutes = seconds // _MINUTE_S
        return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
    raise BadDataError(
        f"{source}: {bars.symbol}: {problem}",
        fix="download bars of one interval; daily bars carry dates alone",
    )


def _check_daily(bars: Bars, days: IntArray1D, source: str) -> None:
    if len(bars) < _WEEKLY_ROWS or 2 * np.count_nonzero(days >= _WEEKLY_DAYS) < len(days):
        return  # so is the median, which is slow to find
    if np.median(days) >= _WEEKLY_DAYS:
        raise BadDataError(
            f"{source}: {bars.symbol}: the bars are {np.median(days):.0f} days apart, expected"
            " daily bars",
            fix="download daily bars (interval 1d)",
        )
