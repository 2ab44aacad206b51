"""Train is cut from test so that no label reaches over a cut, whatever the dates look like."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit
from synthetic import random_walk_bars

from forecast_cli.arrays import DateArray1D
from forecast_cli.errors import BadDataError, ForecastError, UsageError
from forecast_cli.evaluation import folds
from forecast_cli.evaluation.folds import (
    Fold,
    FoldPlan,
    WindowKind,
    audit,
    cut_folds,
    cut_history,
    known_at,
    single_fold,
)
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows

FIRST = np.datetime64("2010-01-01")
FIELDS = ("rows", "cutoffs", "known_from", "symbol_index", "scale", "targets")


def windows(
    lengths: list[int], starts: list[int] | None = None, horizons: tuple[int, ...] = (1, 5)
) -> Windows:
    """One symbol per length, a bar each day from its start; a cell is its row's number."""
    parts, longest = [], max(horizons)
    for index, (length, start) in enumerate(
        zip(lengths, starts or [0] * len(lengths), strict=True)
    ):
        days = FIRST + start + np.arange(length)
        known = np.full(length, np.datetime64("NaT", "D"))
        known[: max(length - longest, 0)] = days[longest:]
        parts.append((days, known, np.full(length, index)))
    cutoffs, known_from, symbol_index = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    n = len(cutoffs)
    return Windows(
        features=np.arange(n, dtype=np.float32)[:, None],
        bar_returns=np.full(n, np.nan),
        lookback=1,
        horizons=horizons,
        symbols=tuple(f"S{index}" for index in range(len(lengths))),
        rows=np.arange(n),
        cutoffs=cutoffs,
        known_from=known_from,
        symbol_index=symbol_index,
        scale=np.ones((n, len(horizons))),
        targets=np.zeros((n, len(horizons))),
    )


def dates(of: Windows) -> DateArray1D:
    """Distinct cutoffs."""
    days: DateArray1D = np.unique(of.cutoffs)
    return days


def missing(earlier: Windows, later: Windows) -> int:
    """Days left out between two parts of a daily series."""
    return int((later.cutoffs.min() - earlier.cutoffs.max()).astype(int)) - 1


def assert_no_label_reaches_over_a_cut(fold: Fold) -> None:
    """The rule: every label of a part is known at or before the first cutoff of what follows."""
    history = fold.history
    parts = [history.train, history.validation, history.calibration, fold.test]
    for earlier, later in pairwise(parts):
        assert len(earlier) > 0
        assert len(later) > 0
        assert earlier.known_from.max() <= later.cutoffs.min()
        assert earlier.cutoffs.max() < later.cutoffs.min()


@st.composite
def panels(draw: st.DrawFn) -> Windows:
    """Up to four symbols that start and end whenever they like."""
    n_symbols = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 900), min_size=n_symbols, max_size=n_symbols))
    starts = draw(st.lists(st.integers(0, 400), min_size=n_symbols, max_size=n_symbols))
    horizons = tuple(sorted(draw(st.sets(st.integers(1, 30), min_size=1, max_size=3))))
    return windows(lengths, starts, horizons)


PLANS = st.builds(
    FoldPlan,
    folds=st.none() | st.integers(1, 6),
    refit_every=st.none() | st.integers(10, 200),
    test_start=st.none() | st.integers(150, 900).map(lambda day: FIRST + day),
    window=st.sampled_from(["expanding", "rolling"]),
    embargo=st.integers(0, 20),
)


@settings(max_examples=300, deadline=None)
@given(panels(), PLANS)
def test_no_label_reaches_over_a_cut(panel: Windows, plan: FoldPlan) -> None:
    """Whatever the symbols, horizons and plan: a plan is refused, or every fold is clean."""
    try:
        made = list(cut_folds(panel, plan))
    except ForecastError:
        assume(False)
    assert len(made) >= 1
    assert plan.folds is None or len(made) == plan.folds
    for fold in made:
        assert_no_label_reaches_over_a_cut(fold)
        assert len(dates(fold.history.train)) >= 100
    tested = np.concatenate([fold.test.rows for fold in made])
    assert len(set(tested.tolist())) == len(tested)
    covered = panel.known()
    inside = (covered.cutoffs >= made[0].test.cutoffs.min()) & (
        covered.cutoffs <= made[-1].test.cutoffs.max()
    )
    assert sorted(tested.tolist()) == sorted(covered.rows[inside].tolist())


