"""Which layout a CSV of prices has: one header line, two or three, one symbol or many.

Pure functions over the first lines of a file. Columns are found by name, never by position.
The layouts are those that yfinance has written over the years and that other vendors share.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from forecast_cli.errors import BadDataError

NULL_TEXTS: Final = (
    *("", "-", ".", "null", "NULL", "Null", "none", "None", "NONE", "nan", "NaN", "NAN"),
    *("N/A", "n/a", "#N/A", "NA", "<NA>"),
)
"""What vendors write for a value they do not have."""

_VENDOR_NAMES: Final = {
    "timestamp": ("date", "datetime", "timestamp"),
    "index": ("index",),
    "symbol": ("ticker", "symbol"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close", "closelast"),
    "adj_close": ("adjclose", "adjustedclose"),
    "volume": ("volume", "vol"),
    "dividends": ("dividends",),
    "splits": ("stocksplits", "splits"),
    "repaired": ("repaired",),
}
"""Our column name to those of vendors, in small letters and without spaces, dots and dashes."""

_ALIASES: Final = {alias: name for name, aliases in _VENDOR_NAMES.items() for alias in aliases}
_VALUE_FIELDS: Final = _VENDOR_NAMES.keys() - {"timestamp", "index", "symbol"}
_TWO_LEVEL_FIELDS: Final = frozenset(
    [
        *("Open", "High", "Low", "Close", "Adj Close", "Volume"),
        *("Dividends", "Stock Splits", "Capital Gains", "Repaired?"),
    ]
)
_TWO_LEVEL_DATES: Final = ("Date", "Datetime", "index")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*\Z", re.ASCII)
_DATE_START: Final = re.compile(r"\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\s*\d{8}", re.ASCII)
_UPPER_SYMBOL: Final = re.compile(r"[A-Z0-9^=.\-_&:]{1,32}\Z", re.ASCII)
_MAXIMUM_COLUMNS: Final = 20_000
_SHOWN_LENGTH: Final = 40


@dataclass(frozen=True, kw_only=True)
class SeriesColumns:
    """Where the columns of one symbol lie: our column name to index.

    symbol: as the header writes it; None where only the file's name or a symbol column tells.
    extra: columns that are no part of a bar and were asked for, by the name asked for.
    """

    symbol: str | None
    fields: Mapping[str, int]
    extra: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How to read a file. Column numbers count from 0; `symbol` is the column of a long table."""

    phrase: str
    n_header_lines: int
    names: tuple[str, ...]
    date: int
    symbol: int | None
    series: tuple[SeriesColumns, ...]
    two_level: bool


def normalised(name: str) -> str | None:
    """Our column name for a vendor's, whatever its case, spaces and dots; None for a stranger."""
    return _ALIASES.get(re.sub(r"[^a-z0-9]", "", name.casefold()))


def is_number(text: str) -> bool:
    """Whether a cell is a plain decimal number; hexadecimal, `inf` and `1,000` are not."""
    return _NUMBER.match(text) is not None


def detect(lines: Sequence[Sequence[str]], source: str, keep: Collection[str] = ()) -> Layout:
    """The layout of a file, from its first four lines that are not blank.

    keep: names of extra columns that are wanted, in any case. Raises BadDataError for a header
    without rows, a missing date, price or wanted column, columns that appear twice and a table that
    is not separated by commas.
    """
    cells = [[cell.strip() for cell in line] for line in lines]
    if len(cells[0]) > _MAXIMUM_COLUMNS:
        raise BadDataError(
            f"{source}: more than {_MAXIMUM_COLUMNS:,} columns",
            fix="split the file, or write one row per bar with a symbol column",
        )
    return _two_level(cells, source, keep) if _is_two_level(cells) else _flat(cells, source, keep)


