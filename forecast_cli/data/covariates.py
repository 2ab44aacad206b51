"""Covariates: dated values beside the bars, each with the moment from which on it is known.

    HOME/covariates/name=sentiment/symbol=AAPL/covariates.parquet
    HOME/covariates/name=sentiment/symbol=__HIVE_DEFAULT_PARTITION__/covariates.parquet

The second, which Parquet readers show as a null symbol, holds what concerns every symbol. Written
and read as bars are: atomically, sealed, under a lock.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from forecast_cli.arrays import DateArray1D, FloatArray1D
from forecast_cli.data.arrow import float_array, floats, integers, timestamp_array
from forecast_cli.data.seal import sealed
from forecast_cli.data.store import read_table, refuse_links, write_table
from forecast_cli.errors import BadDataError, MissingInputError, UsageError
from forecast_cli.files import locked
from forecast_cli.symbols import folder_to_symbol, symbol_to_folder

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}\Z", re.ASCII)
_EVERY_SYMBOL: Final = "symbol=__HIVE_DEFAULT_PARTITION__"
_CLOCK_KEY: Final = b"forecast.clock"
_UNITS: Final = {b"session": "D", b"utc": "us"}
_SCHEMA: Final = pa.schema(
    [
        pa.field("available_at", pa.timestamp("us"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Covariate:
    """Values of one name, of one symbol or, without one, of every symbol.

    available_at: shape (n,), ascending, each once. `datetime64[D]`: session dates; the value is
    known at the close of that session of the symbol's exchange. `datetime64[us]`: instants in UTC.
    values: shape (n,), finite.
    """

    name: str
    symbol: str | None
    available_at: DateArray1D
    values: FloatArray1D

    def __len__(self) -> int:
        return len(self.available_at)

    @property
    def by_session(self) -> bool:
        """Whether `available_at` are session dates and no instants."""
        return self.available_at.dtype == np.dtype("datetime64[D]")

    @property
    def label(self) -> str:
        """Name and symbol: `sentiment of AAPL`, `sentiment of every symbol`."""
        return _label(self.name, self.symbol)

    def until(self, last: np.datetime64) -> "Covariate":
        """What was available up to the end of a date."""
        known = self.available_at < last.astype("datetime64[D]") + 1
        return replace(self, available_at=self.available_at[known], values=self.values[known])


def covariate_name(text: str) -> str:
    """A name as it is stored: `Short Interest` becomes `short_interest`.

    Lower case, so that no name is a symbol. Raises UsageError for a name that does not start with a
    letter or is longer than 48 characters.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.strip().lower()).strip("_")
    if not _NAME.match(name):
        raise UsageError(
            f"{text[:60]!a} is not a name for a covariate",
            fix="use 1 to 48 letters, digits and underscores, a letter first",
        )
    return name


def covariate(
    name: str, symbol: str | None, available_at: DateArray1D, values: FloatArray1D
) -> Covariate:
    """Make a covariate of rows in any order; unknown (NaN) values are left out.

    Values of one moment become their mean. Raises UsageError for a name that cannot be one,
    BadDataError for infinite values and where no value is left.
    """
    name = covariate_name(name)
    known = ~np.isnan(values)
    if not known.any():
        raise BadDataError(f"{_owner(name, symbol)} has no value")
    if np.isinf(values).any():
        day = available_at[np.isinf(values)][0]
        raise BadDataError(f"{_owner(name, symbol)}: the value at {day} is not finite")
    moments, group = np.unique(available_at[known], return_inverse=True)
    sums = np.bincount(group, values[known])
    means: FloatArray1D = sums / np.bincount(group)
    return Covariate(name=name, symbol=symbol, available_at=moments, values=means)


