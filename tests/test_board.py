"""`forecast board`: what stands on a page of today, read from the ledger and the store alone."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from board_sample import HORIZONS, N_BARS, NOW, entry, recorded
from conftest import Run
from synthetic import random_walk_bars, with_prices

from forecast_cli.data.ledger import Ledger
from forecast_cli.data.store import BarStore
from forecast_cli.errors import MissingInputError
from forecast_cli.report.board_page import board_page
from forecast_cli.workflows.board import board

Forecast = Callable[..., Run]
CLOSES = random_walk_bars("AAPL", N_BARS, 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two symbols, forecast over thirty sessions."""
    recorded(tmp_path, ["AAPL", "MSFT"], n_cutoffs=30)
    return tmp_path


def test_the_newest_forecast_of_each_symbol_stands_on_it(home: Path) -> None:
    """From the last cutoff, all horizons, behind the closes that it was made from."""
    made = board(home, NOW)
    assert [row.fan.symbol for row in made.rows] == ["AAPL", "MSFT"]
    fan = made.rows[0].fan
    assert fan.horizons == made.horizons == HORIZONS
    assert fan.days[-1] == CLOSES.timestamp[-1]
    assert fan.closes == pytest.approx(CLOSES.close[-60:])
    assert (np.diff(fan.prices, axis=1) > 0).all()
    assert fan.prices[0, 2] == pytest.approx(fan.last_close, rel=1e-3)


def test_an_older_cutoff_made_later_is_not_news(home: Path) -> None:
    """What `predict --as-of` records afterwards does not take the place of today's."""
    before = board(home, NOW).rows[0].fan
    old = entry("AAPL", CLOSES.timestamp[100], 1.0, 1, model="mine")
    Ledger(home).append([old])
    assert board(home, NOW).rows[0].fan.cutoff == before.cutoff


def test_live_coverage_counts_what_has_come(home: Path) -> None:
    """Of thirty cutoffs one target of one bar and five of five are still to come."""
    row = board(home, NOW).rows[0]
    assert {horizon: of.n for horizon, of in row.held.items()} == {1: 29, 5: 25}
    returns = np.diff(np.log(CLOSES.adj_close))[-29:]
    fan = row.fan
    low, high = np.log(fan.prices[0, [0, -1]] / fan.last_close)
    assert row.held[1].n_inside == ((returns >= low) & (returns <= high)).sum()


def test_the_totals_are_those_of_the_symbols(home: Path) -> None:
    """A model's coverage counts every symbol's forecasts."""
    made = board(home, NOW)
    assert made.held["mine", 1].n == 58
    assert made.held["mine", 1].n_inside == sum(row.held[1].n_inside for row in made.rows)


def test_what_should_make_a_reader_doubt_is_said(home: Path) -> None:
    """Sessions that have closed since, newer bars, odd bars, and symbols that are gone."""
    assert board(home, NOW).rows[0].warnings == ()
    assert board(home, NOW + timedelta(days=3)).rows[0].warnings == (
        "3 sessions have closed since its last bar",
    )
    store = BarStore(home)
    store.write(random_walk_bars("AAPL", N_BARS + 1, 0))
    store.remove("MSFT", "1d")
    newer, gone = board(home, NOW).rows
    assert "bars up to 2002-02-25 are stored" in newer.warnings[0]
    assert gone.warnings[0].startswith("no 1d bars are stored")
    assert len(gone.fan.closes) == 1


def test_a_split_since_moves_no_chart(home: Path) -> None:
    """Closes end at the close that was forecast from, whatever the store's prices are now."""
    BarStore(home).write(with_prices(CLOSES, lambda prices: prices / 2))
    fan = board(home, NOW).rows[0].fan
    assert fan.last_close == pytest.approx(float(CLOSES.close[-1]))
    assert fan.closes == pytest.approx(CLOSES.close[-60:])


def test_a_model_that_is_gone_is_named_and_costs_nothing(home: Path) -> None:
    """Its forecasts stand; what is known of it says why there is no more."""
    (model,) = board(home, NOW).models
    assert (model.name, model.manifest, model.age) == ("mine", None, None)
    assert "no model is called 'mine'" in (model.fault or "")


def test_without_a_forecast_there_is_no_board(tmp_path: Path, forecast: Forecast) -> None:
    """66, and what to do."""
    with pytest.raises(MissingInputError) as error:
        board(tmp_path, NOW)
    assert error.value.fix == "forecast predict"
    run = forecast("board", "--home", tmp_path, "--output", tmp_path / "board.html")
    assert run.code == 66
    assert not (tmp_path / "board.html").exists()


def test_the_command_writes_one_page(home: Path, tmp_path: Path, forecast: Forecast) -> None:
    """A file that exists is kept unless --force says otherwise; without --output, on stdout."""
    page = tmp_path / "board.html"
    assert forecast("board", "--home", home, "--output", page).code == 0
    assert forecast("board", "--home", home, "--output", page).code == 73
    assert forecast("board", "--home", home, "--output", page, "--force").code == 0
    assert forecast("board", "--home", home).out.startswith("<!DOCTYPE html>")


def test_a_terminal_is_not_flooded(
    home: Path, monkeypatch: pytest.MonkeyPatch, forecast: Forecast
) -> None:
    """HTML is for a file; who sits at a terminal is told how."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run = forecast("board", "--home", home)
    assert (run.code, run.out) == (2, "")
    assert "fix: add --output board.html" in run.err


def test_the_page_says_it_all_without_its_script(home: Path) -> None:
    """Every number stands in the text: mail programs run no script."""
    made = board(home, NOW + timedelta(days=3))
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", board_page(made), flags=re.DOTALL)
    words = " ".join(text.split())
    for row in made.rows:
        low, high = row.fan.prices[0, [0, -1]]
        assert f"{low:,.2f} to {high:,.2f}" in words
    assert "of 29" in words
    assert words.count("3 sessions have closed since its last bar") == 2


def test_equal_boards_give_equal_pages(home: Path) -> None:
    """Nothing of the clock or of memory is in it."""
    assert board_page(board(home, NOW)) == board_page(board(home, NOW))
