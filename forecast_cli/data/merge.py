"""Newly fetched bars joined to those already stored."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.bars import Bars, concatenate
from forecast_cli.errors import BadDataError
from forecast_cli.schema import BAR_COLUMNS, PRICE_COLUMNS

_RATIO_TOLERANCE: Final = 1e-4
"""Vendors round adjusted prices to six digits or so."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """The joined series; how many dates are new, and how many stored bars changed."""

    bars: Bars
    n_new: int
    n_revised: int


def merge(old: Bars | None, new: Bars) -> Merge:
    """Join a validated new series to the stored one.

    A new series that covers the whole stored range replaces it. Otherwise its rows replace or
    extend the stored ones; where a dividend or split since then has re-adjusted the vendor's
    history by one constant ratio, the older stored prices are multiplied by it, so that no false
    return stands at the seam. Raises BadDataError when the two mean different things by close.
    """
    if old is None:
        return Merge(bars=new, n_new=len(new), n_revised=0)
    if old.price_basis != new.price_basis:
        raise BadDataError(
            f"{new.symbol}: the stored bars are {old.price_basis}, the new ones {new.price_basis}:"
            " joined, they would show returns that never were",
            fix="remove the stored series' folder and fetch again",
        )
    _, in_old, in_new = np.intersect1d(
        old.timestamp, new.timestamp, assume_unique=True, return_indices=True
    )
    n_new = len(new) - len(in_new)
    if new.timestamp[0] <= old.timestamp[0] and new.timestamp[-1] >= old.timestamp[-1]:
        n_lost = len(old) - len(in_old)
        return Merge(
            bars=new, n_new=n_new, n_revised=n_lost + _n_differing(old, new, in_old, in_new)
        )
    kept_mask = np.ones(len(old), dtype=bool)
    kept_mask[in_old] = False
    kept = _readjusted(old, new, in_old, in_new).take(kept_mask)
    joined = concatenate([kept, new])
    n_rescaled = int((kept.adj_close != old.adj_close[kept_mask]).sum())
    return Merge(
        bars=joined.take(np.argsort(joined.timestamp, kind="stable")),
        n_new=n_new,
        n_revised=n_rescaled + _n_differing(old, new, in_old, in_new),
    )


def _n_differing(old: Bars, new: Bars, in_old: IntArray1D, in_new: IntArray1D) -> int:
    differs: BoolArray1D = np.zeros(len(in_old), dtype=bool)
    for name in BAR_COLUMNS[1:]:
        left, right = getattr(old, name)[in_old], getattr(new, name)[in_new]
        differs |= (left != right) & ~(np.isnan(left) & np.isnan(right))
    return int(differs.sum())


def _readjusted(old: Bars, new: Bars, in_old: IntArray1D, in_new: IntArray1D) -> Bars:
    """The stored bars on the new series' adjustment, or unchanged where the overlap shows none.

    A dividend changes adj_close alone by one ratio, a split all prices; a corrected bar changes
    some of its prices and tells nothing about older ones.
    """
    if not len(in_old):
        return old
    ratios = {
        name: getattr(new, name)[in_new] / getattr(old, name)[in_old] for name in PRICE_COLUMNS
    }
    adjusted = ratios.pop("adj_close")
    raw = np.concatenate(list(ratios.values()))
    first = in_old[0]
    is_one_flat_bar = len(in_old) == 1 and old.high[first] == old.low[first]
    if is_one_flat_bar or not (_is_constant(raw) and _is_constant(adjusted)):
        return old
    factors = dict.fromkeys(ratios, _factor(raw)) | {"adj_close": _factor(adjusted)}
    changes = {name: getattr(old, name) * factor for name, factor in factors.items()}
    return replace(old, **changes)


def _is_constant(ratios: FloatArray1D) -> bool:
    return bool(np.ptp(ratios) <= _RATIO_TOLERANCE * ratios[0])


def _factor(ratios: FloatArray1D) -> float:
    middle = float(np.median(ratios))
    return middle if abs(middle - 1) > _RATIO_TOLERANCE else 1.0
