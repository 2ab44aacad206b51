"""Fetch: bars from files, standard input or Yahoo into the store, and the calendars they need."""

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from forecast_cli.data.bars import Bars, Finding
from forecast_cli.data.covariates import CovariateStore
from forecast_cli.data.csv_text import read_limited
from forecast_cli.data.dates import known_at, local_dates
from forecast_cli.data.reader import FILE_SUFFIXES, read_bytes, read_each, symbol_of
from forecast_cli.data.series import AS_WRITTEN, ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.data.sessions import calendar_name, closes_between
from forecast_cli.data.store import BarStore
from forecast_cli.data.yahoo import TIMEOUT_S, RateLimitError
from forecast_cli.errors import (
    BadDataError,
    ForecastError,
    MissingInputError,
    UsageError,
)
from forecast_cli.schema import INTERVALS, PriceBasis
from forecast_cli.symbols import parse_symbols
from forecast_cli.threads import in_order
from forecast_cli.workflows.yahoo import PAUSE_S, yahoo_series

_STDIN: Final = "standard input"
_SHOWN: Final = 3
_WRITERS: Final = 6
"""Threads that store series: they mostly wait for the disk, which serves many at once."""
_CALENDAR_AHEAD: Final = timedelta(days=731)
_CALENDAR_SLACK: Final = np.timedelta64(14, "D")
"""A stored calendar may end this much early (holidays, daily runs) before it is written anew."""


