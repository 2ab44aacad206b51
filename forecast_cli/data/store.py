"""The bar store: one Parquet file per symbol and interval, in a hive layout.

    HOME/bars/interval=1d/symbol=%5EGSPC/bars.parquet
    HOME/calendars/XNYS.parquet
    HOME/covariates/...                                   see `data.covariates`
    HOME/revisions/...                                    see `data.revisions`
    HOME/ledger/...                                       see `data.ledger`

pandas, DuckDB, Polars and Spark read `HOME/bars` as one table with the extra columns `interval` and
`symbol`. This is the only module that writes Parquet.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forecast_cli.arrays import DateArray1D
from forecast_cli.data.arrow import ArrowColumn, float_array, floats, integers, timestamp_array
from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.dates import DAY, INSTANT
from forecast_cli.data.merge import Merge, Revision, merge
from forecast_cli.data.revisions import REVISIONS_SCHEMA, ends_with, revisions_table
from forecast_cli.data.seal import is_intact, sealed
from forecast_cli.data.sessions import Calendar
from forecast_cli.errors import (
    BadDataError,
    InputOutputError,
    MissingInputError,
    TryAgainError,
)
from forecast_cli.files import (
    TEMPORARY_SUFFIX,
    Sync,
    as_forecast_error,
    fsync_folder,
    locked,
    target_of,
    write_atomically,
)
from forecast_cli.schema import ACTION_COLUMNS, BAR_COLUMNS, DAILY, PRICE_COLUMNS, PriceBasis
from forecast_cli.symbols import folder_to_symbol, symbol_to_folder

_MAXIMUM_ROWS: Final = 50_000_000
_FEW_ROWS: Final = 100_000
"""Are read before threads have started."""
_FOLDERS: Final = ("bars", "calendars", "covariates", "revisions")
_DAMAGED: Final = "remove the file and fetch the symbol again"
BASIS_KEY: Final = b"forecast.price_basis"
_ZONE_KEY: Final = b"forecast.zone"
_SCHEMA: Final = pa.schema(
    [pa.field("timestamp", pa.timestamp("us"), nullable=False)]
    + [
        pa.field(name, pa.float64(), nullable=name in ACTION_COLUMNS)
        for name in BAR_COLUMNS
        if name != "timestamp"
    ]
)


_CALENDAR_SCHEMA: Final = pa.schema(
    [pa.field(name, pa.timestamp("us"), nullable=False) for name in ("session", "close_utc")]
)


class BarStore:
    """Reads and writes bars under one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._sync: Sync = fsync_folder

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        """Write many series: folders are made durable once, at the end, and not with each file.

        Files are still fsynced before they are renamed, so that a crash leaves old or new ones.
        Raises InputOutputError when the disk fails at the end.
        """
        folders: set[Path] = set()
        self._sync = folders.add
        try:
            yield
        finally:
            self._sync = fsync_folder
            for folder in folders:
                try:
                    fsync_folder(folder)
                except OSError as error:
                    raise as_forecast_error(error, folder) from error

    def path(self, symbol: str, interval: str) -> Path:
        """Where a series lies, whether it exists or not."""
        return self._series_path("bars", symbol, interval)

    def symbols(self, interval: str) -> list[str]:
        """All stored symbols of an interval, sorted."""
        folder = self.home / "bars" / f"interval={interval}"
        found = (folder_to_symbol(path.parent.name) for path in folder.glob("*/bars.parquet"))
        return sorted(symbol for symbol in found if symbol is not None)

    def intervals(self) -> list[str]:
        """The intervals of all stored series, sorted."""
        folders = (self.home / "bars").glob("interval=*")
        return sorted(folder.name.partition("=")[2] for folder in folders)

    def read(self, symbol: str, interval: str) -> Bars:
        """One whole series.

        Raises MissingInputError when it is not stored, BadDataError when the file is damaged, a
        link or not one of ours, InputOutputError when the disk fails. Page checksums and the seal
        of all values are verified.
        """
        path = self.path(symbol, interval)
        if not path.is_file():
            raise MissingInputError(
                f"{symbol}: no {interval} bars are stored in {self.home}"
                + "".join(f", only {other}" for other in self._intervals(symbol)[:1]),
                fix=f"forecast fetch {symbol} --from FILE.csv",
            )
        table = read_table(path, _SCHEMA, _owner(symbol, interval))
        metadata = table.schema.metadata or {}
        basis = metadata.get(BASIS_KEY, b"").decode()
        if basis not in get_args(PriceBasis):
            raise BadDataError(f"{path}: the price basis is missing", fix="fetch the symbol again")
        columns = {name: floats(table.column(name)) for name in BAR_COLUMNS[1:]}
        bars = Bars(
            symbol=symbol,
            interval=interval,
            zone=metadata[_ZONE_KEY].decode() if _ZONE_KEY in metadata else None,
            price_basis=cast("PriceBasis", basis),
            timestamp=_times(table.column("timestamp"), interval),
            **columns,
        )
        _check(bars, path)
        return bars

    def _intervals(self, symbol: str) -> list[str]:
        files = self.home.glob(f"bars/interval=*/{symbol_to_folder(symbol)}/bars.parquet")
        return sorted(path.parent.parent.name.partition("=")[2] for path in files)

    def write(self, bars: Bars) -> bool:
        """Store a series in place of the old one; False, and no write, when nothing changed.

        Raises TryAgainError when another run writes this symbol, CannotCreateError or
        InputOutputError when the disk refuses; the old series then stands as it was.
        """
        with self._writing(bars):
            return self._replace(self._stored(bars.symbol, bars.interval), bars)

    def merge(self, new: Bars) -> tuple[Merge, bool]:
        """Join a series to the stored one; also whether that changed anything.

        One lock spans reading and writing: of two runs at once neither loses the other's bars.
        Raises as `write` and `forecast_cli.data.merge.merge` do.
        """
        with self._writing(new):
            old = self._stored(new.symbol, new.interval)
            merged = merge(old, new)
            if old is not None and merged.revisions:
                # First: a kill between the two then loses no record, and the next run adds none.
                self._record(merged.revisions, old, merged.bars)
            return merged, self._replace(old, merged.bars)

    def read_revisions(self, symbol: str, interval: str) -> pa.Table:
        """Every recorded change of a series' history, oldest first; see `data.revisions`."""
        path = self._series_path("revisions", symbol, interval)
        if not path.exists():
            return REVISIONS_SCHEMA.empty_table()
        return read_table(path, REVISIONS_SCHEMA, _owner(symbol, interval))

    def remove(self, symbol: str, interval: str) -> bool:
        """Remove a series and its revisions; False when there is none.

        A kill in between leaves the revisions of no series, which the next `sweep` removes. Raises
        TryAgainError when another run writes this symbol.
        """
        path = self.path(symbol, interval)
        if not path.is_file():
            return False
        refuse_links(path)
        with locked(path):
            path.unlink(missing_ok=True)
            fsync_folder(path.parent)
            self._remove_revisions(symbol, interval)
        return True

    def _remove_revisions(self, symbol: str, interval: str) -> None:
        path = self._series_path("revisions", symbol, interval)
        if path.exists():
            refuse_links(path)
            with locked(path):
                path.unlink(missing_ok=True)
                fsync_folder(path.parent)

    def sweep(self) -> None:
        """Remove what killed runs have left, except where another run is writing."""
        for folder in _FOLDERS:
            for stray in (self.home / folder).rglob(f".*{TEMPORARY_SUFFIX}"):
                with contextlib.suppress(TryAgainError), locked(target_of(stray)):
                    pass
        for path in (self.home / "revisions").glob("interval=*/symbol=*/revisions.parquet"):
            symbol = folder_to_symbol(path.parent.name)
            interval = path.parent.parent.name.partition("=")[2]
            if symbol is not None and not self.path(symbol, interval).exists():
                with contextlib.suppress(TryAgainError):
                    self._remove_revisions(symbol, interval)

    def _record(self, revisions: Sequence[Revision], old: Bars, new: Bars) -> None:
        path = self._series_path("revisions", new.symbol, new.interval)
        hashes = {"old_sha256": data_hash([old]), "new_sha256": data_hash([new])}
        with locked(path):
            known = self.read_revisions(new.symbol, new.interval)
            if not ends_with(known, **hashes):
                rows = revisions_table(revisions, recorded_at=datetime.now(UTC), **hashes)
                table = pa.concat_tables([known.replace_schema_metadata(None), rows])
                write_table(path, sealed(table, _owner(new.symbol, new.interval)))

    def _series_path(self, kind: str, symbol: str, interval: str) -> Path:
        folder = self.home / kind / f"interval={interval}" / symbol_to_folder(symbol)
        return folder / f"{kind}.parquet"

    @contextlib.contextmanager
    def _writing(self, bars: Bars) -> Iterator[None]:
        path = self.path(bars.symbol, bars.interval)
        refuse_links(path)
        with locked(path, sync=self._sync):
            yield

    def _stored(self, symbol: str, interval: str) -> Bars | None:
        return self.read(symbol, interval) if self.path(symbol, interval).exists() else None

    def _replace(self, old: Bars | None, bars: Bars) -> bool:
        if old is not None and equal(old, bars):
            return False
        metadata = {BASIS_KEY: bars.price_basis.encode()}
        if bars.zone is not None:
            metadata[_ZONE_KEY] = bars.zone.encode()
        table = _table(bars).replace_schema_metadata(metadata)
        path = self.path(bars.symbol, bars.interval)
        write_table(path, sealed(table, _owner(bars.symbol, bars.interval)), sync=self._sync)
        return True

    def read_calendar(self, name: str) -> Calendar | None:
        """The stored sessions of an exchange and their closes, or None when there are none."""
        path = self._calendar_path(name)
        if not path.is_file():
            return None
        table = read_table(path, _CALENDAR_SCHEMA, name)
        closes = integers(table.column("close_utc")).view("datetime64[us]")
        return Calendar(name=name, sessions=_times(table.column("session"), DAILY), closes=closes)

    def write_calendar(self, calendar: Calendar) -> None:
        """Store the sessions of an exchange unless they already stand there."""
        path = self._calendar_path(calendar.name)
        with locked(path):
            with contextlib.suppress(BadDataError):  # what cannot be read is replaced
                if self.read_calendar(calendar.name) == calendar:
                    return
            columns = [timestamp_array(calendar.sessions), timestamp_array(calendar.closes)]
            table = pa.table(columns, schema=_CALENDAR_SCHEMA)
            write_table(path, sealed(table, calendar.name))

    def _calendar_path(self, calendar: str) -> Path:
        return self.home / "calendars" / f"{calendar}.parquet"


