"""Is the difference between two forecasters more than luck?"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtr

from forecast_cli.arrays import DateArray1D, FloatArray1D

_ROUNDING: Final = 1e-5
"""Relative difference below which two losses are one: networks compute in single precision."""


@dataclass(frozen=True, kw_only=True)
class DieboldMariano:
    """statistic: negative where the first forecaster loses less. p: two-sided, NaN if undefined.

    n_days: distinct cutoffs. n_effective: independent days worth as much as these dependent ones.
    """

    statistic: float
    p: float
    n_days: int
    n_effective: float


def diebold_mariano(
    losses: FloatArray1D, naive_losses: FloatArray1D, cutoffs: DateArray1D, *, horizon: int
) -> DieboldMariano:
    """Test equal expected loss of two forecasters on the same windows.

    Symbols move together, so the loss differential is first averaged by day. Its variance is
    Newey-West's with Bartlett weights over max(horizon - 1, n_days^(1/3)) lags, the statistic gets
    the small-sample factor of Harvey, Leybourne and Newbold (1997), and p comes from Student's t
    with n_days - 1 degrees of freedom (Diebold and Mariano 1995).

    losses, naive_losses, cutoffs: shape (n,). Fewer than 2 days, no more days than the horizon has
    bars, or no difference beyond rounding give p = NaN.
    """
    days, of_day = np.unique(cutoffs, return_inverse=True)
    n_days = len(days)
    undefined = DieboldMariano(
        statistic=float("nan"), p=float("nan"), n_days=n_days, n_effective=float("nan")
    )
    if n_days <= horizon:  # a horizon is at least 1, and a variance needs two days
        return undefined
    difference = np.bincount(of_day, losses - naive_losses) / np.bincount(of_day)
    if not np.abs(difference).max() > _ROUNDING * np.abs(naive_losses).mean():
        return undefined
    variance, long_run_variance = _variances(difference, horizon)
    if not long_run_variance > 0:
        return undefined
    statistic = difference.mean() / np.sqrt(long_run_variance / n_days)
    factor = n_days + 1 - 2 * horizon + horizon * (horizon - 1) / n_days
    statistic *= np.sqrt(factor / n_days)
    return DieboldMariano(
        statistic=float(statistic),
        p=float(2 * stdtr(n_days - 1, -abs(statistic))),
        n_days=n_days,
        n_effective=min(n_days * variance / long_run_variance, float(n_days)),
    )


def _variances(difference: FloatArray1D, horizon: int) -> tuple[float, float]:
    """The variance of a series, and its long-run variance (Newey and West 1987)."""
    n_days = len(difference)
    n_lags = min(max(horizon - 1, int(np.ceil(n_days ** (1 / 3)))), n_days - 1)
    centred = difference - difference.mean()
    covariances = [
        float(centred[lag:] @ centred[: n_days - lag]) / n_days for lag in range(n_lags + 1)
    ]
    weights = [1 - lag / (n_lags + 1) for lag in range(n_lags + 1)]
    long_run = covariances[0] + 2 * sum(
        weight * covariance for weight, covariance in zip(weights[1:], covariances[1:], strict=True)
    )
    return covariances[0], long_run
