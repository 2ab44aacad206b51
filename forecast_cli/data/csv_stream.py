"""Reads a CSV larger than memory: piece by piece, each as a small file is read.

The columns of each piece go to a file on disk, series by series, and come back as whole series. So
rows may stand in any order, and a file that cannot be read as a whole gives nothing, as a small
file does. Memory holds one piece, or the longest series. The file on disk has no name: it ends
with the process, whatever ends that.
"""

import contextlib
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from forecast_cli.arrays import IntArray1D, IntArray2D
from forecast_cli.data.csv_layout import Layout, SeriesColumns
from forecast_cli.data.csv_reader import (
    Columns,
    CsvFile,
    SeriesPlace,
    layout_of,
    lines,
    mixed_offsets,
    one_series,
    read_columns,
    series_in,
)
from forecast_cli.data.csv_text import blocks, check_text, plain_text
from forecast_cli.data.currency import without_currency
from forecast_cli.data.dates import has_offset
from forecast_cli.data.series import RawSeries, ReadOptions, RefusedSeries
from forecast_cli.errors import BadDataError
from forecast_cli.files import as_forecast_error, make_folder

_MAXIMUM_ROWS: Final = 5_000_000
"""Of one series, which has to fit into memory: a bar a minute, day and night, for nine years."""


class CsvStream:
    """A file, read to its end once; its columns wait on disk."""

    def __init__(
        self, path: Path, *, symbol: str | None, options: ReadOptions, folder: Path
    ) -> None:
        """Read the file. folder: where the columns wait.

        Raises BadDataError when the file as a whole cannot be read, and InputOutputError when the
        disk is full.
        """
        self.path = path
        self._options = options
        self.layout: Layout
        self.ends_with_newline = True
        self._header = b""
        self._pieces: list[tuple[int, int, int]] = []
        """Offset, size and lines before, of each piece."""
        self._first_rows: list[int] = []
        self._n_rows = 0
        self._date_type = np.dtype("datetime64[D]")
        self._offsets: set[bool] = set()
        self._spill = _Spill(folder)
        self._last: tuple[int, CsvFile] | None = None
        with contextlib.ExitStack() as on_failure, path.open("rb") as file:
            on_failure.callback(self._spill.close)
            self._read(file, symbol)
            on_failure.pop_all()

    def series(self) -> Iterator[RawSeries | RefusedSeries]:
        """Each series, in the order of the file; once, since what waits on disk then goes."""
        with contextlib.closing(self._spill):
            yield from self._series()

    def _series(self) -> Iterator[RawSeries | RefusedSeries]:
        first = self._file(0)
        for name, one in self._spill.series.items():
            n_rows = self._spill.n_rows(name)
            if n_rows > _MAXIMUM_ROWS:
                message = f"{self.path.name}: {name}: {n_rows:,} rows in one series"
                error = BadDataError(message, fix=f"give at most {_MAXIMUM_ROWS:,} of them")
                yield RefusedSeries(name=name[:40], error=error)
                continue
            rows, columns = self._columns(one, self._spill.read(name))
            place = SeriesPlace(name, one, slice(0, n_rows))
            yield one_series(first, columns, place, partial(self._locate, rows))

    def _read(self, file: BinaryIO, symbol: str | None) -> None:
        offset = n_lines = 0
        for block in blocks(file, self.path.name):
            if block.strip():
                self._pieces.append((offset, len(block), n_lines))
                self._take(block, symbol)
            offset += len(block)
            n_lines += block.count(b"\n") or block.count(b"\r")
            self.ends_with_newline = block.endswith((b"\n", b"\r"))
        if not self._pieces:
            plain_text(b"", self.path.name)

    def _take(self, block: bytes, symbol: str | None) -> None:
        """Put the columns of the newest piece on disk."""
        number = len(self._pieces) - 1
        if number:
            check_text(block, self.path.name, n_before=self._pieces[number][2])
        else:
            text = plain_text(block, self.path.name)
            self.layout = layout_of(text, self.path.name, self._options)
            self._header = _header(text, self.layout, self.path.name)
        piece = self._piece(number, block)
        columns = read_columns(piece, self._options)
        self._check_offsets(piece)
        if number and columns.dates.dtype != self._date_type:
            raise BadDataError(
                f"{self.path.name}: some rows carry a time of day, others only a date",
                fix="give the bars of one interval in one file",
            )
        self._date_type = columns.dates.dtype
        for place in series_in(self.layout, columns, symbol):
            self._spill.add(place, _matrix(columns, place, self._n_rows))
        self._first_rows.append(self._n_rows)
        self._n_rows += len(columns.dates)

    def _piece(self, number: int, block: bytes) -> CsvFile:
        """A piece as a file of its own, below the header of all."""
        if self._options.strip_currency:
            block = without_currency(block)
        if not number:
            return CsvFile(plain_text(block, self.path.name), self.layout, self.path.name)
        n_before = self._pieces[number][2] - len(self._header.splitlines())
        return CsvFile(self._header + block, self.layout, self.path.name, n_before)

    def _check_offsets(self, piece: CsvFile) -> None:
        """Within a piece its reader has seen to it that all stamps have an offset, or none."""
        below = islice(lines(piece.content, piece.source), self.layout.n_header_lines, None)
        _, cells = next(below)
        self._offsets.add(has_offset(cells[self.layout.date]))
        if len(self._offsets) > 1:
            raise mixed_offsets(piece, 0)

    def _file(self, number: int) -> CsvFile:
        """A piece, read once more; the last one is kept."""
        if self._last is None or self._last[0] != number:
            offset, size, _ = self._pieces[number]
            with self.path.open("rb") as file:
                file.seek(offset)
                self._last = number, self._piece(number, file.read(size))
        return self._last[1]

    def _locate(self, rows: IntArray1D, row: int, column: int) -> str:
        number = bisect_right(self._first_rows, rows[row]) - 1
        return self._file(number).locate(int(rows[row]) - self._first_rows[number], column)

    def _columns(self, one: SeriesColumns, matrix: IntArray2D) -> tuple[IntArray1D, Columns]:
        """The inverse of `_matrix`: row numbers, and the columns as they were read."""
        rows, dates, *values = np.ascontiguousarray(matrix.T)
        numbers = dict(zip(_numbers(one), values, strict=False))
        return rows, Columns(
            dates=dates.view(self._date_type),
            symbols=None,
            numbers={i: column.view(np.float64) for i, column in numbers.items()},
            marks=dict.fromkeys(_marks(one), values[-1] != 0),
        )


