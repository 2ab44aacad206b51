"""When `run` trains a model again: its options, its symbols, what it learnt from, its age."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import calendar_of, random_walk_bars

from forecast_cli.config import DEFAULT_FEATURES, model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.features.indicators import covariate_features
from forecast_cli.workflows.due import training_due
from forecast_cli.workflows.train import train

BARS = random_walk_bars("AAA", 620, seed=1)
FEAR = random_walk_bars("^VIX", 620, seed=2)
LEARNT = slice(600)
CONFIG = model_config(
    "linear",
    horizons=(1,),
    epochs=1,
    features=(*DEFAULT_FEATURES, *covariate_features("^VIX")),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one model of one symbol and one covariate."""
    home = tmp_path_factory.mktemp("due")
    for bars in (BARS, FEAR):
        BarStore(home).write(bars.take(LEARNT))
    days = np.arange("2000-01-01", "2010-01-01", dtype="datetime64[D]")
    BarStore(home).write_calendar(calendar_of(days))
    train(["AAA"], config=CONFIG, home=home, name="m")
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, whose bars may be rewritten."""
    shutil.copytree(trained, tmp_path / "home")
    return tmp_path / "home"


def due(home: Path, *, symbols: tuple[str, ...] = ("AAA",), seed: int = 0, name: str = "m") -> str:
    """Why it is to be trained; empty where it is not."""
    config = CONFIG.model_copy(update={"seed": seed})
    why = training_due(
        symbols, config=config, name=name, interval="1d", home=home, retrain_every=21
    )
    return why or ""


def corrected(bars: Bars) -> Bars:
    """The bars with another close on one day."""
    close = bars.close.copy()
    close[300] *= 1.1
    return replace(bars, close=close, adj_close=close, high=np.maximum(bars.high, close)).take(
        LEARNT
    )


def test_a_young_model_of_the_same_is_not_due(home: Path) -> None:
    """Also after twenty newer sessions."""
    assert due(home) == ""
    BarStore(home).write(BARS)
    assert due(home) == ""


def test_no_model_another_option_another_symbol(home: Path) -> None:
    """Each is a reason of its own."""
    assert due(home, name="other") == "there was none"
    assert due(home, seed=1) == "its configuration has changed"
    assert due(home, symbols=("AAA", "^VIX")) == "its symbols have changed (^VIX)"


@pytest.mark.parametrize("bars", [BARS, FEAR], ids=["symbol", "covariate"])
def test_what_was_learnt_from_was_revised(home: Path, bars: Bars) -> None:
    """A symbol of the model or a covariate that it sees."""
    BarStore(home).write(corrected(bars))
    assert due(home) == f"what it learnt from has been revised ({bars.symbol})"


def test_a_damaged_model_is_due(home: Path) -> None:
    """The next training heals it."""
    (graph,) = home.glob("models/m/*/model.onnx")
    graph.write_bytes(b"")
    assert due(home).startswith("the old one cannot be used (")
