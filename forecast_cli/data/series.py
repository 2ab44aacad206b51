"""From the columns of a file to validated bars: the rules that CSV, Parquet and Yahoo share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.arrow import ArrowColumn, encoded
from forecast_cli.data.bars import Bars
from forecast_cli.data.basis import (
    basis_of,
    check_adjusted,
    check_back_adjusted,
    with_total_returns,
)
from forecast_cli.data.covariates import Covariate, covariate
from forecast_cli.data.dates import INSTANT, known_at
from forecast_cli.data.sessions import calendar_name, zone_of
from forecast_cli.data.spacing import check_order, interval_of
from forecast_cli.data.validation import all_positive, of_dates, validate
from forecast_cli.errors import BadDataError, ForecastError, UsageError
from forecast_cli.findings import CODES, Finding
from forecast_cli.schema import BAR_COLUMNS, DAILY, PRICE_COLUMNS, PriceBasis

_SHOWN: Final = 3
_MISSING: Final = "is missing while the row has other prices"
_EXACT: Final = 2**53
"""Whole numbers up to here are exact as float64."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the user says about files that the files themselves do not.

    date_format: strptime pattern of dates that are not ISO. zone: of the exchange's clock.
    price_basis: what close means; None leaves it to the columns. sort: whether rows in any order
    are meant to be sorted. strip_currency: whether `$1,234.50` is 1234.50. keep: extra columns to
    store as covariates. drop_partial: leave out rows that have some of their prices only.
    """

    date_format: str | None = None
    zone: ZoneInfo | None = None
    price_basis: PriceBasis | None = None
    sort: bool = False
    strip_currency: bool = False
    keep: tuple[str, ...] = ()
    drop_partial: bool = False


AS_WRITTEN: Final = ReadOptions()
"""Nothing is said: the file must tell everything."""


@dataclass(frozen=True, kw_only=True)
class ReadSeries:
    """One symbol as it came out of a file, validated. covariates: the extra columns kept."""

    bars: Bars
    layout: str
    findings: list[Finding]
    covariates: tuple[Covariate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RefusedSeries:
    """One symbol, or a whole file, that cannot be used, and why."""

    name: str
    error: ForecastError


@dataclass(frozen=True, kw_only=True, eq=False)
class RawSeries:
    """One symbol's columns before any judgement, in file order.

    dates: session dates, or instants in UTC of intraday bars, as `dates.bar_times` gives them.
    dates, columns: shape (n_rows,); NaN is a value the file does not have. `locate` names the
    place and text of a cell for a message, given row (from 0) and our column name.
    extra: the columns kept, as columns. two_level: whether a two-level header named the symbol.
    n_repaired: rows yfinance rewrote.
    """

    symbol: str
    dates: DateArray1D
    columns: Mapping[str, FloatArray1D]
    locate: Callable[[int, str], str]
    extra: Mapping[str, FloatArray1D] = field(default_factory=dict)
    two_level: bool = False
    n_repaired: int = 0


Rows: TypeAlias = IntArray1D | slice
"""Row numbers, ascending; as a slice where they follow each other, which copies nothing."""


def rows_by_symbol(column: ArrowColumn) -> Iterator[tuple[str, Rows]]:
    """Each symbol in a long table's symbol column with its rows, in the order of the file."""
    texts, codes = encoded(column)
    # `aapl` and `AAPL` are one symbol.
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(text.strip().upper(), len(numbers)) for text in texts])
    order = np.argsort(groups[codes], kind="stable")
    ends = np.cumsum(np.bincount(groups[codes], minlength=len(numbers)))[:-1]
    for name, rows in zip(numbers, np.split(order, ends), strict=True):
        first, last = int(rows[0]), int(rows[-1])
        yield name, slice(first, last + 1) if last - first == len(rows) - 1 else rows


def nth(rows: Rows, number: int) -> int:
    """The row that is the number-th of some rows."""
    return int(rows.start) + number if isinstance(rows, slice) else int(rows[number])


