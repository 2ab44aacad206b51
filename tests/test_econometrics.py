"""Econometric rows equal what arch and statsmodels say themselves, and never look ahead."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from arch import arch_model
from arch.univariate import StudentsT
from statsmodels.tsa.ar_model import ar_select_order
from synthetic import random_walk_bars

from forecast_cli.arrays import FloatArray1D, FloatArray3D, IntArray1D
from forecast_cli.config import DEFAULT_FEATURES
from forecast_cli.data.bars import Bars
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS
from forecast_cli.models.baselines import BASELINES
from forecast_cli.models.econometrics import (
    REFIT_EVERY,
    Autoregression,
    GarchT,
    GjrGarchT,
    Refitted,
)

HORIZONS = (1, 5)
FROM_BARS = ["history_250", "ar", "garch_t", "gjr_garch_t"]


def windows_of(*series: Bars) -> Windows:
    """The last 40 windows of each series, whether their targets are known or not."""
    windows = build_windows(series, horizons=HORIZONS, lookback=1, features=DEFAULT_FEATURES)
    last = [np.flatnonzero(windows.symbol_index == i)[-40:] for i in range(len(series))]
    return windows.take(np.concatenate(last))


def returns_with_memory(n: int) -> FloatArray1D:
    """An AR(2) around a small mean."""
    rng = np.random.default_rng(3)
    returns = 0.01 * rng.normal(size=n)
    for day in range(2, n):
        returns[day] += 0.0003 + 0.3 * returns[day - 1] - 0.2 * returns[day - 2]
    return returns


CLUSTERED = np.diff(np.log(random_walk_bars("A", 1_500, seed=1, clustering=True).close))


@pytest.mark.parametrize(("baseline", "asymmetry"), [(GarchT(), 0), (GjrGarchT(), 1)])
def test_garch_equals_archs_own_forecast(baseline: GarchT, asymmetry: int) -> None:
    """The variances of the next five returns add up; the curve is arch's standardised t."""
    fitted = arch_model(100 * CLUSTERED, p=1, o=asymmetry, q=1, dist="t", rescale=False).fit(
        disp="off"
    )
    variance = fitted.forecast(horizon=5).variance.to_numpy()[0]
    last = np.array([len(CLUSTERED) - 1])
    made = baseline.curves(baseline.learn(CLUSTERED), CLUSTERED, last, HORIZONS)[0]
    shape = StudentsT().ppf(LEVELS, np.array([fitted.params["nu"]]))
    for curve, horizon in zip(made, HORIZONS, strict=True):
        expected = horizon * fitted.params["mu"] + np.sqrt(variance[:horizon].sum()) * shape
        np.testing.assert_allclose(100 * curve, expected, rtol=1e-5)


def test_a_fall_widens_gjr_more_than_a_rise() -> None:
    """The leverage effect: with gamma > 0 bad news counts more."""
    rng = np.random.default_rng(5)
    returns, variance = np.empty(3_000), 1.0
    for day, shock in enumerate(rng.normal(size=3_000)):
        returns[day] = np.sqrt(variance) * shock / 100
        variance = 0.05 + (0.02 + 0.15 * (shock < 0)) * variance * shock**2 + 0.85 * variance
    law = GjrGarchT().learn(returns)
    assert law.gamma > 0.05
    fell, rose = (law.next_variance(np.append(returns, move))[-1] for move in (-0.03, 0.03))
    assert fell > rose


def test_a_flat_price_has_a_flat_forecast() -> None:
    """Where maximum likelihood finds nothing, the variance of the past stands in; no NaN."""
    flat = np.zeros(300)
    baselines: tuple[Refitted[Any], ...] = (GarchT(), GjrGarchT(), Autoregression())
    for baseline in baselines:
        made = baseline.curves(baseline.learn(flat), flat, np.array([299]), HORIZONS)
        np.testing.assert_allclose(made, 0, atol=1e-12)


