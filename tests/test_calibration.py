"""Calibration stretches a curve until the past was covered as often as promised."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.discrete.discrete_model import Logit
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.evaluation.calibration import (
    Calibration,
    calibrate,
    calibrate_adaptively,
    fit_calibration,
)
from forecast_cli.evaluation.metrics import calibration_error, inside, reliability
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


def shifting_windows(seed: int, n_days: int) -> Windows:
    """Two symbols whose volatility jumps by six tenths and falls again, five days ahead."""
    rng = np.random.default_rng(seed)
    volatility = np.where(np.arange(n_days) // 700 % 2 == 0, 1.6, 1.0)
    returns = np.repeat(volatility, 2) * rng.normal(size=2 * n_days)
    return bare_windows(
        returns[:, None],
        horizons=(5,),
        cutoffs=np.datetime64("2010-01-01") + np.arange(2 * n_days) // 2,
        symbol_index=np.arange(2 * n_days) % 2,
    )


UNIT = Calibration(stretch=(1.0,))


def held(made: Forecasts, windows: Windows) -> FloatArray1D:
    """Whether the 90 % range held, per window."""
    return inside(windows.returns[:, 0], made.quantiles[:, 0], 0.9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_adaptive_calibration_gets_back_to_ninety_per_cent(seed: int) -> None:
    """Volatility shifts, and the fixed curve loses; the adaptive one keeps the promise.

    In the long run the share of misses differs from a tenth by at most the ground that the stretch
    can cover, 1.5, over step and days.
    """
    windows = shifting_windows(seed, 4_200)
    made = forecasts(windows, NORMAL[None])
    fixed = held(calibrate(made, UNIT), windows).mean()
    adaptive = held(calibrate_adaptively(made, windows, UNIT), windows).mean()
    assert fixed < 0.84
    assert abs(adaptive - 0.9) < 1.5 / (0.01 * 4_200)
    assert adaptive == pytest.approx(0.9, abs=0.015)


def test_adaptive_calibration_equals_the_rule_in_plain_python() -> None:
    """Day by day: first learn from what became known by this close, then forecast."""
    windows = shifting_windows(3, 60)
    made = forecasts(windows, NORMAL[None])
    half_width = float(NORMAL[94] - NORMAL[49])  # the sides differ by the sample's noise
    other_side = float(NORMAL[49] - NORMAL[4])
    error = windows.returns[:, 0] - NORMAL[49]
    scores = np.where(error > 0, error / half_width, -error / other_side).tolist()
    stretch = 1.0
    issued: list[float] = []
    for day in range(60):
        if day >= 5:
            missed = [scores[2 * (day - 5) + i] > issued[2 * (day - 5) + i] for i in range(2)]
            stretch = min(max(stretch + 0.01 * (sum(missed) / 2 - 0.1), 0.5), 2.0)
        issued += [stretch, stretch]
    adapted = calibrate_adaptively(made, windows, UNIT)
    np.testing.assert_allclose(
        np.ptp(adapted.quantiles[:, 0], axis=-1) / np.ptp(NORMAL), issued, rtol=1e-9
    )


@given(st.integers(0, 59))
def test_a_target_counts_only_once_it_is_known(day: int) -> None:
    """Other outcomes of all targets known after a day's close change nothing said by then."""
    windows = shifting_windows(4, 60)
    moment = windows.cutoffs[2 * day]
    later = windows.known_from > moment
    other = replace(windows, targets=np.where(later[:, None], 99.0, windows.targets))
    made = forecasts(windows, NORMAL[None])
    told, retold = (calibrate_adaptively(made, each, UNIT) for each in (windows, other))
    said = windows.cutoffs <= moment
    np.testing.assert_array_equal(told.quantiles[said], retold.quantiles[said])


def directed(n: int, seed: int, *, boldness: float) -> tuple[Windows, Forecasts]:
    """Normal returns whose mean is known, forecast as if it were `boldness` times as large."""
    rng = np.random.default_rng(seed)
    mean = 0.5 * rng.normal(size=n)
    windows = bare_windows((mean + rng.normal(size=n))[:, None])
    flat = forecasts(windows, NORMAL[None])
    return windows, flat.with_quantiles(flat.quantiles + boldness * mean[:, None, None])


def test_platt_equals_the_logistic_regression_of_statsmodels() -> None:
    """On many windows the prior says nothing and the slope is the one of maximum likelihood."""
    windows, made = directed(20_000, 1, boldness=2.0)
    calibration = fit_calibration(made, windows)
    p_up = calibrate(made, replace(calibration, p_up=())).p_up[:, 0]
    logit = np.log(p_up / (1 - p_up))
    oracle = Logit(windows.returns[:, 0] > 0, np.column_stack([np.ones(20_000), logit])).fit(disp=0)
    assert 0.3 < oracle.params[1] < 1
    np.testing.assert_allclose(calibration.p_up[0], oracle.params, atol=0.005)


def test_probabilities_mean_what_they_say_on_new_data() -> None:
    """Too bold a forecaster is off by points of P(up); once calibrated it is not."""
    seen, bold = directed(4_000, 2, boldness=3.0)
    new, untaught = directed(20_000, 3, boldness=3.0)
    taught = calibrate(untaught, fit_calibration(bold, seen))
    before, after = (
        calibration_error(reliability(new.returns[:, 0], made.p_up[:, 0]))
        for made in (untaught, taught)
    )
    assert before > 0.15
    assert after < 0.03


@pytest.mark.parametrize("boldness", [-1.0, 0.3, 3.0])
def test_the_calibrated_probability_is_that_of_the_curve(boldness: float) -> None:
    """P(up) = 1 - F(0) of the quantiles; a forecast is never turned around nor made bolder."""
    windows, made = directed(2_000, 4, boldness=boldness)
    calibration = fit_calibration(made, windows)
    ((offset, slope),) = calibration.p_up
    assert 0 <= slope <= 1
    told = calibrate(made, calibration)
    np.testing.assert_array_equal(told.p_up, probability_up(told.quantiles))
    stretched = calibrate(made, replace(calibration, p_up=())).p_up
    expected = 1 / (1 + np.exp(-(offset + slope * np.log(stretched / (1 - stretched)))))
    np.testing.assert_allclose(told.p_up, expected, atol=1e-9)


def test_few_independent_days_move_probability_little() -> None:
    """A hundred windows that all rose five days ahead are twenty days of evidence."""
    windows = bare_windows(np.full((100, 1), 0.5), horizons=(5,))
    ((offset, _),) = fit_calibration(forecasts(windows, NORMAL[None]), windows).p_up
    assert 0.05 < offset < 0.2
