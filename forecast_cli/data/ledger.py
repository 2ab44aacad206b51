"""The ledger: an append-only record of every forecast made, to be scored when the future arrives.

    HOME/ledger/20241231T220500123456Z-1f0c9a2e.parquet

Each call that adds something writes one file, which is never rewritten, merged or removed. Its name
is the instant at which its forecasts were made, in UTC, and the first digits of its seal, which
covers that instant: a file that was given another name is refused. The folder reads as one table.

A forecast is known by its model and version, symbol, interval, cutoff, horizon and the hash of the
bars it was made from. What is known is not added again; of revised bars a new row is, beside the
old one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.arrow import (
    date_array,
    days,
    float_array,
    float_rows,
    floats,
    integer_array,
    integers,
    text_array,
    timestamp_array,
)
from forecast_cli.data.seal import sealed, sealed_as
from forecast_cli.data.store import read_table, refuse_links, write_table
from forecast_cli.errors import BadDataError, ConfigError
from forecast_cli.files import TEMPORARY_SUFFIX, locked, remove_stray
from forecast_cli.forecasts import LEVELS

Key: TypeAlias = tuple[str, str, str, str, date, int, str]
"""What no two rows share: model, version, symbol, interval, cutoff, horizon, data_sha256."""

_TEXTS: Final = ("model", "model_version", "symbol", "interval", "data_sha256")
_DATES: Final = ("cutoff", "target_date")
_NUMBERS: Final = ("last_close", "point_return", "p_up", "position")
_QUANTILES: Final = tuple(f"q{round(100 * level):02}" for level in LEVELS)
_SCHEMA: Final = pa.schema(
    [pa.field("made_at", pa.timestamp("us", tz="UTC"), nullable=False)]
    + [pa.field(name, pa.string(), nullable=False) for name in _TEXTS]
    + [pa.field(name, pa.date32(), nullable=False) for name in _DATES]
    + [pa.field("horizon", pa.int64(), nullable=False)]
    + [pa.field(name, pa.float64(), nullable=name == "position") for name in _NUMBERS]
    + [pa.field(name, pa.float32()) for name in _QUANTILES]
)
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
_DAY: Final = timedelta(days=1)
_LOCK: Final = "append"


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One forecast of one symbol at one horizon, as it was made.

    made_at: an instant with its zone. cutoff, target_date: session dates. data_sha256: of the bars
    that the forecast was made from, see `store.data_hash`. point_return and quantiles, of shape
    (99,) at forecasts.LEVELS: log returns; quantiles are kept in single precision. position: see
    `forecasts.Forecasts`.
    """

    made_at: datetime
    model: str
    model_version: str
    symbol: str
    interval: str
    cutoff: date
    horizon: int
    target_date: date
    last_close: float
    point_return: float
    p_up: float
    position: float | None
    data_sha256: str
    quantiles: FloatArray1D

    @property
    def key(self) -> Key:
        """What makes this forecast the same as another."""
        return (
            *(self.model, self.model_version, self.symbol, self.interval),
            *(self.cutoff, self.horizon, self.data_sha256),
        )


