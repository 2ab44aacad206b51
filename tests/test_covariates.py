"""Covariates are stored as bars are, each value with the moment from which on it is known."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data.covariates import Covariate, CovariateStore, covariate, covariate_name
from forecast_cli.errors import BadDataError, MissingInputError, TryAgainError, UsageError
from forecast_cli.files import locked

DAYS = np.array(["2024-01-02", "2024-01-03", "2024-01-05"], dtype="datetime64[D]")
INSTANTS = np.array(["2024-01-02T15:00", "2024-01-03T15:00", "2024-01-05"], dtype="datetime64[us]")


def by_session(values: list[float], symbol: str | None = "AAPL") -> Covariate:
    """A covariate of three sessions."""
    return covariate("interest", symbol, DAYS, np.array(values))


@pytest.mark.parametrize("moments", [DAYS, INSTANTS], ids=["sessions", "instants"])
@pytest.mark.parametrize("symbol", ["AAPL", "^GSPC", None])
def test_what_is_written_is_read(tmp_path: Path, moments: np.ndarray, symbol: str | None) -> None:
    """Values, moments and whether these are dates or instants, of one symbol or of all."""
    store = CovariateStore(tmp_path)
    assert store.write(covariate("Mood", symbol, moments, np.array([0.5, -1.0, 2.0])))
    read = store.read("mood", symbol)
    assert read.available_at.dtype == moments.dtype
    assert read.available_at.tolist() == moments.tolist()
    assert read.values.tolist() == [0.5, -1.0, 2.0]
    assert store.names() == ["mood"]
    assert store.symbols("mood") == [symbol]


def test_symbols_do_not_share_values(tmp_path: Path) -> None:
    """Each symbol has its own file; the one for every symbol is none of them."""
    store = CovariateStore(tmp_path)
    for symbol, value in (("B", 1.0), (None, 2.0), ("A", 3.0)):
        store.write(covariate("interest", symbol, DAYS[:1], np.array([value])))
    assert store.symbols("interest") == [None, "A", "B"]
    assert [store.read("interest", s).values[0] for s in (None, "A", "B")] == [2.0, 3.0, 1.0]


def test_the_same_again_changes_no_file(tmp_path: Path) -> None:
    """A second run is no write."""
    store = CovariateStore(tmp_path)
    assert store.write(by_session([1, 2, 3]))
    before = store.path("interest", "AAPL").stat()
    assert not store.write(by_session([1, 2, 3]))
    assert store.path("interest", "AAPL").stat().st_mtime_ns == before.st_mtime_ns


def test_new_values_join_the_stored_ones(tmp_path: Path) -> None:
    """What is stored stays; the same moment gets the newer value."""
    store = CovariateStore(tmp_path)
    store.write(by_session([1, 2, 3]))
    later = np.array(["2024-01-05", "2024-01-04"], dtype="datetime64[D]")
    assert store.write(covariate("interest", "AAPL", later, np.array([30.0, 4.0])))
    assert store.read("interest", "AAPL").values.tolist() == [1, 2, 4, 30]


def test_dates_and_instants_do_not_mix(tmp_path: Path) -> None:
    """A date is no instant: which of two values came first could not be said."""
    store = CovariateStore(tmp_path)
    store.write(by_session([1, 2, 3]))
    with pytest.raises(BadDataError, match="dated by instants, and session dates are stored"):
        store.write(covariate("interest", "AAPL", INSTANTS, np.array([1.0, 2.0, 3.0])))
    assert store.read("interest", "AAPL").by_session


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_rows_are_sorted_and_values_of_one_moment_averaged(rows: list[tuple[int, float]]) -> None:
    """Whatever the order of the rows: several items of one moment are one value, their mean."""
    days = DAYS[0] + np.array([day for day, _ in rows])
    made = covariate("mood", None, days, np.array([value for _, value in rows]))
    expected = {day: [v for d, v in rows if d == day] for day, _ in rows}
    assert made.available_at.tolist() == sorted(set(days.tolist()))
    means = [sum(expected[day]) / len(expected[day]) for day in sorted(expected)]
    np.testing.assert_allclose(made.values, means, rtol=1e-12, atol=1e-6)


def test_unknown_values_are_left_out() -> None:
    """NaN is no value; nothing but NaN is an error, and so is infinity."""
    assert by_session([1, np.nan, 3]).available_at.tolist() == DAYS[[0, 2]].tolist()
    with pytest.raises(BadDataError, match="interest of AAPL has no value"):
        by_session([np.nan] * 3)
    with pytest.raises(BadDataError, match="the value at 2024-01-03 is not finite"):
        by_session([1, np.inf, 3])


@pytest.mark.parametrize(
    ("text", "name"),
    [("sentiment", "sentiment"), (" Short Interest ", "short_interest"), ("P/E", "p_e"),
     ("../x", "x")],
)  # fmt: skip
def test_names_are_lower_case(text: str, name: str) -> None:
    """A column's name becomes one that no symbol can have."""
    assert covariate_name(text) == name


@pytest.mark.parametrize("text", ["", "7203", "..", "é", "x" * 49, "^"])
def test_what_is_no_name_is_refused(text: str) -> None:
    """No name reaches outside its folder."""
    with pytest.raises(UsageError, match="is not a name for a covariate"):
        covariate_name(text)


def test_what_is_not_stored_is_named(tmp_path: Path) -> None:
    """Which covariate, of which symbol."""
    with pytest.raises(MissingInputError, match="covariate mood of every symbol: not stored"):
        CovariateStore(tmp_path).read("mood", None)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Another symbol's file in its place, a flipped byte, a link: none is read."""
    store = CovariateStore(tmp_path)
    store.write(by_session([1, 2, 3]))
    store.write(by_session([4, 5, 6], symbol="B"))
    path, other = store.path("interest", "AAPL"), store.path("interest", "B")
    path.write_bytes(other.read_bytes())
    with pytest.raises(BadDataError, match="checksum differs"):
        store.read("interest", "AAPL")
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(BadDataError, match="is a link"):
        store.read("interest", "AAPL")


def test_another_writer_is_waited_for_by_nobody(tmp_path: Path) -> None:
    """Exit code 75 instead of a lost value."""
    store = CovariateStore(tmp_path)
    with locked(store.path("interest", "AAPL")), pytest.raises(TryAgainError):
        store.write(by_session([1, 2, 3]))


def test_other_tools_read_the_files(tmp_path: Path) -> None:
    """Plain Parquet in a hive layout; the file for all has no symbol."""
    store = CovariateStore(tmp_path)
    store.write(by_session([1, 2, 3]))
    store.write(by_session([4, 5, 6], symbol=None))
    query = "select symbol, name, sum(value) from read_parquet($1) group by all order by 1"
    files = str(tmp_path / "covariates/*/*/*.parquet")
    rows = duckdb.execute(query, [files]).fetchall()
    assert rows == [("AAPL", "interest", 6.0), (None, "interest", 15.0)]
