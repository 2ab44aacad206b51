"""Intraday bars from file to store: instants in UTC, under the interval their rows have."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from conftest import Run

from forecast_cli.config import model_config
from forecast_cli.data.bars import equal
from forecast_cli.data.dates import known_at
from forecast_cli.data.reader import read_bytes
from forecast_cli.data.series import ReadOptions, ReadSeries, RefusedSeries
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError, MissingInputError, UsageError
from forecast_cli.workflows.fetch import fetch
from forecast_cli.workflows.train import train

TODAY = date(2024, 12, 31)
LINEAR = model_config("linear")
HOURLY = """\
Datetime,Open,High,Low,Close,Volume,Dividends
2024-03-08 14:30:00-05:00,1,2,1,2,10,0
2024-03-08 15:30:00-05:00,2,3,2,3,10,0
2024-03-11 09:30:00-04:00,3,4,3,4,10,0
2024-03-11 10:30:00-04:00,4,5,4,5,10,0
"""
STARTS = ["2024-03-08T19:30", "2024-03-08T20:30", "2024-03-11T13:30", "2024-03-11T14:30"]


def closes(*stamps: str) -> str:
    """A file of closes 1, 2, ... at some times."""
    return "Date,Close\n" + "".join(f"{stamp},{i}\n" for i, stamp in enumerate(stamps, 1))


def minutes(*numbers: int) -> str:
    """A file of closes so many minutes after 12:00 UTC."""
    return closes(*(f"2024-03-08 {12 + n // 60}:{n % 60:02}:00+00:00" for n in numbers))


def read(text: str, symbol: str = "X") -> ReadSeries | RefusedSeries:
    """The one symbol of a text."""
    (part,) = read_bytes(text.encode(), source="x.csv", symbol=symbol, today=TODAY)
    return part


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with hourly bars of X."""
    (tmp_path / "X.csv").write_text(HOURLY)
    fetch([], source=str(tmp_path / "X.csv"), home=tmp_path / "home", today=TODAY)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        (minutes(0, 1, 2), "1m"),
        (minutes(0, 5, 10, 25), "5m"),
        (minutes(0, 45, 60, 75), "15m"),
        (minutes(0, 60, 120), "1h"),
        (minutes(0, 90, 180), "90m"),
        (minutes(0, 240), "4h"),
    ],
)
def test_the_interval_is_measured(text: str, interval: str) -> None:
    """The most common spacing counts, whatever is missing between the bars."""
    part = read(text)
    assert isinstance(part, ReadSeries)
    assert part.bars.interval == interval


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (minutes(0), "a single bar with a time of day does not tell its interval"),
        (minutes(0, 2, 4, 7, 10), "no regular spacing"),
        (closes("2024-03-08 12:00:00Z", "2024-03-08 12:00:30Z"), "no regular spacing of whole"),
        (closes("2024-03-07 16:00:00Z", "2024-03-08 16:00:00Z"), "a time of day but are 1 days"),
    ],
)
def test_no_interval(text: str, message: str) -> None:
    """Rows that show no interval are no series of intraday bars."""
    part = read(text)
    assert isinstance(part, RefusedSeries)
    assert message in part.error.message


@pytest.mark.parametrize(
    ("symbol", "zone"),
    [("AAPL", "America/New_York"), ("VOD.L", "Europe/London"), ("BTC-USD", "UTC")],
)
def test_the_zone_is_the_exchanges(symbol: str, zone: str) -> None:
    """Not that of the clock the file was written by, which may be another exchange's or UTC."""
    part = read(HOURLY, symbol)
    assert isinstance(part, ReadSeries)
    assert part.bars.zone == zone


def test_stored_as_instants(home: Path) -> None:
    """The store gives back what was read: instants in UTC and the exchange's zone."""
    part = read(HOURLY)
    assert isinstance(part, ReadSeries)
    stored = BarStore(home).read("X", "1h")
    assert equal(stored, part.bars)
    assert stored.timestamp.tolist() == [datetime.fromisoformat(start) for start in STARTS]
    assert stored.zone == "America/New_York"
    # A bar is complete one interval after its start.
    assert str(known_at(stored.timestamp, "1h")[-1]) == "2024-03-11T15:30:00"


