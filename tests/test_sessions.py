"""Exchange calendars and target dates."""

import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from forecast_cli.data.sessions import calendar_between, calendar_name, target_date
from forecast_cli.errors import BadDataError


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("AAPL", "XNYS"),
        ("^GSPC", "XNYS"),
        ("BRK-B", "XNYS"),
        ("VOD.L", "XLON"),
        ("SAP.DE", "XETR"),
        ("7203.T", "XTKS"),
        ("0700.HK", "XHKG"),
        ("MC.PA", "XPAR"),
        ("IBE.MC", "XMAD"),
        ("BTC-USD", "24-7"),
        ("EURUSD=X", "24-5"),
        ("^N225", "XTKS"),
        ("BRK.B", "XNYS"),
    ],
)
def test_calendar_of_a_symbol(symbol: str, calendar: str) -> None:
    """The suffix names the exchange; what is not known trades in New York."""
    assert calendar_name(symbol) == calendar


def test_sessions_leave_out_weekends_and_holidays() -> None:
    """Good Friday 2024 was no session; both ends count."""
    sessions = calendar_between("XNYS", date(2024, 3, 28), date(2024, 4, 2)).sessions
    assert [str(day) for day in sessions] == ["2024-03-28", "2024-04-01", "2024-04-02"]


def test_old_and_future_sessions() -> None:
    """The package's own range of 20 years back and 1 ahead is not ours."""
    sessions = calendar_between("XNYS", date(1962, 1, 2), date(2030, 1, 2)).sessions
    assert str(sessions[0]) == "1962-01-02"
    assert str(sessions[-1]) == "2030-01-02"


def test_every_day_calendars() -> None:
    """Crypto trades on weekends, currencies do not."""
    first, last = date(2024, 3, 8), date(2024, 3, 11)
    assert len(calendar_between("24-7", first, last).sessions) == 4
    assert len(calendar_between("24-5", first, last).sessions) == 2


def test_bounded_calendar_is_clipped() -> None:
    """Tokyo's calendar begins in 1997: earlier years are left out, not refused."""
    sessions = calendar_between("XTKS", date(1980, 1, 1), date(2000, 1, 10)).sessions
    assert sessions[0] >= np.datetime64("1997-01-01")


def test_unknown_calendar() -> None:
    """A calendar the package lacks is bad data, not a crash."""
    with pytest.raises(BadDataError, match="XXXX"):
        calendar_between("XXXX", date(2024, 1, 1), date(2024, 2, 1))


@pytest.mark.parametrize(
    ("cutoff", "horizon", "target"),
    [
        ("2024-03-28", 1, "2024-04-01"),
        ("2024-03-28", 2, "2024-04-02"),
        ("2024-03-30", 1, "2024-04-01"),
        ("2024-01-01", 1, "2024-03-28"),
    ],
)
def test_target_date(cutoff: str, horizon: int, target: str) -> None:
    """The horizon-th session after the cutoff, also for a cutoff that is no session."""
    sessions = np.array(["2024-03-28", "2024-04-01", "2024-04-02"], dtype="datetime64[D]")
    assert str(target_date(sessions, np.datetime64(cutoff), horizon)) == target


def test_calendar_too_short_for_the_target() -> None:
    """The end of what is stored is an error that says what to do."""
    sessions = np.array(["2024-03-28"], dtype="datetime64[D]")
    with pytest.raises(BadDataError, match="ends before 1 sessions after 2024-03-28") as caught:
        target_date(sessions, np.datetime64("2024-03-28"), 1)
    assert "fetch" in str(caught.value.fix)


def test_importing_sessions_imports_no_pandas() -> None:
    """`predict` uses target_date and must start at once."""
    code = "import forecast_cli.data.sessions, sys; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
