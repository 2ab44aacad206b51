"""Runs over Yahoo's symbols: what is asked for, when a run stops, what is stored then."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fake_yahoo import FakeYahoo, Reply, chart, serving

from forecast_cli.data.store import BarStore
from forecast_cli.errors import UpstreamError
from forecast_cli.workflows.fetch import FetchedSeries, fetch
from forecast_cli.workflows.run import FetchStep, RunPlan, RunResult
from forecast_cli.workflows.run import run as nightly

SESSIONS = tuple(
    str(day)
    for day in (date(2024, 1, 1) + timedelta(days=i) for i in range(60))
    if day.weekday() < 5
)
TODAY = date(2024, 3, 13)


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeYahoo]:
    """A running FakeYahoo with the first thirty sessions of 2024."""
    with serving(monkeypatch) as fake:
        fake.days = SESSIONS[:30]
        yield fake


def run(home: Path, *, start: date | None = None, end: date | None = None) -> FetchedSeries:
    """One fetch of AAPL."""
    result = fetch(["AAPL"], source="yahoo", home=home, today=TODAY, start=start, end=end)
    return result.series[0]


def state(home: Path) -> dict[Path, tuple[int, bytes]]:
    """Every stored file with its time and content."""
    files = [p for p in home.rglob("*") if p.is_file() and "cache" not in p.parts]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_new_symbol_is_asked_for_whole(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """All that Yahoo has."""
    series = run(tmp_path)
    assert (series.n_bars, series.n_new) == (30, 30)
    ((symbol, first, _),) = yahoo.asked
    assert symbol == "AAPL"
    assert first < "1930"


def test_only_the_missing_range_is_asked_for(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """From ten sessions before the last stored one."""
    run(tmp_path)
    yahoo.days = SESSIONS[:35]
    series = run(tmp_path)
    assert (series.n_bars, series.n_new, series.n_revised) == (35, 5, 0)
    assert [first for _, first, _ in yahoo.asked[1:]] == [SESSIONS[20]]
    np.testing.assert_allclose(BarStore(tmp_path).read("AAPL", "1d").close, 100 + np.arange(35))


def test_a_second_run_asks_little_and_changes_no_file(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """One short request, and the store as it was."""
    run(tmp_path)
    before = state(tmp_path)
    series = run(tmp_path)
    assert (series.n_new, series.changed) == (0, False)
    assert [first for _, first, _ in yahoo.asked[1:]] == [SESSIONS[20]]
    assert state(tmp_path) == before


def test_a_start_is_obeyed(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Who gives a date gets the bars from there, stored or not."""
    run(tmp_path)
    run(tmp_path, start=date.fromisoformat(SESSIONS[3]))
    assert yahoo.asked[-1][1] == SESSIONS[3]


