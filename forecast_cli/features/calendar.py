"""The date as a feature. It needs no other bar: not even the last day of a month needs the next."""

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D

_DAYS_OF_WEEK = 7
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


def weekday_angle(dates: DateArray1D) -> FloatArray1D:
    """The weekday on a circle of seven days, in radians, Monday 0; shape (n,)."""
    weekday = (dates.astype("datetime64[D]").astype(np.int64) + _EPOCH_WEEKDAY) % _DAYS_OF_WEEK
    angle: FloatArray1D = 2 * np.pi * weekday / _DAYS_OF_WEEK
    return angle


def month_end(dates: DateArray1D) -> FloatArray1D:
    """1 / (1 + weekdays left in the month after each date): 1 on the last one, shape (n,).

    Weekdays and not sessions, so that the date alone decides (turn of the month: Ariel 1987).
    """
    next_month = (dates.astype("datetime64[M]") + 1).astype("datetime64[D]")
    left = np.busday_count(dates.astype("datetime64[D]") + 1, next_month)
    closeness: FloatArray1D = 1 / (1 + left.astype(np.float64))
    return closeness


def turn_of_year(dates: DateArray1D) -> FloatArray1D:
    """Cosine of the date's place in the year: 1 at its turn, -1 in the middle, shape (n,)."""
    first = dates.astype("datetime64[Y]").astype("datetime64[D]")
    following = (dates.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    share = (dates.astype("datetime64[D]") - first) / (following - first)
    place: FloatArray1D = np.cos(2 * np.pi * share)
    return place
