"""Every check of a series: a planted fault it finds, and the clean series it leaves alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import calendar_of, random_walk_bars

from forecast_cli.arrays import FloatArray1D
from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.checks import CHECKS, DAILY_CHECKS, Subject, run
from forecast_cli.data.sessions import Calendar, calendar_between
from forecast_cli.data.validation import findings_of, review, validate
from forecast_cli.errors import BadDataError
from forecast_cli.findings import CODES, Finding, Policies

N = 300
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BARS = random_walk_bars("A", N, seed=1)
CALENDAR = calendar_of(np.busday_offset("2000-01-03", np.arange(5000), roll="forward"))

Plant = Callable[[Bars], Bars]


def changed(name: str, rows: slice | int, value: object) -> Plant:
    """A fault: some cells of a column set to a value, or computed from what they were."""

    def plant(bars: Bars) -> Bars:
        values = getattr(bars, name).copy()
        values[rows] = value(values[rows]) if callable(value) else value
        changes = {name: values}
        return replace(bars, **changes)

    return plant


def times(rows: slice, factor: float) -> Plant:
    """A fault: all prices of some rows multiplied."""

    def plant(bars: Bars) -> Bars:
        for name in ("open", "high", "low", "close", "adj_close"):
            bars = changed(name, rows, lambda values: values * factor)(bars)
        return bars

    return plant


def repeated(row: int) -> Plant:
    """A fault: a bar that is the one before with another date."""

    def plant(bars: Bars) -> Bars:
        rows = np.arange(len(bars))
        rows[row] -= 1
        return replace(bars.take(rows), timestamp=bars.timestamp)

    return plant


def flat(row: int) -> Plant:
    """A fault: one price instead of four."""

    def plant(bars: Bars) -> Bars:
        for name in ("open", "high", "low"):
            bars = changed(name, row, bars.close[row])(bars)
        return bars

    return plant


def moved(rows: slice, days: int) -> Plant:
    """A fault: rows at other dates."""
    return changed("timestamp", rows, lambda values: values + np.timedelta64(days, "D"))


def without(*rows: int) -> Plant:
    """A fault: rows that are not there."""
    return lambda bars: bars.take(np.delete(np.arange(len(bars)), rows))


def weekly(bars: Bars) -> Bars:
    """A fault: the older part of the history has one bar a week."""
    return bars.take(np.concatenate([np.arange(0, 100, 5), np.arange(100, len(bars))]))


def on_weekends(bars: Bars) -> Bars:
    """A fault: four Fridays' bars bear the dates of the Saturdays."""
    for row in (4, 14, 24, 34):
        bars = moved(slice(row, row + 1), 1)(bars)
    return bars


def codes(bars: Bars, now: datetime = NOON, calendar: Calendar | None = CALENDAR) -> dict[str, int]:
    """What is found, by code, with the number of rows."""
    found = run(Subject(bars, calendar, now))
    return {code: len(dates) for code, dates in found}


FAULTS: list[tuple[str, int, Plant]] = [
    ("range_violation", 1, changed("high", 40, lambda high: high * 0.5)),
    ("range_violation", 2, changed("low", slice(40, 42), lambda low: low * 1.5)),
    ("split_like_jump", 1, times(slice(0, 100), 5)),
    ("split_like_jump", 1, times(slice(0, 100), 1 / 3)),
    ("unit_jump", 2, times(slice(100, 109), 100)),
    ("unit_jump", 1, times(slice(0, 100), 0.01)),
    ("large_jump", 1, times(slice(0, 100), 1.8)),
    ("stuck_price", 5, changed("close", slice(50, 55), 100.0)),
    ("repeated_bar", 1, repeated(70)),
    ("flat_bar", 1, flat(70)),
    ("zero_volume", 3, changed("volume", slice(7, 10), 0.0)),
    ("constant_volume", N, changed("volume", slice(None), 1000.0)),
    ("wrong_interval", 21, weekly),
    ("missing_session", 2, without(5, 6)),
    ("closed_day", 1, moved(slice(4, 5), 1)),
    ("wrong_calendar", 4, on_weekends),
]  # fmt: skip


