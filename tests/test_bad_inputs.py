"""Files that cannot be trusted, or only look so, through the real `forecast fetch`.

Numbered as in the catalogue of bad inputs: 1 to 46 are CSV files, 47 to 58 Parquet files, D1 to D23
data that parse well and are still wrong. A refusal has exit code 65 (or 66), says in at most five
lines what is wrong where and what to do, and leaves every byte of the store as it was.
"""

import contextlib
import gzip
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Run
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forecast_cli.cli.console import visible
from forecast_cli.data.bars import Bars
from forecast_cli.data.reader import read_bytes, read_each
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, ForecastError
from forecast_cli.workflows.fetch import fetch

Forecast = Callable[..., Run]
TODAY = date(2024, 12, 31)
DOWNLOADS = Path(__file__).parents[2] / "shared" / "data" / "yfinance_csv"
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
ROWS = (
    "2024-03-07,99.5,101.0,99.0,100.0,99.0,1000",
    "2024-03-08,100.5,102.0,100.0,101.0,99.99,1001",
    "2024-03-11,101.5,103.0,101.0,102.0,100.98,1002",
)
FLAT = "\n".join([HEADER, *ROWS, ""])
BACK_ADJUSTED = """\
Date,Open,High,Low,Close,Volume,Dividends,Stock Splits
2024-03-07,98.505,99.99,98.01,100.0,1000,0.0,0.0
2024-03-08,99.495,100.98,99.0,101.0,1001,0.0,0.0
2024-03-11,100.485,101.97,99.99,102.0,1002,0.24,0.0
"""
WEB_TABLE = 'Date,Open,High,Low,Close,Volume\n"Mar 7, 2024",1,2,1,2,"1,000"\n'
INTRADAY = "Datetime,Close\n{},1\n2024-03-08 09:45:00,2\n2024-03-08 10:00:00,3\n"


def changed(old: str, new: str) -> str:
    """The flat file with one piece replaced."""
    assert old in FLAT
    return FLAT.replace(old, new)


def with_close(text: str) -> str:
    """The flat file with another close on its first day."""
    return changed("100.0,99.0", f"{text},99.0")


def with_date(text: str) -> str:
    """The flat file with another date on its second day."""
    return changed("2024-03-08", text)


