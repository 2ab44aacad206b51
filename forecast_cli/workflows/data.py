"""Data: what is stored, shown, checked and removed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.calendars import Calendars
from forecast_cli.data.checks import Subject
from forecast_cli.data.listing import StoredSeries, stored_series
from forecast_cli.data.sessions import calendar_name, parse_calendar
from forecast_cli.data.store import BarStore
from forecast_cli.data.validation import faults_of, findings_of
from forecast_cli.errors import BadDataError, ForecastError, MissingInputError
from forecast_cli.findings import DEFAULT_POLICIES, Finding, Policies
from forecast_cli.schema import BAR_COLUMNS
from forecast_cli.symbols import parse_symbol, parse_symbols
from forecast_cli.workflows.reading import stored_symbols


@dataclass(frozen=True, kw_only=True)
class CheckedSeries:
    """One stored series and what its checks have found."""

    symbol: str
    interval: str
    n_bars: int
    calendar: str
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True)
class UnreadableSeries:
    """A stored series that cannot be read, and why: its checksums differ, it is not there, ..."""

    name: str
    reason: str
    fix: str | None
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What was checked, in the order asked for."""

    series: list[CheckedSeries]
    failed: list[UnreadableSeries]

    def count(self, severity: str) -> int:
        """How many findings have a severity."""
        return sum(found.severity == severity for one in self.series for found in one.findings)


@dataclass(frozen=True, kw_only=True)
class ShownSeries:
    """One stored series in some detail.

    bars: the first and the last rows, as plain values by column; n_omitted: those between them.
    n_dividends, n_splits: None where the source told neither. revisions: as recorded, oldest first.
    """

    stored: StoredSeries
    path: str
    bars: list[dict[str, Any]]
    n_omitted: int
    n_dividends: int | None
    n_splits: int | None
    findings: list[Finding]
    revisions: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RemovedSeries:
    """A series that was removed, or would be."""

    symbol: str
    interval: str
    n_bars: int
    first: date | None
    last: date | None


def list_series(*, home: Path, now: datetime | None = None) -> list[StoredSeries]:
    """All series stored under `home`, from their footers alone.

    now: the instant, with its zone, that freshness is measured at; by default the clock's. Raises
    MissingInputError when nothing is stored.
    """
    found = stored_series(BarStore(home), now=now or datetime.now(UTC))
    if not found:
        raise MissingInputError(
            f"no bars are stored in {home}", fix="forecast fetch --from FOLDER_OR_FILE"
        )
    return found


def check_series(
    symbols: Sequence[str],
    *,
    home: Path,
    interval: str = "1d",
    policies: Policies = DEFAULT_POLICIES,
    calendar: str | None = None,
    now: datetime | None = None,
) -> CheckResult:
    """Read stored series, which verifies checksums and seal, and run every check. Changes nothing.

    symbols: none means all that are stored. calendar: the exchange to check against; by default the
    one of each symbol's suffix. Raises MissingInputError when nothing is stored.
    """
    now = now or datetime.now(UTC)
    store = BarStore(home)
    calendars = Calendars(store, now.date())
    name = None if calendar is None else parse_calendar(calendar)
    result = CheckResult(series=[], failed=[])
    for symbol in stored_symbols(store, symbols, interval):
        try:
            bars = store.read(symbol, interval)
        except ForecastError as error:
            result.failed.append(
                UnreadableSeries(
                    name=symbol, reason=error.message, fix=error.fix, exit_code=error.exit_code
                )
            )
        else:
            exchange = name or calendar_name(symbol)
            result.series.append(_checked(bars, exchange, calendars, policies, now))
    return result


def problems_of(
    series: Sequence[Bars],
    *,
    home: Path,
    policies: Policies = DEFAULT_POLICIES,
    now: datetime | None = None,
) -> dict[str, tuple[Finding, ...]]:
    """What `check_series` calls errors and warnings of series that were read already, by symbol.

    Symbols without any are left out.
    """
    now = now or datetime.now(UTC)
    calendars = Calendars(BarStore(home), now.date())
    checked = [
        _checked(bars, calendar_name(bars.symbol), calendars, policies, now) for bars in series
    ]
    problems = {
        one.symbol: tuple(found for found in one.findings if found.severity != "note")
        for one in checked
    }
    return {symbol: found for symbol, found in problems.items() if found}


