"""Validation: what stops a series, and how it is put in order."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_bars import bars

from forecast_cli.data.bars import Bars, equal
from forecast_cli.data.validation import validate
from forecast_cli.errors import BadDataError

TODAY = date(2024, 12, 31)


def with_value(name: str, row: int, value: object) -> Bars:
    """The bars with one cell changed."""
    values = getattr(bars(), name).copy()
    values[row] = value
    changes = {name: values}
    return replace(bars(), **changes)


def check(series: Bars) -> tuple[Bars, list[str]]:
    """Validated bars and the codes of the findings."""
    valid, findings = validate(series, source="x.csv", today=TODAY)
    return valid, [finding.code for finding in findings]


def test_good_bars_pass_unchanged() -> None:
    """Nothing is repaired that is not broken."""
    valid, codes = check(bars())
    assert equal(valid, bars())
    assert codes == []


@given(st.permutations(range(5)))
def test_row_order_does_not_matter(order: list[int]) -> None:
    """Any order is sorted, and reported unless it was right."""
    valid, codes = check(bars().take(np.array(order)))
    assert equal(valid, bars())
    assert bool(codes) == (order != sorted(order))


def test_newest_first_is_told_from_disorder() -> None:
    """Vendors write newest first; a shuffled file has another reason."""
    assert check(bars().take(slice(None, None, -1)))[1] == ["newest_first"]
    assert check(bars().take(np.array([1, 0, 2, 3, 4])))[1] == ["unsorted"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("open", np.nan, "open is missing, not finite or not positive on 2024-01-02"),
        ("high", np.inf, "high is missing"),
        ("low", 0.0, "low is missing"),
        ("close", -1.0, "close is missing"),
        ("adj_close", -0.1, "adj_close is missing"),
        ("volume", -1.0, "volume is negative or not finite on 2024-01-02"),
        ("volume", np.nan, "volume is negative"),
        ("timestamp", np.datetime64("1700-01-01"), "before 1800"),
        ("timestamp", np.datetime64("2025-01-02"), "in the future on 2025-01-02"),
        ("timestamp", np.datetime64("2024-01-01"), "two different bars for the same date"),
    ],
)
def test_faults(name: str, value: object, message: str) -> None:
    """A value that would poison a feature stops the series, with source, symbol and date."""
    with pytest.raises(BadDataError, match=message) as caught:
        check(with_value(name, 1, value))
    assert caught.value.message.startswith("x.csv: A: ")


def test_all_faults_are_named() -> None:
    """One run shows every kind of fault."""
    series = replace(with_value("open", 1, -1.0), volume=bars().volume * -1)
    with pytest.raises(BadDataError, match=r"open is .* 2024-01-02.*; volume is .* and 2 more"):
        check(series)


def test_tomorrow_is_not_the_future() -> None:
    """East of the reader the next session may already have closed."""
    series = replace(bars(2), timestamp=np.array(["2024-12-31", "2025-01-01"], "datetime64[D]"))
    assert check(series)[1] == []


def test_equal_bars_of_one_day_are_one() -> None:
    """The same row twice is kept once and counted."""
    valid, codes = check(bars().take(np.array([0, 1, 1, 2, 3, 4])))
    assert equal(valid, bars())
    assert codes == ["duplicate_bar"]


def test_no_rows() -> None:
    """An empty series never replaces anything."""
    with pytest.raises(BadDataError, match="no rows"):
        check(bars(0))
