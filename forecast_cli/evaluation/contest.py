"""All candidates at once: is the best of many better than luck, and which ones are as good?

This and the length of bootstrap blocks are left to `arch`, by the authors' reference methods.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from forecast_cli.arrays import FloatArray1D
from forecast_cli.evaluation.days import Days
from forecast_cli.evaluation.losses import Losses, least
from forecast_cli.evaluation.significance import differ
from forecast_cli.features.windows import Windows

_N_DRAWS: Final = 1_000
_SIZE: Final = 0.05
_FEWEST_BLOCKS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What the forecasters' losses at one horizon say together.

    measure: "crps" or "brier". benchmark: the naive row with the lowest mean of it.
    spa_p: Hansen's (2005) p for "no model under test is better than the benchmark", consistent
    version; None where no model differs from it. mcs_p: p of each forecaster with this loss in the
    model confidence set (Hansen, Lunde and Nason 2011); confidence_set: those with p of 0.05 or
    more, among which the best one is with 95 % confidence.
    block_days: mean length of the blocks of days that are drawn together.
    """

    horizon: int
    measure: str
    benchmark: str
    block_days: float
    spa_p: float | None
    mcs_p: dict[str, float]
    confidence_set: tuple[str, ...]


def contests(
    losses: Mapping[str, Losses],
    windows: Windows,
    *,
    naive: tuple[str, ...],
    reference: tuple[str, ...] = (),
    by_direction: bool,
) -> list[Contest]:
    """A contest per horizon, by Brier score or by CRPS; none where too few days were tested.

    reference: rows that take part, and are not among those whose best is tested for luck.
    """
    days = Days.of(windows.cutoffs)
    measure = "brier" if by_direction else "crps"
    held = []
    for column, horizon in enumerate(windows.horizons):
        by_day = {
            name: days.means((of.brier if by_direction else of.crps)[:, column])
            for name, of in losses.items()
        }
        held.append(
            contest(by_day, naive=naive, reference=reference, horizon=horizon, measure=measure)
        )
    return [one for one in held if one is not None]


def contest(
    losses: Mapping[str, FloatArray1D],
    *,
    naive: tuple[str, ...],
    reference: tuple[str, ...] = (),
    horizon: int,
    measure: str,
) -> Contest | None:
    """Compare forecasters by their mean losses of each day, shape (n_days,) each.

    A forecaster whose losses are unknown takes no part. None without a naive row that takes part
    or with no more days than the horizon has bars.
    """
    taking_part = {name: values for name, values in losses.items() if not np.isnan(values).any()}
    rows = [name for name in naive if name in taking_part]
    if not rows or len(taking_part[rows[0]]) <= horizon:
        return None
    benchmark = least({name: float(taking_part[name].mean()) for name in rows})
    block = block_length(taking_part[benchmark], horizon=horizon)
    models = [values for name, values in taking_part.items() if name not in (*naive, *reference)]
    p_values = _confidence_set(taking_part, block)
    return Contest(
        horizon=horizon,
        measure=measure,
        benchmark=benchmark,
        block_days=block,
        spa_p=_superior_predictive_ability(taking_part[benchmark], models, block),
        mcs_p=p_values,
        confidence_set=tuple(name for name, p in p_values.items() if p >= _SIZE),
    )


def block_length(series: FloatArray1D, *, horizon: int) -> float:
    """Mean block length, in days, of a stationary bootstrap of a series with a value per day.

    It grows with autocorrelation (Politis and White 2004; Patton, Politis and White 2009). At least
    the horizon, as returns over it overlap, and at most a fifth of the days.
    """
    from arch.bootstrap import optimal_block_length  # noqa: PLC0415 - imports pandas, statsmodels

    n_days = len(series)
    rule = 1.0
    if n_days > _FEWEST_BLOCKS and np.ptp(series) > 0:
        rule = float(optimal_block_length(series)["stationary"].iloc[0])
    return max(min(max(rule, float(horizon)), n_days / _FEWEST_BLOCKS), 1.0)


def _superior_predictive_ability(
    benchmark: FloatArray1D, models: list[FloatArray1D], block: float
) -> float | None:
    from arch.bootstrap import SPA  # noqa: PLC0415 - imports pandas, statsmodels

    # a model that never left the benchmark has no variance to be judged by
    different = [model for model in models if differ(model, benchmark)]
    if not different:
        return None
    test = SPA(
        benchmark, np.column_stack(different), block_size=round(block), reps=_N_DRAWS, seed=0
    )
    test.compute()
    return float(test.pvalues["consistent"])


def _confidence_set(losses: Mapping[str, FloatArray1D], block: float) -> dict[str, float]:
    from arch.bootstrap import MCS  # noqa: PLC0415 - imports pandas, statsmodels

    # of forecasters with the same losses one stands for all: twins have no variance between them
    stands_for: dict[str, str] = {}
    for name, values in losses.items():
        twins = (other for other in set(stands_for.values()) if not differ(values, losses[other]))
        stands_for[name] = next(twins, name)
    names = [name for name, stand_in in stands_for.items() if name == stand_in]
    if len(names) == 1:
        return dict.fromkeys(losses, 1.0)
    test = MCS(
        np.column_stack([losses[name] for name in names]),
        size=_SIZE,
        block_size=round(block),
        reps=_N_DRAWS,
        seed=0,
    )
    test.compute()
    found = test.pvalues["Pvalue"]
    return {name: float(found[names.index(stand_in)]) for name, stand_in in stands_for.items()}
