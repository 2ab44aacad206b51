"""The table of scores: each forecaster beside the naive rows, with a test of the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.days import Days
from forecast_cli.evaluation.losses import PINBALL_LEVELS, RANGE_LEVELS, Losses, least, losses_of
from forecast_cli.evaluation.significance import (
    MeanTest,
    benjamini_hochberg,
    diebold_mariano_by_day,
    mean_test,
)
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts

PERCENT: Final = 100.0
SIGNIFICANCE: Final = 0.05
REGIMES: Final = ("calm", "middle", "wild")
_FEWEST_SYMBOLS: Final = 5
"""Below which a correlation across symbols means nothing."""


@dataclass(frozen=True, kw_only=True)
class RegimeScore:
    """How a range held in a third of the windows, by the volatility known at the cutoff."""

    regime: str
    n: int
    coverage: float | None
    width: float | None


@dataclass(frozen=True, kw_only=True)
class RangeScore:
    """How the central range of a level held. coverage: share; width: per cent of log return."""

    level: float
    coverage: float | None
    width: float | None
    regimes: tuple[RegimeScore, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A forecaster against one row beside it; fields as in `Score`."""

    row: str
    skill_crps: float | None
    dm_p: float | None
    n_effective: float | None
    detectable_skill: float | None
    skill_brier: float | None
    dm_p_brier: float | None
    detectable_skill_brier: float | None


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """95 % intervals by a bootstrap of days in blocks; (low, high), None where not defined."""

    block_days: float
    crps: tuple[float, float] | None
    skill_crps: tuple[float, float] | None
    coverage_90: tuple[float, float] | None
    direction_accuracy: tuple[float, float] | None
    brier: tuple[float, float] | None
    skill_brier: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one forecaster did at one horizon. None stands for "not defined".

    n: windows scored; n_days: distinct cutoffs; n_effective: independent days they are worth, by
    the autocorrelation of the CRPS difference to the naive row. crps, mae, rmse and pinball: per
    cent of log return. skill_crps: 1 - crps / that of the naive row with the lowest CRPS at this
    horizon, with the Diebold-Mariano p; skill_brier and dm_p_brier: the same for P(up), against
    the naive row with the lowest Brier score. ..._corrected: for the number of tested models and
    horizons in the table (Benjamini-Hochberg). detectable_...: the smallest skill that so many days
    would show in four cases of five. against: the same, row by row. reference: a row beside the
    models that knows more than history does, and is not what skill is measured against.

    pinball: by level. pit_histogram, pit_distance: see `metrics`. mase, theil_u: error relative to
    that of "no change", in training and here. ic: mean over ic_days of the rank correlation across
    symbols, ic_t its t; for at least five symbols. ece: expected calibration error of P(up), from
    the bins of `reliability`.
    """

    forecaster: str
    horizon: int
    n: int
    n_days: int
    crps: float | None
    coverage_90: float | None
    mae: float | None
    rmse: float | None
    direction_accuracy: float | None
    mcc: float | None
    brier: float | None
    skill_crps: float | None = None
    dm_p: float | None = None
    n_effective: float | None = None
    skill_brier: float | None = None
    dm_p_brier: float | None = None
    naive: bool = False
    dm_p_corrected: float | None = None
    dm_p_brier_corrected: float | None = None
    detectable_skill: float | None = None
    detectable_skill_brier: float | None = None
    against: tuple[Comparison, ...] = ()
    intervals: Intervals | None = None
    ranges: tuple[RangeScore, ...] = ()
    pinball: Mapping[float, float | None] | None = None
    pit_histogram: tuple[float, ...] | None = None
    pit_distance: float | None = None
    mase: float | None = None
    theil_u: float | None = None
    ic: float | None = None
    ic_t: float | None = None
    ic_days: int | None = None
    ece: float | None = None
    reliability: tuple[metrics.ReliabilityBin, ...] = ()
    reference: bool = False


def score_all(
    forecasts: Mapping[str, Forecasts],
    windows: Windows,
    *,
    naive: Sequence[str],
    reference: Sequence[str] = (),
) -> list[Score]:
    """Score forecasters on the same windows, horizon by horizon, in the order of the mapping.

    naive: names of the rows whose best the others' skill is measured against. reference: names of
    rows that each is compared with beside that.
    """
    losses = {name: losses_of(made, windows) for name, made in forecasts.items()}
    return score_losses(losses, windows, naive=naive, reference=reference)


def score_losses(
    losses: Mapping[str, Losses],
    windows: Windows,
    *,
    naive: Sequence[str],
    reference: Sequence[str] = (),
    naive_error: FloatArray2D | None = None,
) -> list[Score]:
    """The same from what was kept of the forecasts.

    naive_error: from `losses.naive_error`, shape (n, n_horizons); None leaves MASE undefined.
    """
    days = Days.of(windows.cutoffs)
    rows = []
    for column, horizon in enumerate(windows.horizons):
        yardstick = None if naive_error is None else naive_error[:, column]
        crps = {name: _loss(of.crps[:, column], days) for name, of in losses.items()}
        brier = {name: _loss(of.brier[:, column], days) for name, of in losses.items()}
        best_crps = least({name: crps[name].mean for name in naive})
        best_brier = least({name: brier[name].mean for name in naive})
        for name, of in losses.items():
            score = _score(name, of, windows, column, yardstick)
            beside = (*naive, *reference)
            against = {row: _compare(name, row, crps, brier, horizon) for row in beside}
            score = replace(score, naive=name in naive, reference=name in reference)
            rows.append(_beside(score, against, best_crps, best_brier))
    return _corrected(rows)


@dataclass(frozen=True, eq=False)
class _Loss:
    """mean: over windows. by_day: mean over the windows of each day, shape (n_days,)."""

    mean: float
    by_day: FloatArray1D


def _loss(losses: FloatArray1D, days: Days) -> _Loss:
    return _Loss(mean=float(losses.mean()), by_day=days.means(losses))


def _score(
    name: str, losses: Losses, windows: Windows, column: int, yardstick: FloatArray1D | None
) -> Score:
    returns, p_up = windows.returns[:, column], losses.p_up[:, column]
    error = losses.error[:, column]
    horizon = windows.horizons[column]
    coefficients = _coefficients(returns - error, returns, windows)
    bins = metrics.reliability(returns, p_up)
    return Score(
        forecaster=name,
        horizon=horizon,
        n=len(windows),
        n_days=len(np.unique(windows.cutoffs)),
        crps=_defined(PERCENT * losses.crps[:, column].mean()),
        coverage_90=_defined(losses.inside[:, column, RANGE_LEVELS.index(0.9)].mean()),
        mae=_defined(PERCENT * metrics.mae(error)),
        rmse=_defined(PERCENT * metrics.rmse(error)),
        direction_accuracy=_defined(metrics.direction_hits(returns, p_up).mean()),
        mcc=metrics.mcc(returns, p_up),
        brier=_defined(losses.brier[:, column].mean()),
        ranges=_ranges(losses, _regimes(windows.scale[:, column]), column),
        pinball={
            level: _defined(PERCENT * losses.pinball[:, column, place].mean())
            for place, level in enumerate(PINBALL_LEVELS)
        },
        pit_histogram=_histogram(losses.pit[:, column]),
        pit_distance=_defined(metrics.pit_distance(losses.pit[:, column])),
        mase=None if yardstick is None else _defined(metrics.mase(error, yardstick)),
        theil_u=_defined(metrics.theil_u(error, returns)),
        ic=_defined(coefficients.mean()) if len(coefficients) else None,
        ic_t=_defined(mean_test(coefficients, horizon=horizon).statistic),
        ic_days=len(coefficients) or None,
        ece=_defined(metrics.calibration_error(bins)),
        reliability=bins,
    )


def _coefficients(point: FloatArray1D, returns: FloatArray1D, windows: Windows) -> FloatArray1D:
    if len(windows.symbols) < _FEWEST_SYMBOLS:
        return np.empty(0)
    return metrics.information_coefficients(point, returns, windows.cutoffs, fewest=_FEWEST_SYMBOLS)


def _regimes(scale: FloatArray1D) -> IntArray1D:
    """The third of the windows each belongs to by the volatility known at its cutoff: 0, 1 or 2."""
    return np.searchsorted(np.quantile(scale, [1 / 3, 2 / 3]), scale, side="left")


def _ranges(losses: Losses, regimes: IntArray1D, column: int) -> tuple[RangeScore, ...]:
    rows = []
    for place, level in enumerate(RANGE_LEVELS):
        held, wide = losses.inside[:, column, place], PERCENT * losses.width[:, column, place]
        thirds = [regimes == number for number in range(len(REGIMES))]
        by_regime = tuple(
            RegimeScore(
                regime=regime,
                n=int(third.sum()),
                coverage=_defined(held[third].mean()) if third.any() else None,
                width=_defined(wide[third].mean()) if third.any() else None,
            )
            for regime, third in zip(REGIMES, thirds, strict=True)
        )
        rows.append(
            RangeScore(
                level=level,
                coverage=_defined(held.mean()),
                width=_defined(wide.mean()),
                regimes=by_regime,
            )
        )
    return tuple(rows)


def _histogram(transformed: FloatArray1D) -> tuple[float, ...] | None:
    shares = metrics.pit_histogram(transformed)
    return None if np.isnan(shares).any() else tuple(map(float, shares))


def _compare(
    name: str, row: str, crps: Mapping[str, _Loss], brier: Mapping[str, _Loss], horizon: int
) -> Comparison:
    skill_crps, test = _skill(crps[name], crps[row], horizon)
    skill_brier, test_brier = _skill(brier[name], brier[row], horizon)
    return Comparison(
        row=row,
        skill_crps=_defined(skill_crps),
        dm_p=_defined(test.p),
        n_effective=_defined(test.n_effective),
        detectable_skill=_defined(_ratio(test.detectable, crps[row].mean)),
        skill_brier=_defined(skill_brier),
        dm_p_brier=_defined(test_brier.p),
        detectable_skill_brier=_defined(_ratio(test_brier.detectable, brier[row].mean)),
    )


def _skill(own: _Loss, naive: _Loss, horizon: int) -> tuple[float, MeanTest]:
    """Share of the naive loss that was saved, and the test of the difference."""
    test = diebold_mariano_by_day(own.by_day, naive.by_day, horizon=horizon)
    return 1 - _ratio(own.mean, naive.mean), test


def _ratio(loss: float, naive: float) -> float:
    """NaN where the naive row lost nothing, as "always up" does on a few days that all rose."""
    return loss / naive if naive else np.nan


def _beside(
    score: Score, against: Mapping[str, Comparison], best_crps: str, best_brier: str
) -> Score:
    """A row with its comparisons; those with the best naive rows are its skill."""
    by_crps, by_brier = against[best_crps], against[best_brier]
    return replace(
        score,
        skill_crps=by_crps.skill_crps,
        dm_p=by_crps.dm_p,
        n_effective=by_crps.n_effective,
        skill_brier=by_brier.skill_brier,
        dm_p_brier=by_brier.dm_p_brier,
        detectable_skill=by_crps.detectable_skill,
        detectable_skill_brier=by_brier.detectable_skill_brier,
        against=tuple(against.values()),
    )


def _corrected(rows: Sequence[Score]) -> list[Score]:
    """Correct the tests of the models, which are what someone may believe in, for their number."""
    models = [place for place, row in enumerate(rows) if not row.naive and not row.reference]
    by_crps = benjamini_hochberg([rows[position].dm_p for position in models])
    by_brier = benjamini_hochberg([rows[position].dm_p_brier for position in models])
    corrected = list(rows)
    for position, p, p_brier in zip(models, by_crps, by_brier, strict=True):
        corrected[position] = replace(
            rows[position], dm_p_corrected=p, dm_p_brier_corrected=p_brier
        )
    return corrected


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
