"""Targets that belong to other days: nobody can forecast them, so that whoever does has peeked."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecast_cli.arrays import IntArray1D
from forecast_cli.evaluation.days import Days
from forecast_cli.evaluation.folds import Fold, History
from forecast_cli.evaluation.losses import least, losses_of
from forecast_cli.evaluation.significance import diebold_mariano_by_day
from forecast_cli.evaluation.walk_forward import Candidate, forecast_fold
from forecast_cli.features.windows import Windows

ALARM: Final = 0.001
"""Chance of a false alarm, over all horizons together, that the test of a run allows itself."""

_SMALLEST_BLOCK: Final = 10


def shuffled(windows: Windows, *, seed: int = 0) -> Windows:
    """Windows with the scaled targets of other days, all symbols of a day together.

    Days move in blocks of twice the longest horizon, at least 10, so that overlapping targets stay
    beside each other; no block stays in its place. The oldest days, which fill no block, and the
    windows whose symbol has no target on the day that was drawn, are left out.
    """
    days, of_day = np.unique(windows.cutoffs, return_inverse=True)
    length = max(2 * max(windows.horizons), _SMALLEST_BLOCK)
    n_blocks = len(days) // length
    first = len(days) - n_blocks * length
    blocks = first + np.arange(n_blocks * length).reshape(n_blocks, length)
    from_day = np.full(len(days), -1)
    from_day[first:] = blocks[_no_fixed_point(n_blocks, seed)].ravel()
    window_at = np.full((len(windows.symbols), len(days) + 1), -1)  # the last column: no day
    window_at[windows.symbol_index, of_day] = np.arange(len(windows))
    source = window_at[windows.symbol_index, from_day[of_day]]
    kept = source >= 0
    return replace(windows.take(kept), targets=windows.targets[source[kept]])


def _no_fixed_point(n: int, seed: int) -> IntArray1D:
    """A random permutation of one cycle (Sattolo 1986)."""
    rng = np.random.default_rng(seed)
    order = np.arange(n)
    for last in range(n - 1, 0, -1):
        other = int(rng.integers(last))
        order[[last, other]] = order[[other, last]]
    return order


@dataclass(frozen=True, kw_only=True)
class ShuffledScore:
    """How a forecaster did on shuffled targets: skill and two-sided p, by horizon; NaN unknown."""

    n_days: int
    horizons: tuple[int, ...]
    skill: tuple[float, ...]
    p: tuple[float, ...]

    @property
    def as_chance(self) -> bool:
        """Whether nowhere is a skill above 0 beyond what chance gives, at `ALARM` in all.

        Half of the two-sided p, for the one side that matters, times the number of horizons.
        """
        return not any(
            skill > 0 and p / 2 * len(self.p) < ALARM
            for skill, p in zip(self.skill, self.p, strict=True)
        )


def shuffled_score(
    candidate: Candidate, rows: list[Candidate], windows: Windows, fold: Fold
) -> ShuffledScore:
    """Fit and test a forecaster, and the naive rows beside it, on one fold's shuffled targets.

    windows: all whose targets are known; they are shuffled across train and test alike.
    """
    there = shuffled(windows)

    def of(part: Windows) -> Windows:
        return there.take(np.isin(there.rows, part.rows))

    past = fold.history
    history = History(
        train=of(past.train), validation=of(past.validation), calibration=of(past.calibration)
    )
    strange = Fold(history=history, test=of(fold.test))
    days = Days.of(strange.test.cutoffs)
    crps = {
        each.name: losses_of(forecast_fold(each, strange), strange.test).crps
        for each in (candidate, *rows)
    }
    skill, p = [], []
    for column, horizon in enumerate(windows.horizons):
        means = {row.name: float(crps[row.name][:, column].mean()) for row in rows}
        best = crps[least(means)][:, column]
        own = crps[candidate.name][:, column]
        test = diebold_mariano_by_day(days.means(own), days.means(best), horizon=horizon)
        skill.append(float(1 - own.mean() / best.mean()))
        p.append(test.p)
    return ShuffledScore(
        n_days=len(days), horizons=windows.horizons, skill=tuple(skill), p=tuple(p)
    )
