"""Every network finds an edge that is there, and none where there is none."""

from collections.abc import Callable

import pytest
from synthetic import autoregressive_bars, ewma_walk_bars, random_walk_bars

from forecast_cli.config import NetworkName, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.folds import FoldPlan, cut_folds
from forecast_cli.evaluation.scores import Score, score_all
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import chosen_baselines
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.workflows.entries import NETWORK_NAMES

N_BARS = 2_000
N_SYMBOLS = 4
TWO_STANDARD_ERRORS = 0.0455


def _test(network: NetworkName, series: list[Bars]) -> tuple[Windows, dict[str, Forecasts]]:
    config = model_config(network, horizons=(1,))
    windows = build_windows(
        series, horizons=(1,), lookback=config.lookback, features=config.features
    )
    folds = list(cut_folds(windows, FoldPlan(folds=2)))
    assert len(folds) == 2
    forecaster = KerasForecaster(config)
    candidates = [Candidate(name="network", make=lambda: forecaster)]
    candidates += [Candidate(name=name, make=make) for name, make in chosen_baselines(()).items()]
    forecasts = {candidate.name: walk_forward(candidate, folds) for candidate in candidates}
    return concatenate([fold.test for fold in folds]), forecasts


def _network_score(windows: Windows, forecasts: dict[str, Forecasts]) -> Score:
    first = score_all(forecasts, windows, naive=list(chosen_baselines(())))[0]
    assert first.forecaster == "network"
    return first


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_a_planted_edge_is_found(network: NetworkName) -> None:
    """On AR(0.3) returns it beats the best naive row, p < 0.01; logistic by its P(up)."""
    series = [autoregressive_bars(f"AR{i}", N_BARS, seed=i) for i in range(N_SYMBOLS)]
    score = _network_score(*_test(network, series))
    if network == "logistic":
        assert score.skill_brier is not None
        assert score.skill_brier > 0.01
        assert score.dm_p_brier is not None
        assert score.dm_p_brier < 0.01
    else:
        assert score.skill_crps is not None
        assert score.skill_crps > 0.01
        assert score.dm_p is not None
        assert score.dm_p < 0.01


@pytest.mark.parametrize("network", NETWORK_NAMES)
@pytest.mark.parametrize("walk", [random_walk_bars, ewma_walk_bars])
def test_no_edge_is_found_on_a_random_walk(network: NetworkName, walk: Callable[..., Bars]) -> None:
    """On a driftless random walk the skill lies within two standard errors of zero.

    Whether its volatility never changes or follows an EWMA: the best naive row is right either way.
    """
    series = [walk(f"RW{i}", N_BARS, seed=i) for i in range(N_SYMBOLS)]
    windows, forecasts = _test(network, series)
    score = _network_score(windows, forecasts)
    assert score.skill_crps is not None
    assert abs(score.skill_crps) < 0.005
    # no p at all means that the network never left the naive forecast
    assert score.dm_p_brier is None or score.dm_p_brier > TWO_STANDARD_ERRORS
    if network != "logistic":  # whose range is not its own
        assert score.dm_p is None or score.dm_p > TWO_STANDARD_ERRORS
