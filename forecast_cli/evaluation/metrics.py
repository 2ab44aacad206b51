"""Scores of forecasts, each built on the simpler ones: arrays in; a loss per window or a float out.

Inputs are arrays of shape (n,): one horizon at a time. No window at all, or a NaN among them, makes
a float NaN; every other case in which a score is not defined is named where it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.evaluation.days import Days
from forecast_cli.forecasts import LEVELS, probability_up, quantiles_at

PIT_BINS: Final = 10
_RELIABILITY_BINS: Final = 10


def pinball(
    returns: FloatArray1D, quantiles: FloatArray2D, levels: FloatArray1D = LEVELS
) -> FloatArray2D:
    """Pinball loss per window and level, shape (n, n_levels) (Koenker and Bassett 1978).

    quantiles: shape (n, n_levels).
    """
    error = returns[:, None] - quantiles
    losses: FloatArray2D = np.maximum(levels * error, (levels - 1) * error)
    return losses


def crps(returns: FloatArray1D, quantiles: FloatArray2D) -> FloatArray1D:
    """Continuous ranked probability score per window, in the unit of the returns.

    Twice the mean pinball loss over the 99 levels (Gneiting and Raftery 2007; Laio and Tamea 2007),
    which leaves the tails beyond 1 % and 99 % out. quantiles: shape (n, 99).
    """
    losses: FloatArray1D = 2 * pinball(returns, quantiles).mean(axis=1)
    return losses


def inside(returns: FloatArray1D, quantiles: FloatArray2D, level: float) -> FloatArray1D:
    """1 where the central range of a level holds the return, else 0; NaN without a range."""
    lower, upper = central_range(quantiles, level)
    held = ((lower <= returns) & (returns <= upper)).astype(np.float64)
    return np.where(np.isnan(lower), np.nan, held)


def width(quantiles: FloatArray2D, level: float) -> FloatArray1D:
    """Width of the central range of a level per window; NaN without a range."""
    lower, upper = central_range(quantiles, level)
    return upper - lower


def central_range(quantiles: FloatArray2D, level: float) -> tuple[FloatArray1D, FloatArray1D]:
    """Lower and upper end of the central range of a level, each of shape (n,)."""
    return quantiles_at(quantiles, (1 - level) / 2), quantiles_at(quantiles, (1 + level) / 2)


def pit(returns: FloatArray1D, quantiles: FloatArray2D) -> FloatArray1D:
    """Probability integral transform F(return) per window, within [0.01, 0.99] (Dawid 1984).

    Spread evenly over [0, 1] where the forecast distributions are right; NaN without a curve.
    """
    transformed: FloatArray1D = 1 - probability_up(quantiles - returns[:, None])
    return transformed


def pit_histogram(transformed: FloatArray1D) -> FloatArray1D:
    """Share of windows in each of ten equal bins of the PIT, shape (10,); all 0.1 is perfect.

    High outer bins: ranges too narrow. High middle bins: too wide. A slope: a bias (Diebold,
    Gunther and Tay 1998). NaN throughout where a PIT is not defined.
    """
    if not len(transformed) or np.isnan(transformed).any():
        return np.full(PIT_BINS, np.nan)
    bins = np.minimum((transformed * PIT_BINS).astype(np.int64), PIT_BINS - 1)
    shares: FloatArray1D = np.bincount(bins, minlength=PIT_BINS) / len(bins)
    return shares


def pit_distance(transformed: FloatArray1D) -> float:
    """Largest distance between the distribution of the PIT and the uniform one, in [0, 1].

    The statistic of Kolmogorov and Smirnov, without their p: windows are not independent.
    """
    n = len(transformed)
    if not n:
        return float("nan")
    ascending = np.sort(transformed)
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - ascending).max(), (ascending - steps[:-1]).max()))


def mae(error: FloatArray1D) -> float:
    """Mean absolute error, in the unit of the error."""
    return _mean(np.abs(error))


def rmse(error: FloatArray1D) -> float:
    """Root of the mean squared error, in the unit of the error."""
    return float(np.sqrt(_mean(error**2)))


def mase(error: FloatArray1D, naive_error: FloatArray1D) -> float:
    """Mean absolute scaled error (Hyndman and Koehler 2006): below 1 beats "no change".

    naive_error: mean absolute error of "no change" in training, of each window's symbol. NaN where
    one of them is 0: a price that never moved is no yardstick.
    """
    return _mean(np.abs(error) / naive_error) if (naive_error > 0).all() else float("nan")


def theil_u(error: FloatArray1D, returns: FloatArray1D) -> float:
    """RMSE divided by that of "no change" on the same windows (Theil's U2, 1966).

    NaN where no price moved.
    """
    naive = rmse(returns)
    return rmse(error) / naive if naive > 0 else float("nan")


def brier(returns: FloatArray1D, p_up: FloatArray1D) -> FloatArray1D:
    """Squared error of P(up) per window (Brier 1950)."""
    losses: FloatArray1D = (p_up - (returns > 0)) ** 2
    return losses


def direction_hits(returns: FloatArray1D, p_up: FloatArray1D) -> FloatArray1D:
    """1 where P(up) was on the right side of one half, 0 on the wrong one, 0.5 exactly on it."""
    said_up = p_up > 0.5  # noqa: PLR2004 - even odds
    hits = (said_up == (returns > 0)).astype(np.float64)
    return np.where(p_up == 0.5, 0.5, hits)  # noqa: PLR2004 - even odds


def mcc(returns: FloatArray1D, p_up: FloatArray1D) -> float:
    """Matthews correlation between the direction said and the one that came, in [-1, 1].

    0 when one of them never varies: always saying "up" is worth nothing here.
    """
    said, came = p_up > 0.5, returns > 0  # noqa: PLR2004 - even odds
    if said.all() or not said.any() or came.all() or not came.any():
        return 0.0
    return float(np.corrcoef(said, came)[0, 1])


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Forecasts of about the same P(up): how many, what they said on average, how often it rose."""

    n: int
    p_up: float
    rose: float


def reliability(returns: FloatArray1D, p_up: FloatArray1D) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram in ten equal steps of P(up), ascending; empty steps are left out.

    Nothing at all where a forecaster gave no P(up) for some window.
    """
    if np.isnan(p_up).any():
        return ()
    step = np.minimum((p_up * _RELIABILITY_BINS).astype(np.int64), _RELIABILITY_BINS - 1)
    rose = returns > 0
    return tuple(
        ReliabilityBin(
            n=int(held.sum()), p_up=float(p_up[held].mean()), rose=float(rose[held].mean())
        )
        for held in (step == each for each in np.unique(step))
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: how far off P(up) is on average (Naeini et al. 2015); or NaN."""
    n = sum(each.n for each in bins)
    return sum(each.n * abs(each.p_up - each.rose) for each in bins) / n if n else float("nan")


def information_coefficients(
    point: FloatArray1D, returns: FloatArray1D, cutoffs: DateArray1D, *, fewest: int = 5
) -> FloatArray1D:
    """Rank correlation across symbols of forecast and return, a value per day (Grinold 1989).

    Spearman's, ties sharing their mean rank. A day counts if at least `fewest` symbols have a
    window and neither forecasts nor returns are all the same. Returns shape (n_days_that_count,).
    """
    days = Days.of(cutoffs)
    said, came = _ranks(point, days), _ranks(returns, days)
    spread = np.sqrt(days.sums(said**2) * days.sums(came**2))
    counts = (days.size >= fewest) & (spread > 0)  # NaN, where nothing was said, does not count
    coefficients: FloatArray1D = days.sums(said * came)[counts] / spread[counts]
    return coefficients


def _ranks(values: FloatArray1D, days: Days) -> FloatArray1D:
    """Rank of each value within its day, less the day's mean rank; shape (n,)."""
    if np.isnan(values).any():
        return np.full(len(values), np.nan)
    order = np.lexsort((values, days.of_day))
    day, value = days.of_day[order], values[order]
    place = np.arange(len(values)) - (np.cumsum(days.size) - days.size)[day]
    starts = np.ones(len(values), dtype=np.bool_)
    starts[1:] = (day[1:] != day[:-1]) | (value[1:] != value[:-1])
    tied = np.cumsum(starts) - 1
    shared = np.bincount(tied, place) / np.bincount(tied)
    ranks = np.empty(len(values))
    ranks[order] = shared[tied] - (days.size[day] - 1) / 2
    return ranks


def _mean(values: FloatArray1D) -> float:
    return float(values.mean()) if len(values) else float("nan")