def state(home: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the flat file as X already. Whoever writes into it breaks the next test."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "X.csv").write_text(FLAT)
    fetch([], source=str(folder / "X.csv"), home=folder / "home", today=TODAY)
    (folder / "home" / ".run.lock").touch()  # a run leaves it
    return folder / "home"


def nightly(forecast: Forecast, path: Path, home: Path, *options: str) -> dict[str, Any]:
    """The fetch step of a `forecast run` that is told the same by a configuration."""
    given: dict[str, Any] = {"from": str(path)}
    for option, value in pairwise((*options, "--")):
        if option.startswith("--"):
            key = option.removeprefix("--").replace("-", "_")
            said = True if value.startswith("--") else value
            given[key] = [*given.get(key, []), said] if key == "keep" else said
    lines = [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    config = home.parent / "forecast.toml"
    config.write_text("\n".join(["[fetch]", *lines, ""]))
    run = forecast("run", "--config", config, "--home", home, "--format", "json")
    assert "Traceback" not in run.err
    step: dict[str, Any] = json.loads(run.out)["steps"][0]
    assert step["error"] is None or run.code == step["error"]["code"]
    return step


@pytest.fixture
def refuses(forecast: Forecast, stored: Path) -> Callable[..., str]:
    """Fetch a file that must be refused; what stderr says."""
    before = state(stored)

    def run(path: Path, *options: str, code: int = 65) -> str:
        run = forecast("fetch", "--from", path, "--home", stored, *options)
        assert run.code == code, run
        assert run.out == ""
        assert run.err.startswith("error: ")
        assert len(run.err.splitlines()) <= 5
        assert "Traceback" not in run.err
        assert state(stored) == before
        step = nightly(forecast, path, stored, *options)
        assert (step["status"], step["error"]["code"]) == ("failed", code)
        message = visible(step["error"]["message"]).replace("\n", "\\n")
        assert run.err.startswith(f"error: {message}\n")
        assert state(stored) == before
        return run.err

    return run


@pytest.fixture
def accepts(forecast: Forecast, stored: Path, tmp_path: Path) -> Callable[..., tuple[Bars, str]]:
    """Fetch a file that must be stored; the bars stored by it, and what is said of them.

    Warnings stand on stderr; what is a note only there on a terminal, and in JSON always.
    """

    def run(content: str | bytes, *options: str, name: str = "NEW.csv") -> tuple[Bars, str]:
        home = tmp_path / "home"
        shutil.copytree(stored, home)
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        run = forecast("fetch", "NEW", "--from", path, "--home", home, "--format", "json", *options)
        assert run.code == 0, run
        (series,) = json.loads(run.out)["series"]
        step = nightly(forecast, path, home, *options)
        assert (step["status"], step["failed"]) == ("nothing", [])
        notes = [found["message"] for found in series["findings"] if found["severity"] == "note"]
        return BarStore(home).read("NEW", "1d"), "\n".join([*filter(None, [run.err]), *notes])

    return run


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        pytest.param("", "", "empty file", id="01 empty"),
        pytest.param("\n \n", "", "empty file", id="01 only newlines"),
        pytest.param(HEADER + "\n", "", "no rows", id="02 header only"),
        pytest.param(FLAT.encode("utf-16"), "", "the text is UTF-16", id="04 UTF-16"),
        pytest.param(
            with_close("1\xe91.0").encode("latin-1"),
            "",
            r'line 2, column Close: "1\ufffd1.0" is not a number',
            id="05 Latin-1 byte in a price",
        ),
        pytest.param(with_close("1\0"), "", "line 2 holds a NUL byte", id="06 NUL byte"),
        pytest.param(
            FLAT + "2024-03-12,100.5,10",
            "",
            "line 5 has 3 cells, the header has 7",
            id="09 last row cut",
        ),
        pytest.param(changed("1000\n", "1000,\n"), "", "line 2 has 8 cells", id="11 extra cell"),
        pytest.param(FLAT.replace(".0,", ".0,,"), "", "cells, the header has 7", id="11 trailing"),
        pytest.param(
            FLAT.replace(",", ";").replace(".", ","),
            "",
            "are separated by ';', not by commas",
            id="13 semicolons and decimal commas",
        ),
        pytest.param(
            with_close('"1,000"'), "", '"1,000" is not a number', id="14 thousands separator"
        ),
        pytest.param(with_close("$100"), "", '"$100" is not a number', id="15 currency sign"),
        pytest.param(with_close("(100)"), "", '"(100)" is not a number', id="15 parentheses"),
        pytest.param(
            with_close("\uff1100"), "", r'"\uff1100" is not a number', id="15 full-width digit"
        ),
        pytest.param(
            with_close("(100)"), "--strip-currency", "is not a number", id="15 even by option"
        ),
        pytest.param(with_close("0x64"), "", '"0x64" is not a number', id="16 hexadecimal"),
        pytest.param(with_close("inf"), "", '"inf" is not finite', id="17 infinity"),
        pytest.param(with_close("1e400"), "", '"1e400" is not finite', id="17 above float64"),
        pytest.param(with_close("1e-400"), "", '"1e-400" is not above 0', id="18 below float64"),
        pytest.param(
            with_close("-37.63"), "", "is not above 0, which log returns need", id="19 negative"
        ),
        pytest.param(with_close("0"), "", '"0" is not above 0', id="19 zero"),
        pytest.param(
            with_close("null"), "", '"null" is missing while the row has', id="20 partly null"
        ),
        pytest.param(with_close("-"), "", '"-" is missing while the row has', id="21 dash"),
        pytest.param(changed("1001", "-1"), "", '"-1" is negative', id="24 negative volume"),
        pytest.param(
            with_date("2024-03-07"),
            "",
            "two different bars for the same date on 2024-03-07",
            id="26 one date, two bars",
        ),
        pytest.param(
            "\n".join([HEADER, ROWS[1], ROWS[0], ROWS[2], ""]),
            "",
            "out of order 1 times, first 2024-03-07 below 2024-03-08|pass --sort",
            id="28 shuffled rows",
        ),
        pytest.param(BACK_ADJUSTED, "", "looks like back_adjust=True", id="30 back-adjusted"),
        pytest.param(
            BACK_ADJUSTED,
            "--price-basis split-adjusted",
            "looks like back_adjust=True",
            id="30 whatever is said",
        ),
        pytest.param(
            FLAT.replace("2024-03-11", "2999-03-11"),
            "",
            "in the future on 2999-03-11",
            id="31 future date",
        ),
        pytest.param(with_date("2024-02-30"), "", '"2024-02-30" is not a date', id="34 no date"),
        pytest.param(with_date("03/08/2024"), "", "ambiguous|--date-format", id="35 slashes"),
        pytest.param(with_date("08.03.2024"), "", "ambiguous|--date-format", id="35 points"),
        pytest.param(
            with_date('"Mar 8, 2024"'), "", "not an ISO date|--date-format", id="36 month by name"
        ),
        pytest.param(with_date("1709856000"), "", "not an ISO date", id="37 epoch seconds"),
        pytest.param(with_date("20240308"), "", "not an ISO date", id="37 digits only"),
        pytest.param(
            with_date("2024-03-08 00:00:00-05:00"),
            "",
            "line 3, column Date|has a zone offset, unlike the stamps above it",
            id="38 naive and aware",
        ),
        pytest.param(
            INTRADAY.format("2024-03-08 09:30:00"),
            "",
            "is a time of day without a zone|--zone",
            id="38 naive intraday",
        ),
        pytest.param(
            INTRADAY.format("2024-03-10 02:30:00"),
            "--zone America/New_York",
            "line 2, column Datetime|does not exist on the clock of America/New_York",
            id="40 skipped local time",
        ),
        pytest.param(
            INTRADAY.format("2024-11-03 01:30:00"),
            "--zone America/New_York",
            "happens twice on the clock of America/New_York",
            id="40 repeated local time",
        ),
        pytest.param(with_date("0001-01-01"), "", "before 1800", id="41 year 1"),
        pytest.param(with_date("9999-01-01"), "", "in the future", id="41 year 9999"),
        pytest.param(with_date("12024-03-08"), "", "not an ISO date", id="41 year 12024"),
        pytest.param(changed("Adj Close", "Close"), "", "two columns for close", id="42 twice"),
        pytest.param("<html>Too Many Requests</html>", "", "this is HTML", id="44 HTML"),
        pytest.param('{"error": 1}', "", "this is JSON", id="44 JSON"),
        pytest.param(
            gzip.compress(FLAT.encode())[:-9], "", "cannot be unpacked", id="45 gzip, cut"
        ),
        pytest.param(
            f"Date,Close,Note\n2024-03-07,1,{'x' * 2_000_000}\n",
            "",
            "X.csv",
            id="45 two megabytes in a cell",
        ),
        pytest.param(
            "Date" + ",Close" * 20_001 + "\n", "", "more than 20,000 columns", id="45 columns"
        ),
        pytest.param(
            "\n".join([HEADER, *ROWS, ROWS[0].replace("99.5", "0"), ""]),
            "",
            '"0" is not above 0',
            id="D3 one day twice, once with open 0",
        ),
        pytest.param(
            FLAT.replace("2024-03-07", "2024-01-08").replace("2024-03-11", "2024-03-21"),
            "--keep Sentiment",
            'no extra column "Sentiment" in the header',
            id="D13 a column to keep that is not there",
        ),
        pytest.param(
            FLAT.replace("Volume", "Note").replace("1001", "good"),
            "--keep Note",
            '"good" is not a number',
            id="D13 a column of text to keep",
        ),
    ],
)
def test_refused_csv(
    refuses: Callable[..., str], tmp_path: Path, content: str | bytes, options: str, says: str
) -> None:
    """Refused, whatever pyarrow would have made of it."""
    path = tmp_path / "X.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = refuses(path, *options.split())
    assert "\nfix: " in said
    for part in says.split("|"):
        assert part in said


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(os.mkfifo, "not a regular file", id="45 a pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "not a regular", id="45 a device"),
        pytest.param(lambda path: path.mkdir(), "no CSV or Parquet files", id="45 a folder"),
        pytest.param(lambda _: None, "no such file", id="45 nothing"),
    ],
)
def test_not_a_file(
    refuses: Callable[..., str], tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    """What would never end, or is not there, is missing input."""
    make(tmp_path / "X.csv")
    assert says in refuses(tmp_path / "X.csv", code=66)


CLOSES = [100.0, 101.0, 102.0]
WORDY = FLAT.replace("Adj Close", "Adj. Close").replace("Open", " OPEN ").replace("Volume", "Vol")
OFFSETS = """\
Date,Close
2024-03-07 00:00:00-05:00,100
2024-03-08 00:00:00-05:00,101
2024-03-11 00:00:00-04:00,102
"""


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        pytest.param(b"\xef\xbb\xbf" + FLAT.encode(), "", "", id="03 byte order mark"),
        pytest.param(FLAT.replace("\n", "\r\n"), "", "", id="07 CRLF"),
        pytest.param(FLAT.replace("\n", "\r"), "", "", id="07 CR"),
        pytest.param(FLAT.rstrip(), "", "the last line has no end", id="08 no final newline"),
        pytest.param(FLAT.replace("\n", "\n\n"), "", "", id="12 blank lines"),
        pytest.param(
            changed(",1000", ',"1,000"'), "--strip-currency", "", id="14 thousands, by option"
        ),
        pytest.param(with_close("$100.0"), "--strip-currency", "", id="15 dollars, by option"),
        pytest.param(
            FLAT + "2024-03-12,null,null,null,null,null,null\n",
            "",
            "1 rows without prices dropped (first 2024-03-12)",
            id="20 row of nulls",
        ),
        pytest.param(
            FLAT + "2024-03-12,-,-,-,-,-,-\n", "", "1 rows without prices dropped", id="21 dashes"
        ),
        pytest.param(changed("1000\n", "1000.0\n"), "", "", id="22 whole volume with a point"),
        pytest.param(
            changed("1000\n", "9223372036854775808\n"),
            "",
            "too large to be kept to the last digit",
            id="23 volume 2^63",
        ),
        pytest.param(FLAT + ROWS[-1] + "\n", "", "1 repeated bars dropped", id="25 same row twice"),
        pytest.param(
            "\n".join([HEADER, *reversed(ROWS), ""]), "", "newest first; sorted", id="27 reversed"
        ),
        pytest.param(
            "\n".join([HEADER, ROWS[1], ROWS[0], ROWS[2], ""]),
            "--sort",
            "out of order 1 times",
            id="28 shuffled, by option",
        ),
        pytest.param(
            changed("102.0,100.0,101.0", "100.9,100.0,101.0"),
            "",
            "high and low do not contain",
            id="29 close above high",
        ),
        pytest.param(
            FLAT.replace("2024-03-08,", "03/08/2024,")
            .replace("2024-03-07,", "03/07/2024,")
            .replace("2024-03-11,", "03/11/2024,"),
            "--date-format %m/%d/%Y",
            "",
            id="35 by option",
        ),
        pytest.param(FLAT.replace("-", ""), "--date-format %Y%m%d", "", id="37 by option"),
        pytest.param(
            OFFSETS,
            "",
            "does not say whether close is adjusted",
            id="39 summer time changes the offset",
        ),
        pytest.param(WORDY, "", "", id="43 other spellings"),
        pytest.param(gzip.compress(FLAT.encode()), "", "", id="45 gzip named .csv"),
        pytest.param(
            FLAT + "2024-03-12,.,N/A,null,,nan,0\n",
            "",
            "1 rows without prices dropped",
            id="D5 D23 other words for nothing",
        ),
        pytest.param(
            "\n".join(
                ",".join(line.split(",")[i] for i in (6, 2, 0, 5, 4, 1, 3))
                for line in FLAT.splitlines()
            )
            + "\n",
            "",
            "",
            id="D20 columns in another order",
        ),
    ],
)
def test_accepted_csv(
    accepts: Callable[..., tuple[Bars, str]], content: str | bytes, options: str, says: str
) -> None:
    """Read as the plain file is, and said where there is something to say."""
    bars, said = accepts(content, *options.split())
    assert [str(day) for day in bars.timestamp] == ["2024-03-07", "2024-03-08", "2024-03-11"]
    assert bars.close.tolist() == CLOSES
    assert says in said if says else said == ""


