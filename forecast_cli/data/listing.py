"""What a store holds, read from file names and Parquet footers alone: half a second for thousands.

A footer is not sealed; `data check` reads the bars.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forecast_cli.data.sessions import Calendar, calendar_name
from forecast_cli.data.store import BASIS_KEY, BarStore
from forecast_cli.errors import ForecastError


@dataclass(frozen=True, kw_only=True)
class StoredSeries:
    """One stored series.

    n_bytes: size of its file. sessions_behind: sessions that have closed after its last bar; None
    for intraday bars and where the calendar is not stored. fault: why the rest is not known.
    """

    symbol: str
    interval: str
    n_bars: int = 0
    n_bytes: int = 0
    first: date | None = None
    last: date | None = None
    price_basis: str | None = None
    calendar: str
    sessions_behind: int | None = None
    fault: str | None = None


def stored_series(store: BarStore, *, now: datetime) -> list[StoredSeries]:
    """All series of a store, by interval and symbol. now: an instant with its zone."""
    calendars: dict[str, Calendar | None] = {}
    found = []
    for interval in store.intervals():
        for symbol in store.symbols(interval):
            name = calendar_name(symbol)
            if name not in calendars:
                calendars[name] = _calendar(store, name)
            series = _footer(store.path(symbol, interval), symbol, interval, name)
            calendar = calendars[name]
            if calendar is not None and interval == "1d" and series.last is not None:
                last = np.datetime64(series.last, "D")
                series = replace(series, sessions_behind=calendar.sessions_behind(last, now))
            found.append(series)
    return found


def _calendar(store: BarStore, name: str) -> Calendar | None:
    try:
        return store.read_calendar(name)
    except ForecastError:
        return None  # a list is no place to fail for a calendar; `data check` says what is wrong


def _footer(path: Path, symbol: str, interval: str, calendar: str) -> StoredSeries:
    try:
        footer = pq.read_metadata(path)
        times = [footer.row_group(i).column(0).statistics for i in range(footer.num_row_groups)]
        first, last = times[0].min.date(), times[-1].max.date()
        basis = (footer.metadata or {}).get(BASIS_KEY, b"").decode()
        n_bytes = path.stat().st_size
    except (pa.ArrowException, OSError, ValueError, AttributeError, IndexError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return StoredSeries(symbol=symbol, interval=interval, calendar=calendar, fault=reason)
    return StoredSeries(
        symbol=symbol,
        interval=interval,
        n_bars=footer.num_rows,
        n_bytes=n_bytes,
        first=first,
        last=last,
        price_basis=basis or None,
        calendar=calendar,
    )