class CovariateStore:
    """Reads and writes covariates under one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def path(self, name: str, symbol: str | None) -> Path:
        """Where a covariate lies, whether it exists or not; symbol None: that of every symbol."""
        folder = _EVERY_SYMBOL if symbol is None else symbol_to_folder(symbol)
        return self.home / "covariates" / f"name={name}" / folder / "covariates.parquet"

    def names(self) -> list[str]:
        """All stored names, sorted."""
        found = (self.home / "covariates").glob("name=*/symbol=*/covariates.parquet")
        names = {path.parent.parent.name.removeprefix("name=") for path in found}
        return sorted(name for name in names if _NAME.match(name))

    def symbols(self, name: str) -> list[str | None]:
        """The symbols that a name is stored of, sorted; None, for all symbols, comes first."""
        folder = self.home / "covariates" / f"name={name}"
        found = {path.parent.name for path in folder.glob("symbol=*/covariates.parquet")}
        every: list[str | None] = [None] if _EVERY_SYMBOL in found else []
        one = {folder_to_symbol(text) for text in found - {_EVERY_SYMBOL}}
        return [*every, *sorted(symbol for symbol in one if symbol is not None)]

    def read(self, name: str, symbol: str | None) -> Covariate:
        """One whole covariate.

        Raises MissingInputError when it is not stored, BadDataError when the file is damaged, a
        link or not one of ours, InputOutputError when the disk fails.
        """
        path = self.path(name, symbol)
        if not path.is_file():
            raise MissingInputError(f"{_owner(name, symbol)}: not stored in {self.home}")
        table = read_table(path, _SCHEMA, _owner(name, symbol))
        unit = _UNITS.get((table.schema.metadata or {}).get(_CLOCK_KEY, b""))
        if unit is None:
            raise BadDataError(f"{path}: the clock is missing", fix="fetch the covariate again")
        stamps = integers(table.column("available_at")).view("datetime64[us]")
        return Covariate(
            name=name,
            symbol=symbol,
            available_at=stamps.astype(f"datetime64[{unit}]"),
            values=floats(table.column("value")),
        )

    def write(self, new: Covariate) -> bool:
        """Join values to the stored ones; False, and no write, when nothing changed.

        A value replaces the stored one of the same moment. Raises BadDataError for instants where
        session dates are stored or the other way round, TryAgainError when another run writes here,
        CannotCreateError or InputOutputError when the disk refuses.
        """
        path = self.path(new.name, new.symbol)
        refuse_links(path)
        with locked(path):
            old = self.read(new.name, new.symbol) if path.exists() else None
            joined = new if old is None else _joined(old, new)
            if old is not None and _equal(old, joined):
                return False
            write_table(path, sealed(_table(joined), _owner(new.name, new.symbol)))
            return True


def _joined(old: Covariate, new: Covariate) -> Covariate:
    if old.by_session != new.by_session:
        kinds = ("session dates", "instants")
        raise BadDataError(
            f"{_owner(new.name, new.symbol)}: dated by {kinds[old.by_session]}, and"
            f" {kinds[new.by_session]} are stored",
            fix="give it another name, or remove the stored one",
        )
    kept = ~np.isin(old.available_at, new.available_at)
    moments = np.concatenate([old.available_at[kept], new.available_at])
    order = np.argsort(moments)
    values = np.concatenate([old.values[kept], new.values])
    return replace(new, available_at=moments[order], values=values[order])


def _equal(left: Covariate, right: Covariate) -> bool:
    return np.array_equal(left.available_at, right.available_at) and np.array_equal(
        left.values, right.values
    )


def _table(of: Covariate) -> pa.Table:
    columns = [timestamp_array(of.available_at), float_array(of.values)]
    clock = b"session" if of.by_session else b"utc"
    return pa.table(columns, schema=_SCHEMA).replace_schema_metadata({_CLOCK_KEY: clock})


def _owner(name: str, symbol: str | None) -> str:
    return f"covariate {_label(name, symbol)}"


def _label(name: str, symbol: str | None) -> str:
    return f"{name} of {symbol or 'every symbol'}"