def test_a_last_number_cut_leaves_one_trace(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """10: `1002` cut to `10` is a number, too; all that shows is the missing end of the line."""
    bars, said = accepts(FLAT.removesuffix("02\n"))
    assert bars.volume[-1] == 10
    assert "the last line has no end; is the file complete?" in said


def test_bars_on_a_sunday_and_missing_days_are_stored(
    accepts: Callable[..., tuple[Bars, str]],
) -> None:
    """32, 33: reading alone drops no bar and fills none."""
    rows = "".join(f"2024-03-{day:02},1,1,1,1,1,1\n" for day in (7, 8, 10, 20))
    bars, _ = accepts(f"{HEADER}\n{rows}")
    assert [str(day)[-2:] for day in bars.timestamp] == ["07", "08", "10", "20"]


def test_web_table_by_option(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """36: dates and numbers of Yahoo's web pages, once it is said how they are written."""
    bars, _ = accepts(WEB_TABLE, "--strip-currency", "--date-format", "%b %d, %Y")
    assert (str(bars.timestamp[0]), bars.volume[0]) == ("2024-03-07", 1000)


def test_nasdaq_download(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """14, 15, 35, 43: dollars, dates with slashes, Close/Last, newest first."""
    text = (
        "Date,Close/Last,Volume,Open,High,Low\n"
        '03/08/2024,$101.0,"1,001",$100.5,$102.0,$100.0\n'
        '03/07/2024,"$1,000.25",1000,$1000,$1010,$990\n'
    )
    bars, said = accepts(text, "--strip-currency", "--date-format", "%m/%d/%Y")
    assert bars.close.tolist() == [1000.25, 101.0]
    assert bars.volume.tolist() == [1000, 1001]
    assert "newest first" in said


def test_aliases_used_are_listed(forecast: Forecast, tmp_path: Path) -> None:
    """43: who writes Vol and Adj. Close is told what they were taken for."""
    (tmp_path / "X.csv").write_text(WORDY)
    home = tmp_path / "home"
    run = forecast("fetch", "--from", tmp_path / "X.csv", "--home", home, "--format", "json")
    assert '"layout": "one header line, Adj. Close read as adj_close, Vol read as' in run.out


def test_several_symbols_are_never_one_series(forecast: Forecast, tmp_path: Path) -> None:
    """46: all symbols of a file are stored apart; arguments choose among them."""
    text = "Price,Close,Close\nTicker,AAPL,VOD.L\nDate,,\n2024-03-07,1,2\n2024-03-08,3,4\n"
    path = tmp_path / "two.csv"
    path.write_text(text)
    for symbols, stored in ((["vod.l"], ["VOD.L"]), ([], ["AAPL", "VOD.L"])):
        run = forecast("fetch", *symbols, "--from", path, "--home", tmp_path / "home")
        assert run.code == 0
        assert BarStore(tmp_path / "home").symbols("1d") == stored
    assert BarStore(tmp_path / "home").read("VOD.L", "1d").close.tolist() == [2, 4]


def parquet(path: Path, columns: dict[str, Any], **options: object) -> Path:
    """The flat file as Parquet, with some columns changed."""
    plain = {
        "Date": [date(2024, 3, 7), date(2024, 3, 8), date(2024, 3, 11)],
        "Close": CLOSES,
        "Adj Close": [99.0, 99.99, 100.98],
    }
    pq.write_table(pa.table(plain | columns), path, **options)
    return path


def _truncated(path: Path, end: int) -> None:
    path.write_bytes(parquet(path, {}).read_bytes()[:end])


def _flipped(path: Path) -> None:
    """One bit of the middle of the prices, under page checksums."""
    prices = np.random.default_rng(0).uniform(1, 2, 3)
    content = bytearray(
        parquet(
            path,
            {"Close": prices},
            write_page_checksum=True,
            use_dictionary=False,
            compression="none",
        ).read_bytes()
    )
    content[content.index(prices.tobytes()) + 10] ^= 4
    path.write_bytes(content)


def _duplicated(path: Path) -> None:
    days = pa.array([date(2024, 3, 7)])
    price = pa.array([1.0])
    pq.write_table(pa.table([days, price, price], ["Date", "Close", "Close"]), path)


def _extension(path: Path) -> None:
    metadata = {"ARROW:extension:name": "acme.price"}
    field = pa.field("Close", pa.float64(), metadata=metadata)
    schema = pa.schema([pa.field("Date", pa.date32()), field])
    days = pa.array([date(2024, 3, 7)])
    pq.write_table(pa.table([days, pa.array([1.0])], schema=schema), path)


def _bomb(path: Path) -> None:
    days = pa.array(np.zeros(5_000_000, dtype="datetime64[D]"))
    pq.write_table(pa.table({"Date": days}), path)


STAMPS = pa.array([1_709_890_200_000_000, 1_709_891_100_000_000, 1_709_892_000_000_000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(Path.touch, "cannot be read as Parquet", id="47 empty"),
        pytest.param(lambda p: _truncated(p, 300), "cannot be read as Parquet", id="48 truncated"),
        pytest.param(lambda p: _truncated(p, -1), "cannot be read as Parquet", id="49 last byte"),
        pytest.param(lambda p: p.write_bytes(b"PAR1"), "cannot be read", id="50 PAR1 only"),
        pytest.param(lambda p: p.write_text(FLAT), "cannot be read as Parquet", id="51 text"),
        pytest.param(
            lambda p: p.write_bytes(b"PAR1" + bytes(40) + b"\x08\0\0\0PARE"),
            "cannot be read as Parquet",
            id="52 encrypted footer",
        ),
        pytest.param(_flipped, "cannot be read as Parquet", id="53 bit flip"),
        pytest.param(_bomb, "declares 5,000,000 rows", id="54 row bomb"),
        pytest.param(_duplicated, "two columns are called", id="55 duplicate names"),
        pytest.param(
            lambda p: parquet(p, {"Close": ["100", "101", "102"]}),
            "column Close is of type string, expected numbers",
            id="56 text for numbers",
        ),
        pytest.param(
            lambda p: parquet(p, {"Date": [20240307, 20240308, 20240311]}),
            "of type int64, expected dates",
            id="56 numbers for dates",
        ),
        pytest.param(_extension, "column Close is of the unknown type", id="57 extension type"),
        pytest.param(
            lambda p: parquet(p, {"Date": STAMPS.cast(pa.timestamp("us"))}),
            "is a time of day without a zone",
            id="58 no zone",
        ),
        pytest.param(
            lambda p: parquet(p, {"Close": [[100.0], [101.0], [102.0]]}),
            "expected numbers",
            id="58 nested",
        ),
    ],
)
def test_refused_parquet(
    refuses: Callable[..., str], tmp_path: Path, make: Callable[[Path], object], says: str
) -> None:
    """A file that is no table of bars, or not the one that was written."""
    make(tmp_path / "X.parquet")
    assert says in refuses(tmp_path / "X.parquet")


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"Close": pa.array([100, 101, 102], pa.int32())}, id="56 whole numbers"),
        pytest.param(
            {"Close": pa.array(CLOSES).cast(pa.decimal128(10, 2))}, id="58 decimal numbers"
        ),
        pytest.param(
            {"Date": pa.array(["2024-03-07", "2024-03-08", "2024-03-11"]).dictionary_encode()},
            id="58 dictionary of dates",
        ),
    ],
)
def test_accepted_parquet(
    accepts: Callable[..., tuple[Bars, str]], tmp_path: Path, columns: dict[str, Any]
) -> None:
    """Other types of the same values; what the vendor has put into the metadata stays behind."""
    path = parquet(tmp_path / "NEW.parquet", columns)
    table = pq.read_table(path).replace_schema_metadata({"note": "x" * 1_000_000})
    pq.write_table(table, path)
    bars, said = accepts(path.read_bytes(), name="NEW.parquet")
    assert bars.close.tolist() == CLOSES
    assert "close only" in said
    assert BarStore(tmp_path / "home").path("NEW", "1d").stat().st_size < 10_000


