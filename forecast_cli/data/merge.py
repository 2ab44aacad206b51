"""Newly fetched bars joined to those already stored, and what the overlap says of the old ones."""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from forecast_cli.arrays import BoolArray1D, FloatArray1D
from forecast_cli.data.bars import Bars, concatenate
from forecast_cli.errors import BadDataError
from forecast_cli.schema import BAR_COLUMNS, PRICE_COLUMNS

_ROUNDING: Final = 1e-5
"""Relative. The same price, downloaded twice, differs in its sixth digit or so."""
_RATIO_TOLERANCE: Final = 1e-4
"""Relative. Vendors round each price after they have multiplied it."""
_AMOUNT_TOLERANCE: Final = 0.01
"""Relative, for volumes and dividends that a split has divided: whole shares, cents."""
_ENOUGH: Final = 2

RevisionKind: TypeAlias = Literal["readjusted", "revised"]


@dataclass(frozen=True, kw_only=True)
class Revision:
    """Stored bars of which a new series says something else.

    kind: `readjusted`, multiplied by one constant ratio because of a dividend or split since, so
    that no return changed; `revised`, different in any other way. first, last: timestamps of the
    oldest and newest of the n_rows bars. ratio: new adj_close over old; None for `revised`.
    """

    kind: RevisionKind
    first: np.datetime64
    last: np.datetime64
    n_rows: int
    ratio: float | None = None


@dataclass(frozen=True, kw_only=True)
class Merge:
    """The joined series, how many bars are new, and what became of the stored ones.

    known_until: timestamp of the newest bar that was stored before; None for a new series.
    """

    bars: Bars
    n_new: int
    revisions: tuple[Revision, ...] = ()
    known_until: np.datetime64 | None = None

    @property
    def n_revised(self) -> int:
        """Stored bars that differ otherwise than by a re-adjustment."""
        return sum(found.n_rows for found in self.revisions if found.kind == "revised")

    @property
    def readjusted(self) -> float | None:
        """The ratio by which the stored adj_close was multiplied, if it was."""
        return next((found.ratio for found in self.revisions if found.kind == "readjusted"), None)


@dataclass(frozen=True, kw_only=True)
class _Adjustment:
    """Factors for all stored bars up to `until`. price: of open, high, low and close."""

    until: np.datetime64
    price: float
    adj_close: float
    split: float

    def applied(self, bars: Bars) -> Bars:
        """The stored series as the vendor states it now."""
        factors = dict.fromkeys(PRICE_COLUMNS, self.price) | {
            "adj_close": self.adj_close,
            "volume": 1 / self.split,
            "dividends": self.split,
        }
        older = bars.timestamp <= self.until
        changes = {
            name: getattr(bars, name) * np.where(older, factor, 1.0)
            for name, factor in factors.items()
        }
        return replace(bars, **changes)


def merge(old: Bars | None, new: Bars) -> Merge:
    """Join a validated new series to the stored one: the dates of both, each once.

    No stored bar is lost. Where both have a date the new bar stands, unless it differs by rounding
    only. Where the overlap shows that a dividend or split since then has multiplied the vendor's
    history by one constant ratio, the older stored bars are multiplied by it, too, so that no false
    return stands at the seam. Stored bars of unknown basis take that of a series that repeats them
    all. Raises BadDataError when the two mean different things by close.
    """
    if old is None:
        return Merge(bars=new, n_new=len(new))
    _, in_old, in_new = np.intersect1d(
        old.timestamp, new.timestamp, assume_unique=True, return_indices=True
    )
    before, after = old.take(in_old), new.take(in_new)
    if old.price_basis == "unknown" and len(before) == len(old) and _same_prices(before, after):
        # The same bars once more, and now somebody has said what they mean.
        old = replace(old, price_basis=new.price_basis)
    if old.price_basis != new.price_basis:
        raise BadDataError(
            f"{new.symbol}: the stored bars are {old.price_basis}, the new ones {new.price_basis}:"
            " joined, they would show returns that never were",
            fix="give the same --price-basis as before, or remove the stored series' folder and"
            " fetch again",
        )
    adjustment = _adjustment(before, after)
    unchanged = _agree(before, after, prices=_ROUNDING, amounts=_ROUNDING)
    revised = ~unchanged
    if adjustment:
        old = adjustment.applied(old)
        revised &= ~_follows(old.take(in_old), after, adjustment.until)
    stays, comes = np.ones(len(old), dtype=bool), np.ones(len(new), dtype=bool)
    stays[in_old[~unchanged]] = False
    comes[in_new[unchanged]] = False
    joined = replace(concatenate([old.take(stays), new.take(comes)]), zone=new.zone)
    return Merge(
        bars=joined.take(np.argsort(joined.timestamp, kind="stable")),
        n_new=len(new) - len(in_new),
        known_until=old.timestamp[-1],
        revisions=_revisions(old, before.take(revised), adjustment),
    )


