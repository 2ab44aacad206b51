"""Reads a user's Parquet file of bars, in any of the layouts that a CSV may have.

The names of its columns are put into the header lines that pandas would write into a CSV, and
`csv_layout` says what they mean. Not for the store's own files, which `store` reads by exact
schema.
"""

import contextlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forecast_cli.arrays import DateArray1D, FloatArray1D, IntArray1D
from forecast_cli.data.arrow import ArrowArray, ArrowColumn, encoded, floats, integers
from forecast_cli.data.csv_layout import Layout, SeriesColumns, detect, shown
from forecast_cli.data.dates import DAY, DateError, bar_times, parse_times
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

MAGIC: Final = b"PAR1"
_MAXIMUM_ROWS: Final = 50_000_000
_ALWAYS_ALLOWED_ROWS: Final = 100_000
_ROWS_PER_BYTE: Final = 20
"""Real prices need some bytes a row; a file that promises far more rows than bytes is a bomb."""
_UNNAMED_INDEX: Final = "__index_level_"
"""How pandas names an index without a name."""
_TWO_LEVELS: Final = re.compile(r"\('([^']*)', '([^']*)'\)\Z")
"""How pandas names a column that has two names."""
_EXTENSION: Final = b"ARROW:extension:name"


@dataclass(frozen=True)
class _ParquetFile:
    """The columns in use by their number in the layout: times and symbols, and the others."""

    layout: Layout
    source: str
    texts: dict[int, ArrowColumn]
    numbers: dict[int, FloatArray1D]


def read_parquet(
    path: Path, *, symbol: str, options: ReadOptions
) -> tuple[str, list[RawSeries | RefusedSeries]]:
    """The layout's name and each symbol's columns.

    The footer is judged before any page is read. Raises BadDataError when the file as a whole
    cannot be read.
    """
    file = _opened(path, options)
    layout = file.layout
    times = _times(file.texts[layout.date], file.source, options)
    of = partial(_one_series, file, times)
    if layout.symbol is not None:
        names = _symbols(file.texts[layout.symbol], file.source)
        return _phrase(layout), [
            of(layout.series[0], name, rows) for name, rows in rows_by_symbol(names)
        ]
    every = slice(0, len(times))
    return _phrase(layout), [
        of(one, symbol if one.symbol is None else one.symbol, every) for one in layout.series
    ]


