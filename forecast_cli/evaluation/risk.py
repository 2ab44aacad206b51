"""Value at risk and expected shortfall of holding a symbol, and whether they held.

Losses are negative log returns. A breach is a loss beyond the value at risk; there should be as
many as the level says, and they should not come in clusters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from scipy.special import chdtrc, xlogy

from forecast_cli.arrays import BoolArray1D, FloatArray, FloatArray1D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts, quantiles_at

RISK_LEVELS: Final = (0.95, 0.99)
_PERCENT: Final = 100.0
_STEP: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class RiskScore:
    """How the value at risk of one horizon and level did, over all symbols. None: not defined.

    n: windows tested, none overlapping another of its symbol. breaches: losses beyond the value at
    risk. value_at_risk: its mean; expected_shortfall and loss_beyond: what was forecast and what
    came where it was breached; all three in per cent of log return. kupiec_p: are there as many
    breaches as there should be; independence_p: do they come one by one; coverage_p: both at once.
    Where there are several symbols, p is the smallest times their number (Bonferroni), which holds
    however they move together.
    """

    horizon: int
    level: float
    n: int
    breaches: int
    value_at_risk: float
    expected_shortfall: float | None
    loss_beyond: float | None
    kupiec_p: float
    independence_p: float
    coverage_p: float


def risk_scores(made: Forecasts, windows: Windows) -> list[RiskScore]:
    """Score the lower tail, horizon by horizon and level by level; empty without quantiles.

    windows: what was forecast, in the order of the forecasts, each symbol's by cutoff.
    """
    if np.isnan(made.quantiles).any():
        return []
    return [
        _score(made, windows, column, level)
        for column in range(len(windows.horizons))
        for level in RISK_LEVELS
    ]


def value_at_risk(quantiles: FloatArray, level: float) -> FloatArray:
    """The loss that is exceeded with probability 1 - level. quantiles: shape (..., 99)."""
    return -quantiles_at(quantiles, 1 - level)


def expected_shortfall(quantiles: FloatArray, level: float) -> FloatArray:
    """The mean loss beyond the value at risk; level: 0.95 or 0.99. quantiles: shape (..., 99).

    The mean of the curve up to its 1 - level quantile. Below 1 % the grid ends: there the tail is
    exponential, of the size that the 1 and 5 % quantiles show (the generalised Pareto tail with
    shape 0 of McNeil, Frey and Embrechts 2015, section 5.2), so that its mean lies one size beyond.
    """
    at_1, at_5 = (quantiles_at(quantiles, share) for share in (0.01, 0.05))
    tail = at_1 - (at_5 - at_1) / log(5)
    n_steps = round((1 - level - LEVELS[0]) / _STEP)
    steps = [(quantiles[..., i] + quantiles[..., i + 1]) / 2 for i in range(n_steps)]
    mean: FloatArray = -sum(steps, start=tail) / (n_steps + 1)
    return mean


def kupiec(breaches: BoolArray1D, share: float) -> float:
    """Likelihood ratio of the observed share of breaches to the promised one (Kupiec 1995).

    Chi-squared with 1 degree of freedom where the promise holds.
    """
    count = np.array([len(breaches) - breaches.sum(), breaches.sum()])
    promised = np.array([1 - share, share])
    return _likelihood_ratio(count, promised)


def independence(breaches: BoolArray1D) -> float:
    """Likelihood ratio of "a breach depends on the one before" to "it does not".

    A first-order Markov chain against a constant share (Christoffersen 1998, section 3.2).
    Chi-squared with 1 degree of freedom where breaches come independently.
    """
    before, after = breaches[:-1], breaches[1:]
    count = np.array([[np.sum((before == i) & (after == j)) for j in (0, 1)] for i in (0, 1)])
    common = count.sum(axis=0) / max(count.sum(), 1)
    return sum(_likelihood_ratio(row, common) for row in count)


def _likelihood_ratio(count: FloatArray, promised: FloatArray) -> float:
    """2 * (log likelihood of the observed shares - that of the promised ones)."""
    observed = count / max(count.sum(), 1)
    ratio = 2 * float(np.sum(xlogy(count, observed)) - np.sum(xlogy(count, promised)))
    return max(ratio, 0.0)


def _score(made: Forecasts, windows: Windows, column: int, level: float) -> RiskScore:
    """Pooled figures, and tests symbol by symbol."""
    horizon = windows.horizons[column]
    symbols = [
        np.flatnonzero(windows.symbol_index == index)[::horizon]
        for index in np.unique(windows.symbol_index)
    ]
    losses, quantiles = -windows.returns[:, column], made.quantiles[:, column]
    limits = value_at_risk(quantiles, level)
    breached = losses > limits
    rows = np.concatenate(symbols)
    beyond = rows[breached[rows]]
    share = 1 - level

    def smallest_p(statistic: Callable[[BoolArray1D], float], degrees: int) -> float:
        p = [float(chdtrc(degrees, statistic(breached[of]))) for of in symbols]
        return min(1.0, min(p) * len(p))

    return RiskScore(
        horizon=horizon,
        level=level,
        n=len(rows),
        breaches=len(beyond),
        value_at_risk=float(limits[rows].mean()) * _PERCENT,
        expected_shortfall=_mean_percent(expected_shortfall(quantiles[beyond], level)),
        loss_beyond=_mean_percent(losses[beyond]),
        kupiec_p=smallest_p(lambda of: kupiec(of, share), 1),
        independence_p=smallest_p(independence, 1),
        coverage_p=smallest_p(lambda of: kupiec(of, share) + independence(of), 2),
    )


def _mean_percent(values: FloatArray1D) -> float | None:
    return float(values.mean()) * _PERCENT if len(values) else None
