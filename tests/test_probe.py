"""The quick learner: a ridge regression that sees what a network sees."""

import numpy as np
import pytest
from synthetic import autoregressive_bars, bare_windows

from forecast_cli.evaluation.metrics import crps
from forecast_cli.features.dataset import build_windows
from forecast_cli.forecasts import LEVELS, quantiles_at
from forecast_cli.models.baselines import EwmaHistory
from forecast_cli.models.probe import LeastSquares


def test_equals_the_regression_of_numpy() -> None:
    """Standardised features, a constant, and a ridge of a thousandth per window: by lstsq."""
    series = [autoregressive_bars("S0", 600, seed=1)]
    names = ("return", "range_5", "volatility")
    windows = build_windows(series, horizons=(1, 5), lookback=1, features=names).known()
    train, test = windows.take(slice(300)), windows.take(slice(320, None))
    probe = LeastSquares()
    probe.fit(train, train)
    inputs = train.features[train.rows].astype(np.float64)
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    design = np.column_stack([np.ones(300), (inputs - mean) / deviation])
    rows = np.vstack([design, np.sqrt(0.3) * np.eye(4)])
    weights = np.linalg.lstsq(rows, np.vstack([train.targets, np.zeros((4, 2))]), rcond=None)[0]
    new = (test.features[test.rows] - mean) / deviation
    expected = np.column_stack([np.ones(len(test)), new]) @ weights * test.scale
    said = probe.predict(test)
    np.testing.assert_allclose(said.point, expected, rtol=1e-8, atol=1e-12)
    # the width is that of history
    history = np.quantile(train.targets, [0.05, 0.95], axis=0)
    width = quantiles_at(said.quantiles, 0.95) - quantiles_at(said.quantiles, 0.05)
    np.testing.assert_allclose(width, (history[1] - history[0]) * test.scale, rtol=1e-9)
    assert said.quantiles.shape[-1] == len(LEVELS)


@pytest.mark.parametrize("seed", range(5))
def test_finds_a_planted_edge(seed: int) -> None:
    """Whoever is sent ahead must be able to see something: AR(0.3) is better than history."""
    series = [autoregressive_bars("S0", 1500, seed=seed)]
    windows = build_windows(series, horizons=(1,), lookback=1, features=("return",)).known()
    train, test = windows.take(slice(900)), windows.take(slice(900, None))
    losses = []
    for forecaster in (LeastSquares(), EwmaHistory()):
        forecaster.fit(train, train)
        losses.append(crps(test.returns[:, 0], forecaster.predict(test).quantiles[:, 0]).mean())
    assert losses[0] < 0.985 * losses[1]


def test_a_constant_feature_is_no_trouble() -> None:
    """It has no deviation to be divided by."""
    windows = bare_windows(np.random.default_rng(0).normal(size=(200, 1)))
    windows.features[:] = 3.0
    probe = LeastSquares()
    probe.fit(windows, windows)
    assert np.isfinite(probe.predict(windows).quantiles).all()
