"""The revisions table: an append-only record of every time that stored history changed.

    HOME/revisions/interval=1d/symbol=%5EGSPC/revisions.parquet

Like `HOME/bars` it reads as one table. A row is one `merge.Revision`: `recorded_at` (UTC), `kind`,
`first`, `last`, `n_rows`, `ratio` (null for `revised`), and `old_sha256` and `new_sha256`, the
`data_hash` of the whole series before and after.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from forecast_cli.data.arrow import text_array
from forecast_cli.data.merge import Revision

REVISIONS_SCHEMA: Final = pa.schema(
    [
        pa.field("recorded_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("first", pa.timestamp("us"), nullable=False),
        pa.field("last", pa.timestamp("us"), nullable=False),
        pa.field("n_rows", pa.int64(), nullable=False),
        pa.field("ratio", pa.float64()),
        pa.field("old_sha256", pa.string(), nullable=False),
        pa.field("new_sha256", pa.string(), nullable=False),
    ]
)


def revisions_table(
    revisions: Sequence[Revision], *, recorded_at: datetime, old_sha256: str, new_sha256: str
) -> pa.Table:
    """The rows of one merge. recorded_at: an instant with its zone."""
    n = len(revisions)
    ratios = [np.nan if found.ratio is None else found.ratio for found in revisions]
    columns = [
        _instants(np.full(n, round(recorded_at.timestamp() * 1e6), dtype="datetime64[us]")),
        text_array([found.kind for found in revisions]),
        _instants(np.array([found.first for found in revisions])),
        _instants(np.array([found.last for found in revisions])),
        pa.array(np.array([found.n_rows for found in revisions], dtype=np.int64)),
        pa.array(np.array(ratios), from_pandas=True),
        text_array([old_sha256] * n),
        text_array([new_sha256] * n),
    ]
    arrays = [of.cast(field.type) for of, field in zip(columns, REVISIONS_SCHEMA, strict=True)]
    return pa.table(arrays, schema=REVISIONS_SCHEMA)


def ends_with(table: pa.Table, *, old_sha256: str, new_sha256: str) -> bool:
    """Whether the newest rows already tell of the step from one series to the other."""
    ends = table.slice(max(0, table.num_rows - 1)).select(["old_sha256", "new_sha256"]).to_pylist()
    return bool(ends == [{"old_sha256": old_sha256, "new_sha256": new_sha256}])


def _instants(values: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> pa.Array:
    return pa.array(values.astype("datetime64[us]"))
