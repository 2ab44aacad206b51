"""Reads a user's Parquet file of daily bars: one row per bar, one symbol or a symbol column.

Not for the store's own files, which `store` reads by exact schema.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.data.arrow import ArrowColumn, floats, integers
from forecast_cli.data.csv_layout import normalised, shown
from forecast_cli.data.dates import DateError, parse_date
from forecast_cli.data.series import RawSeries, RefusedSeries, Rows, bad_symbol, nth, rows_by_symbol
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.symbols import parse_symbol

MAGIC: Final = b"PAR1"
_MAXIMUM_ROWS: Final = 50_000_000
_ALWAYS_ALLOWED_ROWS: Final = 100_000
_ROWS_PER_BYTE: Final = 20
"""Real prices need some bytes a row; a file that promises far more rows than bytes is a bomb."""
_PANDAS_INDEX: Final = "__index_level_0__"
_MIDNIGHT_FAULT: Final = "intraday bars are not supported yet, expected daily bars"


def read_parquet(
    path: Path, *, symbol: str, date_format: str | None
) -> tuple[str, list[RawSeries | RefusedSeries]]:
    """The layout's name and each symbol's columns.

    The footer is judged before any page is read. Raises BadDataError when the file as a whole
    cannot be read.
    """
    source = path.name
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_footer(file, path, source)
            fields = _fields(file.schema_arrow, source)
            table = file.read(columns=list(fields.values()), use_pandas_metadata=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BadDataError(
            f"{source}: cannot be read as Parquet ({reason})", fix="write or download it again"
        ) from error
    if not table.num_rows:
        raise BadDataError(f"{source}: no rows", fix="write or download the file again")
    dates = _dates(table.column(fields["timestamp"]), source, date_format)
    columns = {
        field: _floats(table.column(name), name, source)
        for field, name in fields.items()
        if field not in ("timestamp", "symbol")
    }
    if "symbol" not in fields:
        groups: Iterator[tuple[str, Rows]] = iter([(symbol, slice(0, len(dates)))])
        phrase = "Parquet, one symbol"
    else:
        groups = rows_by_symbol(table.column(fields["symbol"]).cast(pa.string()))
        phrase = "Parquet, long table with a symbol column"
    return phrase, [_series(name, rows, dates, columns, source) for name, rows in groups]


def _check_footer(file: pq.ParquetFile, path: Path, source: str) -> None:
    rows = file.metadata.num_rows
    if rows > min(_MAXIMUM_ROWS, _ALWAYS_ALLOWED_ROWS + _ROWS_PER_BYTE * path.stat().st_size):
        raise BadDataError(f"{source}: declares {rows:,} rows in {path.stat().st_size:,} bytes")


def _fields(schema: pa.Schema, source: str) -> dict[str, str]:
    """Our column name to the file's, for the columns in use."""
    fields: dict[str, str] = {}
    for name in schema.names:
        field = normalised(name) if name != _PANDAS_INDEX else "index"
        if field is None or field == "repaired":
            continue
        if field in fields:
            raise BadDataError(f"{source}: two columns for {field}: {fields[field]!r} and {name!r}")
        fields[field] = name
    index = fields.pop("index", None)
    if index is not None:
        fields.setdefault("timestamp", index)
    needed = {"timestamp", "close"}
    if fields.keys() & {"open", "high", "low"}:
        needed |= {"open", "high", "low"}
    missing = sorted(needed - fields.keys())
    if missing:
        raise BadDataError(
            f"{source}: no column {' or '.join(missing)} among"
            f" {shown(', '.join(schema.names))}, expected one row per bar",
            fix="the columns may be date, open, high, low, close, volume and, for several symbols,"
            " ticker",
        )
    return fields


def _dates(column: ArrowColumn, source: str, date_format: str | None) -> DateArray1D:
    kind = column.type
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise BadDataError(f"{source}: row {row + 1}: the date is missing")
    if pa.types.is_date(kind):
        days: DateArray1D = integers(column.cast(pa.date32()).cast(pa.int32())).astype(
            "datetime64[D]"
        )
        return days
    if pa.types.is_timestamp(kind):
        return _midnights(column, source)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _text_dates(column, source, date_format)
    raise BadDataError(
        f"{source}: the date column is of type {kind}, expected dates",
        fix="write dates, not numbers, into the date column",
    )


def _midnights(column: ArrowColumn, source: str) -> DateArray1D:
    """Session dates of stamps at midnight, read on the clock of their own zone."""
    if column.type.tz:
        column = pc.local_timestamp(column)
    stamps = integers(column).view(f"datetime64[{column.type.unit}]")
    days: DateArray1D = stamps.astype("datetime64[D]")
    odd = np.flatnonzero(days != stamps)
    if len(odd):
        row = int(odd[0])
        raise BadDataError(
            f"{source}: row {row + 1}: {stamps[row]} is no midnight; {_MIDNIGHT_FAULT}",
            fix="download daily bars (interval 1d)",
        )
    return days


def _text_dates(column: ArrowColumn, source: str, date_format: str | None) -> DateArray1D:
    days = []
    known: dict[str, np.datetime64] = {}
    for row, text in enumerate(column.to_pylist(), 1):
        if text not in known:
            try:
                known[text] = np.datetime64(parse_date(text, date_format))
            except DateError as error:
                raise BadDataError(
                    f"{source}: row {row}: {shown(text)} {error}", fix=error.fix
                ) from error
        days.append(known[text])
    dates: DateArray1D = np.array(days, dtype="datetime64[D]")
    return dates


def _floats(column: ArrowColumn, name: str, source: str) -> FloatArray1D:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise BadDataError(
            f"{source}: column {name} is of type {kind}, expected numbers",
            fix="write numbers, not text, into this column",
        )
    # Above 2^53 a volume loses its last digits, which no rule here depends on.
    return floats(column.cast(pa.float64(), safe=False))


def _series(
    name: str,
    rows: Rows,
    dates: DateArray1D,
    columns: dict[str, FloatArray1D],
    source: str,
) -> RawSeries | RefusedSeries:
    try:
        symbol = parse_symbol(name)
    except UsageError as error:
        return bad_symbol(name, source, error)
    return RawSeries(
        symbol=symbol,
        dates=dates[rows],
        columns={field: values[rows] for field, values in columns.items()},
        locate=lambda row, field: (
            f"row {nth(rows, row) + 1} ({dates[rows][row]}), column {field}:"
            f" {columns[field][rows][row]:g}"
        ),
    )
