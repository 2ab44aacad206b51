"""One door for all files of prices: CSV in any layout, gzip or not, Parquet, standard input."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from forecast_cli.data.csv_reader import read_csv
from forecast_cli.data.csv_text import check_regular, plain_text, read_limited
from forecast_cli.data.parquet_reader import MAGIC, read_parquet
from forecast_cli.data.series import RawSeries, ReadSeries, RefusedSeries, assemble
from forecast_cli.errors import BadDataError, MissingInputError
from forecast_cli.findings import Finding

FILE_SUFFIXES: Final = (".gz", ".csv", ".txt", ".parquet", ".pq")


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
    date_format: strptime pattern for dates that are not ISO. drop_partial: leave out rows that lack
    a price. Raises MissingInputError for anything but a regular file and BadDataError for the first
    symbol that cannot be used.
    """
    read: list[ReadSeries] = []
    parts = read_each(
        path, today=today, date_format=date_format, symbol=symbol, drop_partial=drop_partial
    )
    for part in parts:
        if isinstance(part, RefusedSeries):
            raise part.error
        read.append(part)
    return read


def read_each(
    path: Path,
    *,
    today: date,
    date_format: str | None = None,
    symbol: str | None = None,
    drop_partial: bool = False,
) -> list[ReadSeries | RefusedSeries]:
    """As `read_file`, but a symbol that cannot be used does not cost the others."""
    check_regular(path)
    name = symbol or symbol_of(path)
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC or path.suffix in (".parquet", ".pq"):
                layout, parts = read_parquet(path, symbol=name, date_format=date_format)
                return _judged(
                    parts,
                    source=path.name,
                    layout=layout,
                    today=today,
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
) -> list[ReadSeries | RefusedSeries]:
    """The symbols in the bytes of a CSV, gzipped or not; `source` names them in messages."""
    content = plain_text(raw, source)
    layout, parts = read_csv(content, source=source, symbol=symbol, date_format=date_format)
    judged = _judged(parts, source=source, layout=layout, today=today, drop_partial=drop_partial)
    if not content.endswith((b"\n", b"\r")):
        # `1000` cut to `10` is a number too: this is the only trace that a cut file leaves.
        for part in judged:
            if isinstance(part, ReadSeries):
                message = "the last line has no end; is the file complete?"
                part.findings.append(Finding("no_final_newline", message, 1))
    return judged


def symbol_of(path: Path) -> str:
    """The symbol in a file's name: `^GSPC.csv.gz` and `%5EGSPC.csv` are ^GSPC."""
    name = path.name
    while name.lower().endswith(FILE_SUFFIXES):
        name = name[: name.rindex(".")]
    return unquote(name)


def _judged(
    parts: Sequence[RawSeries | RefusedSeries],
    *,
    source: str,
    layout: str,
    today: date,
    drop_partial: bool,
) -> list[ReadSeries | RefusedSeries]:
    judged: list[ReadSeries | RefusedSeries] = []
    for part in parts:
        if isinstance(part, RefusedSeries):
            judged.append(part)
            continue
        try:
            judged.append(
                assemble(part, source=source, layout=layout, today=today, drop_partial=drop_partial)
            )
        except BadDataError as error:
            judged.append(RefusedSeries(name=part.symbol, error=error))
    return judged
