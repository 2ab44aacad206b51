"""Walk forward over stored bars: what would have been forecast, and what it would have earned."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.locks import Lock, LockBook
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import CannotCreateError
from forecast_cli.evaluation.calibration import CalibrationKind
from forecast_cli.evaluation.contest import Contest, contests
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.folds import (
    CombinatorialPlan,
    Fold,
    FoldPlan,
    audit,
    cut_folds,
    single_fold,
)
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.intervals import with_intervals
from forecast_cli.evaluation.losses import Losses, losses_of, naive_error
from forecast_cli.evaluation.risk import risk_scores
from forecast_cli.evaluation.scores import Score, score_losses
from forecast_cli.evaluation.verdict import (
    leader,
)
from forecast_cli.evaluation.walk_forward import Candidate, walk_and_measure, walk_forward
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows, concatenate, in_common
from forecast_cli.findings import DEFAULT_POLICIES, Policies
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import ECONOMETRIC, NAIVE, chosen_baselines
from forecast_cli.workflows.backtest_result import (
    BacktestResult,
    judged_by_direction,
    summarize,
)
from forecast_cli.workflows.canaries import run_canaries
from forecast_cli.workflows.data import problems_of
from forecast_cli.workflows.entries import Entry, entries_of
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.market import late_covariates, read_market, read_peers
from forecast_cli.workflows.overfitting import (
    check_cross_validation,
    choice,
    cross_validate,
)
from forecast_cli.workflows.reading import (
    read_series,
    stored_symbols,
    windows_of,
)
from forecast_cli.workflows.remarks import remarks
from forecast_cli.workflows.strategies import (
    TradingPlan,
    check_trading,
    run_strategies,
)
from forecast_cli.workflows.warm_start import Metered, check_warm_start, cold_and_warm


def backtest(
    symbols: Sequence[str],
    *,
    model: str | Sequence[str],
    home: Path,
    interval: str = "1d",
    plan: FoldPlan | None = None,
    cross_validation: CombinatorialPlan | None = None,
    lock_test: date | None = None,
    open_lock: bool = False,
    trading: TradingPlan | None = None,
    baselines: Sequence[str] = (),
    calibration: CalibrationKind = "fixed",
    policies: Policies = DEFAULT_POLICIES,
    use_cache: bool = True,
    canaries: bool = True,
    warm_start: bool = False,
    n_processes: int = 1,
    on_fold: Callable[[int], None] = lambda _: None,
    **options: object,
) -> BacktestResult:
    """Test models against the naive rows and each other, out of sample.

    model: networks or a plug-in's, refitted in every fold; or names of trained models, tested as
    they stand on what came after the last one's training data. options: fields of ModelConfig, for
    networks only. Several models are fitted and tested on the windows that all of them have.
    cross_validation: estimate overfitting by this, too. lock_test: lock the bars from this day on;
    bars that are locked are not used, unless open_lock has it remembered that they were.
    trading: how to trade the forecasts; an objective that trades learns by its costs. baselines:
    names of rows beside the naive ones that always stand. calibration: of networks, "fixed" as
    `predict` has it; a trained model keeps its own. policies: what is worth saying of the bars.
    use_cache: take the forecasts of folds that an earlier run has finished; False computes all
    anew. canaries: look for look-ahead first; raises InternalCheckError where there is any.
    warm_start: test each network twice, once starting each fold from the fold before, and measure
    what both take.
    """
    rows = chosen_baselines(baselines)
    trading = trading or TradingPlan()
    if options.get("objective") == "sharpe":
        options["cost_bps"] = trading.terms.trade_bps
    names = (model,) if isinstance(model, str) else tuple(dict.fromkeys(model))
    entries = entries_of(names, home, interval, plan, options, calibration=calibration)
    meters: list[Metered] = []
    if warm_start:
        check_warm_start(entries, n_processes=n_processes, cross_validated=bool(cross_validation))
        entries, meters = cold_and_warm(entries)
    if cross_validation:
        check_cross_validation(entries)
    series, lock = _series(home, symbols, interval, lock_test, open_lock=open_lock)
    check_trading(trading, [bars.symbol for bars in series])
    plan = plan or FoldPlan()
    test = _cut(home, entries, series, plan)
    said = remarks(series, test.tested)  # prices that never move are refused before any work
    checks = run_canaries(series, entries, test.markets, test.cut) if canaries else ()
    cache = FoldCache(home, anew=not use_cache)
    cache.forget_unused()
    done = count(1)

    def told(_: int) -> None:
        on_fold(next(done))

    forecasts = _forecast_all(test, n_processes, cache, told)
    validated = None
    if cross_validation:
        validated = cross_validate(
            *(entries, test.windows, series, trading, cross_validation),
            n_processes=n_processes,
            cache=cache,
            on_fold=told,
        )
    losses = {name: losses_of(made, test.tested) for name, made in forecasts.items()}
    losses |= _losses_beside(rows, test.folds[0], cache)
    judged = _judge(test, losses)
    n_tried = _count_trials(home, series, entries, plan)
    best = leader(judged.scores, by_direction=judged.by_direction)
    return BacktestResult(
        model=best,
        config=judged.candidates[best],
        candidates=judged.candidates,
        plan=plan,
        trading_plan=trading,
        data=summarize(
            series,
            test.windows[0],
            late=_late(test),
            findings=problems_of(series, home=home, policies=policies),
            remarks=said,
        ),
        folds=tuple(audit(fold) for fold in test.folds[0]),
        scores=judged.scores,
        contests=judged.contests,
        risk=tuple(risk_scores(forecasts[best], test.tested)),
        strategies=tuple(run_strategies(best, forecasts[best], series, trading, n_trials=n_tried)),
        selection=choice(forecasts, series, trading),
        cross_validation=validated,
        windows=test.tested,
        forecasts=forecasts,
        losses=losses,
        n_tried=n_tried,
        canaries=checks,
        n_kept=cache.n_taken,
        lock=lock,
        costs=tuple(meter.cost for meter in meters),
    )


def _series(
    home: Path, symbols: Sequence[str], interval: str, lock_test: date | None, *, open_lock: bool
) -> tuple[list[Bars], Lock | None]:
    """The series that may be tested, and the lock on a final period of them."""
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    if lock_test:
        n_before = TrialLedger(home).count(chosen, interval)
        LockBook(home).lock(chosen, interval, lock_test, n_tried=n_before)
    allowed = access(home, chosen, interval, open_lock=open_lock)
    return read_series(store, chosen, interval, until=allowed.until), allowed.lock


@dataclass(frozen=True, kw_only=True, eq=False)
class _Test:
    """What is tested: per entry its market, its windows and their folds.

    tested: the windows of all test parts, the same bars for every entry.
    """

    entries: Sequence[Entry]
    series: Sequence[Bars]
    markets: Sequence[Market]
    windows: Sequence[Windows]
    folds: Sequence[Sequence[Fold]]
    tested: Windows
    cut: Callable[[Windows], list[Fold]]


def _cut(home: Path, entries: Sequence[Entry], series: Sequence[Bars], plan: FoldPlan) -> _Test:
    """Cut the windows that all entries have into folds."""
    markets = [market_of(BarStore(home), entry, series) for entry in entries]
    windows = in_common(
        [windows_of(series, e.config, market) for e, market in zip(entries, markets, strict=True)]
    )
    cut = partial(folds_of, entries=entries, plan=plan)
    folds = [cut(windows_of_one) for windows_of_one in windows]
    return _Test(
        entries=entries,
        series=series,
        markets=markets,
        windows=windows,
        folds=folds,
        tested=concatenate([fold.test for fold in folds[0]]),
        cut=cut,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judged:
    """What the losses say. by_direction: whether by P(up), not by the range."""

    candidates: Mapping[str, ModelConfig]
    by_direction: bool
    scores: tuple[Score, ...]
    contests: tuple[Contest, ...]


def _judge(test: _Test, losses: Mapping[str, Losses]) -> _Judged:
    """Scores with intervals, and the contests of all forecasters."""
    candidates = {entry.candidate.name: entry.config for entry in test.entries}
    by_direction = judged_by_direction(candidates.values())
    naive = tuple(name for name in losses if name in NAIVE)
    reference = tuple(name for name in losses if name in ECONOMETRIC)
    yardstick = [naive_error(fold.history.train, fold.test) for fold in test.folds[0]]
    scores = score_losses(
        losses,
        test.tested,
        naive=naive,
        reference=reference,
        naive_error=np.concatenate(yardstick),
    )
    held = contests(
        losses, test.tested, naive=naive, reference=reference, by_direction=by_direction
    )
    return _Judged(
        candidates=candidates,
        by_direction=by_direction,
        scores=tuple(with_intervals(scores, losses, test.tested)),
        contests=tuple(held),
    )


def _losses_beside(
    rows: Mapping[str, Callable[[], Forecaster]], folds: Sequence[Fold], cache: FoldCache
) -> dict[str, Losses]:
    """What is kept of the rows beside the models; only the slow ones are worth a cache."""
    return {
        name: walk_and_measure(
            Candidate(name=name, make=make, identity=name if name in ECONOMETRIC else None),
            folds,
            cache=cache,
        )
        for name, make in rows.items()
    }


def _count_trials(
    home: Path, series: Sequence[Bars], entries: Iterable[Entry], plan: FoldPlan
) -> int:
    """Put what is tested here into the trial ledger; how many trials these symbols have seen.

    A home that is read-only may be tested all the same; what was tested there is not remembered.
    """
    ledger, symbols, interval = TrialLedger(home), [s.symbol for s in series], series[0].interval
    sha256 = data_hash(series)
    for entry in entries:
        tried: dict[str, Any] = {"config": entry.config.model_dump(mode="json")}
        tried |= {"plan": asdict(plan)} | ({"warm_start": True} if entry.warm_start else {})
        with contextlib.suppress(CannotCreateError):
            ledger.record(symbols, interval, command="backtest", tried=tried, data_sha256=sha256)
    return max(ledger.count(symbols, interval), 1)


def folds_of(windows: Windows, entries: Sequence[Entry], plan: FoldPlan) -> list[Fold]:
    """The folds of networks; the one fold behind everything that any trained model knew."""
    known = [entry.known_until for entry in entries if entry.known_until is not None]
    return [single_fold(windows, max(known))] if known else list(cut_folds(windows, plan))


def market_of(store: BarStore, entry: Entry, series: Sequence[Bars]) -> Market:
    """What a model sees besides the series: its peers are those it learns from."""
    peers = read_peers(store, entry.config, entry.peers, series[0].interval) or series
    return read_market(store, entry.config, series, peers=peers)


def _late(test: _Test) -> tuple[str, ...]:
    said = [
        sentence
        for entry, market in zip(test.entries, test.markets, strict=True)
        for sentence in late_covariates(market, test.series, entry.config)
    ]
    return tuple(dict.fromkeys(said))


def _forecast_all(
    test: _Test, n_processes: int, cache: FoldCache, on_fold: Callable[[int], None]
) -> dict[str, Forecasts]:
    """The models' forecasts, one after another; on_fold is told of each fold of each."""
    return {
        entry.candidate.name: walk_forward(
            entry.candidate, folds, n_processes=n_processes, cache=cache, on_fold=on_fold
        )
        for entry, folds in zip(test.entries, test.folds, strict=True)
    }
