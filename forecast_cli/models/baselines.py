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
    """Independent normal returns without drift: each symbol's training volatility, every day.

    A symbol that training did not see gets the volatility over all that it saw.
    """

    def fit(self, train: Windows, validation: Windows) -> None:
        """Measure the volatility of each symbol and horizon."""
        self.volatility = _by_symbol(train, train.returns**2) ** 0.5

    def predict(self, windows: Windows) -> Forecasts:
        """The normal curve times the volatility."""
        volatility = self.volatility[windows.symbol_index]
        return from_scaled(windows, volatility[:, :, None] / windows.scale[:, :, None] * _NORMAL)


class Drift(RandomWalk):
    """The random walk around each symbol's mean return in training."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Measure volatility and drift of each symbol and horizon."""
        super().fit(train, validation)
        self.drift = _by_symbol(train, train.returns)

    def predict(self, windows: Windows) -> Forecasts:
        """The normal curve times the volatility, moved by the drift."""
        walk = super().predict(windows)
        return walk.with_quantiles(walk.quantiles + self.drift[windows.symbol_index][:, :, None])


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


def _by_symbol(train: Windows, values: FloatArray2D) -> FloatArray2D:
    """Mean of each symbol's values, shape (n_symbols, n_horizons)."""
    means = np.tile(values.mean(axis=0), (len(train.symbols), 1))
    for index in np.unique(train.symbol_index):
        means[index] = values[train.symbol_index == index].mean(axis=0)
    return means


BASELINES: Final[dict[str, Callable[[], Baseline]]] = {
    "random_walk": RandomWalk,
    "drift": Drift,
    "ewma_history": EwmaHistory,
    "always_up": AlwaysUp,
}
