"""Diebold-Mariano: the difference of two forecasters, judged by day and with its dependence."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.stats import false_discovery_control
from scipy.stats import t as student_t
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.stattools import diebold_mariano_test

from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.evaluation.significance import (
    MeanTest,
    benjamini_hochberg,
    diebold_mariano,
    mean_test,
)


def days(n: int) -> DateArray1D:
    """The first n days of a decade."""
    made: DateArray1D = np.datetime64("2010-01-01") + np.arange(n)
    return made


def losses(n: int, seed: int, *, memory: float = 0.0) -> tuple[FloatArray1D, FloatArray1D]:
    """Two series of losses whose difference remembers its last value."""
    rng = np.random.default_rng(seed)
    difference = rng.normal(size=n)
    for day in range(1, n):
        difference[day] += memory * difference[day - 1]
    naive = rng.exponential(size=n)
    return naive + difference, naive


def compare(own: FloatArray1D, naive: FloatArray1D, horizon: int = 1) -> MeanTest:
    """The test over one symbol, a window each day."""
    return diebold_mariano(own, naive, days(len(own)), horizon=horizon)


def newey_west(difference: FloatArray1D, horizon: int) -> float:
    """Long-run variance with Bartlett weights, over the lags that statsmodels takes."""
    n = len(difference)
    n_lags = min(max(horizon - 1, math.ceil(n ** (1 / 3))), n - 1)
    centred: list[float] = (difference - difference.mean()).tolist()
    terms = (
        (1 - abs(lag) / (n_lags + 1))
        * sum(centred[day] * centred[day - abs(lag)] for day in range(abs(lag), n))
        / n
        for lag in range(-n_lags, n_lags + 1)
    )
    return float(sum(terms))


def cosine_variance(difference: FloatArray1D, horizon: int) -> tuple[float, int]:
    """Long-run variance from the first coefficients of a library's cosine transform."""
    n = len(difference)
    freedom = max(1, int(min(0.4 * n ** (2 / 3), 0.4 * n / horizon)))
    coefficients = dct(difference - difference.mean(), type=2, norm="ortho")[1 : freedom + 1]
    return float((coefficients**2).mean()), freedom


@settings(deadline=None)
@given(st.integers(20, 300), st.integers(1, 20), st.integers(0, 2**31), st.floats(-0.5, 0.9))
def test_equals_statsmodels_but_for_the_variance(
    n: int, horizon: int, seed: int, memory: float
) -> None:
    """Statistic of an independent library times the ratio of the two standard errors."""
    own, naive = losses(n, seed, memory=memory)
    assume(n > horizon)
    ours = compare(own, naive, horizon)
    theirs = diebold_mariano_test(
        np.zeros(n),
        own,
        naive,
        criterion=lambda _, forecast: forecast,
        harvey_adj=False,
        horizon=horizon,
    )
    variance, freedom = cosine_variance(own - naive, horizon)
    ratio = math.sqrt(newey_west(own - naive, horizon) / variance)
    assert ours.statistic == pytest.approx(theirs.statistic * ratio, rel=1e-9, abs=1e-9)
    assert ours.p == pytest.approx(2 * student_t.sf(abs(ours.statistic), freedom), abs=1e-12)
    assert ours.n_days == n


def test_negative_means_less_loss() -> None:
    """The statistic is below 0 where the first forecaster is better, and turns with the two."""
    own, naive = losses(200, seed=1)
    better = compare(own - 1, naive)
    worse = compare(naive, own - 1)
    assert better.statistic < -2
    assert worse.statistic == pytest.approx(-better.statistic)
    assert worse.p == pytest.approx(better.p)


@pytest.mark.parametrize("n_symbols", [2, 5])
def test_the_same_day_under_another_symbol_is_no_new_evidence(n_symbols: int) -> None:
    """Symbols move together: repeating every row for another symbol changes nothing."""
    own, naive = losses(150, seed=2)
    once = compare(own, naive, horizon=5)
    again = diebold_mariano(
        np.tile(own, n_symbols),
        np.tile(naive, n_symbols),
        np.tile(days(150), n_symbols),
        horizon=5,
    )
    assert again.n_days == 150
    assert again.statistic == pytest.approx(once.statistic, rel=1e-12)
    assert again.p == pytest.approx(once.p, rel=1e-12)
    assert again.n_effective == pytest.approx(once.n_effective, rel=1e-12)


def test_a_day_is_the_mean_of_its_symbols() -> None:
    """Days with more symbols weigh no more than others, and the order of rows does not matter."""
    rng = np.random.default_rng(3)
    own, naive = rng.normal(size=(2, 300))
    of_day = rng.integers(0, 60, 300)
    present = np.unique(of_day)
    mean = np.array([(own - naive)[of_day == day].mean() for day in present])
    expected = compare(mean, np.zeros(len(present)))
    shuffled = diebold_mariano(own, naive, days(60)[of_day], horizon=1)
    assert shuffled.statistic == pytest.approx(expected.statistic)
    assert shuffled.p == pytest.approx(expected.p)


