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
from forecast_cli.data.parquet_reader import MAGIC, read_parquet
from forecast_cli.data.series import RawSeries, ReadSeries, RefusedSeries, assemble
from forecast_cli.errors import BadDataError, MissingInputError
from forecast_cli.findings import Finding

FILE_SUFFIXES: Final = (".gz", ".csv", ".txt", ".parquet", ".pq")
_IN_MEMORY_BYTES: Final = 160 << 20
"""A larger CSV is streamed. Read at once, this much takes about half a gigabyte."""


def read_file(
    path: Path,
    *,
    today: date,
    date_format: str | None = None,
    symbol: str | None = None,
    drop_partial: bool = False,
) -> list[ReadSeries]:
    """All symbols of a file.

    symbol: the name of the series in a file that does not say it; by default the file's own name.
    date_format: strptime pattern for dates that are not ISO. Raises MissingInputError for
    anything but a regular file and BadDataError for the first symbol that cannot be used.
    """
    read: list[ReadSeries] = []
    for part in read_each(
        path, today=today, date_format=date_format, symbol=symbol, drop_partial=drop_partial
    ):
        if isinstance(part, RefusedSeries):
            raise part.error
        read.append(part)
    return read


def read_each(  # noqa: PLR0913 - how a file is read, by keyword
    path: Path,
    *,
    today: date,
    date_format: str | None = None,
    symbol: str | None = None,
    spill: Path | None = None,
    drop_partial: bool = False,
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
                layout, parts = read_parquet(path, symbol=name, date_format=date_format)
                return _judged(
                    parts, source=path.name, layout=layout, today=today, drop_partial=drop_partial
                )
            if path.stat().st_size > _IN_MEMORY_BYTES and not start.startswith(GZIP_MAGIC):
                folder = spill or Path(tempfile.gettempdir())
                stream = CsvStream(path, symbol=name, date_format=date_format, folder=folder)
                return _judged(
                    stream.series(),
                    source=path.name,
                    layout=stream.layout.phrase,
                    today=today,
                    is_whole=stream.ends_with_newline,
                    drop_partial=drop_partial,
                )
            file.seek(0)
            raw = read_limited(file, path.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MissingInputError(f"{path}: cannot be read ({reason.lower()})") from error
    return read_bytes(
        raw,
        source=path.name,
        symbol=name,
        today=today,
        date_format=date_format,
        drop_partial=drop_partial,
    )


def read_bytes(  # noqa: PLR0913 - how a file is read, by keyword
    raw: bytes,
    *,
    source: str,
    today: date,
    symbol: str | None = None,
    date_format: str | None = None,
    drop_partial: bool = False,
) -> Iterator[ReadSeries | RefusedSeries]:
    """The symbols in the bytes of a CSV, gzipped or not; `source` names them in messages."""
    content = plain_text(raw, source)
    layout, parts = read_csv(content, source=source, symbol=symbol, date_format=date_format)
    is_whole = content.endswith((b"\n", b"\r"))
    return _judged(
        parts,
        source=source,
        layout=layout,
        today=today,
        is_whole=is_whole,
        drop_partial=drop_partial,
    )


def symbol_of(path: Path) -> str:
    """The symbol in a file's name: `^GSPC.csv.gz` and `%5EGSPC.csv` are ^GSPC."""
    name = path.name
    while name.lower().endswith(FILE_SUFFIXES):
        name = name[: name.rindex(".")]
    return unquote(name)


def _judged(  # noqa: PLR0913 - how a file is read, by keyword
    parts: Iterable[RawSeries | RefusedSeries],
    *,
    source: str,
    layout: str,
    today: date,
    is_whole: bool = True,
    drop_partial: bool,
) -> Iterator[ReadSeries | RefusedSeries]:
    for part in parts:
        if isinstance(part, RefusedSeries):
            yield part
            continue
        try:
            read = assemble(
                part, source=source, layout=layout, today=today, drop_partial=drop_partial
            )
        except BadDataError as error:
            yield RefusedSeries(name=part.symbol, error=error)
            continue
        if not is_whole:
            # `1000` cut to `10` is a number too: this is the only trace that a cut file leaves.
            message = "the last line has no end; is the file complete?"
            read.findings.append(Finding("no_final_newline", message, 1))
        yield read
