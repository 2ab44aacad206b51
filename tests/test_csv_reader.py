"""Reading CSV files of daily bars: every layout right, every broken file refused in a sentence."""

import gzip
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_cli.data.reader import read_bytes
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.errors import BadDataError

TODAY = date(2024, 12, 31)

HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
ROWS = (
    "2024-03-07,99.5,101.0,99.0,100.0,99.0,1000",
    "2024-03-08,100.5,102.0,100.0,101.0,99.99,1001",
    "2024-03-11,101.5,103.0,101.0,102.0,100.98,1002",
)
FLAT = "\n".join([HEADER, *ROWS, ""])

TWO_SYMBOLS = """\
,Adj Close,Adj Close,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume
,AAPL,VOD.L,AAPL,VOD.L,AAPL,VOD.L,AAPL,VOD.L,AAPL,VOD.L,AAPL,VOD.L
Date,,,,,,,,,,,,
2024-03-07,99.0,49.0,100.0,50.0,101.0,51.0,99.0,49.0,99.5,49.5,1000,2000
2024-03-08,99.99,,101.0,,102.0,,100.0,,100.5,,1001,
"""
BY_TICKER = """\
Ticker,VOD.L,VOD.L,VOD.L,VOD.L,VOD.L,AAPL,AAPL,AAPL,AAPL,AAPL
Price,Open,High,Low,Close,Volume,Open,High,Low,Close,Volume
Date,,,,,,,,,,
2024-03-07,49.5,51.0,49.0,50.0,2000,99.5,101.0,99.0,100.0,1000
"""
LONG = """\
Volume,Close,Low,High,Open,Date,Ticker
1000,100.0,99.0,101.0,99.5,2024-03-07,AAPL
2000,50.0,49.0,51.0,49.5,2024-03-07,VOD.L
1001,101.0,100.0,102.0,100.5,2024-03-08,aapl
"""
THREE_LINES = """\
Price,Close,High,Low,Open,Volume
Ticker,AAPL,AAPL,AAPL,AAPL,AAPL
Date,,,,,
2024-03-07,99.0,99.99,98.01,98.505,1000
2024-03-08,99.99,100.98,99.0,99.495,1001
"""


def read(text: str | bytes, *, date_format: str | None = None) -> dict[str, ReadSeries]:
    """All symbols of a text, by name; raises the first refusal."""
    raw = text if isinstance(text, bytes) else text.encode()
    found = {}
    options = ReadOptions(date_format=date_format)
    parts = read_bytes(raw, source="x.csv", symbol="X", today=TODAY, options=options)
    for part in parts:
        if isinstance(part, RefusedSeries):
            raise part.error
        found[part.bars.symbol] = part
    return found


def codes(series: ReadSeries) -> list[str]:
    """The kinds of findings."""
    return [finding.code for finding in series.findings]


def test_flat_file() -> None:
    """The classic layout: Close split-adjusted, Adj Close kept apart, actions unknown."""
    one = read(FLAT)["X"]
    assert one.layout == "one header line"
    assert one.bars.price_basis == "split_adjusted"
    assert [str(day) for day in one.bars.timestamp] == ["2024-03-07", "2024-03-08", "2024-03-11"]
    np.testing.assert_array_equal(one.bars.close, [100, 101, 102])
    np.testing.assert_array_equal(one.bars.adj_close, [99, 99.99, 100.98])
    np.testing.assert_array_equal(one.bars.volume, [1000, 1001, 1002])
    assert np.isnan(one.bars.dividends).all()
    assert not one.findings


@pytest.mark.parametrize(
    ("text", "closes", "basis"),
    [
        (TWO_SYMBOLS, {"AAPL": [100, 101], "VOD.L": [50]}, "split_adjusted"),
        (BY_TICKER, {"AAPL": [100], "VOD.L": [50]}, "adjusted"),
        (LONG, {"AAPL": [100, 101], "VOD.L": [50]}, "unknown"),
        (THREE_LINES, {"AAPL": [99, 99.99]}, "adjusted"),
        ("Date,SP500\n2024-03-07,1\n2024-03-08,2\n", {"SP500": [1, 2]}, "unknown"),
        ("Date,A,B\n2024-03-07,1,3\n2024-03-08,2,\n", {"A": [1, 2], "B": [3]}, "unknown"),
    ],
)
def test_layouts(text: str, closes: dict[str, list[float]], basis: str) -> None:
    """Each symbol gets its own columns, rows and price basis."""
    found = read(text)
    assert {name: one.bars.close.tolist() for name, one in found.items()} == closes
    assert {one.bars.price_basis for one in found.values()} == {basis}


def test_column_order_does_not_matter() -> None:
    """Columns are read by name: a shuffled file gives the same bars."""
    cells = [line.split(",") for line in FLAT.splitlines()]
    shuffled = "\n".join(",".join(line[i] for i in (6, 2, 0, 5, 4, 1, 3)) for line in cells)
    straight, other = read(FLAT)["X"].bars, read(shuffled)["X"].bars
    np.testing.assert_array_equal(straight.open, other.open)
    np.testing.assert_array_equal(straight.adj_close, other.adj_close)
    np.testing.assert_array_equal(straight.timestamp, other.timestamp)


@pytest.mark.parametrize("stamp", ["{} 00:00:00+08:00", "{} 00:00:00-05:00", "{}T00:00:00Z"])
def test_daily_bars_keep_their_calendar_day(stamp: str) -> None:
    """East of Greenwich a day must not become the day before."""
    rows = [f"{stamp.format(day)},1" for day in ("2022-01-03", "2022-01-04")]
    bars = read("\n".join(["Datetime,Close", *rows]))["X"].bars
    assert [str(day) for day in bars.timestamp] == ["2022-01-03", "2022-01-04"]


