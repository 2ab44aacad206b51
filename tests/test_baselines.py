"""Each naive row is its definition, and all speak the same language as the networks."""

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from synthetic import bare_windows, random_walk_bars

from forecast_cli.cli.options import Baseline
from forecast_cli.errors import UsageError
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS
from forecast_cli.models.baselines import (
    BASELINES,
    DEFAULT_BASELINES,
    ECONOMETRIC,
    NAIVE,
    AlwaysUp,
    Drift,
    EwmaHistory,
    History250,
    RandomWalk,
    chosen_baselines,
)

RNG = np.random.default_rng(0)
SCALE = RNG.uniform(0.005, 0.02, (900, 2))
# two symbols with different volatility and drift; a third one appears only in the test
OF_SYMBOL = np.where(np.arange(900) < 700, np.arange(900) % 2, np.arange(900) % 3)
WINDOWS = bare_windows(
    SCALE * (1 + OF_SYMBOL[:, None]) * (np.array([0.1, -0.2]) + RNG.standard_t(5, (900, 2))),
    scale=SCALE,
    horizons=(1, 5),
    cutoffs=np.datetime64("2010-01-01") + np.arange(900) // 2,
    symbol_index=OF_SYMBOL,
)
TRAIN, VALIDATION, TEST = (
    WINDOWS.take(slice(start, stop)) for start, stop in ((0, 600), (600, 700), (700, 900))
)
NORMAL = np.array([NormalDist().inv_cdf(percent / 100) for percent in range(1, 100)])


def poisoned(windows: Windows) -> Windows:
    """The same windows with other answers."""
    return replace(windows, targets=-9 * windows.targets)


@pytest.mark.parametrize("name", sorted(NAIVE))
def test_every_baseline_speaks_forecasts(name: str) -> None:
    """One forecast per window and horizon, in the order of the windows; P(up) is a probability."""
    baseline = BASELINES[name]()
    baseline.fit(TRAIN, VALIDATION)
    made = baseline.predict(TEST)
    assert made.symbols.tolist() == TEST.symbol_names.tolist()
    assert made.cutoffs.tolist() == TEST.cutoffs.tolist()
    assert made.horizons == TEST.horizons
    assert made.quantiles.shape == (200, 2, 99)
    assert made.point.shape == made.p_up.shape == (200, 2)
    assert ((made.p_up >= 0) & (made.p_up <= 1)).all()


@pytest.mark.parametrize("name", ["random_walk", "drift", "ewma_history"])
def test_quantiles_ascend(name: str) -> None:
    """Levels never cross; the point is the median."""
    baseline = BASELINES[name]()
    baseline.fit(TRAIN, VALIDATION)
    made = baseline.predict(TEST)
    assert (np.diff(made.quantiles, axis=-1) >= 0).all()
    np.testing.assert_array_equal(made.point, made.quantiles[:, :, 49])


@pytest.mark.parametrize("name", sorted(NAIVE))
def test_no_baseline_reads_answers_or_validation(name: str) -> None:
    """The windows' own targets and the validation part change nothing."""
    made = []
    for validation, test in ((VALIDATION, TEST), (poisoned(VALIDATION), poisoned(TEST))):
        baseline = BASELINES[name]()
        baseline.fit(TRAIN, validation)
        made.append(baseline.predict(test))
    np.testing.assert_array_equal(made[0].quantiles, made[1].quantiles)
    np.testing.assert_array_equal(made[0].p_up, made[1].p_up)


@pytest.mark.parametrize("name", sorted(NAIVE))
def test_a_second_fit_forgets_the_first(name: str) -> None:
    """Fitted again, a baseline knows only the new history."""
    twice, once = BASELINES[name](), BASELINES[name]()
    twice.fit(poisoned(TRAIN), VALIDATION)
    twice.fit(TRAIN, VALIDATION)
    once.fit(TRAIN, VALIDATION)
    np.testing.assert_array_equal(twice.predict(TEST).quantiles, once.predict(TEST).quantiles)


def training_returns(symbol: str, column: int) -> list[float]:
    """A symbol's returns in training; all of them for a symbol that was not there."""
    names = set(TRAIN.symbol_names.tolist())
    rows = TRAIN.symbol_names == symbol if symbol in names else np.ones(len(TRAIN), dtype=bool)
    returns: list[float] = TRAIN.returns[rows, column].tolist()
    return returns


@pytest.mark.parametrize("column", [0, 1])
def test_random_walk_is_a_normal_curve_with_the_volatility_of_training(column: int) -> None:
    """No change expected, even odds, the symbol's own volatility about 0, the same every day."""
    baseline = RandomWalk()
    baseline.fit(TRAIN, VALIDATION)
    made = baseline.predict(TEST)
    assert set(made.symbols.tolist()) == {"S0", "S1", "S2"}
    for symbol, curve in zip(made.symbols.tolist(), made.quantiles[:, column], strict=True):
        returns = training_returns(symbol, column)
        volatility = math.sqrt(sum(value**2 for value in returns) / len(returns))
        np.testing.assert_allclose(curve, volatility * NORMAL, rtol=1e-9, atol=1e-15)
    assert np.abs(made.point).max() == 0
    np.testing.assert_allclose(made.p_up, 0.5, atol=1e-12)


