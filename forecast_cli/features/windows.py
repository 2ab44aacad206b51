"""Windows: what a forecaster sees of the market, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast_cli.arrays import (
    BoolArray1D,
    DateArray1D,
    Float32Array2D,
    Float32Array3D,
    FloatArray1D,
    FloatArray2D,
    IntArray1D,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Network inputs and targets of one or more symbols.

    The feature series is held once; a window is the row where it ends. Inputs are gathered per
    batch and never materialised for the whole data set.

    features: shape (n_rows, n_features), all symbols one after another, oldest first in each.
    bar_returns: shape (n_rows,), log return of each bar; NaN on the first bar of each symbol.
    lookback: rows in one window. horizons: bars ahead, ascending.
    rows: shape (n,), the last row of each window. A window never reaches into another symbol.
    cutoffs: shape (n,), the date of that row; everything in the window is known at its close.
    known_from: shape (n,), the date at whose close the longest target is known; NaT if it is not.
    symbol_index: shape (n,), into `symbols`.
    scale: shape (n, n_horizons), EWMA volatility known at the cutoff times sqrt(horizon).
    targets: shape (n, n_horizons), log return over each horizon divided by its scale; NaN unknown.
    """

    features: Float32Array2D
    bar_returns: FloatArray1D
    lookback: int
    horizons: tuple[int, ...]
    symbols: tuple[str, ...]
    rows: IntArray1D
    cutoffs: DateArray1D
    known_from: DateArray1D
    symbol_index: IntArray1D
    scale: FloatArray2D
    targets: FloatArray2D

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_features(self) -> int:
        """Columns of the feature series."""
        return int(self.features.shape[1])

    @property
    def returns(self) -> FloatArray2D:
        """Log returns over each horizon, shape (n, n_horizons); NaN where unknown."""
        return self.targets * self.scale

    @property
    def symbol_names(self) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
        """The symbol of each window, shape (n,)."""
        return np.asarray(self.symbols)[self.symbol_index]

    def take(self, which: IntArray1D | BoolArray1D | slice) -> "Windows":
        """Some of the windows, over the same feature series."""
        return replace(
            self,
            rows=self.rows[which],
            cutoffs=self.cutoffs[which],
            known_from=self.known_from[which],
            symbol_index=self.symbol_index[which],
            scale=self.scale[which],
            targets=self.targets[which],
        )

    def known(self) -> "Windows":
        """The windows whose targets are all known."""
        return self.take(~np.isnat(self.known_from))

    def past_returns(self, row: int) -> FloatArray1D:
        """Log returns of a row's symbol, from its second bar up to and including that row."""
        known = self.bar_returns[: row + 1]
        (first_bars,) = np.nonzero(np.isnan(known))
        past: FloatArray1D = known[first_bars[-1] + 1 :]
        return past

    def inputs(self) -> Float32Array3D:
        """Gather the inputs, shape (n, lookback, n_features), oldest bar first."""
        gathered: Float32Array3D = self.features[self.rows[:, None] + offsets(self.lookback)]
        return gathered


def concatenate(parts: Sequence[Windows]) -> Windows:
    """Join windows over the same feature series, part after part."""
    return replace(
        parts[0],
        rows=np.concatenate([part.rows for part in parts]),
        cutoffs=np.concatenate([part.cutoffs for part in parts]),
        known_from=np.concatenate([part.known_from for part in parts]),
        symbol_index=np.concatenate([part.symbol_index for part in parts]),
        scale=np.concatenate([part.scale for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
    )


def in_common(several: Sequence[Windows]) -> list[Windows]:
    """The windows that end on the same bars in each, of the same series in the same order.

    With them, models that look back differently far are fitted and tested on the same days.
    """
    shared = several[0].rows
    for windows in several[1:]:
        shared = np.intersect1d(shared, windows.rows)
    return [windows.take(np.isin(windows.rows, shared)) for windows in several]


def offsets(lookback: int) -> IntArray1D:
    """Rows of a window relative to its last one: -lookback + 1 to 0."""
    return np.arange(1 - lookback, 1)