def test_a_clean_series_has_no_findings() -> None:
    """A random walk with ordinary volumes on the exchange's sessions."""
    assert codes(BARS) == {}
    assert findings_of(Subject(BARS, CALENDAR, NOON)) == []


@pytest.mark.parametrize(("code", "n_rows", "plant"), FAULTS)
def test_a_planted_fault_is_found(code: str, n_rows: int, plant: Plant) -> None:
    """Each check sees its fault, in as many rows as were planted."""
    assert codes(plant(BARS)).get(code) == n_rows


def test_every_check_is_planted_here_and_has_words() -> None:
    """No check is without a test, none without a text; every text belongs to something."""
    planted = {code for code, _, _ in FAULTS} | {"unfinished_bar"}
    assert planted == CHECKS.keys() | DAILY_CHECKS.keys()
    assert planted < CODES.keys()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_findings_do_not_depend_on_the_order_of_rows(data: st.DataObject) -> None:
    """A shuffled file has the findings of the sorted one."""
    _, _, plant = data.draw(st.sampled_from(FAULTS))
    bars = plant(BARS)
    order = np.array(data.draw(st.permutations(range(len(bars)))))
    today = date(2026, 1, 1)
    ordered, _ = validate(bars, source="x", today=today)
    shuffled, _ = validate(bars.take(order), source="x", today=today)
    assert codes(shuffled) == codes(ordered)


def test_a_split_that_is_stated_is_explained() -> None:
    """Raw prices fall by half on the day of a 2:1 split; a split of another size tells nothing."""
    fallen = times(slice(0, 100), 2)(BARS)
    assert "split_like_jump" in codes(fallen)
    assert "split_like_jump" not in codes(changed("splits", 100, 2.0)(fallen))
    assert "split_like_jump" in codes(changed("splits", 100, 7.0)(fallen))


def test_a_jump_among_jumps_is_no_split() -> None:
    """A day that doubles and halves again is a wrong price, not a split."""
    found = codes(times(slice(100, 101), 2)(BARS))
    assert "split_like_jump" not in found
    assert found["large_jump"] == 2


def test_funds_are_left_alone() -> None:
    """One price a day and no volume, on every row: normal there (D11), and equal days too (D4)."""
    none: FloatArray1D = np.zeros(N)
    fund = replace(
        BARS, open=BARS.close, high=BARS.close, low=BARS.close, volume=none
    )  # fmt: skip
    assert codes(fund) == {}
    assert codes(repeated(70)(fund)) == {}


def test_what_the_calendar_does_not_know_is_left_alone() -> None:
    """Tokyo's calendar begins in 1997, Bombay's ends this year: neither makes a finding."""
    part = replace(CALENDAR, sessions=CALENDAR.sessions[300:400])
    assert codes(moved(slice(4, 5), 1)(BARS), calendar=part) == {}
    assert codes(moved(slice(4, 5), 1)(BARS), calendar=None) == {}


def test_one_odd_day_in_a_short_file_condemns_no_calendar() -> None:
    """More than 1 % of the rows, and at least three."""
    few = moved(slice(4, 5), 1)(BARS.take(slice(10)))
    assert codes(few)["closed_day"] == 1
    assert "wrong_calendar" not in codes(few)


@pytest.mark.parametrize(
    ("now", "unfinished"),
    [
        ("2024-07-05T19:59", True),  # New York closes at 20:00 UTC in summer
        ("2024-07-05T20:14", True),  # and vendors need a quarter of an hour
        ("2024-07-05T20:16", False),
        ("2024-07-06T12:00", False),
    ],
)
def test_the_last_bar_counts_once_its_session_has_closed(now: str, *, unfinished: bool) -> None:
    """By the exchange's clock, not by ours."""
    bars = replace(BARS.take(slice(1)), timestamp=np.array(["2024-07-05"], "datetime64[D]"))
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    calendar = calendar_between("XNYS", date(2024, 7, 1), date(2024, 7, 5))
    assert ("unfinished_bar" in codes(bars, instant, calendar)) == unfinished


