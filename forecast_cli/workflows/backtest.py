"""Walk forward over stored bars: what would have been forecast, and what it would have earned."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.config import (
    DEFAULT_SIZES,
    ModelConfig,
    model_config,
)
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import CannotCreateError, UsageError
from forecast_cli.evaluation.calibration import Calibration, CalibrationKind, calibrate
from forecast_cli.evaluation.contest import Contest, contests
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.folds import (
    Fold,
    FoldAudit,
    FoldPlan,
    audit,
    cut_folds,
    single_fold,
)
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.intervals import with_intervals
from forecast_cli.evaluation.losses import Losses, losses_of, naive_error
from forecast_cli.evaluation.risk import RiskScore, risk_scores
from forecast_cli.evaluation.scores import Score, score_losses
from forecast_cli.evaluation.verdict import (
    Standing,
    leader,
    standings,
    verdict,
    verdict_against,
    verdict_of_several,
)
from forecast_cli.evaluation.walk_forward import Candidate, walk_and_measure, walk_forward
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows, concatenate, in_common
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.baselines import ECONOMETRIC, NAIVE, chosen_baselines
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.plugins import plugin_names
from forecast_cli.trading.performance import TradingRow
from forecast_cli.workflows.market import late_covariates, read_market, read_peers
from forecast_cli.workflows.reading import (
    read_series,
    stored_symbols,
    windows_of,
    without_windows,
)
from forecast_cli.workflows.strategies import (
    StrategyRun,
    TradingPlan,
    check_trading,
    earnings_verdict,
    run_strategies,
)

NETWORK_NAMES: Final = tuple(DEFAULT_SIZES)


def network_names() -> tuple[str, ...]:
    """All networks that can be trained here, plug-ins included."""
    return (*NETWORK_NAMES, *plugin_names())


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What was tested on. first and last: dates of the first and last stored bar used.

    survivors_only: a reminder, true for more than one symbol: the store holds the symbols of
    today, and the ones that vanished are not in it. late: what is to be said of covariates that
    shorten what can be tested.
    """

    symbols: tuple[str, ...]
    interval: str
    first: date
    last: date
    n_bars: int
    price_basis: dict[str, str]
    sha256: str
    survivors_only: bool
    skipped: tuple[str, ...]
    late: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult:
    """Everything a backtest found out.

    model: the one tested, or the best of several; config: its own. candidates: the configuration
    of each model tested, in the order asked for. contests: all forecasters at once, by horizon.
    forecasts: out of sample, of the models tested, each in the order of `windows`, whose targets
    are what came. losses: what is kept of every forecaster's, the naive rows' too. n_tried:
    different trials on these symbols that the ledger knows, this one included. risk: of the model;
    empty without ranges.
    """

    model: str
    config: ModelConfig
    candidates: Mapping[str, ModelConfig]
    plan: FoldPlan
    trading_plan: TradingPlan
    data: DataSummary
    folds: tuple[FoldAudit, ...]
    scores: tuple[Score, ...]
    contests: tuple[Contest, ...]
    risk: tuple[RiskScore, ...]
    strategies: tuple[StrategyRun, ...]
    windows: Windows
    forecasts: Mapping[str, Forecasts]
    losses: Mapping[str, Losses]
    n_tried: int = 1

    @property
    def trading(self) -> tuple[TradingRow, ...]:
        """The performance figures, strategy by strategy."""
        return tuple(run.performance for run in self.strategies)

    @property
    def by_direction(self) -> bool:
        """Whether the models are judged by P(up): where none of them forecasts the return."""
        return judged_by_direction(self.candidates.values())

    @property
    def verdict(self) -> str:
        """What the scores say: a sentence, and a line, per horizon; of positions, their worth."""
        if self.config.objective == "sharpe":
            return earnings_verdict(self.strategies[0], self.trading_plan.terms.trade_bps)
        by_direction = self.by_direction
        if len(self.candidates) == 1:
            lines = [verdict(row, by_direction=by_direction) for row in self.model_scores]
        else:
            lines = [
                verdict_of_several(rows, contest, by_direction=by_direction)
                for rows, contest in self._by_horizon()
            ]
        references = dict.fromkeys(score.forecaster for score in self.scores if score.reference)
        lines += [
            verdict_against(score, row, by_direction=by_direction)
            for row in references
            for score in self.model_scores
        ]
        return "\n".join(lines)

    @property
    def model_scores(self) -> tuple[Score, ...]:
        """The model's own rows, one per horizon."""
        return tuple(score for score in self.scores if score.forecaster == self.model)

    @property
    def leaderboard(self) -> dict[int, list[Standing]]:
        """The places of the tested models by horizon, best first."""
        return {
            rows[0].horizon: standings(rows, contest, by_direction=self.by_direction)
            for rows, contest in self._by_horizon()
        }

    def _by_horizon(self) -> Iterator[tuple[list[Score], Contest | None]]:
        """The tested models' rows at each horizon, and its contest."""
        contests = {contest.horizon: contest for contest in self.contests}
        for horizon in self.windows.horizons:
            rows = [row for row in self.scores if row.horizon == horizon]
            models = [row for row in rows if row.forecaster in self.candidates]
            yield models, contests.get(horizon)


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
    earlier run has finished; False computes all anew.
    """
    rows = chosen_baselines(baselines)
    trading = trading or TradingPlan()
    if options.get("objective") == "sharpe":
        options["cost_bps"] = trading.terms.trade_bps
    names = (model,) if isinstance(model, str) else tuple(dict.fromkeys(model))
    entries = _entries(names, home, interval, plan, options, calibration=calibration)
    store = BarStore(home)
    series = read_series(store, stored_symbols(store, symbols, interval), interval)
    check_trading(trading, [bars.symbol for bars in series])
    plan = plan or FoldPlan()
    markets = [_market(store, entry, series) for entry in entries]
    windows = in_common(
        [windows_of(series, e.config, market) for e, market in zip(entries, markets, strict=True)]
    )
    folds = [_folds(windows_of_one, entries, plan) for windows_of_one in windows]
    cache = FoldCache(home, anew=not use_cache)
    cache.forget_unused()
    forecasts = _forecast_all(entries, folds, n_processes, cache, on_fold)
    tested = concatenate([fold.test for fold in folds[0]])
    losses = {name: losses_of(made, tested) for name, made in forecasts.items()}
    for name, make in rows.items():
        identity = name if name in ECONOMETRIC else None
        candidate = Candidate(name=name, make=make, identity=identity)
        losses[name] = walk_and_measure(candidate, folds[0], cache=cache)
    candidates = {entry.candidate.name: entry.config for entry in entries}
    n_tried = _count_trials(home, series, candidates.values(), plan)
    by_direction = judged_by_direction(candidates.values())
    naive = tuple(name for name in rows if name in NAIVE)
    reference = tuple(name for name in rows if name in ECONOMETRIC)
    scores = score_losses(
        losses,
        tested,
        naive=naive,
        reference=reference,
        naive_error=np.concatenate(
            [naive_error(fold.history.train, fold.test) for fold in folds[0]]
        ),
    )
    best = leader(scores, by_direction=by_direction)
    return BacktestResult(
        model=best,
        config=candidates[best],
        candidates=candidates,
        plan=plan,
        trading_plan=trading,
        data=_summarize(series, windows[0], _late(entries, markets, series)),
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
    )


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


def judged_by_direction(configs: Iterable[ModelConfig]) -> bool:
    """Whether models are compared by P(up): where none of them forecasts the return."""
    return all(config.objective == "logloss" for config in configs)


class TrainedModel:
    """A trained model with its calibration, as a Forecaster that is never fitted again."""

    def __init__(self, home: Path, name: str) -> None:
        self._onnx = OnnxForecaster(ModelStore(home).open(name))

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing: it is tested as it stands."""

    def predict(self, windows: Windows) -> Forecasts:
        """Calibrated forecasts, the ones `forecast predict` gives."""
        manifest = self._onnx.manifest
        calibration = Calibration(stretch=manifest.stretch, p_up=manifest.p_up)
        return calibrate(self._onnx.predict(windows), calibration)