@pytest.mark.parametrize("horizon", [1, 2, 5, 21])
@pytest.mark.parametrize("window", ["expanding", "rolling"])
def test_the_gap_is_one_less_than_the_horizon(horizon: int, window: WindowKind) -> None:
    """With a bar each day, exactly h - 1 cutoffs are left out at every edge: not one more."""
    made = list(cut_folds(windows([1000], horizons=(1, horizon)), FoldPlan(window=window)))
    assert len(made) == 5
    for fold in made:
        history = fold.history
        assert missing(history.train, history.validation) == horizon - 1
        assert missing(history.validation, history.calibration) == horizon - 1
        assert missing(history.calibration, fold.test) == horizon - 1


@pytest.mark.parametrize("embargo", [1, 2, 10])
@pytest.mark.parametrize("horizon", [1, 5])
def test_an_embargo_adds_to_the_gap(horizon: int, embargo: int) -> None:
    """An embargo of N leaves out N cutoffs more at every edge."""
    plan = FoldPlan(embargo=embargo)
    made = list(cut_folds(windows([1000], horizons=(horizon,)), plan))
    assert len(made) == 5
    for fold in made:
        history = fold.history
        assert missing(history.train, history.validation) == horizon - 1 + embargo
        assert missing(history.validation, history.calibration) == horizon - 1 + embargo
        assert missing(history.calibration, fold.test) == horizon - 1 + embargo


def test_an_embargo_counts_the_dates_of_all_symbols() -> None:
    """Two symbols on the same days are one series of cutoffs."""
    made = list(cut_folds(windows([1000, 1000], horizons=(5,)), FoldPlan(embargo=3)))
    assert len(made) == 5
    assert {missing(fold.history.calibration, fold.test) for fold in made} == {7}


def test_an_embargo_longer_than_history_leaves_nothing() -> None:
    """Before the first cutoffs nothing can be left out, so nothing is known."""
    assert len(known_at(windows([50]), FIRST + 20, embargo=21)) == 0


def test_real_dates_keep_the_rule() -> None:
    """Business days, two symbols of which one ends early: the gap counts bars, not days."""
    series = [
        random_walk_bars("LONG", 1000, seed=1),
        random_walk_bars("ENDED", 700, seed=2),
    ]
    panel = build_windows(series, horizons=(1, 5), lookback=10, features=("return",))
    made = list(cut_folds(panel, FoldPlan()))
    assert len(made) == 5
    for fold in made:
        assert_no_label_reaches_over_a_cut(fold)
        between = np.busday_count(fold.history.calibration.cutoffs.max(), fold.test.cutoffs.min())
        assert between == 5


def test_the_audit_proves_the_gap() -> None:
    """An audit shows the dates of every part, and at which close its last label was known."""
    (fold,) = cut_folds(windows([600], horizons=(5,)), FoldPlan(folds=1, refit_every=100))
    # 595 known windows: the test takes days 495-594, 491 cutoffs are known at its start
    shown = audit(fold)
    day = {
        name: int((date - FIRST).astype(int))
        for name, date in vars(shown).items()
        if name[0] != "n"
    }
    assert day == {
        "train_start": 0,
        "train_end": 340,
        "train_known": 345,
        "validation_start": 345,
        "validation_known": 418,
        "calibration_start": 418,
        "calibration_known": 495,
        "test_start": 495,
        "test_end": 594,
    }
    assert (shown.n_train, shown.n_test) == (341, 100)


def test_by_default_the_second_half_is_tested_in_five_folds() -> None:
    """Without a plan: half of all cutoffs, five refits."""
    made = list(cut_folds(windows([1005]), FoldPlan()))
    assert [len(dates(fold.test)) for fold in made] == [100] * 5
    assert made[0].test.cutoffs.min() == FIRST + 500
    assert made[-1].test.cutoffs.max() == FIRST + 999


@pytest.mark.parametrize(
    ("plan", "first", "sizes"),
    [
        (FoldPlan(folds=4), 500, [125] * 4),
        (FoldPlan(folds=3), 500, [166, 167, 167]),
        (FoldPlan(refit_every=250), 500, [250, 250]),
        (FoldPlan(refit_every=300), 500, [300, 200]),
        (FoldPlan(folds=2, refit_every=100), 800, [100, 100]),
        (FoldPlan(test_start=FIRST + 700), 700, [60] * 5),
        (FoldPlan(test_start=FIRST + 700, folds=2), 700, [150, 150]),
        (FoldPlan(test_start=FIRST + 700, refit_every=200), 700, [200, 100]),
        (FoldPlan(test_start=FIRST + 700, folds=2, refit_every=50), 700, [50, 50]),
    ],
)
def test_what_a_plan_leaves_open_follows(plan: FoldPlan, first: int, sizes: list[int]) -> None:
    """Of folds, refit_every and test_start, what is not given follows from the others."""
    starts = folds.test_starts(FIRST + np.arange(1000), plan)
    assert len(starts) == len(sizes) + 1
    assert starts[0] == FIRST + first
    assert np.diff(starts).astype(int).tolist() == sizes


