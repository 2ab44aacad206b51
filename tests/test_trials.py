"""The trial ledger: what was tried on the same data counts once, and for ever."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import CannotCreateError


def record(
    ledger: TrialLedger, tried: Mapping[str, Any], symbols: Sequence[str] = ("AAPL",)
) -> None:
    """Count one backtest."""
    ledger.record(symbols, "1d", command="backtest", tried=tried, data_sha256="0" * 64)


def test_nothing_was_tried_on_a_new_home(tmp_path: Path) -> None:
    """A home without a ledger counts no trials and gets no folder by being asked."""
    assert TrialLedger(tmp_path).count(["AAPL"], "1d") == 0
    assert not list(tmp_path.iterdir())


@given(
    tried=st.lists(
        st.dictionaries(st.sampled_from(["model", "seed", "units"]), st.integers(0, 3)), max_size=12
    )
)
def test_different_trials_count_and_repeated_ones_do_not(
    tmp_path_factory: pytest.TempPathFactory, tried: list[dict[str, int]]
) -> None:
    """The count is the number of distinct configurations, whatever their order."""
    ledger = TrialLedger(tmp_path_factory.mktemp("home"))
    for each in tried:
        record(ledger, each)
    distinct = {tuple(sorted(each.items())) for each in tried}
    assert ledger.count(["AAPL"], "1d") == len(distinct)


def test_the_same_trial_changes_no_file(tmp_path: Path) -> None:
    """A cron job that trains the same thing every night leaves the ledger as it was."""
    ledger = TrialLedger(tmp_path)
    record(ledger, {"model": "lstm"})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    record(ledger, {"model": "lstm"})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
    assert len(before) == 2


def test_new_bars_do_not_reset_the_count(tmp_path: Path) -> None:
    """The ledger goes by symbols: another hash of their bars is no new data set."""
    ledger = TrialLedger(tmp_path)
    for day in range(3):
        ledger.record(["AAPL"], "1d", command="train", tried={"seed": 1}, data_sha256=str(day) * 64)
    ledger.record(["AAPL"], "1d", command="train", tried={"seed": 2}, data_sha256="3" * 64)
    assert ledger.count(["AAPL"], "1d") == 2


def test_trials_on_overlapping_symbols_count_together(tmp_path: Path) -> None:
    """Leaving one symbol out, or taking one alone, is no way around the count."""
    ledger = TrialLedger(tmp_path)
    record(ledger, {"seed": 1}, ["AAPL", "MSFT"])
    record(ledger, {"seed": 2}, ["MSFT", "GOOG"])
    record(ledger, {"seed": 1}, ["MSFT"])
    assert ledger.count(["MSFT"], "1d") == 2
    assert ledger.count(["AAPL"], "1d") == 1
    assert ledger.count(["IBM"], "1d") == 0
    assert ledger.count(["MSFT"], "1h") == 0


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """Where the folder is a file, the sentence names it and nothing is counted."""
    (tmp_path / "trials").write_text("")
    with pytest.raises(CannotCreateError, match="trials"):
        record(TrialLedger(tmp_path), {"seed": 1})
