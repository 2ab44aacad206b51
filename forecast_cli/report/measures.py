"""What the figures show, computed from the forecasts of a backtest and what came."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.evaluation.losses import RANGE_LEVELS, Losses
from forecast_cli.evaluation.scores import Score
from forecast_cli.workflows.backtest_result import BacktestResult

NAIVE: Final = "ewma_history"
"""What every network starts as: the row beside which its figures stand."""

_HELD: Final = RANGE_LEVELS.index(0.9)
_N_BINS: Final = 10
_N_FAN: Final = 120
_P_DIGITS: Final = 6
"""Probabilities that differ in later digits differ by rounding."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fan:
    """The newest forecasts of one symbol at the shortest horizon, oldest first.

    returns: what came, shape (n,); quantiles: shape (n, 99). Both are log returns.
    """

    symbol: str
    horizon: int
    cutoffs: DateArray1D
    returns: FloatArray1D
    quantiles: FloatArray2D


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """How often the market rose where P(up) was about the same; shape (n_bins,), no empty bin."""

    p_up: FloatArray1D
    rose: FloatArray1D
    count: IntArray1D


@dataclass(frozen=True, kw_only=True)
class SymbolRow:
    """One symbol of a backtest; NaN where undefined.

    n: windows. skill: share of the loss of the naive row that was saved, and coverage_90: share of
    returns in the 90 % range, by horizon. profit: of the first strategy, hold: of holding, both
    after the symbol's own costs, in multiples of all money at the start.
    """

    symbol: str
    n: int
    skill: tuple[float, ...]
    coverage_90: tuple[float, ...]
    profit: float
    hold: float


def fan(result: BacktestResult) -> Fan | None:
    """The last 120 forecasts of the first symbol tested; None where the model gives no ranges."""
    windows = result.windows
    first = windows.symbol_index.min()
    newest = np.flatnonzero(windows.symbol_index == first)[-_N_FAN:]
    quantiles = result.forecasts[result.model].quantiles[newest, 0]
    if np.isnan(quantiles).any():
        return None
    return Fan(
        symbol=windows.symbols[first],
        horizon=windows.horizons[0],
        cutoffs=windows.cutoffs[newest],
        returns=windows.returns[newest, 0],
        quantiles=quantiles,
    )


def score_of(name: str, result: BacktestResult, column: int) -> Score:
    """A forecaster's row of the score table at one horizon."""
    rows = [score for score in result.scores if score.forecaster == name]
    return rows[column]


def by_symbol(result: BacktestResult) -> list[SymbolRow]:
    """Skill, coverage and profit symbol by symbol, best skill at the shortest horizon first."""
    windows, own, naive = result.windows, result.losses[result.model], result.losses[NAIVE]
    followed, held = result.strategies[0].by_symbol, result.strategies[-1].by_symbol
    rows = []
    for index in np.unique(windows.symbol_index):
        of, symbol = np.flatnonzero(windows.symbol_index == index), windows.symbols[index]
        rows.append(
            SymbolRow(
                symbol=symbol,
                n=len(of),
                skill=tuple(1 - _loss(own, result)[of].mean(0) / _loss(naive, result)[of].mean(0)),
                coverage_90=tuple(own.inside[of, :, _HELD].mean(axis=0)),
                profit=followed[symbol],
                hold=held[symbol],
            )
        )
    return sorted(rows, key=lambda row: -np.nan_to_num(row.skill[0], nan=-np.inf))


def reliability(p_up: FloatArray1D, returns: FloatArray1D) -> Reliability:
    """Ten bins with equally many forecasts each; fewer where many forecasts are the same.

    Markets leave P(up) near one half: bins of equal width would put nearly everything into two and
    leave others to chance.
    """
    p_up = p_up.round(_P_DIGITS)
    edges = np.unique(np.quantile(p_up, np.arange(1, _N_BINS) / _N_BINS))
    bin_of = np.searchsorted(edges, p_up, side="right")
    count = np.bincount(bin_of)
    filled = count > 0
    total = count[filled]
    return Reliability(
        p_up=np.bincount(bin_of, p_up)[filled] / total,
        rose=np.bincount(bin_of, returns > 0)[filled] / total,
        count=total,
    )


def skill_measure(result: BacktestResult) -> str:
    """The score by which the verdict judges the models."""
    return "Brier" if result.by_direction else "CRPS"


def fold_skill(result: BacktestResult) -> FloatArray2D:
    """1 - loss / loss of the naive row, shape (n_folds, n_horizons); NaN where undefined."""
    skill = np.full((len(result.folds), len(result.windows.horizons)), np.nan)
    for row, fold in enumerate(result.folds):
        cutoffs = result.windows.cutoffs
        inside = np.flatnonzero((cutoffs >= fold.test_start) & (cutoffs <= fold.test_end))
        for column in range(skill.shape[1]):
            own = _mean_loss(result, result.model, inside, column)
            naive = _mean_loss(result, NAIVE, inside, column)
            skill[row, column] = 1 - own / naive if naive > 0 else np.nan
    return skill


def fold_coverage(result: BacktestResult) -> FloatArray1D:
    """Share of returns in the 90 % range at the shortest horizon, shape (n_folds,); NaN without."""
    held, cutoffs = result.losses[result.model].inside[:, 0, _HELD], result.windows.cutoffs
    return np.array(
        [
            held[(cutoffs >= fold.test_start) & (cutoffs <= fold.test_end)].mean()
            for fold in result.folds
        ]
    )


def _mean_loss(result: BacktestResult, name: str, rows: IntArray1D, column: int) -> float:
    return float(_loss(result.losses[name], result)[rows, column].mean())


def _loss(losses: Losses, result: BacktestResult) -> FloatArray2D:
    """What the verdict judges by, shape (n, n_horizons)."""
    return losses.brier if result.by_direction else losses.crps
