"""Trained models are listed, and proven by training them again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import ROOT, Run
from safetensors.numpy import load, save
from synthetic import autoregressive_bars

from forecast_cli.config import model_config
from forecast_cli.data.store import BarStore
from forecast_cli.models.artifact import ModelStore, record
from forecast_cli.models.manifest import WEIGHTS
from forecast_cli.workflows.train import train

FIRST_FORMAT = ROOT / "tests" / "data" / "first_format"
UNTIL = date(2002, 10, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one series and a model of most of it, called `small`."""
    home = tmp_path_factory.mktemp("models")
    BarStore(home).write(autoregressive_bars("AAA", 500, seed=1))
    config = model_config("linear", horizons=(1,), epochs=2)
    train([], config=config, home=home, name="small", until=UNTIL)
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copytree(trained, tmp_path / "home")
    return tmp_path / "home"


def test_the_list_says_what_each_model_is(forecast: Callable[..., Run], home: Path) -> None:
    """Name, network, objective, horizons, last bar known; a damaged model is named on stderr."""
    shutil.copytree(home / "models" / "small", home / "models" / "damaged")
    run = forecast("models", "list", "--home", home)
    assert run.code == 0
    (row,) = (line.split() for line in run.out.splitlines() if line.startswith(" small"))
    assert row[2:7] == ["linear", "crps", "1", "1", "2002-10-01"]
    assert row[7] in ("none", "found")
    assert row[8] == "1"
    assert "its manifest belongs to small" in run.err
    form = json.loads(forecast("models", "list", "--home", home, "--format", "json").out)
    assert [model["model"] for model in form["models"]] == ["damaged", "small"]
    assert form["models"][1]["known_until"] == "2002-10-01"
    assert form["models"][0]["fault"]


def test_a_model_is_verified_from_bars_and_manifest(
    forecast: Callable[..., Run], home: Path
) -> None:
    """Newer bars do not matter: it is trained on those that were known. Nothing is written."""
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    run = forecast("models", "verify", "small", "--home", home)
    assert (run.code, run.err) == (0, "")
    assert "same weights" in run.out
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_other_weights_are_told(forecast: Callable[..., Run], home: Path) -> None:
    """Exit code 70: the artifact is in order, but it is not what this training gives."""
    folder = next((home / "models" / "small").glob("*/"))
    weights = load((folder / WEIGHTS).read_bytes())
    first = min(weights)
    content = save(weights | {first: weights[first] + 1})
    (folder / WEIGHTS).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][WEIGHTS] = record(content).model_dump()
    manifest["libraries"]["numpy"] = "0.1"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    run = forecast("models", "verify", "small", "--home", home)
    assert run.code == 70
    assert "trained again, it has other weights (it was trained with numpy 0.1, here " in run.err


def test_revised_bars_are_told(forecast: Callable[..., Run], home: Path) -> None:
    """Exit code 65, and the symbol: the proof is not possible, which is not the model's fault."""
    store = BarStore(home)
    bars = store.read("AAA", "1d")
    close = bars.adj_close.copy()
    close[100] *= 1.01
    shutil.rmtree(home / "bars")
    store.write(replace(bars, adj_close=close))
    run = forecast("models", "verify", "small", "--home", home)
    assert run.code == 65
    assert "model small cannot be verified: bars of AAA have been revised" in run.err


def test_missing_models_and_bars_are_told(forecast: Callable[..., Run], home: Path) -> None:
    """Exit code 66 for both."""
    assert forecast("models", "verify", "none-such", "--home", home).code == 66
    shutil.rmtree(home / "bars")
    run = forecast("models", "verify", "small", "--home", home)
    assert run.code == 66
    assert "AAA" in run.err


def test_models_of_the_first_format_open(tmp_path: Path) -> None:
    """Their target is read as an objective, their networks have the sizes there were then."""
    shutil.copytree(FIRST_FORMAT, tmp_path / "home")
    models = ModelStore(tmp_path / "home")
    early = models.open("early").manifest.config
    assert (early.network, early.objective, early.units, early.layers) == ("mlp", "crps", 32, 2)
    direction = models.open("early-direction").manifest.config
    assert (direction.objective, direction.weight_decay) == ("logloss", 0.004)
