"""One door for all files of prices: CSV in any layout, gzip or not, Parquet, standard input."""

import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from forecast_cli.data.csv_reader import read_csv
from forecast_cli.data.csv_stream import CsvStream
from forecast_cli.data.csv_text import GZIP_MAGIC, check_regular, plain_text, read_limited
from forecast_cli.data.currency import without_currency
from forecast_cli.data.parquet_reader import MAGIC, read_parquet
from forecast_cli.data.series import (
    AS_WRITTEN,
    RawSeries,
    ReadOptions,
    ReadSeries,
    RefusedSeries,
    assemble,
)
from forecast_cli.errors import ForecastError, MissingInputError
from forecast_cli.findings import Finding

FILE_SUFFIXES: Final = (".gz", ".csv", ".txt", ".parquet", ".pq")
_IN_MEMORY_BYTES: Final = 160 << 20
"""A larger CSV is streamed. Read at once, this much takes about half a gigabyte."""


def read_file(
    path: Path, *, today: date, symbol: str | None = None, options: ReadOptions = AS_WRITTEN
) -> list[ReadSeries]:
    """All symbols of a file.

    symbol: the name of the series in a file that does not say it; by default the file's own name.
    options: what the user says about the file. Raises MissingInputError for
    anything but a regular file and BadDataError for the first symbol that cannot be used.
    """
    read: list[ReadSeries] = []
    for part in read_each(path, today=today, symbol=symbol, options=options):
        if isinstance(part, RefusedSeries):
            raise part.error
        read.append(part)
    return read


def read_each(
    path: Path,
    *,
    today: date,
    symbol: str | None = None,
    options: ReadOptions = AS_WRITTEN,
    spill: Path | None = None,
) -> Iterator[ReadSeries | RefusedSeries]:
    """As `read_file`, but a symbol that cannot be used does not cost the others.

    What is wrong with the file as a whole is raised at once; each symbol is judged at its turn.
    spill: a folder on disk, where the columns of a large CSV wait for their turn.
    """
    check_regular(path)
    name = symbol or symbol_of(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            if start == MAGIC or path.suffix in (".parquet", ".pq"):
                layout, parts = read_parquet(path, symbol=name, options=options)
                return _judged(parts, path.name, layout, today, options)
            size = path.stat().st_size
            if size > _IN_MEMORY_BYTES and not start.startswith(GZIP_MAGIC):
                folder = spill or Path(tempfile.gettempdir())
                stream = CsvStream(path, symbol=name, options=options, folder=folder)
                read = _judged(stream.series(), path.name, stream.layout.phrase, today, options)
                return read if stream.ends_with_newline else _cut(read)
            file.seek(0)
            raw = read_limited(file, path.name, expected=size)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MissingInputError(f"{path}: cannot be read ({reason.lower()})") from error
    return read_bytes(raw, source=path.name, symbol=name, today=today, options=options)


def read_bytes(
    raw: bytes,
    *,
    source: str,
    today: date,
    symbol: str | None = None,
    options: ReadOptions = AS_WRITTEN,
) -> Iterator[ReadSeries | RefusedSeries]:
    """The symbols in the bytes of a CSV, gzipped or not; `source` names them in messages."""
    content = plain_text(raw, source)
    if options.strip_currency:
        content = without_currency(content)
    layout, parts = read_csv(content, source=source, symbol=symbol, options=options)
    read = _judged(parts, source, layout, today, options)
    return read if content.endswith((b"\n", b"\r")) else _cut(read)


def symbol_of(path: Path) -> str:
    """The symbol in a file's name: `^GSPC.csv.gz` and `%5EGSPC.csv` are ^GSPC."""
    name = path.name
    while name.lower().endswith(FILE_SUFFIXES):
        name = name[: name.rindex(".")]
    return unquote(name)


def _judged(
    parts: Iterable[RawSeries | RefusedSeries],
    source: str,
    layout: str,
    today: date,
    options: ReadOptions,
) -> Iterator[ReadSeries | RefusedSeries]:
    for part in parts:
        if isinstance(part, RefusedSeries):
            yield part
            continue
        try:
            yield assemble(part, source=source, layout=layout, today=today, options=options)
        except ForecastError as error:
            yield RefusedSeries(name=part.symbol, error=error)


def _cut(parts: Iterable[ReadSeries | RefusedSeries]) -> Iterator[ReadSeries | RefusedSeries]:
    """The symbols of a file whose last line has no end."""
    for part in parts:
        if isinstance(part, ReadSeries):
            # `1000` cut to `10` is a number too: this is the only trace that a cut file leaves.
            message = "the last line has no end; is the file complete?"
            part.findings.append(Finding("no_final_newline", message, 1))
        yield part