def test_damaged_files_of_the_store_are_not_read(forecast: Forecast, stored: Path) -> None:
    """58: a stored file with other columns than ours stops the merge and stays for inspection."""
    path = BarStore(stored).path("X", "1d")
    good = path.read_bytes()
    source = stored.parent / "X.csv"
    parquet(path, {})
    damaged = path.read_bytes()
    run = forecast("fetch", "--from", source, "--home", stored)
    assert run.code == 65
    assert "has other columns than what is stored here" in run.err
    assert path.read_bytes() == damaged
    path.write_bytes(good)


def test_adjusted_close_without_adj_close(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """D1: nothing is adjusted twice, and the basis is kept with the bars."""
    text = FLAT.replace("Adj Close", "Dividends").replace("99.0,1000", "0,1000")
    text = text.replace("99.99,1001", "0,1001").replace("100.98,1002", "0.24,1002")
    bars, _ = accepts(text)
    assert bars.price_basis == "adjusted"
    assert bars.adj_close.tolist() == bars.close.tolist() == CLOSES


def test_last_day_twice(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """D2: vendors append the newer state of the last day; the later row counts."""
    bars, said = accepts(FLAT + "2024-03-11,101.5,103.0,101.0,102.5,101.0,2000\n")
    assert bars.close.tolist() == [100, 101, 102.5]
    assert "the last day 2024-03-11 stands twice" in said


def test_equal_prices_on_different_days(accepts: Callable[..., tuple[Bars, str]]) -> None:
    """D4, D11: a fund has one price a day, often the day before's, and no volume."""
    rows = "".join(f"2024-03-{day:02},5,5,5,5,5,0\n" for day in (7, 8, 11))
    bars, _ = accepts(f"{HEADER}\n{rows}")
    assert bars.close.tolist() == [5, 5, 5]
    assert bars.volume.tolist() == [0, 0, 0]


def test_negative_adjusted_close(refuses: Callable[..., str], tmp_path: Path) -> None:
    """D10: a dividend a hundred times too large; rows and column are named."""
    if not DOWNLOADS.is_dir():
        pytest.skip(f"the real downloads are not here: {DOWNLOADS}")
    shutil.copy(DOWNLOADS / "defects" / "SSNLF-1d-bad-div.csv", tmp_path / "X.csv")
    said = refuses(tmp_path / "X.csv")
    assert 'line 2, column Adj Close: "-inf" is not finite' in said
    assert "and 3,177 more cells" in said


def test_an_extra_column_is_kept_by_name_only(forecast: Forecast, tmp_path: Path) -> None:
    """D13: a column that may hold the future enters the store only where it is asked for."""
    path = tmp_path / "X.csv"
    path.write_text("Date,Close,Target\n2024-03-07,1,9\n2024-03-08,2,8\n")
    homes = [tmp_path / "ignored", tmp_path / "kept"]
    for home, options in zip(homes, ([], ["--keep", "target"]), strict=True):
        assert forecast("fetch", "--from", path, "--home", home, *options).code == 0
    assert [(home / "covariates").exists() for home in homes] == [False, True]


def test_repeated_faults_are_counted(refuses: Callable[..., str], tmp_path: Path) -> None:
    """The first faults are shown in file order, the rest counted."""
    rows = "".join(f"2024-01-{day:02},0x1\n" for day in range(1, 29))
    (tmp_path / "X.csv").write_text("Date,Close\n" + rows)
    said = refuses(tmp_path / "X.csv")
    places = [said.index(f"line {number}, column Close") for number in (2, 3, 4)]
    assert places == sorted(places)
    assert "and 25 more" in said
    assert len(said) < 600


def test_line_numbers_count_blank_lines(refuses: Callable[..., str], tmp_path: Path) -> None:
    """A line number is the one an editor shows."""
    (tmp_path / "X.csv").write_text("Date,Close\n\n2024-03-07,1\n\n\n2024-03-08,-5\n")
    assert "line 6, column Close" in refuses(tmp_path / "X.csv")


lines = st.lists(
    st.lists(
        st.sampled_from(
            [
                *("Date", "Close", "Price", "Ticker", "Open", "", "A", "1", "0x1", "2024-03-07"),
                *('"', "inf", "\r", "é", "null", "2024-03-08 09:30:00", "nan", ";", "<", " ", "-"),
                *("2024-03-08 09:30:00+01:00", "2024-03-08 09:45:00+01:00", "$1", '"$1,000"'),
                *("2024-03-10 02:30:00", "Dividends", "Adj Close", "Extra", "1e-300", "1e300"),
            ]
        ),
        max_size=5,
    ).map(",".join),
    max_size=6,
).map(lambda rows: "\n".join(rows).encode())

options = st.builds(
    ReadOptions,
    date_format=st.sampled_from([None, "%Y"]),
    zone=st.sampled_from([None, ZoneInfo("America/New_York")]),
    price_basis=st.sampled_from([None, "raw", "split_adjusted", "adjusted"]),
    sort=st.booleans(),
    strip_currency=st.booleans(),
    keep=st.sampled_from([(), ("Extra",)]),
)


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(st.binary(max_size=300), lines), options=options)
@example(raw=b"Date,Close\n\n\n", options=ReadOptions())
@example(raw=b"Date,Close\n,\n", options=ReadOptions())
@example(raw=b"\x1f\x8b", options=ReadOptions())
def test_any_bytes_give_bars_or_a_clean_error(raw: bytes, options: ReadOptions) -> None:
    """No input escapes as another exception than ours (property 1)."""
    parts: list[ReadSeries | RefusedSeries] = []
    with contextlib.suppress(BadDataError):
        parts = list(read_bytes(raw, source="x", symbol="X", today=TODAY, options=options))
    for part in parts:
        if isinstance(part, ReadSeries):
            assert (part.bars.close > 0).all()
            assert len(part.bars)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(middle=st.binary(max_size=300), frame=st.sampled_from([(b"", b""), (b"PAR1", b"PAR1")]))
def test_any_bytes_named_parquet(tmp_path: Path, middle: bytes, frame: tuple[bytes, bytes]) -> None:
    """Neither the name nor the magic of a Parquet file makes one (property 1)."""
    path = tmp_path / "X.parquet"
    path.write_bytes(frame[0] + middle + frame[1])
    with contextlib.suppress(ForecastError):
        for part in read_each(path, today=TODAY):
            assert isinstance(part, RefusedSeries) or len(part.bars)
