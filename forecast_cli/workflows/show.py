"""One symbol: its recent prices, the newest forecasts of it, and how earlier ones fared."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.ledger import Ledger
from forecast_cli.data.sessions import calendar_name
from forecast_cli.data.store import BarStore
from forecast_cli.schema import DAILY
from forecast_cli.symbols import parse_symbol
from forecast_cli.workflows.coverage import Fared, fared
from forecast_cli.workflows.fan import Fan, fan_of_entries, newest


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownSymbol:
    """What is known of one symbol.

    days, closes: its last sessions, oldest first; closes carry dividends and splits and end at the
    last close. sessions_behind: how many have closed since; None where not known. fans: by model.
    history: live forecasts that have met what came, by model, horizon and cutoff; all of them.
    """

    symbol: str
    days: tuple[date, ...]
    closes: FloatArray1D
    sessions_behind: int | None
    fans: tuple[Fan, ...]
    history: tuple[Fared, ...]


def show(
    symbol: str,
    *,
    home: Path,
    model: str | None = None,
    sessions: int = 60,
    now: datetime | None = None,
) -> ShownSymbol:
    """What is stored of a symbol and was forecast of it; runs no model.

    model: only its forecasts; None for all. sessions: how many closes. now: the instant, with its
    zone, at which the age of the last bar is measured; by default the clock's. Raises
    MissingInputError when the symbol is not stored, BadDataError for a damaged file.
    """
    name = parse_symbol(symbol)
    store = BarStore(home)
    bars = store.read(name, DAILY)
    calendar = store.read_calendar(calendar_name(name))
    entries = [
        entry
        for entry in Ledger(home).read(model=model)
        if (entry.symbol, entry.interval) == (name, DAILY)
    ]
    recent = bars.take(slice(-sessions, None))
    return ShownSymbol(
        symbol=name,
        days=tuple(date.fromisoformat(str(day)) for day in recent.timestamp),
        closes=recent.adj_close * (recent.close[-1] / recent.adj_close[-1]),
        sessions_behind=calendar.sessions_behind(bars.timestamp[-1], now or datetime.now(UTC))
        if calendar
        else None,
        fans=tuple(fan_of_entries(of, bars) for of in newest(entries).values()),
        history=tuple(fared(entries, {name: bars}, {name: calendar}) if calendar else ()),
    )