@pytest.mark.parametrize(("horizon", "n_days"), [(1, 300), (5, 300), (5, 1250), (20, 300)])
def test_size_under_the_null(horizon: int, n_days: int) -> None:
    """Where neither is better, 5 % of tests at 5 % say otherwise, also where horizons overlap."""
    n_seeds = 1_000
    rng = np.random.default_rng(4)
    rejected = 0
    for _ in range(n_seeds):
        daily = rng.standard_t(4, size=n_days + horizon)
        overlapping = np.convolve(daily, np.ones(horizon), mode="valid")[:n_days]
        rejected += mean_test(overlapping, horizon=horizon).p < 0.05
    assert 0.03 < rejected / n_seeds < 0.07  # three standard errors


@pytest.mark.parametrize("memory", [0.0, 0.4])
def test_what_is_called_detectable_is_detected(memory: float) -> None:
    """A mean of that size is found in about four cases of five."""
    zero = [np.subtract(*losses(500, seed, memory=memory)) for seed in range(400)]
    mean = float(np.mean([mean_test(series, horizon=1).detectable for series in zero]))
    found = np.mean([mean_test(series + mean, horizon=1).p < 0.05 for series in zero])
    assert 0.7 < found < 0.88


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(P_VALUES)
def test_benjamini_hochberg_equals_two_libraries(p_values: list[float]) -> None:
    """The step-up correction, in the order in which the p-values came."""
    corrected = benjamini_hochberg(p_values)
    assert corrected == pytest.approx(false_discovery_control(p_values).tolist())
    assert corrected == pytest.approx(multipletests(p_values, method="fdr_bh")[1].tolist())


@given(P_VALUES)
def test_an_undefined_test_is_no_test(p_values: list[float]) -> None:
    """It stays undefined and makes the others no less certain; one test alone is left as it is."""
    with_gaps = [None, *p_values, None]
    assert benjamini_hochberg(with_gaps) == [None, *benjamini_hochberg(p_values), None]
    assert benjamini_hochberg([0.03]) == [0.03]
    assert benjamini_hochberg([]) == []


def test_power_where_there_is_a_difference() -> None:
    """A difference of a third of its daily spread is found in 300 days."""
    found = [compare(own - 0.33, naive).p < 0.05 for own, naive in map(_pair, range(50))]
    assert sum(found) >= 48


def _pair(seed: int) -> tuple[FloatArray1D, FloatArray1D]:
    return losses(300, seed)


def test_dependent_days_are_worth_less() -> None:
    """n_effective falls with autocorrelation and never exceeds the number of days."""
    worth = [
        np.mean([compare(*losses(500, seed, memory=memory)).n_effective for seed in range(20)])
        for memory in (-0.5, 0.0, 0.4, 0.8)
    ]
    assert worth[0] <= 500
    assert worth[1] > 400
    assert worth[1] > worth[2] > worth[3]
    assert worth[3] < 150


@pytest.mark.parametrize(("n", "horizon"), [(0, 1), (1, 1), (2, 2), (4, 5), (3, 20), (19, 20)])
def test_too_few_days_are_undefined(n: int, horizon: int) -> None:
    """Without a variance, or with no more days than the horizon has bars, there is no p."""
    own, naive = losses(n, seed=5)
    test = compare(own, naive, horizon)
    assert test.n_days == n
    assert np.isnan([test.statistic, test.p, test.n_effective]).all()


@pytest.mark.parametrize("rounding", [0.0, 1e-7])
def test_no_difference_is_undefined(rounding: float) -> None:
    """A forecaster against itself has no p, even if one of the two computes in single precision."""
    naive = np.random.default_rng(6).exponential(size=100)
    own = naive * (1 + rounding * np.random.default_rng(7).normal(size=100))
    test = compare(own, naive)
    assert np.isnan([test.statistic, test.p, test.n_effective]).all()


def test_a_difference_beyond_rounding_is_tested() -> None:
    """A tenth of a per cent on every day is small, and certain."""
    rng = np.random.default_rng(8)
    naive = rng.exponential(size=100)
    assert compare(naive * (1 - 0.001 * rng.uniform(0.5, 1.5, 100)), naive).p < 0.001


def test_an_unknown_loss_is_undefined() -> None:
    """A forecaster without this score has no p."""
    own, naive = losses(100, seed=7)
    assert np.isnan(compare(np.full(100, np.nan), naive).p)
    assert np.isnan(compare(own, np.full(100, np.nan)).p)
