"""Reading a user's own Parquet files."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_cli.data.reader import read_each, read_file
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.errors import BadDataError

TODAY = date(2024, 12, 31)
OPENING = datetime(2024, 3, 7, 9, 30)  # noqa: DTZ001 - without a zone on purpose
DAYS = [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)]
PRICES = {
    "Open": [99.5, 100.5, 101.5],
    "High": [101.0, 102.0, 103.0],
    "Low": [99.0, 100.0, 101.0],
    "Close": [100.0, 101.0, 102.0],
    "Volume": [1000, 1001, 1002],
}


def save(folder: Path, columns: dict[str, Any]) -> Path:
    """A Parquet file named AAPL."""
    path = folder / "AAPL.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def at_midnight(zone: str | None = None, unit: str = "ns") -> Any:  # noqa: ANN401 - pyarrow has no types
    """The three days as stamps."""
    stamps = pa.array([datetime(d.year, d.month, d.day) for d in DAYS], pa.timestamp(unit))  # noqa: DTZ001
    if zone is None:
        return stamps
    import pyarrow.compute as pc  # noqa: PLC0415 - used here only

    return pc.assume_timezone(stamps, zone)


@pytest.mark.parametrize(
    "dates",
    [
        {"Date": DAYS},
        {"date": [str(day) for day in DAYS]},
        {"timestamp": at_midnight()},
        {"Date": at_midnight("America/New_York")},
        {"Date": at_midnight("Asia/Tokyo", "us")},
        {"__index_level_0__": at_midnight()},
        {"Date": DAYS, "__index_level_0__": [0, 1, 2]},
        {"Date": pa.array([str(day) for day in DAYS]).dictionary_encode()},
        {"Date": pa.array(DAYS, pa.date64())},
    ],
)
def test_flat_file(tmp_path: Path, dates: dict[str, Any]) -> None:
    """Dates of any kind keep their calendar day; the symbol is the file's name."""
    (one,) = read_file(save(tmp_path, PRICES | dates), today=TODAY)
    assert one.bars.symbol == "AAPL"
    assert one.bars.timestamp.tolist() == DAYS
    assert one.bars.close.tolist() == PRICES["Close"]
    assert one.bars.price_basis == "unknown"


def test_long_file(tmp_path: Path) -> None:
    """A symbol column cuts the table; column order, case and type of number do not matter."""
    columns = {
        "ticker": pa.array(["MSFT", "AAPL", "MSFT"]).dictionary_encode(),
        "close": pa.array([Decimal("1.5"), Decimal("2.5"), Decimal("3.5")]),
        "adj close": pa.array([1, 2, 3], pa.int32()),
        "date": DAYS,
    }
    msft, aapl = read_file(save(tmp_path, columns), today=TODAY)
    assert (msft.bars.symbol, aapl.bars.symbol) == ("MSFT", "AAPL")
    assert msft.bars.close.tolist() == [1.5, 3.5]
    assert aapl.bars.adj_close.tolist() == [2.0]
    assert msft.bars.price_basis == "split_adjusted"


def test_bad_rows_cost_their_symbol_only(tmp_path: Path) -> None:
    """A partly missing bar is refused with its row, the other symbols are read."""
    columns = PRICES | {"Open": [None, 1.0, 1.0], "Date": DAYS, "Ticker": ["A", "B", "B"]}
    bad, good = read_each(save(tmp_path, columns), today=TODAY)
    assert isinstance(bad, RefusedSeries)
    assert "row 1 (2024-03-07), column open: nan is missing" in bad.error.message
    assert isinstance(good, ReadSeries)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (PRICES, "no date column in the header"),
        ({"Date": DAYS, "Open": [1.0] * 3}, "no column Close or High or Low"),
        (PRICES | {"Date": DAYS, "close": [1.0] * 3}, "two columns for close"),
        (PRICES | {"Date": DAYS, "Close": ["1"] * 3}, "of type string, expected numbers"),
        (PRICES | {"Date": DAYS, "Close": [[1.0]] * 3}, "expected numbers"),
        (PRICES | {"Date": [20240307, 20240308, 20240311]}, "of type int64, expected dates"),
        (PRICES | {"Date": [*DAYS[:2], None]}, "row 3: the date is missing"),
        (PRICES | {"Date": ["1/4/1999"] * 3}, "ambiguous"),
        (
            PRICES | {"Date": [OPENING] * 3},
            "row 1: .* is a time of day without a zone",
        ),
        (PRICES | {"Date": DAYS, "Close": [-1.0] * 3}, "not above 0"),
        ({"Date": pa.array([], pa.date32()), "Close": pa.array([], pa.float64())}, "no rows"),
    ],
)
def test_refusals(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    """A table that is not one row per daily bar is refused with the reason."""
    with pytest.raises(BadDataError, match=message):
        read_file(save(tmp_path, columns), today=TODAY)


def test_row_bomb_is_refused_before_any_page(tmp_path: Path) -> None:
    """A small file may declare millions of equal rows (#54)."""
    n_rows = 5_000_000
    path = save(tmp_path, {"Date": pa.array(np.zeros(n_rows, dtype="datetime64[D]"))})
    with pytest.raises(BadDataError, match="declares 5,000,000 rows"):
        read_file(path, today=TODAY)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PARE" * 10, b"Date,Close\n", b"PAR1" * 100])
def test_not_parquet(tmp_path: Path, content: bytes) -> None:
    """Other bytes under the name of a Parquet file are no crash (#47, 50-52)."""
    path = tmp_path / "A.parquet"
    path.write_bytes(content)
    with pytest.raises(BadDataError, match="cannot be read as Parquet"):
        read_file(path, today=TODAY)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_a_clean_error_or_no_damage(tmp_path: Path, data: st.DataObject) -> None:
    """Cut or changed bytes never escape as another exception (#48, 49, 53)."""
    path = save(tmp_path, PRICES | {"Date": DAYS})
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(len(content) - 20, len(content)))])
    try:
        read_each(path, today=TODAY)
    except BadDataError:
        return


