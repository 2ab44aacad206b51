"""Train a network on stored bars and save it as an artifact."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli import __version__
from forecast_cli.arrays import Float32Array2D
from forecast_cli.config import ModelConfig
from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import fingerprint
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.data.trials import TrialLedger
from forecast_cli.evaluation.calibration import fit_calibration
from forecast_cli.evaluation.drift import deciles
from forecast_cli.evaluation.folds import History, cut_history
from forecast_cli.evaluation.metrics import inside
from forecast_cli.evaluation.scores import SIGNIFICANCE, score_all
from forecast_cli.evaluation.significance import diebold_mariano
from forecast_cli.features.market import NOTHING_ELSE, Market
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore, parse_name, record
from forecast_cli.models.baselines import chosen_baselines
from forecast_cli.models.checkpoint import Checkpoint, Progress
from forecast_cli.models.export import to_onnx, to_safetensors
from forecast_cli.models.keras_forecaster import Course, KerasForecaster
from forecast_cli.models.manifest import GRAPH, WEIGHTS, Canary, Manifest, Measured
from forecast_cli.models.supervision import EpochReport, SupervisedCourse
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.market import late_covariates, learnt_covariates, read_market
from forecast_cli.workflows.reading import (
    read_series,
    stored_symbols,
    windows_of,
    without_windows,
)

_LIBRARIES: Final = ("tensorflow", "keras", "numpy", "onnx", "onnxruntime", "tf2onnx")
_N_CHECKED: Final = 64
"""Windows on which ONNX and Keras are compared before anything is saved."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A trained model.

    skipped: symbols with too few bars to give a window. notes: what was unusual about the training,
    or about its covariates, one sentence each.
    """

    manifest: Manifest
    folder: Path
    skipped: tuple[str, ...]
    notes: tuple[str, ...] = ()


def train(
    symbols: Sequence[str],
    *,
    config: ModelConfig,
    home: Path,
    name: str | None = None,
    interval: str = "1d",
    until: date | None = None,
    open_lock: bool = False,
    time_budget: float | None = None,
    resume: bool = False,
    keep: int | None = None,
    on_epoch: Callable[[EpochReport], None] = lambda _: None,
) -> TrainResult:
    """Fit one or more networks over the stored bars of some symbols, calibrate and save them.

    symbols: empty for all that are stored. name: of the model; its network's by default. until:
    use bars up to this date only. open_lock: use locked bars, too, which is remembered.
    time_budget: seconds after which no further epoch begins. resume: go on with an interrupted
    training of the same bars and configuration, if there is one; the outcome is that of an
    unbroken run. keep: afterwards, remove all but so many versions. on_epoch: told of each epoch.
    Raises MissingInputError for what is not stored, BadDataError for too little history,
    InternalCheckError when the saved graph would differ from the network.
    """
    model_name = parse_name(name or config.network)
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    allowed = access(home, chosen, interval, until=until, open_lock=open_lock)
    series = read_series(store, chosen, interval, until=allowed.until)
    market = read_market(store, config, series, peers=series)
    covariates = learnt_covariates(market, max(bars.timestamp[-1] for bars in series))
    versions = libraries()
    checkpoint = Checkpoint(
        *(home, model_name, config.model_dump_json(), data_hash(series), json.dumps(versions)),
        *(f"{name} {learnt.model_dump_json()}" for name, learnt in covariates.items()),
    )
    resumed = checkpoint.read() if resume else None
    notes = _resumption(resumed, others=checkpoint.exists()) if resume else ()
    course = SupervisedCourse(
        config, checkpoint, resumed=resumed, time_budget=time_budget, on_epoch=on_epoch
    )
    learnt = learn(series, config, course, market)
    forecaster, history = learnt.forecaster, learnt.history
    network = forecaster.network()
    weights = to_safetensors(network)
    samples = history.calibration.take(slice(-_N_CHECKED, None)).inputs()
    graph = to_onnx(network, samples)
    calibration = fit_calibration(forecaster.predict(history.calibration), history.calibration)
    now = datetime.now(UTC)
    outputs = forecaster.outputs(history.calibration.take(slice(-1, None)))
    manifest = Manifest(
        name=model_name,
        version=_version(now, config, weights),
        created_at=now.isoformat(timespec="seconds"),
        config=config,
        interval=interval,
        symbols=tuple(bars.symbol for bars in series),
        price_basis={bars.symbol: bars.price_basis for bars in series},
        data_sha256=data_hash(series),
        learnt={bars.symbol: fingerprint(bars) for bars in series} | covariates,
        inputs=tuple(tuple(map(float, row)) for row in deciles(_last_rows(history.train))),
        train_start=str(history.train.cutoffs.min()),
        train_end=str(history.train.cutoffs.max()),
        known_until=str(learnt.known_until),
        history=tuple(tuple(map(float, curve)) for curve in forecaster.history),
        stretch=calibration.stretch,
        p_up=calibration.p_up,
        measured=measure(forecaster, history),
        time_budget=time_budget,
        libraries=versions,
        canary=Canary(
            inputs=tuple(tuple(map(float, row)) for row in samples[-1]),
            outputs=tuple(map(float, outputs.ravel())),
        ),
        files={WEIGHTS: record(weights), GRAPH: record(graph)},
    )
    models = ModelStore(home)
    folder = models.save(manifest, {WEIGHTS: weights, GRAPH: graph})
    TrialLedger(home).record(
        manifest.symbols,
        interval,
        command="train",
        tried={"config": config.model_dump(mode="json")},
        data_sha256=manifest.data_sha256,
    )
    checkpoint.remove()
    removed = models.prune(model_name, keep) if keep else []
    return TrainResult(
        manifest=manifest,
        folder=folder,
        skipped=without_windows(learnt.windows),
        notes=(
            *((allowed.note,) if allowed.note else ()),
            *late_covariates(market, series, config),
            *notes,
            *_budget(course, forecaster, time_budget),
            *_versions(models, manifest, removed),
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Learnt:
    """What the bars known at the close of `known_until` taught, and what it was measured on."""

    forecaster: KerasForecaster
    history: History
    windows: Windows
    known_until: np.datetime64


def learn(
    series: Sequence[Bars],
    config: ModelConfig,
    course: Course | None = None,
    market: Market = NOTHING_ELSE,
) -> Learnt:
    """Fit the networks of a config on some series, as `train` does. Raises BadDataError."""
    known_until = max(bars.timestamp[-1] for bars in series)
    windows = windows_of(series, config, market).known()
    history = cut_history(windows, known_until)
    forecaster = KerasForecaster(config)
    forecaster.fit(history.train, history.validation, course)
    return Learnt(forecaster=forecaster, history=history, windows=windows, known_until=known_until)


def _resumption(resumed: Progress | None, *, others: bool) -> tuple[str, ...]:
    """What became of the wish to resume. others: whether there is one that does not fit."""
    if resumed:
        return (f"went on after epoch {resumed.fit.epoch} of network {len(resumed.members) + 1}",)
    why = "the checkpoint there is does not fit" if others else "there is no checkpoint"
    return (f"nothing to resume: {why}; trained from the start",)


def _budget(
    course: SupervisedCourse, forecaster: KerasForecaster, time_budget: float | None
) -> tuple[str, ...]:
    if not course.out_of_time:
        return ()
    epochs = ", ".join(str(training.epochs_run) for training in forecaster.trainings)
    return (f"the time budget of {time_budget:g} s ended training after epoch {epochs}",)


def _versions(models: ModelStore, trained: Manifest, removed: Sequence[str]) -> Iterator[str]:
    """What is to be said of the other versions."""
    if removed:
        yield f"removed older versions: {', '.join(removed)}"
    in_use = models.in_use(trained.name)
    if in_use != trained.version:
        yield (
            f"{trained.name}@{in_use} is pinned and stays in use; forecast models unpin"
            f" {trained.name} uses this one"
        )


def _version(now: datetime, config: ModelConfig, weights: bytes) -> str:
    """UTC time and eight digits of what was trained: names an immutable folder, sorts by age."""
    content = record(config.model_dump_json().encode() + weights).sha256
    return f"{now:%Y%m%dT%H%M%SZ}-{content[:8]}"


def measure(forecaster: KerasForecaster, history: History) -> Measured:
    """What the calibration windows, which training never saw, say about the network."""
    held_out, trainings = history.calibration, forecaster.trainings
    forecasts = forecaster.predict(held_out)
    edge_p = (
        _earning(forecaster, held_out)
        if forecasts.position is not None
        else _edge(forecaster, forecasts, history)
    )
    # Bonferroni over the horizons; an untrained network that was kept has no edge by definition
    smallest = min((p for p in edge_p if p is not None), default=1.0)
    held = [
        inside(held_out.returns[:, column], forecasts.quantiles[:, column], 0.9).mean()
        for column in range(len(held_out.horizons))
    ]
    return Measured(
        best_epoch=max(training.best_epoch for training in trainings),
        validation_loss=_mean(of.validation_losses[of.best_epoch] for of in trainings),
        untrained_loss=_mean(of.validation_losses[0] for of in trainings),
        edge_found=any(of.beats_untrained for of in trainings)
        and smallest * len(edge_p) < SIGNIFICANCE,
        edge_p=edge_p,
        coverage_90=tuple(map(float, held)),
        epochs_run=tuple(training.epochs_run for training in trainings),
        n_train=len(history.train),
        n_validation=len(history.validation),
        n_calibration=len(held_out),
    )


def _edge(
    forecaster: KerasForecaster, forecasts: Forecasts, history: History
) -> tuple[float | None, ...]:
    """One-sided Diebold-Mariano p per horizon against the best naive row."""
    rows = {"network": forecasts}
    naive_rows = chosen_baselines(())
    for name, make in naive_rows.items():
        naive = make()
        naive.fit(history.train, history.validation)
        rows[name] = naive.predict(history.calibration)
    scores = score_all(rows, history.calibration, naive=list(naive_rows))
    judged = [
        (score.skill_brier, score.dm_p_brier)
        if forecaster.config.objective == "logloss"
        else (score.skill_crps, score.dm_p)
        for score in scores
        if score.forecaster == "network"
    ]
    return tuple(
        None if skill is None or p is None else _one_sided(p, better=skill > 0)
        for skill, p in judged
    )


def _earning(forecaster: KerasForecaster, held_out: Windows) -> tuple[float | None, ...]:
    """One-sided p per horizon that the positions' mean net return is above zero."""
    losses = forecaster.net_losses(held_out)
    nothing = np.zeros(len(held_out))
    tests = [
        diebold_mariano(losses[:, column], nothing, held_out.cutoffs, horizon=horizon)
        for column, horizon in enumerate(held_out.horizons)
    ]
    return tuple(
        None if np.isnan(test.p) else _one_sided(test.p, better=test.statistic < 0)
        for test in tests
    )


def _last_rows(windows: Windows) -> Float32Array2D:
    """The newest row of each window's inputs, shape (n, n_features)."""
    return windows.features[windows.rows]


def _one_sided(p: float, *, better: bool) -> float:
    return p / 2 if better else 1 - p / 2


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def libraries() -> dict[str, str]:
    """What weights depend on besides data and configuration: versions by name."""
    python = ".".join(map(str, sys.version_info[:3]))
    versions = {name: library_version(name) for name in _LIBRARIES}
    return {"forecast-cli": __version__, "python": python, **versions}
