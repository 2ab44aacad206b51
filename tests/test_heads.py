"""Heads start as the naive forecast, and their losses are the proper scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import bare_windows, random_walk_bars

from forecast_cli.config import DEFAULT_FEATURES, NetworkName, model_config
from forecast_cli.evaluation.metrics import crps
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS
from forecast_cli.models.baselines import EwmaHistory
from forecast_cli.models.heads import (
    HEADS,
    DistributionHead,
    Head,
    PositionHead,
    history_quantiles,
)
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.workflows.entries import NETWORK_NAMES

ROWS = np.arange(40)


def _head(network: NetworkName, **options: object) -> Head:
    """An untrained head for one horizon, or as many as asked for."""
    config = model_config(network, **{"horizons": (1,)} | options)
    return HEADS[config.objective](config)


def _windows(lookback: int) -> Windows:
    series = [random_walk_bars("AAA", 500, seed=1, clustering=True)]
    return build_windows(
        series, horizons=(1, 5), lookback=lookback, features=DEFAULT_FEATURES
    ).known()


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_an_untrained_network_is_the_naive_forecast(network: NetworkName) -> None:
    """With no epoch trained it is filtered historical simulation; logistic gives the base rate."""
    windows = _windows(lookback=5)
    forecaster = KerasForecaster(model_config(network, lookback=5, epochs=0))
    naive = EwmaHistory()
    for each in (forecaster, naive):
        each.fit(windows, windows)
    made, expected = forecaster.predict(windows), naive.predict(windows)
    if network == "logistic":
        base_rate = np.mean(windows.targets > 0, axis=0)
        np.testing.assert_allclose(made.p_up, np.tile(base_rate, (len(windows), 1)), atol=0.002)
    else:
        np.testing.assert_allclose(made.quantiles, expected.quantiles, rtol=1e-5, atol=1e-8)


def test_where_volatility_never_changes_history_is_not_scaled() -> None:
    """On such a walk the start is plain historical simulation: every day has the same range."""
    series = [random_walk_bars("AAA", 2000, seed=1)]
    windows = build_windows(series, horizons=(1,), lookback=1, features=DEFAULT_FEATURES).known()
    forecaster = KerasForecaster(model_config("linear", horizons=(1,), epochs=0))
    forecaster.fit(windows, windows)
    quantiles = forecaster.predict(windows).quantiles[:, 0]
    expected = np.quantile(windows.returns[:, 0], LEVELS)
    np.testing.assert_allclose(
        quantiles, np.tile(expected, (len(windows), 1)), rtol=1e-3, atol=1e-6
    )


values = st.floats(-3, 3, width=32)


@settings(deadline=None, max_examples=50)
@given(location=values, log_width=values, tilt=values)
def test_quantiles_never_cross(location: float, log_width: float, tilt: float) -> None:
    """Whatever location, width and tilt a network emits, the curve ascends."""
    head = DistributionHead(model_config("linear", horizons=(1,)))
    head.build((None, 3))
    returns = np.random.default_rng(0).standard_t(4, size=(500, 1))
    head.start(bare_windows(returns), np.zeros(500))
    head.dense.kernel.assign(np.eye(3, dtype=np.float32))
    values = np.array([[location, log_width, tilt]], dtype=np.float32)
    curve = head(values, np.zeros((1, 1), dtype=np.float32)).numpy()[0, 0]
    assert (np.diff(curve) >= 0).all()


def test_the_distribution_loss_is_half_the_crps() -> None:
    """The mean pinball loss over the levels, as the metrics score it."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(40, 1)).astype(np.float32)
    quantiles = np.sort(rng.normal(size=(40, 1, len(LEVELS))), axis=2).astype(np.float32)
    losses = np.asarray(_head("linear").loss(targets, quantiles, ROWS))
    expected = crps(targets[:, 0].astype(np.float64), quantiles[:, 0].astype(np.float64)) / 2
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_the_direction_loss_is_the_log_loss() -> None:
    """-log of the probability given to what came, averaged over the horizons."""
    targets = np.array([[0.5, -0.2], [-1.0, -0.1]], dtype=np.float32)
    p_up = np.array([[0.8, 0.4], [0.3, 0.9]], dtype=np.float32)
    losses = np.asarray(_head("logistic").loss(targets, p_up, ROWS))
    expected = [-(np.log(0.8) + np.log(0.6)) / 2, -(np.log(0.7) + np.log(0.1)) / 2]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_history_quantiles_are_those_of_each_horizon() -> None:
    """One row of 99 per horizon."""
    targets = np.column_stack([np.arange(1001.0), 2 * np.arange(1001.0)])
    curves = history_quantiles(targets)
    np.testing.assert_allclose(curves, [1000 * LEVELS, 2000 * LEVELS])


