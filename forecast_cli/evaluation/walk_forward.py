"""Walk forward: fit on what was known, forecast what was not, fold after fold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from forecast_cli.evaluation.calibration import (
    CalibrationKind,
    calibrate,
    calibrate_adaptively,
    fit_calibration,
)
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.folds import Fold
from forecast_cli.evaluation.forecaster import Forecaster
from forecast_cli.evaluation.losses import Losses, losses_of
from forecast_cli.evaluation.losses import concatenate as concatenate_losses
from forecast_cli.forecasts import Forecasts, concatenate
from forecast_cli.jobs import run_jobs


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A forecaster under test.

    make: gives the forecaster; called once per process, so that a compiled network is reused, and
    picklable, so that it can be called in another process. calibration: whether its curves are
    corrected by the fold's calibration windows, which it never trains on ("fixed"), and by what
    becomes known during the test, too ("adaptive"). identity: all that decides its forecasts
    besides the windows; None for one that is too quick to be kept in a cache.
    """

    name: str
    make: Callable[[], Forecaster]
    calibration: CalibrationKind = "none"
    identity: str | None = None


def walk_forward(
    candidate: Candidate,
    folds: Sequence[Fold],
    *,
    n_processes: int = 1,
    cache: FoldCache | None = None,
    on_fold: Callable[[int], None] = lambda _: None,
) -> Forecasts:
    """Out-of-sample forecasts over all folds, in the order of the folds' test windows.

    Folds are independent: the result does not depend on the number of processes, nor on which folds
    the cache already knows. on_fold is told each finished fold's number, from 1.
    """
    parts = []
    walk = _walk(candidate, folds, n_processes=n_processes, cache=cache)
    for number, forecasts in enumerate(walk, start=1):
        parts.append(forecasts)
        on_fold(number)
    return concatenate(parts)


def walk_and_measure(
    candidate: Candidate, folds: Sequence[Fold], *, cache: FoldCache | None = None
) -> Losses:
    """What `losses_of` keeps of `walk_forward`, without ever holding the curves of two folds."""
    walk = _walk(candidate, folds, n_processes=1, cache=cache)
    return concatenate_losses(
        [losses_of(made, fold.test) for made, fold in zip(walk, folds, strict=True)]
    )


def _walk(
    candidate: Candidate, folds: Sequence[Fold], *, n_processes: int, cache: FoldCache | None
) -> Iterator[Forecasts]:
    """The forecasts of each fold, in order; what is computed is kept as soon as it is there."""
    if cache is None or candidate.identity is None:
        yield from run_jobs(partial(forecast_fold, candidate), folds, n_processes=n_processes)
        return
    identity = f"{candidate.identity}|{candidate.calibration}"
    kept = [cache.read(identity, fold) for fold in folds]
    missing = [fold for fold, forecasts in zip(folds, kept, strict=True) if forecasts is None]
    fresh = run_jobs(partial(forecast_fold, candidate), missing, n_processes=n_processes)
    for fold, forecasts in zip(folds, kept, strict=True):
        if forecasts is not None:
            yield forecasts
            continue
        made = next(fresh)
        cache.write(identity, fold, made)
        yield made


def forecast_fold(candidate: Candidate, fold: Fold) -> Forecasts:
    """Fit on a fold's history, calibrate behind it, forecast its test windows."""
    forecaster = candidate.make()
    forecaster.fit(fold.history.train, fold.history.validation)
    forecasts = forecaster.predict(fold.test)
    if candidate.calibration == "none":
        return forecasts
    held_out = fold.history.calibration
    calibration = fit_calibration(forecaster.predict(held_out), held_out)
    if candidate.calibration == "fixed":
        return calibrate(forecasts, calibration)
    return calibrate_adaptively(forecasts, fold.test, calibration)
