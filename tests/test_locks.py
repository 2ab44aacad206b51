"""A locked period is left out until somebody means to use it, and that is never forgotten."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from conftest import Run

from forecast_cli.data.by_dataset import digest
from forecast_cli.data.locks import LockBook
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import BadDataError, ForecastError, UsageError
from forecast_cli.workflows.locking import access
from forecast_cli.workflows.tune import tune

START, EVE = date(2018, 1, 1), date(2017, 12, 31)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A home in which two symbols are locked from 2018 on."""
    LockBook(tmp_path).lock(["AAPL", "MSFT"], "1d", START, n_tried=3)
    return tmp_path


def test_a_new_home_has_no_lock(tmp_path: Path) -> None:
    """And gets no folder by being asked."""
    assert LockBook(tmp_path).find(["AAPL"], "1d") is None
    assert access(tmp_path, ["AAPL"], "1d", until=START).until == START
    assert not list(tmp_path.iterdir())


def test_a_lock_holds_for_every_data_set_that_shares_a_symbol(locked: Path) -> None:
    """As the trial ledger counts: other symbols and other intervals are other data."""
    book = LockBook(locked)
    for symbols in (["AAPL"], ["MSFT", "IBM"], ["AAPL", "MSFT"]):
        found = book.find(symbols, "1d")
        assert found is not None
        assert (found.start, found.n_tried, found.openings) == (START, 3, ())
    assert book.find(["IBM"], "1d") is None
    assert book.find(["AAPL"], "1h") is None


def test_locked_bars_are_left_out(locked: Path) -> None:
    """What is asked for and locked is cut, with a note; what ends before it is as it was."""
    assert access(locked, ["AAPL"], "1d").until == EVE
    cut = access(locked, ["AAPL"], "1d", until=date(2018, 6, 1))
    assert cut.until == EVE
    assert cut.note is not None
    assert "bars from 2018-01-01 on are locked" in cut.note
    before = access(locked, ["AAPL"], "1d", until=date(2017, 6, 1))
    assert (before.until, before.note) == (date(2017, 6, 1), None)
    assert access(locked, ["IBM"], "1d").until is None


def test_opening_is_remembered_for_ever(locked: Path) -> None:
    """Every opening counts, whichever of the symbols it was for, and the bars stay locked."""
    assert access(locked, ["AAPL"], "1d", open_lock=True).until is None
    first = LockBook(locked).find(["AAPL"], "1d")
    assert first is not None
    assert first.sentence.startswith("The locked period from 2018-01-01 on has been opened once,")
    opened = access(locked, ["MSFT", "IBM"], "1d", open_lock=True, until=date(2019, 1, 1))
    assert opened.until == date(2019, 1, 1)
    again = access(locked, ["AAPL", "MSFT"], "1d")
    assert again.until == EVE
    assert again.lock is not None
    assert len(again.lock.openings) == 2
    assert f"2 times, first on {again.lock.openings[0][:10]}" in again.lock.sentence


def test_what_is_not_locked_cannot_be_opened(locked: Path) -> None:
    """A habit of always opening would be an error at once."""
    with pytest.raises(UsageError, match="no period of these symbols is locked"):
        access(locked, ["IBM"], "1d", open_lock=True)


def test_an_opening_that_cannot_be_remembered_is_none(locked: Path) -> None:
    """Where nothing can be written, nothing is opened."""
    dataset = {"symbols": ["AAPL"], "interval": "1d"}
    (locked / "locks" / digest(dataset)).write_text("in the way")
    with pytest.raises(ForecastError):
        access(locked, ["AAPL"], "1d", open_lock=True)


def test_a_damaged_note_opens_nothing(locked: Path) -> None:
    """What it said might have been a lock."""
    (damaged,) = [
        path for path in (locked / "locks").glob("*/*.json") if path.name != "dataset.json"
    ]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(BadDataError, match="is damaged"):
        access(locked, ["AAPL"], "1d")


def test_a_lock_moves_back_in_time_only(locked: Path) -> None:
    """Locking more is free; a later lock would open a part without saying so."""
    book = LockBook(locked)
    book.lock(["AAPL"], "1d", START, n_tried=9)
    with pytest.raises(UsageError, match="a lock from 2018-06-01 on would open a part of it"):
        book.lock(["AAPL"], "1d", date(2018, 6, 1), n_tried=9)
    book.lock(["AAPL"], "1d", date(2017, 1, 1), n_tried=9)
    found = book.find(["AAPL"], "1d")
    assert found is not None
    assert (found.start, found.n_tried) == (date(2017, 1, 1), 9)
    assert access(locked, ["MSFT"], "1d").until == EVE


def test_train_and_backtest_stop_before_the_lock(
    forecast: Callable[..., Run], sample_home: Path, tmp_path: Path
) -> None:
    """Locked, left out, opened, and shown from then on; the lock knows what was tried before it."""
    home = tmp_path / "home"
    copytree(sample_home / "bars", home / "bars")
    TrialLedger(home).record(["^GSPC"], "1d", command="train", tried={"a": 1}, data_sha256="0")
    options = ("^GSPC", "--home", home, "--format", "json", "--horizon", "1", "--epochs", "1")
    test = ("backtest", *options, "--model", "linear", "--folds", "1", "--baseline", "drift")

    def backtest(*more: str) -> dict[str, Any]:
        run = forecast(*test, *more)
        assert run.code == 0, run.err
        found: dict[str, Any] = json.loads(run.out)
        return found

    first = backtest("--lock-test", "2017-01-01")
    assert first["data"]["last"] == "2016-12-30"
    assert first["folds"][-1]["test_end"] < "2017-01-01"
    assert first["lock"]["n_tried"] == 1
    assert first["verdict"].endswith("from 2017-01-01 on is locked and has never been opened.")
    trained = forecast("train", *options, "--model", "linear")
    assert json.loads(trained.out)["known_until"] == "2016-12-30"
    assert "bars from 2017-01-01 on are locked and were not used" in trained.err
    tuned = tune(["^GSPC"], network="linear", home=home, n_trials=1, epochs=1, horizons=(1,))
    assert tuned.notes[0].startswith("bars from 2017-01-01 on are locked and were not used")
    refused = forecast(*test, "--lock-test", "2018-01-01")
    assert (refused.code, json.loads(refused.out)["error"]["kind"]) == (2, "usage")
    opened = backtest("--open-lock")
    assert opened["data"]["last"] == "2018-12-31"
    later = backtest()
    assert later["data"]["last"] == "2016-12-30"
    assert len(later["lock"]["openings"]) == 1
    assert "has been opened once, on 20" in later["verdict"]