def bad_symbol(name: str, source: str, error: UsageError) -> RefusedSeries:
    """A series whose name is no symbol: a fault of the file, not of the command line."""
    fix = "name the file after its symbol, or give one symbol on the command line"
    return RefusedSeries(
        name=name[:40], error=BadDataError(f"{source}: {error.message} ({error.fix})", fix=fix)
    )


def assemble(
    raw: RawSeries,
    *,
    source: str,
    layout: str,
    today: date,
    options: ReadOptions = AS_WRITTEN,
) -> ReadSeries:
    """Judge one symbol's columns and make bars of them.

    Rows without any price are dropped and counted. Raises BadDataError for a symbol without
    prices, cells that are missing, not finite or not positive, rows out of order, prices that
    yfinance's `back_adjust=True` has mixed, bars a week apart or without any regular spacing, and
    all that `bars.validate` refuses.
    """
    prices = [name for name in PRICE_COLUMNS if name in raw.columns]
    unknown = np.isnan([raw.columns[name] for name in prices])
    empty, lacking = np.all(unknown, axis=0), np.any(unknown, axis=0)
    if empty.all():
        raise BadDataError(
            f"{source}: {raw.symbol}: no row has a price",
            fix="the download of this symbol failed; check the symbol and download it again",
        )
    wanted = ~lacking if options.drop_partial else ~empty
    _check_cells(raw, prices, wanted, source)
    rows = slice(None) if wanted.all() else wanted
    as_read, findings = _without_double_end(_bars(raw, prices, rows, options))
    bars, more = validate(as_read, source=source, today=today)
    if not options.sort:
        check_order(as_read, source)
    bars = replace(bars, interval=interval_of(bars, source))
    if "adj_close" not in raw.columns:
        check_back_adjusted(bars, source)
        bars = with_total_returns(bars)
    elif bars.price_basis == "adjusted":
        check_adjusted(bars, source)
    if options.drop_partial and (partial := lacking & ~empty).any():
        findings.append(of_dates("partial_row", raw.dates[partial]))
    findings = [*_file_findings(raw, bars, empty), *findings, *more]
    covariates = _covariates(raw, bars.interval, source)
    return ReadSeries(bars=bars, layout=layout, findings=findings, covariates=covariates)


