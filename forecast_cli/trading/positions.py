"""From P(up) forecasts to target positions, as fractions of equity.

Row t of every array holds what is known, or decided, at the close of day t. Nothing is delayed
here: that a position is traded only at the next open is the business of `accounting` alone.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecast_cli.arrays import FloatArray2D

Rule: TypeAlias = Literal["long_short", "long_flat"]
"""What a forecast of falling prices leads to: a short position, or none."""


def target_positions(p_up: FloatArray2D, *, horizon: int, rule: Rule) -> FloatArray2D:
    """Act on P(up): a stake of 1, 0 or -1 in each symbol, see `overlapping_portfolios`.

    Args:
        p_up: probability of rising over the horizon, shape (n_days, n_symbols); NaN is no forecast.
        horizon: days a forecast looks ahead, at least 1.
        rule: long above 0.5; short or flat below 0.5; flat at 0.5 exactly.

    Returns:
        Fractions of equity, negative where short, no NaN; shape (n_days, n_symbols).
    """
    return overlapping_portfolios(_signals(p_up, rule), horizon=horizon)


def overlapping_portfolios(stakes: FloatArray2D, *, horizon: int) -> FloatArray2D:
    """Overlapping equal-weight portfolios, one per day, each kept for `horizon` days.

        position[t] = mean over d = t - horizon + 1 .. t of stake[d] / n_forecasts[d]

    A forecast for the next h days is acted on for h days; a new portfolio of 1/h of the equity is
    formed each day and replaces the one formed h days ago (Jegadeesh and Titman 1993, section I).
    Days before the first row count as 0, so the positions build up over the first h days. Each
    portfolio divides its own day's weights by the number of symbols forecast that day, which
    bounds the gross exposure of a row by 1 even where symbols come and go.

    Args:
        stakes: from -1 to 1, of a symbol's equal share, shape (n_days, n_symbols). NaN is no
            forecast: that day's portfolio leaves the symbol out.
        horizon: days a forecast looks ahead, at least 1.

    Returns:
        Fractions of equity, negative where short, no NaN; shape (n_days, n_symbols).
    """
    assert horizon >= 1
    portfolios = np.nan_to_num(stakes) * _equal_weights(~np.isnan(stakes))
    total = np.zeros_like(portfolios)
    for age in range(min(horizon, len(portfolios))):
        total[age:] += portfolios[: len(portfolios) - age]
    return total / horizon


def buy_and_hold(p_up: FloatArray2D) -> FloatArray2D:
    """1/n on each of the n listed symbols, whatever the forecasts say.

    A symbol is listed from its first forecast on. It stays listed through days without one, since
    at their close nobody knows whether another forecast follows.

    Args:
        p_up: as in `target_positions`; only its NaN matter.

    Returns:
        Fractions of equity, shape (n_days, n_symbols); rows before any listing are 0.
    """
    return _equal_weights(np.logical_or.accumulate(~np.isnan(p_up), axis=0))


def _signals(p_up: FloatArray2D, rule: Rule) -> FloatArray2D:
    """+1, 0 or -1 per forecast, NaN where there is none."""
    signals: FloatArray2D = np.sign(p_up - 0.5)
    return signals if rule == "long_short" else np.maximum(signals, 0.0)


def _equal_weights(present: NDArray[np.bool_]) -> FloatArray2D:
    """1/n for the n symbols present in a row, 0 for the others; shape (n_days, n_symbols)."""
    weights: FloatArray2D = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
    return weights