def frame(names: list[str | None], index: str | None) -> pd.DataFrame:
    """Two symbols side by side, one of them called LOW, as yfinance returns them."""
    fields = ("Close", "High", "Low", "Open", "Adj Close")
    pairs = [(field, symbol) for field in fields for symbol in ("AAPL", "LOW")]
    rows = [[100.0 + day + 10 * (symbol == "LOW") for _, symbol in pairs] for day in range(3)]
    days = pd.DatetimeIndex(DAYS, name=index)
    return pd.DataFrame(rows, index=days, columns=pd.MultiIndex.from_tuples(pairs, names=names))


@pytest.mark.parametrize("names", [["Price", "Ticker"], [None, None]])
@pytest.mark.parametrize("index", ["Date", None])
@pytest.mark.parametrize("shape", ["wide", "by ticker", "counted", "long", "reset long"])
def test_frames_of_yfinance(
    tmp_path: Path, names: list[str | None], index: str | None, shape: str
) -> None:
    """Two-level columns or long tables, the index named or not, in it or beside it."""
    wide = frame(names, index)
    named = frame(["Price", "Ticker"], "Date")
    shapes: dict[str, Callable[[], pd.DataFrame]] = {
        "wide": lambda: wide,
        "by ticker": lambda: wide.swaplevel(axis=1).sort_index(axis=1),
        "counted": lambda: wide.rename_axis(index="Date").reset_index(),
        "long": lambda: pd.DataFrame(wide.stack(level=1)),  # noqa: PD013 - as users of yfinance do
        "reset long": lambda: named.stack(level=1).reset_index(),  # noqa: PD013 - the same
    }
    shapes[shape]().to_parquet(tmp_path / "x.parquet")
    aapl, low = sorted(read_file(tmp_path / "x.parquet", today=TODAY), key=lambda p: p.bars.symbol)
    assert (aapl.bars.symbol, low.bars.symbol) == ("AAPL", "LOW")
    assert aapl.bars.timestamp.tolist() == low.bars.timestamp.tolist() == DAYS
    assert aapl.bars.close.tolist() == [100, 101, 102]
    assert low.bars.open.tolist() == [110, 111, 112]
    assert low.bars.price_basis == "split_adjusted"


def test_table_of_closes(tmp_path: Path) -> None:
    """One column per symbol, as in a CSV."""
    save(tmp_path, {"Date": DAYS, "SP500": [1.0, 2.0, 3.0], "LOW": [4.0, 5.0, 6.0]})
    parts = read_file(tmp_path / "AAPL.parquet", today=TODAY)
    assert [part.bars.symbol for part in parts] == ["SP500", "LOW"]
    assert parts[1].bars.close.tolist() == [4, 5, 6]


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"])
def test_intraday_frame(tmp_path: Path, zone: str) -> None:
    """Stamps with a zone of any kind are instants; those of winter and summer differ by an hour."""
    local = pd.DatetimeIndex(["2024-03-08 14:30", "2024-03-08 15:30", "2024-03-11 09:30"])
    index = local.tz_localize("America/New_York").tz_convert(zone).rename("Datetime")
    pd.DataFrame({"Close": [1.0, 2.0, 3.0]}, index=index).to_parquet(tmp_path / "AAPL.parquet")
    (part,) = read_file(tmp_path / "AAPL.parquet", today=TODAY)
    assert (part.bars.interval, part.bars.zone) == ("1h", "America/New_York")
    starts = ["2024-03-08T19:30:00", "2024-03-08T20:30:00", "2024-03-11T13:30:00"]
    assert [str(start) for start in part.bars.timestamp] == starts


def test_naive_intraday_stamps(tmp_path: Path) -> None:
    """They take the zone that is given for them."""
    stamps = [OPENING, OPENING.replace(minute=45), OPENING.replace(hour=10, minute=0)]
    path = save(tmp_path, PRICES | {"Datetime": stamps})
    options = ReadOptions(zone=ZoneInfo("America/New_York"))
    (part,) = read_file(path, today=TODAY, options=options)
    assert (part.bars.interval, str(part.bars.timestamp[0])) == ("15m", "2024-03-07T14:30:00")


def test_extra_column(tmp_path: Path) -> None:
    """A column asked for by name is kept with the session at whose close it is known."""
    path = save(tmp_path, PRICES | {"Date": DAYS, "Sentiment": [0.1, None, 0.3]})
    (part,) = read_file(path, today=TODAY, options=ReadOptions(keep=("sentiment",)))
    (kept,) = part.covariates
    assert (kept.name, kept.symbol) == ("sentiment", "AAPL")
    assert kept.available_at.tolist() == [DAYS[0], DAYS[2]]
    np.testing.assert_array_equal(kept.values, [0.1, 0.3])


def test_symbols_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    """58: a nested column where the symbols should stand."""
    path = tmp_path / "X.parquet"
    columns = {"Date": ["2024-03-07", "2024-03-08"], "Ticker": [[1.0], [2.0]], "Close": [1.0, 3.0]}
    pq.write_table(pa.table(columns), path)
    with pytest.raises(BadDataError, match=r'symbols holds "list<.*>", not texts'):
        read_file(path, today=date(2024, 12, 31))
