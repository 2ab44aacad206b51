"""The series in price files: one file, several, a folder, a pattern, or standard input."""

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from forecast_cli.data.csv_reader import layout_of
from forecast_cli.data.csv_text import check_regular, read_limited
from forecast_cli.data.reader import FILE_SUFFIXES, read_bytes, read_each, symbol_of
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.errors import ForecastError, MissingInputError
from forecast_cli.threads import in_order

_STDIN: Final = "standard input"
_FIRST_BYTES: Final = 4096


@dataclass(frozen=True)
class Part:
    """A series as read, or why not, and the file or vendor it came from."""

    source: str
    read: ReadSeries | RefusedSeries
    is_whole_file: bool = False


def series_of_files(
    wanted: list[str], source: str, today: date, options: ReadOptions, home: Path
) -> Iterator[Part]:
    """The wanted series of all files; what is wanted and nowhere found comes last, as refused."""
    missing = set(wanted)
    unread: list[Part] = []
    for part in _all_parts(wanted, source, today, options, home):
        name = name_of(part)
        if not wanted or name.upper() in wanted:
            missing.discard(name.upper())
            yield part
        elif part.is_whole_file:
            unread.append(part)
    if missing:
        # One of these may hold a missing symbol: their reasons explain more than "not found".
        yield from unread
    for symbol in wanted:
        if symbol in missing:
            error = MissingInputError(f"{symbol}: not found in {source}", fix="check the symbol")
            yield Part(source, RefusedSeries(name=symbol, error=error))


def _all_parts(
    wanted: list[str], source: str, today: date, options: ReadOptions, home: Path
) -> Iterator[Part]:
    only = wanted[0] if len(wanted) == 1 else None
    if source == "-":
        raw = read_limited(sys.stdin.buffer, _STDIN)
        reads = read_bytes(raw, source=_STDIN, today=today, symbol=only, options=options)
        yield from (Part(_STDIN, read) for read in reads)
        return
    paths = _paths(source)
    # A single file may be called anything; in a folder the names must tell.
    symbol = only if len(paths) == 1 and not Path(source).is_dir() else None
    for found in in_order(partial(parts_of, today, options, home, symbol=symbol), paths):
        yield from found


def parts_of(
    today: date, options: ReadOptions, home: Path, path: Path, *, symbol: str | None = None
) -> Iterable[Part]:
    """The series of one file; of one that cannot be read, why."""
    try:
        reads = read_each(path, today=today, symbol=symbol, options=options, spill=home)
    except ForecastError as error:
        refused = RefusedSeries(name=symbol or symbol_of(path), error=error)
        return [Part(path.name, refused, is_whole_file=True)]
    return (Part(path.name, read) for read in reads)


def independent_files(source: str, options: ReadOptions) -> list[Path]:
    """All files of a source if each holds the one symbol in its name; else none.

    Such files may be stored in any order, as no two of them touch one symbol.
    """
    paths = _paths(source)
    names = {symbol_of(path).upper() for path in paths}
    alone = len(names) == len(paths) and all(_is_named_by_file(path, options) for path in paths)
    return paths if alone else []


def _is_named_by_file(path: Path, options: ReadOptions) -> bool:
    """Whether a file is a plain CSV of one series that does not say its symbol."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            first = file.read(_FIRST_BYTES)
        layout = layout_of(first, path.name, options)
    except (ForecastError, OSError):
        return False  # why it cannot be read is said when it is read
    return layout.symbol is None and [one.symbol for one in layout.series] == [None]


def _paths(source: str) -> list[Path]:
    path = Path(source)
    try:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.name.lower().endswith(FILE_SUFFIXES))
        elif path.exists() or not glob.has_magic(source):
            return [path]
        else:
            # Path.glob takes no absolute patterns.
            found = [Path(name) for name in sorted(glob.glob(source))]  # noqa: PTH207 - see above
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MissingInputError(f"{source[:200]}: cannot be read ({reason})") from error
    if not found:
        raise MissingInputError(
            f"{source}: no CSV or Parquet files", fix="give a file, a folder or a pattern"
        )
    return found


def name_of(part: Part) -> str:
    """The symbol of a part; of a file that was refused as a whole, the symbol in its name."""
    return part.read.name if isinstance(part.read, RefusedSeries) else part.read.bars.symbol