def _checked(
    bars: Bars, exchange: str, calendars: Calendars, policies: Policies, now: datetime
) -> CheckedSeries:
    found: list[Finding] = []
    calendar = None
    try:
        first = bars.timestamp[0].astype("datetime64[D]").item()
        calendar = calendars.covering(exchange, first)
    except BadDataError as error:
        found.append(Finding("no_calendar", error.message, 0))
    found += faults_of(bars, today=now.date())
    found += findings_of(Subject(bars, calendar, now))
    return CheckedSeries(
        symbol=bars.symbol,
        interval=bars.interval,
        n_bars=len(bars),
        calendar=exchange,
        # Nothing is dropped here: what would be at the next fetch is a warning.
        findings=replace(policies, keep_rows=True).weigh(found),
    )


def show_series(
    symbol: str,
    *,
    home: Path,
    interval: str = "1d",
    rows: int = 5,
    policies: Policies = DEFAULT_POLICIES,
    now: datetime | None = None,
) -> ShownSeries:
    """One stored series: ends, actions, findings, revisions. rows: bars at each end.

    Raises MissingInputError when it is not stored, BadDataError when it is damaged.
    """
    now = now or datetime.now(UTC)
    store = BarStore(home)
    symbol = parse_symbol(symbol)
    bars = store.read(symbol, interval)
    exchange = calendar_name(symbol)
    checked = _checked(bars, exchange, Calendars(store, now.date()), policies, now)
    stored = next(
        one
        for one in stored_series(store, now=now)
        if (one.symbol, one.interval) == (symbol, interval)
    )
    n_omitted = max(0, len(bars) - 2 * rows)
    kept = np.delete(np.arange(len(bars)), slice(rows, rows + n_omitted))
    return ShownSeries(
        stored=stored,
        path=str(store.path(symbol, interval)),
        bars=_plain(bars.take(kept)),
        n_omitted=n_omitted,
        n_dividends=_count(bars.dividends),
        n_splits=_count(bars.splits),
        findings=checked.findings,
        revisions=store.read_revisions(symbol, interval).to_pylist(),
    )


def _plain(bars: Bars) -> list[dict[str, Any]]:
    columns: list[list[Any]] = [[str(day) for day in bars.timestamp]]
    columns += [
        [None if np.isnan(value) else float(value) for value in getattr(bars, name)]
        for name in BAR_COLUMNS[1:]
    ]
    return [dict(zip(BAR_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]


def _count(amounts: np.ndarray[Any, Any]) -> int | None:
    return None if np.isnan(amounts).all() else int((amounts > 0).sum())


def remove_series(
    symbols: Sequence[str], *, home: Path, interval: str = "1d", dry_run: bool = False
) -> list[RemovedSeries]:
    """Remove stored series and their revisions, each wholly or not at all; models stay.

    Raises MissingInputError, before anything is removed, when one is not stored, TryAgainError when
    another run writes one.
    """
    store = BarStore(home)
    wanted = parse_symbols(symbols)
    for symbol in wanted:
        if not store.path(symbol, interval).is_file():
            raise MissingInputError(
                f"{symbol}: no {interval} bars are stored in {home}; nothing was removed",
                fix="forecast data list",
            )
    known = {
        one.symbol: one
        for one in stored_series(store, now=datetime.now(UTC))
        if one.interval == interval
    }
    removed = []
    for symbol in wanted:
        if dry_run or store.remove(symbol, interval):
            one = known[symbol]
            removed.append(
                RemovedSeries(
                    symbol=symbol,
                    interval=interval,
                    n_bars=one.n_bars,
                    first=one.first,
                    last=one.last,
                )
            )
    return removed
