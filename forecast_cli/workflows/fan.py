"""A forecast as a fan: the last closes of a symbol, and the ranges of its price that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D
from forecast_cli.data.bars import Bars
from forecast_cli.data.ledger import Entry
from forecast_cli.data.store import BarStore
from forecast_cli.forecasts import quantiles_at

if TYPE_CHECKING:
    from forecast_cli.workflows.predict import SymbolForecast

FAN_LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantile levels of a fan: the 90 and the 50 % range, and the median."""

_N_CLOSES: Final = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Fan:
    """What one model says of one symbol, behind what is known.

    days, closes: shape (n,), oldest first, the last of them the cutoff's; closes carry dividends
    and splits and end at the close that was forecast from. horizons: bars ahead, ascending.
    target_dates: of each. prices: shape (n_horizons, 5), quantiles at FAN_LEVELS; NaN where the
    model gives none. p_up: shape (n_horizons,).
    """

    symbol: str
    model: str
    days: DateArray1D
    closes: FloatArray1D
    horizons: tuple[int, ...]
    target_dates: tuple[date, ...]
    prices: FloatArray2D
    p_up: FloatArray1D

    @property
    def cutoff(self) -> date:
        """The last day known when the forecast was made."""
        return date.fromisoformat(str(self.days[-1]))

    @property
    def last_close(self) -> float:
        """Its close."""
        return float(self.closes[-1])


def fans_of(forecasts: "Sequence[SymbolForecast]", *, home: Path) -> list[Fan]:
    """The fans of some forecasts, in their order: by symbol, then horizon."""
    store = BarStore(home)
    fans = []
    for symbol, group in groupby(forecasts, key=lambda of: of.symbol):
        of_symbol = list(group)
        returns = [[of.quantiles[level] for level in FAN_LEVELS] for of in of_symbol]
        bars = store.read(symbol, of_symbol[0].interval)
        fans.append(_fan(of_symbol, np.array(returns), bars))
    return fans


def fan_of_entries(entries: Sequence[Entry], bars: Bars | None) -> Fan:
    """The fan of recorded forecasts of one model, symbol and cutoff, horizons ascending.

    bars: of the symbol; None where they are no longer stored.
    """
    returns = [[quantiles_at(of.quantiles, level) for level in FAN_LEVELS] for of in entries]
    return _fan(entries, np.array(returns), bars)


def _fan(
    forecasts: "Sequence[Entry] | Sequence[SymbolForecast]",
    returns: FloatArray2D,
    bars: Bars | None,
) -> Fan:
    first = forecasts[0]
    days, closes = np.array([first.cutoff], dtype="datetime64[D]"), np.array([1.0])
    known = None if bars is None else bars.until(days[0]).take(slice(-_N_CLOSES, None))
    if known is not None and len(known) and known.timestamp[-1] == days[0]:
        days, closes = known.timestamp, known.adj_close
    return Fan(
        symbol=first.symbol,
        model=first.model,
        days=days,
        closes=first.last_close * closes / closes[-1],
        horizons=tuple(of.horizon for of in forecasts),
        target_dates=tuple(of.target_date for of in forecasts),
        prices=first.last_close * np.exp(returns),
        p_up=np.array([of.p_up for of in forecasts]),
    )


def newest(entries: Sequence[Entry]) -> dict[tuple[str, str], tuple[Entry, ...]]:
    """Of each symbol and model the forecasts from its last cutoff, horizons ascending.

    entries: in the order in which they were made; of several of one horizon the last counts.
    """
    last: dict[tuple[str, str], date] = {}
    for entry in entries:
        key = (entry.symbol, entry.model)
        last[key] = max(entry.cutoff, last.get(key, entry.cutoff))
    found: dict[tuple[str, str], dict[int, Entry]] = {key: {} for key in sorted(last)}
    for entry in entries:
        key = (entry.symbol, entry.model)
        if entry.cutoff == last[key]:
            found[key][entry.horizon] = entry
    return {key: _ascending(of) for key, of in found.items()}


def _ascending(by_horizon: Mapping[int, Entry]) -> tuple[Entry, ...]:
    return tuple(by_horizon[horizon] for horizon in sorted(by_horizon))
