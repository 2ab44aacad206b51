"""From forecasts to target positions, as fractions of equity.

Row t of every array holds what is known, or decided, at the close of day t. Nothing is delayed
here: that a position is traded only on the next day is the business of `accounting` alone.

A rule gives stakes: multiples of an equal share of the equity, negative where short, NaN where it
has nothing to say. `target_positions` makes positions of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from forecast_cli.arrays import BoolArray2D, FloatArray2D

RuleName: TypeAlias = Literal[
    "sign", "long-only", "threshold", "mean-variance", "vol-target", "top-bottom", "position"
]

DEFAULT_RULES: Final[tuple[RuleName, ...]] = ("sign", "long-only")

_FEWEST_RANKED: Final = 2
_MOST_VOLATILITY_SCALED: Final = 2.0
"""Largest stake in calm times; 2 is double the money."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """What was forecast over the horizon, by day and symbol; NaN where nothing was.

    p_up: probability of rising. median, mean, variance: of the log return. position: what a
    forecaster that decides itself would hold. Every array has shape (n_days, n_symbols).
    horizon: days a forecast looks ahead, at least 1. periods_per_year: bars in a year.
    """

    p_up: FloatArray2D
    median: FloatArray2D
    mean: FloatArray2D
    variance: FloatArray2D
    position: FloatArray2D
    horizon: int
    periods_per_year: float = 252

    @property
    def forecast(self) -> BoolArray2D:
        """Where there is a forecast."""
        return ~np.isnan(self.p_up)

    @property
    def volatility(self) -> FloatArray2D:
        """Annualised standard deviation of the log return, NaN where it has none."""
        per_year = self.periods_per_year / self.horizon
        return np.sqrt(np.where(self.variance > 0, self.variance, np.nan) * per_year)


@dataclass(frozen=True, kw_only=True)
class RuleSettings:
    """Numbers that rules ask for.

    threshold: P(up) above which `threshold` buys; it sells short below 1 - threshold.
    risk_aversion: of `mean-variance`; 1 maximises growth. target_volatility: per year, of
    `vol-target`. cross_section: share of the symbols on each side of `top-bottom`.
    """

    threshold: float = 0.52
    risk_aversion: float = 5.0
    target_volatility: float = 0.1
    cross_section: float = 0.2


def sign(outlook: Outlook, _: RuleSettings) -> FloatArray2D:
    """Long where P(up) is above 0.5, short below, flat at 0.5 exactly."""
    return np.sign(outlook.p_up - 0.5)


def long_only(outlook: Outlook, settings: RuleSettings) -> FloatArray2D:
    """As `sign`, but flat instead of short."""
    return np.maximum(sign(outlook, settings), 0.0)


def threshold(outlook: Outlook, settings: RuleSettings) -> FloatArray2D:
    """As `sign`, but flat where P(up) is not further from 0.5 than the threshold."""
    sure = np.abs(outlook.p_up - 0.5) > settings.threshold - 0.5
    return np.where(sure, sign(outlook, settings), 0.0)


def mean_variance(outlook: Outlook, settings: RuleSettings) -> FloatArray2D:
    """Mean / (risk aversion * variance), from -1 to 1 (Merton 1969).

    The mean of the log return stands for that of the simple return, which is larger by half the
    variance: without it, a forecast of no change leads to no position.
    """
    variance = np.where(outlook.variance > 0, outlook.variance, np.nan)
    return np.clip(outlook.mean / (settings.risk_aversion * variance), -1.0, 1.0)


def volatility_target(outlook: Outlook, settings: RuleSettings) -> FloatArray2D:
    """As `sign`, times target volatility / volatility forecast, at most 2 (Moreira and Muir 2017).

    Each symbol has the target volatility; a portfolio of several has less.
    """
    scale = settings.target_volatility / outlook.volatility
    return sign(outlook, settings) * np.minimum(scale, _MOST_VOLATILITY_SCALED)


def top_bottom(outlook: Outlook, settings: RuleSettings) -> FloatArray2D:
    """Long the symbols with the highest forecasts of the day, short as many with the lowest.

    Ranked by the median, where all have one, else by P(up); each side gets half the equity, shared
    equally. Symbols tied at the edge of a side all belong to it, and one that belongs to both is
    left out: where nothing tells the symbols apart, nothing is traded.
    """
    lacking = outlook.forecast & np.isnan(outlook.median)
    ranked = np.where(lacking.any(axis=1, keepdims=True), outlook.p_up, outlook.median)
    n_ranked = outlook.forecast.sum(axis=1)
    n_side = np.clip((n_ranked * settings.cross_section).astype(int), 1, None)
    days = np.flatnonzero(n_ranked >= _FEWEST_RANKED)
    ordered = np.sort(ranked[days], axis=1)  # NaN comes last
    n_ranked, n_side, rows = n_ranked[days], n_side[days], np.arange(len(days))
    bottom = ordered[rows, n_side - 1][:, np.newaxis]
    top = ordered[rows, n_ranked - n_side][:, np.newaxis]
    long, short = ranked[days] >= top, ranked[days] <= bottom
    stakes = np.zeros_like(outlook.p_up)
    sides = _equal_weights(long & ~short) - _equal_weights(short & ~long)
    stakes[days] = sides / 2 * n_ranked[:, np.newaxis]
    return stakes


def position(outlook: Outlook, _: RuleSettings) -> FloatArray2D:
    """What the forecaster itself would hold."""
    return outlook.position


RULES: Final[dict[RuleName, Callable[[Outlook, RuleSettings], FloatArray2D]]] = {
    "sign": sign,
    "long-only": long_only,
    "threshold": threshold,
    "mean-variance": mean_variance,
    "vol-target": volatility_target,
    "top-bottom": top_bottom,
    "position": position,
}


def target_positions(outlook: Outlook, rule: RuleName, settings: RuleSettings) -> FloatArray2D:
    """Overlapping equal-weight portfolios, one per day, each kept for `horizon` days.

        position[t] = mean over d = t - horizon + 1 .. t of stake[d] / n_forecasts[d]

    A forecast for the next h days is acted on for h days; a new portfolio of 1/h of the equity is
    formed each day and replaces the one formed h days ago (Jegadeesh and Titman 1993, section I).
    Days before the first row count as 0, so the positions build up over the first h days. Each
    portfolio divides its own day's stakes by the number of symbols forecast that day: where stakes
    are at most 1, the gross exposure of a row is, too, even where symbols come and go.

    Returns:
        Fractions of equity, negative where short, no NaN; shape (n_days, n_symbols).
    """
    stakes = np.nan_to_num(RULES[rule](outlook, settings))
    portfolios = stakes * _equal_weights(outlook.forecast)
    total = np.zeros_like(portfolios)
    for age in range(min(outlook.horizon, len(portfolios))):
        total[age:] += portfolios[: len(portfolios) - age]
    return total / outlook.horizon


def buy_and_hold(outlook: Outlook) -> FloatArray2D:
    """1/n on each of the n listed symbols, whatever the forecasts say.

    A symbol is listed from its first forecast on. It stays listed through days without one, since
    at their close nobody knows whether another forecast follows.

    Returns:
        Fractions of equity, shape (n_days, n_symbols); rows before any listing are 0.
    """
    return _equal_weights(np.logical_or.accumulate(outlook.forecast, axis=0))


def _equal_weights(present: BoolArray2D) -> FloatArray2D:
    """1/n for the n symbols present in a row, 0 for the others; shape (n_days, n_symbols)."""
    weights: FloatArray2D = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
    return weights
