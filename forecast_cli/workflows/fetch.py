"""Fetch: bars from files, standard input or Yahoo into the store, and the calendars they need."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Final, TypeAlias
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
    together,
)
from forecast_cli.findings import DEFAULT_POLICIES, Finding, Policies
from forecast_cli.jobs import run_jobs
from forecast_cli.schema import INTERVALS, PriceBasis
from forecast_cli.symbols import parse_symbols
from forecast_cli.threads import in_order
from forecast_cli.workflows.price_files import (
    Part,
    independent_files,
    name_of,
    parts_of,
    series_of_files,
)
from forecast_cli.workflows.yahoo import PAUSE_S, yahoo_series

_WRITERS: Final = 6
"""Threads that store series: they mostly wait for the disk, which serves many at once."""
_FILES_PER_JOB: Final = 16
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
    """What a series is judged by before it is stored. start, end: session dates that are wanted."""

    policies: Policies
    calendar: str | None
    now: datetime
    start: date | None
    end: date | None


_Outcome: TypeAlias = FetchedSeries | RefusedSeries
_FilesOutcome: TypeAlias = tuple[list[_Outcome], dict[str, date]]


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
    n_processes: int = 1,
    on_series: Callable[[int], object] = lambda _: None,
) -> FetchResult:
    """Read bars from a source, join them to the store under `home` and report per symbol.

    source: `yahoo`, a file, a folder (its CSV and Parquet files), a glob pattern, or `-` for a CSV
    on standard input. symbols: only these; none means all that the source has. start, end: session
    dates, both included; from Yahoo, without a start, only what is not stored yet. timeout_s,
    pause_s: for a request to Yahoo, and between two symbols. options: what the user says about the
    files. The interval of bars in files is measured. policies: what follows from findings.
    calendar: the exchange to check against; by default the one of each symbol's suffix. now: the
    instant, with its zone, up to which sessions have closed; by default the clock's, or the end of
    `today` where that is given. n_processes: for files of one symbol each; more than one must have
    been made ready, see `forecast_cli.jobs`. on_series: told how many series are done. One symbol's
    failure never costs the others; where all fail, an error of the first one's kind is raised.
    Running it again on the same data changes no file.
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
    calendars = Calendars(store, today + _CALENDAR_AHEAD)
    judging = _Judging(
        policies=policies,
        calendar=None if calendar is None else parse_calendar(calendar),
        now=now,
        start=start,
        end=end,
    )
    # a row that lacks a price is dropped where it is read: no check ever sees it
    options = replace(options, drop_partial=policies.of("partial_row") == "drop")
    store.sweep()
    files = independent_files(source, options) if n_processes > 1 and not wanted else []
    if files:
        work = partial(_fetch_files, home, today, options, judging)
        outcomes = _over_processes(work, files, calendars, n_processes)
    elif source == "yahoo":
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
        outcomes = _in_threads(store, calendars, judging, (Part(source, read) for read in reads))
    else:
        parts = series_of_files(wanted, source, today, options, home)
        outcomes = _in_threads(store, calendars, judging, parts)
    return _result(_counted(outcomes, on_series), calendars, judging)


def _counted(
    outcomes: Iterable[_Outcome], on_series: Callable[[int], object]
) -> Iterator[_Outcome]:
    for done, outcome in enumerate(outcomes, start=1):
        on_series(done)
        yield outcome


def _result(outcomes: Iterable[_Outcome], calendars: Calendars, judging: _Judging) -> FetchResult:
    """All outcomes, once the calendars that they need are stored."""
    done: list[FetchedSeries] = []
    errors: list[tuple[str, ForecastError]] = []
    for outcome in outcomes:
        if isinstance(outcome, RefusedSeries):
            errors.append((outcome.name, outcome.error))
        else:
            done.append(outcome)
    rate_limited = any(isinstance(error, RateLimitError) for _, error in errors)
    if not done and not rate_limited:
        raise together([error for _, error in errors])
    failed = [
        FailedSeries(name=name, reason=error.message, fix=error.fix, exit_code=error.exit_code)
        for name, error in errors
    ]
    needed = {series.symbol: _calendars_for(series.symbol, judging) for series in done}
    problems = calendars.write({name for names in needed.values() for name in names})
    for series in done:
        told = [problems[name].message for name in needed[series.symbol] if name in problems]
        series.findings.extend(
            judging.policies.weigh([Finding("no_calendar", message, 0) for message in told])
        )
    return FetchResult(series=done, failed=failed, rate_limited=rate_limited)


def _in_threads(
    store: BarStore, calendars: Calendars, judging: _Judging, parts: Iterable[Part]
) -> Iterator[_Outcome]:
    with store.batch():
        # Two files may hold one symbol: their bars are joined in the order of the files.
        yield from in_order(
            partial(_outcome, store, calendars, judging), parts, key=name_of, n_threads=_WRITERS
        )


def _over_processes(
    work: Callable[[Sequence[Path]], _FilesOutcome],
    files: Sequence[Path],
    calendars: Calendars,
    n_processes: int,
) -> Iterator[_Outcome]:
    jobs = [files[i : i + _FILES_PER_JOB] for i in range(0, len(files), _FILES_PER_JOB)]
    for outcomes, asked in run_jobs(work, jobs, n_processes=n_processes, from_ready=True):
        yield from outcomes
        for name, first in asked.items():
            with contextlib.suppress(BadDataError):  # said at the end
                calendars.covering(name, first)


def _fetch_files(
    home: Path, today: date, options: ReadOptions, judging: _Judging, files: Sequence[Path]
) -> _FilesOutcome:
    """The outcomes of some files, in one of many processes, and the calendars that they need."""
    calendars = _calendars_of(home, today)
    store = BarStore(home)
    parts = (part for path in files for part in parts_of(today, options, home, path))
    with store.batch():
        outcomes = [_outcome(store, calendars, judging, part) for part in parts]
    return outcomes, calendars.asked


@cache
def _calendars_of(home: Path, today: date) -> Calendars:
    """Of a process: not made anew for each job."""
    return Calendars(BarStore(home), today + _CALENDAR_AHEAD)


def _outcome(store: BarStore, calendars: Calendars, judging: _Judging, part: Part) -> _Outcome:
    if isinstance(part.read, RefusedSeries):
        return part.read
    try:
        bars = _between(part.read.bars, judging.start, judging.end)
        bars, findings = _judged(bars, part.read.findings, calendars, judging, part.source)
        return _store(store, replace(part.read, bars=bars, findings=findings), part.source)
    except ForecastError as error:
        return RefusedSeries(name=part.read.bars.symbol, error=error)


def _judged(
    bars: Bars, findings: list[Finding], calendars: Calendars, judging: _Judging, source: str
) -> tuple[Bars, list[Finding]]:
    """The bars that the policies let through. Of a missing calendar `fetch` speaks at its end."""
    first = bars.timestamp[0].astype("datetime64[D]").item()
    names = _calendars_for(bars.symbol, judging)
    known = {}
    for name in names:
        with contextlib.suppress(BadDataError):
            known[name] = calendars.covering(name, first)
    subject = Subject(bars, known.get(names[0]), judging.now)
    return review(subject, findings, judging.policies, source=source)


def _calendars_for(symbol: str, judging: _Judging) -> list[str]:
    """The calendar to check against; then the symbol's own, which `predict` goes by, if another."""
    own = calendar_name(symbol)
    return list(dict.fromkeys([judging.calendar or own, own]))


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
