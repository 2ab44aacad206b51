"""The only place that cuts train from test.

A window may be learnt from only if its whole target is known at the close of the first cutoff
that follows the cut. With windows of stride 1 this leaves `longest horizon - 1` cutoffs out at
every edge: train/validation, validation/calibration and calibration/test. The gap is derived from
the windows' own dates, over all symbols; a user can only widen it by an embargo.

Combinatorial cross-validation also trains on what came after the test. There the rule holds at both
sides of every test group: no target that was trained on shares a bar with one that is tested.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final, Literal, TypeAlias

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, IntArray1D
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.features.windows import Windows

WindowKind: TypeAlias = Literal["expanding", "rolling"]

_VALIDATION_SHARE: Final = 0.15
_CALIBRATION_SHARE: Final = 0.15
_FOLDS: Final = 5
_VALIDATION_FOLDS: Final = 3
_FEWEST_CUTOFFS: Final = 100
"""Training cutoffs below which quantiles of 1 % and 99 % mean nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """What may be learnt from at a moment: three parts in time order, with gaps between them."""

    train: Windows
    validation: Windows
    calibration: Windows


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """A history, and the test windows that follow it."""

    history: History
    test: Windows


@dataclass(frozen=True, kw_only=True)
class FoldPlan:
    """How to lay out a walk-forward.

    folds: how many. refit_every: cutoffs from one fold's start to the next. test_start: date of
    the first test cutoff. Of the three, what is None follows from the others; by default the second
    half of all cutoffs is tested in five folds. test_size: cutoffs tested in each fold; None for
    all until the next fold. window: "expanding" keeps all history, "rolling" keeps train_size
    cutoffs of it, or as many as the first fold had. embargo: cutoffs left out at each edge beyond
    the derived gap.

    Raises UsageError for folds that would test a cutoff twice, and a train_size that contradicts
    an expanding window.
    """

    folds: int | None = None
    refit_every: int | None = None
    test_start: np.datetime64 | None = None
    test_size: int | None = None
    window: WindowKind = "expanding"
    train_size: int | None = None
    embargo: int = 0

    def __post_init__(self) -> None:
        if self.test_size and self.step and self.test_size > self.step:
            raise UsageError(
                f"folds every {self.step} sessions that test {self.test_size} would test some twice"
            )
        if self.train_size and self.window == "expanding":
            raise UsageError("an expanding window has no size", fix="add --window rolling")

    @property
    def step(self) -> int | None:
        """Cutoffs from one fold's start to the next; None where the number of folds decides."""
        return self.refit_every or self.test_size


def known_at(windows: Windows, moment: np.datetime64, *, embargo: int = 0) -> Windows:
    """The windows whose targets are known at the close of `moment`, less an embargo.

    embargo: distinct cutoffs, counted back from `moment`.
    """
    if embargo:
        earlier = np.unique(windows.cutoffs[windows.cutoffs < moment])
        if len(earlier) < embargo:
            return windows.take(slice(0, 0))
        moment = earlier[-embargo]
    # a comparison with NaT, an unknown target, is false
    return windows.take(windows.known_from <= moment)


def cut_history(
    windows: Windows, moment: np.datetime64, *, embargo: int = 0, n_cutoffs: int | None = None
) -> History:
    """Cut all that is known at the close of `moment` into train, validation and calibration.

    n_cutoffs: keep only the newest so many cutoffs (a rolling window); None keeps all.
    Raises BadDataError when the gaps leave fewer than 100 training cutoffs or no validation.
    """
    usable = known_at(windows, moment, embargo=embargo)
    newest = np.unique(usable.cutoffs)[-n_cutoffs if n_cutoffs else None :]
    since = usable.take(usable.cutoffs >= newest[0]) if len(newest) else usable
    return _in_three_parts(since, moment, embargo)


def _in_three_parts(windows: Windows, moment: np.datetime64, embargo: int) -> History:
    """Train, validation and calibration, in time order, of windows that may all be learnt from."""
    dates = np.unique(windows.cutoffs)
    n_calibration = int(len(dates) * _CALIBRATION_SHARE)
    n_validation = int(len(dates) * _VALIDATION_SHARE)
    n_train = len(dates) - n_calibration - n_validation
    if n_train < _FEWEST_CUTOFFS:
        raise _too_short(dates, moment, n_train, n_validation)
    validation_start, calibration_start = dates[n_train], dates[n_train + n_validation]
    before_validation = known_at(windows, validation_start, embargo=embargo)
    before_calibration = known_at(windows, calibration_start, embargo=embargo)
    history = History(
        train=before_validation,
        validation=before_calibration.take(before_calibration.cutoffs >= validation_start),
        calibration=windows.take(windows.cutoffs >= calibration_start),
    )
    n_train = len(np.unique(history.train.cutoffs))
    n_validation = len(np.unique(history.validation.cutoffs))
    if n_train < _FEWEST_CUTOFFS or not n_validation:
        raise _too_short(dates, moment, n_train, n_validation)
    return history