def _same_prices(before: Bars, after: Bars) -> bool:
    return all(
        np.allclose(getattr(before, name), getattr(after, name), rtol=_ROUNDING, atol=0)
        for name in PRICE_COLUMNS
    )


def _adjustment(before: Bars, after: Bars) -> _Adjustment | None:
    """The one ratio between old and new prices over the older part of the overlap, if there is one.

    A dividend changes adj_close alone, a split all prices. A corrected bar changes some of its
    prices and tells nothing about older ones.
    """
    ratios = np.column_stack([getattr(after, n) / getattr(before, n) for n in PRICE_COLUMNS])
    changed = (np.abs(ratios - 1) > _ROUNDING).any(axis=1)
    if not changed.any():
        return None
    # The newest stored bar may have been unfinished; where there are others they decide.
    voters = np.flatnonzero(changed)[: max(1, int(changed.sum()) - 1)]
    raw, adjusted = _factor(ratios[voters, :-1]), _factor(ratios[voters, -1])
    expected = np.array([raw] * (len(PRICE_COLUMNS) - 1) + [adjusted])
    follows = changed & (np.abs(ratios / expected - 1) <= _RATIO_TOLERANCE).all(axis=1)
    if raw == adjusted == 1 or not _convinces(before, changed, follows):
        return None
    return _Adjustment(
        until=before.timestamp[follows][-1],
        price=raw,
        adj_close=adjusted,
        split=_split(raw, before.volume[follows], after.volume[follows]),
    )


def _convinces(before: Bars, changed: BoolArray1D, follows: BoolArray1D) -> bool:
    """Whether the rows that follow a ratio are the older ones, and enough."""
    rows = np.flatnonzero(follows)
    if not len(rows) or not changed[: rows[-1]].all() or 2 * len(rows) < changed.sum():
        return False
    # The four prices of one bar agree by chance where they are one price.
    is_flat = before.high[rows[0]] == before.low[rows[0]]
    return len(rows) >= _ENOUGH or bool(changed.all() and not is_flat)


def _factor(ratios: FloatArray1D) -> float:
    middle = float(np.median(ratios))
    return middle if abs(middle - 1) > _RATIO_TOLERANCE else 1.0


def _split(price: float, old_volume: FloatArray1D, new_volume: FloatArray1D) -> float:
    """The part of a price ratio that is a split: volumes then changed the other way."""
    traded = (old_volume > 0) & (new_volume > 0)
    if not traded.any():
        return 1.0
    shown = float(np.log(np.median(new_volume[traded] / old_volume[traded])))
    return price if abs(shown + np.log(price)) < abs(shown) else 1.0


def _agree(left: Bars, right: Bars, *, prices: float, amounts: float) -> BoolArray1D:
    """The rows on which two series of the same dates say the same, up to relative tolerances."""
    same: BoolArray1D = np.ones(len(left), dtype=bool)
    for name in BAR_COLUMNS[1:]:
        tolerance = prices if name in PRICE_COLUMNS else amounts
        same &= np.isclose(
            getattr(left, name), getattr(right, name), rtol=tolerance, atol=0, equal_nan=True
        )
    return same


def _follows(adjusted: Bars, after: Bars, until: np.datetime64) -> BoolArray1D:
    """The rows that the adjustment explains. One share or so is lost where a split divides few."""
    whole = replace(
        adjusted,
        volume=np.where(np.abs(adjusted.volume - after.volume) <= 1, after.volume, adjusted.volume),
    )
    agree = _agree(whole, after, prices=_RATIO_TOLERANCE, amounts=_AMOUNT_TOLERANCE)
    return agree & (after.timestamp <= until)


def _revisions(old: Bars, revised: Bars, adjustment: _Adjustment | None) -> tuple[Revision, ...]:
    found = []
    if adjustment:
        days = old.timestamp[old.timestamp <= adjustment.until]
        n_rows = len(days) - int((revised.timestamp <= adjustment.until).sum())
        found.append(
            Revision(
                kind="readjusted",
                first=days[0],
                last=days[-1],
                n_rows=n_rows,
                ratio=adjustment.adj_close,
            )
        )
    if len(revised):
        days = revised.timestamp
        found.append(Revision(kind="revised", first=days[0], last=days[-1], n_rows=len(days)))
    return tuple(found)