def _opened(path: Path, options: ReadOptions) -> _ParquetFile:
    source = path.name
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check_footer(file, path, source)
            _check_names(file.schema_arrow.names, source)
            names = _in_order_of_csv(file.schema_arrow)
            lines = [*_header_lines(names), *_first_row(file, names)]
            layout = detect(lines, source, options.keep)
            texts = [layout.date, *([] if layout.symbol is None else [layout.symbol])]
            numbers = _number_columns(layout)
            used = [names[i] for i in (*texts, *numbers)]
            _check_columns(file.schema_arrow, used, source)
            table = file.read(columns=used, use_pandas_metadata=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BadDataError(
            f"{source}: cannot be read as Parquet ({reason})", fix="write or download it again"
        ) from error
    return _ParquetFile(
        layout,
        source,
        texts={i: table.column(names[i]) for i in texts},
        numbers={i: _floats(table.column(names[i]), names[i], source) for i in numbers},
    )


def _check_footer(file: pq.ParquetFile, path: Path, source: str) -> None:
    rows = file.metadata.num_rows
    if rows > min(_MAXIMUM_ROWS, _ALWAYS_ALLOWED_ROWS + _ROWS_PER_BYTE * path.stat().st_size):
        raise BadDataError(f"{source}: declares {rows:,} rows in {path.stat().st_size:,} bytes")


def _check_names(names: list[str], source: str) -> None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        raise BadDataError(
            f"{source}: two columns are called {shown(name)}", fix="rename one of them"
        )


def _in_order_of_csv(schema: pa.Schema) -> list[str]:
    """The names of the columns, the index of pandas first; "" is the place of one without cells.

    pandas writes the index last, and none where it is a counter. In a CSV it always comes first.
    """
    is_two_level = any(map(_TWO_LEVELS.match, schema.names))
    index = {name for name in schema.names if name.startswith(_UNNAMED_INDEX)}
    if is_two_level:
        index |= {name for name in schema.names if not _TWO_LEVELS.match(name)}
    with contextlib.suppress(KeyError, TypeError, ValueError, RecursionError):  # not from pandas
        index |= {name for name in schema.pandas_metadata["index_columns"] if type(name) is str}
    first = [name for name in schema.names if name in index]
    counter = [""] if is_two_level and not first else []
    return [*counter, *first, *(name for name in schema.names if name not in index)]


def _header_lines(names: list[str]) -> list[list[str]]:
    """What pandas would write on top of a CSV."""
    pairs = [_TWO_LEVELS.match(name) for name in names]
    if any(pairs):
        return [[pair[level] if pair else "" for pair in pairs] for level in (1, 2)]
    return [["" if name.startswith(_UNNAMED_INDEX) else name for name in names]]


def _first_row(file: pq.ParquetFile, names: list[str]) -> list[list[str]]:
    """The first row, if there is one, as far as it tells a layout: symbols and dates."""
    head = next(file.iter_batches(batch_size=1), None)
    if head is None or not head.num_rows:
        return []
    return [[_sample(head.column(name)) if name else "0" for name in names]]


def _sample(column: ArrowArray) -> str:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if _is_text(kind):
        return column[0].as_py() or ""
    return "1970-01-01" if pa.types.is_temporal(kind) else "0"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _number_columns(layout: Layout) -> list[int]:
    fields = [item for series in layout.series for item in series.fields.items()]
    extra = [i for series in layout.series for i in series.extra.values()]
    return [*(i for ours, i in fields if ours != "repaired"), *extra]


def _check_columns(schema: pa.Schema, names: list[str], source: str) -> None:
    if "" in names:
        raise BadDataError(
            f"{source}: no date column among {shown(', '.join(schema.names))}",
            fix="keep the date as the index or as a column of that name",
        )
    for name in names:
        extension = (schema.field(name).metadata or {}).get(_EXTENSION)
        if extension is not None:
            raise BadDataError(
                f"{source}: column {name} is of the unknown type {shown(repr(extension))}",
                fix="write plain numbers, texts and dates",
            )


def _symbols(column: ArrowColumn, source: str) -> ArrowColumn:
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise BadDataError(
            f"{source}: the column of symbols holds {shown(str(column.type))}, not texts",
            fix="write plain numbers, texts and dates",
        ) from error


def _phrase(layout: Layout) -> str:
    if layout.two_level:
        return "Parquet, two-level yfinance columns"
    return "Parquet, " + layout.phrase.replace("one header line", "one row per bar")


def _times(column: ArrowColumn, source: str, options: ReadOptions) -> DateArray1D:
    """Session dates or instants, as `dates.bar_times` gives them."""
    kind = column.type
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise BadDataError(f"{source}: row {row + 1}: the date is missing")
    if pa.types.is_date(kind):
        return integers(column.cast(pa.date32()).cast(pa.int32())).astype(DAY)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    texts: list[str] = []
    try:
        if _is_text(column.type):
            texts, rows = encoded(column)
            unique = parse_times(texts, options.date_format, options.zone)
            return unique[rows]
        if pa.types.is_timestamp(kind):
            clocks = _clocks(column)
            days: DateArray1D = clocks.astype(DAY)
            if (days == clocks).all():
                return days  # as `bar_times` says, for many rows
            stamps, rows = _stamps(column)
            texts = [str(stamp) for stamp in stamps]
            unique = bar_times(stamps, options.zone)
            return unique[rows]
    except DateError as error:
        row = int(np.flatnonzero(rows == error.row)[0])
        raise BadDataError(
            f"{source}: row {row + 1}: {shown(texts[error.row])} {error}", fix=error.fix
        ) from error
    raise BadDataError(
        f"{source}: the date column is of type {kind}, expected dates",
        fix="write dates, not numbers, into the date column",
    )


def _clocks(column: ArrowColumn) -> DateArray1D:
    """Stamps on the clock of their own zone."""
    if column.type.tz:
        import pyarrow.compute as pc  # noqa: PLC0415 - it makes its functions while it is imported

        column = pc.local_timestamp(column)
    return integers(column).view(f"datetime64[{column.type.unit}]")


def _stamps(column: ArrowColumn) -> tuple[list[datetime], IntArray1D]:
    """The distinct stamps, each with its offset from UTC if there is one; each row's number."""
    instants, first, rows = np.unique(integers(column), return_index=True, return_inverse=True)
    utc = instants.view(f"datetime64[{column.type.unit}]").astype("datetime64[us]").tolist()
    if not column.type.tz:
        return utc, rows
    clocks = _clocks(column)[first].astype("datetime64[us]").tolist()
    return [
        clock.replace(tzinfo=timezone(clock - instant))
        for clock, instant in zip(clocks, utc, strict=True)
    ], rows


def _floats(column: ArrowColumn, name: str, source: str) -> FloatArray1D:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise BadDataError(
            f"{source}: column {name} is of type {kind}, expected numbers",
            fix="write numbers, not text, into this column",
        )
    # Above 2^53 a volume loses its last digits, which no rule here depends on.
    return floats(column.cast(pa.float64(), safe=False))


def _one_series(
    file: _ParquetFile, times: DateArray1D, series: SeriesColumns, name: str, rows: Rows
) -> RawSeries | RefusedSeries:
    try:
        symbol = parse_symbol(name)
    except UsageError as error:
        return bad_symbol(name, file.source, error)
    columns = {
        ours: file.numbers[i][rows] for ours, i in series.fields.items() if ours != "repaired"
    }
    return RawSeries(
        symbol=symbol,
        dates=times[rows],
        columns=columns,
        locate=lambda row, field: (
            f"row {nth(rows, row) + 1} ({times[nth(rows, row)]}), column {field}:"
            f" {columns[field][row]:g}"
        ),
        extra={name: file.numbers[i][rows] for name, i in series.extra.items()},
        two_level=file.layout.two_level,
    )
