"""Tune: choose a network's options on validation folds, and on nothing that comes after them.

Needs the extra `tune`. Optuna proposes options and keeps what came of them in a SQLite study under
HOME/tuning/, so that a run that was stopped goes on where it was.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from forecast_cli.config import DEFAULT_SIZES, ModelConfig, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore, data_hash
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.folds import validation_folds
from forecast_cli.files import locked
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.reading import read_series, stored_symbols, windows_of

Trial: TypeAlias = Any
"""An `optuna.Trial`; optuna is an extra and slow, and loaded when it is needed."""

_N_RANDOM: Final = 8
"""Trials before options are chosen, or trials given up, by what the earlier ones say."""

_SPACE: Final[dict[str, Callable[[Trial], object]]] = {
    "learning_rate": lambda trial: trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
    "batch_size": lambda trial: trial.suggest_categorical("batch_size", [64, 128, 256, 512]),
    "lookback": lambda trial: trial.suggest_int("lookback", 5, 80, step=5),
    "units": lambda trial: trial.suggest_int("units", 8, 64, step=8),
    "filters": lambda trial: trial.suggest_int("filters", 8, 64, step=8),
    "layers": lambda trial: trial.suggest_int("layers", 1, 4),
    "dropout": lambda trial: trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
}
"""What is searched: a field of ModelConfig, and where its values come from."""


@dataclass(frozen=True, kw_only=True)
class TunedTrial:
    """One set of options. loss: mean over the validation folds; None where it was given up."""

    number: int
    options: dict[str, Any]
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class TuneResult:
    """What was tried, best first, by this run and the earlier ones of the same study.

    config: with the best options. default_loss: of the network's own options, always tried first.
    n_tried_ever: trials on these symbols that the ledger knows, of all commands: the more there
    are, the luckier the best. symbols: as they were asked for. given: the options that were not
    searched, one pair per value. notes: what was unusual, one sentence each.
    """

    config: ModelConfig
    trials: tuple[TunedTrial, ...]
    default_loss: float
    n_new: int
    n_tried_ever: int
    study: Path
    symbols: tuple[str, ...]
    given: tuple[tuple[str, object], ...]
    notes: tuple[str, ...] = ()


def tune(
    symbols: Sequence[str],
    *,
    network: str,
    home: Path,
    n_trials: int = 30,
    time_budget_s: float | None = None,
    interval: str = "1d",
    until: date | None = None,
    open_lock: bool = False,
    on_trial: Callable[[int], None] = lambda _: None,
    **fixed: object,
) -> TuneResult:
    """Search a network's options for the lowest loss on validation folds.

    Looks only at what a final training would train and validate on: calibration windows and all
    that comes after `until` stay unseen. n_trials: in all, earlier runs of the same study
    included. time_budget_s: no trial starts after it. open_lock: use locked bars, too, which is
    remembered. on_trial: told how many are done. fixed: fields of ModelConfig that are not
    searched. Raises UsageError without the extra `tune`, TryAgainError while another run works on
    the same study.
    """
    optuna = _optuna()
    store = BarStore(home)
    chosen = stored_symbols(store, symbols, interval)
    allowed = access(home, chosen, interval, until=until, open_lock=open_lock)
    series = read_series(store, chosen, interval, until=allowed.until)
    given = {name: value for name, value in fixed.items() if value is not None}
    base = model_config(network, **given)
    searched = tuple(name for name in options_of(base) if name not in given)
    names = [bars.symbol for bars in series]
    sha256, ledger = data_hash(series), TrialLedger(home)
    path = home / "tuning" / f"{network}-{_study_name(base, searched, sha256)}.db"
    with locked(path):
        study = _open_study(optuna, path, base.seed)
        n_before = len(_finished(study))
        if not n_before:
            study.enqueue_trial({name: getattr(base, name) for name in searched})

        def objective(trial: Trial) -> float:
            suggested = {name: _SPACE[name](trial) for name in searched}
            config = model_config(network, **(given | suggested))
            tried = {"config": config.model_dump(mode="json")}
            ledger.record(names, interval, command="tune", tried=tried, data_sha256=sha256)
            losses: list[float] = []
            for loss in _fold_losses(series, config):
                losses.append(loss)
                trial.report(float(np.mean(losses)), len(losses))
                if trial.should_prune():
                    raise optuna.TrialPruned
            return float(np.mean(losses))

        study.optimize(
            objective,
            n_trials=max(0, n_trials - n_before),
            timeout=time_budget_s,
            callbacks=[lambda study, _: on_trial(len(_finished(study)))],
        )
        trials = _by_loss(_finished(study))
    best = model_config(network, **(given | trials[0].options))
    default = min(trials, key=lambda trial: trial.number).loss
    assert default is not None  # what comes first is never given up
    return TuneResult(
        config=best,
        trials=tuple(trials),
        default_loss=default,
        n_new=len(trials) - n_before,
        n_tried_ever=ledger.count(names, interval),
        study=path,
        symbols=tuple(symbols),
        given=tuple(_pairs(given)),
        notes=(allowed.note,) if allowed.note else (),
    )


def _pairs(given: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Options as a command line has them: `--horizon` once for each."""
    for name, value in given.items():
        if isinstance(value, tuple):
            yield from ((name.removesuffix("s"), each) for each in value)
        else:
            yield name, value


