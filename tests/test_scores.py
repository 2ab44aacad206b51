"""The table of scores: every row beside the best naive one, and a sentence about the difference."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.losses import losses_of
from forecast_cli.evaluation.scores import score_all, score_losses
from forecast_cli.evaluation.significance import (
    benjamini_hochberg,
    diebold_mariano,
    mean_test,
)
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts, probability_up, quantiles_at
from forecast_cli.models.baselines import AlwaysUp

NORMAL: FloatArray1D = np.quantile(np.random.default_rng(0).normal(size=100_000), LEVELS)
N = 400
RNG = np.random.default_rng(1)
HINT = RNG.normal(size=(N, 2))
WINDOWS = bare_windows(
    0.01 * (0.5 * HINT + RNG.normal(size=(N, 2))),
    horizons=(1, 5),
    cutoffs=np.datetime64("2010-01-01") + np.arange(N) // 2,
    symbol_index=np.arange(N) % 2,
)
NAIVE = ("walk", "wide", "always_up")


def normal(windows: Windows, *, width: float = 1.0, lean: float = 0.0) -> Forecasts:
    """Normal curves that lean on the hint: 0.5 is the truth, -0.5 its opposite."""
    quantiles = 0.01 * (width * NORMAL + lean * HINT[:, :, None])
    return Forecasts(
        symbols=windows.symbol_names,
        cutoffs=windows.cutoffs,
        horizons=windows.horizons,
        quantiles=quantiles,
        point=quantiles_at(quantiles, 0.5),
        p_up=probability_up(quantiles),
    )


FORECASTS = {
    "good": normal(WINDOWS, lean=0.5),
    "bad": normal(WINDOWS, lean=-0.5),
    "walk": normal(WINDOWS, width=1.1),
    "wide": normal(WINDOWS, width=3.0),
    "always_up": AlwaysUp().predict(WINDOWS),
}
TABLE = score_all(FORECASTS, WINDOWS, naive=NAIVE)
BY_NAME = {(score.forecaster, score.horizon): score for score in TABLE}


def test_a_row_per_forecaster_and_horizon() -> None:
    """Horizon by horizon, in the order in which the forecasters were given."""
    rows = [(score.horizon, score.forecaster) for score in TABLE]
    assert rows == [(horizon, name) for horizon in (1, 5) for name in FORECASTS]
    assert {score.forecaster for score in TABLE if score.naive} == set(NAIVE)


@pytest.mark.parametrize("name", ["good", "bad", "walk", "wide"])
@pytest.mark.parametrize(("column", "horizon"), [(0, 1), (1, 5)])
def test_scores_are_the_means_of_their_losses(name: str, column: int, horizon: int) -> None:
    """Each column of the table is the mean of its metric; returns count in per cent."""
    score, made = BY_NAME[name, horizon], FORECASTS[name]
    returns, curves = WINDOWS.returns[:, column], made.quantiles[:, column]
    p_up, error = made.p_up[:, column], WINDOWS.returns[:, column] - made.point[:, column]
    assert score.crps == pytest.approx(100 * metrics.crps(returns, curves).mean())
    assert score.coverage_90 == pytest.approx(metrics.inside(returns, curves, 0.9).mean())
    assert score.mae == pytest.approx(100 * np.abs(error).mean())
    assert score.rmse == pytest.approx(100 * np.sqrt((error**2).mean()))
    assert score.brier == pytest.approx(metrics.brier(returns, p_up).mean())
    hits = metrics.direction_hits(returns, p_up).mean()
    assert score.direction_accuracy == pytest.approx(hits)
    assert score.mcc == pytest.approx(metrics.mcc(returns, p_up))


def test_windows_and_days_are_counted() -> None:
    """Both are told: n counts windows, n_days distinct cutoffs: two symbols share each day here."""
    assert {(score.n, score.n_days) for score in TABLE} == {(N, N // 2)}


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_best_naive_row_is_the_measure(horizon: int) -> None:
    """Its skill is 0 and it has no p against itself; the other naive rows fall behind it."""
    best, other = BY_NAME["walk", horizon], BY_NAME["wide", horizon]
    assert best.skill_crps == 0
    assert best.dm_p is None
    assert best.n_effective is None
    assert other.skill_crps is not None
    assert other.skill_crps < 0


@pytest.mark.parametrize(("column", "horizon"), [(0, 1), (1, 5)])
def test_skill_is_the_share_of_the_naive_loss_that_was_saved(column: int, horizon: int) -> None:
    """Above 0 is better than every naive row, below 0 worse than the best one."""
    good, bad, walk = (BY_NAME[name, horizon] for name in ("good", "bad", "walk"))
    assert good.crps is not None
    assert walk.crps is not None
    assert good.skill_crps == pytest.approx(1 - good.crps / walk.crps)
    assert good.skill_crps is not None
    assert bad.skill_crps is not None
    assert good.skill_crps > 0 > bad.skill_crps
    returns = WINDOWS.returns[:, column]
    own, naive = (
        metrics.crps(returns, FORECASTS[name].quantiles[:, column]) for name in ("good", "walk")
    )
    test = diebold_mariano(own, naive, WINDOWS.cutoffs, horizon=horizon)
    assert good.dm_p == pytest.approx(test.p)
    assert good.n_effective == pytest.approx(test.n_effective)


@pytest.mark.parametrize("horizon", [1, 5])
def test_direction_is_measured_against_its_own_best_naive_row(horizon: int) -> None:
    """The naive row with the lowest Brier score need not be the one with the lowest CRPS."""
    naive = {name: BY_NAME[name, horizon].brier or np.nan for name in NAIVE}
    best = min(naive, key=naive.__getitem__)
    good = BY_NAME["good", horizon]
    assert good.brier is not None
    assert good.skill_brier == pytest.approx(1 - good.brier / naive[best])
    assert BY_NAME[best, horizon].skill_brier == 0
    assert BY_NAME[best, horizon].dm_p_brier is None


@pytest.mark.parametrize("horizon", [1, 5])
def test_what_is_not_defined_is_none(horizon: int) -> None:
    """Always-up gives no range and no point: no CRPS, no error, no skill, and never NaN."""
    score = BY_NAME["always_up", horizon]
    assert (score.crps, score.coverage_90, score.mae, score.rmse) == (None, None, None, None)
    assert (score.skill_crps, score.dm_p, score.n_effective) == (None, None, None)
    assert score.mcc == 0
    assert score.brier is not None
    assert score.skill_brier is not None
    assert not any(
        isinstance(value, float) and np.isnan(value)
        for row in TABLE
        for value in vars(row).values()
    )


@pytest.mark.parametrize(("column", "horizon"), [(0, 1), (1, 5)])
def test_every_naive_row_is_compared_with(column: int, horizon: int) -> None:
    """Skill and p against each, in their order; the best one's are those of the row."""
    row = BY_NAME["good", horizon]
    assert [one.row for one in row.against] == list(NAIVE)
    wide = row.against[1]
    returns = WINDOWS.returns[:, column]
    own, naive = (
        metrics.crps(returns, FORECASTS[name].quantiles[:, column]) for name in ("good", "wide")
    )
    test = diebold_mariano(own, naive, WINDOWS.cutoffs, horizon=horizon)
    assert wide.skill_crps == pytest.approx(1 - own.mean() / naive.mean())
    assert wide.dm_p == pytest.approx(test.p)
    assert wide.detectable_skill == pytest.approx(test.detectable / naive.mean())
    assert row.against[0].skill_crps == row.skill_crps
    assert row.against[0].detectable_skill == row.detectable_skill
    assert (row.against[2].skill_crps, row.against[2].dm_p) == (None, None)


