"""Walking forward: each fold's forecaster knows its own history, and no fold knows another."""

from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np
import pytest
from synthetic import bare_windows

from forecast_cli.evaluation.calibration import (
    CalibrationKind,
    calibrate,
    calibrate_adaptively,
    fit_calibration,
)
from forecast_cli.evaluation.folds import Fold, FoldPlan, cut_folds
from forecast_cli.evaluation.losses import Losses, losses_of
from forecast_cli.evaluation.walk_forward import (
    Candidate,
    forecast_fold,
    walk_and_measure,
    walk_forward,
)
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import EwmaHistory

N = 2_400
WINDOWS = bare_windows(
    # ever wilder, so that history's range is too narrow and calibration has something to do
    np.random.default_rng(0).standard_t(4, size=(N, 2)) * np.linspace(0.01, 0.03, N)[:, None],
    horizons=(1, 5),
    scale=np.full((N, 2), 0.01),
    cutoffs=np.datetime64("2010-01-01") + np.arange(N) // 2,
    symbol_index=np.arange(N) % 2,
)
FOLDS = list(cut_folds(WINDOWS, FoldPlan(folds=3)))
FIELDS = ("symbols", "cutoffs", "quantiles", "point", "p_up")


@dataclass
class Spy:
    """Forecasts like history and remembers what it was shown."""

    shown: list[tuple[str, list[int]]] = field(default_factory=list)
    inner: EwmaHistory = field(default_factory=EwmaHistory)

    def fit(self, train: Windows, validation: Windows) -> None:
        """Note both parts."""
        self.shown += [("train", train.rows.tolist()), ("validation", validation.rows.tolist())]
        self.inner.fit(train, validation)

    def predict(self, windows: Windows) -> Forecasts:
        """Note the windows."""
        self.shown.append(("predict", windows.rows.tolist()))
        return self.inner.predict(windows)


def same(left: Forecasts, right: Forecasts) -> bool:
    """Whether two sets of forecasts are equal, bit by bit."""
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in FIELDS)


def rows(fold: Fold) -> list[tuple[str, list[int]]]:
    """What a forecaster without calibration is to be shown of a fold."""
    return [
        ("train", fold.history.train.rows.tolist()),
        ("validation", fold.history.validation.rows.tolist()),
        ("predict", fold.test.rows.tolist()),
    ]


def test_each_forecaster_sees_only_its_own_history() -> None:
    """Train and validation of the fold, then its test inputs, and nothing else."""
    assert len(FOLDS) == 3
    spies: list[Spy] = []

    def make() -> Spy:
        spies.append(Spy())
        return spies[-1]

    walk_forward(Candidate(name="spy", make=make), FOLDS)
    assert [spy.shown for spy in spies] == [rows(fold) for fold in FOLDS]


def test_calibration_windows_are_never_trained_on() -> None:
    """A calibrated forecaster is asked about them once, after it has been fitted."""
    spy = Spy()
    forecast_fold(Candidate(name="spy", make=lambda: spy, calibration="fixed"), FOLDS[0])
    held_out = FOLDS[0].history.calibration.rows.tolist()
    assert spy.shown == [*rows(FOLDS[0]), ("predict", held_out)]


def test_forecasts_come_in_the_order_of_the_test_windows() -> None:
    """One forecast per test window, fold after fold, in the order of the windows."""
    made = walk_forward(Candidate(name="history", make=EwmaHistory), FOLDS)
    assert made.cutoffs.tolist() == [c for fold in FOLDS for c in fold.test.cutoffs.tolist()]
    assert made.symbols.tolist() == [s for fold in FOLDS for s in fold.test.symbol_names.tolist()]
    assert made.quantiles.shape == (sum(len(fold.test) for fold in FOLDS), 2, 99)


