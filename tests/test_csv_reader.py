"""Reading CSV files of daily bars: every layout right, every broken file refused in one sentence."""

import gzip
import os
import stat
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecast_cli.data.reader import read_bytes, read_each, read_file, symbol_of
from forecast_cli.data.series import ReadSeries, RefusedSeries
from forecast_cli.errors import BadDataError, ForecastError, MissingInputError

TODAY = date(2024, 12, 31)
SHARED = Path(__file__).parents[2] / "shared" / "reference" / "csv_layouts"

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
BACK_ADJUSTED = """\
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2024-03-07,98.505,99.99,98.01,100.0,1000,0.0,0.0
2024-03-08,99.495,100.98,99.0,101.0,1001,0.0,0.0
2024-03-11,100.485,101.97,99.99,102.0,1002,0.24,0.0
"""


def read(text: str | bytes, *, date_format: str | None = None) -> dict[str, ReadSeries]:
    """All symbols of a text, by name; raises the first refusal."""
    raw = text if isinstance(text, bytes) else text.encode()
    found = {}
    parts = read_bytes(raw, source="x.csv", symbol="X", today=TODAY, date_format=date_format)
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
    one = read("Date,Close\n2024-03-07,1\n2024-03-08,2\n")["X"]
    np.testing.assert_array_equal(one.bars.high, [1, 2])
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
    text = (
        "Price,Adj Close,Close,Close\nTicker,NOPE,AAPL,NOPE\nDate,,,\n2024-03-07,,99.0,\n"
    )
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
        ("\n".join([HEADER, *reversed(ROWS)]), ["newest_first"]),
        ("\n".join([HEADER, *ROWS, ROWS[-1]]), ["duplicate_bar"]),
        (FLAT.replace("102.0,100.0,101.0", "100.9,100.0,101.0"), ["range_violation"]),
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
        FLAT.rstrip().encode(),
        FLAT.replace("\n", "\n\n").encode(),
        ("\n\n" + FLAT).encode(),
        gzip.compress(FLAT.encode()),
        FLAT.replace("100.0", '"100.0"').encode(),
        FLAT.replace("1000\n", "1000.0\n").encode(),
    ],
)
def test_harmless_variants(raw: bytes) -> None:
    """Byte order mark, line ends, blank lines, quotes and gzip change nothing (#3, 7, 8, 12, 45)."""
    assert read(raw)["X"].bars.close.tolist() == [100, 101, 102]


