"""The table of scores: every row beside the best naive one, and a sentence about the difference."""

import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.scores import Score, score_all, verdict
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


def score(
    *,
    horizon: int = 1,
    crps: tuple[float | None, float | None] = (None, None),
    brier: tuple[float | None, float | None] = (None, None),
) -> Score:
    """A row with given skill and p."""
    return Score(
        forecaster="lstm",
        horizon=horizon,
        n=10,
        n_days=10,
        crps=None,
        coverage_90=None,
        mae=None,
        rmse=None,
        direction_accuracy=None,
        mcc=None,
        brier=None,
        skill_crps=crps[0],
        dm_p=crps[1],
        skill_brier=brier[0],
        dm_p_brier=brier[1],
    )


def test_verdict_better() -> None:
    """Better beyond chance: by how much, and how sure."""
    assert verdict(score(crps=(0.0123, 0.012)), by_direction=False) == (
        "1 bar ahead: lstm beats the best naive row, CRPS 1.2 % lower (p 0.012)."
    )
    assert verdict(score(horizon=5, brier=(0.04, 0.0001)), by_direction=True) == (
        "5 bars ahead: lstm beats the best naive row, Brier score 4.0 % lower (p < 0.001)."
    )


def test_verdict_worse() -> None:
    """Worse beyond chance is said as plainly."""
    assert verdict(score(crps=(-0.02, 0.001)), by_direction=False) == (
        "1 bar ahead: lstm loses to the best naive row, CRPS 2.0 % higher (p 0.001)."
    )
    assert verdict(score(horizon=20, brier=(-0.5, 0.03)), by_direction=True) == (
        "20 bars ahead: lstm loses to the best naive row, Brier score 50.0 % higher (p 0.030)."
    )


@pytest.mark.parametrize("skill", [0.02, -0.02])
def test_verdict_no_different(skill: float) -> None:
    """Within chance there is no edge, whichever side the number is on."""
    assert verdict(score(crps=(skill, 0.4)), by_direction=False) == (
        "1 bar ahead: no edge found, lstm matches the best naive row (p 0.40)."
    )
    assert verdict(score(horizon=5, brier=(skill, 0.05)), by_direction=True) == (
        "5 bars ahead: no edge found, lstm matches the best naive row (p 0.05)."
    )


@pytest.mark.parametrize("skill", [0.0, 0.3, None])
def test_verdict_without_a_test(skill: float | None) -> None:
    """Where no p is defined no edge is claimed, and no p is shown."""
    row = score(crps=(skill, None), brier=(skill, None))
    for by_direction in (False, True):
        assert verdict(row, by_direction=by_direction) == (
            "1 bar ahead: no edge found, lstm matches the best naive row."
        )


def test_verdict_reads_the_loss_it_is_judged_by() -> None:
    """A direction forecaster is judged by its Brier score, whatever its CRPS."""
    both = score(crps=(0.1, 0.001), brier=(-0.1, 0.001))
    assert "beats" in verdict(both, by_direction=False)
    assert "loses to" in verdict(both, by_direction=True)