def test_intervals_stand_apart(home: Path, tmp_path: Path) -> None:
    """Daily and hourly bars of one symbol are two series."""
    (tmp_path / "X.csv").write_text(closes("2024-03-07", "2024-03-08"))
    (series,) = fetch([], source=str(tmp_path / "X.csv"), home=home, today=TODAY).series
    assert (series.interval, series.first) == ("1d", date(2024, 3, 7))
    assert len(BarStore(home).read("X", "1h")) == 4
    assert len(BarStore(home).read("X", "1d")) == 2


def test_later_bars_are_joined(home: Path, tmp_path: Path) -> None:
    """New hours extend the stored ones; the same file again changes nothing."""
    path = tmp_path / "X.csv"
    path.write_text(HOURLY + "2024-03-11 11:30:00-04:00,5,6,5,6,10,0\n")
    (first,) = fetch([], source=str(path), home=home, today=TODAY).series
    assert (first.n_bars, first.n_new, first.changed) == (5, 1, True)
    assert first.last == datetime(2024, 3, 11, 15, 30, tzinfo=UTC)
    (again,) = fetch([], source=str(path), home=home, today=TODAY).series
    assert not again.changed


def test_start_and_end_are_sessions(tmp_path: Path) -> None:
    """An evening in Tokyo belongs to its own day, which is not that of UTC."""
    path = tmp_path / "7203.T.csv"
    path.write_text(closes("2024-03-08 08:00+09:00", "2024-03-08 09:00+09:00", "2024-03-09 08:00Z"))
    day = date(2024, 3, 8)
    result = fetch([], source=str(path), home=tmp_path, today=TODAY, start=day, end=day)
    assert [series.n_bars for series in result.series] == [2]


def test_naive_stamps_with_a_zone(tmp_path: Path) -> None:
    """Said to be New York's, they are the same instants."""
    path = tmp_path / "X.csv"
    path.write_text(HOURLY.replace("-05:00", "").replace("-04:00", ""))
    with pytest.raises(BadDataError, match="is a time of day without a zone"):
        fetch([], source=str(path), home=tmp_path, today=TODAY)
    options = ReadOptions(zone=ZoneInfo("America/New_York"))
    fetch([], source=str(path), home=tmp_path, today=TODAY, options=options)
    starts = BarStore(tmp_path).read("X", "1h").timestamp
    np.testing.assert_array_equal(starts, np.array(STARTS, dtype="datetime64[s]"))


def test_not_forecast_yet(home: Path) -> None:
    """Stored, and refused by whatever learns from bars: asked for by name or not."""
    with pytest.raises(UsageError, match="1h bars are stored but not forecast yet"):
        train([], config=LINEAR, home=home, interval="1h")
    with pytest.raises(MissingInputError, match=r"X: no 1d bars are stored in .*, only 1h"):
        train(["X"], config=LINEAR, home=home)


@pytest.mark.parametrize("command", ["train", "backtest"])
def test_not_forecast_yet_says_the_program(
    forecast: Callable[..., Run], home: Path, command: str
) -> None:
    """One sentence, one repair, exit code 2."""
    run = forecast(command, "X", "--model", "linear", "--interval", "1h", "--home", home)
    assert (run.code, run.out) == (2, "")
    assert run.err == ("error: 1h bars are stored but not forecast yet\nfix: use daily bars (1d)\n")


def test_the_report_names_interval_and_instants(
    forecast: Callable[..., Run], tmp_path: Path
) -> None:
    """The table says how many bars of which spacing, in UTC."""
    (tmp_path / "X.csv").write_text(HOURLY)
    run = forecast("fetch", "--from", tmp_path / "X.csv", "--home", tmp_path / "home")
    assert run.code == 0
    assert "4 of 1h" in run.out
    assert "2024-03-08 19:30Z" in run.out
    run = forecast(
        *("fetch", "--from", tmp_path / "X.csv", "--home", tmp_path / "home", "--format", "json")
    )
    assert '"interval": "1h"' in run.out
    assert '"first": "2024-03-08 19:30:00+00:00"' in run.out


def test_an_unknown_zone_is_a_usage_error(forecast: Callable[..., Run], tmp_path: Path) -> None:
    """Before anything is read."""
    run = forecast("fetch", "--from", tmp_path, "--zone", "Europe/Nowhere")
    assert run.code == 2
    assert "'Europe/Nowhere' is not a time zone" in run.err
