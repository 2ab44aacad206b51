"""The same market with another future, no future, or prices on another scale.

Whatever a program says as of a date must be the same in all of them. What changes is all that may
be seen: the series, their peers and the covariates, stored values included.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, FloatArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import Covariate
from forecast_cli.data.sessions import calendar_name
from forecast_cli.features.market import BySymbol, Market
from forecast_cli.features.windows import Windows
from forecast_cli.schema import PRICE_COLUMNS

_END: Final = np.datetime64("9999-12-31")
"""At its close everything is known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What windows are built from, and how. features: the names of their columns, in order."""

    series: tuple[Bars, ...]
    market: Market
    features: tuple[str, ...]
    compose: Callable[[Sequence[Bars], Market], Windows]

    def windows(self) -> Windows:
        """Build them, the very way a backtest does."""
        return self.compose(self.series, self.market)


def garbage_after(world: World, last: np.datetime64) -> World:
    """Everything not yet known at the close of a date reversed and multiplied by 7 or 70."""
    return _changed(
        world,
        _poisoned,
        lambda of, known: replace(of, values=np.where(known, of.values, -1 - _garbage(of.values))),
        last,
    )


def cut_after(world: World, last: np.datetime64) -> World:
    """Everything not yet known at the close of a date gone; symbols that began later, too."""
    cut = _changed(
        world,
        lambda bars, known: bars.take(known),
        lambda of, known: replace(of, available_at=of.available_at[known], values=of.values[known]),
        last,
    )
    peers = tuple(bars for bars in cut.market.peers if len(bars))
    return replace(
        cut,
        series=tuple(bars for bars in cut.series if len(bars)),
        market=replace(cut.market, peers=peers),
    )


def rescaled(world: World) -> World:
    """Each symbol's prices in another currency, its adjusted close re-based once more.

    The factors are powers of two, which leave every ratio as it is to the last bit.
    """
    return _changed(world, lambda bars, _: _rescaled(bars), lambda of, _: of, _END)


def _poisoned(bars: Bars, known: BoolArray1D) -> Bars:
    changed: dict[str, Any] = {
        name: np.where(known, getattr(bars, name), _garbage(getattr(bars, name)))
        for name in (*PRICE_COLUMNS, "volume")
    }
    return replace(bars, **changed)


def _rescaled(bars: Bars) -> Bars:
    factor = 2.0 ** (1 + zlib.crc32(bars.symbol.encode()) % 5)
    changed: dict[str, Any] = {name: getattr(bars, name) * factor for name in PRICE_COLUMNS}
    return replace(bars, **(changed | {"adj_close": bars.adj_close * factor * 4}))


def _garbage(values: FloatArray1D) -> FloatArray1D:
    factor = np.where(np.arange(len(values)) % 3 == 0, 7.0, 70.0)
    garbage: FloatArray1D = values[::-1] * factor
    return garbage


def _changed(
    world: World,
    of_bars: Callable[[Bars, BoolArray1D], Bars],
    of_values: Callable[[Covariate, BoolArray1D], Covariate],
    last: np.datetime64,
) -> World:
    """A world in which everything was changed, told which rows are known at the close of `last`."""
    market, moment = world.market, _latest_close(world, last)

    def bars_of(bars: Bars) -> Bars:
        return of_bars(bars, bars.timestamp <= last)

    def covariate_of(source: Bars | BySymbol) -> Bars | BySymbol:
        if isinstance(source, Bars):
            calendar = market.calendars.get(calendar_name(source.symbol))
            if calendar is None:
                return bars_of(source)
            return of_bars(source, calendar.closes_at(source.timestamp) <= moment)
        return {
            symbol: of_values(of, of.available_at <= (last if of.by_session else moment))
            for symbol, of in source.items()
        }

    changed = replace(
        market,
        peers=tuple(map(bars_of, market.peers)),
        covariates={name: covariate_of(of) for name, of in market.covariates.items()},
    )
    return replace(world, series=tuple(map(bars_of, world.series)), market=changed)


def _latest_close(world: World, last: np.datetime64) -> np.datetime64:
    """The latest moment at which the exchanges of the series close on a date."""
    day = np.array([last], dtype="datetime64[D]")
    names = {calendar_name(bars.symbol) for bars in world.series}
    known = [world.market.calendars[name] for name in names if name in world.market.calendars]
    closes = [calendar.closes_at(day)[0] for calendar in known]
    return max(closes) if closes else (day[0] + 1).astype("datetime64[us]")