def write_table(path: Path, table: pa.Table, *, sync: Sync = fsync_folder) -> None:
    """Write one Parquet file atomically; see `parquet_bytes`."""
    # One call into the file: pyarrow would make dozens, each waiting for the interpreter.
    write_atomically(path, lambda file: file.write(parquet_bytes(table)), sync=sync)


def parquet_bytes(table: pa.Table) -> memoryview:
    """A table as a Parquet file, with page checksums. Same table, same bytes.

    Prices hardly repeat, and instants are told best by their steps: dictionaries would take a
    quarter more time and more space. `docs/performance.md` has the measurements.
    """
    steps = {
        field.name: "DELTA_BINARY_PACKED"
        for field in table.schema
        if pa.types.is_timestamp(field.type) or pa.types.is_integer(field.type)
    }
    content = pa.BufferOutputStream()
    pq.write_table(
        table,
        content,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        column_encoding=steps,
        write_page_checksum=True,
    )
    return memoryview(content.getvalue())


def data_hash(series: Sequence[Bars]) -> str:
    """SHA-256 over the values of some series: names a data set in manifests and results."""
    digest = hashlib.sha256()
    for bars in series:
        digest.update(f"{bars.symbol}|{bars.interval}|{bars.price_basis}|{len(bars)}".encode())
        digest.update(bars.timestamp.astype("datetime64[us]").tobytes())
        for name in BAR_COLUMNS[1:]:
            digest.update(np.ascontiguousarray(getattr(bars, name)).tobytes())
    return digest.hexdigest()


