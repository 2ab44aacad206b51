"""Combinatorial cross-validation: nothing learnt shares a bar with what is tested."""

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV
from test_folds import FIRST, panels, windows

from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.evaluation.combinatorial import audit_groups, paths
from forecast_cli.evaluation.folds import (
    CombinatorialPlan,
    Fold,
    clear,
    cut_combinations,
    cutoff_groups,
)
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.forecasts import concatenate as concatenate_forecasts


def learnt(fold: Fold) -> Windows:
    """All that is trained, validated or calibrated on."""
    history = fold.history
    return concatenate([history.train, history.validation, history.calibration])


def bars_in_targets(of: Windows) -> set[int]:
    """Days whose returns are part of a target; with a bar each day, those of any symbol."""
    return {
        day
        for cutoff, known in zip(of.cutoffs.astype(int), of.known_from.astype(int), strict=True)
        for day in range(cutoff + 1, known + 1)
    }


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(3, 7), st.integers(2, 4), st.integers(0, 12))
def test_no_target_that_was_learnt_shares_a_bar_with_the_test(
    panel: Windows, groups: int, tested: int, embargo: int
) -> None:
    """Whatever the symbols and horizons, at both sides of every group; nor do the parts inside."""
    assume(tested < groups)
    plan = CombinatorialPlan(groups=groups, test_groups=tested, embargo=embargo)
    try:
        made = list(cut_combinations(panel, plan))
    except (BadDataError, UsageError):
        assume(False)
    assert len(made) == plan.n_fits
    audits = list(audit_groups(made, plan))
    assert len(audits) == plan.n_fits * plan.test_groups
    for audit in audits:
        assert audit.known_before is None or audit.known_before <= audit.test_start
        assert audit.learnt_after is None or audit.test_known <= audit.learnt_after
    for fold in made:
        assert bars_in_targets(learnt(fold)).isdisjoint(bars_in_targets(fold.test))
        parts = (fold.history.train, fold.history.validation, fold.history.calibration)
        for earlier, later in pairwise(parts):
            assert earlier.known_from.max() <= later.cutoffs.min()


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("embargo", [0, 3])
@pytest.mark.parametrize(("groups", "tested"), [(6, 2), (5, 3), (4, 2)])
def test_one_daily_series_is_cut_as_skfolio_cuts_it(
    horizon: int, embargo: int, groups: int, tested: int
) -> None:
    """Rows can stand for dates there: purged by the gap, and an embargo that is at both sides."""
    n = 120 * groups
    known = windows([n + horizon], horizons=(horizon,)).known()
    oracle = CombinatorialPurgedCV(
        n_folds=groups, n_test_folds=tested, purged_size=horizon - 1 + embargo
    )
    plan = CombinatorialPlan(groups=groups, test_groups=tested, embargo=embargo)
    of_group = [
        known.take(np.isin(known.cutoffs, group)) for group in cutoff_groups(known.cutoffs, plan)
    ]
    made = list(cut_combinations(known, plan))
    expected = list(oracle.split(np.zeros((n, 1))))
    assert len(made) == len(expected) == comb(groups, tested)
    for chosen, fold, (train, tests) in zip(plan.chosen, made, expected, strict=True):
        assert fold.test.rows.tolist() == np.concatenate(tests).tolist()
        kept = np.all([clear(known, of_group[i], embargo=embargo) for i in chosen], axis=0)
        assert known.rows[kept].tolist() == train.tolist()
        # the rest are the gaps between training, validation and calibration
        assert set(learnt(fold).rows.tolist()) <= set(train.tolist())
        assert len(train) - len(learnt(fold)) <= 2 * (horizon - 1 + embargo)


