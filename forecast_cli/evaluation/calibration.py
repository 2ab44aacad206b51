"""Calibration: ranges that hold as often as they say, and a P(up) that means what it says.

Fitted on windows after the training part and never on test. Two corrections per horizon, both of
the one curve that a forecast is: it is stretched about its median until the central 90 % range
held (split-conformal), then moved sideways until its P(up) is the calibrated one (Platt), so that
P(up) = 1 - F(0) of what is printed. In a walk-forward the stretch goes on learning, day by day.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias

import numpy as np

from forecast_cli.arrays import FloatArray, FloatArray1D, FloatArray2D
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts, quantiles_at, shift_to_probability

CalibrationKind: TypeAlias = Literal["none", "fixed", "adaptive"]

_COVERAGE: Final = 0.9
_FEWEST_WINDOWS: Final = 100
_LARGEST_STRETCH: Final = 2.0
_STEP: Final = 0.01
"""Of the stretch: it costs no CRPS on the data we measured, where 0.05 does."""

_OFFSET_DEVIATION: Final = 0.1
"""Prior standard deviation of the Platt offset: two or three points of P(up)."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the calibration windows taught.

    stretch: factor per horizon on the distance of each quantile from the median. p_up: offset and
    slope per horizon, logit P = offset + slope * logit P(up); empty for none.
    """

    stretch: tuple[float, ...]
    p_up: tuple[tuple[float, float], ...] = ()


def fit_calibration(forecasts: Forecasts, windows: Windows) -> Calibration:
    """Choose the stretch that makes the central 90 % range hold, then calibrate P(up).

    The stretch is the ceil(0.9 (n + 1))-th smallest of the windows' scores, see `_scores`, bounded
    by 1/2 and 2. Fewer than 100 windows: no correction.
    """
    if len(windows) < _FEWEST_WINDOWS:
        return Calibration(stretch=(1.0,) * len(windows.horizons))
    rank = math.ceil(_COVERAGE * (len(windows) + 1))
    stretch: FloatArray1D = np.sort(_scores(forecasts, windows), axis=0)[rank - 1]
    bounded = tuple(float(factor) for factor in _bounded(stretch))
    stretched = _stretched(forecasts, np.array([bounded]))
    return Calibration(stretch=bounded, p_up=_platt(stretched, windows))


def calibrate(forecasts: Forecasts, calibration: Calibration) -> Forecasts:
    """Correct the curves as the calibration windows taught; point and P(up) follow from them."""
    return _corrected(forecasts, np.array([calibration.stretch]), calibration)


def calibrate_adaptively(
    forecasts: Forecasts, windows: Windows, calibration: Calibration
) -> Forecasts:
    """The same, and at each cutoff's close the stretch learns from the targets known by then.

    After a day's newly known windows, of which a share `missed` lay outside their range, the
    stretch grows by 0.01 (missed - 0.1), within 1/2 and 2. So the long-run coverage is 90 %
    whatever the market does, up to 1 / (0.01 n_days): adaptive conformal inference (Gibbs and
    Candes 2021) in the form that tracks the quantile of the scores itself (Angelopoulos, Candes
    and Tibshirani 2023). A target counts once the longest horizon of its window is over.

    windows: those of the forecasts, with their targets; one fold's.
    """
    stretch = _tracked(_scores(forecasts, windows), windows, np.array(calibration.stretch))
    return _corrected(forecasts, stretch, calibration)


def _scores(forecasts: Forecasts, windows: Windows) -> FloatArray2D:
    """How far each return fell from the median, in half widths of the 90 % range on that side.

    Normalised split-conformal prediction (Lei et al. 2018) after the quantile scores of Romano,
    Patterson and Candes (2019). One factor for both sides: one for each tail, as they have it,
    learns from half as many misses and had the higher CRPS wherever we measured it.
    """
    error = windows.returns - forecasts.point
    upper = quantiles_at(forecasts.quantiles, (1 + _COVERAGE) / 2) - forecasts.point
    lower = forecasts.point - quantiles_at(forecasts.quantiles, (1 - _COVERAGE) / 2)
    half_width = np.where(error > 0, upper, lower)
    # where the curve has no width, as for a price that rarely moves, no stretch would be enough
    scores = np.full_like(error, _LARGEST_STRETCH)
    np.divide(np.abs(error), half_width, out=scores, where=half_width > 0)
    scores[error == 0] = 0.0
    return scores


def _tracked(scores: FloatArray2D, windows: Windows, stretch: FloatArray1D) -> FloatArray2D:
    """The stretch in force at each window, shape (n, n_horizons)."""
    days, of_day = np.unique(windows.cutoffs, return_inverse=True)
    order = np.argsort(windows.known_from, kind="stable")
    n_known = np.searchsorted(windows.known_from[order], days, side="right")
    in_force = np.empty_like(scores)
    n_learnt = 0
    for day, n in enumerate(n_known):
        if n > n_learnt:
            fresh = order[n_learnt:n]
            missed = (scores[fresh] > in_force[fresh]).mean(axis=0)
            stretch = _bounded(stretch + _STEP * (missed - (1 - _COVERAGE)))
            n_learnt = n
        in_force[of_day == day] = stretch
    return in_force


def _bounded(stretch: FloatArray1D) -> FloatArray1D:
    return np.clip(stretch, 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)


def _corrected(forecasts: Forecasts, stretch: FloatArray2D, calibration: Calibration) -> Forecasts:
    stretched = _stretched(forecasts, stretch)
    if not calibration.p_up:
        return stretched
    offset, slope = np.transpose(calibration.p_up)
    p_up = _sigmoid(offset + slope * _logit(stretched.p_up))
    return stretched.with_quantiles(shift_to_probability(stretched.quantiles, p_up))


def _stretched(forecasts: Forecasts, stretch: FloatArray2D) -> Forecasts:
    """stretch: shape (n or 1, n_horizons)."""
    median = forecasts.point[:, :, None]
    distance = forecasts.quantiles - median
    return forecasts.with_quantiles(median + stretch[:, :, None] * distance)


def _platt(forecasts: Forecasts, windows: Windows) -> tuple[tuple[float, float], ...]:
    """Offset and slope per horizon (Platt 1999), by penalised maximum likelihood.

    The slope stays within 0 and 1: calibration may make a forecast less sure of the direction and
    never turns it around. Windows of one day move together and their targets overlap, so that the
    likelihood counts as n_days / horizon windows against the prior of the offset.
    """
    # here, since `predict` loads this module and does without scipy
    from scipy.optimize import minimize  # noqa: PLC0415

    n_days = len(np.unique(windows.cutoffs))
    found = []
    for column, horizon in enumerate(windows.horizons):
        side = np.where(windows.returns[:, column] > 0, 1.0, -1.0)
        terms = side * np.stack([np.ones_like(side), _logit(forecasts.p_up[:, column])])
        loss = partial(_penalised_loss, terms, n_days / horizon)
        best = minimize(loss, [0.0, 1.0], jac=True, bounds=[(-2, 2), (0, 1)]).x
        found.append((float(best[0]), float(best[1])))
    return tuple(found)


def _penalised_loss(
    terms: FloatArray2D, weight: float, of: FloatArray1D
) -> tuple[float, FloatArray1D]:
    """Log loss and its gradient. terms: 1 and the logit, negative where it fell, shape (2, n)."""
    signed = of @ terms
    likelihood = weight * float(np.logaddexp(0, -signed).mean())
    gradient: FloatArray1D = -weight * (terms * _sigmoid(-signed)).mean(axis=1)
    prior = np.array([of[0] / _OFFSET_DEVIATION**2, 0.0])
    return likelihood + float(of @ prior) / 2, gradient + prior


def _logit(probability: FloatArray) -> FloatArray:
    logit: FloatArray = np.log(probability / (1 - probability))
    return logit


def _sigmoid(logit: FloatArray) -> FloatArray:
    probability: FloatArray = 1 / (1 + np.exp(-logit))
    return probability
