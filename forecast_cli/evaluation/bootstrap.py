"""Intervals of scores by resampling days, in blocks, so that what clusters stays together."""

from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D

CONFIDENCE: Final = 0.95
N_DRAWS: Final = 1_000


def stationary_draws(
    n_days: int, *, block_days: float, n_draws: int = N_DRAWS, seed: int = 0
) -> FloatArray2D:
    """How often each day occurs in each draw of the stationary bootstrap, shape (n_draws, n_days).

    A draw is n_days days long: blocks that start on any day, run on with probability
    1 - 1 / block_days and past the last day to the first one (Politis and Romano 1994). Every
    statistic of daily sums is then one matrix product, and all statistics share the draws.
    """
    rng = np.random.default_rng(seed)
    starts_block = rng.random((n_draws, n_days)) < 1 / block_days
    starts_block[:, 0] = True
    place = np.arange(n_days)
    first = np.maximum.accumulate(np.where(starts_block, place, 0), axis=1)
    start_day = np.take_along_axis(rng.integers(n_days, size=(n_draws, n_days)), first, axis=1)
    drawn = (start_day + place - first) % n_days
    cells = (drawn + n_days * np.arange(n_draws)[:, None]).ravel()
    counts = np.bincount(cells, minlength=n_draws * n_days).reshape(n_draws, n_days)
    return counts.astype(np.float64)


def ratio_interval(
    draws: FloatArray2D, numerator: FloatArray1D, denominator: FloatArray1D
) -> tuple[float, float] | None:
    """95 % interval of sum(numerator) / sum(denominator), the percentiles over the draws.

    numerator, denominator: sums by day, shape (n_days,). None where one of them is unknown on any
    day, or a denominator is 0.
    """
    below = draws @ denominator
    if np.isnan(numerator).any() or not (below > 0).all():
        return None
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(draws @ numerator / below, tails)
    return float(low), float(high)
