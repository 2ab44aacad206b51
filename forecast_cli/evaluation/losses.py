"""What is kept of forecasts once it is known what came.

A curve has 99 numbers; what the scores need of it has seventeen. A backtest keeps these, and the
curves of the models under test only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray, FloatArray2D, FloatArray3D
from forecast_cli.evaluation import metrics
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts, quantiles_at

RANGE_LEVELS: Final = (0.5, 0.8, 0.9, 0.95)
PINBALL_LEVELS: Final = (0.01, 0.05, 0.95, 0.99)
_CHUNK: Final = 20_000
"""Windows measured at once: their curves and what is computed on the way fit in 100 MB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Losses:
    """Per window and horizon, shape (n, n_horizons); NaN where a forecaster says nothing.

    crps, error (return less point forecast): log return. brier, pit, p_up: no unit.
    inside, width: shape (n, n_horizons, 4), at RANGE_LEVELS; 1 or 0, and log return.
    pinball: shape (n, n_horizons, 4), at PINBALL_LEVELS, log return.
    """

    crps: FloatArray2D
    error: FloatArray2D
    brier: FloatArray2D
    pit: FloatArray2D
    p_up: FloatArray2D
    inside: FloatArray3D
    width: FloatArray3D
    pinball: FloatArray3D


def losses_of(made: Forecasts, windows: Windows) -> Losses:
    """Measure forecasts at windows whose targets are known, in the same order."""
    starts = range(0, len(windows), _CHUNK) or [0]
    chunks = [slice(start, start + _CHUNK) for start in starts]
    return concatenate([_losses(made.take(chunk), windows.take(chunk)) for chunk in chunks])


def concatenate(parts: Sequence[Losses]) -> Losses:
    """Join the losses of windows part after part."""
    return Losses(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Losses)
        }
    )


def least(means: Mapping[str, float]) -> str:
    """The forecaster that loses least on average; one whose loss is unknown, NaN, only if all are.

    The rule by which the best naive row is chosen. Of equals the first.
    """
    return min(means, key=lambda name: float(np.nan_to_num(means[name], nan=np.inf)))


def naive_error(train: Windows, windows: Windows) -> FloatArray2D:
    """Mean absolute error of "no change" in training, shape (n, n_horizons): MASE's yardstick.

    Of each window's symbol; of all symbols where training did not see it.
    """
    moved = np.abs(train.returns)
    by_symbol = np.tile(moved.mean(axis=0), (len(train.symbols), 1))
    for index in np.unique(train.symbol_index):
        by_symbol[index] = moved[train.symbol_index == index].mean(axis=0)
    errors: FloatArray2D = by_symbol[windows.symbol_index]
    return errors


def _losses(made: Forecasts, windows: Windows) -> Losses:
    columns = [_column(made, windows.returns, column) for column in range(len(windows.horizons))]
    return Losses(
        **{
            field.name: np.stack([column[field.name] for column in columns], axis=1)
            for field in fields(Losses)
        }
    )


def _column(made: Forecasts, came: FloatArray2D, column: int) -> dict[str, FloatArray]:
    """The fields of Losses at one horizon."""
    returns, p_up, curves = came[:, column], made.p_up[:, column], made.quantiles[:, column]
    levels = np.array(PINBALL_LEVELS)
    at_levels = np.stack([quantiles_at(curves, level) for level in PINBALL_LEVELS], axis=-1)
    return {
        "crps": metrics.crps(returns, curves),
        "error": returns - made.point[:, column],
        "brier": metrics.brier(returns, p_up),
        "pit": metrics.pit(returns, curves),
        "p_up": p_up,
        "inside": np.stack([metrics.inside(returns, curves, of) for of in RANGE_LEVELS], axis=-1),
        "width": np.stack([metrics.width(curves, of) for of in RANGE_LEVELS], axis=-1),
        "pinball": metrics.pinball(returns, at_levels, levels),
    }