def changed(old: str, new: str) -> str:
    """The flat file with one piece replaced."""
    assert old in FLAT
    return FLAT.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("\n \n", "empty file"),
        (HEADER + "\n", "no rows"),
        (FLAT.encode("utf-16"), "UTF-16"),
        (changed("101.0,99.0", "1\xe91.0,99.0").encode("latin-1"), r'High: "1\\xe91.0" is not a number'),
        (changed("101.0,99.0", "101\0.0,99.0"), "line 2 holds a NUL byte"),
        (FLAT + "2024-03-12,100.5,10", "line 5 has 3 cells, the header has 7"),
        (changed("1000\n", "1000,\n"), "line 2 has 8 cells"),
        (changed("100.0,99.0", '"1,000",99.0'), 'line 2, column Close: "1,000" is not a number'),
        (changed("100.0,99.0", "$100,99.0"), r'column Close: "\$100" is not a number'),
        (changed("100.0,99.0", "(100),99.0"), "is not a number"),
        (changed("100.0,99.0", "１00,99.0"), r'"\\uff1100" is not a number'),
        (changed("100.0,99.0", "0x64,99.0"), 'line 2, column Close: "0x64" is not a number'),
        (changed("100.0,99.0", "inf,99.0"), 'line 2, column Close: "inf" is not finite'),
        (changed("100.0,99.0", "1e400,99.0"), 'line 2, column Close: "1e400" is not finite'),
        (changed("100.0,99.0", "1e-400,99.0"), "is not above 0"),
        (changed("100.0,99.0", "-37.63,99.0"), 'line 2, column Close: "-37.63" is not above 0'),
        (changed("100.0,99.0", "null,99.0"), 'line 2, column Close: "null" is missing while'),
        (changed("100.0,99.0", ",99.0"), 'line 2, column Close: "" is missing while'),
        (changed("1001", "-1"), 'line 3, column Volume: "-1" is negative'),
        (changed("2024-03-08", "2024-03-07"), "two different bars for the same date on 2024-03-07"),
        (changed("2024-03-11", "2025-03-11"), "in the future on 2025-03-11"),
        (changed("2024-03-08", "2024-02-30"), 'line 3, column Date: "2024-02-30" is not a date'),
        (changed("2024-03-08", "03/07/2024"), "ambiguous"),
        (changed("2024-03-08", "07.03.2024"), "ambiguous"),
        (changed("2024-03-08", '"Mar 7, 2024"'), "not an ISO date"),
        (changed("2024-03-08", "20240307"), "not an ISO date"),
        (changed("2024-03-08", "1709769600"), "not an ISO date"),
        (changed("2024-03-08", ""), "not an ISO date"),
        (changed("2024-03-08", "12024-03-08"), "not an ISO date"),
        (changed("2024-03-08", "0001-01-01"), "before 1800"),
        (changed("2024-03-08", "2024-03-08 00:00:00-05:00"), "with and without a zone offset"),
        (changed("2024-03-08", "2024-03-08 15:30:00-05:00"), "intraday bars are not supported yet"),
        (changed("Adj Close", "Close"), "two columns for close"),
        ("<html>Too Many Requests</html>", "this is HTML"),
        ('{"error": 1}', "this is JSON"),
        ("[1]", "this is JSON"),
        (gzip.compress(FLAT.encode())[:-9], "gzip data that cannot be unpacked"),
        (changed("100.0,99.0", '"100.0,99.0'), "quoted cell is never closed"),
        (BACK_ADJUSTED, "looks like back_adjust=True"),
        ("Date,Close\n" + "".join(f"2024-01-{d:02},1\n" for d in (1, 8, 15, 22)), "7 days apart"),
        (f"Date,Close,Note\n2024-03-07,1,{'x' * 3_000_000}\n", "x.csv"),
    ],
)
def test_refusals(text: str | bytes, message: str) -> None:
    """A broken file is refused with file, place, offending text and a repair; never half read."""
    with pytest.raises(BadDataError, match=message) as caught:
        read(text)
    assert caught.value.message.startswith("x.csv")
    assert len(caught.value.message) < 600
    assert caught.value.fix


def test_ambiguous_dates_name_the_option() -> None:
    """The way out of an unreadable date is an option, and the message says which."""
    with pytest.raises(BadDataError) as caught:
        read("Date,Close\n03/07/2024,1\n")
    assert "use --date-format" in str(caught.value.fix)


def test_repeated_faults_are_counted() -> None:
    """The first faults are shown in file order, the rest counted."""
    rows = "".join(f"2024-01-{day:02},0x1\n" for day in range(1, 29))
    with pytest.raises(BadDataError, match=r"line 2, .*; line 3, .*; line 4, .*; and 25 more"):
        read("Date,Close\n" + rows)


def test_line_numbers_count_blank_lines() -> None:
    """A line number is the one an editor shows."""
    with pytest.raises(BadDataError, match="line 6, column Close"):
        read("Date,Close\n\n2024-03-07,1\n\n\n2024-03-08,-5\n")


def test_bad_symbol_in_a_table_costs_only_itself() -> None:
    """A name that is no symbol is a fault of the file and of one series."""
    text = "Date,Ticker,Close\n2024-03-07,A,1\n2024-03-07,../etc,1\n"
    good, bad = read_bytes(text.encode(), source="x.csv", today=TODAY)
    assert isinstance(good, ReadSeries)
    assert isinstance(bad, RefusedSeries)
    assert isinstance(bad.error, BadDataError)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("^GSPC.csv", "^GSPC"), ("%5EGSPC.csv.gz", "^GSPC"), ("VOD.L.csv", "VOD.L"), ("a.CSV", "a")],
)
def test_symbol_from_the_file_name(name: str, symbol: str) -> None:
    """Only the suffixes of files are cut off, not those of exchanges."""
    assert symbol_of(Path(name)) == symbol


