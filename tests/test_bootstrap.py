"""Days drawn in blocks: the draws have the law of Politis and Romano, the intervals their level."""

import time

import numpy as np
import pytest

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation.bootstrap import ratio_interval, stationary_draws
from forecast_cli.evaluation.contest import block_length


def overlapping(n: int, horizon: int, rng: np.random.Generator) -> FloatArray1D:
    """Sums over a horizon, one starting each day; their mean is 0."""
    return np.convolve(rng.normal(size=n + horizon - 1), np.ones(horizon), mode="valid")


def test_a_draw_is_as_long_as_the_days() -> None:
    """Every draw holds n_days days, and no day is preferred."""
    draws = stationary_draws(50, block_days=7, n_draws=4_000)
    assert draws.shape == (4_000, 50)
    assert (draws.sum(axis=1) == 50).all()
    assert draws.mean(axis=0) == pytest.approx(np.ones(50), abs=0.15)


def test_draws_are_seeded() -> None:
    """The same days and seed give the same draws; another seed gives others."""
    first = stationary_draws(40, block_days=3, n_draws=50)
    assert (first == stationary_draws(40, block_days=3, n_draws=50)).all()
    assert (first != stationary_draws(40, block_days=3, n_draws=50, seed=1)).any()


@pytest.mark.parametrize("block_days", [1.0, 4.0, 15.0])
def test_the_variance_of_a_mean_is_the_one_derived_for_it(block_days: float) -> None:
    """Politis and Romano (1994), Lemma 1: circular covariances, weighted by (1 - i/n)(1 - p)^i."""
    n, p = 60, 1 / block_days
    values = overlapping(n, 5, np.random.default_rng(1))
    centred = values - values.mean()
    covariances = [float(centred @ np.roll(centred, -lag)) / n for lag in range(n)]
    weights = [(1 - lag / n) * (1 - p) ** lag for lag in range(n)]
    expected = (
        covariances[0] + 2 * sum(w * c for w, c in zip(weights[1:], covariances[1:], strict=True))
    ) / n
    means = stationary_draws(n, block_days=block_days, n_draws=20_000) @ values / n
    assert means.var() == pytest.approx(expected, rel=0.05)


def test_an_interval_is_the_middle_of_the_draws() -> None:
    """The 2.5 % and 97.5 % percentiles of the ratio of resampled sums, against a loop."""
    rng = np.random.default_rng(2)
    above, below = rng.normal(size=30), rng.uniform(1, 2, 30)
    draws = stationary_draws(30, block_days=3, n_draws=200)
    ratios = []
    for draw in draws.astype(int):
        drawn = np.repeat(np.arange(30), draw)
        ratios.append(above[drawn].sum() / below[drawn].sum())
    expected = np.quantile(ratios, [0.025, 0.975])
    assert ratio_interval(draws, above, below) == pytest.approx(tuple(expected))


def test_what_is_not_known_has_no_interval() -> None:
    """A score that one day lacks, or a ratio to nothing, is not defined."""
    draws = stationary_draws(10, block_days=2, n_draws=20)
    unknown = np.where(np.arange(10) == 3, np.nan, 1.0)
    assert ratio_interval(draws, unknown, np.ones(10)) is None
    assert ratio_interval(draws, np.ones(10), unknown) is None
    assert ratio_interval(draws, np.ones(10), np.zeros(10)) is None


@pytest.mark.parametrize("horizon", [1, 5])
def test_intervals_hold_the_truth(horizon: int) -> None:
    """About 95 of 100 intervals of 400 days hold the true mean, also where horizons overlap."""
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        values = overlapping(400, horizon, rng)
        block = block_length(values, horizon=horizon)
        draws = stationary_draws(400, block_days=block, n_draws=400, seed=seed)
        low, high = ratio_interval(draws, values, np.ones(400)) or (1.0, -1.0)
        held += low <= 0 <= high
    assert 0.87 < held / 200 < 0.99


def test_days_drawn_one_by_one_would_be_too_sure() -> None:
    """Without blocks the intervals of overlapping horizons miss the truth far too often."""
    rng = np.random.default_rng(4)
    draws = stationary_draws(400, block_days=1, n_draws=400)
    held = 0
    for _ in range(100):
        low, high = ratio_interval(draws, overlapping(400, 5, rng), np.ones(400)) or (1.0, -1.0)
        held += low <= 0 <= high
    assert held < 80


def test_five_years_take_no_time() -> None:
    """1,000 draws of 1,250 days in well under a second."""
    started = time.perf_counter()
    draws = stationary_draws(1_250, block_days=10)
    ratio_interval(draws, np.ones(1_250), np.ones(1_250))
    assert time.perf_counter() - started < 1
