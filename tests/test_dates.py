"""The time of a bar out of text."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data.dates import (
    DateError,
    bar_times,
    known_at,
    local_dates,
    parse_stamp,
    parse_times,
    parse_zone,
)
from forecast_cli.errors import UsageError

NEW_YORK = ZoneInfo("America/New_York")
YEARS = (datetime(1970, 1, 2), datetime(2037, 1, 1))  # noqa: DTZ001 - zones are drawn apart


def times(*texts: str, date_format: str | None = None, zone: ZoneInfo | None = None) -> list[str]:
    """The times of some bars, as numpy writes them."""
    return [str(time) for time in parse_times(texts, date_format, zone)]


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
    assert times(text) == ["2022-01-03"]


@given(st.dates(min_value=date(1000, 1, 1)))
def test_iso_round_trip(day: date) -> None:
    """Every date is read back from its ISO text."""
    assert parse_stamp(day.isoformat(), None).date() == day


@given(
    st.datetimes(*YEARS, timezones=st.timezones()).map(lambda stamp: stamp.replace(microsecond=0))
)
def test_instants_round_trip(stamp: datetime) -> None:
    """An intraday stamp of any zone is the instant that Python takes it for."""
    texts = [stamp.isoformat(" "), "1970-01-01 12:00:00+00:00"]
    offset = stamp.utcoffset()
    assert offset is not None
    if not offset.total_seconds() % 60:
        assert parse_times(texts, None, None)[0] == np.datetime64(int(stamp.timestamp()), "s")


def test_one_time_of_day_makes_all_of_them_instants() -> None:
    """A bar at midnight among intraday bars is an instant, too."""
    found = times("2024-03-08 00:00:00+00:00", "2024-03-08 00:15:00+00:00")
    assert found == ["2024-03-08T00:00:00", "2024-03-08T00:15:00"]


def test_summer_time_moves_instants_and_no_dates() -> None:
    """New York opens at 14:30 UTC in winter and at 13:30 in summer."""
    winter, summer = "2024-03-08 09:30:00", "2024-03-11 09:30:00"
    utc = ["2024-03-08T14:30:00", "2024-03-11T13:30:00"]
    assert times(winter + "-05:00", summer + "-04:00") == utc
    assert times(winter, summer, zone=NEW_YORK) == utc


@pytest.mark.parametrize(
    ("text", "date_format", "message"),
    [
        ("03/07/2024", None, "ambiguous"),
        ("2024-02-30", None, "not a date"),
        ("2024-03-07 24:30", None, "not a date"),
        ("20240307", None, "not an ISO date"),
        ("x", "%Y", "does not have the date format"),
        ("x", "%", "does not have the date format"),
        ("2024-03-07 09:30", None, "time of day without a zone"),
        ("2024 09", "%Y %H", "time of day without a zone"),
        ("2024-03-07 09:30:00.5Z", None, "between two seconds"),
    ],
)
def test_refusals(text: str, date_format: str | None, message: str) -> None:
    """Nothing is guessed, and each refusal has its way out."""
    with pytest.raises(DateError, match=message) as caught:
        times(text, date_format=date_format)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-03-10 02:30", "does not exist on the clock of America/New_York"),
        ("2024-11-03 01:30", "happens twice on the clock of America/New_York"),
    ],
)
def test_times_that_a_clock_skips_or_repeats(text: str, message: str) -> None:
    """A local time that is none, or two, is refused with its row."""
    with pytest.raises(DateError, match=message) as caught:
        bar_times([datetime(2024, 3, 8, 9, 30), datetime.fromisoformat(text)], NEW_YORK)  # noqa: DTZ001 - without a zone on purpose
    assert caught.value.row == 1


def test_stamps_with_and_without_an_offset() -> None:
    """They cannot be of one clock; the first odd one is named."""
    with pytest.raises(DateError, match="has a zone offset, unlike the stamps above") as caught:
        times("2024-03-07", "2024-03-08", "2024-03-11 00:00:00-04:00")
    assert caught.value.row == 2


@given(st.datetimes(*YEARS), st.timezones())
def test_local_dates(stamp: datetime, zone: ZoneInfo) -> None:
    """The day on the exchange's clock, as Python has it."""
    instant = int(stamp.replace(tzinfo=ZoneInfo("UTC")).timestamp())
    expected = datetime.fromtimestamp(instant, zone).date()
    assert local_dates(np.array([instant], "datetime64[s]"), zone).tolist() == [expected]


@pytest.mark.parametrize(("interval", "end"), [("15m", "09:45"), ("1h", "10:30"), ("90m", "11:00")])
def test_an_intraday_bar_is_known_an_interval_after_its_start(interval: str, end: str) -> None:
    """Stamps are starts of bars; a daily bar is known at its session's close."""
    start = np.array(["2024-03-08T09:30"], "datetime64[s]")
    assert known_at(start, interval).tolist() == [datetime.fromisoformat(f"2024-03-08 {end}")]
    day = start.astype("datetime64[D]")
    assert known_at(day, "1d") is day


@pytest.mark.parametrize("name", ["", "New York", "../etc/passwd", "Europe/Nowhere", "\0", "/"])
def test_zones_have_names(name: str) -> None:
    """Anything but a known zone is a usage error."""
    with pytest.raises(UsageError, match="is not a time zone"):
        parse_zone(name)
