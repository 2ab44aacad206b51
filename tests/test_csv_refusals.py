"""CSV files that cannot be trusted: each is refused in one sentence, and nothing escapes."""

import contextlib
import gzip
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecast_cli.data.reader import read_bytes
from forecast_cli.data.series import ReadSeries, RefusedSeries
from forecast_cli.errors import BadDataError

TODAY = date(2024, 12, 31)
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
FLAT = f"""\
{HEADER}
2024-03-07,99.5,101.0,99.0,100.0,99.0,1000
2024-03-08,100.5,102.0,100.0,101.0,99.99,1001
2024-03-11,101.5,103.0,101.0,102.0,100.98,1002
"""
BACK_ADJUSTED = """\
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2024-03-07,98.505,99.99,98.01,100.0,1000,0.0,0.0
2024-03-08,99.495,100.98,99.0,101.0,1001,0.0,0.0
2024-03-11,100.485,101.97,99.99,102.0,1002,0.24,0.0
"""


def read(text: str | bytes) -> list[ReadSeries]:
    """All symbols of a text; raises the first refusal."""
    raw = text if isinstance(text, bytes) else text.encode()
    found = []
    for part in read_bytes(raw, source="x.csv", symbol="X", today=TODAY):
        if isinstance(part, RefusedSeries):
            raise part.error
        found.append(part)
    return found


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
        (
            changed("101.0,99.0", "1\xe91.0,99.0").encode("latin-1"),
            r'High: "1\\ufffd1.0" is not a number',
        ),
        (changed("101.0,99.0", "101\0.0,99.0"), "line 2 holds a NUL byte"),
        (FLAT + "2024-03-12,100.5,10", "line 5 has 3 cells, the header has 7"),
        (changed("1000\n", "1000,\n"), "line 2 has 8 cells"),
        (changed("100.0,99.0", '"1,000",99.0'), 'line 2, column Close: "1,000" is not a number'),
        (changed("100.0,99.0", "$100,99.0"), r'column Close: "\$100" is not a number'),
        (changed("100.0,99.0", "(100),99.0"), "is not a number"),
        (changed("100.0,99.0", "\uff1100,99.0"), r'"\\uff1100" is not a number'),
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


lines = st.lists(
    st.lists(
        st.sampled_from(
            [
                *("Date", "Close", "Price", "Ticker", "Open", "", "A", "1", "0x1", "2024-03-07"),
                *('"', "inf", "\r", "é", "null", "2024-03-08 09:30:00", "nan", ";", "<", " ", "-"),
            ]
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
    parts: list[ReadSeries | RefusedSeries] = []
    with contextlib.suppress(BadDataError):
        parts += read_bytes(raw, source="x", symbol="X", today=TODAY, date_format=date_format)
    for part in parts:
        if isinstance(part, ReadSeries):
            assert (part.bars.close > 0).all()
            assert len(part.bars)
