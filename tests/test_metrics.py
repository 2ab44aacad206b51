"""Every score equals its definition in plain Python, and an independent library's value."""

import math

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from scipy import stats
from statsmodels.tools import eval_measures

from forecast_cli.arrays import FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.evaluation.metrics import (
    brier,
    calibration_error,
    crps,
    direction_hits,
    information_coefficients,
    inside,
    mae,
    mase,
    mcc,
    pinball,
    pit,
    pit_distance,
    pit_histogram,
    reliability,
    rmse,
    theil_u,
    width,
)
from forecast_cli.forecasts import LEVELS

RETURNS = stn.arrays(np.float64, 6, elements=st.floats(-0.2, 0.2))
CURVES = stn.arrays(np.float64, (6, 99), elements=st.floats(-0.2, 0.2)).map(np.sort)
# on a coarse grid, so that even odds and unchanged prices occur
COARSE_RETURNS = stn.arrays(np.float64, 12, elements=st.sampled_from([-0.01, 0.0, 0.01]))
COARSE_P = stn.arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]))


@given(RETURNS, CURVES)
def test_crps_equals_the_definition(returns: FloatArray1D, curves: FloatArray2D) -> None:
    """Twice the mean, over the 99 levels, of level x shortfall or (1 - level) x excess."""
    expected = [
        2
        * sum(
            level * (value - quantile) if value > quantile else (1 - level) * (quantile - value)
            for level, quantile in zip(LEVELS.tolist(), curve.tolist(), strict=True)
        )
        / 99
        for value, curve in zip(returns.tolist(), curves, strict=True)
    ]
    assert crps(returns, curves).tolist() == pytest.approx(expected, abs=1e-12)


@given(RETURNS, CURVES)
def test_crps_equals_scoringrules(returns: FloatArray1D, curves: FloatArray2D) -> None:
    """Twice the mean quantile score of an independent library."""
    scores = scoringrules.quantile_score(returns[:, None], curves, LEVELS)
    np.testing.assert_allclose(crps(returns, curves), 2 * scores.mean(axis=1), atol=1e-12)


def test_crps_is_near_the_exact_one_of_a_normal_forecast() -> None:
    """For a normal curve the grid misses only the tails: within 2 % of the closed form."""
    rng = np.random.default_rng(0)
    returns = rng.normal(size=2_000)
    normal = np.quantile(rng.normal(size=1_000_000), LEVELS)
    exact = scoringrules.crps_normal(returns, 0.0, 1.0).mean()
    assert crps(returns, np.tile(normal, (2_000, 1))).mean() == pytest.approx(exact, rel=0.02)


def test_crps_of_a_certain_forecast_is_the_absolute_error() -> None:
    """A curve without width is a point forecast."""
    certain = np.full((2, 99), 0.01)
    assert crps(np.array([0.04, -0.01]), certain).tolist() == pytest.approx([0.03, 0.02])