def _is_two_level(lines: Sequence[Sequence[str]]) -> bool:
    first, second = [*lines, [], []][:2]
    if len(first) == 1 or len(first) != len(second):
        return False
    return (
        {first[0], second[0]} <= {"Price", "Ticker", ""}
        and not any(is_number(cell) for cell in second[1:])
        and bool(_TWO_LEVEL_FIELDS & {*first[1:], *second[1:]})
    )


def _two_level(lines: Sequence[Sequence[str]], source: str, keep: Collection[str]) -> Layout:
    names, symbols = lines[:2]
    # Case matters: LOW and OPEN are real tickers, Low and Open are fields.
    weights = [sum(cell in _TWO_LEVEL_FIELDS for cell in line[1:]) for line in (names, symbols)]
    if symbols[0] == "Price" or (names[0] != "Price" and weights[1] > weights[0]):
        names, symbols = symbols, names
    third = lines[2:3] and lines[2]
    has_third = third[:1] in (["Date"], ["Datetime"], [""]) and not any(third[1:])
    n_header = 3 if has_third else 2
    if len(lines) <= n_header:
        raise _no_rows(source)
    date = next((i for i, name in enumerate(names) if i and name in _TWO_LEVEL_DATES), 0)
    columns: dict[str, dict[str, int]] = {}
    for i, (name, symbol) in enumerate(zip(names, symbols, strict=True)):
        ours = normalised(name) if name in _TWO_LEVEL_FIELDS else None
        if i and i != date and ours:
            fields = columns.setdefault(symbol, {})
            _add(fields, ours, i, f"{name} of {symbol}", source)
    extra = {symbol: _extra(names, symbols, keep, symbol) for symbol in columns}
    _check_kept({name for found in extra.values() for name in found}, keep, names, source)
    return Layout(
        phrase=f"{n_header}-line yfinance header",
        n_header_lines=n_header,
        names=tuple(
            "Date" if i == date else f"{name} {symbol}"
            for i, (name, symbol) in enumerate(zip(names, symbols, strict=True))
        ),
        date=date,
        symbol=None,
        series=tuple(
            SeriesColumns(symbol=symbol, fields=fields, extra=extra[symbol])
            for symbol, fields in columns.items()
        ),
        two_level=True,
    )


def _flat(lines: Sequence[Sequence[str]], source: str, keep: Collection[str]) -> Layout:
    header = lines[0]
    first = lines[1] if len(lines) > 1 else []
    fields: dict[str, int] = {}
    for i, name in enumerate(header):
        ours = normalised(name)
        if ours:
            _add(fields, ours, i, repr(name), source)
    date = _date_column(header, fields, first, source)
    if not first:
        raise _no_rows(source)
    symbol = fields.get("symbol")
    if symbol is None and len(header) > 1 and header[1] == "" and date != 1 and _is_text(first, 1):
        symbol = 1
    values = {name: i for name, i in fields.items() if name in _VALUE_FIELDS}
    extra = _extra(header, header, keep)
    wide = None if symbol is not None or extra else _wide(header, values, date)
    _check_kept(extra, keep, header, source)
    if wide:
        series, phrase = wide, "close prices only, one column per symbol"
    else:
        _check_prices(values, header, source)
        series = (SeriesColumns(symbol=None, fields=values, extra=extra),)
        phrase = "one header line" if symbol is None else "long table with a symbol column"
        phrase += _unusual_names(values, header)
    return Layout(
        phrase=phrase,
        n_header_lines=1,
        names=tuple(name or f"number {i + 1}" for i, name in enumerate(header)),
        date=date,
        symbol=symbol,
        series=series,
        two_level=False,
    )


def _date_column(
    header: Sequence[str], fields: Mapping[str, int], first: Sequence[str], source: str
) -> int:
    for name in ("timestamp", "index"):
        if name in fields:
            return fields[name]
    if header[0] == "" and len(header) > 1 and (not first or _DATE_START.match(first[0])):
        return 0
    separator = re.search(r"[;\t|]", header[0]) if len(header) == 1 else None
    if separator:
        raise BadDataError(
            f"{source}: the cells of line 1 are separated by {separator.group()!r}, not by commas",
            fix="save the file with commas between cells and points in numbers",
        )
    raise BadDataError(
        f"{source}: no date column in the header ({shown(','.join(header))})",
        fix="the header must name the columns, as in Date,Open,High,Low,Close,Volume",
    )