@lru_cache(maxsize=1)
def _network(config: ModelConfig) -> Forecaster:
    """One compiled network per process, fitted afresh in each fold."""
    # Keras takes seconds to import: only here, where a network is about to be trained
    from forecast_cli.models.keras_forecaster import KerasForecaster  # noqa: PLC0415

    return KerasForecaster(config)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A model under test.

    known_until: date up to which a trained model knew; None: a network. peers: symbols that a
    trained model learnt from.
    """

    candidate: Candidate
    config: ModelConfig
    known_until: np.datetime64 | None = None
    peers: tuple[str, ...] = ()


def _entries(
    names: Sequence[str],
    home: Path,
    interval: str,
    plan: FoldPlan | None,
    options: Mapping[str, object],
    *,
    calibration: CalibrationKind,
) -> list[_Entry]:
    """The models asked for; UsageError where they cannot be tested, or not beside each other."""
    networks = [name for name in names if name in network_names()]
    if networks and len(networks) < len(names):
        raise UsageError(
            f"{networks[0]!r} is refitted in every fold, a trained model is tested as it stands:"
            " they cannot be compared on the same windows",
            fix="test networks in one run, trained models in another",
        )
    if networks:
        return [_network_entry(name, options, calibration) for name in names]
    entries = [_trained(name, home, interval, plan, options) for name in names]
    for entry in entries:
        if entry.config.horizons != entries[0].config.horizons:
            raise UsageError(
                f"{entry.candidate.name!r} forecasts {entry.config.horizons} bars ahead,"
                f" {names[0]!r} {entries[0].config.horizons}: there is nothing to compare",
                fix="compare models that were trained with the same --horizon",
            )
    return entries


def _network_entry(
    name: str, options: Mapping[str, object], calibration: CalibrationKind
) -> _Entry:
    config = model_config(name, **options)
    return _Entry(
        candidate=Candidate(
            name=name,
            make=partial(_network, config),
            calibration=calibration,
            identity=config.model_dump_json(),
        ),
        config=config,
    )


def _trained(
    name: str, home: Path, interval: str, plan: FoldPlan | None, options: Mapping[str, object]
) -> _Entry:
    models = ModelStore(home)
    if name not in models.names():
        raise UsageError(
            f"{name!r} is neither a network nor a trained model",
            fix=f"choose from {', '.join((*network_names(), *models.names()))}",
        )
    if plan is not None or any(value is not None for value in options.values()):
        raise UsageError(
            f"{name!r} is a trained model, tested as it stands: it takes no folds and no options",
            fix=f"leave them out, or test a network: {', '.join(network_names())}",
        )
    manifest = models.open(name).manifest
    if manifest.interval != interval:
        raise UsageError(f"{name!r} was trained on {manifest.interval} bars, not {interval}")
    return _Entry(
        candidate=Candidate(name=name, make=partial(TrainedModel, home, name)),
        config=manifest.config,
        known_until=np.datetime64(manifest.known_until),
        peers=manifest.symbols,
    )


def _folds(windows: Windows, entries: Sequence[_Entry], plan: FoldPlan) -> list[Fold]:
    """The folds of networks; the one fold behind everything that any trained model knew."""
    known = [entry.known_until for entry in entries if entry.known_until is not None]
    return [single_fold(windows, max(known))] if known else list(cut_folds(windows, plan))


def _market(store: BarStore, entry: _Entry, series: Sequence[Bars]) -> Market:
    """What a model sees besides the series: its peers are those it learns from."""
    peers = read_peers(store, entry.config, entry.peers, series[0].interval) or series
    return read_market(store, entry.config, series, peers=peers)


def _late(
    entries: Sequence[_Entry], markets: Sequence[Market], series: Sequence[Bars]
) -> tuple[str, ...]:
    said = [
        sentence
        for entry, market in zip(entries, markets, strict=True)
        for sentence in late_covariates(market, series, entry.config)
    ]
    return tuple(dict.fromkeys(said))


def _forecast_all(
    entries: Sequence[_Entry],
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


def _summarize(series: Sequence[Bars], windows: Windows, late: tuple[str, ...]) -> DataSummary:
    return DataSummary(
        symbols=tuple(bars.symbol for bars in series),
        interval=series[0].interval,
        first=min(bars.timestamp[0] for bars in series).item(),
        last=max(bars.timestamp[-1] for bars in series).item(),
        n_bars=sum(map(len, series)),
        price_basis={bars.symbol: bars.price_basis for bars in series},
        sha256=data_hash(series),
        survivors_only=len(series) > 1,
        skipped=without_windows(windows),
        late=late,
    )
