"""Intervals of the headline scores: all rows on the same draws of days."""

import numpy as np
import pytest
from test_scores import FORECASTS, NAIVE, WINDOWS

from forecast_cli.evaluation.bootstrap import stationary_draws
from forecast_cli.evaluation.intervals import with_intervals
from forecast_cli.evaluation.losses import RANGE_LEVELS, losses_of
from forecast_cli.evaluation.scores import score_losses

LOSSES = {name: losses_of(made, WINDOWS) for name, made in FORECASTS.items()}
SCORES = score_losses(LOSSES, WINDOWS, naive=NAIVE)
ROWS = {(row.forecaster, row.horizon): row for row in with_intervals(SCORES, LOSSES, WINDOWS)}


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize(
    "name", ["crps", "skill_crps", "coverage_90", "direction_accuracy", "brier", "skill_brier"]
)
def test_an_interval_is_about_its_score(name: str, horizon: int) -> None:
    """The score lies inside, in the unit of the table."""
    row = ROWS["good", horizon]
    low, high = getattr(row.intervals, name)
    assert low < getattr(row, name) < high


def test_intervals_equal_scores_of_resampled_days() -> None:
    """Against a loop that repeats the windows of each day as often as it was drawn."""
    row, best = ROWS["good", 5], LOSSES["walk"].crps[:, 1]
    assert row.intervals is not None
    of_day = np.arange(len(WINDOWS)) // 2
    draws = stationary_draws(of_day.max() + 1, block_days=row.intervals.block_days)
    own, held = LOSSES["good"].crps[:, 1], LOSSES["good"].inside[:, 1, RANGE_LEVELS.index(0.9)]
    skill, coverage = [], []
    for draw in draws.astype(int):
        drawn = np.repeat(np.arange(len(WINDOWS)), draw[of_day])
        skill.append(1 - own[drawn].mean() / best[drawn].mean())
        coverage.append(held[drawn].mean())
    for told, values in (
        (row.intervals.skill_crps, skill),
        (row.intervals.coverage_90, coverage),
    ):
        assert told == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_the_best_naive_row_has_no_skill_and_no_doubt() -> None:
    """Against itself it saves nothing, whichever days are drawn."""
    walk = ROWS["walk", 1].intervals
    assert walk is not None
    assert walk.skill_crps == (0, 0)
    assert walk.block_days >= 1


def test_what_is_not_defined_has_no_interval() -> None:
    """Always-up gives no range; how often it is right is as uncertain as for anyone."""
    row = ROWS["always_up", 5].intervals
    assert row is not None
    assert (row.crps, row.skill_crps, row.coverage_90) == (None, None, None)
    assert row.direction_accuracy is not None
    assert row.block_days >= 5


def test_too_few_days_have_no_intervals() -> None:
    """No more days than the horizon has bars."""
    few = WINDOWS.take(slice(0, 8))
    losses = {name: losses_of(made.take(slice(0, 8)), few) for name, made in FORECASTS.items()}
    rows = with_intervals(score_losses(losses, few, naive=NAIVE), losses, few)
    assert len(rows) == 2 * len(FORECASTS)
    assert [row.intervals is None for row in rows] == [row.horizon == 5 for row in rows]