def test_given_symbol_names_a_flat_file(tmp_path: Path) -> None:
    """A file may be called anything when its symbol is given."""
    path = tmp_path / "my prices (1).csv"
    path.write_text(FLAT)
    with pytest.raises(BadDataError, match="is not a symbol"):
        read_file(path, today=TODAY)
    assert read_file(path, today=TODAY, symbol="AAPL")[0].bars.symbol == "AAPL"


def test_only_regular_files(tmp_path: Path) -> None:
    """A folder, a pipe, a device or nothing at all is refused at once (#45)."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)
    for path in (tmp_path / "pipe.csv", tmp_path, Path("/dev/zero"), tmp_path / "none.csv"):
        with pytest.raises(MissingInputError):
            read_file(path, today=TODAY)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("L01", "split_adjusted"),
        ("L02", "adjusted"),
        ("L03", "adjusted"),
        ("L04", "split_adjusted"),
        ("L05", "adjusted"),
        ("L06", "adjusted"),
        ("L07", "unknown"),
        ("L08_", "back_adjust"),
        ("L08b", "back_adjust"),
        ("L09", "adjusted"),
        ("L10", "split_adjusted"),
        ("L11_", "adjusted"),
        ("L11b", "adjusted"),
        ("L12", "split_adjusted"),
        ("L13", "adjusted"),
        ("L14_", "adjusted"),
        ("L14b", "adjusted"),
        ("L14c", "split_adjusted"),
        ("L15_", "unknown"),
        ("L15b", "unknown"),
        ("L16_", "unknown"),
        ("L16b", "split_adjusted"),
        ("L17_", "adjusted"),
        ("L17b", "split_adjusted"),
        ("L17c", "adjusted"),
        ("L18_", "split_adjusted"),
        ("L18b", "split_adjusted"),
        ("L19_", "intraday"),
        ("L19b", "intraday"),
        ("L20_", "intraday"),
        ("L20b", "intraday"),
        ("L21", "intraday"),
        ("L22", "adjusted"),
        ("L23_", "no rows"),
        ("L23b", "no rows"),
        ("L23c", "no rows"),
    ],
)
def test_example_files(name: str, expected: str) -> None:
    """Every layout that yfinance has written is read right or refused for the right reason."""
    if not SHARED.is_dir():
        pytest.skip(f"the example files are not here: {SHARED}")
    (path,) = SHARED.glob(f"{name}*")
    outcomes = set()
    try:
        for part in read_each(path, today=TODAY, symbol="X"):
            if isinstance(part, ReadSeries):
                assert str(part.bars.timestamp[0]) == "2024-03-07"
                outcomes.add(str(part.bars.price_basis))
            elif part.name != "NOPE":
                outcomes.add(part.error.message)
    except BadDataError as error:
        outcomes.add(error.message)
    (outcome,) = outcomes
    assert expected in outcome
    assert expected not in {"adjusted", "split_adjusted"} or outcome == expected


lines = st.lists(
    st.lists(
        st.sampled_from(
            ["Date", "Close", "Price", "Ticker", "Open", "", "A", "1", "0x1", "2024-03-07", "-"]
            + ['"', "inf", "\r", "é", "null", "2024-03-08 09:30:00", "nan", ";", "<", " "]
        ),
        max_size=5,
    ).map(",".join),
    max_size=6,
).map(lambda rows: "\n".join(rows).encode())


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(st.binary(max_size=300), lines), date_format=st.sampled_from([None, "%Y"]))
@example(raw=b"Date,Close\n\n\n", date_format=None)
@example(raw=b"Date,Close\n,\n", date_format=None)
@example(raw=b"\x1f\x8b", date_format=None)
def test_any_bytes_give_bars_or_a_clean_error(raw: bytes, date_format: str | None) -> None:
    """No input escapes as another exception than ours (property 1)."""
    try:
        parts = read_bytes(raw, source="x", symbol="X", today=TODAY, date_format=date_format)
    except ForecastError as error:
        assert error.exit_code == 65
        return
    for part in parts:
        if isinstance(part, ReadSeries):
            assert (part.bars.close > 0).all()
            assert len(part.bars)


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