def test_ar_equals_statsmodels() -> None:
    """Order by BIC; the sum of the next five expected returns is that of its own forecast."""
    returns = returns_with_memory(800)
    fitted = ar_select_order(returns, maxlag=10, ic="bic").model.fit()
    assert fitted.ar_lags == [1, 2]
    ahead = fitted.forecast(5)
    baseline = Autoregression()
    made = baseline.curves(baseline.learn(returns), returns, np.array([799]), HORIZONS)[0]
    np.testing.assert_allclose(made[:, 49], [ahead[0], ahead.sum()], rtol=1e-9)


def test_the_variance_of_an_ar_sum_is_that_of_simulated_paths() -> None:
    """Shocks live on in the days that follow: five days are not five times one day."""
    returns = returns_with_memory(800)
    baseline = Autoregression()
    law = baseline.learn(returns)
    made = baseline.curves(law, returns, np.array([799]), HORIZONS)[0]
    shocks = np.random.default_rng(0).normal(size=(5, 100_000)) * np.sqrt(law.variance)
    path = [np.full(100_000, value) for value in returns[-2:]]
    for shock in shocks:
        path.append(law.constant + sum(
            coefficient * path[-lag] for lag, coefficient in enumerate(law.coefficients, start=1)
        ) + shock)  # fmt: skip
    total = np.sum(path[2:], axis=0)
    np.testing.assert_allclose(made[1, [4, 94]], np.quantile(total, [0.05, 0.95]), rtol=0.02)


class Spy(Refitted[int]):
    """Learns how much it was shown, and remembers when it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def learn(self, past: FloatArray1D) -> int:
        """How many returns there are."""
        return len(past)

    def curves(
        self, law: int, past: FloatArray1D, cutoffs: IntArray1D, horizons: tuple[int, ...]
    ) -> FloatArray3D:
        """Note the cutoffs, as numbers of known returns, beside what was learnt from."""
        assert len(past) == cutoffs.max() + 1
        self.asked += [(law, cutoff + 1) for cutoff in cutoffs.tolist()]
        return np.zeros((len(cutoffs), len(horizons), len(LEVELS)))


def test_refitted_every_21_bars_on_all_so_far() -> None:
    """The last fit lies 0 to 20 bars back, at a multiple of 21 returns; never ahead."""
    spy = Spy()
    spy.predict(windows_of(random_walk_bars("A", 300, seed=1), random_walk_bars("B", 250, seed=2)))
    assert sorted({known for _, known in spy.asked}) == [*range(210, 250), *range(260, 300)]
    for learnt, known in spy.asked:
        assert learnt == known - known % REFIT_EVERY


@pytest.mark.parametrize("name", FROM_BARS)
def test_bars_after_the_cutoff_change_nothing(name: str) -> None:
    """Garbage after a date, on both symbols: the forecasts up to it are the same, bit by bit."""
    series = [
        random_walk_bars(symbol, 260, seed=i, clustering=True) for i, symbol in enumerate("AB")
    ]
    cutoff = series[0].timestamp[-15]
    later = [bars.timestamp > cutoff for bars in series]
    garbage = [
        replace(bars, adj_close=np.where(which, bars.adj_close[::-1] * 7, bars.adj_close))
        for bars, which in zip(series, later, strict=True)
    ]
    clean, poisoned = (windows_of(*each) for each in (series, garbage))
    made, other = (BASELINES[name]().predict(each) for each in (clean, poisoned))
    known = clean.cutoffs <= cutoff
    assert known.sum() == 52
    np.testing.assert_array_equal(made.quantiles[known], other.quantiles[known])
    assert not np.array_equal(made.quantiles[~known], other.quantiles[~known])


@pytest.mark.parametrize("name", FROM_BARS)
def test_a_forecast_does_not_depend_on_what_else_is_asked(name: str) -> None:
    """One window alone, or one symbol alone: the same curve."""
    series = [
        random_walk_bars(symbol, 260, seed=i, clustering=True) for i, symbol in enumerate("AB")
    ]
    windows = windows_of(*series)
    together = BASELINES[name]().predict(windows)
    alone = BASELINES[name]().predict(windows.take(np.array([57])))
    np.testing.assert_array_equal(alone.quantiles[0], together.quantiles[57])
