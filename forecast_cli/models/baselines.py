"""The rows that stand beside every model: what a forecast has to beat to be worth a look."""

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Final, Protocol

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.errors import UsageError
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import LEVELS, Forecasts
from forecast_cli.models.econometrics import Autoregression, GarchT, GjrGarchT, pasts
from forecast_cli.models.outputs import from_quantiles, from_scaled

_DAYS: Final = 250
"""In the window of History250: about a year."""

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


class History250:
    """Historical simulation: quantiles of the symbol's last 250 returns, whatever the day.

    Over several bars, of the overlapping sums inside that window. NaN where the past is shorter
    than the horizon.
    """

    def fit(self, train: Windows, validation: Windows) -> None:
        """Nothing to learn: the window moves with the cutoff."""

    def predict(self, windows: Windows) -> Forecasts:
        """The quantiles of what was known at each cutoff."""
        quantiles = np.full((len(windows), len(windows.horizons), len(LEVELS)), np.nan)
        for which, past, cutoffs in pasts(windows):
            total = np.cumsum(np.append(0.0, past))
            for column, horizon in enumerate(windows.horizons):
                sums = total[horizon:] - total[: max(len(total) - horizon, 0)]
                ends = cutoffs + 1 - horizon  # of the newest sum known
                quantiles[which, column] = _trailing_quantiles(sums, ends, _DAYS - horizon + 1)
        return from_quantiles(windows, quantiles)


def _trailing_quantiles(values: FloatArray1D, ends: IntArray1D, length: int) -> FloatArray2D:
    """Quantiles of the `length` values up to each end, or of what there is; shape (n, 99)."""
    curves = np.full((len(ends), len(LEVELS)), np.nan)
    whole = ends >= length - 1
    if whole.any():
        views = np.lib.stride_tricks.sliding_window_view(values, length)
        curves[whole] = np.quantile(views[ends[whole] - length + 1], LEVELS, axis=1).T
    for row in np.flatnonzero(~whole & (ends >= 0)):
        curves[row] = np.quantile(values[: ends[row] + 1], LEVELS)
    return curves


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
    "history_250": History250,
    "ar": Autoregression,
    "garch_t": GarchT,
    "gjr_garch_t": GjrGarchT,
}
DEFAULT_BASELINES: Final = ("random_walk", "drift", "ewma_history", "always_up")
"""The rows that always stand beside a model; the others are asked for by name."""

NAIVE: Final = frozenset({*DEFAULT_BASELINES, "history_250"})
"""The rows that know no more than history: skill is measured against the best of those present."""


ECONOMETRIC: Final = frozenset({"ar", "garch_t", "gjr_garch_t"})
"""The rows that a model is compared with one by one: they estimate something."""


def chosen_baselines(names: Sequence[str]) -> dict[str, Callable[[], Baseline]]:
    """The rows that always stand, then those asked for, each once.

    Raises UsageError for a name that does not exist.
    """
    unknown = [name for name in names if name not in BASELINES]
    if unknown:
        raise UsageError(
            f"unknown baseline {', '.join(unknown)}", fix=f"choose from {', '.join(BASELINES)}"
        )
    return {name: BASELINES[name] for name in dict.fromkeys((*DEFAULT_BASELINES, *names))}
