"""Fetch: sources into the store, each symbol apart."""

import contextlib
import io
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast_cli.data import calendars
from forecast_cli.data.covariates import CovariateStore
from forecast_cli.data.series import ReadOptions, ReadSeries
from forecast_cli.data.store import BarStore
from forecast_cli.data.yahoo import RateLimitError
from forecast_cli.errors import (
    BadDataError,
    MissingInputError,
    UpstreamError,
    UsageError,
)
from forecast_cli.workflows import yahoo as yahoo_workflow
from forecast_cli.workflows.fetch import FetchResult, fetch

TODAY = date(2024, 3, 13)
FLAT = """\
Date,Open,High,Low,Close,Adj Close,Volume
2024-03-07,99.5,101.0,99.0,100.0,99.0,1000
2024-03-08,100.5,102.0,100.0,101.0,99.99,1001
2024-03-11,101.5,103.0,101.0,102.0,100.98,1002
"""
MORE = FLAT + "2024-03-12,102.5,104.0,102.0,103.0,101.97,1003\n"
LONG = "Date,Ticker,Close\n2024-03-07,AAPL,1\n2024-03-07,MSFT,2\n2024-03-07,BAD,-3\n"
LONG_HEADER = "Date,Open,High,Low,Close,Adj Close,Volume,Ticker"
SAMPLES = Path(__file__).parents[1] / "sample_data"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty store."""
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of price files."""
    path = tmp_path / "prices"
    path.mkdir()
    return path