def _table(bars: Bars) -> pa.Table:
    columns = [timestamp_array(bars.timestamp)]
    columns += [
        float_array(getattr(bars, name), nan_is_null=name in ACTION_COLUMNS)
        for name in BAR_COLUMNS[1:]
    ]
    return pa.table(columns, schema=_SCHEMA)


def _owner(symbol: str, interval: str) -> str:
    return f"{interval} {symbol}"


def read_table(path: Path, schema: pa.Schema, owner: str, *, fix: str = _DAMAGED) -> pa.Table:
    """Read one Parquet file that this store has written.

    owner: as it was sealed. fix: what to do about a damaged one. Raises BadDataError for a link,
    other columns and whatever a checksum or the seal does not vouch for, InputOutputError when the
    disk fails.
    """
    refuse_links(path)
    try:
        # The footer is read and judged before any page: a small file may declare billions of rows.
        with (
            pa.OSFile(str(path)) as source,
            pq.ParquetFile(source, page_checksum_verification=True) as file,
        ):
            if file.metadata.num_rows > _MAXIMUM_ROWS:
                raise BadDataError(f"{path}: declares {file.metadata.num_rows:,} rows", fix=fix)
            if not file.schema_arrow.equals(schema, check_metadata=False):
                raise BadDataError(f"{path}: has other columns than what is stored here", fix=fix)
            table = file.read(use_threads=file.metadata.num_rows > _FEW_ROWS)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:  # pyarrow's own have none
            raise InputOutputError(f"{path}: cannot be read ({error.strerror})") from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadDataError(f"{path}: cannot be read as Parquet ({reason})", fix=fix) from error
    if not is_intact(table, owner):
        raise BadDataError(
            f"{path}: holds other values than were written ({owner}: its checksum differs)", fix=fix
        )
    return table


def refuse_links(path: Path) -> None:
    """Raise BadDataError unless all below HOME/bars and its sisters is a plain file or folder."""
    for part in (path, *path.parents):
        if part.name in (*_FOLDERS, "ledger"):
            return
        if part.is_symlink():
            raise BadDataError(
                f"{part}: is a link; the store keeps plain files and folders only",
                fix="put the folder itself in the place of the link",
            )


def _check(bars: Bars, path: Path) -> None:
    """What every workflow relies on, whoever wrote the file."""
    if not (bars.timestamp[1:] > bars.timestamp[:-1]).all():
        fault = "the timestamps do not ascend"
    elif not all(np.isfinite(getattr(bars, name)).all() for name in PRICE_COLUMNS):
        fault = "a price is not a finite number"
    else:
        return
    raise BadDataError(f"{path}: {fault}", fix="remove the file and fetch the symbol again")


def _times(column: ArrowColumn, interval: str) -> DateArray1D:
    """A timestamp column as session dates, or as the instants of intraday bars."""
    times = integers(column).view("datetime64[us]")
    return times.astype(DAY if interval == DAILY else INSTANT)
