"""The seal of a stored table: a SHA-256 of its values, kept in the table's own metadata.

Parquet's page checksums cover the pages, but neither the headers of the pages nor the footer: a
flipped bit there may turn prices into other prices without any error. The seal covers what a reader
gets in the end, and being part of the same file it cannot get out of step with it.
"""

import hashlib
from itertools import compress
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa

from forecast_cli.arrays import FloatArray1D, FloatArray2D
from forecast_cli.data.arrow import ArrowColumn, float_rows, floats, integers

AnyFloats = TypeVar("AnyFloats", FloatArray1D, FloatArray2D)
_KEY: Final = b"forecast.sha256"


def sealed(table: pa.Table, owner: str) -> pa.Table:
    """The table with its seal. owner: what the table is, so that no other can stand in for it."""
    metadata = dict(table.schema.metadata or {})
    return table.replace_schema_metadata(metadata | {_KEY: _digest(table, owner)})


def is_intact(table: pa.Table, owner: str) -> bool:
    """Whether a table that was read is the one that was sealed."""
    return (table.schema.metadata or {}).get(_KEY) == _digest(table, owner)


def sealed_as(table: pa.Table) -> str:
    """The seal of a table that has one, 64 hexadecimal digits."""
    seal: bytes = table.schema.metadata[_KEY]
    return seal.decode()


def _digest(table: pa.Table, owner: str) -> bytes:
    metadata = {key: text for key, text in (table.schema.metadata or {}).items() if key != _KEY}
    digest = hashlib.sha256(repr((owner, table.num_rows, sorted(metadata.items()))).encode())
    singles = [pa.types.is_float32(field.type) for field in table.schema]
    together = list(compress(table.columns, singles))
    rows = iter(_one_nan(float_rows(together)) if together else ())
    for field, column, single in zip(table.schema, table.columns, singles, strict=True):
        digest.update(f"|{field.name}|{field.type}|".encode())
        digest.update(next(rows).data if single else _content(column))
    return digest.hexdigest().encode()


def _content(column: ArrowColumn) -> bytes | memoryview:
    """The values as bytes; null and every NaN are one NaN, as the readers of the store have it."""
    if pa.types.is_string(column.type):
        return repr(column.to_pylist()).encode()
    if pa.types.is_floating(column.type):
        return _one_nan(floats(column)).data
    return integers(column).data


def _one_nan(values: AnyFloats) -> AnyFloats:
    unknown = np.isnan(values)
    return np.where(unknown, np.nan, values) if unknown.any() else values
