"""Which layout a file has, from its first lines alone."""

import csv

import pytest

from forecast_cli.data.csv_layout import Layout, detect, is_number, normalised, shown
from forecast_cli.errors import BadDataError

ROW = "2024-03-07,1,2,3,4,5,6"


def layout(text: str) -> Layout:
    """The layout of some lines."""
    return detect(list(csv.reader(text.splitlines())), "x.csv")


@pytest.mark.parametrize(
    ("text", "phrase", "date", "fields"),
    [
        (
            f"Date,Open,High,Low,Close,Adj Close,Volume\n{ROW}",
            "one header line",
            0,
            {"open": 1, "high": 2, "low": 3, "close": 4, "adj_close": 5, "volume": 6},
        ),
        (
            ",Close,High,Low,Open,Volume\n2024-03-07,1,2,3,4,5",
            "one header line",
            0,
            {"close": 1, "high": 2, "low": 3, "open": 4, "volume": 5},
        ),
        (
            ",Date,Open,High,Low,Close\n0,2024-03-07,1,2,3,4",
            "one header line",
            1,
            {"open": 2, "high": 3, "low": 4, "close": 5},
        ),
        ("Date,Close\n2024-03-07,1", "one header line", 0, {"close": 1}),
        (
            "vol , adj_close,CLOSE,Timestamp\n1,2,3,2024-03-07",
            "one header line, vol read as volume",
            3,
            {"close": 2, "adj_close": 1, "volume": 0},
        ),
        (
            "Price,Close,Open,High,Low\nTicker,A,A,A,A\nDate,,,,\n2024-03-07,1,2,3,4",
            "3-line yfinance header",
            0,
            {"close": 1, "open": 2, "high": 3, "low": 4},
        ),
        (
            "Price,Close,Open,High,Low\nTicker,A,A,A,A\n2024-03-07,1,2,3,4",
            "2-line yfinance header",
            0,
            {"close": 1, "open": 2, "high": 3, "low": 4},
        ),
        (
            "Price,Date,Close\nTicker,,A\n0,2024-03-07,1",
            "2-line yfinance header",
            1,
            {"close": 2},
        ),
        (
            "Price,index,Close\nTicker,,A\n0,2024-03-07,1",
            "2-line yfinance header",
            1,
            {"close": 2},
        ),
    ],
)
def test_columns_are_found_by_name(
    text: str, phrase: str, date: int, fields: dict[str, int]
) -> None:
    """Order, case, spaces and counters do not matter."""
    found = layout(text)
    assert (found.phrase, found.date) == (phrase, date)
    assert len(found.series) == 1
    assert found.series[0].fields == fields


@pytest.mark.parametrize(
    "text",
    [
        ",Close,Close,Low\n,LOW,OPEN,LOW\nDate,,,\n2024-03-07,1,2,3",
        "Price,Close,Close,Low\nTicker,LOW,OPEN,LOW\nDate,,,\n2024-03-07,1,2,3",
        "Ticker,LOW,OPEN,LOW\nPrice,Close,Close,Low\nDate,,,\n2024-03-07,1,2,3",
        ",LOW,OPEN,LOW\n,Close,Close,Low\nDate,,,\n2024-03-07,1,2,3",
    ],
)
def test_tickers_that_look_like_fields(text: str) -> None:
    """LOW and OPEN are tickers, Low and Open are fields: case decides, in either level order."""
    found = {series.symbol: series.fields for series in layout(text).series}
    assert found == {"LOW": {"close": 1, "low": 3}, "OPEN": {"close": 2}}


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("Date,Ticker,Close\n2024-03-07,A,1", 1),
        ("Symbol,Close,Date\nA,1,2024-03-07", 0),
        ("Date,,Close\n2024-03-07,A,1", 1),
    ],
)
def test_long_tables(text: str, symbol: int) -> None:
    """A symbol column may stand anywhere, and the second one may have no name."""
    found = layout(text)
    assert found.phrase == "long table with a symbol column"
    assert found.symbol == symbol


def test_table_of_closes() -> None:
    """A column named like a symbol holds its closes, even for the ticker LOW."""
    found = layout("Date,SP500,LOW\n2024-03-07,1,2")
    assert [(one.symbol, one.fields) for one in found.series] == [
        ("SP500", {"close": 1}),
        ("LOW", {"close": 2}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Date,Close", "no rows"),
        (",Close,Open,High,Low", "no rows"),
        ("Price,Close\nTicker,A", "no rows"),
        ("Price,Close\nTicker,A\nDate,", "no rows"),
        ("Date,Close,Close\n2024-03-07,1,2", "two columns for close: columns 2 and 3"),
        ("Date,Adj Close,AdjClose\n2024-03-07,1,2", "two columns for adj_close"),
        ("Price,Close,Close\nTicker,A,A\n2024-03-07,1,2", "two columns for close"),
        ("Date,Open,Close\n2024-03-07,1,2", "no column High or Low"),
        ("Date,Open,High,Low\n2024-03-07,1,2,3", "no column Close"),
        ("Date;Open;High;Low;Close\n2024-03-07;1,5;2;3;4", "separated by ';'"),
        ("2024-03-07,1,2\n2024-03-08,1,2", "no date column in the header"),
        ("Close,Open\n1,2", "no date column"),
        ("a" * 100, "no date column"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    """A header that cannot be read names the file and what is missing, and how to repair it."""
    with pytest.raises(BadDataError, match=message) as caught:
        layout(text)
    assert caught.value.message.startswith("x.csv: ")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("vendor", "ours"),
    [
        ("Adj. Close", "adj_close"),
        ("AdjClose", "adj_close"),
        ("adj_close", "adj_close"),
        ("Vol", "volume"),
        (" OPEN ", "open"),
        ("timestamp", "timestamp"),
        ("Stock Splits", "splits"),
        ("Repaired?", "repaired"),
        ("Target", None),
    ],
)
def test_aliases(vendor: str, ours: str | None) -> None:
    """Case, spaces, dots and dashes in a name do not matter; strangers stay strangers."""
    assert normalised(vendor) == ours


def test_numbers_are_plain_decimals() -> None:
    """Nothing that a reader could take for two different numbers is a number."""
    assert all(map(is_number, ["1", "-1.5", ".5", "5.", "1e5", " 1 "]))
    assert not any(map(is_number, ["0x64", "inf", "1,000", "$1", "\uff11", "1_0", "", "(1)"]))


def test_quoted_text_is_short_and_harmless() -> None:
    """A message never carries control characters or a whole file."""
    assert shown("a\x1b[31m\n") == '"a\\x1b[31m\\n"'
    assert len(shown("x" * 1000)) == 45
