"""Calibration stretches a curve until the past was covered as often as promised."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.evaluation.calibration import Calibration, calibrate, fit_calibration
from forecast_cli.evaluation.metrics import inside
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts, probability_up, quantiles_at

NORMAL = np.quantile(np.random.default_rng(0).normal(size=1_000_000), LEVELS)


def forecasts(windows: Windows, curves: FloatArray2D) -> Forecasts:
    """The same curve per horizon, shape (n_horizons, 99), at every window."""
    quantiles = np.repeat(curves[None], len(windows), axis=0)
    return Forecasts(
        symbols=windows.symbol_names,
        cutoffs=windows.cutoffs,
        horizons=windows.horizons,
        quantiles=quantiles,
        point=quantiles_at(quantiles, 0.5),
        p_up=probability_up(quantiles),
    )


def normal_windows(n: int, seed: int) -> Windows:
    """Standard normal returns over one horizon."""
    return bare_windows(np.random.default_rng(seed).normal(size=(n, 1)))


@pytest.mark.parametrize("width", [0.6, 0.8, 1.0, 1.3, 1.8])
def test_ninety_per_cent_hold_on_new_data(width: float) -> None:
    """A curve too narrow or too wide covers, once calibrated, 90 % of what it has not seen."""
    seen, new = normal_windows(2_000, seed=1), normal_windows(5_000, seed=2)
    curves = width * NORMAL[None]
    calibration = fit_calibration(forecasts(seen, curves), seen)
    assert calibration.stretch[0] == pytest.approx(1 / width, rel=0.06)
    made = calibrate(forecasts(new, curves), calibration)
    held = inside(new.returns[:, 0], made.quantiles[:, 0], 0.9).mean()
    # three standard errors of both samples
    assert held == pytest.approx(0.9, abs=3 * math.sqrt(0.09 / 2_000 + 0.09 / 5_000))


def test_the_finite_sample_promise() -> None:
    """Over many small samples coverage is at least 90 % on average, and little more."""
    held = []
    for seed in range(400):
        seen, new = normal_windows(100, seed), normal_windows(100, seed + 10_000)
        curves = 0.7 * NORMAL[None]
        calibration = fit_calibration(forecasts(seen, curves), seen)
        made = calibrate(forecasts(new, curves), calibration)
        held.append(inside(new.returns[:, 0], made.quantiles[:, 0], 0.9).mean())
    assert np.mean(held) == pytest.approx(91 / 101, abs=3 * np.std(held) / math.sqrt(400))


def slow_stretch(returns: list[float], curve: FloatArray1D) -> float:
    """The conformal rule in plain Python: the ceil(0.9 (n + 1))-th smallest score."""
    median = float(curve[49])
    upper = float(np.interp(0.95, LEVELS, curve))
    lower = float(np.interp(0.05, LEVELS, curve))
    scores = sorted(
        (value - median) / (upper - median)
        if value > median
        else (median - value) / (median - lower)
        for value in returns
    )
    rank = -(-9 * (len(returns) + 1) // 10)
    return min(max(scores[rank - 1], 0.5), 2.0)


@settings(deadline=None)
@given(st.integers(100, 400), st.integers(0, 2**31), st.floats(0.3, 3), st.floats(-0.5, 0.5))
def test_stretch_equals_the_conformal_rule(n: int, seed: int, width: float, shift: float) -> None:
    """Exactly the score of that rank, bounded by 1/2 and 2; asymmetric curves included."""
    windows = normal_windows(n, seed)
    curve = width * (NORMAL + 0.3 * np.maximum(NORMAL, 0)) + shift
    stretch = fit_calibration(forecasts(windows, curve[None]), windows).stretch
    assert stretch == pytest.approx((slow_stretch(windows.returns[:, 0].tolist(), curve),))


@pytest.mark.parametrize(("n", "rank"), [(100, 91), (109, 99), (199, 180), (200, 181)])
def test_rank_by_hand(n: int, rank: int) -> None:
    """Among scores k/n the chosen one shows its rank."""
    curve = np.linspace(-0.98, 0.98, 99)[None]  # the 90 % range reaches from -0.9 to 0.9
    returns = np.random.default_rng(0).permutation(0.9 * np.arange(1, n + 1) / n)[:, None]
    windows = bare_windows(returns)
    assert fit_calibration(forecasts(windows, curve), windows).stretch == pytest.approx((rank / n,))


def test_fewer_than_a_hundred_windows_correct_nothing() -> None:
    """From 99 windows nothing is learnt; from 100 it is."""
    for n, expected in ((99, True), (100, False)):
        windows = normal_windows(n, seed=3)
        stretch = fit_calibration(forecasts(windows, 0.6 * NORMAL[None]), windows).stretch
        assert (stretch == (1.0,)) is expected


@pytest.mark.parametrize(("width", "expected"), [(0.01, 2.0), (100.0, 0.5)])
def test_stretch_is_bounded(width: float, expected: float) -> None:
    """A correction beyond a factor of two is a broken forecaster, not a calibration."""
    windows = normal_windows(200, seed=4)
    calibration = fit_calibration(forecasts(windows, width * NORMAL[None]), windows)
    assert calibration.stretch == (expected,)


def test_each_horizon_has_its_own_stretch() -> None:
    """A curve may be too narrow for one horizon and too wide for another."""
    windows = bare_windows(np.random.default_rng(5).normal(size=(2_000, 2)))
    narrow_and_wide = np.stack([0.7 * NORMAL, 1.5 * NORMAL])
    stretch = fit_calibration(forecasts(windows, narrow_and_wide), windows).stretch
    assert stretch == pytest.approx((1 / 0.7, 1 / 1.5), rel=0.06)


@pytest.mark.parametrize(("moved", "expected"), [(0, 0.5), (30, 2.0)])
def test_a_price_that_rarely_moves_can_be_calibrated(moved: int, expected: float) -> None:
    """A curve without width is no division by zero: it holds what did not move, and no more."""
    returns = np.zeros((200, 1))
    returns[:moved] = 0.01
    windows = bare_windows(returns)
    assert fit_calibration(forecasts(windows, np.zeros((1, 99))), windows).stretch == (expected,)


@given(st.floats(0.5, 2), st.floats(-1, 1))
def test_the_median_stays_and_curves_ascend(stretch: float, shift: float) -> None:
    """Stretching moves no median and crosses no levels; distances grow by the factor."""
    windows = normal_windows(3, seed=6)
    made = forecasts(windows, (NORMAL + shift)[None])
    stretched = calibrate(made, Calibration(stretch=(stretch,)))
    np.testing.assert_allclose(stretched.point, made.point, atol=1e-12)
    assert (np.diff(stretched.quantiles, axis=-1) >= 0).all()
    expected = stretch * np.ptp(made.quantiles, axis=-1)
    np.testing.assert_allclose(np.ptp(stretched.quantiles, axis=-1), expected)


def test_probability_follows_the_stretched_curve() -> None:
    """P(up) agrees with the curve that is shown: a wider one is less sure."""
    windows = normal_windows(1, seed=7)
    made = forecasts(windows, (NORMAL + 0.5)[None])
    wider = calibrate(made, Calibration(stretch=(2.0,)))
    np.testing.assert_array_equal(wider.p_up, probability_up(wider.quantiles))
    assert 0.5 < wider.p_up[0, 0] < made.p_up[0, 0]


def test_a_stretch_of_one_changes_nothing() -> None:
    """What needs no correction stays as it was."""
    made = forecasts(normal_windows(4, seed=8), NORMAL[None])
    same = calibrate(made, Calibration(stretch=(1.0,)))
    np.testing.assert_allclose(same.quantiles, made.quantiles, atol=1e-12)
    np.testing.assert_array_equal(same.cutoffs, made.cutoffs)
