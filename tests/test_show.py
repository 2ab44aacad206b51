"""`forecast show` and `predict --plot`: one symbol's prices, its forecast, and earlier ones."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from board_sample import HORIZONS, N_BARS, NOW, recorded
from conftest import Run
from synthetic import random_walk_bars

from forecast_cli.config import model_config
from forecast_cli.workflows.show import show
from forecast_cli.workflows.train import train

Forecast = Callable[..., Run]
CLOSES = random_walk_bars("AAPL", N_BARS, 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two symbols, forecast over thirty sessions."""
    recorded(tmp_path, ["AAPL", "MSFT"], n_cutoffs=30)
    return tmp_path


def test_every_past_forecast_is_judged_by_what_came(home: Path) -> None:
    """Of one symbol, by horizon and cutoff: inside its range or not, recomputed from the bars."""
    shown = show("aapl", home=home, now=NOW)
    assert [of.horizon for of in shown.history] == [1] * 29 + [5] * 25
    closes = dict(zip(CLOSES.timestamp.tolist(), CLOSES.adj_close.tolist(), strict=True))
    for of in shown.history:
        came = np.log(closes[of.target_date] / closes[of.cutoff])
        assert of.came == pytest.approx(came)
        assert of.low is not None
        assert of.high is not None
        assert of.inside == (of.low <= came <= of.high)


def test_json_says_all_that_the_table_draws(home: Path, forecast: Forecast) -> None:
    """Closes, forecasts as prices, and how each earlier one fared."""
    form = json.loads(forecast("show", "AAPL", "--home", home, "--format", "json").out)
    assert form["schema_version"] == 1
    assert len(form["closes"]) == 60
    assert form["closes"][-1]["close"] == pytest.approx(float(CLOSES.close[-1]))
    assert [of["horizon"] for of in form["forecasts"]] == list(HORIZONS)
    assert list(form["forecasts"][0]["price_quantiles"]) == ["0.05", "0.25", "0.5", "0.75", "0.95"]
    assert len(form["history"]) == 54


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_screen_fits_its_width(
    home: Path, width: int, monkeypatch: pytest.MonkeyPatch, forecast: Forecast
) -> None:
    """One mark per session and horizon; nothing is cut off, nothing is coloured."""
    monkeypatch.setenv("COLUMNS", str(width))
    run = forecast("show", "AAPL", "--home", home)
    assert run.code == 0
    lines = run.out.splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in run.out
    assert "\x1b" not in run.out
    marks = [line.rstrip() for line in lines if line.strip() and set(line.strip()) <= {".", "x"}]
    assert [len(line) for line in marks] == [29, 25]
    history = show("AAPL", home=home, now=NOW).history
    assert marks[0] == "".join("." if of.inside else "x" for of in history[:29])


def test_another_model_is_left_out_where_one_is_named(home: Path, forecast: Forecast) -> None:
    """And a symbol without forecasts still has prices."""
    run = forecast("show", "AAPL", "--home", home, "--model", "other")
    assert "no forecast of it is recorded yet" in run.out
    assert f"{CLOSES.close[-1]:,.2f} on {CLOSES.timestamp[-1]}" in run.out


def test_what_is_not_stored_cannot_be_shown(home: Path, forecast: Forecast) -> None:
    """66."""
    assert forecast("show", "IBM", "--home", home).code == 66


@pytest.fixture(scope="module")
def trained(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample store with a small model of the index."""
    folder = tmp_path_factory.mktemp("plots")
    for name in ("bars", "calendars"):
        (folder / name).symlink_to(sample_home / name)
    train(["^GSPC"], config=model_config("linear", horizons=(1, 5), epochs=1), home=folder)
    return folder


def test_plot_draws_under_the_table(
    trained: Path, monkeypatch: pytest.MonkeyPatch, forecast: Forecast
) -> None:
    """As wide as the terminal, at 40 columns too."""
    monkeypatch.setenv("COLUMNS", "40")
    run = forecast("predict", "^GSPC", "--home", trained, "--plot")
    assert run.code == 0
    assert "90 %" in run.out
    assert "░" in run.out
    assert max(map(len, run.out.splitlines())) <= 40


@pytest.mark.parametrize("kind", ["svg", "png", "html"])
def test_plot_writes_the_picture_that_the_suffix_says(
    trained: Path, kind: str, tmp_path: Path, forecast: Forecast
) -> None:
    """Each a whole file of its kind, with the symbol's name in the text of SVG and HTML."""
    path = tmp_path / f"fan.{kind}"
    options = ("--home", trained, "--plot", "--output", path)
    assert forecast("predict", "^GSPC", "^IXIC", *options).code == 0
    if kind == "png":
        assert path.read_bytes().startswith(b"\x89PNG\r\n")
        return
    text = path.read_text()
    assert "^GSPC" in text
    assert "^IXIC" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    if kind == "svg":
        paths = ET.fromstring(text).findall(".//{*}path")  # noqa: S314 - our own
        assert len(paths) == 2 * 5


def test_plot_is_for_pictures(trained: Path, tmp_path: Path, forecast: Forecast) -> None:
    """With a form for scripts it is a contradiction, said before anything is forecast."""
    run = forecast("predict", "^GSPC", "--home", trained, "--plot", "--format", "json")
    assert run.code == 2
    assert "--plot draws" in run.err
