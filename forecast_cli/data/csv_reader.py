"""Reads a CSV of bars: layout from `csv_layout`, columns by name, types pinned.

pyarrow's own guesses would turn three header lines into text columns, `0x64` into 100 and an HTML
page into an empty table.
"""

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D
from forecast_cli.data.arrow import ArrowColumn, days, encoded, floats
from forecast_cli.data.csv_layout import (
    NULL_TEXTS,
    Layout,
    SeriesColumns,
    detect,
    is_number,
    shown,
)
from forecast_cli.data.dates import DateError, parse_times
from forecast_cli.data.series import (
    RawSeries,
    ReadOptions,
    RefusedSeries,
    Rows,
    bad_symbol,
    nth,
    rows_by_symbol,
)
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.symbols import parse_symbol

_HEADER_LINES: Final = 4
_SHOWN: Final = 3
_ONE_THREAD_BYTES: Final = 1 << 22
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_INFINITE: Final = ("inf", "infinity")
"""pyarrow reads these as numbers; they are refused later, with a symbol's other bad cells."""


@dataclass(frozen=True)
class CsvFile:
    """The text of a CSV and its layout. Rows count from 0 below the header, lines from 1.

    n_before: lines of a larger file that are left out between the header and the first row.
    """

    content: bytes
    layout: Layout
    source: str
    n_before: int = 0

    @cached_property
    def cells(self) -> list[tuple[int, list[str]]]:
        """Line number and cells of each row. Slow: made only when a message needs it."""
        below = islice(lines(self.content, self.source), self.layout.n_header_lines, None)
        return [(self.n_before + number, cells) for number, cells in below]

    def locate(self, row: int, column: int) -> str:
        """`line 812, column High: "10"`."""
        line, cells = self.cells[row]
        return f"line {line}, column {self.layout.names[column]}: {shown(cells[column])}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """The columns in use, shape (n_rows,) each: values by column number, NaN where empty."""

    dates: DateArray1D
    symbols: ArrowColumn | None
    numbers: dict[int, FloatArray1D]
    marks: dict[int, BoolArray1D]


@dataclass(frozen=True)
class SeriesPlace:
    """Where one series lies in a table. name: as the file has it, which may be no symbol."""

    name: str
    columns: SeriesColumns
    rows: Rows


def read_csv(
    content: bytes, *, source: str, symbol: str | None, options: ReadOptions
) -> tuple[str, list[RawSeries | RefusedSeries]]:
    """The layout's name and each symbol's columns.

    content: plain text from `csv_text.plain_text`. symbol: for a file that does not name its own.
    Raises BadDataError when the file as a whole cannot be read.
    """
    file = CsvFile(content, layout_of(content, source, options), source)
    columns = read_columns(file, options)

    def locate(rows: Rows, row: int, column: int) -> str:
        return file.locate(nth(rows, row), column)

    return file.layout.phrase, [
        one_series(file, columns, part, partial(locate, part.rows))
        for part in series_in(file.layout, columns, symbol)
    ]


def layout_of(content: bytes, source: str, options: ReadOptions) -> Layout:
    """The layout of a CSV, from its first lines."""
    first = [cells for _, cells in islice(lines(content, source), _HEADER_LINES)]
    return detect(first, source, options.keep)


def series_in(layout: Layout, columns: Columns, symbol: str | None) -> Iterator[SeriesPlace]:
    """Each series of a table."""
    if columns.symbols is not None:
        for name, rows in rows_by_symbol(columns.symbols):
            yield SeriesPlace(name, layout.series[0], rows)
        return
    for one in layout.series:
        name = one.symbol if one.symbol is not None else symbol or ""
        yield SeriesPlace(name, one, slice(0, len(columns.dates)))


def lines(content: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    # A Latin-1 byte shows as U+FFFD in a message; pyarrow checks the columns in use.
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", "replace", newline="")
    reader = csv.reader(text)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise BadDataError(
            f"{source}: line {reader.line_num + 1} cannot be split into cells ({error})",
            fix="download the file again",
        ) from error


def read_columns(file: CsvFile, options: ReadOptions) -> Columns:
    """Dates and symbols are read as text, `Repaired?` too, and all other columns as float64."""
    layout = file.layout
    fields = [item for series in layout.series for item in series.fields.items()]
    kinds = {i: pa.string() if field == "repaired" else pa.float64() for field, i in fields}
    kinds |= {i: pa.float64() for series in layout.series for i in series.extra.values()}
    kinds[layout.date] = pa.string()
    if layout.symbol is not None:
        kinds[layout.symbol] = pa.string()
    table = _table(file, kinds, options)
    return Columns(
        dates=_dates(table.column(str(layout.date)), file, options),
        symbols=None if layout.symbol is None else table.column(str(layout.symbol)),
        numbers={
            i: floats(table.column(str(i))) for i, kind in kinds.items() if kind == pa.float64()
        },
        marks={
            i: np.array([text == "True" for text in table.column(str(i)).to_pylist()])
            for field, i in fields
            if field == "repaired"
        },
    )


def _table(file: CsvFile, kinds: dict[int, pa.DataType], options: ReadOptions) -> pa.Table:
    """The columns in use, named by their number; dates as date32 if all are YYYY-MM-DD."""
    date = file.layout.date
    header = list(islice(lines(file.content, file.source), file.layout.n_header_lines + 1))
    first = header[-1][1]
    if options.date_format is None and _ISO_DAY.match(first[date] if date < len(first) else ""):
        # What fails here is read again as text, which says why.
        with contextlib.suppress(pa.ArrowInvalid):
            table = _parsed(file, kinds | {date: pa.date32()}, header[-2][0])
            if not table.column(str(date)).null_count:
                return table
    try:
        return _parsed(file, kinds, header[-2][0])
    except pa.ArrowInvalid as error:
        raise _diagnosis(file, kinds, str(error)) from error


def _parsed(file: CsvFile, kinds: dict[int, pa.DataType], n_skipped: int) -> pa.Table:
    numbers = [str(i) for i in range(len(file.layout.names))]
    return pa_csv.read_csv(
        pa.BufferReader(file.content),
        read_options=pa_csv.ReadOptions(
            skip_rows=n_skipped,
            column_names=numbers,
            # Small files are read side by side; threads for each would cost more than they save.
            use_threads=len(file.content) > _ONE_THREAD_BYTES,
        ),
        parse_options=pa_csv.ParseOptions(newlines_in_values=b'"' in file.content),
        convert_options=pa_csv.ConvertOptions(
            column_types={str(i): kind for i, kind in kinds.items()},
            include_columns=[str(i) for i in kinds],
            null_values=list(NULL_TEXTS),
            strings_can_be_null=True,
        ),
    )


def _diagnosis(file: CsvFile, kinds: dict[int, pa.DataType], reason: str) -> BadDataError:
    """Say in which line pyarrow's complaint lies; it names only a column."""
    faults: list[str] = []
    count = 0
    n_columns = len(file.layout.names)
    numbers = [i for i, kind in kinds.items() if kind == pa.float64()]
    for row, (line, cells) in enumerate(file.cells):
        if len(cells) != n_columns:
            found = [f"line {line} has {len(cells)} cells, the header has {n_columns}"]
        else:
            bad = [i for i in numbers if not _is_value(cells[i])]
            found = [f"{file.locate(row, i)} is not a number" for i in bad]
        count += len(found)
        faults += found[: _SHOWN - len(faults)]
    if count > _SHOWN:
        faults.append(f"and {count - _SHOWN:,} more")
    return BadDataError(
        f"{file.source}: {'; '.join(faults) or reason.splitlines()[0][:200]}",
        fix="write plain numbers such as 1000.5 (no currency sign, no thousands separator)"
        " and the same number of cells in each line, or download the file again;"
        " --strip-currency reads $1,234.50 as 1234.50",
    )