def test_intraday_bars_meet_no_daily_check() -> None:
    """Bars of another interval are checked for what any bar may have wrong."""
    hours = np.datetime64("2024-07-05T13:30") + np.arange(N) * np.timedelta64(3600, "s")
    intraday = replace(BARS, interval="1h", timestamp=hours.astype("datetime64[s]"))
    assert findings_of(Subject(intraday, CALENDAR, NOON)) == []
    (found,) = findings_of(Subject(changed("volume", 3, 0.0)(intraday), CALENDAR, NOON))
    assert (found.code, found.dates) == ("zero_volume", ("2024-07-05T16:30:00",))


# Policies.


def reviewed(
    bars: Bars, earlier: list[Finding] | None = None, **chosen: str
) -> tuple[Bars, list[Finding]]:
    """The bars that remain and the findings, under some policies."""
    policies = Policies(chosen=chosen)  # type: ignore[arg-type] # the values are literals below
    return review(Subject(bars, CALENDAR, NOON), earlier or [], policies, source="x.csv")


ODD = changed("high", 40, lambda high: high * 0.5)(BARS)


def test_a_warning_is_reported_with_dates_and_a_repair() -> None:
    """By default an odd range is kept."""
    bars, (found,) = reviewed(ODD)
    assert equal(bars, ODD)
    assert (found.code, found.severity, found.n_rows) == ("range_violation", "warning", 1)
    assert found.dates == (str(BARS.timestamp[40]),)
    assert found.fix == CODES["range_violation"].fix
    assert found.dates[0] in found.message


def test_drop_leaves_the_rows_out() -> None:
    """And reports them."""
    bars, (found,) = reviewed(ODD, range_violation="drop")
    assert equal(bars, without(40)(ODD))
    assert found.severity == "warning"


def test_ignore_says_nothing_and_note_says_little() -> None:
    """Both keep the row."""
    assert reviewed(ODD, range_violation="ignore") == (ODD, [])
    _, (found,) = reviewed(ODD, range_violation="note")
    assert found.severity == "note"


def test_error_refuses_the_series() -> None:
    """With source, symbol, dates and a repair."""
    with pytest.raises(BadDataError, match=r"x\.csv: A: high and low do not .* on 2001-") as caught:
        reviewed(ODD, range_violation="error")
    assert caught.value.fix


def test_findings_of_the_reader_follow_policies_too() -> None:
    """What the file alone shows is weighed in the same place."""
    earlier = [Finding("unsorted", "rows were out of order 3 times", 3)]
    assert reviewed(BARS, earlier)[1][0].severity == "warning"
    assert reviewed(BARS, earlier, unsorted="ignore")[1] == []
    with pytest.raises(BadDataError, match="out of order 3 times"):
        reviewed(BARS, earlier, unsorted="error")


def test_strict_makes_errors_of_warnings_only() -> None:
    """Notes and what is dropped anyway stay what they are."""
    strict = Policies(strict=True)
    assert strict.of("range_violation") == "error"
    assert strict.of("close_only") == "note"
    assert strict.of("unfinished_bar") == "drop"
    assert Policies(strict=True, keep_rows=True).of("unfinished_bar") == "error"


def test_more_than_one_per_cent_on_closed_days_is_an_error() -> None:
    """Another exchange's bars, most likely; --calendar says which."""
    with pytest.raises(BadDataError, match="more than 1 %") as caught:
        reviewed(on_weekends(BARS))
    assert "--calendar" in str(caught.value.fix)


def test_the_unfinished_bar_is_dropped_by_default() -> None:
    """And where it is the only one, nothing is stored."""
    noon_of_the_last = datetime.fromisoformat(f"{BARS.timestamp[-1]}T12:00+00:00")
    subject = Subject(BARS, CALENDAR, noon_of_the_last)
    bars, (found,) = review(subject, [], Policies(), source="x.csv")
    assert equal(bars, without(N - 1)(BARS))
    assert found.code == "unfinished_bar"
    alone = replace(subject, bars=BARS.take(slice(-1, None)))
    with pytest.raises(BadDataError, match="no bar remains"):
        review(alone, [], Policies(), source="x.csv")
