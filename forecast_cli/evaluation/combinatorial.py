"""Whole histories of forecasts, put together of what a combinatorial cross-validation tested."""

from collections.abc import Iterator, Sequence

import numpy as np

from forecast_cli.evaluation.folds import CombinatorialPlan, Fold, cutoff_groups
from forecast_cli.forecasts import Forecasts, concatenate


def paths(
    forecasts: Forecasts, folds: Sequence[Fold], plan: CombinatorialPlan
) -> Iterator[Forecasts]:
    """Each path takes every group from another fold that tested it; there are `plan.n_paths`.

    The first path takes each group from the first fold that tests it, and so on (Lopez de Prado
    2018, section 12.4.1). Every path covers all cutoffs once, group by group.

    forecasts: of the folds of `cut_combinations`, one after another, as `walk_forward` gives them.
    """
    groups = cutoff_groups(forecasts.cutoffs, plan)
    parts: list[list[Forecasts]] = [[] for _ in groups]
    start = 0
    for chosen, fold in zip(plan.chosen, folds, strict=True):
        made = forecasts.take(slice(start, start + len(fold.test)))
        start += len(fold.test)
        for number in chosen:
            parts[number].append(made.take(np.isin(made.cutoffs, groups[number])))
    for path in zip(*parts, strict=True):
        yield concatenate(list(path))
