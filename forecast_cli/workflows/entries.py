"""The models a backtest is about: networks, refitted in every fold, or trained ones as they are."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np

from forecast_cli.config import DEFAULT_SIZES, ModelConfig, model_config
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.calibration import Calibration, CalibrationKind, calibrate
from forecast_cli.evaluation.folds import FoldPlan
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.walk_forward import Candidate
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.artifact import ModelStore
from forecast_cli.models.runtime import OnnxForecaster
from forecast_cli.plugins import plugin_names

NETWORK_NAMES: Final = tuple(DEFAULT_SIZES)


def network_names() -> tuple[str, ...]:
    """All networks that can be trained here, plug-ins included."""
    return (*NETWORK_NAMES, *plugin_names())


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model under test.

    known_until: date up to which a trained model knew; None: a network. peers: symbols that a
    trained model learnt from. warm_start: whether a network starts from the fold before.
    """

    candidate: Candidate
    config: ModelConfig
    known_until: np.datetime64 | None = None
    peers: tuple[str, ...] = ()
    warm_start: bool = False


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


def entries_of(
    names: Sequence[str],
    home: Path,
    interval: str,
    plan: FoldPlan | None,
    options: Mapping[str, object],
    *,
    calibration: CalibrationKind,
) -> list[Entry]:
    """The models asked for, each as a candidate of a walk-forward.

    options: fields of ModelConfig, for networks only. Raises UsageError where the models cannot be
    tested, or not beside each other.
    """
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


def _network_entry(name: str, options: Mapping[str, object], calibration: CalibrationKind) -> Entry:
    config = model_config(name, **options)
    return Entry(
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
) -> Entry:
    models = ModelStore(home)
    if name not in models.names():
        known = dict.fromkeys((*network_names(), *models.names()))
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(
            f"{name[:64]!a} is neither a network nor a trained model",
            fix=f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}",
        )
    if plan is not None or any(value is not None for value in options.values()):
        raise UsageError(
            f"{name!r} is a trained model, tested as it stands: it takes no folds and no options",
            fix=f"leave them out, or test a network: {', '.join(network_names())}",
        )
    manifest = models.open(name).manifest
    if manifest.interval != interval:
        raise UsageError(f"{name!r} was trained on {manifest.interval} bars, not {interval}")
    return Entry(
        candidate=Candidate(name=name, make=partial(TrainedModel, home, name)),
        config=manifest.config,
        known_until=np.datetime64(manifest.known_until),
        peers=manifest.symbols,
    )