def test_summer_time_changes_the_offset_only() -> None:
    """Several offsets in one file are one calendar."""
    text = "Date,Close\n2024-03-08 00:00:00-05:00,1\n2024-03-11 00:00:00-04:00,2\n"
    assert [str(day) for day in read(text)["X"].bars.timestamp] == ["2024-03-08", "2024-03-11"]


def test_date_format() -> None:
    """Other dates than ISO are read by an explicit format, never guessed."""
    bars = read("Date,Close\n1/4/1999,1\n1/5/1999,2\n", date_format="%m/%d/%Y")["X"].bars
    assert [str(day) for day in bars.timestamp] == ["1999-01-04", "1999-01-05"]


def test_actions() -> None:
    """Dividends and splits are kept where the file has them; without Adj Close: adjusted."""
    text = (
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits,Capital Gains,Repaired?\n"
        "2024-03-07,1,1,1,1,0,0,0,0,True\n2024-03-08,1,1,1,1,0,0.24,2,0,False\n"
    )
    one = read(text)["X"]
    assert one.bars.price_basis == "adjusted"
    np.testing.assert_array_equal(one.bars.dividends, [0, 0.24])
    np.testing.assert_array_equal(one.bars.splits, [0, 2])
    assert codes(one) == ["repaired_rows"]


def test_close_only() -> None:
    """Without open, high and low they are the close, and the user is told."""
    one = read("Date,Close\n2024-03-07,10\n2024-03-08,11\n")["X"]
    np.testing.assert_array_equal(one.bars.high, [10, 11])
    np.testing.assert_array_equal(one.bars.volume, [0, 0])
    assert codes(one) == ["price_basis_unknown", "close_only"]


@pytest.mark.parametrize("null", ["null", "", "N/A", "-", ".", "NaN"])
def test_rows_without_prices_are_dropped_and_counted(null: str) -> None:
    """Holidays and failed days carry no price; what a vendor writes there does not matter."""
    text = f"{FLAT}2024-03-12,{','.join([null] * 5)},0\n"
    one = read(text)["X"]
    assert len(one.bars) == 3
    assert [(f.code, f.n_rows) for f in one.findings] == [("empty_rows", 1)]


def test_failed_symbol_does_not_cost_the_others() -> None:
    """A symbol whose cells are all blank is refused by name; price basis is judged per symbol."""
    text = "Price,Adj Close,Close,Close\nTicker,NOPE,AAPL,NOPE\nDate,,,\n2024-03-07,,99.0,\n"
    nope, aapl = read_bytes(text.encode(), source="x.csv", today=TODAY)
    assert isinstance(nope, RefusedSeries)
    assert nope.name == "NOPE"
    assert "no row has a price" in nope.error.message
    assert isinstance(aapl, ReadSeries)
    assert aapl.bars.price_basis == "adjusted"


def test_last_day_twice() -> None:
    """Vendors append the newer state of the last day: the later row counts (D2)."""
    one = read(f"{FLAT}2024-03-11,101.5,103.0,101.0,102.5,101.0,2000\n")["X"]
    assert one.bars.close.tolist() == [100, 101, 102.5]
    assert codes(one) == ["last_day_twice"]


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("\n".join([HEADER, *reversed(ROWS), ""]), ["newest_first"]),
        ("\n".join([HEADER, *ROWS, ROWS[-1], ""]), ["duplicate_bar"]),
        (FLAT.rstrip(), ["no_final_newline"]),
    ],
)
def test_findings(text: str, findings: list[str]) -> None:
    """What does not stop a series is reported."""
    assert codes(read(text)["X"]) == findings


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + FLAT.encode(),
        FLAT.replace("\n", "\r\n").encode(),
        FLAT.replace("\n", "\r").encode(),
        FLAT.replace("\n", "\n\n").encode(),
        ("\n\n" + FLAT).encode(),
        gzip.compress(FLAT.encode()),
        FLAT.replace("100.0", '"100.0"').encode(),
        FLAT.replace("1000\n", "1000.0\n").encode(),
    ],
)
def test_harmless_variants(raw: bytes) -> None:
    """Byte order mark, line ends, blank lines, quotes and gzip change nothing (#3, 7, 12, 45)."""
    assert read(raw)["X"].bars.close.tolist() == [100, 101, 102]


def test_bad_symbol_in_a_table_costs_only_itself() -> None:
    """A name that is no symbol is a fault of the file and of one series."""
    text = "Date,Ticker,Close\n2024-03-07,A,1\n2024-03-07,../etc,1\n"
    good, bad = read_bytes(text.encode(), source="x.csv", today=TODAY)
    assert isinstance(good, ReadSeries)
    assert isinstance(bad, RefusedSeries)
    assert isinstance(bad.error, BadDataError)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.dates(date(1990, 1, 1), date(2024, 1, 1)), st.floats(1e-3, 1e6)),
        min_size=1,
        max_size=3,
        unique_by=lambda row: row[0],
    )
)
def test_numbers_come_back_exactly(rows: list[tuple[date, float]]) -> None:
    """parse(format(x)) is x, for dates and prices (property 4)."""
    text = "Date,Close\n" + "".join(f"{day},{price!r}\n" for day, price in sorted(rows))
    bars = read(text)["X"].bars
    assert list(zip(bars.timestamp.tolist(), bars.close.tolist(), strict=True)) == sorted(rows)
