"""From what a head says, in units of the scale, to forecasts of log returns."""

from dataclasses import replace

import numpy as np

from forecast_cli.arrays import FloatArray, FloatArray2D, FloatArray3D
from forecast_cli.config import ModelConfig, Objective
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import (
    LEVELS,
    Forecasts,
    probability_up,
    quantiles_at,
    shift_to_median,
    shift_to_probability,
)


def output_shape(config: ModelConfig) -> tuple[int, ...]:
    """Shape of what a head says of one window."""
    curve = (len(LEVELS),) if config.objective == "crps" else ()
    return (len(config.horizons), *curve)


def from_outputs(
    windows: Windows, outputs: FloatArray, *, objective: Objective, history: FloatArray2D
) -> Forecasts:
    """Forecasts from a head's outputs; history lends its width to those that have none.

    outputs: shape (n, n_horizons, 99), scaled quantiles, for objective "crps"; shape
    (n, n_horizons) for the others: P(up) for "logloss", positions for "sharpe", scaled returns for
    the rest. history: shape (n_horizons, 99), the training quantiles of the scaled return.
    """
    outputs = outputs.astype(np.float64)
    if objective == "crps":
        return from_scaled(windows, outputs)
    if objective == "logloss":
        return from_scaled(windows, shift_to_probability(history[None], outputs))
    if objective == "sharpe":
        return replace(from_scaled(windows, history[None]), position=outputs)
    return from_scaled(windows, shift_to_median(history, outputs))


def from_scaled(windows: Windows, quantiles: FloatArray3D) -> Forecasts:
    """Forecasts from quantiles in units of the scale, shape (n or 1, n_horizons, 99)."""
    return from_quantiles(windows, windows.scale[:, :, None] * quantiles)


def from_quantiles(windows: Windows, curves: FloatArray3D) -> Forecasts:
    """Forecasts from quantiles of the log return, shape (n, n_horizons, 99)."""
    return Forecasts(
        symbols=windows.symbol_names,
        cutoffs=windows.cutoffs,
        horizons=windows.horizons,
        quantiles=curves,
        point=quantiles_at(curves, 0.5),
        p_up=probability_up(curves),
    )
