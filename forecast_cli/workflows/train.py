"""Train a network on stored bars and save it as an artifact."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Final

from forecast_cli import __version__
from forecast_cli.config import ModelConfig
from forecast_cli.data.fingerprint import fingerprint
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.evaluation.calibration import fit_calibration
from forecast_cli.evaluation.folds import History, cut_history
from forecast_cli.evaluation.metrics import inside
from forecast_cli.evaluation.scores import SIGNIFICANCE, score_all
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore, parse_name, record
from forecast_cli.models.baselines import chosen_baselines
from forecast_cli.models.export import to_onnx, to_safetensors
from forecast_cli.models.keras_forecaster import KerasForecaster
from forecast_cli.models.manifest import GRAPH, WEIGHTS, Canary, Manifest, Measured
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
    """A trained model. skipped: symbols with too few bars to give a window."""

    manifest: Manifest
    folder: Path
    skipped: tuple[str, ...]


def train(
    symbols: Sequence[str],
    *,
    config: ModelConfig,
    home: Path,
    name: str | None = None,
    interval: str = "1d",
    until: date | None = None,
) -> TrainResult:
    """Fit one network over the stored bars of some symbols, calibrate it and save it.

    symbols: empty for all that are stored. name: of the model; its network's by default. until:
    use bars up to this date only. Raises MissingInputError for what is not stored, BadDataError
    for too little history, InternalCheckError when the saved graph would differ from the network.
    """
    model_name = parse_name(name or config.network)
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    series = read_series(store, chosen, interval, until=until)
    known_until = max(bars.timestamp[-1] for bars in series)
    windows = windows_of(series, config).known()
    history = cut_history(windows, known_until)
    forecaster = KerasForecaster(config)
    forecaster.fit(history.train, history.validation)
    weights = to_safetensors(forecaster.trainer.network)
    samples = history.calibration.take(slice(-_N_CHECKED, None)).inputs()
    graph = to_onnx(forecaster.trainer.network, samples)
    calibration = fit_calibration(forecaster.predict(history.calibration), history.calibration)
    now = datetime.now(UTC)
    outputs = forecaster.trainer.outputs(history.calibration.take(slice(-1, None)))
    manifest = Manifest(
        name=model_name,
        version=_version(now, config, weights),
        created_at=now.isoformat(timespec="seconds"),
        config=config,
        interval=interval,
        symbols=tuple(bars.symbol for bars in series),
        price_basis={bars.symbol: bars.price_basis for bars in series},
        data_sha256=data_hash(series),
        learnt={bars.symbol: fingerprint(bars) for bars in series},
        train_start=str(history.train.cutoffs.min()),
        train_end=str(history.train.cutoffs.max()),
        known_until=str(known_until),
        history=tuple(tuple(map(float, curve)) for curve in forecaster.history),
        stretch=calibration.stretch,
        p_up=calibration.p_up,
        measured=_measure(forecaster, history),
        libraries=_libraries(),
        canary=Canary(
            inputs=tuple(tuple(map(float, row)) for row in samples[-1]),
            outputs=tuple(map(float, outputs.ravel())),
        ),
        files={WEIGHTS: record(weights), GRAPH: record(graph)},
    )
    folder = ModelStore(home).save(manifest, {WEIGHTS: weights, GRAPH: graph})
    return TrainResult(manifest=manifest, folder=folder, skipped=without_windows(windows))


def _version(now: datetime, config: ModelConfig, weights: bytes) -> str:
    """UTC time and eight digits of what was trained: names an immutable folder, sorts by age."""
    content = record(config.model_dump_json().encode() + weights).sha256
    return f"{now:%Y%m%dT%H%M%SZ}-{content[:8]}"


def _measure(forecaster: KerasForecaster, history: History) -> Measured:
    """What the calibration windows, which training never saw, say about the network."""
    held_out, training = history.calibration, forecaster.training
    forecasts = forecaster.predict(held_out)
    edge_p = _edge(forecaster, forecasts, history)
    # Bonferroni over the horizons; an untrained network that was kept has no edge by definition
    smallest = min((p for p in edge_p if p is not None), default=1.0)
    held = [
        inside(held_out.returns[:, column], forecasts.quantiles[:, column], 0.9).mean()
        for column in range(len(held_out.horizons))
    ]
    return Measured(
        best_epoch=training.best_epoch,
        validation_loss=training.validation_losses[training.best_epoch],
        untrained_loss=training.validation_losses[0],
        edge_found=training.beats_untrained and smallest * len(edge_p) < SIGNIFICANCE,
        edge_p=edge_p,
        coverage_90=tuple(map(float, held)),
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
        if forecaster.config.target == "direction"
        else (score.skill_crps, score.dm_p)
        for score in scores
        if score.forecaster == "network"
    ]
    return tuple(
        None if skill is None or p is None else (p / 2 if skill > 0 else 1 - p / 2)
        for skill, p in judged
    )


def _libraries() -> dict[str, str]:
    python = ".".join(map(str, sys.version_info[:3]))
    versions = {name: library_version(name) for name in _LIBRARIES}
    return {"forecast-cli": __version__, "python": python, **versions}
