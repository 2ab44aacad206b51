"""Made-up bars whose law is known: what a test of honesty needs and the market does not give."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from forecast_cli.arrays import DateArray1D, FloatArray1D, FloatArray2D, IntArray1D
from forecast_cli.data.bars import Bars
from forecast_cli.data.covariates import covariate
from forecast_cli.data.sessions import Calendar
from forecast_cli.features.market import Market
from forecast_cli.features.windows import Windows
from forecast_cli.schema import PRICE_COLUMNS

VOLATILITY = 0.01
"""Of a daily log return, per bar."""


def random_walk_bars(
    symbol: str,
    n: int,
    seed: int,
    *,
    start: str = "2001-01-01",
    clustering: bool = False,
) -> Bars:
    """Bars of a driftless random walk in log price: nothing in its past tells its direction.

    start: date on or after which the first business day lies. clustering: volatility wanders, so
    that its size, but not its direction, can be forecast.
    """
    rng = np.random.default_rng(seed)
    return _bars(
        symbol, _volatility(rng, n, clustering=clustering) * rng.normal(size=n), rng, start
    )


def autoregressive_bars(
    symbol: str,
    n: int,
    seed: int,
    coefficient: float = 0.3,
    *,
    start: str = "2001-01-01",
    clustering: bool = False,
) -> Bars:
    """Bars whose daily log return leans on the one before: a planted edge that must be found."""
    rng = np.random.default_rng(seed)
    shocks = _volatility(rng, n, clustering=clustering) * rng.normal(size=n)
    returns = shocks.copy()
    for day in range(1, n):
        returns[day] = coefficient * returns[day - 1] + shocks[day]
    return _bars(symbol, returns, rng, start)


def with_prices(bars: Bars, change: Callable[[FloatArray1D], FloatArray1D]) -> Bars:
    """The same bars with every price changed."""
    changed: dict[str, Any] = {name: change(getattr(bars, name)) for name in PRICE_COLUMNS}
    return replace(bars, **changed)


def calendar_of(days: DateArray1D, *, name: str = "XNYS", hour: int = 21) -> Calendar:
    """A calendar of some sessions, each of which closes at the same hour, UTC."""
    midnight: DateArray1D = days.astype("datetime64[us]")
    return Calendar(name=name, sessions=days, closes=_later(midnight, np.timedelta64(hour, "h")))


def _later(
    moments: DateArray1D, by: np.timedelta64 | np.ndarray[tuple[int], np.dtype[np.timedelta64]]
) -> DateArray1D:
    shifted: DateArray1D = np.add(moments, by)
    return shifted


def small_market(seed: int, n: int = 900) -> Market:
    """Three peers, another exchange's series and values dated by sessions and by instants.

    The dates are those of `random_walk_bars`. On that exchange, Tokyo, sessions close at 6:00 UTC.
    """
    rng = np.random.default_rng(seed)
    peers = tuple(random_walk_bars(f"P{i}", n - 50 * i, seed + i) for i in range(3))
    other = random_walk_bars("^N225", n, seed + 9, clustering=True)
    days_of_all = peers[0].timestamp
    days = days_of_all[3::4]
    news = np.unique(rng.choice(days, 400)).astype("datetime64[us]")
    news = _later(news, rng.integers(0, 24 * 3600, len(news)).astype("timedelta64[s]"))
    tokyo = calendar_of(other.timestamp, name="XTKS", hour=6)
    return Market(
        peers=peers,
        covariates={
            "^N225": other,
            "^GSPC": random_walk_bars("^GSPC", n, seed + 8),
            "interest": {None: covariate("interest", None, days, rng.normal(size=len(days)))},
            "mood": {None: covariate("mood", None, news, rng.normal(size=len(news)))},
        },
        calendars={"XNYS": calendar_of(days_of_all), "XTKS": tokyo},
        carry=5,
    )


def bare_windows(
    returns: FloatArray2D,
    *,
    scale: FloatArray2D | None = None,
    horizons: tuple[int, ...] | None = None,
    cutoffs: DateArray1D | None = None,
    symbol_index: IntArray1D | None = None,
) -> Windows:
    """Windows around given returns, shape (n, n_horizons), without a market behind them.

    Without more said: scale 1, horizons 1, 2, ..., one symbol and a cutoff each day, every target
    known on the day it is due. The one feature is the number of the row; the bar returns are
    those of the first horizon, a row later, as if there were one symbol.
    """
    n, n_horizons = returns.shape
    horizons = horizons or tuple(range(1, n_horizons + 1))
    scale = np.ones_like(returns) if scale is None else scale
    cutoffs = np.datetime64("2010-01-01") + np.arange(n) if cutoffs is None else cutoffs
    index = np.zeros(n, dtype=np.int64) if symbol_index is None else symbol_index
    return Windows(
        features=np.arange(n, dtype=np.float32)[:, None],
        bar_returns=np.append([np.nan], returns[:-1, 0]),
        lookback=1,
        horizons=horizons,
        symbols=tuple(f"S{number}" for number in range(int(index.max(initial=0)) + 1)),
        rows=np.arange(n),
        cutoffs=cutoffs,
        known_from=cutoffs + max(horizons),
        symbol_index=index,
        scale=scale,
        targets=returns / scale,
    )


def _volatility(rng: np.random.Generator, n: int, *, clustering: bool) -> FloatArray1D:
    """Per bar; with clustering a slow mean-reverting walk of its logarithm."""
    log_volatility = np.full(n, np.log(VOLATILITY))
    if clustering:
        deviation = 0.0
        for day, shock in enumerate(rng.normal(size=n)):
            deviation = 0.97 * deviation + 0.12 * float(shock)
            log_volatility[day] += deviation
    volatility: FloatArray1D = np.exp(log_volatility)
    return volatility


def _bars(symbol: str, returns: FloatArray1D, rng: np.random.Generator, start: str) -> Bars:
    n = len(returns)
    close = 100 * np.exp(np.cumsum(returns))
    # most of a day's move happens inside its bar, a little overnight
    opened = close * np.exp(-0.8 * returns)
    above, below = VOLATILITY * rng.exponential(0.3, (2, n))
    return Bars(
        symbol=symbol,
        interval="1d",
        price_basis="adjusted",
        timestamp=np.busday_offset(start, np.arange(n), roll="forward"),
        open=opened,
        high=np.maximum(opened, close) * np.exp(above),
        low=np.minimum(opened, close) * np.exp(-below),
        close=close,
        adj_close=close,
        volume=rng.integers(1_000, 100_000, n).astype(np.float64),
        dividends=np.zeros(n),
        splits=np.zeros(n),
    )


def ewma_walk_bars(symbol: str, n: int, seed: int, *, start: str = "2001-01-01") -> Bars:
    """A driftless random walk whose variance follows the tool's own EWMA, decay 0.94.

    For this law "history times EWMA volatility" is the right forecast: whoever beats it by more
    than luck has looked ahead.
    """
    rng = np.random.default_rng(seed)
    returns = np.empty(n)
    variance = VOLATILITY**2
    for day, shock in enumerate(rng.normal(size=n)):
        returns[day] = np.sqrt(variance) * shock
        variance = 0.94 * variance + 0.06 * returns[day] ** 2
    return _bars(symbol, returns, rng, start)
