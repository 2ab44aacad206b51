"""Exchange calendars: which days a symbol trades, and which day a horizon ends on.

Only `calendar_between` knows the exchange_calendars package, which imports pandas. `fetch` calls it
and keeps what it says in the store, so that all else works with plain numpy.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.threads import warnings_ignored

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Calendar:
    """The sessions of an exchange, ascending and at least one; days outside are not known.

    sessions: dates, shape (n,). closes: the instants in UTC at which they end, early closes
    included, `datetime64[us]`, shape (n,).
    """

    name: str
    sessions: DateArray1D
    closes: DateArray1D

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Calendar)
            and self.name == other.name
            and np.array_equal(self.sessions, other.sessions)
            and np.array_equal(self.closes, other.closes)
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def closes_at(self, days: DateArray1D) -> DateArray1D:
        """The moment in UTC at whose close a bar of each date is known, shape (n_days,).

        A date that is no session of this calendar closes at the hour of the session before it.
        """
        before = np.searchsorted(self.sessions, days, side="right") - 1
        session = np.maximum(before, 0)
        moments: DateArray1D = days + (self.closes[session] - self.sessions[session])
        return moments

    def is_closed(self, days: DateArray1D) -> BoolArray1D:
        """Which of some ascending days are known to be no sessions."""
        if self._are_all(days):
            return np.zeros(len(days), dtype=bool)
        rows = np.minimum(np.searchsorted(self.sessions, days), len(self.sessions) - 1)
        known = (days >= self.sessions[0]) & (days <= self.sessions[-1])
        closed: BoolArray1D = known & (self.sessions[rows] != days)
        return closed

    def missing(self, days: DateArray1D) -> DateArray1D:
        """The sessions between the ends of some ascending days that are not among them."""
        if self._are_all(days):
            return days[:0]
        start, stop = np.searchsorted(self.sessions, days[[0, -1]])
        expected = self.sessions[start:stop]
        rows = np.minimum(np.searchsorted(days, expected), len(days) - 1)
        missing: DateArray1D = expected[days[rows] != expected]
        return missing

    def _are_all(self, days: DateArray1D) -> bool:
        """Whether some ascending days are all sessions, none left out: as a rule, and quick."""
        start = int(np.searchsorted(self.sessions, days[0]))
        return np.array_equal(self.sessions[start : start + len(days)], days)

    def sessions_behind(self, last: np.datetime64, now: datetime) -> int | None:
        """How many sessions have closed after a date; None where that is not known."""
        instant = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")
        if last < self.sessions[0] or self.closes[-1] < instant:
            return None
        n_closed = int(np.searchsorted(self.closes, instant, side="right"))
        return max(0, n_closed - int(np.searchsorted(self.sessions, last, side="right")))


def calendar_name(symbol: str) -> str:
    """The calendar of a symbol, by its suffix: `VOD.L` is XLON, `AAPL` and `^GSPC` are XNYS.

    `24-7` (crypto) and `24-5` (currencies) stand for the names with a slash, which no file has.
    """
    suffix = re.search(r"(\.[A-Z]+|-[A-Z]+|=[A-Z])\Z", symbol)
    return _CALENDARS.get(symbol) or _CALENDARS.get(suffix.group() if suffix else "", _DEFAULT)


def parse_calendar(text: str) -> str:
    """A calendar's name as it stands in file names. Raises UsageError for what cannot be one."""
    name = text.upper().replace("/", "-")
    if not re.fullmatch(r"[A-Z0-9-]{3,12}", name):
        raise UsageError(
            f"{text[:40]!a} is not a calendar", fix="use a market identifier such as XLON"
        )
    return name


def zone_of(calendar: str) -> str:
    """The time zone of an exchange's clock; UTC where the exchange_calendars package has none."""
    import pandas as pd  # noqa: PLC0415 - predict must not import it

    try:
        # Any week will do: the zone is that of the class.
        some_week = {"start": pd.Timestamp("2024-01-02"), "end": pd.Timestamp("2024-01-08")}
        return str(_exchange(calendar, **some_week).tz)
    except BadDataError:
        return "UTC"


def calendar_between(name: str, first: date, last: date) -> Calendar:
    """The sessions of an exchange from first to last, both included, and their closes.

    Clipped to the years that the exchange_calendars package knows of this exchange. Raises
    BadDataError for a calendar that the package lacks or cannot build and for a range without any
    session.
    """
    import pandas as pd  # noqa: PLC0415 - predict must not import it

    start, end = pd.Timestamp(first), pd.Timestamp(last)
    try:
        known = _exchange(name, start=start, end=end)
    except BadDataError:
        # The class knows how far it may be asked.
        whole = _exchange(name)
        start, end = max(start, whole.bound_min() or start), min(end, whole.bound_max() or end)
        known = _exchange(name, start=start, end=end)
    return Calendar(
        name=name,
        sessions=known.sessions.to_numpy().astype("datetime64[D]"),
        closes=known.closes.dt.tz_localize(None).to_numpy().astype("datetime64[us]"),
    )


def _exchange(calendar: str, **span: Any) -> Any:  # noqa: ANN401 - exchange_calendars has no types
    import exchange_calendars  # noqa: PLC0415 - it imports pandas, which predict must not

    name = calendar.replace("-", "/") if calendar in (_ALWAYS, _WEEKDAYS) else calendar
    try:
        # exchange_calendars uses what pandas 3.1 has deprecated; its user can do nothing about it.
        with warnings_ignored():
            return exchange_calendars.get_calendar(name, **span)
    # ValueError is its word for dates that this exchange's calendar does not reach.
    except (exchange_calendars.errors.CalendarError, ValueError) as error:
        between = f" from {span['start']:%Y-%m-%d} to {span['end']:%Y-%m-%d}" if span else ""
        raise BadDataError(
            f"{calendar}: no sessions{between} ({str(error)[:100]})",
            fix="a newer exchange_calendars package may know this exchange",
        ) from error


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
