"""Pictures of text: what is high stands high, in any width, in blocks or in ASCII."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.cli.sketch import fan_lines, is_plain, sparkline
from forecast_cli.workflows.fan import Fan

FAN = Fan(
    symbol="AAPL",
    model="mine",
    days=np.arange("2018-01-01", "2018-03-02", dtype="datetime64[D]"),
    closes=np.linspace(90, 100, 60),
    horizons=(1, 5),
    target_dates=(date(2018, 3, 2), date(2018, 3, 8)),
    prices=np.array([[98.0, 99, 100, 101, 102], [94, 97, 100, 103, 106]]),
    p_up=np.array([0.5, 0.5]),
)


def test_a_sparkline_rises_with_its_values() -> None:
    """From the lowest block to the highest; as many as values, or as fit."""
    assert sparkline(np.arange(8.0), 20, plain=False) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.arange(8.0), 20, plain=True) == "_.-=+*%#"
    assert sparkline(np.arange(800.0), 8, plain=False) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.full(3, 7.0), 20, plain=False) == "▅▅▅"
    assert sparkline(np.full(3, np.nan), 20, plain=False) == ""


@given(width=st.integers(40, 200), plain=st.booleans(), n_closes=st.integers(1, 60))
def test_a_fan_fits_its_width(width: int, plain: bool, n_closes: int) -> None:  # noqa: FBT001
    """From 40 columns on, however short the history; in ASCII nothing else stands."""
    fan = replace(FAN, days=FAN.days[-n_closes:], closes=FAN.closes[-n_closes:])
    lines = fan_lines(fan, width, plain=plain)
    assert max(map(len, lines)) <= width
    assert len(lines) == 13
    assert "\n".join(lines).isascii() == plain
    assert lines[-1].rstrip().endswith("2018-03-08")


def test_a_fan_shows_prices_where_they_are() -> None:
    """The scale goes from the lowest to the highest; the wide range reaches both its ends."""
    lines = fan_lines(FAN, 80, plain=True)
    assert lines[0].split("|")[0].strip() == "106.00"
    assert lines[11].split("|")[0].strip() == "90.00"
    assert lines[0].endswith(":")
    assert lines[11].split("|")[1].startswith("*")
    assert sum(line.count("*") for line in lines[:-1]) >= 40


def test_without_ranges_the_past_stands_alone() -> None:
    """A model that gives no range draws none."""
    blank = replace(FAN, prices=np.full((2, 5), np.nan))
    assert not {":", "=", "-"} & set("".join(fan_lines(blank, 60, plain=True)[:-1]))


@pytest.mark.parametrize(
    ("variables", "plain"),
    [({"LANG": "C"}, True), ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, True),
     ({"LANG": "C", "LC_ALL": "C.UTF-8"}, False), ({}, False), ({"LANG": "en_US.UTF-8"}, False)],
)  # fmt: skip
def test_the_c_locale_gets_ascii(
    variables: dict[str, str],
    plain: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever Python's own streams could write there."""
    for name in ("LANG", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_plain() == plain
