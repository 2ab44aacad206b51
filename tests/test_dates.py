"""Session dates out of text."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data.dates import DateError, has_offset, parse_date


@pytest.mark.parametrize(
    "text",
    [
        "2022-01-03",
        " 2022-01-03 ",
        "2022-01-03 00:00:00+08:00",
        "2022-01-03 00:00:00-05:00",
        "2022-01-03T00:00:00Z",
        "2022-01-03 00:00",
        "2022-01-03 00:00:00.000 UTC",
    ],
)
def test_the_written_day_counts(text: str) -> None:
    """Offsets are ignored: a daily bar is a local calendar date."""
    assert parse_date(text, None) == date(2022, 1, 3)


@given(st.dates())
def test_iso_round_trip(day: date) -> None:
    """Every date is read back from its ISO text."""
    assert parse_date(day.isoformat(), None) == day


@pytest.mark.parametrize(
    ("text", "date_format", "message"),
    [
        ("03/07/2024", None, "ambiguous"),
        ("2024-02-30", None, "not a date"),
        ("2024-03-07 09:30:00-05:00", None, "intraday"),
        ("20240307", None, "not an ISO date"),
        ("x", "%Y", "does not have the date format"),
        ("2024 09", "%Y %H", "intraday"),
        ("x", "%", "does not have the date format"),
    ],
)
def test_refusals(text: str, date_format: str | None, message: str) -> None:
    """Nothing is guessed, and each refusal has its way out."""
    with pytest.raises(DateError, match=message) as caught:
        parse_date(text, date_format)
    assert caught.value.fix


def test_has_offset() -> None:
    """A zone is told from its absence."""
    assert has_offset("2024-03-07 00:00:00-05:00")
    assert not has_offset("2024-03-07 00:00:00")
    assert not has_offset("x")