def test_tests_of_models_are_corrected_for_their_number() -> None:
    """Two models at two horizons are four tests; naive rows, in which nobody believes, are none."""
    models = [row for row in TABLE if not row.naive]
    assert len(models) == 4
    expected = benjamini_hochberg([row.dm_p for row in models])
    assert [row.dm_p_corrected for row in models] == expected
    expected = benjamini_hochberg([row.dm_p_brier for row in models])
    assert [row.dm_p_brier_corrected for row in models] == expected
    assert all(row.dm_p_corrected is None for row in TABLE if row.naive)


@pytest.mark.parametrize(("column", "horizon"), [(0, 1), (1, 5)])
def test_ranges_are_judged_at_four_levels_and_in_three_regimes(column: int, horizon: int) -> None:
    """Coverage and width, overall and by thirds of the volatility known at the cutoff."""
    scale = np.random.default_rng(2).permutation(np.linspace(0.5, 1.5, N))
    windows = replace(WINDOWS, scale=np.column_stack([scale, scale]))
    windows = replace(windows, targets=WINDOWS.returns / windows.scale)
    curves, returns = FORECASTS["wide"].quantiles[:, column], windows.returns[:, column]
    rows = score_all(FORECASTS, windows, naive=NAIVE)
    (row,) = (row for row in rows if (row.forecaster, row.horizon) == ("wide", horizon))
    assert [of.level for of in row.ranges] == [0.5, 0.8, 0.9, 0.95]
    for found in row.ranges:
        held = metrics.inside(returns, curves, found.level)
        wide = 100 * metrics.width(curves, found.level)
        assert found.coverage == pytest.approx(held.mean())
        assert found.width == pytest.approx(wide.mean())
        assert [of.regime for of in found.regimes] == ["calm", "middle", "wild"]
        calm, _, wild = found.regimes
        for of, third in ((calm, np.argsort(scale)[:134]), (wild, np.argsort(scale)[-133:])):
            assert of.n == len(third)
            assert of.coverage == pytest.approx(held[third].mean())
            assert of.width == pytest.approx(wide[third].mean())
    assert row.ranges[2].coverage == row.coverage_90


