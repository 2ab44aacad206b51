"""The table of scores: every row beside the best naive one, and a sentence about the difference."""


import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.scores import score_all
from forecast_cli.evaluation.significance import diebold_mariano
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


def test_reliability_comes_with_the_score() -> None:
    """The bins of P(up) and the error they add up to."""
    good = BY_NAME["good", 1]
    bins = metrics.reliability(WINDOWS.returns[:, 0], FORECASTS["good"].p_up[:, 0])
    assert good.reliability == bins
    assert good.ece == pytest.approx(metrics.calibration_error(bins))
