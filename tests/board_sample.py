"""A store with a history of recorded forecasts, as weeks of `forecast run` leave it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from synthetic import calendar_of, random_walk_bars

from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.data.sessions import target_date
from forecast_cli.data.store import BarStore
from forecast_cli.forecasts import LEVELS

SESSIONS = np.arange("2001-01-01", "2004-01-01", dtype="datetime64[D]")
SESSIONS = SESSIONS[np.is_busday(SESSIONS)]
N_BARS = 300
NOW = datetime(2002, 2, 25, 12, tzinfo=UTC)
"""The Monday after the last bar, before the close."""
HORIZONS = (1, 5)
_NORMAL = np.sort(np.random.default_rng(7).normal(size=9_901))[99::98][: len(LEVELS)]


def recorded(
    home: Path, symbols: list[str], *, n_cutoffs: int, model: str = "mine", wide: float = 1.0
) -> None:
    """Store 300 bars of each symbol, and the forecasts from its last cutoffs, each made in time."""
    store = BarStore(home)
    series = [random_walk_bars(symbol, N_BARS, seed) for seed, symbol in enumerate(symbols)]
    store.write_calendar(calendar_of(SESSIONS))
    with store.batch():
        for bars in series:
            store.write(bars)
    for row in range(N_BARS - n_cutoffs, N_BARS):
        cutoff = series[0].timestamp[row]
        Ledger(home).append(
            [
                entry(bars.symbol, cutoff, float(bars.close[row]), horizon, model=model, wide=wide)
                for bars in series
                for horizon in HORIZONS
            ]
        )


def entry(
    symbol: str, cutoff: np.datetime64, close: float, horizon: int, *, model: str, wide: float = 1.0
) -> Entry:
    """The law of the walk, an hour after the close; wide: how much too wide."""
    day = date.fromisoformat(str(cutoff))
    curve = 0.01 * np.sqrt(horizon) * wide * _NORMAL
    return Entry(
        made_at=datetime(day.year, day.month, day.day, 22, tzinfo=UTC) + timedelta(seconds=1),
        model=model,
        model_version="v1",
        symbol=symbol,
        interval="1d",
        cutoff=day,
        horizon=horizon,
        target_date=date.fromisoformat(str(target_date(SESSIONS, cutoff, horizon))),
        last_close=close,
        point_return=float(curve[49]),
        p_up=0.5,
        position=None,
        data_sha256="a" * 64,
        quantiles=curve,
    )