def options_of(config: ModelConfig) -> Iterator[str]:
    """The options that are searched for a network: those that it has."""
    sizes = DEFAULT_SIZES.get(config.network, {})
    for name in _SPACE:
        if name == "lookback":
            is_its = config.lookback > 1  # else it reads the last bar only
        elif name == "dropout":
            is_its = bool(sizes)
        else:
            is_its = name in sizes or name in ("learning_rate", "batch_size")
        if is_its:
            yield name


def _fold_losses(series: Sequence[Bars], config: ModelConfig) -> Iterator[float]:
    """Mean loss of a network, fold by fold, on windows that followed its training."""
    # Keras takes seconds to import: only here, where a network is about to be trained
    from forecast_cli.models.keras_forecaster import KerasForecaster  # noqa: PLC0415

    windows = windows_of(series, config).known()
    forecaster = KerasForecaster(config)
    for fold in validation_folds(windows, max(bars.timestamp[-1] for bars in series)):
        forecaster.fit(fold.history.train, fold.history.validation)
        yield float(forecaster.loss(fold.test))


def _study_name(base: ModelConfig, searched: tuple[str, ...], sha256: str) -> str:
    """Names one question: the same bars, options given and options searched."""
    question = f"{sha256} {searched} {base.model_dump_json()}"
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def _open_study(optuna: Any, path: Path, seed: int) -> Any:  # noqa: ANN401 - an extra without types
    """The study, new or continued; a trial that a kill has cut short is failed, not counted."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(study_name="tune", storage=storage, load_if_exists=True)
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    # a continued study must not draw again what it drew first
    study.sampler = optuna.samplers.TPESampler(
        seed=seed + len(study.trials), n_startup_trials=_N_RANDOM
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_N_RANDOM)
    return study


def _finished(study: Any) -> list[Any]:  # noqa: ANN401 - an extra without types
    """The trials that came to an end, given up ones included."""
    return [t for t in study.get_trials(deepcopy=False) if t.state.name in ("COMPLETE", "PRUNED")]


def _by_loss(trials: Sequence[Any]) -> list[TunedTrial]:
    tuned = [
        TunedTrial(
            number=trial.number,
            options=dict(trial.params),
            loss=trial.value if trial.state.name == "COMPLETE" else None,
        )
        for trial in trials
    ]
    return sorted(tuned, key=lambda t: (t.loss is None, t.loss or 0.0, t.number))


def _optuna() -> Any:  # noqa: ANN401 - an extra without types
    try:
        import optuna  # noqa: PLC0415 - an extra, and slow
    except ImportError as error:
        raise UsageError(
            "tuning needs an extra that is not installed", fix="pip install 'forecast-cli[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
