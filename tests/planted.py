"""Leaks, planted on purpose: each is what someone, somewhere, has really done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.features.ingredients import Ingredients
from forecast_cli.features.targets import future_return
from forecast_cli.features.windows import Windows, concatenate
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.probe import LeastSquares


def _series(of: Ingredients) -> "pd.Series[float]":
    return pd.Series(np.log(of.bars.adj_close))


def _array(values: "pd.Series[float]") -> FloatArray1D:
    return np.asarray(values.fillna(0.0), dtype=np.float64)


def _weekly(of: Ingredients) -> FloatArray1D:
    week = (of.bars.timestamp.astype(np.int64) + 3) // 7
    return _array(_series(of).diff().fillna(0.0).groupby(week).transform("mean"))


def _released(of: Ingredients) -> "pd.Series[float]":
    return _series(of).diff().where(np.arange(len(of.bars)) % 23 == 0)


def _ranked_at_the_end(of: Ingredients) -> FloatArray1D:
    """A symbol's place among those that are still there on the last day."""
    last = max(bars.timestamp[-1] for bars in of.market.peers)
    there = [bars for bars in of.market.peers if bars.timestamp[-1] == last]
    above = sum(bars.adj_close[-1] / bars.adj_close[0] > 1.0 for bars in there)
    marked: FloatArray1D = of.returns * (above + there[0].adj_close[-1])
    return marked


def _joined_forward(of: Ingredients) -> FloatArray1D:
    """The first value of another exchange on or after each date, whatever the clock says."""
    other = of.market.covariates["^N225"]
    assert isinstance(other, Bars)
    row = np.searchsorted(other.timestamp, of.bars.timestamp, side="right")
    returns = np.diff(np.log(other.adj_close), prepend=0.0)
    joined: FloatArray1D = returns[np.minimum(row, len(returns) - 1)]
    return joined


def _encoded(of: Ingredients) -> FloatArray1D:
    """Each weekday's mean next return over the whole sample."""
    weekday = (of.bars.timestamp.astype(np.int64) + 3) % 7
    future = pd.Series(future_return(of.bars.adj_close, 1))
    return _array(future.groupby(weekday).transform("mean"))


FEATURES: Final[dict[str, Callable[[Ingredients], FloatArray1D]]] = {
    "next_return": lambda of: np.nan_to_num(future_return(of.bars.adj_close, 1)),
    "target": lambda of: np.nan_to_num(future_return(of.bars.adj_close, 5)) / of.volatility,
    "centred_mean": lambda of: _array(_series(of).diff().rolling(5, center=True).mean()),
    "backfilled": lambda of: _array(_released(of).bfill()),
    "interpolated": lambda of: _array(_released(of).interpolate()),
    "weekly_mean": _weekly,
    "of_maximum": lambda of: of.bars.adj_close / of.bars.adj_close.max(),
    "rebased": lambda of: of.bars.adj_close / of.bars.adj_close[-1],
    "standardised": lambda of: np.nan_to_num(of.returns) / np.nanstd(of.returns),
    "ranked_ever": lambda of: _array(_series(of).diff().rank(pct=True)),
    "still_listed": _ranked_at_the_end,
    "joined_forward": _joined_forward,
    "encoded_target": _encoded,
}
"""By the name each is planted under; all but the level of `of_maximum` look scale-free."""


@dataclass
class Leaky:
    """A learner that is honest but for one thing; each kind below says which."""

    inner: LeastSquares = field(default_factory=LeastSquares)

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn from the training windows."""
        self.inner.fit(train, validation)

    def predict(self, windows: Windows) -> Forecasts:
        """Forecast as a regression does."""
        return self.inner.predict(windows)


class Peeking(Leaky):
    """Reads a little of the answer."""

    def predict(self, windows: Windows) -> Forecasts:
        """A tenth of what will come, added to what it would say."""
        said = super().predict(windows)
        return said.with_quantiles(said.quantiles + windows.returns[:, :, None] / 10)


class TunedOnTest(Leaky):
    """Chooses, among two, the one that fits the answers better."""

    def predict(self, windows: Windows) -> Forecasts:
        """The better of itself and its opposite."""
        said = super().predict(windows)
        loss = [float(((sign * said.point - windows.returns) ** 2).mean()) for sign in (1, -1)]
        sign = 1 if loss[0] < loss[1] else -1
        return said.with_quantiles(said.quantiles + (sign - 1) * said.point[:, :, None])


class WholeScaler(Leaky):
    """Standardises by statistics of every row of the series."""

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn, then put all rows' mean and deviation in place of training's."""
        super().fit(train, validation)
        known = np.isfinite(train.features).all(axis=1)
        self.inner.mean = train.features[known].mean(axis=0).astype(np.float64)


class BatchStatistics(Leaky):
    """Normalises by the batch that it is asked about, as a network in training mode does."""

    def predict(self, windows: Windows) -> Forecasts:
        """Less the mean over all windows of the call."""
        said = super().predict(windows)
        return said.with_quantiles(said.quantiles - said.point.mean(axis=0)[None, :, None])


class Remembering(Leaky):
    """Carries what it met in an earlier test into the next fit, as a stateful network does."""

    met = 0.0

    def predict(self, windows: Windows) -> Forecasts:
        """Moved by the mean of all it was ever shown."""
        said = super().predict(windows)
        Remembering.met += float(windows.returns.mean())
        return said.with_quantiles(said.quantiles + Remembering.met)


FORECASTERS: Final[dict[str, type[Leaky]]] = {
    "peeking": Peeking,
    "tuned on test": TunedOnTest,
    "batch statistics": BatchStatistics,
    "remembering": Remembering,
}


def overlapping(folds: Sequence[Fold], windows: Windows, place: int) -> list[Fold]:
    """Folds without the gap behind one part of their history: train, validation or calibration."""
    return [_overlapping(fold, windows, place) for fold in folds]


def _overlapping(fold: Fold, windows: Windows, place: int) -> Fold:
    past = fold.history
    parts = [past.train, past.validation, past.calibration, fold.test]
    edges = [(part.cutoffs.min(), later.cutoffs.min()) for part, later in pairwise(parts)]
    start, stop = edges[place]
    whole = windows.take((windows.cutoffs >= start) & (windows.cutoffs < stop)).known()
    parts[place] = whole
    return _fold(parts)


def shuffled_split(folds: Sequence[Fold]) -> list[Fold]:
    """Folds in which every second test window was trained on, and the other half is tested."""
    made = []
    for fold in folds:
        odd = np.arange(len(fold.test)) % 2 == 1
        train = fold.history.train
        joined = concatenate([train, fold.test.take(odd)])
        history = replace(fold.history, train=joined)
        made.append(replace(fold, history=history, test=fold.test.take(~odd)))
    return made


def _fold(parts: Sequence[Windows]) -> Fold:
    train, validation, calibration, test = parts
    history = History(train=train, validation=validation, calibration=calibration)
    return Fold(history=history, test=test)
