"""Is the difference between two forecasters more than luck, and how small a one could be seen?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtr, stdtrit

from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.evaluation.days import Days

_ROUNDING: Final = 1e-5
"""Relative difference below which two losses are one: networks compute in single precision."""
_SIZE, _POWER = 0.05, 0.8


@dataclass(frozen=True, kw_only=True)
class MeanTest:
    """A test that the mean of a series with a value per day is 0; NaN where undefined.

    statistic: has the sign of the mean. p: two-sided. n_days: length of the series. n_effective:
    independent days worth as much as these dependent ones. detectable: the smallest mean, in the
    unit of the series, that so many days would show in four cases of five.
    """

    statistic: float
    p: float
    n_days: int
    n_effective: float
    detectable: float


def diebold_mariano(
    losses: FloatArray1D, naive_losses: FloatArray1D, cutoffs: DateArray1D, *, horizon: int
) -> MeanTest:
    """Test equal expected loss of two forecasters on the same windows.

    Symbols move together, so the loss differential is first averaged by day (Diebold and Mariano
    1995); the rest is `mean_test`. The statistic is negative where the first one loses less.

    losses, naive_losses, cutoffs: shape (n,). Fewer than 2 days, no more days than the horizon has
    bars, or no difference beyond rounding give p = NaN.
    """
    days = Days.of(cutoffs)
    return diebold_mariano_by_day(days.means(losses), days.means(naive_losses), horizon=horizon)


def diebold_mariano_by_day(
    losses: FloatArray1D, naive_losses: FloatArray1D, *, horizon: int
) -> MeanTest:
    """The same on losses that are averaged by day already, shape (n_days,), oldest first."""
    if not differ(losses, naive_losses):
        return _undefined(len(losses))
    return mean_test(losses - naive_losses, horizon=horizon)


def differ(losses: FloatArray1D, others: FloatArray1D) -> bool:
    """Whether two series of losses differ by more than rounding; never where one is unknown."""
    if not len(losses):
        return False
    return bool(np.abs(losses - others).max() > _ROUNDING * np.abs(others).mean())


def mean_test(series: FloatArray1D, *, horizon: int) -> MeanTest:
    """Test that a series, as of returns over `horizon` bars that overlap, has mean 0.

    The long-run variance is the mean of the first B squared cosine coefficients, and the statistic
    follows Student's t with B degrees of freedom (equal-weighted cosine: Mueller 2004; Lazarus,
    Lewis, Stock and Watson 2018). B = 0.4 n^(2/3), their rule, and at most 0.4 n / horizon, below
    which frequencies an overlap of `horizon` bars cannot be seen.

    Size at a nominal 5 %, over 4,000 simulated series of overlapping sums of t(4) values: 4.6 to
    5.9 % at horizons of 1 to 60 bars over 300 to 1,250 days. Newey and West's variance with the
    factor of Harvey, Leybourne and Newbold (1997), which is more usual: 6.3 to 12.2 %.

    series: shape (n_days,), oldest first. Fewer than 2 days, no more days than the horizon has
    bars, a NaN or no variance leave the test undefined.
    """
    n_days = len(series)
    if n_days <= horizon:  # a horizon is at least 1, and a variance needs two days
        return _undefined(n_days)
    long_run, freedom = _long_run_variance(series, horizon)
    if not long_run > 0:
        return _undefined(n_days)
    error = float(np.sqrt(long_run / n_days))
    statistic = float(series.mean()) / error
    reach = stdtrit(freedom, 1 - _SIZE / 2) + stdtrit(freedom, _POWER)
    return MeanTest(
        statistic=statistic,
        p=float(2 * stdtr(freedom, -abs(statistic))),
        n_days=n_days,
        n_effective=min(n_days * float(series.var()) / long_run, float(n_days)),
        detectable=float(reach) * error,
    )


def _undefined(n_days: int) -> MeanTest:
    nan = float("nan")
    return MeanTest(statistic=nan, p=nan, n_days=n_days, n_effective=nan, detectable=nan)


def _long_run_variance(series: FloatArray1D, horizon: int) -> tuple[float, int]:
    """The equal-weighted cosine estimate, and its degrees of freedom B."""
    n = len(series)
    freedom = max(int(0.4 * min(n ** (2 / 3), n / horizon)), 1)
    waves = np.cos(np.pi / n * np.outer(np.arange(1, freedom + 1), np.arange(n) + 0.5))
    coefficients = np.sqrt(2 / n) * (waves @ (series - series.mean()))
    return float((coefficients**2).mean()), freedom


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values of several tests for their number (Benjamini and Hochberg 1995).

    Calling significant what is below 5 % here makes at most 5 % of such calls false on average.
    Undefined tests, None, count as no test and stay None.
    """
    defined = [position for position, p in enumerate(p_values) if p is not None]
    ascending = sorted(defined, key=lambda position: p_values[position] or 0.0)
    corrected: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    for rank in range(len(ascending), 0, -1):
        position = ascending[rank - 1]
        smallest = min(smallest, (p_values[position] or 0.0) * len(ascending) / rank)
        corrected[position] = smallest
    return corrected