def marked(fold: Fold, number: int) -> Forecasts:
    """Forecasts that say which fold made them."""
    n, n_horizons = len(fold.test), len(fold.test.horizons)
    return Forecasts(
        symbols=fold.test.symbol_names,
        cutoffs=fold.test.cutoffs,
        horizons=fold.test.horizons,
        quantiles=np.full((n, n_horizons, 99), float(number)),
        point=np.full((n, n_horizons), float(number)),
        p_up=np.full((n, n_horizons), 0.5),
    )


@pytest.mark.parametrize(("groups", "tested"), [(6, 2), (5, 3)])
def test_paths_are_put_together_as_skfolio_does(groups: int, tested: int) -> None:
    """Each path has every cutoff once, and each group from another fold than the other paths."""
    plan = CombinatorialPlan(groups=groups, test_groups=tested)
    panel = windows([130 * groups, 90 * groups], horizons=(1,))
    folds = list(cut_combinations(panel, plan))
    forecasts = concatenate_forecasts([marked(fold, i) for i, fold in enumerate(folds)])
    oracle = CombinatorialPurgedCV(n_folds=groups, n_test_folds=tested)
    from_fold = np.full((plan.n_paths, groups), -1)
    for number, (chosen, path_ids) in enumerate(
        zip(plan.chosen, oracle.get_path_ids(), strict=True)
    ):
        from_fold[path_ids, list(chosen)] = number
    made = list(paths(forecasts, folds, plan))
    assert len(made) == plan.n_paths == oracle.n_test_paths
    known = panel.known()
    every = sorted(zip(known.symbol_names.tolist(), known.cutoffs.tolist(), strict=True))
    for path, expected in zip(made, from_fold, strict=True):
        assert sorted(zip(path.symbols.tolist(), path.cutoffs.tolist(), strict=True)) == every
        for group, fold_number in zip(cutoff_groups(known.cutoffs, plan), expected, strict=True):
            assert set(path.point[np.isin(path.cutoffs, group), 0].tolist()) == {fold_number}


def test_the_audit_proves_the_gap_at_both_sides() -> None:
    """Horizon 5, embargo 2: groups of 100 days, of which the second and third are tested."""
    plan = CombinatorialPlan(groups=6, test_groups=2, embargo=2)
    made = list(cut_combinations(windows([605], horizons=(5,)), plan))
    shown = [audit for audit in audit_groups(made, plan) if plan.chosen[audit.fold - 1] == (1, 2)]
    days = [
        {
            name: None if date is None else int((date - FIRST).astype(int))
            for name, date in vars(audit).items()
            if name != "fold"
        }
        for audit in shown
    ]
    assert days == [
        {
            "known_before": 98,
            "test_start": 100,
            "test_end": 199,
            "test_known": 204,
            "learnt_after": 306,
        },
        {
            "known_before": 98,
            "test_start": 200,
            "test_end": 299,
            "test_known": 304,
            "learnt_after": 306,
        },
    ]


@pytest.mark.parametrize(("groups", "tested"), [(6, 1), (4, 4), (3, 5)])
def test_a_plan_without_a_choice_is_refused(groups: int, tested: int) -> None:
    """One group at a time makes one path, and all of them leave nothing to learn from."""
    with pytest.raises(UsageError, match="at least 2 are needed, and one more to learn from"):
        CombinatorialPlan(groups=groups, test_groups=tested)


def test_too_short_a_history_is_refused() -> None:
    """As in a walk-forward: 100 training cutoffs, or a sentence."""
    with pytest.raises(BadDataError, match="at least 100 and 1 are needed"):
        list(cut_combinations(windows([150]), CombinatorialPlan()))
    with pytest.raises(UsageError, match="6 groups cannot be made of 3 cutoffs"):
        list(cut_combinations(windows([8]), CombinatorialPlan()))


def test_groups_differ_by_one_cutoff_at_most() -> None:
    """Dates of all symbols count once."""
    plan = CombinatorialPlan(groups=4)
    cutoffs = np.repeat(FIRST + np.arange(10), 2)
    assert [len(group) for group in cutoff_groups(cutoffs, plan)] == [3, 3, 2, 2]
