"""From the columns of a file to validated bars: the rules that CSV, Parquet and Yahoo share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.arrow import ArrowColumn, encoded
from forecast_cli.data.bars import Bars
from forecast_cli.data.validation import of_dates, validate
from forecast_cli.errors import BadDataError, ForecastError, UsageError
from forecast_cli.findings import CODES, Finding
from forecast_cli.schema import ACTION_COLUMNS, BAR_COLUMNS, PRICE_COLUMNS, PriceBasis

_SHOWN: Final = 3
_MISSING: Final = "is missing while the row has other prices"
_BACK_ADJUSTED_SHARE: Final = 0.2
_WEEKLY_DAYS: Final = 5
_WEEKLY_ROWS: Final = 4


@dataclass(frozen=True, kw_only=True)
class ReadSeries:
    """One symbol as it came out of a file, validated."""

    bars: Bars
    layout: str
    findings: list[Finding]


@dataclass(frozen=True, kw_only=True)
class RefusedSeries:
    """One symbol, or a whole file, that cannot be used, and why."""

    name: str
    error: ForecastError


@dataclass(frozen=True, kw_only=True, eq=False)
class RawSeries:
    """One symbol's columns before any judgement, in file order.

    dates, columns: shape (n_rows,); NaN is a value the file does not have. `locate` names the
    place and text of a cell for a message, given row (from 0) and our column name.
    two_level: whether a two-level header named the symbol. n_repaired: rows yfinance rewrote.
    """

    symbol: str
    dates: DateArray1D
    columns: Mapping[str, FloatArray1D]
    locate: Callable[[int, str], str]
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
    raw: RawSeries, *, source: str, layout: str, today: date, drop_partial: bool = False
) -> ReadSeries:
    """Judge one symbol's columns and make bars of them.

    Rows without any price are dropped and counted; with `drop_partial` those that lack one are,
    too. Raises BadDataError for a symbol without
    prices, cells that are missing, not finite or not positive, prices that yfinance's
    `back_adjust=True` has mixed, bars that are not daily, and all that `bars.validate` refuses.
    """
    prices = [name for name in PRICE_COLUMNS if name in raw.columns]
    empty = np.all([np.isnan(raw.columns[name]) for name in prices], axis=0)
    if empty.all():
        raise BadDataError(
            f"{source}: {raw.symbol}: no row has a price",
            fix="the download of this symbol failed; check the symbol and download it again",
        )
    lacking = np.any([np.isnan(raw.columns[name]) for name in prices], axis=0)
    wanted = ~lacking if drop_partial else ~empty
    _check_cells(raw, prices, wanted, source)
    bars, findings = _without_double_end(
        _bars(raw, prices, slice(None) if wanted.all() else wanted)
    )
    bars, more = validate(bars, source=source, today=today)
    _check_interval(bars, source)
    if bars.price_basis == "adjusted":
        _check_back_adjusted(bars, source)
    if drop_partial and (partial := lacking & ~empty).any():
        findings.append(of_dates("partial_row", raw.dates[partial]))
    findings = [*_file_findings(raw, bars, empty), *findings, *more]
    return ReadSeries(bars=bars, layout=layout, findings=findings)


def _check_cells(raw: RawSeries, prices: list[str], wanted: BoolArray1D, source: str) -> None:
    """Refuse bad cells, all in one message that quotes the first ones in file order."""
    faults: list[tuple[int, str, str]] = []
    for name, values in raw.columns.items():
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


def _bars(raw: RawSeries, prices: list[str], wanted: BoolArray1D | slice) -> Bars:
    columns = {name: values[wanted] for name, values in raw.columns.items()}
    close = columns.get("close", columns[prices[-1]])
    basis: PriceBasis = "unknown"
    if prices == ["adj_close"]:
        basis = "adjusted"
    elif "adj_close" in columns:
        basis = "split_adjusted"
    elif raw.two_level or any(name in columns for name in ACTION_COLUMNS):
        basis = "adjusted"
    unknown = np.full(len(close), np.nan)
    volume = columns.get("volume", unknown)
    return Bars(
        symbol=raw.symbol,
        interval="1d",
        price_basis=basis,
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


def _check_interval(bars: Bars, source: str) -> None:
    """Measure the spacing of the rows: neither file name nor column name can be believed."""
    if len(bars) < _WEEKLY_ROWS:
        return
    steps = np.diff(bars.timestamp).astype(np.int64)
    if 2 * np.count_nonzero(steps >= _WEEKLY_DAYS) < len(steps):
        return  # so is the median, which is slow to find, below that
    days = float(np.median(steps))
    if days >= _WEEKLY_DAYS:
        raise BadDataError(
            f"{source}: {bars.symbol}: the bars are {days:.0f} days apart, expected daily bars",
            fix="download daily bars (interval 1d)",
        )


def _check_back_adjusted(bars: Bars, source: str) -> None:
    paid = np.flatnonzero(bars.dividends > 0)
    older = bars.take(slice(0, int(paid[-1]))) if len(paid) else bars.take(slice(0, 0))
    odd = older.high < older.close * 0.9999
    if len(older) and odd.mean() > _BACK_ADJUSTED_SHARE:
        raise BadDataError(
            f"{source}: {bars.symbol}: looks like back_adjust=True: Close is not adjusted for"
            f" dividends, Open, High and Low are (High is below Close on {int(odd.sum())} of"
            f" {len(older)} rows before the last dividend, first {older.timestamp[odd][0]})",
            fix="download the symbol without back_adjust",
        )


def _file_findings(raw: RawSeries, bars: Bars, empty: BoolArray1D) -> list[Finding]:
    findings = []
    n_empty = int(empty.sum())
    if n_empty:
        message = f"{n_empty} rows without prices dropped (first {raw.dates[empty][0]})"
        findings.append(Finding("empty_rows", message, n_empty))
    if bars.price_basis == "unknown":
        message = "the file does not say whether close is adjusted for dividends"
        findings.append(Finding("price_basis_unknown", message, len(bars)))
    if not {"open", "high", "low"} & raw.columns.keys():
        message = "close only: open, high and low are set to close"
        findings.append(Finding("close_only", message, len(bars)))
    if raw.n_repaired:
        message = f"yfinance repaired {raw.n_repaired} rows; later rows may have been used for it"
        findings.append(Finding("repaired_rows", message, raw.n_repaired))
    return findings
