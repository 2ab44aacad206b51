"""Canaries: a clean backtest passes, and every planted leak is found by its name."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import planted
import pytest
from synthetic import random_walk_bars, small_market

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.errors import InternalCheckError
from forecast_cli.evaluation import canaries, walk_forward
from forecast_cli.evaluation.calibration import Calibration, calibrate, fit_calibration
from forecast_cli.evaluation.canaries import (
    PLANTED,
    Built,
    edge_checks,
    forecast_checks,
    garbage_checks,
    odd_dates,
    shuffled_check,
)
from forecast_cli.evaluation.check import Check, first_failure, summary
from forecast_cli.evaluation.folds import Fold, FoldPlan, cut_folds
from forecast_cli.evaluation.shuffle import shuffled_score
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.evaluation.worlds import World, cut_after
from forecast_cli.features.indicators import INDICATORS, Indicator
from forecast_cli.features.ingredients import Ingredients
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import EwmaHistory
from forecast_cli.workflows.canaries import (
    PROBE,
    dates_of,
    few_symbols,
    naive_candidates,
    refuse_failures,
    short_form,
    world_of,
)
from forecast_cli.workflows.entries import Entry, entries_of

PLAN = FoldPlan(folds=3)
MARKET = small_market(5, 840)
SEEN = ("return", "volatility", "rank_21", "^N225:return", "mood:value", "interest:change")

every_feature = pytest.mark.parametrize("name", planted.FEATURES)
every_forecaster = pytest.mark.parametrize("kind", planted.FORECASTERS)
every_edge = pytest.mark.parametrize("place", [0, 1, 2])


def cut(windows: Windows) -> list[Fold]:
    """Three folds."""
    return list(cut_folds(windows, PLAN))


def entry(*features: str, horizons: tuple[int, ...] = (1, 5)) -> Entry:
    """A network that sees some features, the default ones without any."""
    options = {"features": features or None, "horizons": horizons}
    (made,) = entries_of(["linear"], Path(), "1d", None, options, calibration="adaptive")
    return made


def world(*features: str, seed: int = 1) -> World:
    """Three random walks among peers and covariates."""
    series = [random_walk_bars(f"P{i}", 840 - 40 * i, seed=seed + i) for i in range(3)]
    return world_of(series, entry(*features), replace(MARKET, peers=tuple(series)))


@pytest.fixture(scope="module")
def clean() -> Built:
    """Windows that hold no leak."""
    return Built.of(world())


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch, name: str) -> World:
    """A world with a leaking feature among honest ones."""
    monkeypatch.setitem(INDICATORS, name, Indicator(planted.FEATURES[name], "planted"))
    return world("return", name, "range_5")


def failed(checks: Sequence[Check]) -> set[str]:
    """The subjects of the checks that failed."""
    return {check.subject for check in checks if not check.passed}


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_run_passes(seed: int) -> None:
    """Twenty markets, all kinds of features: no alarm, and the same outcome each time."""
    features = SEEN if seed % 2 else ()
    checks = short_form(world(*features, seed=10 * seed), entry(*features), cut)
    assert failed(checks) == set()
    assert first_failure(checks) is None
    n_unchanged = (len(features) or 10) + 4 + 3 + 5
    assert len(checks) == n_unchanged + 2
    assert f"{n_unchanged} features, steps and rows do not change" in summary(checks)
    if seed == 1:
        assert short_form(world(*features, seed=10), entry(*features), cut) == checks


@every_feature
def test_a_leaking_feature_is_named(plant: World, name: str) -> None:
    """By garbage after the cutoff, and none beside it."""
    checks, alive = garbage_checks(Built.of(plant), dates_of(cut(plant.windows())))
    assert failed(checks) == {name}
    assert alive.passed
    told = first_failure(checks)
    assert told is not None
    assert told.startswith(f"{name} looks ahead (P")


@every_feature
def test_a_leaking_feature_is_named_by_truncation(plant: World, name: str) -> None:
    """The same when what comes later is missing instead of garbage."""
    checks, alive = garbage_checks(Built.of(plant), dates_of(cut(plant.windows())), cut_after)
    assert failed(checks) == {name}
    assert alive.passed


def _same_date(of: Ingredients) -> FloatArray1D:
    """New York's return of the same date, at whose close Tokyo has long been closed."""
    other = of.market.covariates["^GSPC"]
    assert isinstance(other, Bars)
    returns = np.diff(np.log(other.adj_close), prepend=0.0)
    values: FloatArray1D = returns[np.searchsorted(other.timestamp, of.bars.timestamp)]
    return values