@given(RETURNS, CURVES, st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_inside_counts_both_ends(returns: FloatArray1D, curves: FloatArray2D, level: float) -> None:
    """1 where lower <= return <= upper of the central range, read off the curve by np.interp."""
    lower = [float(np.interp((1 - level) / 2, LEVELS, curve)) for curve in curves]
    upper = [float(np.interp((1 + level) / 2, LEVELS, curve)) for curve in curves]
    held = inside(returns, curves, level).tolist()
    for value, low, high, said in zip(returns.tolist(), lower, upper, held, strict=True):
        if min(abs(value - low), abs(value - high)) > 1e-12:
            assert said == float(low <= value <= high)


def test_inside_at_the_edge_is_inside() -> None:
    """A return that equals an end of the range was held."""
    curve = np.linspace(-0.98, 0.98, 99)[None]
    edges = np.array([curve[0, 4], curve[0, 94]])
    np.testing.assert_array_equal(inside(edges, np.repeat(curve, 2, axis=0), 0.9), [1.0, 1.0])


def test_without_a_curve_there_is_no_coverage_and_no_crps() -> None:
    """A forecaster that gives no range has none that holds, and none that fails."""
    unknown = np.full((2, 99), np.nan)
    assert np.isnan(inside(np.zeros(2), unknown, 0.9)).all()
    assert np.isnan(crps(np.zeros(2), unknown)).all()


@given(COARSE_RETURNS, COARSE_P)
def test_brier_equals_the_definition(returns: FloatArray1D, p_up: FloatArray1D) -> None:
    """(P(up) - 1)^2 after a rise, P(up)^2 otherwise; no change is no rise."""
    expected = [
        (p - (1 if value > 0 else 0)) ** 2
        for value, p in zip(returns.tolist(), p_up.tolist(), strict=True)
    ]
    assert brier(returns, p_up).tolist() == pytest.approx(expected)
    oracle = scoringrules.brier_score((returns > 0).astype(float), p_up)
    np.testing.assert_allclose(brier(returns, p_up), oracle, atol=1e-12)


@given(COARSE_RETURNS, COARSE_P)
def test_direction_hits_equal_the_definition(returns: FloatArray1D, p_up: FloatArray1D) -> None:
    """1 on the right side of one half, 0 on the wrong one."""
    expected = [
        0.5 if p == 0.5 else float((p > 0.5) == (value > 0))
        for value, p in zip(returns.tolist(), p_up.tolist(), strict=True)
    ]
    assert direction_hits(returns, p_up).tolist() == expected


def test_even_odds_are_half_a_hit() -> None:
    """Who says 50 % is right half the time, whatever comes."""
    assert direction_hits(np.array([0.01, -0.01, 0.0]), np.full(3, 0.5)).tolist() == [0.5] * 3


def slow_mcc(returns: list[float], p_up: list[float]) -> float:
    """Matthews correlation from the four cells of the table."""
    said, came = [p > 0.5 for p in p_up], [value > 0 for value in returns]
    cells = list(zip(said, came, strict=True))
    true_up, true_down = cells.count((True, True)), cells.count((False, False))
    false_up, false_down = cells.count((True, False)), cells.count((False, True))
    product = (
        (true_up + false_up)
        * (true_up + false_down)
        * (true_down + false_up)
        * (true_down + false_down)
    )
    if not product:
        return 0.0
    return (true_up * true_down - false_up * false_down) / math.sqrt(product)


@given(COARSE_RETURNS, COARSE_P)
def test_mcc_equals_the_four_cell_formula(returns: FloatArray1D, p_up: FloatArray1D) -> None:
    """The correlation of two yes-or-no series is Matthews' coefficient."""
    assert mcc(returns, p_up) == pytest.approx(slow_mcc(returns.tolist(), p_up.tolist()), abs=1e-12)


@pytest.mark.parametrize("p_up", [1.0, 0.0, 0.5])
def test_always_the_same_direction_has_no_mcc(p_up: float) -> None:
    """A constant is worth nothing, however often it is right."""
    returns = np.array([0.01] * 9 + [-0.01])
    assert mcc(returns, np.full(10, p_up)) == 0.0
    assert mcc(np.full(10, 0.01), np.linspace(0, 1, 10)) == 0.0


def test_mcc_of_perfect_foresight() -> None:
    """Always right is 1, always wrong is -1."""
    returns = np.array([0.01, -0.02, 0.03])
    right = (returns > 0).astype(float)
    assert mcc(returns, right) == pytest.approx(1)
    assert mcc(returns, 1 - right) == pytest.approx(-1)


@given(RETURNS, CURVES)
def test_pinball_equals_scoringrules(returns: FloatArray1D, curves: FloatArray2D) -> None:
    """The quantile score of an independent library, level by level."""
    at = [0, 4, 94]
    expected = scoringrules.quantile_score(returns[:, None], curves[:, at], LEVELS[at])
    np.testing.assert_allclose(pinball(returns, curves[:, at], LEVELS[at]), expected, atol=1e-15)


@given(CURVES, st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_width_is_that_of_the_range(curves: FloatArray2D, level: float) -> None:
    """Upper less lower end, read off the curve by np.interp."""
    expected = [
        np.interp((1 + level) / 2, LEVELS, curve) - np.interp((1 - level) / 2, LEVELS, curve)
        for curve in curves
    ]
    assert width(curves, level).tolist() == pytest.approx(expected, abs=1e-12)


@given(RETURNS, stn.arrays(np.float64, (6, 99), elements=st.floats(1e-4, 0.01)))
def test_pit_is_the_level_at_which_the_return_lies(
    returns: FloatArray1D, steps: FloatArray2D
) -> None:
    """Read off the curve by np.interp, which ends at 1 % and 99 %."""
    curves = steps.cumsum(axis=1) - 0.3
    expected = [
        float(np.interp(value, curve, LEVELS))
        for value, curve in zip(returns.tolist(), curves, strict=True)
    ]
    assert pit(returns, curves).tolist() == pytest.approx(expected, abs=1e-9)


def test_pit_of_a_right_forecast_is_even() -> None:
    """Each tenth holds about as much; ranges too narrow fill the outer ones, without end."""
    rng = np.random.default_rng(0)
    returns = rng.normal(size=20_000)
    normal = np.tile(stats.norm.ppf(LEVELS), (20_000, 1))
    right, narrow = pit(returns, normal), pit(returns, 0.5 * normal)
    assert pit_histogram(right) == pytest.approx(np.full(10, 0.1), abs=0.01)
    assert pit_distance(right) < 0.02
    assert pit_histogram(narrow)[[0, 9]].min() > 0.2
    assert pit_distance(narrow) > 0.1


PITS = stn.arrays(np.float64, st.integers(1, 40), elements=st.floats(0.01, 0.99))


@given(PITS)
def test_pit_summaries_equal_two_libraries(transformed: FloatArray1D) -> None:
    """numpy's histogram, as shares, and the statistic of scipy's Kolmogorov-Smirnov test."""
    bins = np.minimum((10 * transformed).astype(int), 9)
    expected = [float(np.mean(bins == number)) for number in range(10)]
    assert pit_histogram(transformed).tolist() == pytest.approx(expected)
    assert pit_distance(transformed) == pytest.approx(
        stats.kstest(transformed, "uniform").statistic
    )


def test_pit_is_undefined_without_a_curve() -> None:
    """So are its histogram and its distance; of no window at all, too."""
    unknown = pit(np.zeros(3), np.full((3, 99), np.nan))
    assert np.isnan(unknown).all()
    for transformed in (unknown, np.empty(0)):
        assert np.isnan(pit_histogram(transformed)).all()
        assert np.isnan(pit_distance(transformed))


ERRORS = stn.arrays(np.float64, 8, elements=st.floats(-0.1, 0.1))


@given(ERRORS)
def test_errors_equal_statsmodels(error: FloatArray1D) -> None:
    """Mean absolute error and root of the mean squared error."""
    assert mae(error) == pytest.approx(eval_measures.meanabs(error, 0))
    assert rmse(error) == pytest.approx(eval_measures.rmse(error, 0))


def test_errors_relative_to_no_change() -> None:
    """MASE scales each error by training's, Theil's U all of them by what came."""
    error, returns = np.array([0.01, -0.02, 0.03]), np.array([0.02, -0.02, 0.06])
    in_training = np.array([0.01, 0.02, 0.02])
    assert mase(error, in_training) == pytest.approx((1 + 1 + 1.5) / 3)
    assert theil_u(error, returns) == pytest.approx(math.sqrt((1 + 4 + 9) / (4 + 4 + 36)))
    assert theil_u(returns, returns) == 1


def test_relative_errors_without_a_yardstick_are_undefined() -> None:
    """Where no price ever moved, and of no windows."""
    assert np.isnan(mase(np.ones(2), np.array([0.0, 1.0])))
    assert np.isnan(theil_u(np.ones(2), np.zeros(2)))
    for metric in (mae, rmse):
        assert np.isnan(metric(np.empty(0)))


@given(
    stn.arrays(np.float64, 40, elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0])),
    stn.arrays(np.float64, 40, elements=st.floats(-0.1, 0.1)),
    stn.arrays(np.int64, 40, elements=st.integers(0, 4)),
)
def test_information_coefficients_equal_spearmans(
    point: FloatArray1D, returns: FloatArray1D, of_day: IntArray1D
) -> None:
    """scipy's rank correlation of each day with five symbols or more, ties and all."""
    expected = []
    for day in range(5):
        here = of_day == day
        if here.sum() >= 5 and np.ptp(point[here]) > 0 and np.ptp(returns[here]) > 0:
            expected.append(float(stats.spearmanr(point[here], returns[here]).statistic))
    found = information_coefficients(point, returns, np.datetime64("2010-01-01") + of_day)
    assert found.tolist() == pytest.approx(expected, abs=1e-9)


