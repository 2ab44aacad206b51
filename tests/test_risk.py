"""Value at risk: the tests of the literature, on its own examples."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.arrays import BoolArray1D, FloatArray1D
from forecast_cli.evaluation.risk import (
    expected_shortfall,
    independence,
    kupiec,
    risk_scores,
    value_at_risk,
)
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts

NORMAL = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


def breaches(n: int, at: list[int]) -> BoolArray1D:
    """Breaches on some of n days."""
    made = np.zeros(n, dtype=bool)
    made[at] = True
    return made


def forecasts(windows: Windows, curve: FloatArray1D) -> Forecasts:
    """The same curve each day."""
    shape = (len(windows), len(windows.horizons), 99)
    quantiles = np.broadcast_to(curve, shape)
    return Forecasts(
        symbols=windows.symbol_names,
        cutoffs=windows.cutoffs,
        horizons=windows.horizons,
        quantiles=quantiles,
        point=quantiles[:, :, 49],
        p_up=np.full(shape[:2], 0.5),
    )


def test_kupiec_of_jorions_bank() -> None:
    """20 breaches of a 95 % value at risk in 252 days give 3.91 (Jorion 2007, chapter 6)."""
    assert kupiec(breaches(252, list(range(0, 240, 12))), 0.05) == pytest.approx(3.91, abs=0.005)


def test_independence_of_jorions_bank() -> None:
    """6 of 20 breaches follow one another, 14 do not: 9.53 (Jorion 2007, chapter 6)."""
    # the example counts 252 pairs: 218 calm, 14 into a breach, 14 out of one, 6 inside
    runs = [start + step for start in range(0, 70, 10) for step in (0, 1)][:12]
    alone = list(range(100, 180, 10))
    made = breaches(253, [day + 1 for day in runs + alone])
    pairs = [int(np.sum((made[:-1] == i) & (made[1:] == j))) for i in (0, 1) for j in (0, 1)]
    assert pairs == [218, 14, 14, 6]
    assert independence(made) == pytest.approx(9.53, abs=0.005)


@pytest.mark.parametrize("n_breaches", [0, 1, 250])
def test_no_breach_and_nothing_but_breaches(n_breaches: int) -> None:
    """Where a share is 0 or 1 the ratios stay finite: 0 * log 0 is 0."""
    made = breaches(250, list(range(n_breaches)))
    x = n_breaches
    by_hand = -2 * ((250 - x) * math.log(0.99) + x * math.log(0.01))
    if 0 < x < 250:
        by_hand += 2 * ((250 - x) * math.log(1 - x / 250) + x * math.log(x / 250))
    assert kupiec(made, 0.01) == pytest.approx(by_hand)
    assert 0 <= independence(made) < 1


def test_right_share_and_no_clusters_are_accepted() -> None:
    """Under a true forecast p-values are uniform: a tenth below 0.1, for each test."""
    rng = np.random.default_rng(0)
    windows = bare_windows(rng.standard_normal((250, 1)))
    p = []
    for _ in range(200):
        windows = bare_windows(rng.standard_normal((1000, 1)))
        score = risk_scores(forecasts(windows, NORMAL), windows)[0]
        p.append((score.kupiec_p, score.independence_p, score.coverage_p))
    assert np.mean(np.array(p) < 0.1, axis=0) == pytest.approx([0.1] * 3, abs=0.06)


def test_clusters_and_a_narrow_range_are_found() -> None:
    """A range half as wide has too many breaches; volatility that comes in waves clusters them."""
    rng = np.random.default_rng(1)
    calm = rng.standard_normal((2000, 1))
    waves = calm * np.where(np.arange(2000) % 400 < 100, 2.0, 0.5)[:, None]
    (narrow, _), (clustered, _) = (
        risk_scores(forecasts(bare_windows(returns), curve), bare_windows(returns))
        for returns, curve in ((calm, NORMAL / 2), (waves, NORMAL))
    )
    assert narrow.kupiec_p < 1e-6
    assert narrow.independence_p > 0.01
    assert clustered.independence_p < 1e-3
    assert clustered.coverage_p < 1e-3


def test_value_at_risk_and_shortfall_of_a_normal_law() -> None:
    """1.645 and 2.326; shortfalls are 2.063 and 2.665, met within 4 %, on the cautious side."""
    assert value_at_risk(NORMAL, 0.95) == pytest.approx(1.645, abs=1e-3)
    assert value_at_risk(NORMAL, 0.99) == pytest.approx(2.326, abs=1e-3)
    assert expected_shortfall(NORMAL, 0.95) == pytest.approx(2.063, rel=0.03)
    assert expected_shortfall(NORMAL, 0.99) == pytest.approx(2.665, rel=0.04)
    assert expected_shortfall(NORMAL, 0.99) > 2.665


def test_shortfall_of_an_exponential_tail_is_exact() -> None:
    """Where the tail is what is assumed, the mean beyond 1 % is one size beyond it."""
    curve = np.log(LEVELS)  # losses are exponential of size 1
    assert expected_shortfall(curve, 0.99) == pytest.approx(1 - math.log(0.01))
    assert expected_shortfall(curve, 0.95) == pytest.approx(1 - math.log(0.05), rel=0.01)


def test_scores_by_hand() -> None:
    """Breaches of three losses beyond the limit, in per cent, over both symbols."""
    returns = np.full((200, 1), 0.01)
    returns[[10, 50, 90], 0] = [-2.0, -3.0, -4.0]
    windows = bare_windows(returns, symbol_index=np.arange(200) % 2)
    upper, lower = risk_scores(forecasts(windows, NORMAL), windows)
    assert (upper.level, upper.n, upper.breaches) == (0.95, 200, 3)
    assert upper.loss_beyond == pytest.approx(300)
    assert upper.value_at_risk == pytest.approx(164.5, abs=0.1)
    assert (lower.level, lower.breaches) == (0.99, 2)
    assert lower.loss_beyond == pytest.approx(350)


def test_long_horizons_are_tested_without_overlap() -> None:
    """Every fifth window of each symbol: neighbours share four days of five."""
    rng = np.random.default_rng(2)
    windows = bare_windows(
        rng.standard_normal((400, 1)), horizons=(5,), symbol_index=np.arange(400) // 200
    )
    score = risk_scores(forecasts(windows, NORMAL), windows)[0]
    assert score.n == 80


def test_no_ranges_no_risk() -> None:
    """A forecaster that says nothing about the range has no value at risk."""
    windows = bare_windows(np.zeros((10, 1)))
    assert risk_scores(forecasts(windows, np.full(99, np.nan)), windows) == []
