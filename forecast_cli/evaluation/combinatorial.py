"""Of a combinatorial cross-validation: whole histories of forecasts, and the proof of its gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from forecast_cli.evaluation.folds import CombinatorialPlan, Fold, cutoff_groups
from forecast_cli.features.windows import concatenate as concatenate_windows
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


@dataclass(frozen=True, kw_only=True)
class GroupAudit:
    """The dates that prove the gaps at both sides of a test group in a fold.

    fold: its number, from 1. known_before: the close at which the last target was known that was
    learnt from before the group, at or before test_start. test_known: the same of the group, at or
    before learnt_after, the first cutoff that was learnt from after it. None where nothing was
    learnt from on that side.
    """

    fold: int
    known_before: np.datetime64 | None
    test_start: np.datetime64
    test_end: np.datetime64
    test_known: np.datetime64
    learnt_after: np.datetime64 | None


def audit_groups(folds: Sequence[Fold], plan: CombinatorialPlan) -> Iterator[GroupAudit]:
    """The dates of every test group of every fold of `cut_combinations`."""
    groups = cutoff_groups(np.concatenate([fold.test.cutoffs for fold in folds]), plan)
    for number, (chosen, fold) in enumerate(zip(plan.chosen, folds, strict=True), start=1):
        history = fold.history
        learnt = concatenate_windows([history.train, history.validation, history.calibration])
        for group in (groups[position] for position in chosen):
            before = learnt.known_from[learnt.cutoffs < group[0]]
            after = learnt.cutoffs[learnt.cutoffs > group[-1]]
            yield GroupAudit(
                fold=number,
                known_before=before.max() if len(before) else None,
                test_start=group[0],
                test_end=group[-1],
                test_known=fold.test.known_from[np.isin(fold.test.cutoffs, group)].max(),
                learnt_after=after.min() if len(after) else None,
            )
