"""Which layout a CSV of prices has: one header line, two or three, one symbol or many.

Pure functions over the first lines of a file. Columns are found by name, never by position.
The layouts are those that yfinance has written over the years and that other vendors share.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """

    symbol: str | None
    fields: Mapping[str, int]


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


def detect(lines: Sequence[Sequence[str]], source: str) -> Layout:
    """The layout of a file, from its first four lines that are not blank.

    Raises BadDataError for a header without rows, a missing date or price column, columns that
    appear twice and a table that is not separated by commas.
    """
    cells = [[cell.strip() for cell in line] for line in lines]
    if len(cells[0]) > _MAXIMUM_COLUMNS:
        raise BadDataError(f"{source}: more than {_MAXIMUM_COLUMNS:,} columns")
    return _two_level(cells, source) if _is_two_level(cells) else _flat(cells, source)


def _is_two_level(lines: Sequence[Sequence[str]]) -> bool:
    first, second = [*lines, [], []][:2]
    if len(first) == 1 or len(first) != len(second):
        return False
    return (
        {first[0], second[0]} <= {"Price", "Ticker", ""}
        and not any(is_number(cell) for cell in second[1:])
        and bool(_TWO_LEVEL_FIELDS & {*first[1:], *second[1:]})
    )


def _two_level(lines: Sequence[Sequence[str]], source: str) -> Layout:
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
        field = normalised(name) if name in _TWO_LEVEL_FIELDS else None
        if i and i != date and field:
            fields = columns.setdefault(symbol, {})
            _add(fields, field, i, f"{name} of {symbol}", source)
    return Layout(
        phrase=f"{n_header}-line yfinance header",
        n_header_lines=n_header,
        names=tuple(
            "Date" if i == date else f"{name} {symbol}"
            for i, (name, symbol) in enumerate(zip(names, symbols, strict=True))
        ),
        date=date,
        symbol=None,
        series=tuple(SeriesColumns(symbol=key, fields=value) for key, value in columns.items()),
        two_level=True,
    )


def _flat(lines: Sequence[Sequence[str]], source: str) -> Layout:
    header = lines[0]
    first = lines[1] if len(lines) > 1 else []
    fields: dict[str, int] = {}
    for i, name in enumerate(header):
        field = normalised(name)
        if field:
            _add(fields, field, i, repr(name), source)
    date = _date_column(header, fields, first, source)
    if not first:
        raise _no_rows(source)
    symbol = fields.get("symbol")
    if symbol is None and len(header) > 1 and header[1] == "" and date != 1 and _is_text(first, 1):
        symbol = 1
    values = {name: i for name, i in fields.items() if name in _VALUE_FIELDS}
    wide = None if symbol is not None else _wide(header, values, date)
    if wide:
        series, phrase = wide, "close prices only, one column per symbol"
    else:
        _check_prices(values, header, source)
        series = (SeriesColumns(symbol=None, fields=values),)
        phrase = "one header line" if symbol is None else "long table with a symbol column"
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
        f"{source}: no date column in line 1 ({shown(','.join(header))})",
        fix="the first line must name the columns, as in Date,Open,High,Low,Close,Volume",
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
            f" in line 1 ({shown(','.join(header))})",
            fix="the columns may be Date,Open,High,Low,Close,Volume, or Date,Close",
        )


def _is_text(row: Sequence[str], i: int) -> bool:
    return i < len(row) and row[i] not in NULL_TEXTS and not is_number(row[i])


def _add(fields: dict[str, int], field: str, i: int, name: str, source: str) -> None:
    if field in fields:
        raise BadDataError(
            f"{source}: two columns for {field}: columns {fields[field] + 1} and {i + 1} ({name})",
            fix="remove or rename one of them",
        )
    fields[field] = i


def _no_rows(source: str) -> BadDataError:
    return BadDataError(
        f"{source}: no rows: there is a header and nothing below it",
        fix="the download was empty; check the symbol and download it again",
    )


def shown(text: str) -> str:
    """A piece of a file, quoted for a message: 40 characters at most, others than ASCII escaped."""
    short = text[:_SHOWN_LENGTH].encode("unicode_escape").decode("ascii")
    return f'"{short}{"..." if len(text) > _SHOWN_LENGTH else ""}"'