def test_an_end_before_what_is_stored(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Nothing later is missing: Yahoo is asked as for a new symbol, and no bar is lost."""
    run(tmp_path)
    series = run(tmp_path, end=date.fromisoformat(SESSIONS[10]))
    assert (series.n_bars, series.changed) == (30, False)
    assert yahoo.asked[-1][1] < "1930"


@pytest.mark.parametrize(
    ("adjusted", "split"), [(0.985, 1.0), (0.99, 2.0)], ids=["dividend", "split"]
)
def test_readjusted_history_is_fetched_whole(
    yahoo: FakeYahoo, tmp_path: Path, adjusted: float, split: float
) -> None:
    """A dividend or a split since the last fetch moves all older adjusted closes."""
    run(tmp_path)
    yahoo.days, yahoo.adjusted, yahoo.split = SESSIONS[:31], adjusted, split
    series = run(tmp_path)
    assert (series.n_bars, series.n_new, series.n_revised) == (31, 1, 0)
    assert series.readjusted == pytest.approx(adjusted / 0.99 / split)
    assert [first for _, first, _ in yahoo.asked[1:]] == [SESSIONS[20], SESSIONS[0]]
    bars = BarStore(tmp_path).read("AAPL", "1d")
    np.testing.assert_allclose(bars.close, (100 + np.arange(31)) / split)
    np.testing.assert_allclose(bars.adj_close, bars.close * adjusted)


def test_noise_in_the_last_digits_is_no_readjustment(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Yahoo's adjusted closes are never twice the same; that alone fetches nothing again."""
    run(tmp_path)
    yahoo.adjusted = 0.99 * (1 + 1e-7)
    run(tmp_path)
    assert len(yahoo.asked) == 2


def test_a_few_stored_bars(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Fewer than ten sessions are all asked for again."""
    yahoo.days = SESSIONS[:3]
    run(tmp_path)
    yahoo.days = SESSIONS[:6]
    assert run(tmp_path).n_bars == 6
    assert yahoo.asked[-1][1] == SESSIONS[0]


def test_rate_limit_at_a_later_symbol(
    forecast: Callable[..., Run], yahoo: FakeYahoo, tmp_path: Path
) -> None:
    """The run ends with 75, what was done is stored, the rest has not been tried."""
    yahoo.replies["MSFT"] = [(429, b"Too Many Requests")]
    arguments = ("--from", "yahoo", "--home", tmp_path, "--pause", "0", "--format", "json")
    ended = forecast("fetch", "AAPL", "MSFT", "IBM", *arguments)
    assert ended.code == 75
    assert "MSFT: Yahoo refuses more requests" in ended.err
    assert "IBM: not tried" in ended.err
    assert "2 of 3 failed or were not tried; what was fetched is stored" in ended.err
    assert BarStore(tmp_path).symbols("1d") == ["AAPL"]
    assert "IBM" not in [symbol for symbol, _, _ in yahoo.asked]


def test_rate_limit_at_the_first_symbol(
    forecast: Callable[..., Run], yahoo: FakeYahoo, tmp_path: Path
) -> None:
    """Nothing is stored, and the code is the same."""
    yahoo.replies["AAPL"] = [(429, b"Too Many Requests")]
    ended = forecast("fetch", "AAPL", "IBM", "--from", "yahoo", "--home", tmp_path, "--pause", "0")
    assert ended.code == 75
    assert "IBM: not tried" in ended.err
    assert BarStore(tmp_path).symbols("1d") == []


def test_one_failed_symbol_does_not_cost_the_others(
    forecast: Callable[..., Run], yahoo: FakeYahoo, tmp_path: Path
) -> None:
    """Code 3, and each failure has its sentence."""
    yahoo.replies["NOPE"] = [(404, b"{}")]
    yahoo.replies["EMPTY"] = [(200, chart([]))]
    arguments = ("--from", "yahoo", "--home", tmp_path, "--pause", "0")
    ended = forecast("fetch", "NOPE", "AAPL", "EMPTY", "IBM", *arguments)
    assert ended.code == 3
    assert "failed: NOPE: Yahoo" in ended.err
    assert "failed: EMPTY: Yahoo" in ended.err
    assert BarStore(tmp_path).symbols("1d") == ["AAPL", "IBM"]


def test_a_failed_refetch_leaves_the_store_as_it_was(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Half a body, at the update or at the whole history after it, changes nothing."""
    run(tmp_path)
    before = state(tmp_path)
    readjusted = chart(SESSIONS[20:30], first_close=120, adjusted=0.9)
    scripts: list[list[Reply]] = [["half"], [(200, readjusted), "half"]]
    for replies in scripts:
        yahoo.replies["AAPL"] = replies
        with pytest.raises(UpstreamError):
            run(tmp_path)
        assert state(tmp_path) == before


NIGHT = datetime(2024, 2, 10, 12, tzinfo=UTC)
"""After the last of the first thirty sessions, a Friday."""


def night(home: Path, *symbols: str) -> RunResult:
    """A `forecast run` of Yahoo's symbols that trains nothing."""
    call = partial(fetch, source="yahoo", home=home, today=NIGHT.date(), pause_s=0)
    step = FetchStep(source="yahoo", symbols=symbols, call=call)
    plan = RunPlan(fetch=step, models=(), symbols=(), retrain_every=21)
    return nightly(plan, home=home, now=NIGHT)


def test_a_run_asks_for_nothing_that_is_stored(yahoo: FakeYahoo, tmp_path: Path) -> None:
    """Once the last closed session of a symbol is there, Yahoo is left in peace about it."""
    assert night(tmp_path, "AAPL").steps[0].status == "done"
    n_asked, before = len(yahoo.asked), state(tmp_path)
    assert night(tmp_path, "AAPL").steps[0].status == "nothing"
    assert len(yahoo.asked) == n_asked
    assert state(tmp_path) == before
    (step,) = night(tmp_path, "AAPL", "MSFT").steps
    assert step.status == "done"
    assert [symbol for symbol, *_ in yahoo.asked[n_asked:]] == ["MSFT"]


def test_a_rate_limit_ends_a_run_with_75_and_the_next_goes_on(
    yahoo: FakeYahoo, tmp_path: Path, forecast: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is stored and is not asked for again."""
    yahoo.replies["MSFT"] = [(429, b"Too Many Requests")]
    (tmp_path / "forecast.toml").write_text(
        'home = "store"\n[fetch]\nfrom = "yahoo"\nsymbols = ["AAPL", "MSFT"]\npause = 0\n'
    )
    limited = forecast("run", "--config", tmp_path / "forecast.toml")
    assert limited.code == 75
    assert "MSFT" in limited.err
    assert BarStore(tmp_path / "store").symbols("1d") == ["AAPL"]
    del yahoo.replies["MSFT"]
    forecast("run", "--config", tmp_path / "forecast.toml")
    assert BarStore(tmp_path / "store").symbols("1d") == ["AAPL", "MSFT"]
