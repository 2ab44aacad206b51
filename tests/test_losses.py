"""What is kept of forecasts is what the metrics say of them, window by window."""

from dataclasses import fields

import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.evaluation import losses, metrics
from forecast_cli.evaluation.losses import (
    PINBALL_LEVELS,
    RANGE_LEVELS,
    Losses,
    concatenate,
    least,
    losses_of,
    naive_error,
)
from forecast_cli.forecasts import quantiles_at
from forecast_cli.models.baselines import AlwaysUp, Drift

N = 250
WINDOWS = bare_windows(
    0.01 * np.random.default_rng(0).normal(size=(N, 2)),
    horizons=(1, 5),
    symbol_index=np.arange(N) % 2,
)
ROW = Drift()
ROW.fit(WINDOWS, WINDOWS)
MADE = ROW.predict(WINDOWS)


def same(left: Losses, right: Losses) -> bool:
    """Whether two sets of losses are equal, bit by bit."""
    return all(
        np.array_equal(getattr(left, of.name), getattr(right, of.name), equal_nan=True)
        for of in fields(Losses)
    )


@pytest.mark.parametrize("column", [0, 1])
def test_each_field_is_its_metric(column: int) -> None:
    """At each horizon, in the order of the windows."""
    kept = losses_of(MADE, WINDOWS)
    returns, curves = WINDOWS.returns[:, column], MADE.quantiles[:, column]
    p_up = MADE.p_up[:, column]
    np.testing.assert_array_equal(kept.crps[:, column], metrics.crps(returns, curves))
    np.testing.assert_array_equal(kept.brier[:, column], metrics.brier(returns, p_up))
    np.testing.assert_array_equal(kept.pit[:, column], metrics.pit(returns, curves))
    np.testing.assert_array_equal(kept.p_up[:, column], p_up)
    np.testing.assert_array_equal(kept.error[:, column], returns - MADE.point[:, column])
    for place, level in enumerate(RANGE_LEVELS):
        held, wide = kept.inside[:, column, place], kept.width[:, column, place]
        np.testing.assert_array_equal(held, metrics.inside(returns, curves, level))
        np.testing.assert_array_equal(wide, metrics.width(curves, level))
    for place, level in enumerate(PINBALL_LEVELS):
        error = returns - quantiles_at(curves, level)
        expected = np.maximum(level * error, (level - 1) * error)
        np.testing.assert_allclose(kept.pinball[:, column, place], expected)


@pytest.mark.parametrize("chunk", [1, 100, N])
def test_measuring_in_parts_changes_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the size of a chunk nor a cut between folds."""
    whole = losses_of(MADE, WINDOWS)
    monkeypatch.setattr(losses, "_CHUNK", chunk)
    assert same(losses_of(MADE, WINDOWS), whole)
    cuts = [slice(0, 70), slice(70, None)]
    parts = [losses_of(MADE.take(cut), WINDOWS.take(cut)) for cut in cuts]
    assert same(concatenate(parts), whole)


def test_what_is_not_said_is_not_known() -> None:
    """Without a range and a point only P(up) is judged."""
    kept = losses_of(AlwaysUp().predict(WINDOWS), WINDOWS)
    known = {of.name for of in fields(Losses) if not np.isnan(getattr(kept, of.name)).any()}
    assert known == {"brier", "p_up"}


def test_of_no_windows_nothing_is_kept() -> None:
    """An empty fold has losses of the right shape."""
    kept = losses_of(MADE.take(slice(0, 0)), WINDOWS.take(slice(0, 0)))
    assert kept.crps.shape == (0, 2)
    assert kept.inside.shape == (0, 2, len(RANGE_LEVELS))


def test_the_least_loss_is_a_known_one() -> None:
    """An unknown loss is the least only where all are unknown; of equals the first is named."""
    nan = float("nan")
    assert least({"up": nan, "walk": 0.2, "drift": 0.1}) == "drift"
    assert least({"walk": 0.1, "drift": 0.1}) == "walk"
    assert least({"up": nan, "down": nan}) == "up"


def test_naive_error_is_each_symbols_own_in_training() -> None:
    """Mean absolute return of its training windows; of all, where training did not see it."""
    train = WINDOWS.take(slice(0, 100))
    expected = np.abs(train.returns[train.symbol_index == 1]).mean(axis=0)
    errors = naive_error(train, WINDOWS.take(slice(100, None)))
    np.testing.assert_allclose(errors[1], expected)
    only_first = train.take(train.symbol_index == 0)
    unseen = naive_error(only_first, WINDOWS.take(slice(100, None)))[1]
    np.testing.assert_allclose(unseen, np.abs(only_first.returns).mean(axis=0))
