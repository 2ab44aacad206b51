"""How likely it is that what looks best here is not what does well elsewhere."""

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy.stats import rankdata

from forecast_cli.arrays import FloatArray2D
from forecast_cli.trading.performance import ZERO_VOLATILITY

_N_BLOCKS: Final = 16
_FEWEST_DAYS: Final = 5
"""Days in a block below which a Sharpe ratio of half of them is noise alone."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What became of choosing the best strategy on one half of the days, over many halves.

    n_strategies: to choose from. n_blocks: of days, half of which choose; n_splits: all the ways
    to take half of them. pbo: share of the splits in which the best of the chosen half ranks no
    better than the median on the other half: the probability of backtest overfitting. loss: share
    in which it loses money there. chosen_sharpe and later_sharpe: medians over the splits of the
    best one's Sharpe ratio per year, where it was chosen and where it was not.
    """

    n_strategies: int
    n_blocks: int
    n_splits: int
    pbo: float
    loss: float
    chosen_sharpe: float
    later_sharpe: float


def selection(returns: FloatArray2D, *, periods_per_year: float = 252) -> Selection | None:
    """Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2017).

    The days are cut into an even number of blocks, 16 or as many as have five days. On every half
    of the blocks the strategy with the highest Sharpe ratio is chosen; its relative rank on the
    other half is rank / (n_strategies + 1), and a logit of it at or below 0 counts as overfitted.
    A strategy without volatility has a ratio of 0.

    Args:
        returns: simple net returns of each strategy on the same days, shape (n_days, n_strategies).
        periods_per_year: bars in a year.

    Returns:
        None for fewer than two strategies or twenty days.
    """
    n_days, n_strategies = returns.shape
    n_blocks = min(_N_BLOCKS, n_days // _FEWEST_DAYS // 2 * 2)
    if n_strategies < 2 or n_blocks < 4:  # noqa: PLR2004 - a choice; halves with more than a block
        return None
    blocks = np.array_split(returns, n_blocks)
    halves = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    chosen_by = np.zeros((len(halves), n_blocks))
    np.put_along_axis(chosen_by, halves, 1.0, axis=1)
    before, after = _ratios(blocks, chosen_by), _ratios(blocks, 1 - chosen_by)
    best = before.argmax(axis=1)[:, None]
    later = np.take_along_axis(after, best, axis=1)[:, 0]
    rank = np.take_along_axis(rankdata(after, axis=1), best, axis=1)[:, 0] / (n_strategies + 1)
    year = float(np.sqrt(periods_per_year))
    return Selection(
        n_strategies=n_strategies,
        n_blocks=n_blocks,
        n_splits=len(halves),
        # the logit log(rank / (1 - rank)) is at or below 0
        pbo=float(np.mean(rank <= 0.5)),  # noqa: PLR2004 - the median
        loss=float(np.mean(later < 0)),
        chosen_sharpe=float(np.median(before.max(axis=1))) * year,
        later_sharpe=float(np.median(later)) * year,
    )


def _ratios(blocks: list[FloatArray2D], taken: FloatArray2D) -> FloatArray2D:
    """Sharpe ratios per bar over the blocks taken, of sums of each block that are added up.

    taken: shape (n_splits, n_blocks), 1 or 0. Returns shape (n_splits, n_strategies).
    """
    n = taken @ np.array([len(block) for block in blocks], dtype=float)
    mean = taken @ np.array([block.sum(axis=0) for block in blocks]) / n[:, None]
    square = taken @ np.array([(block**2).sum(axis=0) for block in blocks]) / n[:, None]
    variance = np.maximum(square - mean**2, 0.0) * (n / (n - 1))[:, None]
    deviation = np.sqrt(variance)
    flat = deviation < ZERO_VOLATILITY
    ratios: FloatArray2D = np.where(flat, 0.0, mean / np.where(flat, 1.0, deviation))
    return ratios


@dataclass(frozen=True, kw_only=True)
class PathSharpes:
    """Sharpe ratios per year of one strategy over the paths of a cross-validation, ascending.

    Each path covers the same days with other forecasts. None of them is a track record: what they
    were learnt from includes days after the ones they forecast.
    """

    strategy: str
    sharpes: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return float(np.median(self.sharpes))

    @property
    def loss(self) -> float:
        """Share of the paths that lose money for the risk taken."""
        return float(np.mean(np.array(self.sharpes) < 0))