def _check_cells(raw: RawSeries, prices: list[str], wanted: BoolArray1D, source: str) -> None:
    """Refuse bad cells, all in one message that quotes the first ones in file order."""
    faults: list[tuple[int, str, str]] = []
    for name, values in raw.columns.items():
        if name in prices and all_positive(values):
            continue
        for bad, reason in _bad_cells(values, is_price=name in prices):
            rows = np.flatnonzero(bad & wanted)
            faults += [(int(row), name, reason) for row in rows]
    if not faults:
        return
    faults.sort(key=lambda fault: fault[0])
    shown = [f"{raw.locate(row, name)} {reason}" for row, name, reason in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        shown.append(f"and {len(faults) - _SHOWN:,} more cells")
    only_missing = all(reason == _MISSING for _, _, reason in faults)
    fix = CODES["partial_row"].fix if only_missing else CODES["bad_price"].fix
    raise BadDataError(f"{source}: {raw.symbol}: {'; '.join(shown)}", fix=fix)


def _bad_cells(values: FloatArray1D, *, is_price: bool) -> list[tuple[BoolArray1D, str]]:
    bad = [(np.isinf(values), "is not finite")]
    if is_price:
        bad.append((np.isnan(values), _MISSING))
        bad.append(((values <= 0) & np.isfinite(values), "is not above 0, which log returns need"))
    else:
        bad.append(((values < 0) & np.isfinite(values), "is negative"))
    return bad


def _bars(
    raw: RawSeries, prices: list[str], wanted: BoolArray1D | slice, options: ReadOptions
) -> Bars:
    columns = {name: values[wanted] for name, values in raw.columns.items()}
    close = columns.get("close", columns[prices[-1]])
    is_intraday = raw.dates.dtype == INSTANT
    basis = basis_of(columns, is_yfinance=raw.two_level, is_intraday=is_intraday)
    unknown = np.full(len(close), np.nan)
    volume = columns.get("volume", unknown)
    return Bars(
        symbol=raw.symbol,
        interval=DAILY,
        zone=_zone(raw.symbol, options) if is_intraday else None,
        price_basis=options.price_basis or basis,
        timestamp=raw.dates[wanted],
        open=columns.get("open", close),
        high=columns.get("high", close),
        low=columns.get("low", close),
        close=close,
        adj_close=columns.get("adj_close", close),
        volume=np.where(np.isnan(volume), 0.0, volume),
        dividends=columns.get("dividends", unknown),
        splits=columns.get("splits", unknown),
    )


def _zone(symbol: str, options: ReadOptions) -> str:
    """The exchange's, whatever clock the file was written by."""
    return options.zone.key if options.zone else zone_of(calendar_name(symbol))


def _without_double_end(bars: Bars) -> tuple[Bars, list[Finding]]:
    """Of a last day that stands twice, the later row: vendors append the newer state of the day."""
    days = bars.timestamp
    if len(bars) < 2 or days[-1] != days[-2] or (np.diff(days.astype(np.int64)) < 0).any():  # noqa: PLR2004
        return bars, []
    last, before = (
        np.array([getattr(bars, name)[i] for name in BAR_COLUMNS[1:]]) for i in (-1, -2)
    )
    if np.array_equal(last, before, equal_nan=True):
        return bars, []
    rows: IntArray1D = np.delete(np.arange(len(bars)), -2)
    message = f"the last day {days[-1]} stands twice with different values; the later row is kept"
    return bars.take(rows), [Finding("last_day_twice", message, 1)]


def _file_findings(raw: RawSeries, bars: Bars, empty: BoolArray1D) -> list[Finding]:
    findings = []
    n_empty = int(empty.sum())
    if n_empty:
        message = f"{n_empty} rows without prices dropped (first {raw.dates[empty][0]})"
        findings.append(Finding("empty_rows", message, n_empty))
    if bars.price_basis == "unknown":
        message = (
            "the file does not say whether close is adjusted for dividends; compare an old close"
            " with the vendor's chart and say it with --price-basis"
        )
        findings.append(Finding("price_basis_unknown", message, len(bars)))
    elif bars.price_basis != "adjusted" and not {"adj_close", "dividends"} & raw.columns.keys():
        message = "neither dividends nor an adjusted close: returns are of prices alone"
        findings.append(Finding("price_returns", message, len(bars)))
    if not {"open", "high", "low"} & raw.columns.keys():
        message = "close only: open, high and low are set to close"
        findings.append(Finding("close_only", message, len(bars)))
    n_huge = int((bars.volume > _EXACT).sum())
    if n_huge:
        message = f"the volume of {n_huge} rows is too large to be kept to the last digit"
        findings.append(Finding("huge_volume", message, n_huge))
    if raw.n_repaired:
        message = f"yfinance repaired {raw.n_repaired} rows; later rows may have been used for it"
        findings.append(Finding("repaired_rows", message, raw.n_repaired))
    return findings


def _covariates(raw: RawSeries, interval: str, source: str) -> tuple[Covariate, ...]:
    """The columns kept, known when their bar is complete; of a repeated bar the later row."""
    if not raw.extra:
        return ()
    times, rows = np.unique(raw.dates[::-1], return_index=True)
    moments = known_at(times, interval)
    try:
        return tuple(
            covariate(name, raw.symbol, moments, values[::-1][rows])
            for name, values in raw.extra.items()
        )
    except BadDataError as error:
        raise BadDataError(f"{source}: {error.message}", fix=error.fix) from error