def _header(text: bytes, layout: Layout, source: str) -> bytes:
    number = max(line for line, _ in islice(lines(text, source), layout.n_header_lines))
    newline = b"\n" if b"\n" in text else b"\r"
    return newline.join(text.split(newline, number)[:number]) + newline


def _numbers(one: SeriesColumns) -> list[int]:
    values = [i for field, i in one.fields.items() if field != "repaired"]
    return [*values, *one.extra.values()]


def _marks(one: SeriesColumns) -> list[int]:
    return [i for field, i in one.fields.items() if field == "repaired"]


def _matrix(columns: Columns, place: SeriesPlace, first_row: int) -> IntArray2D:
    """A series' columns as eight bytes each, shape (n_rows, 2 + n_columns): row, date, values."""
    numbers = np.arange(first_row, first_row + len(columns.dates))[place.rows]
    dates = columns.dates[place.rows].view(np.int64)
    values = [columns.numbers[i][place.rows].view(np.int64) for i in _numbers(place.columns)]
    marks = [columns.marks[i][place.rows].astype(np.int64) for i in _marks(place.columns)]
    return np.stack([numbers, dates, *values, *marks], axis=1)


class _Spill:
    """Rows of eight-byte values on disk, by series; the file has no name and cannot stay behind."""

    def __init__(self, folder: Path) -> None:
        self.series: dict[str, SeriesColumns] = {}
        self._folder = folder
        self._places: dict[str, array[int]] = {}
        """Offset and number of rows of each piece, by series."""
        self._end = 0
        try:
            make_folder(folder)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - as long as the object
        except OSError as error:
            raise as_forecast_error(error, folder) from error

    def add(self, place: SeriesPlace, rows: IntArray2D) -> None:
        self.series.setdefault(place.name, place.columns)
        self._places.setdefault(place.name, array("q")).extend((self._end, len(rows)))
        try:
            self._file.write(rows.data)
        except OSError as error:
            raise as_forecast_error(error, self._folder) from error
        self._end += rows.nbytes

    def close(self) -> None:
        self._file.close()

    def n_rows(self, name: str) -> int:
        return sum(self._places[name][1::2])

    def read(self, name: str) -> IntArray2D:
        places = self._places[name]
        width = 2 + len(self.series[name].fields) + len(self.series[name].extra)
        rows = np.empty((self.n_rows(name), width), dtype=np.int64)
        start = 0
        try:
            for offset, n_rows in zip(places[::2], places[1::2], strict=True):
                self._file.seek(offset)
                self._file.readinto(rows[start : start + n_rows].data.cast("B"))
                start += n_rows
        except OSError as error:
            raise as_forecast_error(error, self._folder) from error
        return rows
