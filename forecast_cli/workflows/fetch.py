"""Fetch: bars from files, standard input or Yahoo into the store, and the calendars they need."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from forecast_cli.data.bars import Bars
from forecast_cli.data.calendars import Calendars
from forecast_cli.data.checks import Subject
from forecast_cli.data.covariates import CovariateStore
from forecast_cli.data.dates import known_at, local_dates
from forecast_cli.data.series import AS_WRITTEN, ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.data.sessions import calendar_name, parse_calendar
from forecast_cli.data.store import BarStore
from forecast_cli.data.validation import review
from forecast_cli.data.yahoo import TIMEOUT_S, RateLimitError
from forecast_cli.errors import (
    BadDataError,
    ForecastError,
    UsageError,
)
from forecast_cli.findings import DEFAULT_POLICIES, Finding, Policies
from forecast_cli.schema import INTERVALS, PriceBasis
from forecast_cli.symbols import parse_symbols
from forecast_cli.threads import in_order
from forecast_cli.workflows.price_files import Part, name_of, series_of_files
from forecast_cli.workflows.yahoo import PAUSE_S, yahoo_series

_SHOWN: Final = 3
_WRITERS: Final = 6
"""Threads that store series: they mostly wait for the disk, which serves many at once."""
_CALENDAR_AHEAD: Final = timedelta(days=731)
"""`predict` wants the sessions that its horizons end on."""


@dataclass(frozen=True, kw_only=True)
class FetchedSeries:
    """One symbol that is now in the store. `first` and `last` are the ends of what is stored.

    They are session dates, or the instants in UTC at which intraday bars start. readjusted: the
    ratio by which a dividend or split since has multiplied the stored adj_close. n_revised: stored
    bars that the source states otherwise than it did. known_until: the newest bar that was stored
    before; None for a new series. covariates: names of the extra columns kept.
    """

    symbol: str
    interval: str
    source: str
    layout: str
    price_basis: PriceBasis
    n_bars: int
    n_new: int
    n_revised: int
    readjusted: float | None
    first: date | datetime
    last: date | datetime
    changed: bool
    findings: list[Finding] = field(default_factory=list)
    known_until: date | datetime | None = None
    covariates: tuple[str, ...] = ()

    def is_news(self, finding: Finding) -> bool:
        """Whether a finding is about a bar that was not stored before, or about none."""
        known = self.known_until
        return known is None or not finding.dates or max(finding.dates) > known.isoformat()


@dataclass(frozen=True, kw_only=True)
class FailedSeries:
    """One symbol or file that could not be used; what was stored before still stands."""

    name: str
    reason: str
    fix: str | None
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class FetchResult:
    """What a fetch did, in the order of the source.

    rate_limited: whether the vendor stopped the run; what it did not get to is among the failed.
    """

    series: list[FetchedSeries]
    failed: list[FailedSeries]
    rate_limited: bool = False


@dataclass(frozen=True, kw_only=True)
class _Judging:
    """What a series is judged by before it is stored."""

    policies: Policies
    calendars: Calendars
    calendar: str | None
    now: datetime


def fetch(
    symbols: Sequence[str],
    *,
    source: str,
    home: Path,
    interval: str = "1d",
    start: date | None = None,
    end: date | None = None,
    options: ReadOptions = AS_WRITTEN,
    today: date | None = None,
    now: datetime | None = None,
    policies: Policies = DEFAULT_POLICIES,
    calendar: str | None = None,
    timeout_s: float = TIMEOUT_S,
    pause_s: float = PAUSE_S,
) -> FetchResult:
    """Read bars from a source, join them to the store under `home` and report per symbol.

    source: `yahoo`, a file, a folder (its CSV and Parquet files), a glob pattern, or `-` for a CSV
    on standard input. symbols: only these; none means all that the source has. start, end: session
    dates, both included; from Yahoo, without a start, only what is not stored yet. timeout_s,
    pause_s: for a request to Yahoo, and between two symbols. options: what the user says about the
    files. The interval of bars in files is measured. policies: what follows from findings.
    calendar: the exchange to check against; by default the one of each symbol's suffix. now: the
    instant, with its zone, up to which sessions have closed; by default the clock's, or the end of
    `today` where that is given. One symbol's failure never costs the others; where all fail, an
    error of the first one's kind is raised. Running it again on the same data changes no file.
    """
    if interval not in INTERVALS:
        raise UsageError(
            f"interval {interval} cannot be asked for: from Yahoo come daily bars only",
            fix="leave it out; the interval of bars in files is measured",
        )
    if start and end and start > end:
        raise UsageError(f"start {start} lies after end {end}")
    if now is None:
        now = datetime.combine(today, time.max, UTC) if today else datetime.now(UTC)
    today = today or date.today()  # noqa: DTZ011 - the reader's own calendar day
    wanted = parse_symbols(symbols)
    store = BarStore(home)
    parts: Iterator[Part]
    if source == "yahoo":
        reads = yahoo_series(
            wanted,
            store=store,
            interval=interval,
            today=today,
            start=start,
            end=end,
            timeout_s=timeout_s,
            pause_s=pause_s,
        )
        parts = (Part(source, read) for read in reads)
    else:
        # a row that lacks a price is dropped where it is read: no check ever sees it
        options = replace(options, drop_partial=policies.of("partial_row") == "drop")
        parts = series_of_files(wanted, source, today, options, home)
    done: list[FetchedSeries] = []
    errors: list[tuple[str, ForecastError]] = []
    judging = _Judging(
        policies=policies,
        calendars=Calendars(store, today + _CALENDAR_AHEAD),
        calendar=None if calendar is None else parse_calendar(calendar),
        now=now,
    )
    store.sweep()
    with store.batch():
        # Two files may hold one symbol: their bars are joined in the order of the files.
        for outcome in in_order(
            partial(_outcome, store, start, end, judging), parts, key=name_of, n_threads=_WRITERS
        ):
            if isinstance(outcome, RefusedSeries):
                errors.append((outcome.name, outcome.error))
                continue
            done.append(outcome)
    rate_limited = any(isinstance(error, RateLimitError) for _, error in errors)
    if not done and not rate_limited:
        raise _all_failed([error for _, error in errors])
    failed = [
        FailedSeries(name=name, reason=error.message, fix=error.fix, exit_code=error.exit_code)
        for name, error in errors
    ]
    problems = judging.calendars.write({_calendar_of(series.symbol, judging) for series in done})
    for series in done:
        problem = problems.get(_calendar_of(series.symbol, judging))
        if problem:
            series.findings.extend(policies.weigh([Finding("no_calendar", problem.message, 0)]))
    return FetchResult(series=done, failed=failed, rate_limited=rate_limited)


def _all_failed(errors: Sequence[ForecastError]) -> ForecastError:
    """The first error, which decides the exit code, with the sentences of the others."""
    first, others = errors[0], errors[1:]
    if not others:
        return first
    messages = [error.message for error in errors[: _SHOWN + 1]]
    if len(others) > _SHOWN:
        messages.append(f"and {len(others) - _SHOWN:,} more")
    return type(first)("; ".join(messages), fix=first.fix)


def _outcome(
    store: BarStore, start: date | None, end: date | None, judging: _Judging, part: Part
) -> FetchedSeries | RefusedSeries:
    if isinstance(part.read, RefusedSeries):
        return part.read
    try:
        bars = _between(part.read.bars, start, end)
        bars, findings = _judged(bars, part.read.findings, judging, part.source)
        return _store(store, replace(part.read, bars=bars, findings=findings), part.source)
    except ForecastError as error:
        return RefusedSeries(name=part.read.bars.symbol, error=error)


def _judged(
    bars: Bars, findings: list[Finding], judging: _Judging, source: str
) -> tuple[Bars, list[Finding]]:
    """The bars that the policies let through. Of a missing calendar `fetch` speaks at its end."""
    calendar = None
    with contextlib.suppress(BadDataError):
        name = _calendar_of(bars.symbol, judging)
        calendar = judging.calendars.covering(
            name, bars.timestamp[0].astype("datetime64[D]").item()
        )
    subject = Subject(bars, calendar, judging.now)
    return review(subject, findings, judging.policies, source=source)


def _calendar_of(symbol: str, judging: _Judging) -> str:
    return judging.calendar or calendar_name(symbol)


def _store(store: BarStore, read: ReadSeries, source: str) -> FetchedSeries:
    new = read.bars
    merged, changed = store.merge(new)
    for kept in read.covariates:
        inside = np.isin(kept.available_at, known_at(new.timestamp, new.interval))
        part = replace(kept, available_at=kept.available_at[inside], values=kept.values[inside])
        changed |= bool(len(part)) and CovariateStore(store.home).write(part)
    times = merged.bars.timestamp
    return FetchedSeries(
        symbol=new.symbol,
        interval=new.interval,
        source=source,
        layout=read.layout,
        price_basis=new.price_basis,
        n_bars=len(merged.bars),
        n_new=merged.n_new,
        n_revised=merged.n_revised,
        readjusted=merged.readjusted,
        first=_moment(times[0]),
        last=_moment(times[-1]),
        changed=changed,
        findings=read.findings,
        covariates=tuple(kept.name for kept in read.covariates),
        known_until=None if merged.known_until is None else _moment(merged.known_until),
    )


def _moment(time: np.datetime64) -> date | datetime:
    """A timestamp as Python has it: a session date, or an instant with its zone."""
    moment = time.item()
    assert isinstance(moment, date)
    return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else moment


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _between(bars: Bars, start: date | None, end: date | None) -> Bars:
    if not start and not end:
        return bars
    days = local_dates(bars.timestamp, ZoneInfo(bars.zone)) if bars.zone else bars.timestamp
    inside = np.ones(len(bars), dtype=bool)
    if start:
        inside &= days >= np.datetime64(start, "D")
    if end:
        inside &= days <= np.datetime64(end, "D")
    if not inside.any():
        raise BadDataError(
            f"{bars.symbol}: no bars from {start or 'the start'} to {end or 'the end'}"
            f" (the source has {bars.timestamp[0]} to {bars.timestamp[-1]})"
        )
    return bars.take(inside)
