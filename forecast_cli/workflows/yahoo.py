"""Symbols from Yahoo, one after another, at a pace that Yahoo bears."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Final

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.series import ReadSeries, RefusedSeries
from forecast_cli.data.store import BarStore
from forecast_cli.data.yahoo import RateLimitError, fetch_yahoo
from forecast_cli.errors import ForecastError, UsageError

PAUSE_S: Final = 1.0
"""Between two symbols. Yahoo is said to bear about 60 requests a minute."""

_OVERLAP: Final = 10
"""Stored sessions that are asked for again: they tell whether history was re-adjusted."""
_NOISE: Final = 1e-5
"""Relative. Yahoo's adjusted closes differ by about 1e-7 from request to request; the smallest
dividends move them by 1e-4."""


def yahoo_series(
    symbols: Sequence[str],
    *,
    store: BarStore,
    interval: str,
    today: date,
    start: date | None,
    end: date | None,
    timeout_s: float,
    pause_s: float,
) -> Iterator[ReadSeries | RefusedSeries]:
    """The bars of each symbol that the store needs, or why there are none.

    After a rate limit nobody else is asked for: the rest is refused as not tried.
    """
    if not symbols:
        raise UsageError("Yahoo needs symbols", fix="forecast fetch AAPL MSFT --from yahoo")
    ask = partial(fetch_yahoo, home=store.home, today=today, end=end, timeout_s=timeout_s)
    limited = False
    for i, symbol in enumerate(symbols):
        if limited:
            yield RefusedSeries(name=symbol, error=RateLimitError(f"{symbol}: not tried"))
            continue
        if i:
            time.sleep(pause_s)
        try:
            known = None if start else _stored(store, symbol, interval, end)
            yield ask(symbol, start=start) if known is None else _continued(ask, known)
        except ForecastError as error:
            limited = isinstance(error, RateLimitError)
            yield RefusedSeries(name=symbol, error=error)


def _stored(store: BarStore, symbol: str, interval: str, end: date | None) -> Bars | None:
    """What is stored, if a later end is asked for; otherwise Yahoo is asked as for a new symbol."""
    if not store.path(symbol, interval).exists():
        return None
    bars = store.read(symbol, interval)
    return bars if end is None or np.datetime64(end, "D") > bars.timestamp[-1] else None


def _continued(ask: Callable[..., ReadSeries], known: Bars) -> ReadSeries:
    """The bars after the known ones and a few before; all anew where Yahoo has changed those."""
    recent = known.take(slice(-_OVERLAP, None))
    read = ask(known.symbol, start=recent.timestamp[0].item())
    if _continues(recent, read.bars):
        return read
    return ask(known.symbol, start=known.timestamp[0].item())


def _continues(recent: Bars, new: Bars) -> bool:
    """Whether the new bars repeat the recent ones: no dividend, split or revision since then."""
    _, in_recent, in_new = np.intersect1d(
        recent.timestamp, new.timestamp, assume_unique=True, return_indices=True
    )
    old, again = recent.adj_close[in_recent], new.adj_close[in_new]
    return len(in_recent) == len(recent) and np.allclose(old, again, rtol=_NOISE, atol=0)
