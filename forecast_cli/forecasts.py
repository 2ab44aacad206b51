"""Forecasts: the one form in which every forecaster, naive ones too, says what it expects."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecast_cli.arrays import (
    BoolArray1D,
    DateArray1D,
    FloatArray,
    FloatArray1D,
    FloatArray2D,
    FloatArray3D,
    IntArray1D,
)

LEVELS: Final[FloatArray1D] = np.arange(1, 100) / 100
"""The fixed grid of quantile levels: 1 % to 99 %, shape (99,)."""

_STEP: Final = 0.01
_SMALLEST_WIDTH: Final = 1e-300
"""Of a piece of curve, so that a flat one divides nothing by zero."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecasts:
    """Forecasts of log returns made at several cutoffs.

    symbols: shape (n,), text. cutoffs: shape (n,), date of the last bar known.
    horizons: bars ahead, one per column. quantiles: shape (n, n_horizons, 99), log returns at
    LEVELS, ascending along the last axis; NaN throughout where a forecaster gives none.
    point: shape (n, n_horizons), the median log return. p_up: shape (n, n_horizons), in [0, 1].
    position: shape (n, n_horizons), in [-1, 1], what a forecaster that learnt to trade would hold
    over the horizon, decided at the cutoff; None from all others.
    """

    symbols: np.ndarray[tuple[int], np.dtype[np.str_]]
    cutoffs: DateArray1D
    horizons: tuple[int, ...]
    quantiles: FloatArray3D
    point: FloatArray2D
    p_up: FloatArray2D
    position: FloatArray2D | None = None

    def __len__(self) -> int:
        return len(self.cutoffs)

    def take(self, rows: IntArray1D | BoolArray1D | slice) -> "Forecasts":
        """The forecasts of some rows."""
        return replace(
            self,
            symbols=self.symbols[rows],
            cutoffs=self.cutoffs[rows],
            quantiles=self.quantiles[rows],
            point=self.point[rows],
            p_up=self.p_up[rows],
            position=None if self.position is None else self.position[rows],
        )

    def with_quantiles(self, quantiles: FloatArray3D) -> "Forecasts":
        """The same forecasts with another curve; point and P(up) follow from it."""
        return replace(
            self,
            quantiles=quantiles,
            point=quantiles_at(quantiles, 0.5),
            p_up=probability_up(quantiles),
        )


def concatenate(parts: list[Forecasts]) -> Forecasts:
    """Join forecasts of one forecaster row after row."""
    positions = [part.position for part in parts if part.position is not None]
    assert len(positions) in {0, len(parts)}
    return replace(
        parts[0],
        symbols=np.concatenate([part.symbols for part in parts]),
        cutoffs=np.concatenate([part.cutoffs for part in parts]),
        quantiles=np.concatenate([part.quantiles for part in parts]),
        point=np.concatenate([part.point for part in parts]),
        p_up=np.concatenate([part.p_up for part in parts]),
        position=np.concatenate(positions) if positions else None,
    )


def quantiles_at(quantiles: FloatArray, level: float) -> FloatArray:
    """Read a curve at any level from 0.01 to 0.99, linear between the grid's levels.

    quantiles: shape (..., 99). Returns shape (...,).
    """
    position = (level - LEVELS[0]) / _STEP
    low = min(int(position + 1e-9), len(LEVELS) - 2)
    weight = position - low
    if abs(weight) < 1e-9:  # noqa: PLR2004 - a level of the grid itself
        exact: FloatArray = quantiles[..., low]
        return exact
    between: FloatArray = (1 - weight) * quantiles[..., low] + weight * quantiles[..., low + 1]
    return between


def probability_up(quantiles: FloatArray) -> FloatArray:
    """P(up) = 1 - F(0), F linear between the grid's levels; within [0.01, 0.99] by construction.

    quantiles: shape (..., 99), ascending. Returns shape (...,); NaN for a curve of NaN.
    """
    not_up = np.sum(quantiles <= 0, axis=-1)  # F(0) counts "no change" in: it is not up
    upper = np.clip(not_up, 1, len(LEVELS) - 1)[..., None]
    low = np.take_along_axis(quantiles, upper - 1, axis=-1)[..., 0]
    high = np.take_along_axis(quantiles, upper, axis=-1)[..., 0]
    share_up = np.clip(high / np.maximum(high - low, _SMALLEST_WIDTH), 0, 1)
    probability: FloatArray = 1 - (LEVELS[upper[..., 0]] - _STEP * share_up)
    return probability


def shift_to_median(history: FloatArray2D, point: FloatArray2D) -> FloatArray3D:
    """Move historical quantile curves sideways until each has a given median.

    A point forecast carries no width; this lends it the width of history.

    history: shape (n_horizons, 99), scaled returns. point: shape (n, n_horizons), likewise.
    Returns shape (n, n_horizons, 99).
    """
    centred = history - quantiles_at(history, 0.5)[:, None]
    shifted: FloatArray3D = point[:, :, None] + centred
    return shifted


def shift_to_probability(curves: FloatArray3D, p_up: FloatArray2D) -> FloatArray3D:
    """Move curves sideways until each says a given P(up).

    A direction forecast carries no width; this lends it the width of history, so that its curve and
    its P(up) agree. At the base rate of a curve it is the curve itself.

    curves: shape (n or 1, n_horizons, 99). p_up: shape (n, n_horizons).
    Returns shape (n, n_horizons, 99).
    """
    position = np.clip((1 - p_up - LEVELS[0]) / _STEP, 0, len(LEVELS) - 1)[:, :, None]
    low = np.minimum(position.astype(np.int64), len(LEVELS) - 2)
    shape = (*p_up.shape, len(LEVELS))
    below = np.take_along_axis(np.broadcast_to(curves, shape), low, axis=-1)
    above = np.take_along_axis(np.broadcast_to(curves, shape), low + 1, axis=-1)
    shifted: FloatArray3D = curves - (below + (position - low) * (above - below))
    return shifted


def moments(quantiles: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of a curve, each of shape (...,).

    The law has 1 % of its mass at each level of the grid, and half a per cent more at the two
    outermost ones, as if nothing lay beyond them: the variance of a normal law comes out 3 % small.

    quantiles: shape (..., 99); NaN gives NaN.
    """
    mass = np.full(len(LEVELS), _STEP)
    mass[[0, -1]] += _STEP / 2
    mean = quantiles @ mass
    return mean, (quantiles - mean[..., None]) ** 2 @ mass
