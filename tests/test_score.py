"""`forecast score`: recorded forecasts beside what came, and when a crontab is told."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from synthetic import calendar_of, random_walk_bars

from forecast_cli.data.bars import Bars
from forecast_cli.data.ledger import Entry, Ledger
from forecast_cli.data.sessions import target_date
from forecast_cli.data.store import BarStore
from forecast_cli.errors import UsageError
from forecast_cli.evaluation.scores import score_all
from forecast_cli.features.dataset import build_windows
from forecast_cli.models.baselines import EwmaHistory
from forecast_cli.workflows.conditions import MEASURES, parse_condition
from forecast_cli.workflows.score import LiveScore, score

Forecast = Callable[..., Run]
SERIES = [random_walk_bars(name, 500, seed) for seed, name in enumerate(("AAPL", "MSFT"))]
SESSIONS = np.arange("2001-01-01", "2006-01-01", dtype="datetime64[D]")
SESSIONS = SESSIONS[np.is_busday(SESSIONS)]
WINDOWS = build_windows(SERIES, horizons=(1, 5), lookback=1, features=("return",))
FIRST = SERIES[0].timestamp[460]


def _forecasts(*, wide: float = 1.0) -> list[Entry]:
    """The filtered history's forecasts from the 461st bar on, each made an hour after its close."""
    naive = EwmaHistory()
    before = WINDOWS.take(WINDOWS.known_from <= FIRST)
    naive.fit(before, before)
    tested = WINDOWS.take(WINDOWS.cutoffs >= FIRST)
    made = naive.predict(tested)
    return [
        Entry(
            made_at=_after(_day(cutoff)), model="mine", model_version="v1", symbol=symbol,
            interval="1d", cutoff=_day(cutoff), horizon=horizon, last_close=100.0, position=None,
            data_sha256="a" * 64,
            target_date=_day(target_date(SESSIONS, cutoff, horizon)),
            point_return=float(made.point[row, column]), p_up=float(made.p_up[row, column]),
            quantiles=made.quantiles[row, column] * wide,
        )
        for row, (symbol, cutoff) in enumerate(
            zip(tested.symbol_names.tolist(), tested.cutoffs, strict=True)
        )
        for column, horizon in enumerate(tested.horizons)
    ]  # fmt: skip


def _day(moment: np.datetime64) -> date:
    return date.fromisoformat(str(moment))


def _after(cutoff: date, *, days: int = 0) -> datetime:
    return datetime(cutoff.year, cutoff.month, cutoff.day, 22, tzinfo=UTC) + timedelta(days=days)


def _record(home: Path, entries: list[Entry]) -> None:
    for made_at in sorted({entry.made_at for entry in entries}):
        Ledger(home).append([entry for entry in entries if entry.made_at == made_at])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with two symbols and their calendar; no forecast yet."""
    store = BarStore(tmp_path)
    for bars in SERIES:
        store.write(bars)
    store.write_calendar(calendar_of(SESSIONS))
    return tmp_path


def _rows(home: Path, **options: Any) -> dict[int, LiveScore]:  # noqa: ANN401 - options of score
    return {row.horizon: row for row in score([], home=home, **options).rows}


def test_scores_are_those_of_a_backtest(home: Path) -> None:
    """Recorded and read again, the same forecasts have the same scores, beside the same rows."""
    _record(home, _forecasts())
    row = _rows(home)[1]
    windows = build_windows(SERIES, horizons=(1,), lookback=1, features=("return",))
    tested = windows.take((windows.cutoffs >= FIRST) & ~np.isnat(windows.known_from))
    naive = EwmaHistory()
    before = windows.take(windows.known_from <= FIRST)
    naive.fit(before, before)
    (expected,) = score_all({"naive": naive.predict(tested)}, tested, naive=["naive"])
    assert row.score
    assert row.score.n == expected.n == 78
    beside = {of.forecaster: of for of in row.naive}
    assert beside["ewma_history"].crps == pytest.approx(expected.crps)
    assert set(beside) == {"random_walk", "drift", "ewma_history", "always_up"}


def test_what_has_not_come_is_pending(home: Path) -> None:
    """Of each symbol the last bar, and the last five, are waited for, and until when is told."""
    _record(home, _forecasts())
    rows = _rows(home)
    assert (rows[1].n_scored, rows[1].n_pending) == (78, 2)
    assert (rows[5].n_scored, rows[5].n_pending) == (70, 10)
    last = SERIES[0].timestamp[-1]
    assert rows[1].next_target == _day(target_date(SESSIONS, last, 1))


def test_the_first_forecast_counts(home: Path) -> None:
    """A better one from a retrained model, made later, changes no score and is counted."""
    _record(home, _forecasts())
    before = _rows(home)[1].score
    later = [
        _changed(of, model_version="v2", made_at=_after(of.cutoff, days=3))
        for of in _forecasts(wide=0.1)
    ]
    _record(home, later)
    row = _rows(home)[1]
    assert before
    assert row.score
    assert row.score.crps == before.crps
    assert row.n_repeated == 80


def _changed(entry: Entry, **fields: Any) -> Entry:  # noqa: ANN401 - values of any field
    return replace(entry, **fields)


def test_only_what_was_said_before_the_fact_counts(home: Path) -> None:
    """Made when the target's session had closed: left out, counted, and scored where asked for."""
    made = _forecasts()
    late = [
        _changed(of, made_at=datetime(2010, 1, 1, tzinfo=UTC)) if number < 20 else of
        for number, of in enumerate(made)
    ]
    _record(home, late)
    assert (_rows(home)[1].n_backfilled, _rows(home)[1].n_scored) == (10, 68)
    assert _rows(home, backfilled=True)[1].n_scored == 78


