"""How old stored bars are, in sessions that have closed since."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from forecast_cli.data.bars import Bars
from forecast_cli.data.listing import stored_series
from forecast_cli.data.sessions import Calendar, calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError


def sessions_behind(home: Path, *, now: datetime) -> Mapping[str, int]:
    """By symbol, how many sessions have closed after its last stored daily bar.

    Symbols whose calendar is not known are left out. now: an instant with its zone.
    """
    return {
        series.symbol: series.sessions_behind
        for series in stored_series(BarStore(home), now=now)
        if series.interval == "1d" and series.sessions_behind is not None
    }


def refuse_old(
    bars: Bars, calendar: Calendar | None, *, now: datetime, max_age_sessions: int
) -> None:
    """Raise BadDataError for a series with too many sessions behind it, or nobody knows how many.

    calendar: of its exchange; None where that is not stored. now: an instant with its zone.
    """
    last = bars.timestamp[-1]
    behind = None if calendar is None else calendar.sessions_behind(last, now)
    if behind is None:
        raise BadDataError(
            f"{bars.symbol}: nobody knows how old its last bar ({last}) is: the sessions of"
            f" {calendar_name(bars.symbol)} are not stored up to today",
            fix=f"forecast fetch {bars.symbol} --from SOURCE",
        )
    if behind > max_age_sessions:
        raise BadDataError(
            f"{bars.symbol}: its last bar, of {last}, is {behind} sessions old, and at most"
            f" {max_age_sessions} are allowed",
            fix=f"fetch newer bars of {bars.symbol}, or raise --max-age-sessions",
        )