def _too_short(
    dates: DateArray1D, moment: np.datetime64, n_train: int, n_validation: int
) -> BadDataError:
    return BadDataError(
        f"{len(dates)} cutoffs are known at {moment}: {n_train} are left for training,"
        f" {n_validation} for validation; at least {_FEWEST_CUTOFFS} and 1 are needed",
        fix="fetch more history, or use a shorter lookback, horizon or embargo",
    )


def cut_folds(windows: Windows, plan: FoldPlan) -> Iterator[Fold]:
    """Walk forward over the windows whose targets are known, by date across symbols.

    Raises UsageError when the plan does not fit the dates, BadDataError for too short a history.
    """
    known = windows.known()
    cutoffs = np.unique(known.cutoffs)
    starts = test_starts(cutoffs, plan)
    n_cutoffs = plan.train_size
    for position, start in enumerate(starts[:-1]):
        if plan.window == "rolling" and n_cutoffs is None:
            n_cutoffs = len(np.unique(known_at(known, start, embargo=plan.embargo).cutoffs))
        history = cut_history(known, start, embargo=plan.embargo, n_cutoffs=n_cutoffs)
        stop = starts[position + 1]
        if plan.test_size:
            tested = cutoffs[(cutoffs >= start) & (cutoffs < stop)]
            stop = tested[: plan.test_size][-1] + np.timedelta64(1, "D")
        yield Fold(
            history=history, test=known.take((known.cutoffs >= start) & (known.cutoffs < stop))
        )


def test_starts(cutoffs: DateArray1D, plan: FoldPlan) -> DateArray1D:
    """First test cutoff of each fold, and the day after the last one, shape (n_folds + 1,).

    cutoffs: distinct, ascending.
    """
    edges = _edges(cutoffs, plan)
    n_folds = len(edges) - 1
    if n_folds < 1 or edges[0] < 1 or (np.diff(edges) < 1).any() or n_folds < (plan.folds or 1):
        raise UsageError(
            f"the folds do not fit: {len(cutoffs)} cutoffs with known targets,"
            f" from {cutoffs[0]} to {cutoffs[-1]}"
            if len(cutoffs)
            else "the folds do not fit: no cutoff has a known target",
            fix="ask for fewer folds, a smaller --refit-every or another --test-start",
        )
    day_after = cutoffs[edges[-1] - 1] + np.timedelta64(1, "D")
    starts: DateArray1D = np.append(cutoffs[edges[:-1]], day_after)
    return starts


def _edges(cutoffs: DateArray1D, plan: FoldPlan) -> IntArray1D:
    """Positions of the folds' first cutoffs, and the one behind the last fold; not yet checked."""
    n_cutoffs = len(cutoffs)
    if plan.test_start is not None:
        first = int(np.searchsorted(cutoffs, plan.test_start))
    elif plan.folds and plan.step:
        first = n_cutoffs - (plan.folds - 1) * plan.step - (plan.test_size or plan.step)
    else:
        first = n_cutoffs // 2
    n_test = n_cutoffs - first
    if plan.step is None:
        n_folds = _FOLDS if plan.folds is None else plan.folds
        return first + np.arange(n_folds + 1) * n_test // max(n_folds, 1)
    firsts = np.arange(first, n_cutoffs, plan.step)[: plan.folds]
    return np.append(firsts, np.minimum(firsts[-1:] + plan.step, n_cutoffs))


@dataclass(frozen=True, kw_only=True)
class CombinatorialPlan:
    """How to lay out a combinatorial purged cross-validation (Lopez de Prado 2018, chapter 12).

    groups: parts of equal length that the cutoffs are cut into. test_groups: how many of them are
    tested at a time; a forecaster is fitted for every choice of them, on the groups left over.
    embargo: cutoffs left out at both sides of a test group beyond the derived gap.

    Raises UsageError where no group would be left to learn from, or none tested twice.
    """

    groups: int = 6
    test_groups: int = 2
    embargo: int = 0

    def __post_init__(self) -> None:
        if not 1 < self.test_groups < self.groups:
            raise UsageError(
                f"{self.test_groups} test groups of {self.groups}: at least 2 are needed, and one"
                " more to learn from"
            )

    @property
    def chosen(self) -> tuple[tuple[int, ...], ...]:
        """The groups tested in each fold, by their numbers from 0."""
        return tuple(combinations(range(self.groups), self.test_groups))

    @property
    def n_fits(self) -> int:
        """Folds: every choice of test groups."""
        return comb(self.groups, self.test_groups)

    @property
    def n_paths(self) -> int:
        """How often each group is tested, and so how many whole histories there are."""
        return comb(self.groups - 1, self.test_groups - 1)


