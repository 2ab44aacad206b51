"""Networks that start each fold from the fold before, beside the same ones fitted afresh.

What that saves, and what it costs in accuracy, differs by network and data: both are fitted on the
same folds and compared. Folds then depend on each other, and a cost is measured by paying it:
nothing is shared out over processes or taken from the cache.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from forecast_cli.config import ModelConfig
from forecast_cli.errors import UsageError
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.workflows.entries import Entry

if TYPE_CHECKING:
    from forecast_cli.models.keras_forecaster import KerasForecaster


@dataclass(frozen=True, kw_only=True)
class FittingCost:
    """What a model's fits over all folds took. epochs: of all its networks in all folds."""

    model: str
    fits: int
    epochs: int
    seconds: float


class Metered:
    """A network as a Forecaster that counts what its fits take."""

    def __init__(self, name: str, config: ModelConfig, *, warm_start: bool) -> None:
        self.name = name
        self.config = config
        self.warm_start = warm_start
        self._fits, self._epochs, self._seconds = 0, 0, 0.0

    @cached_property
    def _network(self) -> "KerasForecaster":
        # Keras takes seconds to import: only here, where a network is about to be trained
        from forecast_cli.models.keras_forecaster import KerasForecaster  # noqa: PLC0415

        return KerasForecaster(self.config, warm_start=self.warm_start)

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn, and count."""
        network = self._network
        began = time.perf_counter()
        network.fit(train, validation)
        self._seconds += time.perf_counter() - began
        self._fits += 1
        self._epochs += sum(training.epochs_run for training in network.trainings)

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast with the last fit."""
        return self._network.predict(windows)

    @property
    def cost(self) -> FittingCost:
        """Of all fits so far."""
        return FittingCost(
            model=self.name, fits=self._fits, epochs=self._epochs, seconds=self._seconds
        )


def check_warm_start(entries: Sequence[Entry], *, n_processes: int, cross_validated: bool) -> None:
    """Raise UsageError, before any work, where folds cannot follow one another."""
    trained = [entry.candidate.name for entry in entries if entry.known_until is not None]
    if trained:
        raise UsageError(
            f"{trained[0]!r} is a trained model, tested as it stands: it starts from nothing else",
            fix="leave --warm-start out, or test a network",
        )
    if n_processes > 1:
        raise UsageError(
            "with a warm start each fold waits for the one before: it cannot use more processes",
            fix="leave --jobs out",
        )
    if cross_validated:
        raise UsageError(
            "the fits of a cross-validation do not follow one another: none can start from another",
            fix="ask for --cv and --warm-start in two runs",
        )


def cold_and_warm(entries: Sequence[Entry]) -> tuple[list[Entry], list[Metered]]:
    """Each network twice, fitted afresh and from the fold before, with what counts their costs."""
    twice = [(entry, warm) for entry in entries for warm in (False, True)]
    meters = [
        Metered(entry.candidate.name + " warm" * warm, entry.config, warm_start=warm)
        for entry, warm in twice
    ]
    return [_metered(entry, m) for (entry, _), m in zip(twice, meters, strict=True)], meters


def _metered(entry: Entry, meter: Metered) -> Entry:
    candidate = replace(entry.candidate, name=meter.name, make=lambda: meter, identity=None)
    return replace(entry, candidate=candidate, warm_start=meter.warm_start)
