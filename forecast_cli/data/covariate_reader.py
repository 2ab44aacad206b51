"""Dated scores of news, sentiment or anything else, from CSV or Parquet.

    available_at,symbol,sentiment
    2024-01-02T15:30:00-05:00,AAPL,0.31

The first column says since when a row is known:

- `available_at` as an instant with its offset from UTC: from then on;
- `available_at` as a date: at the close of that session of the symbol's exchange;
- `date`, which says what a row is about and not when it came: at the close of the day after, or of
  the next session where there is none.

`symbol` may be missing or empty: such a row concerns every symbol. All other columns are numbers.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from forecast_cli.arrays import BoolArray1D, DateArray1D, FloatArray1D
from forecast_cli.data.covariates import Covariate, covariate
from forecast_cli.data.csv_text import check_regular, plain_text, read_limited
from forecast_cli.data.parquet_reader import MAGIC
from forecast_cli.errors import BadDataError, UsageError
from forecast_cli.symbols import parse_symbol

if TYPE_CHECKING:
    import pandas as pd

_DATE: Final = r"\d{4}-\d{2}-\d{2}(?:[T ]00:00(?::00(?:\.0+)?)?)?"
_INSTANT: Final = (
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|UTC|[+-]\d{2}:?\d{2})"
)
_EMPTY: Final = ("", "nan", "null", "na")
_CLOCKS: Final = ("available_at", "date")


def read_covariates(path: Path) -> list[Covariate]:
    """The covariates of a file, one per column and symbol.

    Raises MissingInputError for anything but a regular file, BadDataError, with the row where there
    is one, for whatever is not as described above.
    """
    table = _read(path)
    clock = [name for name in table.columns if name in _CLOCKS]
    numbers = [name for name in table.columns if name not in (*_CLOCKS, "symbol")]
    if not len(table):
        raise BadDataError(f"{path.name}: has no rows")
    if len(clock) != 1 or not numbers:
        raise BadDataError(
            f"{path.name}: has the columns {', '.join(table.columns)}; expected one of"
            " available_at and date, symbol if there are several, and columns of numbers",
            fix="name the column of times available_at, or date if it is only what a row is about",
        )
    moments = _moments(table[clock[0]], path.name, clock[0])
    symbols = _symbols(table, path.name)
    found = []
    for name in numbers:
        values = _numbers(table[name], path.name)
        for symbol in sorted(set(symbols)):
            rows = np.equal(symbols, symbol)
            if not np.isnan(values[rows]).all():
                found.append(_one(name, symbol, moments[rows], values[rows], path.name))
    if not found:
        raise BadDataError(f"{path.name}: no row has a value")
    return found


def _one(
    name: str, symbol: str, moments: DateArray1D, values: FloatArray1D, source: str
) -> Covariate:
    try:
        return covariate(name, symbol or None, moments, values)
    except (BadDataError, UsageError) as error:
        raise BadDataError(f"{source}: {error.message}", fix=error.fix) from error


def _symbols(table: "pd.DataFrame", source: str) -> list[str]:
    """The symbol of each row; empty for every symbol."""
    if "symbol" not in table.columns:
        return [""] * len(table)
    texts = table["symbol"].str.strip()
    try:
        known = {text: parse_symbol(text) if text else "" for text in set(texts)}
    except UsageError as error:
        raise BadDataError(f"{source}: {error.message}", fix=error.fix) from error
    return [known[text] for text in texts]


def _read(path: Path) -> "pd.DataFrame":
    """Every cell as text, column names in lower case."""
    import pandas as pd  # noqa: PLC0415 - a slow import; only here

    check_regular(path)
    try:
        with path.open("rb") as file:
            raw = read_limited(file, path.name)
        if raw.startswith(MAGIC):
            table = pd.read_parquet(io.BytesIO(raw))
        else:
            text = io.BytesIO(plain_text(raw, path.name))
            table = pd.read_csv(text, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:100]
        raise BadDataError(f"{path.name}: cannot be read as a table ({reason})") from error
    names = [str(name).strip().lower() for name in table.columns]
    if len(set(names)) != len(names):
        raise BadDataError(f"{path.name}: two columns have one name ({', '.join(names)})")
    table.columns = pd.Index(names)
    return table.astype(object).where(table.notna(), "").astype(str)


def _moments(texts: "pd.Series", source: str, clock: str) -> DateArray1D:
    """Session dates, or instants in UTC, at which each row is known."""
    import pandas as pd  # noqa: PLC0415 - see `_read`

    texts = texts.str.strip()
    dates = texts.str.fullmatch(_DATE).to_numpy(dtype=bool)
    instants = texts.str.fullmatch(_INSTANT).to_numpy(dtype=bool)
    by_instant = clock == "available_at" and bool(instants[0])
    odd = ~(instants if by_instant else dates)
    if odd.any():
        expected = "a date such as 2024-01-02"
        if clock == "available_at":
            expected += " or an instant such as 2024-01-02T15:30:00-05:00, the same in every row"
        raise BadDataError(
            f"{source}: {_row(texts, odd)} in {clock} is not what was expected: {expected}",
            fix="write every time with its offset from UTC, or dates only",
        )
    try:
        parsed = pd.to_datetime(texts, format="ISO8601", utc=True)
    except ValueError as error:
        raise BadDataError(f"{source}: {clock}: {str(error)[:100]}") from error
    moments: DateArray1D = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    if by_instant:
        return moments
    days: DateArray1D = moments.astype("datetime64[D]")
    return days if clock == "available_at" else days + 1


def _numbers(texts: "pd.Series", source: str) -> FloatArray1D:
    import pandas as pd  # noqa: PLC0415 - see `_read`

    values: FloatArray1D = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    odd = np.isnan(values) & ~texts.str.strip().str.lower().isin(_EMPTY).to_numpy()
    if odd.any():
        raise BadDataError(
            f"{source}: {_row(texts, odd)} in {texts.name} is not a number",
            fix="correct the cell, or leave the column out",
        )
    return values


def _row(texts: "pd.Series", odd: BoolArray1D) -> str:
    row = int(np.flatnonzero(odd)[0])
    return f"row {row + 1}: {str(texts.iloc[row])[:40]!r}"
