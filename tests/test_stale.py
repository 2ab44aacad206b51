"""A model that learnt from bars which were revised since is marked stale, and only such a model."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from synthetic import calendar_of, random_walk_bars

from forecast_cli.config import model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.workflows.train import train

BARS = random_walk_bars("AAA", 600, seed=1)
LEARNT = slice(500)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one model of two symbols."""
    home = tmp_path_factory.mktemp("stale")
    store = BarStore(home)
    store.write(BARS.take(LEARNT))
    store.write(replace(BARS, symbol="BBB").take(LEARNT))
    days = np.arange("2000-01-01", "2010-01-01", dtype="datetime64[D]")
    store.write_calendar(calendar_of(days))
    config = model_config("linear", horizons=(1,), lookback=2, epochs=1)
    train([], config=config, home=home, name="small")
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, whose bars may be rewritten."""
    shutil.copytree(trained, tmp_path / "home")
    return tmp_path / "home"


def scaled(factor: float) -> Bars:
    """The bars after a dividend."""
    return replace(BARS, adj_close=BARS.adj_close * factor)


def corrected(row: int) -> Bars:
    """The bars with another close on one day."""
    close = BARS.close.copy()
    close[row] *= 1.01
    return replace(BARS, close=close, adj_close=close)


@pytest.mark.parametrize(
    ("new", "stale"),
    [
        (BARS, False),
        (scaled(0.97), False),
        (scaled(0.97).take(slice(490, 600)), False),
        (corrected(550), False),
        (corrected(300), True),
        (corrected(499), True),
    ],
    ids=["extended", "re-adjusted", "re-adjusted by its overlap", "later bar", "revised", "last"],
)
def test_stale_in_json_and_on_stderr(
    forecast: Callable[..., Run], home: Path, new: Bars, *, stale: bool
) -> None:
    """New bars and re-adjustments are no reason to train again; another value is."""
    BarStore(home).merge(new)
    run = forecast("predict", "--home", home, "--format", "json")
    assert run.code == 0
    form = json.loads(run.out)
    assert form["stale"] is stale
    if stale:
        assert "bars of AAA that it learnt from have been revised" in run.err
        assert "forecast train --model linear --name small" in form["stale_reason"]
    else:
        assert "stale" not in run.err
        assert form["stale_reason"] is None


def test_a_manifest_of_the_first_version_still_loads(
    forecast: Callable[..., Run], home: Path
) -> None:
    """Without fingerprints nothing can be said, and the model forecasts as before."""
    (path,) = (home / "models").rglob("manifest.json")
    manifest = json.loads(path.read_text())
    assert set(manifest.pop("learnt")) == {"AAA", "BBB"}
    path.write_text(json.dumps(manifest))
    BarStore(home).merge(corrected(300))
    run = forecast("predict", "--home", home, "--format", "json")
    assert (run.code, json.loads(run.out)["stale"]) == (0, False)