def _is_value(text: str) -> bool:
    return text in NULL_TEXTS or is_number(text) or text.strip().lower().lstrip("+-") in _INFINITE


def _dates(column: ArrowColumn, file: CsvFile, options: ReadOptions) -> DateArray1D:
    if pa.types.is_date(column.type):
        return days(column)
    texts, rows = encoded(column)
    try:
        dates: DateArray1D = parse_times(texts, options.date_format, options.zone)[rows]
    except DateError as error:
        place = file.locate(int(np.flatnonzero(rows == error.row)[0]), file.layout.date)
        raise BadDataError(f"{file.source}: {place} {error}", fix=error.fix) from error
    return dates


def mixed_offsets(file: CsvFile, row: int) -> BadDataError:
    """Stamps with a zone offset among others: two downloads in one file."""
    return BadDataError(
        f"{file.source}: {file.locate(row, file.layout.date)}: stamps with and without a"
        " zone offset in one file",
        fix="download the file again in one piece",
    )


def one_series(
    file: CsvFile, columns: Columns, place: SeriesPlace, locate: Callable[[int, int], str]
) -> RawSeries | RefusedSeries:
    """The values of one series. locate: what a message calls its n-th row and a column."""
    try:
        symbol = parse_symbol(place.name)
    except UsageError as error:
        return bad_symbol(place.name, file.source, error)
    fields, rows = place.columns.fields, place.rows
    repaired = fields.get("repaired", -1)
    return RawSeries(
        symbol=symbol,
        dates=columns.dates[rows],
        columns={
            field: columns.numbers[i][rows] for field, i in fields.items() if i in columns.numbers
        },
        locate=lambda row, field: locate(row, fields[field]),
        extra={name: columns.numbers[i][rows] for name, i in place.columns.extra.items()},
        two_level=file.layout.two_level,
        n_repaired=int(columns.marks[repaired][rows].sum()) if repaired >= 0 else 0,
    )