def test_a_forecast_is_live_until_the_close(home: Path) -> None:
    """A second before the target's close it is, at the close it is not."""
    (made, *_) = [of for of in _forecasts() if of.horizon == 1]
    closed = datetime(
        made.target_date.year, made.target_date.month, made.target_date.day, 21, tzinfo=UTC
    )
    for moment, backfilled in ((closed - timedelta(seconds=1), 0), (closed, 1)):
        _record(home, [_changed(made, made_at=moment, model=f"m{backfilled}")])
    rows = {row.model: row for row in score([], home=home).rows}
    assert [rows[f"m{n}"].n_backfilled for n in (0, 1)] == [0, 1]


def test_a_cutoff_whose_bar_is_gone_is_counted(home: Path) -> None:
    """The forecast stays in the ledger; nothing tells what came of it."""
    _record(home, _forecasts())
    bars: Bars = SERIES[0]
    BarStore(home).write(bars.take(np.arange(500) != 480))
    row = _rows(home)[1]
    assert (row.n_gone, row.n_scored) == (1, 77)


def test_a_choice_of_forecasts(home: Path, forecast: Forecast) -> None:
    """By symbol, model, horizon and first cutoff."""
    _record(home, _forecasts())
    since = _day(SERIES[0].timestamp[480])
    result = score(["AAPL"], home=home, model="mine", horizons=[1], since=since)
    assert [(row.horizon, row.n_scored) for row in result.rows] == [(1, 19)]
    assert score([], home=home, model="other").rows == ()
    assert forecast("score", "--model", "other", "--home", home) == Run(0, "", "")


def test_nothing_yet_is_no_fault(home: Path, forecast: Forecast) -> None:
    """In the first days a crontab's `forecast score` is quiet and succeeds."""
    assert forecast("score", "--home", home) == Run(0, "", "")
    _record(home, [of for of in _forecasts() if of.cutoff == _day(SERIES[0].timestamp[-1])])
    run = forecast("score", "--home", home, "--fail-if", "coverage_90<0.85")
    assert run == Run(0, "", "")


def test_a_met_condition_is_exit_3_behind_the_results(home: Path, forecast: Forecast) -> None:
    """Ranges of a tenth of their width: each row that met the condition has its line."""
    _record(home, _forecasts(wide=0.1))
    conditions = ("--fail-if", "coverage_90<0.85", "--fail-if", "cusum_alarm>0")
    run = forecast("score", "--home", home, *conditions)
    assert run.code == 3
    assert "ALARM since" in run.out
    assert "failed: mine, horizon 1: coverage_90 is 0.1" in run.err
    assert "failed: mine, horizon 5: coverage_90 is 0.1" in run.err
    assert "failed: mine, horizon 1: cusum_alarm is 1" in run.err


def test_few_forecasts_send_no_mail(home: Path, forecast: Forecast) -> None:
    """Below --at-least, 30 by default, only counts are judged."""
    few = [of for of in _forecasts(wide=0.1) if of.cutoff > _day(SERIES[0].timestamp[485])]
    _record(home, few)
    arguments = ("score", "--home", home, "--fail-if", "coverage_90<0.85")
    assert forecast(*arguments).code == 0
    assert forecast(*arguments, "--at-least", "5").code == 3
    assert forecast("score", "--home", home, "--fail-if", "pending>1").code == 3


def test_a_model_that_is_gone_has_no_drift(home: Path, forecast: Forecast) -> None:
    """Its forecasts are scored all the same, and why its inputs are not judged is said."""
    _record(home, _forecasts())
    run = forecast("score", "--home", home)
    assert run.code == 0
    assert "drift of inputs is unknown: no model is called 'mine'" in run.out


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_every_form_has_every_measure(home: Path, forecast: Forecast, form: str) -> None:
    """What a condition may name is what a script reads."""
    _record(home, _forecasts())
    run = forecast("score", "--home", home, "--format", form)
    assert run.code == 0
    assert all(name in run.out for name in MEASURES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("covrage_90<0.85", "did you mean coverage_90?"),
        ("__import__('os')", "write a name"),
        ("n<1 or 1", "write a name"),
        ("n<", "write a name"),
        ("n=1", "write a name"),
        ("crps<nan", "write a name"),
        ("psi>" + "9" * 2 + "e9", "write a name"),
        ("", "write a name"),
    ],
)
def test_a_condition_is_a_name_an_operator_and_a_number(text: str, said: str) -> None:
    """Nothing else is read, and nothing is evaluated."""
    with pytest.raises(UsageError) as raised:
        parse_condition(text)
    assert said in str(raised.value.fix)


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [("n<3", 2, True), ("n<3", 3, False), ("n <= 3", 3, True), ("n>=3", 3, True),
     ("n>3", 3, False), ("n==3.0", 3, True)],
)  # fmt: skip
def test_operators(text: str, value: float, *, met: bool) -> None:
    """As they read."""
    assert parse_condition(text).is_met({"n": value}, at_least=1) is met
