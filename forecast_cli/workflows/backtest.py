"""Walk forward over stored bars: what would have been forecast, and what it would have earned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.config import (
    DEFAULT_COST_BPS,
    DEFAULT_SIZES,
    ModelConfig,
    model_config,
)
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.calibration import Calibration, calibrate
from forecast_cli.evaluation.folds import (
    Fold,
    FoldAudit,
    FoldPlan,
    audit,
    cut_folds,
    single_fold,
)
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.scores import Score, score_all, verdict
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.baselines import BASELINES
from forecast_cli.models.manifest import Manifest
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.plugins import plugin_names
from forecast_cli.trading.performance import TradingRow
from forecast_cli.workflows.reading import (
    read_series,
    stored_symbols,
    windows_of,
    without_windows,
)
from forecast_cli.workflows.strategies import StrategyRun, earnings_verdict, run_strategies

NETWORK_NAMES: Final = tuple(DEFAULT_SIZES)


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What was tested on. first and last: dates of the first and last stored bar used.

    survivors_only: a reminder, true for more than one symbol: the store holds the symbols of
    today, and the ones that vanished are not in it.
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


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult:
    """Everything a backtest found out.

    config: of the model tested. forecasts: out of sample, by forecaster, the model first, each in
    the order of `windows`, whose targets are what came.
    """

    model: str
    config: ModelConfig
    plan: FoldPlan
    cost_bps: float
    data: DataSummary
    folds: tuple[FoldAudit, ...]
    scores: tuple[Score, ...]
    strategies: tuple[StrategyRun, ...]
    windows: Windows
    forecasts: Mapping[str, Forecasts]

    @property
    def trading(self) -> tuple[TradingRow, ...]:
        """The performance figures, strategy by strategy."""
        return tuple(run.performance for run in self.strategies)

    @property
    def verdict(self) -> str:
        """What the scores say: a sentence, and a line, per horizon; of positions, their worth."""
        if self.config.objective == "sharpe":
            return earnings_verdict(self.strategies[0], self.cost_bps)
        by_direction = self.config.objective == "logloss"
        return "\n".join(verdict(score, by_direction=by_direction) for score in self.model_scores)

    @property
    def model_scores(self) -> tuple[Score, ...]:
        """The tested model's own rows, one per horizon."""
        return tuple(score for score in self.scores if score.forecaster == self.model)


def backtest(
    symbols: Sequence[str],
    *,
    model: str,
    home: Path,
    interval: str = "1d",
    plan: FoldPlan | None = None,
    cost_bps: float = DEFAULT_COST_BPS,
    n_processes: int = 1,
    on_fold: Callable[[int], None] = lambda _: None,
    **options: object,
) -> BacktestResult:
    """Test a model against the naive rows, out of sample.

    model: one of the six networks or a plug-in's, refitted in every fold; or the name of a trained
    model, tested as it stands on what came after its training data. options: fields of ModelConfig,
    for networks only. cost_bps: cost of a trade in hundredths of a per cent of the money moved, for
    the account and for an objective that trades.
    """
    store = BarStore(home)
    series = read_series(store, stored_symbols(store, symbols, interval), interval)
    if model in (*NETWORK_NAMES, *plugin_names()):
        if options.get("objective") == "sharpe":
            options["cost_bps"] = cost_bps
        config = model_config(model, **options)
        candidate = Candidate(name=model, make=partial(_network, config), calibrated=True)
        manifest = None
    else:
        manifest = _trained(model, home, interval, plan, options)
        config = manifest.config
        candidate = Candidate(name=model, make=partial(TrainedModel, home, model))
    windows = windows_of(series, config)
    plan = plan or FoldPlan()
    folds = (
        list(cut_folds(windows, plan))
        if manifest is None
        else [single_fold(windows, np.datetime64(manifest.known_until))]
    )
    forecasts = _forecast_all(candidate, folds, n_processes, on_fold)
    tested = concatenate([fold.test for fold in folds])
    return BacktestResult(
        model=model,
        config=config,
        plan=plan,
        cost_bps=cost_bps,
        data=_summarize(series, windows),
        folds=tuple(audit(fold) for fold in folds),
        scores=tuple(score_all(forecasts, tested, naive=list(BASELINES))),
        strategies=tuple(run_strategies(model, forecasts[model], series, cost_bps)),
        windows=tested,
        forecasts=forecasts,
    )


class TrainedModel:
    """A trained model with its calibration, as a Forecaster that is never fitted again."""

    def __init__(self, home: Path, name: str) -> None:
        self._onnx = OnnxForecaster(ModelStore(home).open(name))

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing: it is tested as it stands."""

    def predict(self, windows: Windows) -> Forecasts:
        """Calibrated forecasts, the ones `forecast predict` gives."""
        calibration = Calibration(stretch=self._onnx.manifest.stretch)
        return calibrate(self._onnx.predict(windows), calibration)


@lru_cache(maxsize=1)
def _network(config: ModelConfig) -> Forecaster:
    """One compiled network per process, fitted afresh in each fold."""
    # Keras takes seconds to import: only here, where a network is about to be trained
    from forecast_cli.models.keras_forecaster import KerasForecaster  # noqa: PLC0415

    return KerasForecaster(config)


def _trained(
    name: str, home: Path, interval: str, plan: FoldPlan | None, options: Mapping[str, object]
) -> Manifest:
    models = ModelStore(home)
    if name not in models.names():
        raise UsageError(
            f"{name!r} is neither a network nor a trained model",
            fix=f"choose from {', '.join((*NETWORK_NAMES, *plugin_names(), *models.names()))}",
        )
    if plan is not None or any(value is not None for value in options.values()):
        raise UsageError(
            f"{name!r} is a trained model, tested as it stands: it takes no folds and no options",
            fix=f"leave them out, or test a network: {', '.join(NETWORK_NAMES)}",
        )
    manifest = models.open(name).manifest
    if manifest.interval != interval:
        raise UsageError(f"{name!r} was trained on {manifest.interval} bars, not {interval}")
    return manifest


def _forecast_all(
    candidate: Candidate, folds: Sequence[Fold], n_processes: int, on_fold: Callable[[int], None]
) -> dict[str, Forecasts]:
    """The model's forecasts and the naive ones, on the same windows."""
    forecasts = {
        candidate.name: walk_forward(candidate, folds, n_processes=n_processes, on_fold=on_fold)
    }
    for name, make in BASELINES.items():
        forecasts[name] = walk_forward(Candidate(name=name, make=make), folds)
    return forecasts


def _summarize(series: Sequence[Bars], windows: Windows) -> DataSummary:
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
    )
