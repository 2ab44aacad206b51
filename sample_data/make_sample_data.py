# ruff: noqa: INP001 - a script beside its output, no package
"""Write the sample price files of this folder from two packages that ship real market data.

Run it with `arch` 8 and `bokeh-sampledata` 2026.1 installed (dependency group `sample-data`):
`python sample_data/make_sample_data.py`. Nothing is downloaded, no number is
changed, and the same packages give the same bytes.
"""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
FLAT: Final = ("Open", "High", "Low", "Close", "Adj Close", "Volume")
ALPHABETICAL: Final = tuple(sorted(FLAT))

Table = dict[str, list[Any]]
"""Column name to values; `Date` holds ISO text."""


def main() -> None:
    """Write the six files."""
    write_flat(FOLDER / "^GSPC.csv", index_table("sp500"))
    write_three_lines(FOLDER / "^IXIC.csv", "^IXIC", index_table("nasdaq"))
    for symbol in ("AAPL", "IBM", "MSFT"):
        write_flat(FOLDER / f"{symbol}.csv", stock_table(symbol))
    write_three_lines(FOLDER / "GOOG.csv", "GOOG", stock_table("GOOG"))


def index_table(name: str) -> Table:
    """An index from the package arch."""
    from arch.data import nasdaq, sp500  # noqa: PLC0415 - only this function needs the package

    loaders: dict[str, Callable[[], Any]] = {"sp500": sp500.load, "nasdaq": nasdaq.load}
    frame = loaders[name]()
    table: Table = {column: frame[column].tolist() for column in FLAT}
    table["Date"] = [day.date().isoformat() for day in frame.index]
    return table


def stock_table(symbol: str) -> Table:
    """A stock from the package bokeh_sampledata."""
    from bokeh_sampledata import stocks  # noqa: PLC0415 - only this function needs the package

    columns = getattr(stocks, symbol)
    table: Table = {name: columns[name.lower().replace(" ", "_")] for name in FLAT}
    table["Date"] = columns["date"]
    return table


def write_flat(path: Path, table: Table) -> None:
    """The classic layout: one header line, split into `Date,Open,...,Adj Close,Volume`."""
    write(path, [("Date", *FLAT)], table, FLAT)


def write_three_lines(path: Path, symbol: str, table: Table) -> None:
    """The layout of yfinance since 2024: three header lines and alphabetical columns."""
    width = len(ALPHABETICAL)
    header = [("Price", *ALPHABETICAL), ("Ticker", *[symbol] * width), ("Date", *[""] * width)]
    write(path, header, table, ALPHABETICAL)


def write(
    path: Path, header: Iterable[tuple[str, ...]], table: Table, columns: tuple[str, ...]
) -> None:
    """Write header lines and rows; floats in their shortest exact form."""
    with path.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(header)
        writer.writerows(zip(table["Date"], *(table[column] for column in columns), strict=True))


if __name__ == "__main__":
    main()