@pytest.mark.parametrize("column", [0, 1])
def test_drift_moves_the_random_walk_by_the_mean_of_training(column: int) -> None:
    """The random walk around the symbol's mean return in training, horizon by horizon."""
    drift, walk = Drift(), RandomWalk()
    for baseline in (drift, walk):
        baseline.fit(TRAIN, VALIDATION)
    made, plain = drift.predict(TEST), walk.predict(TEST)
    moved = made.quantiles[:, column] - plain.quantiles[:, column]
    for symbol, shift, p_up in zip(
        made.symbols.tolist(), moved, made.p_up[:, column].tolist(), strict=True
    ):
        returns = training_returns(symbol, column)
        np.testing.assert_allclose(shift, sum(returns) / len(returns), atol=1e-12)
        assert (p_up > 0.5) == (sum(returns) > 0)


def slow_quantile(values: list[float], level: float) -> float:
    """The quantile between the two nearest ranks, by hand."""
    ordered = sorted(values)
    position = level * (len(ordered) - 1)
    low = min(int(position), len(ordered) - 2)
    return ordered[low] + (position - low) * (ordered[low + 1] - ordered[low])


def test_ewma_history_is_filtered_historical_simulation() -> None:
    """The quantiles of training's scaled returns, times the scale of the day."""
    baseline = EwmaHistory()
    baseline.fit(TRAIN, VALIDATION)
    made = baseline.predict(TEST)
    history = np.array(
        [[slow_quantile(column, k) for k in LEVELS.tolist()] for column in TRAIN.targets.T.tolist()]
    )
    np.testing.assert_allclose(made.quantiles, TEST.scale[:, :, None] * history, atol=1e-12)


@pytest.mark.parametrize("unchanged", [0.0, 0.2])
def test_ewma_history_says_the_base_rate(unchanged: float) -> None:
    """P(up) is the share of rises in training, on every day; no change counts as no rise."""
    still = np.random.default_rng(1).random(TRAIN.targets.shape) < unchanged
    train = replace(TRAIN, targets=np.where(still, 0.0, TRAIN.targets))
    baseline = EwmaHistory()
    baseline.fit(train, VALIDATION)
    p_up = baseline.predict(TEST).p_up
    np.testing.assert_allclose(p_up, np.tile((train.targets > 0).mean(axis=0), (200, 1)), atol=0.01)
    assert np.ptp(p_up, axis=0).max() < 1e-9


def test_always_up_says_up_and_nothing_else() -> None:
    """P(up) is 1; there is no range and no point to score."""
    baseline = AlwaysUp()
    baseline.fit(TRAIN, VALIDATION)
    made = baseline.predict(TEST)
    assert (made.p_up == 1).all()
    assert np.isnan(made.quantiles).all()
    assert np.isnan(made.point).all()


def test_baselines_work_on_real_windows() -> None:
    """On a random walk whose volatility wanders, history covers what it says."""
    bars = random_walk_bars("WALK", 3_000, seed=2, clustering=True)
    windows = build_windows([bars], horizons=(1,), lookback=1, features=("return",)).known()
    baseline = EwmaHistory()
    baseline.fit(windows.take(slice(0, 1_400)), windows.take(slice(0, 0)))
    test = windows.take(slice(1_400, None))
    made = baseline.predict(test)
    inside = (made.quantiles[:, 0, 4] <= test.returns[:, 0]) & (
        test.returns[:, 0] <= made.quantiles[:, 0, 94]
    )
    assert inside.mean() == pytest.approx(0.9, abs=0.03)


def test_the_table_names_them() -> None:
    """By the names that reports use: four that always stand, then those to be asked for."""
    always = ["random_walk", "drift", "ewma_history", "always_up"]
    assert list(BASELINES) == [*always, "history_250", "ar", "garch_t", "gjr_garch_t"]
    assert list(DEFAULT_BASELINES) == always
    assert list(chosen_baselines(["ar", "drift", "ar"])) == [*always, "ar"]
    assert set(BASELINES) == NAIVE | ECONOMETRIC
    assert [name.value for name in Baseline] == list(BASELINES)


@pytest.mark.parametrize(("horizons", "n_bars"), [((1, 5), 420), ((1, 3), 180), ((1, 120), 150)])
def test_history_250_is_the_quantiles_of_the_last_250_returns(
    horizons: tuple[int, ...], n_bars: int
) -> None:
    """numpy's quantiles of them, or of the overlapping sums inside that window; of fewer if young.

    NaN where the past is shorter than the horizon.
    """
    bars = random_walk_bars("WALK", n_bars, seed=4)
    windows = build_windows([bars], horizons=horizons, lookback=1, features=("return",))
    made = History250().predict(windows)
    for row, curves in zip(windows.rows.tolist(), made.quantiles, strict=True):
        window = np.diff(np.log(bars.adj_close[: row + 1]))[-250:]
        for horizon, curve in zip(horizons, curves, strict=True):
            sums = [window[i : i + horizon].sum() for i in range(len(window) - horizon + 1)]
            expected = np.quantile(sums, LEVELS) if sums else np.full(99, np.nan)
            np.testing.assert_allclose(curve, expected, atol=1e-12)


def test_an_unknown_baseline_is_refused() -> None:
    """By name, with those there are."""
    with pytest.raises(UsageError, match="unknown baseline crystal_ball") as caught:
        chosen_baselines(["crystal_ball"])
    assert caught.value.fix is not None
    assert "gjr_garch_t" in caught.value.fix
