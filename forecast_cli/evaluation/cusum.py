"""Has the 90 % range ceased to hold? A cumulative sum that rings when it has, and seldom before.

The upper Bernoulli CUSUM of Reynolds and Stoumbos (1999) on misses of the range: the log-likelihood
ratio of a miss rate of 20 % against the promised 10 %, summed up from day to day and never below 0.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.evaluation.days import Days

_PROMISED: Final = 0.1
_BROKEN: Final = 0.2
_OF_A_MISS: Final = math.log(_BROKEN / _PROMISED)
_OF_A_HIT: Final = math.log((1 - _BROKEN) / (1 - _PROMISED))

THRESHOLD: Final = 3.4
"""A single symbol whose range holds as promised passes it once in 1,000 observations on average,
one whose range is missed twice as often after 60."""


@dataclass(frozen=True, kw_only=True)
class Cusum:
    """The sum as it stands after n observations.

    since: cutoff of the observation at which the sum passed the threshold that it still is above;
    None without alarm.
    """

    statistic: float
    n: int
    since: np.datetime64 | None

    @property
    def alarm(self) -> bool:
        """Whether the sum stands above the threshold."""
        return self.since is not None


def cusum(missed: FloatArray1D, cutoffs: DateArray1D, known_from: DateArray1D) -> Cusum:
    """Sum up misses of the 90 % range, the oldest cutoff first.

    missed: 1 or 0 per forecast, shape (n,). One observation a day: the mean over its symbols, which
    is slower than each of them to ring, since symbols move together. A day counts only if
    its forecasts were made when the target of the day counted before was known (`known_from`), so
    that no bar is in two observations.
    """
    days, first = np.unique(cutoffs, return_index=True)
    counted = disjoint(days, known_from[first])
    steps = np.where(missed > 0, _OF_A_MISS, _OF_A_HIT)
    statistic, since = 0.0, None
    for day, step in zip(days[counted], Days.of(cutoffs).means(steps)[counted], strict=True):
        statistic = max(0.0, statistic + float(step))
        if statistic < THRESHOLD:
            since = None
        elif since is None:
            since = day
    return Cusum(statistic=statistic, n=len(counted), since=since)


def disjoint(days: DateArray1D, known_from: DateArray1D) -> IntArray1D:
    """Positions of the days that a walk visits which waits for each day's targets to be known."""
    visited: list[int] = []
    for position, day in enumerate(days):
        if not visited or day >= known_from[visited[-1]]:
            visited.append(position)
    return np.array(visited, dtype=np.int64)