@pytest.mark.parametrize("symbol", ["P0", "7203.T"])
def test_a_bar_of_another_exchange_before_its_close_is_found(
    symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same date is the past in New York and the future in Tokyo."""
    monkeypatch.setitem(INDICATORS, "same_date", Indicator(_same_date, "planted"))
    bars = replace(random_walk_bars("P0", 800, seed=3), symbol=symbol)
    tokyo = world_of([bars], entry("return", "same_date", "^GSPC:return"), MARKET)
    checks, _ = garbage_checks(Built.of(tokyo), dates_of(cut(tokyo.windows())))
    assert failed(checks) == ({"same_date"} if symbol == "7203.T" else set())


@pytest.mark.parametrize("name", ["next_return"])
def test_no_verdict_after_a_failed_canary(plant: World, name: str) -> None:
    """Exit code 70, the feature's name, and what to do."""
    checks = short_form(plant, entry("return", name, "range_5"), cut)
    with pytest.raises(InternalCheckError, match="next_return looks ahead") as raised:
        refuse_failures(checks)
    assert raised.value.exit_code == 70
    assert raised.value.fix is not None
    assert "--audit" in raised.value.fix
    assert summary(checks).startswith("canaries: next_return looks ahead")


def test_a_blind_detector_is_noticed(clean: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the planted copy of the future is not found, the check itself has failed."""
    monkeypatch.setattr(canaries, "differences", lambda *_: {})
    checks, alive = garbage_checks(clean, dates_of(cut(clean.windows))[:1])
    assert failed(checks) == set()
    assert not alive.passed
    told = first_failure([alive])
    assert told is not None
    assert PLANTED in told


def test_dates_are_odd_and_spread() -> None:
    """In the middle of weeks and months: a weekly mean does not show on a Friday."""
    days = np.busday_offset("2010-01-01", np.arange(1000), roll="forward")
    chosen = odd_dates(days)
    assert len(chosen) == 5
    for day in map(str, chosen):
        assert date.fromisoformat(day).weekday() in {1, 2, 3}
        assert 4 <= int(day[-2:]) <= 24
    assert np.diff(chosen).min() > np.timedelta64(200, "D")
    assert odd_dates(days[:1]) == [days[0]]


@every_edge
def test_labels_over_an_edge_are_found(clean: Built, place: int) -> None:
    """The gap left out at one edge, and only there: named with fold and edge."""

    def leaky(windows: Windows) -> list[Fold]:
        return planted.overlapping(cut(windows), windows, place)

    names = ["train/validation", "validation/calibration", "calibration/test"]
    assert failed(edge_checks(clean, leaky, 1)) == {f"2: {names[place]}"}
    assert failed(edge_checks(clean, cut, 1)) == set()


def test_a_wrong_date_of_a_label_is_no_way_round(clean: Built) -> None:
    """Windows that lie about when their labels are known are found by the garbage."""

    def early(world_: World) -> World:
        compose = world_.compose

        def lying(series: Sequence[Bars], market: object) -> Windows:
            windows = compose(series, market)  # type: ignore[arg-type]
            known = np.where(np.isnat(windows.known_from), windows.known_from, windows.cutoffs)
            return replace(windows, known_from=known)

        return replace(world_, compose=lying)

    lied = Built.of(early(clean.world))
    assert len(failed(edge_checks(lied, cut, 1))) == 3


def test_a_shuffled_split_is_found(clean: Built) -> None:
    """Windows of the test among those of training: labels known too late."""
    checks = edge_checks(clean, lambda windows: planted.shuffled_split(cut(windows)), 1)
    assert "2: train/validation" in failed(checks)


@every_forecaster
def test_a_leaking_forecaster_is_named(clean: Built, kind: str) -> None:
    """Its forecasts up to a date change with what comes after it; those of an honest one do not."""
    leaky = Candidate(name=kind, make=planted.FORECASTERS[kind])
    tested = cut(clean.windows)[1].test.cutoffs
    inside = [tested.min(), odd_dates(tested, 1)[0]]
    assert failed(forecast_checks([PROBE, leaky], clean, cut, 1, inside)) == {kind}


def _calibrated_on_test(
    forecasts: Forecasts, windows: Windows, calibration: Calibration
) -> Forecasts:
    return calibrate(forecasts, fit_calibration(forecasts, windows))


def test_calibration_on_the_test_is_found(clean: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stretch that is fitted on the windows it corrects changes with the days to come."""
    row = Candidate(name="ewma_history", make=EwmaHistory, calibration="adaptive")
    tested = cut(clean.windows)[1].test.cutoffs
    inside = [tested.min(), odd_dates(tested, 1)[0]]
    assert failed(forecast_checks([row], clean, cut, 1, inside)) == set()
    monkeypatch.setattr(walk_forward, "calibrate_adaptively", _calibrated_on_test)
    assert failed(forecast_checks([row], clean, cut, 1, inside)) == {"ewma_history"}


def _shuffled(clean: Built, kind: Callable[[], planted.Leaky]) -> Check:
    candidate = Candidate(name="planted", make=kind)
    rows = naive_candidates("none")
    fold = cut(clean.windows)[1]
    return shuffled_check("planted", shuffled_score(candidate, rows, clean.windows.known(), fold))


def test_shuffled_targets_are_forecast_as_by_chance_only_by_the_honest(clean: Built) -> None:
    """Who reads the answers has skill where there can be none."""
    assert _shuffled(clean, planted.Leaky).passed
    caught = _shuffled(clean, planted.Peeking)
    assert not caught.passed
    assert first_failure([caught]) == (
        f"planted foresees targets that nobody can foresee ({caught.detail})"
    )


def test_the_short_form_looks_at_each_step_once(clean: Built) -> None:
    """The order of the line: features, steps, one fold's edges, rows; targets; the planted copy."""
    kinds = [check.check for check in short_form(clean.world, entry(), cut)]
    changes = [kind for kind, following in pairwise([*kinds, ""]) if kind != following]
    assert changes == ["garbage", "fold edge", "forecasts", "shuffled", "planted"]


def test_a_wide_panel_is_looked_at_through_some_of_its_symbols() -> None:
    """All features of every symbol, the forecasts of thirty at most."""
    series = [random_walk_bars(f"W{i}", 420, seed=i) for i in range(64)]
    wide = world_of(series, entry(horizons=(1,)), MARKET)
    shown: list[int] = []

    def noted(windows: Windows) -> list[Fold]:
        folds = list(cut_folds(windows, FoldPlan(folds=2)))
        shown.append(len(np.unique(folds[1].test.symbol_index)))
        return folds

    checks = short_form(wide, entry(horizons=(1,)), noted)
    assert failed(checks) == set()
    assert set(shown) == {64}
    (fold,) = {
        len(np.unique(few_symbols(each).test.symbol_index)) for each in noted(wide.windows())
    }
    assert fold == 22
    assert few_symbols(noted(world().windows())[1]).test.symbols == ("P0", "P1", "P2")


def test_an_early_symbol_of_another_length_is_no_alarm() -> None:
    """Symbols that end, start late, or have a single bar by then are compared as far as known."""
    whole = [random_walk_bars(f"P{i}", 840, seed=i) for i in range(3)]
    series = [whole[0], whole[1].take(slice(500)), whole[2].take(slice(620, None))]
    uneven = world_of(series, entry("return", "rank_21"), replace(MARKET, peers=tuple(series)))
    built = Built.of(uneven)
    for change in (partial(garbage_checks), partial(garbage_checks, change=cut_after)):
        checks, alive = change(built, dates_of(cut(built.windows)))
        assert failed([*checks, alive]) == set()