def test_the_point_losses_are_the_textbooks() -> None:
    """Squared and absolute error, and Huber's: a square up to one scale, a line beyond it."""
    targets = np.array([[0.5, 3.0], [-1.0, 0.0]], dtype=np.float32)
    point = np.array([[0.0, 0.0], [1.0, 0.5]], dtype=np.float32)
    expected = {
        "mse": [(0.25 + 9) / 2, (4 + 0.25) / 2],
        "mae": [(0.5 + 3) / 2, (2 + 0.5) / 2],
        "huber": [(0.125 + 2.5) / 2, (1.5 + 0.125) / 2],
    }
    for objective, losses in expected.items():
        head = _head("linear", objective=objective, horizons=(1, 2))
        np.testing.assert_allclose(head.loss(targets, point, ROWS[:2]), losses, rtol=1e-6)


def test_an_untrained_point_is_no_change_as_wide_as_history() -> None:
    """Zero return; the curve of history around it, times the scale of the day."""
    windows = _windows(lookback=1)
    forecaster = KerasForecaster(model_config("mlp", objective="mse", epochs=0))
    forecaster.fit(windows, windows)
    made = forecaster.predict(windows)
    np.testing.assert_allclose(made.point, 0, atol=1e-12)
    naive = EwmaHistory()
    naive.fit(windows, windows)
    expected = naive.predict(windows).quantiles
    np.testing.assert_allclose(np.ptp(made.quantiles, axis=2), np.ptp(expected, axis=2))


def test_an_untrained_position_is_none_beside_a_naive_range() -> None:
    """Position 0, loss 0 (it earns nothing at no risk), and the range of history."""
    windows = _windows(lookback=1)
    forecaster = KerasForecaster(model_config("mlp", objective="sharpe", epochs=0))
    forecaster.fit(windows, windows)
    made = forecaster.predict(windows)
    assert made.position is not None
    assert not made.position.any()
    assert not forecaster.net_losses(windows).any()
    naive = EwmaHistory()
    naive.fit(windows, windows)
    np.testing.assert_allclose(made.quantiles, naive.predict(windows).quantiles)


def _position_head(**options: object) -> PositionHead:
    head = PositionHead(model_config("linear", objective="sharpe", **{"horizons": (1,)} | options))
    head.build((None, 1))
    return head


def test_the_position_loss_is_minus_the_sharpe_ratio_after_costs() -> None:
    """Net of |change| times the cost, over the risk of all windows; the first trade is free."""
    rng = np.random.default_rng(0)
    returns, held = rng.normal(size=(2, 40, 1)).astype(np.float32)
    head = _position_head(cost_bps=100)
    net = held[:, 0] * returns[:, 0] - 0.01 * np.append([0], np.abs(np.diff(held[:, 0])))
    expected = -net / np.sqrt(net.var() + 0.1**2)
    losses = np.asarray(head.loss(returns, held, ROWS))
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    assert losses.mean() == pytest.approx(-net.mean() / np.hypot(net.std(), 0.1), rel=1e-5)


def test_a_position_over_several_bars_pays_when_it_is_replaced() -> None:
    """A portfolio over two bars takes the place of the one formed two bars before."""
    held = np.array([[1], [0], [1], [1], [0]], dtype=np.float32)
    head = _position_head(cost_bps=100, horizons=(2,))
    net = -np.asarray(head.loss(np.zeros_like(held), held, ROWS[:5]))
    paid = -0.01 * np.array([0, 0, 0, 1, 1])
    np.testing.assert_allclose(net, paid / np.sqrt(paid.var() + 0.1**2), rtol=1e-5)


def test_no_trade_is_charged_across_a_gap() -> None:
    """Where the window before is missing, or of another symbol, nothing is known to be traded."""
    held = np.array([[1], [-1], [1]], dtype=np.float32)
    head = _position_head(cost_bps=1000)
    losses = head.loss(np.zeros_like(held), held, np.array([3, 7, 200]))
    assert not np.asarray(losses).any()


def test_positions_shrink_on_volatile_days_and_never_exceed_one() -> None:
    """Twice the usual volatility, half the position; a calm day takes no more than all."""
    head = _position_head()
    head.dense.kernel.assign([[100.0]])
    head.usual.assign([np.log(0.01)])
    inputs = np.array([[1.0], [1.0], [-1.0]], dtype=np.float32)
    today = np.log(np.array([[0.02], [0.001], [0.01]], dtype=np.float32))
    np.testing.assert_allclose(head(inputs, today), [[0.5], [1.0], [-1.0]], rtol=1e-5)


def test_positions_earn_simple_returns() -> None:
    """A position of 1 earns what the price does: exp of the log return, less 1."""
    windows = _windows(lookback=1)
    head = _position_head()
    np.testing.assert_allclose(head.targets(windows), np.exp(windows.returns) - 1)