@pytest.mark.parametrize(
    ("plan", "tested"),
    [
        (FoldPlan(test_size=250), [(500, 750), (750, 1000)]),
        (FoldPlan(folds=2, test_size=100), [(800, 900), (900, 1000)]),
        (FoldPlan(refit_every=200, test_size=50), [(500, 550), (700, 750), (900, 950)]),
        (FoldPlan(folds=2, refit_every=200, test_size=50), [(750, 800), (950, 1000)]),
        (FoldPlan(folds=2, test_size=30), [(940, 970), (970, 1000)]),
        (FoldPlan(folds=2, test_start=FIRST + 600, test_size=30), [(600, 630), (630, 660)]),
    ],
)
def test_a_fold_tests_as_much_as_asked_for(plan: FoldPlan, tested: list[tuple[int, int]]) -> None:
    """test_size cutoffs from each fold's start, refit_every (or test_size) from start to start."""
    made = list(cut_folds(windows([1005]), plan))
    spans = [
        (int((day.min() - FIRST).astype(int)), int((day.max() - FIRST).astype(int)) + 1)
        for day in (fold.test.cutoffs for fold in made)
    ]
    assert spans == tested
    for fold in made:
        assert_no_label_reaches_over_a_cut(fold)


@pytest.mark.parametrize("horizon", [1, 5])
@pytest.mark.parametrize("embargo", [0, 4])
@pytest.mark.parametrize("train_size", [None, 300])
@pytest.mark.parametrize(("n_folds", "test_size"), [(3, 50), (5, 80)])
def test_one_daily_series_is_cut_as_scikit_learn_cuts_it(
    horizon: int, embargo: int, train_size: int | None, n_folds: int, test_size: int
) -> None:
    """There a gap in rows is a gap in time, which it is not for several symbols together."""
    known = windows([1000], horizons=(horizon,)).known()
    gap = horizon - 1 + embargo
    plan = FoldPlan(
        folds=n_folds,
        test_size=test_size,
        window="rolling" if train_size else "expanding",
        train_size=train_size,
        embargo=embargo,
    )
    oracle = TimeSeriesSplit(
        n_splits=n_folds, test_size=test_size, max_train_size=train_size, gap=gap
    )
    made, expected = list(cut_folds(known, plan)), list(oracle.split(known.rows))
    assert len(made) == len(expected) == n_folds
    for fold, (train, test) in zip(made, expected, strict=True):
        assert fold.test.rows.tolist() == test.tolist()
        parts = (fold.history.train, fold.history.validation, fold.history.calibration)
        learnt = np.concatenate([part.rows for part in parts])
        assert (learnt.min(), learnt.max()) == (train.min(), train.max())
        # it knows one cut; the gaps between our parts are left out of its training rows
        assert len(np.setdiff1d(train, learnt)) == 2 * gap
        assert set(learnt.tolist()) <= set(train.tolist())


def test_folds_that_overlap_are_refused() -> None:
    """A day scored twice would count twice."""
    with pytest.raises(UsageError, match="every 20 sessions that test 50"):
        FoldPlan(refit_every=20, test_size=50)


@pytest.mark.parametrize("embargo", [0, 7])
def test_a_rolling_window_has_the_size_asked_for(embargo: int) -> None:
    """train_size cutoffs before each test, gaps and the parts behind training included."""
    plan = FoldPlan(window="rolling", train_size=300, embargo=embargo)
    made = list(cut_folds(windows([1005]), plan))
    assert len(made) == 5
    for fold in made:
        history = fold.history
        last = history.calibration.cutoffs.max()
        assert int((last - history.train.cutoffs.min()).astype(int)) + 1 == 300
        assert_no_label_reaches_over_a_cut(fold)


def test_an_expanding_window_takes_no_size() -> None:
    """The two say opposite things."""
    with pytest.raises(UsageError, match="expanding window has no size"):
        FoldPlan(train_size=300)


