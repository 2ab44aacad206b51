"""What a backtest says to data that it cannot be done with, or that says little."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from synthetic import random_walk_bars, with_prices

from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.errors import BadDataError
from forecast_cli.models.probe import LeastSquares
from forecast_cli.workflows import entries
from forecast_cli.workflows.remarks import remarks

from test_shuffle import panel  # isort: skip

Tested = Callable[..., Run]
WHOLE = random_walk_bars("WHOLE", 900, seed=1)


@pytest.fixture
def tested(forecast: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tested:
    """`forecast backtest --model linear` on some series, with a learner that needs no Keras."""
    monkeypatch.setattr(entries, "_network", lambda _: LeastSquares())

    def run(series: Sequence[Bars], *options: str) -> Run:
        for bars in series:
            BarStore(tmp_path).write(bars)
        return forecast("backtest", "--home", tmp_path, "--model", "linear", *options)

    return run


def still(bars: Bars, since: int = 0) -> Bars:
    """The same bars at one price from a row on."""
    late = np.arange(len(bars)) >= since
    flat = with_prices(bars, lambda price: np.where(late, 50.0, price))
    return replace(flat, symbol="STILL")


def refused(run: Run, code: int, *words: str) -> None:
    """One sentence on stderr with an exit code, and its fix; nothing on stdout."""
    assert (run.code, run.out) == (code, "")
    assert "Traceback" not in run.err
    assert run.err.count("error:") == 1
    for word in words:
        assert word in " ".join(run.err.split())


def test_too_few_bars_for_the_folds(tested: Tested) -> None:
    """Nothing could be learnt before the first test: bad data, with the numbers and a repair."""
    refused(tested([WHOLE.take(slice(250))]), 65, "46 are left for training", "fetch more history")


def test_more_folds_than_days(tested: Tested) -> None:
    """A plan that does not fit is a usage error: the data would do for fewer."""
    refused(tested([WHOLE], "--folds", "500"), 2, "the folds do not fit", "ask for fewer folds")


def test_a_symbol_too_short_for_a_window(tested: Tested) -> None:
    """The others are tested all the same, and the short one is named."""
    run = tested([WHOLE, random_walk_bars("SHORT", 60, seed=2)])
    assert run.code == 0, run.err
    assert "SHORT: too few bars for one window; not tested" in run.err


def test_a_gap_of_years(tested: Tested) -> None:
    """It is tested, as a price gap is real, and the dates are said: the step counts as one bar.

    Its labels across the gap are known years later, and the derived gap waits for them.
    """
    torn = random_walk_bars("TORN", 1800, seed=2)
    rows = np.arange(len(torn))
    run = tested([random_walk_bars("WHOLE", 1800, seed=1), torn.take((rows < 500) | (rows > 1300))])
    assert run.code == 0, run.err
    said = f"TORN: no bar between {torn.timestamp[499]} and {torn.timestamp[1301]}"
    assert f"{said}; the step across counts as one bar" in " ".join(run.err.split())
    assert "WHOLE" not in run.err


def test_prices_that_never_move(tested: Tested) -> None:
    """There is nothing to forecast, and no score that means anything: bad data."""
    refused(tested([still(WHOLE)]), 65, "the price of STILL does not move", "nothing to forecast")
    refused(tested([still(WHOLE, since=400)]), 65, "STILL does not move on any day tested")


def test_one_symbol_whose_price_never_moves(tested: Tested) -> None:
    """Others are tested beside it; it is named, since it counts in every mean."""
    run = tested([WHOLE, still(WHOLE)])
    assert run.code == 0, run.err
    said = "STILL: not enough data: its price does not move on any day tested"
    assert said in " ".join(run.err.split())


def test_a_symbol_that_ends_before_the_test(tested: Tested) -> None:
    """It is learnt from, as it would have been then, and not tested, which is said."""
    run = tested([random_walk_bars("WHOLE", 1200, seed=1), random_walk_bars("ENDED", 500, seed=2)])
    assert run.code == 0, run.err
    assert "ENDED: not enough data: none of its bars, 2001-01-01 to" in " ".join(run.err.split())


def test_a_symbol_that_ends_in_the_test_is_tested_as_long_as_it_lives(tested: Tested) -> None:
    """No word is lost about it: to leave it out would be to pick the survivors."""
    run = tested([random_walk_bars("WHOLE", 1200, seed=1), random_walk_bars("ENDED", 800, seed=2)])
    assert (run.code, run.err) == (0, "")


def test_a_horizon_longer_than_the_test(tested: Tested) -> None:
    """It is scored and said to tell nothing: not even one whole horizon was seen."""
    run = tested(
        [random_walk_bars("WHOLE", 1600, seed=1)],
        *("--folds", "1", "--test-size", "20", "--horizon", "1", "--horizon", "60"),
    )
    assert run.code == 0, run.err
    told = "60 bars ahead: not enough data: 20 days are tested, no more than one horizon."
    assert told in " ".join(run.out.split())
    assert "1 bar ahead: no edge found" in run.out


def test_a_horizon_longer_than_the_history(tested: Tested) -> None:
    """The gaps eat up what could be learnt from: bad data, and a shorter horizon would help."""
    run = tested([WHOLE.take(slice(400))], "--horizon", "250")
    refused(run, 65, "0 are left for training", "a shorter lookback, horizon or embargo")


def test_remarks_about_few_days() -> None:
    """Below twenty days a symbol's part in the scores is next to nothing."""
    windows = panel(100, n_symbols=2)
    series = [replace(random_walk_bars(name, 100, seed=1), symbol=name) for name in windows.symbols]
    assert remarks(series, windows) == ()
    few = windows.take((windows.symbol_index == 0) | (np.arange(len(windows)) < 20))
    assert remarks(series, few) == ("S1: not enough data: 10 of its days are tested",)
    with pytest.raises(BadDataError, match="the price of S0, S1 does not move"):
        remarks(series, replace(windows, targets=np.zeros_like(windows.targets)))
