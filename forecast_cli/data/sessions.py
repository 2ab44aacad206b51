"""Exchange calendars: which days a symbol trades, and which day a horizon ends on.

Only `sessions_between` knows the exchange_calendars package, which imports pandas. `fetch` calls it
and keeps the dates in the store, so that `predict` works with plain numpy.
"""

import re
import warnings
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from forecast_cli.arrays import DateArray1D
from forecast_cli.errors import BadDataError

_DEFAULT: Final = "XNYS"
_ALWAYS: Final = "24-7"
_WEEKDAYS: Final = "24-5"

_SYMBOLS_OF: Final = {
    "XLON": (".L", ".IL", "^FTSE"),
    "XDUB": (".IR",),
    "XPAR": (".PA", "^FCHI"),
    "XAMS": (".AS", "^AEX"),
    "XBRU": (".BR", "^BFX"),
    "XLIS": (".LS",),
    "XMAD": (".MC", "^IBEX"),
    "XMIL": (".MI",),
    "XETR": (".DE", "^GDAXI", "^STOXX50E"),
    "XFRA": (".F",),
    "XHAM": (".HM",),
    "XDUS": (".DU",),
    "XSWX": (".SW", "^SSMI"),
    "XWBO": (".VI",),
    "XWAR": (".WA",),
    "XPRA": (".PR",),
    "XBUD": (".BD",),
    "ASEX": (".AT",),
    "XIST": (".IS",),
    "XSTO": (".ST", "^OMX"),
    "XHEL": (".HE",),
    "XCSE": (".CO",),
    "XOSL": (".OL",),
    "XICE": (".IC",),
    "XTAL": (".TL",),
    "XTKS": (".T", "^N225"),
    "XHKG": (".HK", "^HSI"),
    "XSHG": (".SS", ".SZ"),
    "XKRX": (".KS", ".KQ", "^KS11"),
    "XTAI": (".TW", ".TWO", "^TWII"),
    "XSES": (".SI",),
    "XKLS": (".KL",),
    "XBKK": (".BK",),
    "XIDX": (".JK",),
    "XBOM": (".BO", ".NS", "^BSESN", "^NSEI"),
    "XASX": (".AX", "^AXJO"),
    "XNZE": (".NZ",),
    "XTSE": (".TO", "^GSPTSE"),
    "XTSX": (".V",),
    "XMEX": (".MX", "^MXX"),
    "BVMF": (".SA", "^BVSP"),
    "XBUE": (".BA",),
    "XSGO": (".SN",),
    "XBOG": (".CL",),
    "XJSE": (".JO",),
    "XTAE": (".TA",),
    "XSAU": (".SR",),
    "XKAR": (".KA",),
    _WEEKDAYS: ("=X",),
    _ALWAYS: ("-USD", "-EUR", "-BTC"),
    "CMES": ("=F",),
}
"""Calendar to Yahoo's suffixes of its symbols, and to its indices (with ^). None of them: XNYS."""

_CALENDARS: Final = {text: name for name, texts in _SYMBOLS_OF.items() for text in texts}


def calendar_name(symbol: str) -> str:
    """The calendar of a symbol, by its suffix: `VOD.L` is XLON, `AAPL` and `^GSPC` are XNYS.

    `24-7` (crypto) and `24-5` (currencies) stand for the names with a slash, which no file has.
    """
    suffix = re.search(r"(\.[A-Z]+|-[A-Z]+|=[A-Z])\Z", symbol)
    return _CALENDARS.get(symbol) or _CALENDARS.get(suffix.group() if suffix else "", _DEFAULT)


@dataclass(frozen=True, eq=False)
class Closes:
    """When the sessions of an exchange end, early closes included.

    sessions: dates, ascending, shape (n,). instants: `datetime64[us]` in UTC, shape (n,).
    """

    sessions: DateArray1D
    instants: DateArray1D

    def at(self, days: DateArray1D) -> DateArray1D:
        """The moment at whose close a bar of each date is known, shape (n_days,), UTC.

        A date that is no session of this calendar closes at the hour of the session before it.
        """
        before = np.searchsorted(self.sessions, days, side="right") - 1
        session = np.maximum(before, 0)
        moments: DateArray1D = days + (self.instants[session] - self.sessions[session])
        return moments


def zone_of(calendar: str) -> str:
    """The time zone of an exchange's clock; UTC where the exchange_calendars package has none."""
    import exchange_calendars  # noqa: PLC0415 - it imports pandas, which predict must not
    import pandas as pd  # noqa: PLC0415 - the same

    try:
        with warnings.catch_warnings(action="ignore"):
            # Any week will do: the zone is that of the class.
            some_week = pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-08")
            known = exchange_calendars.get_calendar(_package_name(calendar), *some_week)
    except (exchange_calendars.errors.CalendarError, ValueError, NotImplementedError):
        return "UTC"
    return str(known.tz)


def sessions_between(calendar: str, first: date, last: date) -> DateArray1D:
    """The session dates of a calendar; see `closes_between`."""
    return closes_between(calendar, first, last).sessions


def closes_between(calendar: str, first: date, last: date) -> Closes:
    """The sessions of a calendar from first to last, both included, and their closes.

    Clipped to the years that the exchange_calendars package knows of this exchange. Raises
    BadDataError for a calendar that the package lacks or cannot build and for a range without any
    session.
    """
    import exchange_calendars  # noqa: PLC0415 - it imports pandas, which predict must not
    import pandas as pd  # noqa: PLC0415 - the same

    name = _package_name(calendar)
    try:
        # exchange_calendars uses what pandas 3.1 has deprecated; its user can do nothing about it.
        with warnings.catch_warnings(action="ignore"):
            start, end = pd.Timestamp(first), pd.Timestamp(last)
            try:
                known = exchange_calendars.get_calendar(name, start=start, end=end)
            except ValueError:
                # The class knows how far it may be asked.
                known = exchange_calendars.get_calendar(name)
                start, end = (
                    max(start, known.bound_min() or start),
                    min(end, known.bound_max() or end),
                )
                known = exchange_calendars.get_calendar(name, start=start, end=end)
    except (exchange_calendars.errors.CalendarError, ValueError, NotImplementedError) as error:
        raise BadDataError(
            f"{calendar}: no sessions from {first} to {last} ({str(error)[:100]})",
            fix="a newer exchange_calendars package may know this exchange",
        ) from error
    return Closes(
        sessions=known.sessions.to_numpy().astype("datetime64[D]"),
        instants=known.closes.dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
    )


def _package_name(calendar: str) -> str:
    return calendar.replace("-", "/") if calendar in (_ALWAYS, _WEEKDAYS) else calendar


def target_date(sessions: DateArray1D, cutoff: np.datetime64, horizon: int) -> np.datetime64:
    """The date of the horizon-th session after the cutoff.

    sessions: ascending, shape (n_sessions,). horizon: in sessions, at least 1. Raises BadDataError
    when the calendar ends before that date.
    """
    assert horizon >= 1
    row = int(np.searchsorted(sessions, cutoff, side="right")) + horizon - 1
    if row >= len(sessions):
        raise BadDataError(
            f"the stored calendar ends before {horizon} sessions after {cutoff}",
            fix="fetch the symbol again: that extends its calendar to two years from now",
        )
    target: np.datetime64 = sessions[row]
    return target
