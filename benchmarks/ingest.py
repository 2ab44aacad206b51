"""Price files into the store, beside a pandas script that reads the dates and writes Parquet.

Ours also validates each bar, locks, writes page checksums, fsyncs each file and its folder, and
writes the exchange's calendar; the script does none of that.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.measuring import FOLDER, python, report, time_side_by_side

N_FILES: Final = 500
N_ROWS: Final = 5_000
N_LONG_SYMBOLS: Final = 400
_FIRST_DAY: Final = date(2004, 1, 1)


def ingest(folder: Path) -> None:
    """500 files of 5,000 daily bars, then one file of 2 million rows, 400 symbols below each other.

    Every run has an empty folder of its own: a second fetch of the same bars writes nothing. The
    exchange's calendar is in the user's cache, where the first, unmeasured run has left it.
    """
    many, long = write_many(folder / "many"), write_long(folder / "long.csv")
    for job, source in (
        (f"{N_FILES} files of {N_ROWS:,} rows", many),
        ("one file of 2 M rows", long),
    ):
        home, output = folder / "stores", folder / "parquet"
        home.mkdir(exist_ok=True)
        output.mkdir(exist_ok=True)
        commands = {
            "forecast fetch": python(FOLDER / "fresh_fetch.py", source, home),
            "script: read_csv, to_parquet": python(FOLDER / "pandas_ingest.py", source, output),
        }
        report(f"ingest, {job}", time_side_by_side(commands, home=home))


def write_many(folder: Path) -> Path:
    """One file a symbol in the flat layout of a Yahoo download."""
    folder.mkdir()
    for number in range(N_FILES):
        pa_csv.write_csv(_bars(number), folder / f"C{number:03d}=X.csv", _plain())
    return folder


def write_long(path: Path) -> Path:
    """All symbols in one file, symbol by symbol."""
    parts = []
    for number in range(N_LONG_SYMBOLS):
        symbols = pa.array([f"C{number:03d}=X"] * N_ROWS)
        parts.append(_bars(number).add_column(1, "Symbol", symbols))
    pa_csv.write_csv(pa.concat_tables(parts), path, _plain())
    return path


def _plain() -> pa_csv.WriteOptions:
    return pa_csv.WriteOptions(quoting_style="none")


def _bars(seed: int) -> pa.Table:
    """A random walk with a daily range, prices to six digits as vendors write them."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal(N_ROWS)))
    opens = close * np.exp(0.004 * rng.standard_normal(N_ROWS))
    reach = np.exp(np.abs(0.006 * rng.standard_normal((2, N_ROWS))))
    prices = {
        "Open": opens,
        "High": np.maximum(opens, close) * reach[0],
        "Low": np.minimum(opens, close) / reach[1],
        "Close": close,
        "Adj Close": close * 0.9,
    }
    weekdays = (_FIRST_DAY + timedelta(days=i) for i in range(7 * (N_ROWS // 5 + 1)))
    days = [day for day in weekdays if day.weekday() < 5][:N_ROWS]  # noqa: PLR2004 - Monday to Friday
    return pa.table(
        {
            "Date": pa.array(days),
            **{name: np.round(values, 6) for name, values in prices.items()},
            "Volume": rng.integers(100_000, 10_000_000, N_ROWS),
        }
    )