@dataclass(frozen=True, kw_only=True)
class FetchedSeries:
    """One symbol that is now in the store. `first` and `last` are the ends of what is stored.

    They are session dates, or the instants in UTC at which intraday bars start. readjusted: the
    ratio by which a dividend or split since has multiplied the stored adj_close. n_revised: stored
    bars that the source states otherwise than it did. covariates: names of the extra columns kept.
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
    covariates: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class _Part:
    """A series as read, or why not, and the file or vendor it came from."""

    source: str
    read: ReadSeries | RefusedSeries
    is_whole_file: bool = False


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
    timeout_s: float = TIMEOUT_S,
    pause_s: float = PAUSE_S,
) -> FetchResult:
    """Read bars from a source, join them to the store under `home` and report per symbol.

    source: `yahoo`, a file, a folder (its CSV and Parquet files), a glob pattern, or `-` for a CSV
    on standard input. symbols: only these; none means all that the source has. start, end: session
    dates, both included; from Yahoo, without a start, only what is not stored yet. timeout_s,
    pause_s: for a request to Yahoo, and between two symbols. options: what the user says about the
    files. The interval of bars in files is measured. One symbol's failure never costs the
    others; where all fail, an error of the first one's kind is raised. Running it again on the same
    data changes no file.
    """
    if interval not in INTERVALS:
        raise UsageError(
            f"interval {interval} cannot be asked for: from Yahoo come daily bars only",
            fix="leave it out; the interval of bars in files is measured",
        )
    if start and end and start > end:
        raise UsageError(f"start {start} lies after end {end}")
    today = today or date.today()  # noqa: DTZ011 - the reader's own calendar day
    wanted = parse_symbols(symbols)
    store = BarStore(home)
    parts: Iterator[_Part]
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
        parts = (_Part(source, read) for read in reads)
    else:
        parts = _from_files(wanted, source, today, options, home)
    done: list[FetchedSeries] = []
    errors: list[tuple[str, ForecastError]] = []
    store.sweep()
    begun: set[str] = set()
    with store.batch(), ThreadPoolExecutor(1) as aside:
        # Two files may hold one symbol: their bars are joined in the order of the files.
        for outcome in in_order(
            partial(_outcome, store, start, end), parts, key=_name, n_threads=_WRITERS
        ):
            if isinstance(outcome, RefusedSeries):
                errors.append((outcome.name, outcome.error))
                continue
            done.append(outcome)
            name = calendar_name(outcome.symbol)
            if name not in begun:
                # A head start: what is needed in the end is known in the end, but seldom differs.
                begun.add(name)
                aside.submit(
                    _write_calendar, store, name, _day(outcome.first), today + _CALENDAR_AHEAD
                )
    rate_limited = any(isinstance(error, RateLimitError) for _, error in errors)
    if not done and not rate_limited:
        raise _all_failed([error for _, error in errors])
    failed = [
        FailedSeries(name=name, reason=error.message, fix=error.fix, exit_code=error.exit_code)
        for name, error in errors
    ]
    series = _with_calendars(store, done, today)
    return FetchResult(series=series, failed=failed, rate_limited=rate_limited)


def _all_failed(errors: Sequence[ForecastError]) -> ForecastError:
    """The first error, which decides the exit code, with the sentences of the others."""
    first, others = errors[0], errors[1:]
    if not others:
        return first
    messages = [error.message for error in errors[: _SHOWN + 1]]
    if len(others) > _SHOWN:
        messages.append(f"and {len(others) - _SHOWN:,} more")
    return type(first)("; ".join(messages), fix=first.fix)


def _from_files(
    wanted: list[str], source: str, today: date, options: ReadOptions, home: Path
) -> Iterator[_Part]:
    """The wanted series of all files; what is wanted and nowhere found comes last, as refused."""
    missing = set(wanted)
    unread: list[_Part] = []
    for part in _all_parts(wanted, source, today, options, home):
        name = _name(part)
        if not wanted or name.upper() in wanted:
            missing.discard(name.upper())
            yield part
        elif part.is_whole_file:
            unread.append(part)
    if missing:
        # One of these may hold a missing symbol: their reasons explain more than "not found".
        yield from unread
    for symbol in wanted:
        if symbol in missing:
            error = MissingInputError(f"{symbol}: not found in {source}", fix="check the symbol")
            yield _Part(source, RefusedSeries(name=symbol, error=error))


def _all_parts(
    wanted: list[str], source: str, today: date, options: ReadOptions, home: Path
) -> Iterator[_Part]:
    only = wanted[0] if len(wanted) == 1 else None
    if source == "-":
        raw = read_limited(sys.stdin.buffer, _STDIN)
        reads = read_bytes(raw, source=_STDIN, today=today, symbol=only, options=options)
        yield from (_Part(_STDIN, read) for read in reads)
        return
    paths = _paths(source)
    # A single file may be called anything; in a folder the names must tell.
    symbol = only if len(paths) == 1 and not Path(source).is_dir() else None

    def parts(path: Path) -> Iterable[_Part]:
        try:
            reads = read_each(path, today=today, symbol=symbol, options=options, spill=home)
        except ForecastError as error:
            refused = RefusedSeries(name=symbol or symbol_of(path), error=error)
            return [_Part(path.name, refused, is_whole_file=True)]
        return (_Part(path.name, read) for read in reads)

    for found in in_order(parts, paths):
        yield from found


def _paths(source: str) -> list[Path]:
    path = Path(source)
    try:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.name.lower().endswith(FILE_SUFFIXES))
        elif path.exists() or not glob.has_magic(source):
            return [path]
        else:
            # Path.glob takes no absolute patterns.
            found = [Path(name) for name in sorted(glob.glob(source))]  # noqa: PTH207 - see above
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MissingInputError(f"{source[:200]}: cannot be read ({reason})") from error
    if not found:
        raise MissingInputError(
            f"{source}: no CSV or Parquet files", fix="give a file, a folder or a pattern"
        )
    return found


def _name(part: _Part) -> str:
    """The symbol of a part; of a file that was refused as a whole, the symbol in its name."""
    return part.read.name if isinstance(part.read, RefusedSeries) else part.read.bars.symbol


def _outcome(
    store: BarStore, start: date | None, end: date | None, part: _Part
) -> FetchedSeries | RefusedSeries:
    if isinstance(part.read, RefusedSeries):
        return part.read
    try:
        return _store(store, part.read, part.source, start, end)
    except ForecastError as error:
        return RefusedSeries(name=part.read.bars.symbol, error=error)


def _store(
    store: BarStore, read: ReadSeries, source: str, start: date | None, end: date | None
) -> FetchedSeries:
    new = _between(read.bars, start, end)
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


def _with_calendars(
    store: BarStore, done: Iterable[FetchedSeries], today: date
) -> list[FetchedSeries]:
    """Write the calendar of each stored symbol; a calendar that fails becomes a finding."""
    first: dict[str, date] = {}
    for series in done:
        name = calendar_name(series.symbol)
        day = _day(series.first)
        first[name] = min(day, first.get(name, day))
    problems: dict[str, Finding] = {}
    for name, day in first.items():
        try:
            _write_calendar(store, name, day, today + _CALENDAR_AHEAD)
        except ForecastError as error:
            problems[name] = Finding("no_calendar", error.message, 0)
    for series in done:
        problem = problems.get(calendar_name(series.symbol))
        if problem:
            series.findings.append(problem)
    return list(done)


def _write_calendar(store: BarStore, name: str, first: date, last: date) -> None:
    stored, closes = store.read_sessions(name), store.read_closes(name)
    if stored is not None and len(stored):
        begin, end = np.datetime64(first, "D"), np.datetime64(last, "D")
        known = closes is not None and len(closes.sessions) == len(stored)
        if known and stored[0] <= begin and stored[-1] >= end - _CALENDAR_SLACK:
            return
        # What is stored never shrinks: older series still need it.
        first = min(first, stored[0].item())
        last = max(last, stored[-1].item())
    closes = closes_between(name, first, last)
    store.write_sessions(name, closes.sessions)
    store.write_closes(name, closes)
