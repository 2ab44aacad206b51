"""How recorded forecasts fared, symbol by symbol: did what came lie in the 90 % range?"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, TypeVar

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.ledger import Entry
from forecast_cli.data.sessions import Calendar
from forecast_cli.evaluation.metrics import central_range, inside
from forecast_cli.workflows.outcomes import outcomes

RANGE: Final = 0.9
"""The level of the range that is watched."""

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Fared:
    """One live forecast whose target has come. low, high: ends of the range; came: log returns.

    inside: None where the model gave no range.
    """

    symbol: str
    model: str
    horizon: int
    cutoff: date
    target_date: date
    low: float | None
    high: float | None
    came: float
    inside: bool | None


def fared(
    entries: Sequence[Entry], series: Mapping[str, Bars], calendars: Mapping[str, Calendar]
) -> Iterator[Fared]:
    """The live forecasts that have met what came: by model, horizon, symbol and cutoff.

    entries: in the order in which they were made; those of a symbol that is not in `series` are
    left out. series, calendars: by symbol.
    """
    kept = [entry for entry in entries if entry.symbol in series]
    ordered = sorted(kept, key=lambda entry: (entry.model, entry.horizon))  # stable: by time
    for _, group in groupby(ordered, key=lambda entry: (entry.model, entry.horizon)):
        found = outcomes(list(group), series, calendars)
        rows = sorted(found.known)  # a window's row: by symbol, then cutoff
        if not rows:
            continue
        came = found.windows.returns[rows, 0]
        curves = np.stack([found.known[row].quantiles for row in rows])
        lower, upper = central_range(curves, RANGE)
        held = inside(came, curves, RANGE)
        for at, row in enumerate(rows):
            entry = found.known[row]
            known = not np.isnan(held[at])
            yield Fared(
                symbol=entry.symbol,
                model=entry.model,
                horizon=entry.horizon,
                cutoff=entry.cutoff,
                target_date=entry.target_date,
                low=float(lower[at]) if known else None,
                high=float(upper[at]) if known else None,
                came=float(came[at]),
                inside=bool(held[at]) if known else None,
            )


@dataclass(frozen=True, kw_only=True)
class Held:
    """How often the range held, of n live forecasts whose target has come."""

    n: int = 0
    n_inside: int = 0

    @property
    def share(self) -> float | None:
        """None before the first."""
        return self.n_inside / self.n if self.n else None


def held_by(history: Iterable[Fared], key: Callable[[Fared], _Key]) -> dict[_Key, Held]:
    """Count how often the range held; forecasts without one are left out."""
    counts: dict[_Key, Held] = {}
    for of in history:
        if of.inside is not None:
            before = counts.get(key(of), Held())
            counts[key(of)] = Held(n=before.n + 1, n_inside=before.n_inside + of.inside)
    return counts