def state(home: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its time and content."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def outcome(result: FetchResult) -> tuple[list[str], list[tuple[str, int]]]:
    """Stored symbols; failed names with their exit codes."""
    return (
        [series.symbol for series in result.series],
        [(failed.name, failed.exit_code) for failed in result.failed],
    )


def test_one_file(folder: Path, home: Path) -> None:
    """The report says what came from where and what is now stored."""
    path = folder / "^GSPC.csv"
    path.write_text(FLAT)
    (series,) = fetch([], source=str(path), home=home, today=TODAY).series
    assert (series.symbol, series.source, series.layout) == (
        "^GSPC",
        "^GSPC.csv",
        "one header line",
    )
    assert (series.n_bars, series.n_new, series.n_revised, series.changed) == (3, 3, 0, True)
    assert (series.first, series.last) == (date(2024, 3, 7), date(2024, 3, 11))
    assert len(BarStore(home).read("^GSPC", "1d")) == 3


def test_second_run_changes_no_file(home: Path) -> None:
    """Two runs on the same day are one, for the real sample files too."""
    first = fetch([], source=str(SAMPLES), home=home)
    assert len(first.series) == 6
    assert not first.failed
    before = state(home)
    again = fetch([], source=str(SAMPLES), home=home)
    assert not any(series.changed or series.n_new for series in again.series)
    assert state(home) == before


def test_new_rows_extend_what_is_stored(folder: Path, home: Path) -> None:
    """A longer file later adds its new bars."""
    (folder / "A.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home, today=TODAY)
    (folder / "A.csv").write_text(MORE)
    (series,) = fetch([], source=str(folder), home=home, today=TODAY).series
    assert (series.n_bars, series.n_new, series.changed) == (4, 1, True)


def test_calendar_reaches_two_years_ahead(folder: Path, home: Path) -> None:
    """Predict needs target dates without the calendar package."""
    (folder / "A.csv").write_text(FLAT)
    (folder / "V.L.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home, today=TODAY)
    for name in ("XNYS", "XLON"):
        calendar = BarStore(home).read_calendar(name)
        assert calendar is not None
        assert calendar.sessions[0] <= np.datetime64("2024-03-07")
        assert calendar.sessions[-1] >= np.datetime64("2026-03-12")


def test_a_calendar_to_check_against_is_stored_beside_the_symbols_own(
    folder: Path, home: Path
) -> None:
    """Predict goes by the symbol's own calendar, whatever its bars were checked against."""
    (folder / "A.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home, today=TODAY, calendar="24/7")
    assert BarStore(home).read_calendar("24-7") is not None
    assert BarStore(home).read_calendar("XNYS") is not None


def test_calendar_never_shrinks(folder: Path, home: Path) -> None:
    """A later fetch of a younger series keeps the years that older ones need."""
    old = FLAT.replace("2024-03", "2004-03")
    (folder / "OLD.csv").write_text(old.replace("2004-03-07", "2004-03-05"))
    fetch([], source=str(folder), home=home, today=TODAY)
    (folder / "NEW.csv").write_text(FLAT)
    fetch(["NEW"], source=str(folder), home=home, today=date(2025, 3, 13))
    calendar = BarStore(home).read_calendar("XNYS")
    assert calendar is not None
    assert calendar.sessions[0] <= np.datetime64("2004-03-05")
    assert calendar.sessions[-1] >= np.datetime64("2027-03-12")


def no_calendar(*_: object) -> None:
    """What a package says that does not know the exchange."""
    raise BadDataError("no such calendar")


def test_calendar_that_fails_is_a_finding(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars are stored although the calendar package does not know the exchange."""
    monkeypatch.setattr(calendars, "calendar_between", no_calendar)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    (folder / "A.csv").write_text(FLAT)
    (series,) = fetch([], source=str(folder), home=home, today=TODAY).series
    assert "no_calendar" in [finding.code for finding in series.findings]


def test_a_calendar_is_made_once_for_all_stores(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's cache has it for the next store, and a newer calendar package has its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    (folder / "A.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home / "first", today=TODAY)
    monkeypatch.setattr(calendars, "calendar_between", no_calendar)
    fetch([], source=str(folder), home=home / "second", today=TODAY)
    made, copied = (BarStore(home / name).read_calendar("XNYS") for name in ("first", "second"))
    assert made is not None
    assert made == copied
    monkeypatch.setattr(calendars, "version", lambda _: "99.0")
    (series,) = fetch([], source=str(folder), home=home / "third", today=TODAY).series
    assert "no_calendar" in [finding.code for finding in series.findings]


def test_a_cache_that_cannot_be_used_costs_time_only(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calendars are then made for each store."""
    (folder / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    (folder / "A.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home, today=TODAY)
    assert BarStore(home).read_calendar("XNYS") is not None


def test_a_bad_file_does_not_cost_the_others(folder: Path, home: Path) -> None:
    """Each failure has its name, reason, repair and exit code; nothing is stored for it."""
    (folder / "A.csv").write_text(FLAT)
    (folder / "B.csv").write_text("<html>")
    (folder / "LONG.csv").write_text(LONG)
    (folder / "notes.md").write_text("not looked at")
    result = fetch([], source=str(folder), home=home, today=TODAY)
    assert outcome(result) == (["A", "AAPL", "MSFT"], [("B", 65), ("BAD", 65)])
    assert "this is HTML" in result.failed[0].reason
    assert result.failed[0].fix
    assert BarStore(home).symbols("1d") == ["A", "AAPL", "MSFT"]


def test_only_the_wanted_symbols(folder: Path, home: Path) -> None:
    """Symbols given are all that is stored; what is not found has failed."""
    (folder / "A.csv").write_text(FLAT)
    (folder / "LONG.csv").write_text(LONG)
    result = fetch(["msft", "NONE"], source=str(folder), home=home, today=TODAY)
    assert outcome(result) == (["MSFT"], [("NONE", 66)])


def test_unrelated_bad_files_are_no_failure(folder: Path, home: Path) -> None:
    """Who asks for A is not bothered with B, unless something is missing."""
    (folder / "A.csv").write_text(FLAT)
    (folder / "B.csv").write_text("<html>")
    assert outcome(fetch(["A"], source=str(folder), home=home, today=TODAY)) == (["A"], [])
    found, failed = outcome(fetch(["A", "C"], source=str(folder), home=home, today=TODAY))
    assert (found, failed) == (["A"], [("B", 65), ("C", 66)])


def test_one_symbol_names_one_file(folder: Path, home: Path) -> None:
    """A flat file with any name takes the one symbol given."""
    path = folder / "my download.csv"
    path.write_text(FLAT)
    assert outcome(fetch(["aapl"], source=str(path), home=home, today=TODAY)) == (["AAPL"], [])


def test_glob(folder: Path, home: Path) -> None:
    """A pattern takes the files it matches, sorted."""
    for name in ("B1.csv", "A1.csv", "C2.csv"):
        (folder / name).write_text(FLAT)
    result = fetch([], source=str(folder / "*1.csv"), home=home, today=TODAY)
    assert outcome(result) == (["A1", "B1"], [])


def test_standard_input(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads one CSV from a pipe."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FLAT.encode())))
    (series,) = fetch(["AAPL"], source="-", home=home, today=TODAY).series
    assert (series.symbol, series.source) == ("AAPL", "standard input")


def test_start_and_end(folder: Path, home: Path) -> None:
    """Only sessions between both dates, both included."""
    (folder / "A.csv").write_text(MORE)
    start, end = date(2024, 3, 8), date(2024, 3, 11)
    result = fetch([], source=str(folder), home=home, today=TODAY, start=start, end=end)
    assert [(s.first, s.last, s.n_bars) for s in result.series] == [(start, end, 2)]


@pytest.mark.parametrize(
    ("symbols", "source", "error"),
    [
        ([], "yahoo", UsageError),
        ([], "none.csv", MissingInputError),
        ([], "none*.csv", MissingInputError),
        ([], ".", MissingInputError),
        ([], "x" * 5000, MissingInputError),
        ([], "\0", MissingInputError),
        (["../x"], ".", UsageError),
    ],
)
def test_nothing_to_fetch(
    folder: Path, home: Path, symbols: list[str], source: str, error: type[Exception]
) -> None:
    """When nothing succeeds the first error itself comes out, and no store appears."""
    with contextlib.chdir(folder), pytest.raises(error):
        fetch(symbols, source=source, home=home, today=TODAY)
    assert not home.exists()


def test_intervals_are_measured(home: Path) -> None:
    """Another interval than one day cannot be asked for; nothing is read."""
    with pytest.raises(UsageError, match="interval 1h cannot be asked for"):
        fetch([], source=".", home=home, interval="1h")


def test_start_after_end(home: Path) -> None:
    """A range the wrong way round is a usage error (#70)."""
    with pytest.raises(UsageError, match="lies after"):
        fetch([], source=".", home=home, start=date(2024, 1, 2), end=date(2024, 1, 1))


def test_another_price_basis_is_refused_and_the_old_stands(folder: Path, home: Path) -> None:
    """Stored bars never change their meaning on the way."""
    (folder / "A.csv").write_text(FLAT)
    fetch([], source=str(folder), home=home, today=TODAY)
    before = state(home)
    (folder / "A.csv").write_text("Date,Close\n2024-03-07,1\n")
    with pytest.raises(BadDataError, match="the new ones unknown"):
        fetch([], source=str(folder), home=home, today=TODAY)
    assert state(home) == before


class FakeYahoo:
    """Stands for `fetch_yahoo`: answers by symbol."""

    def __init__(self, series: ReadSeries) -> None:
        self.series = series
        self.asked: list[str] = []

    def __call__(self, symbol: str, **_: object) -> ReadSeries:
        """The series, or the failure that the symbol's name asks for."""
        self.asked.append(symbol)
        if symbol.startswith("DOWN"):
            raise UpstreamError("down")
        if symbol == "LIMIT":
            raise RateLimitError("limit")
        return self.series


@pytest.fixture
def yahoo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> FakeYahoo:
    """A Yahoo that needs no network."""
    from forecast_cli.data.reader import read_file  # noqa: PLC0415 - used here only

    path = folder / "AAPL.csv"
    path.write_text(FLAT)
    fake = FakeYahoo(read_file(path, today=TODAY)[0])
    monkeypatch.setattr(yahoo_workflow, "fetch_yahoo", fake)
    return fake


def test_rate_limit_stops_the_run(home: Path, yahoo: FakeYahoo) -> None:
    """After the first refusal nobody else is asked for; what was stored stays."""
    symbols = ["DOWN", "AAPL", "LIMIT", "MSFT"]
    result = fetch(symbols, source="yahoo", home=home, today=TODAY, pause_s=0)
    assert outcome(result) == (["AAPL"], [("DOWN", 69), ("LIMIT", 75), ("MSFT", 75)])
    assert result.rate_limited
    assert result.failed[-1].reason == "MSFT: not tried"
    assert yahoo.asked == ["DOWN", "AAPL", "LIMIT"]


def test_rate_limit_at_the_first_symbol(home: Path, yahoo: FakeYahoo) -> None:
    """Nothing is stored, and the report still names every symbol."""
    result = fetch(["LIMIT", "AAPL"], source="yahoo", home=home, today=TODAY, pause_s=0)
    assert outcome(result) == ([], [("LIMIT", 75), ("AAPL", 75)])
    assert result.rate_limited


def test_all_failed(home: Path, yahoo: FakeYahoo) -> None:
    """The exit code is that of the first failure; every failure is named."""
    with pytest.raises(UpstreamError, match="down; down"):
        fetch(["DOWN", "DOWN.L"], source="yahoo", home=home, today=TODAY, pause_s=0)


def test_pause_between_symbols_only(
    home: Path, yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the first symbol waits nor the end of the run."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    fetch(["AAPL", "DOWN", "DOWN.L"], source="yahoo", home=home, today=TODAY, pause_s=0.25)
    assert pauses == [0.25, 0.25]


def test_many_failures_are_counted(folder: Path, home: Path) -> None:
    """A message names four and counts the rest."""
    for number in range(9):
        (folder / f"B{number}.csv").write_text("<html>")
    with pytest.raises(BadDataError, match=r"B0.csv.*B3.csv.*; and 5 more$"):
        fetch([], source=str(folder), home=home, today=TODAY)


def test_files_of_one_symbol_are_joined_in_their_order(folder: Path, home: Path) -> None:
    """The later file wins where both have a day, however many threads store."""
    for number in range(40):
        close = 100 + number
        row = f"2024-03-11,{close},{close},{close},{close},{close},1"
        (folder / f"part{number:02d}.csv").write_text(f"{LONG_HEADER}\n{row},A\n{row},B\n")
    result = fetch([], source=str(folder), home=home, today=TODAY)
    assert len(result.series) == 80
    assert [BarStore(home).read(s, "1d").close[-1] for s in ("A", "B")] == [139, 139]


def test_same_files_same_store(folder: Path, tmp_path: Path) -> None:
    """Two fresh fetches of the same files leave the same bytes."""
    for number in range(20):
        (folder / f"S{number}.csv").write_text(FLAT)
    stores = [tmp_path / "one", tmp_path / "two"]
    for store in stores:
        fetch([], source=str(folder), home=store, today=TODAY)
    one, two = (
        {path.relative_to(s): path.read_bytes() for path in s.rglob("*.parquet")} for s in stores
    )
    assert len(one) == 21
    assert one == two


def test_same_store_from_any_number_of_processes(folder: Path, tmp_path: Path) -> None:
    """Files of one symbol each: the same outcomes in the same order, and the same bytes."""
    for number in range(40):
        (folder / f"S{number}.csv").write_text(FLAT if number % 2 else MORE)
    (folder / "S17.csv").write_text(FLAT.replace("100", "-100"))
    stores = [tmp_path / "one", tmp_path / "two"]
    one, two = (
        fetch([], source=str(folder), home=store, today=TODAY, n_processes=n)
        for n, store in enumerate(stores, start=1)
    )
    assert one == two
    assert [failure.name for failure in two.failed] == ["S17"]
    files = [
        {path.relative_to(s): path.read_bytes() for path in s.rglob("*.parquet")} for s in stores
    ]
    assert len(files[0]) == 40
    assert files[0] == files[1]


def test_files_that_may_share_a_symbol_keep_their_order(folder: Path, home: Path) -> None:
    """However many processes: the bar of the last file stands."""
    (folder / "a.csv").write_text(f"{LONG_HEADER}\n2024-03-11,1,1,1,1,1,1,B\n")
    (folder / "b.csv").write_text(FLAT)
    (folder / "c.csv").write_text(f"{LONG_HEADER}\n2024-03-11,7,7,7,7,7,1,B\n")
    fetch([], source=str(folder), home=home, today=TODAY, n_processes=2)
    assert BarStore(home).read("B", "1d").close[-1] == 7


def test_fetch_of_known_sessions_needs_no_pandas(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the calendar stands, a daily run starts in the time of numpy and pyarrow."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    (folder / "A.csv").write_text(FLAT)
    command = (
        "import sys; from pathlib import Path; from forecast_cli.workflows.fetch import fetch;"
        f"fetch([], source={str(folder)!r}, home=Path({str(home)!r}));"
        "print('pandas' in sys.modules)"
    )
    (folder / "B.csv").write_text(MORE)
    runs = [
        subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


SENTIMENT = """\
Date,Close,Sentiment,Note
2024-03-07,1,0.5,a
2024-03-08,2,,b
2024-03-11,3,-0.25,c
"""


def test_extra_columns_are_kept_as_covariates(folder: Path, home: Path) -> None:
    """Asked for by name, in any case; each value is known at the close of its bar."""
    (folder / "A.csv").write_text(SENTIMENT)
    options = ReadOptions(keep=("SENTIMENT",))
    (series,) = fetch([], source=str(folder), home=home, today=TODAY, options=options).series
    assert series.covariates == ("sentiment",)
    kept = CovariateStore(home).read("sentiment", "A")
    assert [str(day) for day in kept.available_at] == ["2024-03-07", "2024-03-11"]
    np.testing.assert_array_equal(kept.values, [0.5, -0.25])
    before = state(home)
    (again,) = fetch([], source=str(folder), home=home, today=TODAY, options=options).series
    assert not again.changed
    assert state(home) == before


def test_only_the_kept_values_of_the_range(folder: Path, home: Path) -> None:
    """Start and end cut bars and covariates alike."""
    (folder / "A.csv").write_text(SENTIMENT)
    options = ReadOptions(keep=("Sentiment",))
    day = date(2024, 3, 11)
    fetch([], source=str(folder), home=home, today=TODAY, start=day, options=options)
    kept = CovariateStore(home).read("sentiment", "A")
    assert kept.available_at.tolist() == [day]


def test_kept_values_of_intraday_bars(folder: Path, home: Path) -> None:
    """They are known when their bar is complete: an interval after its start."""
    rows = "".join(f"2024-03-08 14:{minute}:00+00:00,1,{minute}\n" for minute in (30, 35, 40))
    (folder / "A.csv").write_text(f"Date,Close,Imbalance\n{rows}")
    options = ReadOptions(keep=("Imbalance",))
    fetch([], source=str(folder), home=home, today=TODAY, options=options)
    kept = CovariateStore(home).read("imbalance", "A")
    assert str(kept.available_at[0]).startswith("2024-03-08T14:35:00")


def test_two_level_columns_to_keep(folder: Path, home: Path) -> None:
    """Each symbol of a wide file has its own."""
    text = "Price,Close,Close,Short,Short\nTicker,A,B,A,B\nDate,,,,\n2024-03-07,1,2,3,4\n"
    (folder / "wide.csv").write_text(text)
    options = ReadOptions(keep=("short",))
    fetch([], source=str(folder), home=home, today=TODAY, options=options)
    kept = [CovariateStore(home).read("short", symbol).values[0] for symbol in ("A", "B")]
    assert kept == [3, 4]


def test_the_basis_of_stored_bars_is_settled_by_the_same_bars(folder: Path, home: Path) -> None:
    """Stored as unknown, then said to be adjusted; from then on that must be said every time."""
    (folder / "A.csv").write_text("Date,Close\n2024-03-07,1\n2024-03-08,2\n")
    fetch([], source=str(folder), home=home, today=TODAY)
    options = ReadOptions(price_basis="adjusted")
    (series,) = fetch([], source=str(folder), home=home, today=TODAY, options=options).series
    assert (series.price_basis, series.changed, series.n_revised) == ("adjusted", True, 0)
    assert BarStore(home).read("A", "1d").price_basis == "adjusted"
    with pytest.raises(BadDataError, match="the new ones unknown") as caught:
        fetch([], source=str(folder), home=home, today=TODAY)
    assert "same --price-basis" in str(caught.value.fix)


def test_an_unknown_basis_is_not_settled_by_other_bars(folder: Path, home: Path) -> None:
    """Where stored bars are missing from the new ones, or differ, nobody knows what they mean."""
    options = ReadOptions(price_basis="adjusted")
    (folder / "A.csv").write_text("Date,Close\n2024-03-07,1\n2024-03-08,2\n")
    fetch([], source=str(folder), home=home, today=TODAY)
    for rows in ("2024-03-08,2\n2024-03-11,3\n", "2024-03-07,1\n2024-03-08,2.5\n"):
        (folder / "A.csv").write_text(f"Date,Close\n{rows}")
        with pytest.raises(BadDataError, match="the stored bars are unknown"):
            fetch([], source=str(folder), home=home, today=TODAY, options=options)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(FLAT.splitlines()[1:] + MORE.splitlines()[4:]), cut=st.integers(1, 3))
def test_order_of_rows_and_files_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], cut: int
) -> None:
    """Sorted by option, rows in any order over two files in any order are the one series."""
    folder = tmp_path_factory.mktemp("order")
    header = FLAT.splitlines()[0]
    for number, rows in enumerate((order[:cut], order[cut:])):
        table = "".join(f"{row},A\n" for row in rows)
        (folder / f"{number}.csv").write_text(f"{header},Ticker\n{table}")
    options = ReadOptions(sort=True)
    fetch([], source=str(folder), home=folder / "home", today=TODAY, options=options)
    bars = BarStore(folder / "home").read("A", "1d")
    assert bars.close.tolist() == [100, 101, 102, 103]
    assert bars.volume.tolist() == [1000, 1001, 1002, 1003]


def test_a_finding_is_told_once(forecast: Callable[..., Run], folder: Path, tmp_path: Path) -> None:
    """Every night the same old zero volume would be a mail a night; a new one is told."""
    path, home = folder / "A.csv", tmp_path / "told"
    days = [f"2024-03-{day:02},10,11,9,10.5,10.5,{{}}\n" for day in (4, 5, 6, 7, 8)]
    header = "Date,Open,High,Low,Close,Adj Close,Volume\n"

    def fetched(*volumes: int) -> str:
        rows = [row.format(volume) for row, volume in zip(days, volumes, strict=False)]
        path.write_text(header + "".join(rows))
        run = forecast("fetch", "--from", path, "--home", home)
        assert run.code == 0
        return run.err

    assert "the volume is 0 on 2024-03-05" in fetched(100, 0, 120)
    assert fetched(100, 0, 120) == ""
    assert fetched(100, 0, 120, 130) == ""
    assert "the volume is 0 on 2024-03-05, 2024-03-08" in fetched(100, 0, 120, 130, 0)
    assert fetched(100, 0, 120, 130, 0) == ""