def _wide(
    header: Sequence[str], values: Mapping[str, int], date: int
) -> tuple[SeriesColumns, ...] | None:
    """A table of closes, one column per symbol. Tickers such as LOW or OPEN look like fields."""
    names = [(i, name) for i, name in enumerate(header) if i != date and name]
    is_table = (
        names
        and not {"close", "adj_close", "volume"} & values.keys()
        and {"open", "high"} - values.keys()
        and all(_UPPER_SYMBOL.match(name) and not is_number(name) for _, name in names)
    )
    if not is_table or len({name for _, name in names}) < len(names):
        return None
    return tuple(SeriesColumns(symbol=name, fields={"close": i}) for i, name in names)


def _check_prices(values: Mapping[str, int], header: Sequence[str], source: str) -> None:
    bars = {"open", "high", "low"}
    wanted = {"close"} | (bars if bars & values.keys() else set())
    missing = sorted(wanted - values.keys())
    if missing and values.keys() & (bars | {"adj_close"}) != {"adj_close"}:
        raise BadDataError(
            f"{source}: no column {' or '.join(name.title() for name in missing)}"
            f" in the header ({shown(','.join(header))})",
            fix="the columns may be Date,Open,High,Low,Close,Volume, or Date,Close",
        )


def _unusual_names(values: Mapping[str, int], header: Sequence[str]) -> str:
    """Which columns go by another name than the usual one, beyond case, spaces and underscores."""
    unusual = [
        f"{header[i]} read as {ours}"
        for ours, i in values.items()
        if re.sub(r"[\s_?]", "", header[i].casefold()) != _VENDOR_NAMES[ours][0]
    ]
    return "".join(f", {text}" for text in unusual)


def _extra(
    names: Sequence[str], symbols: Sequence[str], keep: Collection[str], symbol: str | None = None
) -> dict[str, int]:
    """The columns asked for that are no part of a bar, of one symbol of a two-level header."""
    asked = {name.strip().casefold(): name for name in keep}
    return {
        asked[name.casefold()]: i
        for i, name in enumerate(names)
        if name.casefold() in asked
        and not normalised(name)
        and (symbol is None or symbols[i] == symbol)
    }


def _check_kept(
    found: Collection[str], keep: Collection[str], header: Sequence[str], source: str
) -> None:
    missing = [name for name in keep if name not in found]
    if missing:
        raise BadDataError(
            f"{source}: no extra column {shown(missing[0])} in the header"
            f" ({shown(','.join(header))})",
            fix="--keep names a column that is no part of a bar, as the header writes it",
        )


def _is_text(row: Sequence[str], i: int) -> bool:
    return i < len(row) and row[i] not in NULL_TEXTS and not is_number(row[i])


def _add(fields: dict[str, int], ours: str, i: int, name: str, source: str) -> None:
    if ours in fields:
        raise BadDataError(
            f"{source}: two columns for {ours}: columns {fields[ours] + 1} and {i + 1} ({name})",
            fix="remove or rename one of them",
        )
    fields[ours] = i


def _no_rows(source: str) -> BadDataError:
    return BadDataError(
        f"{source}: no rows: there is a header and nothing below it",
        fix="the download was empty; check the symbol and download it again",
    )


def shown(text: str) -> str:
    """A piece of a file, quoted for a message: 40 characters at most, others than ASCII escaped."""
    short = text[:_SHOWN_LENGTH].encode("unicode_escape").decode("ascii")
    return f'"{short}{"..." if len(text) > _SHOWN_LENGTH else ""}"'