def test_one_volatility_is_one_regime() -> None:
    """Where volatility never changes all windows are calm, and the others are not defined."""
    calm, middle, wild = BY_NAME["good", 1].ranges[0].regimes
    assert calm.n == N
    assert calm.coverage is not None
    assert (middle.n, middle.coverage, middle.width) == (0, None, None)
    assert (wild.n, wild.coverage, wild.width) == (0, None, None)


@pytest.mark.parametrize(("column", "horizon"), [(0, 1), (1, 5)])
def test_the_other_scores_are_their_metrics(column: int, horizon: int) -> None:
    """Pinball in per cent, the PIT, and errors relative to no change."""
    made, returns = FORECASTS["wide"], WINDOWS.returns[:, column]
    curves = made.quantiles[:, column]
    yardstick = np.full((N, 2), 0.02)
    losses = {name: losses_of(made, WINDOWS) for name, made in FORECASTS.items()}
    rows = score_losses(losses, WINDOWS, naive=NAIVE, naive_error=yardstick)
    (row,) = (row for row in rows if (row.forecaster, row.horizon) == ("wide", horizon))
    assert row.pinball is not None
    assert list(row.pinball) == [0.01, 0.05, 0.95, 0.99]
    loss = 100 * metrics.pinball(returns, curves[:, [4]], LEVELS[[4]]).mean()
    assert row.pinball[0.05] == pytest.approx(loss)
    transformed = metrics.pit(returns, curves)
    assert row.pit_histogram == pytest.approx(tuple(metrics.pit_histogram(transformed)))
    assert row.pit_distance == pytest.approx(metrics.pit_distance(transformed))
    error = returns - made.point[:, column]
    assert row.mase == pytest.approx(np.abs(error).mean() / 0.02)
    assert row.theil_u == pytest.approx(metrics.theil_u(error, returns))
    assert BY_NAME["wide", horizon].mase is None


def test_the_information_coefficient_needs_a_panel() -> None:
    """Its mean over days and its t, from five symbols on; fewer have none."""
    rng = np.random.default_rng(3)
    hint = rng.normal(size=(600, 1))
    panel = bare_windows(
        0.01 * (0.5 * hint + rng.normal(size=(600, 1))),
        cutoffs=np.datetime64("2010-01-01") + np.arange(600) // 6,
        symbol_index=np.arange(600) % 6,
    )
    curves = 0.01 * (NORMAL + hint[:, :, None])
    blank = normal(WINDOWS).take(np.arange(600) % N)
    made = replace(
        blank, symbols=panel.symbol_names, cutoffs=panel.cutoffs, horizons=(1,)
    ).with_quantiles(curves)
    (row,) = score_all({"walk": made}, panel, naive=["walk"])
    daily = metrics.information_coefficients(hint[:, 0], panel.returns[:, 0], panel.cutoffs)
    assert row.ic == pytest.approx(daily.mean())
    assert row.ic is not None
    assert row.ic > 0.2
    assert row.ic_t == pytest.approx(mean_test(daily, horizon=1).statistic)
    assert row.ic_t is not None
    assert row.ic_t > 5
    assert row.ic_days == 100
    assert {(row.ic, row.ic_t, row.ic_days) for row in TABLE} == {(None, None, None)}


def test_reliability_comes_with_the_score() -> None:
    """The bins of P(up) and the error they add up to."""
    good = BY_NAME["good", 1]
    bins = metrics.reliability(WINDOWS.returns[:, 0], FORECASTS["good"].p_up[:, 0])
    assert good.reliability == bins
    assert good.ece == pytest.approx(metrics.calibration_error(bins))
