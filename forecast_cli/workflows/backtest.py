"""Walk forward over stored bars: what would have been forecast, and what it would have earned."""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from forecast_cli.config import (
    ModelConfig,
)
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import CannotCreateError
from forecast_cli.evaluation.calibration import CalibrationKind
from forecast_cli.evaluation.contest import contests
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.folds import (
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
from forecast_cli.evaluation.scores import score_losses
from forecast_cli.evaluation.verdict import (
    leader,
)
from forecast_cli.evaluation.walk_forward import Candidate, walk_and_measure, walk_forward
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows, concatenate, in_common
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import ECONOMETRIC, NAIVE, chosen_baselines
from forecast_cli.workflows.backtest_result import (
    BacktestResult,
    judged_by_direction,
    summarize,
)
from forecast_cli.workflows.canaries import run_canaries
from forecast_cli.workflows.entries import Entry, entries_of
from forecast_cli.workflows.market import late_covariates, read_market, read_peers
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


def backtest(
    symbols: Sequence[str],
    *,
    model: str | Sequence[str],
    home: Path,
    interval: str = "1d",
    plan: FoldPlan | None = None,
    trading: TradingPlan | None = None,
    baselines: Sequence[str] = (),
    calibration: CalibrationKind = "fixed",
    use_cache: bool = True,
    canaries: bool = True,
    n_processes: int = 1,
    on_fold: Callable[[int], None] = lambda _: None,
    **options: object,
) -> BacktestResult:
    """Test models against the naive rows and each other, out of sample.

    model: networks or a plug-in's, refitted in every fold; or names of trained models, tested as
    they stand on what came after the last one's training data. options: fields of ModelConfig, for
    networks only. Several models are fitted and tested on the windows that all of them have.
    trading: how to trade the forecasts; an objective that trades learns by its costs. baselines:
    names of rows beside the naive ones that always stand. calibration: of networks, "fixed" as
    `predict` has it; a trained model keeps its own. use_cache: take the forecasts of folds that an
    earlier run has finished; False computes all anew. canaries: look for look-ahead first; raises
    InternalCheckError where there is any.
    """
    rows = chosen_baselines(baselines)
    trading = trading or TradingPlan()
    if options.get("objective") == "sharpe":
        options["cost_bps"] = trading.terms.trade_bps
    names = (model,) if isinstance(model, str) else tuple(dict.fromkeys(model))
    entries = entries_of(names, home, interval, plan, options, calibration=calibration)
    store = BarStore(home)
    series = read_series(store, stored_symbols(store, symbols, interval), interval)
    check_trading(trading, [bars.symbol for bars in series])
    plan = plan or FoldPlan()
    markets = [market_of(store, entry, series) for entry in entries]
    windows = in_common(
        [windows_of(series, e.config, market) for e, market in zip(entries, markets, strict=True)]
    )
    folds = [folds_of(windows_of_one, entries, plan) for windows_of_one in windows]
    cache = FoldCache(home, anew=not use_cache)
    cache.forget_unused()
    tested = concatenate([fold.test for fold in folds[0]])
    said = remarks(series, tested)
    checks = (
        run_canaries(series, entries, markets, partial(folds_of, entries=entries, plan=plan))
        if canaries
        else ()
    )
    forecasts = _forecast_all(entries, folds, n_processes, cache, on_fold)
    losses = {name: losses_of(made, tested) for name, made in forecasts.items()}
    losses |= _losses_beside(rows, folds[0], cache)
    candidates = {entry.candidate.name: entry.config for entry in entries}
    n_tried = _count_trials(home, series, candidates.values(), plan)
    by_direction = judged_by_direction(candidates.values())
    naive = tuple(name for name in rows if name in NAIVE)
    reference = tuple(name for name in rows if name in ECONOMETRIC)
    yardstick = np.concatenate([naive_error(fold.history.train, fold.test) for fold in folds[0]])
    scores = score_losses(losses, tested, naive=naive, reference=reference, naive_error=yardstick)
    best = leader(scores, by_direction=by_direction)
    return BacktestResult(
        model=best,
        config=candidates[best],
        candidates=candidates,
        plan=plan,
        trading_plan=trading,
        data=summarize(series, windows[0], _late(entries, markets, series), said),
        folds=tuple(audit(fold) for fold in folds[0]),
        scores=tuple(with_intervals(scores, losses, tested)),
        contests=tuple(
            contests(losses, tested, naive=naive, reference=reference, by_direction=by_direction)
        ),
        risk=tuple(risk_scores(forecasts[best], tested)),
        strategies=tuple(run_strategies(best, forecasts[best], series, trading, n_trials=n_tried)),
        windows=tested,
        forecasts=forecasts,
        losses=losses,
        n_tried=n_tried,
        canaries=checks,
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
    home: Path, series: Sequence[Bars], configs: Iterable[ModelConfig], plan: FoldPlan
) -> int:
    """Put what is tested here into the trial ledger; how many trials these symbols have seen.

    A home that is read-only may be tested all the same; what was tested there is not remembered.
    """
    ledger, symbols, interval = TrialLedger(home), [s.symbol for s in series], series[0].interval
    sha256 = data_hash(series)
    for config in configs:
        tried = {"config": config.model_dump(mode="json"), "plan": asdict(plan)}
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


def _late(
    entries: Sequence[Entry], markets: Sequence[Market], series: Sequence[Bars]
) -> tuple[str, ...]:
    said = [
        sentence
        for entry, market in zip(entries, markets, strict=True)
        for sentence in late_covariates(market, series, entry.config)
    ]
    return tuple(dict.fromkeys(said))


def _forecast_all(
    entries: Sequence[Entry],
    folds: Sequence[Sequence[Fold]],
    n_processes: int,
    cache: FoldCache,
    on_fold: Callable[[int], None],
) -> dict[str, Forecasts]:
    """The models' forecasts, one after another; on_fold counts the folds of all."""
    forecasts: dict[str, Forecasts] = {}
    done = count(1)
    for entry, cut in zip(entries, folds, strict=True):
        forecasts[entry.candidate.name] = walk_forward(
            entry.candidate,
            cut,
            n_processes=n_processes,
            cache=cache,
            on_fold=lambda _: on_fold(next(done)),
        )
    return forecasts
