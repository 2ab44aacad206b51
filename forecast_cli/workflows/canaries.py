"""The canaries of a backtest: the models' own windows and folds, looked at by quick learners."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.errors import InternalCheckError
from forecast_cli.evaluation.calibration import CalibrationKind
from forecast_cli.evaluation.canaries import (
    Built,
    edge_checks,
    forecast_checks,
    garbage_checks,
    odd_dates,
    shuffled_check,
)
from forecast_cli.evaluation.check import Check, first_failure
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.evaluation.shuffle import shuffled_score
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.evaluation.worlds import World
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows
from forecast_cli.models.baselines import BASELINES, DEFAULT_BASELINES
from forecast_cli.models.probe import LeastSquares
from forecast_cli.workflows.entries import Entry
from forecast_cli.workflows.reading import windows_of

_MOST_SYMBOLS: Final = 30

PROBE: Final = Candidate(name="least squares", make=LeastSquares)


def run_canaries(
    series: Sequence[Bars],
    entries: Sequence[Entry],
    markets: Sequence[Market],
    cut: Callable[[Windows], Sequence[Fold]],
) -> tuple[Check, ...]:
    """The short form: what is cheap enough for every run.

    Raises InternalCheckError, naming the feature or step, when one fails.
    """
    checks: list[Check] = []
    seen: set[tuple[tuple[str, ...], int]] = set()
    for entry, market in zip(entries, markets, strict=True):
        key = entry.config.features, entry.config.lookback
        if key not in seen:
            checks += short_form(world_of(series, entry, market), entry, cut)
        seen.add(key)
    refuse_failures(checks)
    return tuple(checks)


def short_form(world: World, entry: Entry, cut: Callable[[Windows], Sequence[Fold]]) -> list[Check]:
    """Features, scales, windows, one fold's edges and the naive rows; then shuffled targets."""
    clean = Built.of(world)
    folds = cut(clean.windows)
    checks, alive = garbage_checks(clean, dates_of(folds))
    if first_failure(checks) is not None:  # with such windows folds may not even be cut
        return [*checks, alive]
    number = len(folds) // 2
    fold = folds[number]
    rows = naive_candidates(entry.candidate.calibration)
    checks += edge_checks(clean, cut, number)
    inside = [fold.test.cutoffs.min(), odd_dates(fold.test.cutoffs, 1)[0]]

    def few(windows: Windows) -> list[Fold]:
        return [few_symbols(each) for each in cut(windows)]

    checks += forecast_checks([*rows, PROBE], clean, few, number, inside)
    score = shuffled_score(PROBE, rows, clean.windows.known(), few_symbols(fold))
    return [*checks, shuffled_check(PROBE.name, score), alive]


def few_symbols(fold: Fold) -> Fold:
    """A fold of at most 30 of its symbols: on a wide panel, enough to see a step look ahead."""
    past = fold.history
    tested = np.unique(fold.test.symbol_index)
    some = tested[:: -(-len(tested) // _MOST_SYMBOLS)]

    def of(part: Windows) -> Windows:
        return part.take(np.isin(part.symbol_index, some))

    history = History(
        train=of(past.train), validation=of(past.validation), calibration=of(past.calibration)
    )
    parts = (history.train, history.validation, history.calibration)
    return Fold(history=history, test=of(fold.test)) if all(map(len, parts)) else fold


def world_of(series: Sequence[Bars], entry: Entry, market: Market) -> World:
    """What a model's windows are built from, and how."""

    def compose(some: Sequence[Bars], seen: Market) -> Windows:
        return windows_of(some, entry.config, seen)

    return World(
        series=tuple(series), market=market, features=entry.config.features, compose=compose
    )


def naive_candidates(calibration: CalibrationKind) -> list[Candidate]:
    """The rows that always stand; the one that networks start from calibrated as they are."""
    return [
        Candidate(
            name=name,
            make=BASELINES[name],
            calibration=calibration if name == "ewma_history" else "none",
        )
        for name in DEFAULT_BASELINES
    ]


def dates_of(folds: Sequence[Fold]) -> list[np.datetime64]:
    """Odd dates spread over all that is tested."""
    return odd_dates(np.concatenate([fold.test.cutoffs for fold in folds]))


def refuse_failures(checks: Sequence[Check]) -> None:
    """Raise InternalCheckError for the first check that failed."""
    failure = first_failure(checks)
    if failure is not None:
        raise InternalCheckError(
            f"{failure}: no score of this backtest can be believed",
            fix="forecast backtest --audit, with the same options, names all that leaks",
        )