def test_without_forecasts_there_is_no_information_coefficient() -> None:
    """A day without forecasts, with equal ones or with few symbols does not count."""
    day = np.full(5, np.datetime64("2010-01-01"))
    came = np.arange(5.0)
    assert not len(information_coefficients(np.full(5, np.nan), came, day))
    assert not len(information_coefficients(np.zeros(5), came, day))
    assert not len(information_coefficients(came[:4], came[:4], day[:4]))
    assert information_coefficients(came, came, day).tolist() == pytest.approx([1])


@given(COARSE_RETURNS, stn.arrays(np.float64, 12, elements=st.floats(0, 1)))
def test_reliability_and_calibration_error_by_hand(
    returns: FloatArray1D, p_up: FloatArray1D
) -> None:
    """Ten equal steps: how many, what they said, how often it rose; ECE weighs the differences."""
    steps: dict[int, list[tuple[float, float]]] = {}
    for value, p in zip(returns.tolist(), p_up.tolist(), strict=True):
        steps.setdefault(min(int(p * 10), 9), []).append((p, float(value > 0)))
    bins = reliability(returns, p_up)
    assert [each.n for each in bins] == [len(steps[step]) for step in sorted(steps)]
    error = 0.0
    for each, step in zip(bins, sorted(steps), strict=True):
        said, rose = (sum(column) / len(column) for column in zip(*steps[step], strict=True))
        assert [each.p_up, each.rose] == pytest.approx([said, rose])
        error += len(steps[step]) / 12 * abs(said - rose)
    assert calibration_error(bins) == pytest.approx(error)


def test_no_reliability_without_a_probability() -> None:
    """A forecaster that says nothing about some window has no diagram and no error."""
    bins = reliability(np.zeros(2), np.array([0.5, np.nan]))
    assert bins == ()
    assert math.isnan(calibration_error(bins))
