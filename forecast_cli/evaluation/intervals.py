"""How sure the headline scores are: an interval for each row of the table, by resampling days."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.bootstrap import ratio_interval, stationary_draws
from forecast_cli.evaluation.contest import block_length
from forecast_cli.evaluation.days import Days
from forecast_cli.evaluation.losses import RANGE_LEVELS, Losses, least
from forecast_cli.evaluation.scores import PERCENT, Intervals, Score
from forecast_cli.features.windows import Windows

_HELD: Final = RANGE_LEVELS.index(0.9)


def with_intervals(
    scores: Sequence[Score], losses: Mapping[str, Losses], windows: Windows
) -> list[Score]:
    """The rows of `score_losses` with their intervals.

    All rows of a horizon are judged on the same draws of days, so that a skill's interval knows
    that both forecasters met the same market. Blocks are as long as the best naive row's CRPS asks
    for. No more days than the horizon has bars: no intervals.
    """
    days = Days.of(windows.cutoffs)
    rows: list[Score] = []
    for column, horizon in enumerate(windows.horizons):
        here = [score for score in scores if score.horizon == horizon]
        if len(days) > horizon:
            sums = {name: _sums(of, windows, days, column) for name, of in losses.items()}
            naive = [score.forecaster for score in here if score.naive]
            best_crps = least({name: sums[name]["crps"].sum() for name in naive})
            best_brier = least({name: sums[name]["brier"].sum() for name in naive})
            rows += _judged(here, sums, sums[best_crps]["crps"], sums[best_brier]["brier"], days)
        else:
            rows += here
    return rows


def _sums(losses: Losses, windows: Windows, days: Days, column: int) -> dict[str, FloatArray1D]:
    """Sums of each day by headline score, shape (n_days,) each."""
    hits = metrics.direction_hits(windows.returns[:, column], losses.p_up[:, column])
    return {
        "crps": days.sums(losses.crps[:, column]),
        "brier": days.sums(losses.brier[:, column]),
        "coverage_90": days.sums(losses.inside[:, column, _HELD]),
        "direction_accuracy": days.sums(hits),
    }


def _judged(
    scores: Sequence[Score],
    sums: Mapping[str, Mapping[str, FloatArray1D]],
    best_crps: FloatArray1D,
    best_brier: FloatArray1D,
    days: Days,
) -> list[Score]:
    horizon = scores[0].horizon
    block = block_length(np.nan_to_num(best_crps) / days.size, horizon=horizon)
    draws = stationary_draws(len(days), block_days=block)
    n = days.size.astype(np.float64)

    def intervals(of: Mapping[str, FloatArray1D]) -> Intervals:
        return Intervals(
            block_days=block,
            crps=ratio_interval(draws, PERCENT * of["crps"], n),
            skill_crps=ratio_interval(draws, best_crps - of["crps"], best_crps),
            coverage_90=ratio_interval(draws, of["coverage_90"], n),
            direction_accuracy=ratio_interval(draws, of["direction_accuracy"], n),
            brier=ratio_interval(draws, of["brier"], n),
            skill_brier=ratio_interval(draws, best_brier - of["brier"], best_brier),
        )

    return [replace(score, intervals=intervals(sums[score.forecaster])) for score in scores]