class Ledger:
    """The forecasts that were made under one home folder. Nothing in it is ever changed."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "ledger"

    def append(self, entries: Sequence[Entry]) -> int:
        """Record the forecasts of one instant that are not known yet; returns how many were added.

        One lock spans looking and writing. Raises TryAgainError when another run records,
        ConfigError for a clock that stands before a cutoff, BadDataError for a damaged file that
        may hold one of these forecasts, CannotCreateError or InputOutputError when the disk
        refuses; the ledger then stands as it was.
        """
        if not entries:
            return 0
        (made_at,) = {entry.made_at for entry in entries}
        _refuse_early(made_at, max(entry.cutoff for entry in entries))
        refuse_links(self.folder / _LOCK)
        with locked(self.folder / _LOCK):
            for stray in self.folder.glob(f".*{TEMPORARY_SUFFIX}"):
                remove_stray(stray)
            known = self._keys(since=min(entry.cutoff for entry in entries))
            new = {entry.key: entry for entry in entries if entry.key not in known}
            if new:
                self._write(made_at, list(new.values()))
        return len(new)

    def read(self, *, since: date | None = None, model: str | None = None) -> list[Entry]:
        """The recorded forecasts, in the order in which they were made.

        since: only of cutoffs on this date or after it. model: only of this name. Raises
        BadDataError, naming the file, for a damaged one.
        """
        # together: taking a hundred columns of few rows apart is what takes the time
        tables = [table.replace_schema_metadata(None) for table in self._tables(since)]
        return [
            entry
            for entry in (_entries(pa.concat_tables(tables)) if tables else ())
            if (since is None or entry.cutoff >= since) and model in (None, entry.model)
        ]

    def files(self) -> list[Path]:
        """The files there are, oldest first."""
        return sorted(self.folder.glob("[0-9]*.parquet"))

    def last_made_at(self) -> datetime | None:
        """When the newest forecast was made, as the files are named; None where there is none."""
        files = self.files()
        if not files:
            return None
        stamp = files[-1].name.partition("-")[0]
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)

    def _keys(self, since: date) -> set[Key]:
        """The forecasts known of cutoffs on a date or after it."""
        columns = ["model", "model_version", "symbol", "interval", "cutoff", "horizon"]
        return {
            tuple(row.values())
            for table in self._tables(since)
            for row in table.select([*columns, "data_sha256"]).to_pylist()
        }

    def _tables(self, since: date | None) -> Iterator[pa.Table]:
        """The files that may hold a forecast of a cutoff on a date or after it, oldest first.

        A forecast is made after its cutoff, so that the name of a file says whether it may; a day
        is left for exchanges whose date is ahead of UTC's.
        """
        earliest = "" if since is None else f"{since - _DAY:%Y%m%d}"
        for path in self.files():
            if path.name >= earliest:
                yield read_file(path)

    def _write(self, made_at: datetime, entries: Sequence[Entry]) -> None:
        stamp = made_at.astimezone(UTC).strftime(_STAMP)
        table = sealed(_table(entries), stamp)
        write_table(self.folder / f"{stamp}-{sealed_as(table)[:8]}.parquet", table)


def _refuse_early(made_at: datetime, last: date) -> None:
    if made_at.astimezone(UTC).date() + _DAY < last:
        raise ConfigError(
            f"the clock says {made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, before the last bar,"
            f" {last}: a forecast recorded now would carry a wrong time",
            fix="set the clock, or remove bars of days to come",
        )


def read_file(path: Path) -> pa.Table:
    """One file of a ledger, with all checks. Raises BadDataError for a damaged or renamed one."""
    stamp, _, digits = path.stem.partition("-")
    fix = "put the file back from a backup, or move it out of the ledger: its forecasts are lost"
    table = read_table(path, _SCHEMA, stamp, fix=fix)
    if not sealed_as(table).startswith(digits):
        raise BadDataError(f"{path}: bears another name than it was written under", fix=fix)
    return table


def _table(entries: Sequence[Entry]) -> pa.Table:
    def column(name: str) -> list[Any]:
        return [getattr(entry, name) for entry in entries]

    made_at = [entry.made_at.astimezone(UTC).replace(tzinfo=None) for entry in entries]
    curves = np.stack([entry.quantiles for entry in entries])
    numbers = [np.array(column(name), dtype=np.float64) for name in _NUMBERS]  # None becomes NaN
    columns = [
        timestamp_array(np.array(made_at, dtype="datetime64[us]")),
        *(text_array(column(name)) for name in _TEXTS),
        *(date_array(np.array(column(name), dtype="datetime64[D]")) for name in _DATES),
        integer_array(np.array(column("horizon"), dtype=np.int64)),
        *(float_array(values, nan_is_null=True) for values in numbers),
        *(float_array(level, nan_is_null=True) for level in curves.T),
    ]
    arrays = [of.cast(field.type) for of, field in zip(columns, _SCHEMA, strict=True)]
    return pa.table(arrays, schema=_SCHEMA)


def _entries(table: pa.Table) -> Iterator[Entry]:
    table = table.combine_chunks()
    columns: dict[str, Sequence[Any]] = {
        **{name: table.column(name).to_pylist() for name in _TEXTS},
        **{name: days(table.column(name)).tolist() for name in _DATES},
        **{name: floats(table.column(name)).tolist() for name in _NUMBERS},
        "horizon": integers(table.column("horizon")).tolist(),
        "quantiles": list(float_rows([table.column(name) for name in _QUANTILES]).T.copy()),
    }
    made_at = integers(table.column("made_at")).view("datetime64[us]").tolist()
    for instant, *values in zip(made_at, *columns.values(), strict=True):
        of = dict(zip(columns, values, strict=True))
        if np.isnan(of["position"]):
            of["position"] = None
        yield Entry(made_at=instant.replace(tzinfo=UTC), **of)