def test_a_test_start_between_two_sessions_means_the_next_one() -> None:
    """A test that starts on a weekend starts on Monday."""
    cutoffs = np.busday_offset("2010-01-01", np.arange(600), roll="forward")
    saturday, monday = np.datetime64("2011-01-01"), np.datetime64("2011-01-03")
    assert folds.test_starts(cutoffs, FoldPlan(test_start=saturday))[0] == monday


def test_as_many_folds_as_asked_for() -> None:
    """45 folds fit into 500 test cutoffs, as 5 folds of 12 and 40 of 11."""
    starts = folds.test_starts(FIRST + np.arange(1000), FoldPlan(folds=45))
    assert len(starts) == 46


@pytest.mark.parametrize(
    "plan",
    [
        FoldPlan(folds=5, refit_every=200),
        FoldPlan(folds=600),
        FoldPlan(test_start=FIRST),
        FoldPlan(test_start=FIRST + 1000),
        FoldPlan(test_start=FIRST + 900, folds=3, refit_every=50),
        FoldPlan(folds=0),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan: FoldPlan) -> None:
    """The refusal says which dates there are and what to change."""
    with pytest.raises(UsageError) as caught:
        list(cut_folds(windows([1005]), plan))
    assert caught.value.message == (
        "the folds do not fit: 1000 cutoffs with known targets, from 2010-01-01 to 2012-09-26"
    )
    assert caught.value.fix == (
        "ask for fewer folds, a smaller --refit-every or another --test-start"
    )


def test_no_known_target_is_refused() -> None:
    """A series shorter than its horizon has nothing to test."""
    with pytest.raises(UsageError) as caught:
        list(cut_folds(windows([4]), FoldPlan()))
    assert caught.value.message == "the folds do not fit: no cutoff has a known target"


def test_too_short_a_history_is_refused() -> None:
    """Fewer than 100 training cutoffs are an error that says how many there are."""
    with pytest.raises(BadDataError) as caught:
        list(cut_folds(windows([265]), FoldPlan()))
    assert caught.value.message == (
        "126 cutoffs are known at 2010-05-11: 90 are left for training, 18 for validation;"
        " at least 100 and 1 are needed"
    )
    assert caught.value.fix == "fetch more history, or use a shorter lookback, horizon or embargo"


@pytest.mark.parametrize(("n", "horizon", "embargo"), [(142, 1, 0), (148, 5, 0), (148, 2, 3)])
def test_the_shortest_history_that_will_do(n: int, horizon: int, embargo: int) -> None:
    """100 training cutoffs remain behind the gap; with a bar less there are too few."""
    panel = windows([2000], horizons=(horizon,))
    gap = horizon - 1 + embargo
    moment = FIRST + n + gap
    assert len(dates(known_at(panel, moment, embargo=embargo))) == n
    history = cut_history(panel, moment, embargo=embargo)
    assert len(dates(history.train)) == 100
    assert len(history.validation) >= 1
    with pytest.raises(BadDataError, match="99 are left for training"):
        cut_history(panel, moment - 1, embargo=embargo)


def test_a_gap_that_swallows_validation_is_refused() -> None:
    """A horizon longer than the validation part leaves nothing to stop training by."""
    with pytest.raises(BadDataError, match="for training, 0 for validation"):
        cut_history(windows([2000], horizons=(75,)), FIRST + 400)


def test_a_history_of_nothing_is_refused() -> None:
    """No known cutoff at all is the same error, not a crash."""
    with pytest.raises(BadDataError, match="0 cutoffs are known"):
        cut_history(windows([500]), FIRST)


def test_shares_of_a_history() -> None:
    """70 % train, 15 % validation, 15 % calibration of the known cutoffs, before the gaps."""
    history = cut_history(windows([2000], horizons=(1,)), FIRST + 1000)
    parts = (history.train, history.validation, history.calibration)
    assert [len(part) for part in parts] == [700, 150, 150]


def test_an_expanding_window_keeps_all_history() -> None:
    """Every fold starts at the first cutoff and knows more than the one before."""
    made = list(cut_folds(windows([1005]), FoldPlan()))
    assert len(made) == 5
    assert {fold.history.train.cutoffs.min() for fold in made} == {FIRST}
    sizes = [len(fold.history.train) for fold in made]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("embargo", [0, 7])
def test_a_rolling_window_keeps_its_size(embargo: int) -> None:
    """Every fold learns from as many cutoffs as the first, always the newest."""
    plan = FoldPlan(window="rolling", embargo=embargo)
    made = list(cut_folds(windows([1005]), plan))
    assert len(made) == 5
    sizes = {
        tuple(len(part) for part in (f.history.train, f.history.validation, f.history.calibration))
        for f in made
    }
    assert len(sizes) == 1
    starts = [fold.history.train.cutoffs.min() for fold in made]
    assert np.diff(starts).astype(int).tolist() == [100] * 4


def test_the_first_fold_is_the_same_for_both_windows() -> None:
    """Rolling starts with all the history there is."""
    first, other = (
        next(iter(cut_folds(windows([1005]), FoldPlan(window=window))))
        for window in ("expanding", "rolling")
    )
    assert first.history.train.rows.tolist() == other.history.train.rows.tolist()


def test_a_symbol_that_starts_late_joins_when_it_can() -> None:
    """Folds are cut by date: a young symbol is in no fold before its time, and in all after."""
    made = list(cut_folds(windows([1005, 300], [0, 705]), FoldPlan()))
    assert [sorted(set(fold.test.symbol_index)) for fold in made] == [
        [0],
        [0],
        [0, 1],
        [0, 1],
        [0, 1],
    ]


def test_one_symbols_calendar_does_not_open_anothers_label() -> None:
    """A symbol that traded once a week has labels that take longer; they wait until known."""
    weekly = windows([1005], horizons=(1,))
    rare = replace(weekly, known_from=weekly.known_from + 40, symbol_index=weekly.symbol_index + 1)
    both = Windows(
        **{
            **vars(weekly),
            "symbols": ("S0", "S1"),
            **{
                name: np.concatenate([getattr(weekly, name), getattr(rare, name)])
                for name in FIELDS
            },
        }
    )
    made = list(cut_folds(both, FoldPlan()))
    assert len(made) == 5
    for fold in made:
        assert_no_label_reaches_over_a_cut(fold)
        calibration = fold.history.calibration
        last = [calibration.cutoffs[calibration.symbol_index == index].max() for index in (0, 1)]
        assert (last[0] - last[1]).astype(int) == 40


@pytest.mark.parametrize("window", ["expanding", "rolling"])
def test_what_comes_later_does_not_change_a_history(window: WindowKind) -> None:
    """Corrupting every window from a fold's first test cutoff on leaves its history as it was."""
    panel = windows([1005, 800], [0, 100])
    plan = FoldPlan(window=window, test_start=FIRST + 500, refit_every=100)
    made = list(cut_folds(panel, plan))
    assert len(made) == 5
    for position, fold in enumerate(made):
        later = panel.cutoffs >= fold.test.cutoffs.min()
        corrupted = replace(
            panel,
            targets=np.where(later[:, None], 1e6, panel.targets),
            scale=np.where(later[:, None], np.nan, panel.scale),
            features=np.where(later[:, None], np.float32("nan"), panel.features),
        )
        again = list(cut_folds(corrupted, plan))[position]
        for name in ("train", "validation", "calibration"):
            before, after = getattr(fold.history, name), getattr(again.history, name)
            for field in FIELDS:
                np.testing.assert_array_equal(getattr(before, field), getattr(after, field))
            np.testing.assert_array_equal(before.inputs(), after.inputs())


@pytest.mark.parametrize("n_bars", [650, 800, 1004])
def test_a_history_does_not_depend_on_bars_that_came_later(n_bars: int) -> None:
    """What is known at a moment is the same whether or not the bars after it exist yet."""
    moment = FIRST + 600
    whole = cut_history(windows([1005]), moment)
    cut = cut_history(windows([n_bars]), moment)
    for name in ("train", "validation", "calibration"):
        assert getattr(cut, name).cutoffs.tolist() == getattr(whole, name).cutoffs.tolist()


def test_single_fold_tests_all_that_came_after() -> None:
    """A trained model is tested on every later known target, on the history it had."""
    panel = windows([1005])
    fold = single_fold(panel, FIRST + 600)
    assert_no_label_reaches_over_a_cut(fold)
    assert dates(fold.test).tolist() == (FIRST + np.arange(600, 1000)).tolist()
    expected = cut_history(panel, FIRST + 600)
    assert fold.history.train.rows.tolist() == expected.train.rows.tolist()


def test_single_fold_without_later_targets_is_refused() -> None:
    """A model trained up to the end of the data cannot be tested yet."""
    with pytest.raises(BadDataError) as caught:
        single_fold(windows([1005]), FIRST + 1000)
    assert caught.value.message == (
        "no target after 2012-09-27, up to which the model was trained, is known yet"
    )
    assert caught.value.fix == (
        "fetch newer bars, train with --until DATE, or --open-lock where bars are locked"
    )
