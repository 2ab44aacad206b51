"""Positions follow the forecasts of the last `horizon` days and nothing else."""

import numpy as np
import pytest

from forecast_cli.arrays import FloatArray2D
from forecast_cli.trading.positions import Rule, buy_and_hold, target_positions

NAN = np.nan


def column(*values: float) -> FloatArray2D:
    """One symbol, one value per day."""
    return np.array(values)[:, np.newaxis]


def random_forecasts(seed: int, *, n_days: int = 40, n_symbols: int = 4) -> FloatArray2D:
    """P(up) on a coarse grid, so that 0.5 occurs, with a third of the days missing."""
    rng = np.random.default_rng(seed)
    p_up = rng.integers(0, 11, (n_days, n_symbols)) / 10
    return np.where(rng.random(p_up.shape) < 0.3, NAN, p_up)


def twin(p_up: FloatArray2D, horizon: int, rule: Rule) -> list[list[float]]:
    """The definition in plain Python: one portfolio per day, each kept for `horizon` days."""
    below = -1.0 if rule == "long_short" else 0.0
    portfolios: list[list[float]] = []
    for row in p_up.tolist():
        n_forecasts = sum(p == p for p in row)  # noqa: PLR0124 - NaN is not equal to itself
        signals = [1.0 if p > 0.5 else below if p < 0.5 else 0.0 for p in row]
        portfolios.append([signal / n_forecasts if signal else 0.0 for signal in signals])
    kept = [portfolios[max(day - horizon + 1, 0) : day + 1] for day in range(len(portfolios))]
    return [[sum(weights) / horizon for weights in zip(*recent, strict=True)] for recent in kept]


@pytest.mark.parametrize(("rule", "below"), [("long_short", -1.0), ("long_flat", 0.0)])
def test_signal_is_the_side_of_one_half(rule: Rule, below: float) -> None:
    """Long above 0.5, short or flat below, flat at 0.5 exactly."""
    positions = target_positions(column(0.51, 0.5, 0.49, 1.0, 0.0), horizon=1, rule=rule)
    assert positions.ravel().tolist() == [1.0, 0.0, below, 1.0, below]


def test_no_forecast_is_no_position() -> None:
    """A day without a forecast adds nothing; its portfolio share stays in cash."""
    positions = target_positions(column(0.9, NAN, 0.9), horizon=1, rule="long_short")
    assert positions.ravel().tolist() == [1.0, 0.0, 1.0]


def test_horizon_averages_the_last_days() -> None:
    """The position is the mean of the last h signals; days before the first count as 0."""
    p_up = column(0.9, 0.9, 0.9, 0.1, 0.1, NAN)
    positions = target_positions(p_up, horizon=4, rule="long_short")
    assert positions.ravel().tolist() == [0.25, 0.5, 0.75, 0.5, 0.0, -0.25]


def test_equal_weight_among_the_forecast_symbols() -> None:
    """A weight is one over the number of symbols forecast that day, flat ones included."""
    p_up = np.array([[0.9, 0.1, 0.5, 0.9], [0.9, NAN, NAN, 0.1]])
    positions = target_positions(p_up, horizon=1, rule="long_short")
    assert positions.tolist() == [[0.25, -0.25, 0.0, 0.25], [0.5, 0.0, 0.0, -0.5]]


@pytest.mark.parametrize("rule", ["long_short", "long_flat"])
@pytest.mark.parametrize("horizon", [1, 2, 5, 60])
def test_equals_the_plain_definition(rule: Rule, horizon: int) -> None:
    """Array code and the definition spelled out agree, gaps and a short history included."""
    for seed in range(20):
        p_up = random_forecasts(seed)
        positions = target_positions(p_up, horizon=horizon, rule=rule)
        np.testing.assert_allclose(positions, twin(p_up, horizon, rule), atol=1e-12)


@pytest.mark.parametrize("horizon", [1, 3, 10])
def test_gross_exposure_is_at_most_one(horizon: int) -> None:
    """Targets never ask for leverage, even where the number of symbols changes every day."""
    for seed in range(20):
        positions = target_positions(random_forecasts(seed), horizon=horizon, rule="long_short")
        assert np.abs(positions).sum(axis=1).max() <= 1 + 1e-12


@pytest.mark.parametrize("cut", [1, 7, 39])
def test_later_forecasts_change_no_earlier_position(cut: int) -> None:
    """Row t knows rows up to t: cutting the future off leaves it as it was."""
    p_up = random_forecasts(1)
    whole = target_positions(p_up, horizon=5, rule="long_short")
    assert (target_positions(p_up[:cut], horizon=5, rule="long_short") == whole[:cut]).all()
    assert (buy_and_hold(p_up[:cut]) == buy_and_hold(p_up)[:cut]).all()


def test_buy_and_hold_weighs_listed_symbols_equally() -> None:
    """1/n from a symbol's first forecast on; a gap does not sell it."""
    p_up = np.array([[NAN, NAN], [0.1, NAN], [0.9, 0.5], [NAN, 0.2], [NAN, NAN]])
    positions = buy_and_hold(p_up)
    assert positions.tolist() == [[0, 0], [1, 0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 0)])
def test_small_inputs(shape: tuple[int, int]) -> None:
    """No days, one day and no symbols keep their shape."""
    p_up = np.full(shape, 0.9)
    assert target_positions(p_up, horizon=5, rule="long_flat").shape == shape
    assert buy_and_hold(p_up).shape == shape
