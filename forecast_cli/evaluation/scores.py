"""The table of scores: each forecaster beside the naive rows, with a test of the difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.evaluation import metrics
from forecast_cli.evaluation.significance import DieboldMariano, diebold_mariano
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts

PERCENT: Final = 100.0
SIGNIFICANCE: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one forecaster did at one horizon. None stands for "not defined".

    n: windows scored; n_days: distinct cutoffs; n_effective: independent days they are worth, by
    the autocorrelation of the CRPS difference to the naive row. crps, mae and rmse: per cent of log
    return. skill_crps: 1 - crps / that of the naive row with the lowest CRPS at this horizon, with
    the Diebold-Mariano p; skill_brier and dm_p_brier: the same for P(up), against the naive row
    with the lowest Brier score. model_skill_crps and model_dm_p: the tested model against this very
    row, 1 - model's crps / this crps and its Diebold-Mariano p. ece: expected calibration error of
    P(up), from the bins of `reliability`.
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
    model_skill_crps: float | None = None
    model_dm_p: float | None = None
    ece: float | None = None
    reliability: tuple[metrics.ReliabilityBin, ...] = ()


@dataclass(frozen=True, eq=False)
class _Losses:
    crps: FloatArray1D
    brier: FloatArray1D


def score_all(
    forecasts: Mapping[str, Forecasts],
    windows: Windows,
    *,
    naive: Sequence[str],
    model: str | None = None,
) -> list[Score]:
    """Score forecasters on the same windows, horizon by horizon, in the order of the mapping.

    naive: names of the rows that the others are compared with. model: name of the one that is
    compared with each of the others, too.
    """
    rows = []
    for column, horizon in enumerate(windows.horizons):
        scores, losses = {}, {}
        for name, made in forecasts.items():
            losses[name] = _losses(made, windows, column)
            scores[name] = _score(name, made, windows, column, losses[name])
        if model is not None:
            scores |= {
                name: _beside(score, losses[model].crps, losses[name].crps, windows.cutoffs)
                for name, score in scores.items()
                if name != model
            }
        rows += [
            _compare(replace(score, naive=name in naive), losses, windows.cutoffs, naive, horizon)
            for name, score in scores.items()
        ]
    return rows


def verdict(score: Score, *, by_direction: bool) -> str:
    """What a score says about a forecaster, in a sentence: better, worse, or no different.

    by_direction: judge P(up) by its Brier score, not the whole range by its CRPS.
    """
    bars = "1 bar" if score.horizon == 1 else f"{score.horizon} bars"
    skill, p, name = (
        (score.skill_brier, score.dm_p_brier, "Brier score")
        if by_direction
        else (score.skill_crps, score.dm_p, "CRPS")
    )
    if skill is None or p is None or p >= SIGNIFICANCE:
        told = "" if p is None else f" (p {p:.2f})"
        return f"{bars} ahead: no edge found, {score.forecaster} matches the best naive row{told}."
    told = _comparison(skill, "the best naive row", name, p)
    return f"{bars} ahead: {score.forecaster} {told}"


def verdict_against(score: Score, model: str) -> str:
    """What a row says about the model tested beside it, in a sentence."""
    bars = "1 bar" if score.horizon == 1 else f"{score.horizon} bars"
    skill, p = score.model_skill_crps, score.model_dm_p
    if skill is None or p is None or p >= SIGNIFICANCE:
        told = "" if p is None else f" (p {p:.2f})"
        return f"{bars} ahead: {model} matches {score.forecaster}{told}."
    return f"{bars} ahead: {model} {_comparison(skill, score.forecaster, 'CRPS', p)}"


def _comparison(skill: float, other: str, name: str, p: float) -> str:
    verb, side = ("beats", "lower") if skill > 0 else ("loses to", "higher")
    told = "p < 0.001" if p < 0.001 else f"p {p:.3f}"  # noqa: PLR2004 - the usual floor
    return f"{verb} {other}, {name} {100 * abs(skill):.1f} % {side} ({told})."


def _losses(made: Forecasts, windows: Windows, column: int) -> _Losses:
    returns = windows.returns[:, column]
    return _Losses(
        crps=metrics.crps(returns, made.quantiles[:, column]) * PERCENT,
        brier=metrics.brier(returns, made.p_up[:, column]),
    )


def _score(name: str, made: Forecasts, windows: Windows, column: int, losses: _Losses) -> Score:
    returns, p_up = windows.returns[:, column], made.p_up[:, column]
    error = (returns - made.point[:, column]) * PERCENT
    bins = metrics.reliability(returns, p_up)
    return Score(
        forecaster=name,
        horizon=windows.horizons[column],
        n=len(windows),
        n_days=len(np.unique(windows.cutoffs)),
        crps=_mean(losses.crps),
        coverage_90=_mean(metrics.inside(returns, made.quantiles[:, column], 0.9)),
        mae=_mean(np.abs(error)),
        rmse=_defined(float(np.sqrt(np.mean(error**2)))),
        direction_accuracy=_mean(metrics.direction_hits(returns, p_up)),
        mcc=metrics.mcc(returns, p_up),
        brier=_mean(losses.brier),
        ece=_defined(metrics.calibration_error(bins)),
        reliability=bins,
    )


def _compare(
    score: Score,
    losses: Mapping[str, _Losses],
    cutoffs: DateArray1D,
    naive: Sequence[str],
    horizon: int,
) -> Score:
    by_crps = {name: losses[name].crps for name in naive}
    by_brier = {name: losses[name].brier for name in naive}
    own = losses[score.forecaster]
    skill_crps, test = _against_best(own.crps, by_crps, cutoffs, horizon)
    skill_brier, test_brier = _against_best(own.brier, by_brier, cutoffs, horizon)
    return replace(
        score,
        skill_crps=_defined(skill_crps),
        dm_p=_defined(test.p),
        n_effective=_defined(test.n_effective),
        skill_brier=_defined(skill_brier),
        dm_p_brier=_defined(test_brier.p),
    )


def _beside(score: Score, of_model: FloatArray1D, own: FloatArray1D, cutoffs: DateArray1D) -> Score:
    skill = 1 - float(of_model.mean() / own.mean())
    p = diebold_mariano(of_model, own, cutoffs, horizon=score.horizon).p
    return replace(score, model_skill_crps=_defined(skill), model_dm_p=_defined(p))


def _against_best(
    own: FloatArray1D, naive: Mapping[str, FloatArray1D], cutoffs: DateArray1D, horizon: int
) -> tuple[float, DieboldMariano]:
    defined = [losses for losses in naive.values() if not np.isnan(losses).any()]
    best = min(defined, key=lambda losses: float(losses.mean()))
    skill = 1 - float(own.mean() / best.mean())
    return skill, diebold_mariano(own, best, cutoffs, horizon=horizon)


def _mean(values: FloatArray1D) -> float | None:
    return _defined(float(values.mean()))


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
