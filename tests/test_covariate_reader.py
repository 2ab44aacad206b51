"""Scores of news and sentiment: read, dated by when they became known, and stored as covariates."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Run

from forecast_cli.data.covariate_reader import read_covariates
from forecast_cli.data.covariates import Covariate, CovariateStore
from forecast_cli.errors import BadDataError, MissingInputError
from forecast_cli.workflows.covariates import fetch_covariates

NEWS = """available_at,symbol,Sentiment,buzz
2024-01-02T15:30:00-05:00,AAPL,0.5,10
2024-01-02T22:00Z,MSFT,-1,
2024-01-03 09:00:00+0100,aapl,0.25,12
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], dict[str, Covariate]]:
    """The covariates of a CSV text, by their labels."""

    def make(text: str) -> dict[str, Covariate]:
        path = tmp_path / "scores.csv"
        path.write_text(text)
        return {found.label: found for found in read_covariates(path)}

    return make


def test_each_column_of_each_symbol_is_a_covariate(
    read: Callable[[str], dict[str, Covariate]],
) -> None:
    """Instants become UTC, names lower case, symbols upper case; empty cells are left out."""
    found = read(NEWS)
    assert set(found) == {"sentiment of AAPL", "sentiment of MSFT", "buzz of AAPL"}
    apple = found["sentiment of AAPL"]
    expected = ["2024-01-02T20:30:00.000000", "2024-01-03T08:00:00.000000"]
    assert apple.available_at.astype(str).tolist() == expected
    np.testing.assert_array_equal(apple.values, [0.5, 0.25])


def test_a_date_of_availability_is_that_sessions_close(
    read: Callable[[str], dict[str, Covariate]],
) -> None:
    """`available_at` without a time: known at the end of that date's session."""
    made = read("available_at,mood\n2024-01-02,1\n2024-01-03,2\n")["mood of every symbol"]
    assert made.by_session
    assert made.available_at.astype(str).tolist() == ["2024-01-02", "2024-01-03"]


def test_a_bare_date_waits_until_the_day_after(
    read: Callable[[str], dict[str, Covariate]],
) -> None:
    """`date` says what a row is about, not when it came: it counts from the next session on."""
    made = read("date,symbol,mood\n2024-01-02,AAPL,1\n")["mood of AAPL"]
    assert made.by_session
    assert made.available_at.astype(str).tolist() == ["2024-01-03"]


@pytest.mark.parametrize(
    "times",
    [
        pd.to_datetime(["2024-01-02T20:30:00Z", "2024-01-03T08:00:00Z"], utc=True),
        pd.to_datetime(["2024-01-02T20:30:00Z", "2024-01-03T08:00:00Z"], utc=True).tz_convert(
            "America/New_York"
        ),
    ],
)
def test_parquet_gives_the_same(tmp_path: Path, times: pd.DatetimeIndex) -> None:
    """Typed instants in any zone."""
    path = tmp_path / "scores.parquet"
    pd.DataFrame({"available_at": times, "mood": [0.5, None]}).to_parquet(path)
    (made,) = read_covariates(path)
    assert made.available_at.astype(str).tolist() == ["2024-01-02T20:30:00.000000"]
    dates = tmp_path / "dates.parquet"
    pd.DataFrame({"date": times.date, "mood": [0.5, 1.0]}).to_parquet(dates)
    (made,) = read_covariates(dates)
    assert made.by_session


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("available_at,mood\n2024-01-02T15:30:00,1\n", "row 1: '2024-01-02T15:30:00' in available"),
        ("available_at,mood\n2024-01-02,1\n2024-01-03T10:00Z,1\n", "row 2: '2024-01-03T10:00Z'"),
        ("available_at,mood\n01/02/2024,1\n", "row 1: '01/02/2024'"),
        ("available_at,mood\n2024-13-01,1\n", "available_at"),
        ("date,mood\n2024-01-02T10:00Z,1\n", "row 1: '2024-01-02T10:00Z' in date"),
        ("date,mood\n2024-01-02,1\n2024-01-03,good\n", "row 2: 'good' in mood is not a number"),
        ("date,mood\n2024-01-02,inf\n", "is not finite"),
        ("date,mood\n2024-01-02,\n", "no row has a value"),
        ("date,symbol,mood\n2024-01-02,../x,1\n", "'../x' is not a symbol"),
        ("date,available_at,mood\n2024-01-02,2024-01-02,1\n", "expected one of available_at and"),
        ("date,open\n", "has no rows"),
        ("when,mood\n2024-01-02,1\n", "has the columns when, mood; expected"),
        ("date,symbol\n2024-01-02,AAPL\n", "expected"),
        ("date,mood,Mood\n2024-01-02,1,2\n", "two columns have one name"),
        ("date,7\n2024-01-02,1\n", "is not a name for a covariate"),
        ("<html>", "this is HTML"),
        ("", "empty file"),
    ],
)
def test_what_is_not_understood_is_refused(
    read: Callable[[str], dict[str, Covariate]], text: str, sentence: str
) -> None:
    """File, row and what was expected; never a guess about a time."""
    with pytest.raises(BadDataError, match=sentence) as caught:
        read(text)
    assert caught.value.message.startswith("scores.csv: ")


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """Exit code 66, as for prices."""
    with pytest.raises(MissingInputError, match="no such file"):
        fetch_covariates(str(tmp_path / "none.csv"), home=tmp_path)


def test_a_bad_file_stores_nothing(tmp_path: Path) -> None:
    """All of a file or none of it."""
    path = tmp_path / "scores.csv"
    path.write_text(NEWS + "2024-01-04T09:00Z,AAPL,bad,1\n")
    with pytest.raises(BadDataError):
        fetch_covariates(str(path), home=tmp_path / "home")
    assert CovariateStore(tmp_path / "home").names() == []


def test_scores_from_the_command_line(forecast: Callable[..., Run], tmp_path: Path) -> None:
    """Stored once; the second time nothing changes; prices' options are refused."""
    path, home = tmp_path / "news.csv", tmp_path / "home"
    path.write_text(NEWS)
    first = forecast("fetch", "--from", path, "--covariates", "--home", home)
    assert (first.code, first.err) == (0, "")
    row = ["sentiment", "AAPL", "2", "2024-01-02T20:30:00", "2024-01-03T08:00:00", "yes"]
    assert row in [line.split() for line in first.out.splitlines()]
    again = forecast("fetch", "--from", path, "--covariates", "--home", home)
    assert again.out.count("no change") == 3
    assert CovariateStore(home).names() == ["buzz", "sentiment"]
    refused = forecast("fetch", "AAPL", "--from", path, "--covariates", "--home", home)
    assert refused.code == 2
    assert "--covariates takes a whole file" in refused.err


def test_same_moment_values_are_averaged(read: Callable[[str], dict[str, Covariate]]) -> None:
    """Two items of one instant are one value."""
    made = read("date,mood\n2024-01-02,1\n2024-01-02,2\n")["mood of every symbol"]
    np.testing.assert_array_equal(made.values, [1.5])