def test_each_fold_is_fitted_anew() -> None:
    """A fold's forecasts are those of a forecaster that never saw another fold."""
    candidate = Candidate(name="history", make=EwmaHistory)
    made, start = walk_forward(candidate, FOLDS), 0
    for fold in FOLDS:
        alone = EwmaHistory()
        alone.fit(fold.history.train, fold.history.validation)
        stop = start + len(fold.test)
        assert same(made.take(slice(start, stop)), alone.predict(fold.test))
        start = stop


@pytest.mark.parametrize("calibration", ["none", "fixed", "adaptive"])
def test_results_do_not_depend_on_the_number_of_processes(calibration: CalibrationKind) -> None:
    """One process or two: the same forecasts in the same order, and every fold is reported."""
    candidate = Candidate(name="history", make=EwmaHistory, calibration=calibration)
    told: list[int] = []
    alone = walk_forward(candidate, FOLDS)
    assert same(walk_forward(candidate, FOLDS, n_processes=2, on_fold=told.append), alone)
    assert told == [1, 2, 3]


def test_a_calibrated_candidate_is_stretched_by_its_fold() -> None:
    """The stretch comes from the fold's calibration windows, forecast by the fold's forecaster."""
    for fold in FOLDS:
        forecaster = EwmaHistory()
        forecaster.fit(fold.history.train, fold.history.validation)
        held_out = fold.history.calibration
        calibration = fit_calibration(forecaster.predict(held_out), held_out)
        assert calibration.stretch != (1.0, 1.0)
        expected = calibrate(forecaster.predict(fold.test), calibration)
        candidate = Candidate(name="history", make=EwmaHistory, calibration="fixed")
        assert same(forecast_fold(candidate, fold), expected)
        going_on = calibrate_adaptively(forecaster.predict(fold.test), fold.test, calibration)
        adaptive = Candidate(name="history", make=EwmaHistory, calibration="adaptive")
        assert same(forecast_fold(adaptive, fold), going_on)
        assert not same(going_on, expected)


def test_measuring_keeps_what_the_forecasts_are_worth() -> None:
    """The losses of all forecasts, without the curves of all forecasts."""
    candidate = Candidate(name="history", make=EwmaHistory)
    tested = concatenate([fold.test for fold in FOLDS])
    expected = losses_of(walk_forward(candidate, FOLDS), tested)
    measured = walk_and_measure(candidate, FOLDS)
    for one in fields(Losses):
        np.testing.assert_array_equal(getattr(measured, one.name), getattr(expected, one.name))


@pytest.mark.parametrize("calibration", ["none", "fixed"])
def test_the_answers_are_not_read(calibration: CalibrationKind) -> None:
    """T3: another outcome of every test window leaves every forecast of the fold as it was.

    An adaptive calibration reads those that are known by then; the next test is about it.
    """
    candidate = Candidate(name="history", make=EwmaHistory, calibration=calibration)
    for fold in FOLDS:
        poisoned = replace(fold, test=replace(fold.test, targets=-7 * fold.test.targets))
        assert same(forecast_fold(candidate, poisoned), forecast_fold(candidate, fold))


@pytest.mark.parametrize("day", [637, 701, 843, 901, 1066])
@pytest.mark.parametrize("calibration", ["fixed", "adaptive"])
def test_a_later_market_changes_no_earlier_forecast(day: int, calibration: CalibrationKind) -> None:
    """T2: forecasts up to a date are the same with other targets known only after it."""
    moment = WINDOWS.cutoffs[0] + day
    later = WINDOWS.known_from > moment
    targets = np.where(later[:, None], 1e3, WINDOWS.targets)
    folds = list(cut_folds(replace(WINDOWS, targets=targets), FoldPlan(folds=3)))
    candidate = Candidate(name="history", make=EwmaHistory, calibration=calibration)
    before, after = (partial(walk_forward, candidate)(made) for made in (FOLDS, folds))
    known = before.cutoffs <= moment
    assert known.any()
    assert same(before.take(known), after.take(known))