def cut_combinations(windows: Windows, plan: CombinatorialPlan) -> Iterator[Fold]:
    """A fold for every choice of test groups, over the windows whose targets are known.

    Its test windows are those of all its groups. What is left is learnt from, whether it came
    before or after them: good for a distribution of outcomes, and never for a track record.

    Raises UsageError for more groups than cutoffs, BadDataError for too short a history.
    """
    known = windows.known()
    groups = cutoff_groups(known.cutoffs, plan)
    of_group = [known.take(np.isin(known.cutoffs, group)) for group in groups]
    clear_of = [clear(known, tested, embargo=plan.embargo) for tested in of_group]
    last = known.cutoffs.max()
    for chosen in plan.chosen:
        learnt = known.take(np.all([clear_of[number] for number in chosen], axis=0))
        tested = np.isin(known.cutoffs, np.concatenate([groups[number] for number in chosen]))
        yield Fold(history=_in_three_parts(learnt, last, plan.embargo), test=known.take(tested))


def cutoff_groups(cutoffs: DateArray1D, plan: CombinatorialPlan) -> list[DateArray1D]:
    """The distinct cutoffs of each group, ascending; lengths differ by one at most."""
    distinct = np.unique(cutoffs)
    if len(distinct) < plan.groups:
        raise UsageError(f"{plan.groups} groups cannot be made of {len(distinct)} cutoffs")
    return np.array_split(distinct, plan.groups)


def clear(windows: Windows, test: Windows, *, embargo: int = 0) -> BoolArray1D:
    """Which windows have targets that share no bar with those of a test group, less an embargo.

    Before the test, a target is known at the close of its first cutoff; after it, a cutoff is at or
    behind the close at which the last of its targets is known. test: cutoffs without a hole.
    embargo: distinct cutoffs, counted from there away from the test. Returns shape (n,).
    """
    before = known_at(windows, test.cutoffs.min(), embargo=embargo)
    behind = np.unique(windows.cutoffs[windows.cutoffs >= test.known_from.max()])[embargo:]
    kept: BoolArray1D = np.isin(windows.rows, before.rows) | np.isin(windows.cutoffs, behind)
    return kept


def validation_folds(windows: Windows, moment: np.datetime64) -> list[Fold]:
    """Folds for choosing between configurations, whose test windows are validation windows.

    They lie wholly within what `cut_history` would train and validate on: the calibration windows
    that come after it are unseen by whoever chooses.
    """
    unseen = cut_history(windows, moment).calibration.cutoffs.min()
    return list(cut_folds(known_at(windows, unseen), FoldPlan(folds=_VALIDATION_FOLDS)))


def single_fold(windows: Windows, moment: np.datetime64) -> Fold:
    """The one fold of a model that was trained on what was known at the close of `moment`."""
    known = windows.known()
    test = known.take(known.cutoffs >= moment)
    if not len(test):
        raise BadDataError(
            f"no target after {moment}, up to which the model was trained, is known yet",
            fix="fetch newer bars, train with --until DATE, or --open-lock where bars are locked",
        )
    return Fold(history=cut_history(known, moment), test=test)


@dataclass(frozen=True, kw_only=True)
class FoldAudit:
    """The dates that prove the gap of a fold: each `..._known` lies at or before the next start.

    n_train and n_test count windows; all dates are cutoffs or, for `..._known`, the close at which
    the last target of that part was known.
    """

    train_start: np.datetime64
    train_end: np.datetime64
    train_known: np.datetime64
    validation_start: np.datetime64
    validation_known: np.datetime64
    calibration_start: np.datetime64
    calibration_known: np.datetime64
    test_start: np.datetime64
    test_end: np.datetime64
    n_train: int
    n_test: int


def audit(fold: Fold) -> FoldAudit:
    """The dates of a fold."""
    history = fold.history
    return FoldAudit(
        train_start=history.train.cutoffs.min(),
        train_end=history.train.cutoffs.max(),
        train_known=history.train.known_from.max(),
        validation_start=history.validation.cutoffs.min(),
        validation_known=history.validation.known_from.max(),
        calibration_start=history.calibration.cutoffs.min(),
        calibration_known=history.calibration.known_from.max(),
        test_start=fold.test.cutoffs.min(),
        test_end=fold.test.cutoffs.max(),
        n_train=len(history.train),
        n_test=len(fold.test),
    )
