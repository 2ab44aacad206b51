"""`forecast data`: what is stored, shown, checked and removed, as a user meets it."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import ROOT, Run
from synthetic import random_walk_bars

from forecast_cli.data.store import BarStore
from forecast_cli.findings import Policies
from forecast_cli.workflows.data import check_series, list_series, problems_of
from forecast_cli.workflows.fetch import fetch

Forecast = Callable[..., Run]

DATA = ROOT.parent / "shared" / "data"
SYMBOLS = ["AAPL", "GOOG", "IBM", "MSFT", "^GSPC", "^IXIC"]
NOW = datetime(2019, 1, 4, 12, tzinfo=UTC)
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the development data (../shared/data) are not here"
)


@pytest.fixture
def home(sample_home: Path, tmp_path: Path) -> Path:
    """A copy of the sample store."""
    return Path(shutil.copytree(sample_home, tmp_path / "home"))


def spoil(path: Path) -> None:
    """Turn one byte of a price page."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def state(home: Path) -> dict[str, bytes]:
    """Every file of a store but the locks."""
    files = (path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


# list


def test_list_names_every_series(forecast: Forecast, home: Path) -> None:
    """Symbol, bars, ends and basis, one row each."""
    run = forecast("data", "list", "--home", home)
    assert run.code == 0
    rows = [line.split() for line in run.out.splitlines()[3:9]]
    assert [row[0] for row in rows] == SYMBOLS
    assert rows[0][:5] == ["AAPL", "1d", "3,270", "2000-03-01", "2013-03-01"]
    assert "split adjusted" in run.out


def test_freshness_counts_closed_sessions(home: Path) -> None:
    """From 31 December to noon of 4 January, sessions have closed on the 2nd and the 3rd."""
    behind = {one.symbol: one.sessions_behind for one in list_series(home=home, now=NOW)}
    assert behind["^GSPC"] == 2
    evening = NOW.replace(hour=22)
    behind = {one.symbol: one.sessions_behind for one in list_series(home=home, now=evening)}
    assert behind["^GSPC"] == 3


def test_freshness_of_an_unknown_calendar_is_unknown(home: Path) -> None:
    """Neither a guess nor a failure."""
    shutil.rmtree(home / "calendars")
    assert {one.sessions_behind for one in list_series(home=home, now=NOW)} == {None}


def test_a_damaged_file_is_listed_as_such(forecast: Forecast, home: Path) -> None:
    """One bad file does not hide the others."""
    BarStore(home).path("IBM", "1d").write_bytes(b"PAR1")
    run = forecast("data", "list", "--home", home)
    assert run.code == 0
    assert "IBM    1d       damaged" in run.out
    assert "3,270" in run.out


def test_list_of_nothing(forecast: Forecast, tmp_path: Path) -> None:
    """Exit code 66 and the next command."""
    run = forecast("data", "list", "--home", tmp_path)
    assert run.code == 66
    assert "forecast fetch" in run.err


def test_five_hundred_series_are_listed_at_once(home: Path) -> None:
    """Footers only: half a second at most."""
    path = BarStore(home).path("AAPL", "1d")
    for number in range(500):
        folder = path.parents[1] / f"symbol=S{number}"
        folder.mkdir()
        shutil.copy(path, folder)
    start = time.process_time()
    assert len(list_series(home=home, now=NOW)) == 506
    assert time.process_time() - start < 0.5


# show


def test_show_tells_what_is_known(forecast: Forecast, home: Path) -> None:
    """Ends, actions, calendar, findings and revisions."""
    run = forecast("data", "show", "AAPL", "--home", home, "--rows", "2")
    assert run.code == 0
    assert "symbol=AAPL/bars.parquet" in "".join(run.out.split())  # a long path is folded
    for text in (
        "3,270 of 1d, 2000-03-01 to 2013-03-01",
        "split adjusted",
        "dividends not known, splits not known",
        "XNYS; ",
        "0 errors, 1 warnings, 0 notes",
        "... 3,266 more",
        "large_jump",
    ):
        assert text in run.out


def test_show_tells_of_revisions(forecast: Forecast, tmp_path: Path) -> None:
    """Every recorded change of history, when and which."""
    bars = random_walk_bars("A", 30, seed=1)
    store = BarStore(tmp_path)
    store.write(bars)
    store.merge(replace(bars, adj_close=bars.adj_close * 0.9))
    run = forecast("data", "show", "A", "--home", tmp_path)
    assert run.code == 0
    assert "readjusted" in run.out
    assert "0.9000" in run.out


def test_shown_bars_can_be_fetched_again(forecast: Forecast, home: Path, tmp_path: Path) -> None:
    """The CSV is one of the layouts that fetch reads, to the last digit."""
    run = forecast("data", "show", "AAPL", "--home", home, "--rows", "10000", "--format", "csv")
    source = tmp_path / "AAPL.csv"
    source.write_text(run.out)
    again = forecast("fetch", "--from", source, "--home", tmp_path / "again")
    assert again.code == 0
    stored, read = (BarStore(at).read("AAPL", "1d") for at in (home, tmp_path / "again"))
    assert (stored.timestamp == read.timestamp).all()
    assert (stored.adj_close == read.adj_close).all()


def test_show_of_what_is_not_stored(forecast: Forecast, home: Path) -> None:
    """Exit code 66, 2 for what cannot be a symbol."""
    assert forecast("data", "show", "NONE", "--home", home).code == 66
    assert forecast("data", "show", "../x", "--home", home).code == 2


# check


def test_check_reports_and_leaves_with_0(forecast: Forecast, home: Path) -> None:
    """Warnings are no failure, and nothing is changed."""
    before = state(home)
    run = forecast("data", "check", "--home", home)
    assert run.code == 0
    assert "2015-05-12, 2018-01-09" in run.out
    assert "6 series checked: 0 errors, 2 warnings, 0 notes" in run.out
    assert state(home) == before


def test_strict_check_leaves_with_65(forecast: Forecast, home: Path) -> None:
    """For a crontab: quiet, unless there is something."""
    run = forecast("data", "check", "--home", home, "--strict", "--quiet")
    assert (run.code, run.out) == (65, "")
    assert "error: ^IXIC: the volume is 0" in run.err
    run = forecast("data", "check", "^GSPC", "--home", home, "--strict", "--quiet")
    assert (run.code, run.out, run.err) == (0, "", "")


def test_check_verifies_checksums(forecast: Forecast, home: Path) -> None:
    """A flipped bit is an error of that series, and the others are checked."""
    spoil(BarStore(home).path("IBM", "1d"))
    run = forecast("data", "check", "--home", home, "--format", "json")
    assert run.code == 65
    form = json.loads(run.out)
    assert [failed["name"] for failed in form["failed"]] == ["IBM"]
    assert len(form["series"]) == 5


def test_check_of_what_is_not_stored(forecast: Forecast, home: Path) -> None:
    """Exit code 66."""
    assert forecast("data", "check", "NONE", "--home", home).code == 66


def test_check_against_another_calendar(forecast: Forecast, home: Path) -> None:
    """London was open on the Fourth of July; what is no calendar is refused."""
    run = forecast("data", "check", "^GSPC", "--home", home, "--calendar", "XLON")
    assert run.code == 65
    assert "wrong_calendar" in run.out
    assert "missing_session" in run.out
    assert forecast("data", "check", "--home", home, "--calendar", "../x").code == 2


def test_a_calendar_that_does_not_exist_is_a_note(forecast: Forecast, home: Path) -> None:
    """All other checks are made."""
    run = forecast("data", "check", "^IXIC", "--home", home, "--calendar", "XXXX")
    assert run.code == 0
    assert "no_calendar" in run.out
    assert "zero_volume" in run.out


def test_policies_come_from_the_settings(
    forecast: Forecast, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is one because the user says so; a wrong word ends with 78."""
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "forecast.toml"
    settings.write_text('[checks]\nzero_volume = "error"\nlarge_jump = "ignore"\n')
    run = forecast("data", "check", "--home", home)
    assert run.code == 65
    assert "large_jump" not in run.out
    settings.write_text('[checks]\nzero_volumes = "error"\n')
    run = forecast("data", "check", "--home", home)
    assert run.code == 78
    assert "did you mean zero_volume?" in run.err


# remove


def test_problems_of_series_that_were_read_are_those_of_a_check(home: Path) -> None:
    """Errors and warnings, without notes and without the symbols that have none."""
    store = BarStore(home)
    series = [store.read(symbol, "1d") for symbol in SYMBOLS]
    checked = check_series(SYMBOLS, home=home)
    expected = {
        one.symbol: tuple(found for found in one.findings if found.severity != "note")
        for one in checked.series
    }
    found = problems_of(series, home=home)
    assert found == {symbol: of for symbol, of in expected.items() if of}
    assert [one.code for one in found["^IXIC"]] == ["zero_volume"]
    assert problems_of(series, home=home, policies=Policies(chosen={"zero_volume": "note"})) == {
        symbol: of for symbol, of in found.items() if symbol != "^IXIC"
    }


def test_remove_needs_a_yes_and_asks_nobody(forecast: Forecast, home: Path) -> None:
    """Without a terminal: exit code 2, the flag is named, nothing is gone (76)."""
    before = state(home)
    run = forecast("data", "remove", "AAPL", "--home", home)
    assert run.code == 2
    assert "--yes" in run.err
    assert forecast("data", "remove", "AAPL", "--home", home, "--dry-run").code == 0
    assert state(home) == before


def test_remove_takes_what_is_named(forecast: Forecast, home: Path) -> None:
    """And nothing else."""
    run = forecast("data", "remove", "AAPL", "^GSPC", "--home", home, "--yes")
    assert run.code == 0
    assert BarStore(home).symbols("1d") == ["GOOG", "IBM", "MSFT", "^IXIC"]


def test_one_unknown_symbol_keeps_all(forecast: Forecast, home: Path) -> None:
    """A slip of the pen costs nothing: exit code 66 before anything is removed."""
    before = state(home)
    assert forecast("data", "remove", "AAPL", "AAPM", "--home", home, "--yes").code == 66
    assert state(home) == before


@pytest.mark.parametrize(("answer", "gone"), [("y", True), ("", False)])
def test_remove_asks_on_a_terminal(home: Path, answer: str, *, gone: bool) -> None:
    """Nothing but yes is yes."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "forecast_cli", "data", "remove", "AAPL", "--home", str(home)],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        asked = process.communicate()[1].decode()
    os.close(ours)
    os.close(theirs)
    assert "remove AAPL" in asked
    assert ("AAPL" not in BarStore(home).symbols("1d")) == gone
    assert process.returncode == (0 if gone else 1)


# all of them


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["show", "^IXIC"], ["check"], ["remove", "^IXIC", "--dry-run"]],
)
def test_narrow_terminals(
    forecast: Forecast, home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """40 columns are enough for every table; no symbol is cut."""
    monkeypatch.setenv("COLUMNS", "40")
    run = forecast("data", *arguments, "--home", home)
    assert run.code == 0
    assert max(map(len, run.out.splitlines())) <= 40
    assert "IXIC" in run.out


KEYS = {
    "list": {
        *("symbol", "interval", "n_bars", "n_bytes", "first", "last", "price_basis", "calendar"),
        *("sessions_behind", "fault"),
    },
    "check": {"symbol", "interval", "n_bars", "calendar", "findings"},
}


@pytest.mark.parametrize("command", ["list", "check"])
def test_json_of_series(forecast: Forecast, home: Path, command: str) -> None:
    """Names only ever join these within a schema version."""
    form = json.loads(forecast("data", command, "--home", home, "--format", "json").out)
    assert form["schema_version"] == 1
    assert all(KEYS[command] == one.keys() for one in form["series"])
    findings = [found for one in form["series"] for found in one.get("findings", [])]
    keys = {"code", "message", "n_rows", "dates", "severity", "fix"}
    assert all(keys == found.keys() for found in findings)


def test_json_of_show_and_remove(forecast: Forecast, home: Path) -> None:
    """One object each."""
    form = json.loads(forecast("data", "show", "AAPL", "--home", home, "--format", "json").out)
    assert form.keys() == {
        *("schema_version", "stored", "path", "bars", "n_omitted", "n_dividends", "n_splits"),
        *("findings", "revisions"),
    }
    assert len(form["bars"]) == 10
    run = forecast("data", "remove", "AAPL", "--home", home, "--yes", "--format", "json")
    form = json.loads(run.out)
    assert (form["schema_version"], form["dry_run"]) == (1, False)
    assert form["removed"][0]["symbol"] == "AAPL"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_flat_forms(forecast: Forecast, home: Path, form: str) -> None:
    """One line a finding, or a series; CSV has a header."""
    run = forecast("data", "check", "--home", home, "--format", form)
    assert len(run.out.splitlines()) == 2 + (form == "csv")
    run = forecast("data", "list", "--home", home, "--format", form)
    assert len(run.out.splitlines()) == 6 + (form == "csv")


# the development data's known defects


@needs_data
def test_torn_rows_of_the_panel_cost_their_symbols_by_default(tmp_path: Path) -> None:
    """Nine rows of seven symbols lack prices (20): those are refused, with the way to load them."""
    source = str(DATA / "panel" / "sp500_5yr.parquet")
    torn = ["BHF", "DHR", "O", "REGN", "UA", "VRTX", "WRK"]
    result = fetch(["AAPL", *torn], source=source, home=tmp_path)
    assert [series.symbol for series in result.series] == ["AAPL"]
    assert sorted(failed.name for failed in result.failed) == torn
    assert {failed.exit_code for failed in result.failed} == {65}
    assert all('partial_row = "drop"' in str(failed.fix) for failed in result.failed)


@needs_data
def test_known_defects_of_the_panel(tmp_path: Path) -> None:
    """With the torn rows dropped all load, and what is wrong with them is named."""
    source = str(DATA / "panel" / "sp500_5yr.parquet")
    fetched = fetch(
        [], source=source, home=tmp_path, policies=Policies(chosen={"partial_row": "drop"})
    )
    torn = [
        found for one in fetched.series for found in one.findings if found.code == "partial_row"
    ]
    assert (len(fetched.series), fetched.failed) == (413, [])
    assert sum(found.n_rows for found in torn) == 9
    checked = check_series([], home=tmp_path)
    rows: dict[str, int] = {}
    days: dict[str, dict[str, int]] = {}
    for one in checked.series:
        for found in one.findings:
            rows[found.code] = rows.get(found.code, 0) + found.n_rows
            for day in found.dates:
                days.setdefault(found.code, {}).setdefault(day, 0)
                days[found.code][day] += 1
    assert rows["range_violation"] == 10
    assert rows["large_jump"] + rows["split_like_jump"] == 10
    assert days["repeated_bar"]["2014-08-04"] > 100
    assert days["repeated_bar"]["2014-07-18"] > 20
    short = {one.symbol for one in checked.series for f in one.findings if f.code == "short_series"}
    assert "APTV" in short
    assert checked.count("error") == 0


@needs_data
def test_known_defects_of_acl18(forecast: Forecast, tmp_path: Path) -> None:
    """87 files load; AGFS is flat, without volume, stuck, and jumps."""
    run = forecast("fetch", "--from", DATA / "acl18" / "raw", "--home", tmp_path)
    assert run.code == 0
    assert len(BarStore(tmp_path).symbols("1d")) == 87
    checked = check_series([], home=tmp_path)
    found = {one.symbol: {f.code: f.n_rows for f in one.findings} for one in checked.series}
    assert {"flat_bar", "zero_volume", "stuck_price", "split_like_jump"} <= found["AGFS"].keys()
    assert sum(codes.get("zero_volume", 0) for codes in found.values()) == 111
    assert sum(codes.get("flat_bar", 0) for codes in found.values()) == 171
    assert sum(1 for codes in found.values() if codes) <= 5


@needs_data
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AET-L-1d-100x-error", {"unit_jump", "stuck_price"}),
        ("4063-T-1d-bad-stock-split", {"split_like_jump"}),
        ("JENYX-1d-cg-double-count", {"large_jump"}),
    ],
)
def test_broken_downloads(tmp_path: Path, name: str, expected: set[str]) -> None:
    """Pence for pounds (D8), a split applied to a part (D7), a distribution counted twice."""
    source = DATA / "yfinance_csv" / "defects" / f"{name}.csv"
    symbol = name.split("-1d", maxsplit=1)[0].replace("-", ".")
    (series,) = fetch([symbol], source=str(source), home=tmp_path).series
    jumps = {"unit_jump", "split_like_jump", "large_jump", "stuck_price", "repeated_bar"}
    assert {found.code for found in series.findings} & jumps == expected
