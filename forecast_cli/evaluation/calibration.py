"""Split-conformal calibration: stretch the curve until the past was covered as often as promised.

Fitted on windows after the training part and never on test. One factor per horizon keeps the levels
in order and costs little when there is nothing to correct.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts, quantiles_at

_COVERAGE: Final = 0.9
_FEWEST_WINDOWS: Final = 100
_LARGEST_STRETCH: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """stretch: factor per horizon on the distance of each quantile from the median."""

    stretch: tuple[float, ...]


def fit_calibration(forecasts: Forecasts, windows: Windows) -> Calibration:
    """Choose the stretch that makes the central 90 % range hold.

    The score of a window is how far the return fell from the median, in units of the range's half
    width on that side; the stretch is the ceil(0.9 (n + 1))-th smallest of the n scores
    (normalised split-conformal prediction, Lei et al. 2018, after the quantile scores of Romano,
    Patterson and Candes 2019), bounded by 1/2 and 2. Fewer than 100 windows: no correction.
    """
    if len(windows) < _FEWEST_WINDOWS:
        return Calibration(stretch=(1.0,) * len(windows.horizons))
    error = windows.returns - forecasts.point
    upper = quantiles_at(forecasts.quantiles, (1 + _COVERAGE) / 2) - forecasts.point
    lower = forecasts.point - quantiles_at(forecasts.quantiles, (1 - _COVERAGE) / 2)
    half_width = np.where(error > 0, upper, lower)
    # where the curve has no width, as for a price that rarely moves, no stretch would be enough
    scores = np.full_like(error, _LARGEST_STRETCH)
    np.divide(np.abs(error), half_width, out=scores, where=half_width > 0)
    scores[error == 0] = 0.0
    rank = math.ceil(_COVERAGE * (len(windows) + 1))
    stretch: FloatArray1D = np.sort(scores, axis=0)[rank - 1]
    bounded = np.clip(stretch, 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
    return Calibration(stretch=tuple(float(factor) for factor in bounded))


def calibrate(forecasts: Forecasts, calibration: Calibration) -> Forecasts:
    """Stretch the curves about their medians; point forecasts stay, P(up) follows the curve."""
    median = forecasts.point[:, :, None]
    stretch = np.asarray(calibration.stretch)[None, :, None]
    return forecasts.with_quantiles(median + stretch * (forecasts.quantiles - median))
