"""Score the forecasts of the ledger by what came, with the backtest's own scores.

`outcomes` says which of them count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.arrays import IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.data.sessions import Calendar
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ForecastError
from forecast_cli.evaluation.cusum import Cusum, cusum
from forecast_cli.evaluation.drift import Drift, drift
from forecast_cli.evaluation.folds import known_at
from forecast_cli.evaluation.losses import RANGE_LEVELS, losses_of
from forecast_cli.evaluation.scores import Score, score_all
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.baselines import chosen_baselines
from forecast_cli.models.manifest import Manifest
from forecast_cli.schema import DAILY
from forecast_cli.symbols import parse_symbols
from forecast_cli.workflows.conditions import Condition, failures, measures
from forecast_cli.workflows.market import read_market, read_peers
from forecast_cli.workflows.outcomes import calendar_of, outcomes
from forecast_cli.workflows.reading import read_series

_RECENT: Final = 120
"""Sessions whose inputs are compared with those of training."""


@dataclass(frozen=True, kw_only=True)
class LiveScore:
    """A model at one horizon. score, naive: None and empty while nothing can be scored.

    n_scored, n_pending: forecasts whose target has come and has not; next_target: the date of the
    first one to come. n_gone: of cutoffs whose bar is no longer stored. n_backfilled: made after
    their target's close, and scored only if that was asked for. n_repeated: later forecasts of a
    cutoff that had one.
    """

    model: str
    horizon: int
    n_scored: int
    n_pending: int
    next_target: date | None
    n_gone: int
    n_backfilled: int
    n_repeated: int
    score: Score | None = None
    naive: tuple[Score, ...] = ()
    cusum: Cusum | None = None


@dataclass(frozen=True, kw_only=True)
class ModelDrift:
    """The inputs of a model in its last sessions. unknown: why they cannot be compared."""

    model: str
    drifts: tuple[Drift, ...] = ()
    unknown: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreResult:
    """rows: by model, then horizon. drifts: by model. Both empty where the ledger has nothing.

    alarms: a sentence for each condition that a row meets.
    """

    rows: tuple[LiveScore, ...] = ()
    drifts: tuple[ModelDrift, ...] = ()
    alarms: tuple[str, ...] = ()


def score(
    symbols: Sequence[str],
    *,
    home: Path,
    model: str | None = None,
    since: date | None = None,
    horizons: Sequence[int] = (),
    backfilled: bool = False,
    fail_if: Sequence[Condition] = (),
    at_least: int = 30,
) -> ScoreResult:
    """Score what the ledger holds, model by model and horizon by horizon.

    symbols, horizons: empty for all that were forecast. since: only cutoffs on this date or after
    it. backfilled: also score what was forecast after the fact. fail_if: what raises an alarm in a
    row of at least so many scored forecasts. Raises BadDataError for a damaged
    ledger or series, and where no history lies before the first scored cutoff; MissingInputError
    where a symbol's bars or its calendar are gone.
    """
    wanted = set(parse_symbols(symbols))
    entries = [
        entry
        for entry in Ledger(home).read(since=since, model=model)
        if (not wanted or entry.symbol in wanted) and (not horizons or entry.horizon in horizons)
    ]
    if not entries:
        return ScoreResult()
    store = BarStore(home)
    series = {bars.symbol: bars for bars in _series(store, entries)}
    calendars = {symbol: calendar_of(store, symbol) for symbol in series}
    ordered = sorted(entries, key=lambda entry: (entry.model, entry.horizon))  # stable: by time
    rows = [
        _score(list(group), series, calendars, backfilled=backfilled)
        for _, group in groupby(ordered, key=lambda entry: (entry.model, entry.horizon))
    ]
    drifts = [
        _drift_of(name, list(group), store, series)
        for name, group in groupby(ordered, key=lambda entry: entry.model)
    ]
    of_model = {of.model: of for of in drifts}
    measured = [measures(row, of_model[row.model]) for row in rows]
    alarms = failures(measured, fail_if, at_least=at_least)
    return ScoreResult(rows=tuple(rows), drifts=tuple(drifts), alarms=tuple(alarms))


def _series(store: BarStore, entries: Iterable[Entry]) -> list[Bars]:
    return read_series(store, sorted({entry.symbol for entry in entries}), DAILY)


def _score(
    entries: Sequence[Entry],
    series: dict[str, Bars],
    calendars: dict[str, Calendar],
    *,
    backfilled: bool,
) -> LiveScore:
    """Score the forecasts of one model at one horizon, in the order in which they were made."""
    found = outcomes(entries, series, calendars, backfilled=backfilled)
    result = LiveScore(
        model=entries[0].model,
        horizon=entries[0].horizon,
        n_scored=len(found.known),
        n_pending=len(found.pending),
        next_target=min((entry.target_date for entry in found.pending), default=None),
        n_gone=found.n_gone,
        n_backfilled=found.n_backfilled,
        n_repeated=found.n_repeated,
    )
    return _with_scores(result, found.known, found.windows) if found.known else result


def _with_scores(result: LiveScore, rows: dict[int, Entry], windows: Windows) -> LiveScore:
    """Put the scores beside the counts. rows: the scored forecasts, by their windows."""
    tested: IntArray1D = np.array(sorted(rows), dtype=np.int64)
    tested = tested[np.argsort(windows.cutoffs[tested], kind="stable")]
    came = windows.take(tested)
    made = {result.model: forecasts_of([rows[row] for row in tested.tolist()])}
    history = known_at(windows, came.cutoffs[0])
    if not len(history):
        raise BadDataError(
            f"no target was known at {came.cutoffs[0]}, so that there is no naive forecast to"
            " compare with",
            fix="fetch more history",
        )
    naive = chosen_baselines(())
    naive.pop(result.model, None)
    for name, make in naive.items():
        forecaster = make()
        forecaster.fit(history, history)
        made[name] = forecaster.predict(came)
    scored = score_all(made, came, naive=list(naive))
    inside = losses_of(made[result.model], came).inside[:, 0, RANGE_LEVELS.index(0.9)]
    return replace(
        result,
        score=scored[0],
        naive=tuple(scored[1:]),
        cusum=cusum(1 - inside, came.cutoffs, came.known_from),
    )


def forecasts_of(entries: Sequence[Entry]) -> Forecasts:
    """Recorded forecasts of one horizon in the form that the scores take."""
    return Forecasts(
        symbols=np.array([entry.symbol for entry in entries]),
        cutoffs=np.array([entry.cutoff for entry in entries], dtype="datetime64[D]"),
        horizons=(entries[0].horizon,),
        quantiles=np.stack([entry.quantiles for entry in entries])[:, None],
        point=np.array([[entry.point_return] for entry in entries]),
        p_up=np.array([[entry.p_up] for entry in entries]),
    )


def _drift_of(
    name: str, entries: Sequence[Entry], store: BarStore, series: dict[str, Bars]
) -> ModelDrift:
    """Compare what a model sees now with what it learnt from."""
    newest = max(entries, key=lambda entry: entry.made_at).model_version
    try:
        manifest = ModelStore(store.home).open(name).manifest
        if manifest.version != newest:
            return ModelDrift(
                model=name,
                unknown=f"version {newest} is no longer in use; {manifest.version} has not forecast"
                " yet",
            )
        if not manifest.inputs:
            return ModelDrift(
                model=name, unknown="it was trained before training inputs were kept: train again"
            )
        chosen = [series[symbol] for symbol in sorted({entry.symbol for entry in entries})]
        return ModelDrift(model=name, drifts=_drifts(manifest, chosen, store))
    except ForecastError as error:
        return ModelDrift(model=name, unknown=error.message)


def _drifts(manifest: Manifest, series: Sequence[Bars], store: BarStore) -> tuple[Drift, ...]:
    config = manifest.config
    peers = read_peers(store, config, manifest.symbols, manifest.interval)
    windows = build_windows(
        series,
        horizons=config.horizons,
        lookback=config.lookback,
        features=config.features,
        market=read_market(store, config, series, peers=peers),
    )
    recent = windows.take(np.isin(windows.cutoffs, np.unique(windows.cutoffs)[-_RECENT:]))
    inputs = recent.features[recent.rows].astype(np.float64)
    return tuple(
        drift(feature, np.array(learnt), inputs[:, column])
        for column, (feature, learnt) in enumerate(
            zip(config.features, manifest.inputs, strict=True)
        )
    )
