"""Scores of forecasts. Losses are per window; means over them are the scores.

Inputs are arrays of shape (n,): one horizon at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.forecasts import LEVELS, quantiles_at

_BINS: Final = 10


def crps(returns: FloatArray1D, quantiles: FloatArray2D) -> FloatArray1D:
    """Continuous ranked probability score per window, in the unit of the returns.

    Twice the mean pinball loss over the 99 levels (Gneiting and Raftery 2007; Laio and Tamea 2007),
    which leaves the tails beyond 1 % and 99 % out. quantiles: shape (n, 99).
    """
    error = returns[:, None] - quantiles
    pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error)
    losses: FloatArray1D = 2 * pinball.mean(axis=1)
    return losses


def inside(returns: FloatArray1D, quantiles: FloatArray2D, level: float) -> FloatArray1D:
    """1 where the central range of a level holds the return, else 0; NaN without a range."""
    lower = quantiles_at(quantiles, (1 - level) / 2)
    upper = quantiles_at(quantiles, (1 + level) / 2)
    held = ((lower <= returns) & (returns <= upper)).astype(np.float64)
    return np.where(np.isnan(lower), np.nan, held)


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
    """The reliability diagram in ten equal steps of P(up), ascending; empty steps are left out."""
    step = np.minimum((p_up * _BINS).astype(np.int64), _BINS - 1)
    rose = returns > 0
    return tuple(
        ReliabilityBin(
            n=int(held.sum()), p_up=float(p_up[held].mean()), rose=float(rose[held].mean())
        )
        for held in (step == each for each in np.unique(step))
    )


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error (ECE): how far off P(up) is on average (Naeini et al. 2015)."""
    n = sum(each.n for each in bins)
    return sum(each.n * abs(each.p_up - each.rose) for each in bins) / n
