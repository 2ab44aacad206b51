"""The naive rows: what a forecast has to beat before anyone should look at it."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Final, Protocol

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts
from forecast_cli.models.outputs import from_scaled

_NORMAL: Final[FloatArray1D] = np.array([NormalDist().inv_cdf(level) for level in LEVELS])


class Baseline(Protocol):
    """A Forecaster that needs no Keras."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn from the training windows."""

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast at every window's cutoff."""


class RandomWalk:
    """No change expected, normal returns with today's EWMA volatility (RiskMetrics 1996)."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing to learn."""

    def predict(self, windows: Windows) -> Forecasts:
        """The normal curve times the scale of the day."""
        curve = np.tile(_NORMAL, (1, len(windows.horizons), 1))
        return from_scaled(windows, curve)


class Drift:
    """The random walk with the mean scaled return of training as its drift."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Take the mean."""
        self.drift = train.targets.mean(axis=0)

    def predict(self, windows: Windows) -> Forecasts:
        """The normal curve, moved by the drift."""
        return from_scaled(windows, (_NORMAL + self.drift[:, None])[None])


class EwmaHistory:
    """Filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999).

    The training quantiles of the scaled return, times today's EWMA volatility: what every network
    of this program is before it has learnt anything.
    """

    def fit(self, train: Windows, validation: Windows) -> None:
        """Take the quantiles."""
        self.history: FloatArray2D = np.quantile(train.targets, LEVELS, axis=0).T

    def predict(self, windows: Windows) -> Forecasts:
        """History times the scale of the day."""
        return from_scaled(windows, self.history[None])


class AlwaysUp:
    """P(up) = 1 whatever happens; says nothing about the range."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing to learn."""

    def predict(self, windows: Windows) -> Forecasts:
        """Up."""
        unknown = np.full((len(windows), len(windows.horizons)), np.nan)
        return Forecasts(
            symbols=windows.symbol_names,
            cutoffs=windows.cutoffs,
            horizons=windows.horizons,
            quantiles=np.broadcast_to(unknown[:, :, None], (*unknown.shape, len(LEVELS))),
            point=unknown,
            p_up=np.ones_like(unknown),
        )


BASELINES: Final[dict[str, Callable[[], Baseline]]] = {
    "random_walk": RandomWalk,
    "drift": Drift,
    "ewma_history": EwmaHistory,
    "always_up": AlwaysUp,
}
