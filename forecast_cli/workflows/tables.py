"""Results as tables of other libraries, each imported when it is asked for."""

import csv
import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Tabular(ABC):
    """A result that is made of flat rows."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per row, all with the same keys in the same order."""

    def to_arrow(self) -> "pa.Table":
        """The rows as an Arrow table; raises IndexError where there are none."""
        return to_arrow(self.rows())

    def to_pandas(self) -> "pd.DataFrame":
        """The rows as a pandas frame, dates as datetime64; raises as `to_arrow`."""
        frame: pd.DataFrame = self.to_arrow().to_pandas(date_as_object=False)
        return frame


def to_arrow(rows: list[dict[str, Any]]) -> "pa.Table":
    """An Arrow table of some rows, at least one.

    It takes the way through CSV, since building Arrow arrays from Python values imports pandas.
    """
    import pyarrow as pa  # noqa: PLC0415 - see the module's first line
    from pyarrow import csv as arrow_csv  # noqa: PLC0415

    types = {name: pa.string() for name, value in rows[0].items() if isinstance(value, str)}
    types |= {name: pa.float64() for name, value in rows[0].items() if value is None}
    options = arrow_csv.ConvertOptions(column_types=types)
    return arrow_csv.read_csv(io.BytesIO(to_csv(rows).encode()), convert_options=options)


def to_csv(rows: list[dict[str, Any]]) -> str:
    """CSV text with a header; empty without rows."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
