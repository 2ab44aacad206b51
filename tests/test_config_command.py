"""`forecast config`: what is set and by whom, and a first file."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Run

Forecast = Callable[..., Run]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def shown(run: Run) -> dict[str, tuple[Any, str]]:
    """Value and origin by setting."""
    assert run.code == 0, run
    form = json.loads(run.out)
    assert form["schema_version"] == 1
    return {each["key"]: (each["value"], each["origin"]) for each in form["settings"]}


def test_each_value_with_its_origin(
    forecast: Forecast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set, each as the command takes it, and the store's folder in any case."""
    show = ("config", "show", "--format", "json")
    assert shown(forecast(*show)) == {"home": (str(folder / "data/forecast"), "default")}
    path = folder / "forecast.toml"
    path.write_text(
        'home = "store"\n[train]\nmodel = "mlp"\nhorizon = 5\nuntil = 2017-12-31\n'
        '[data.check]\nstrict = true\n[checks]\nlarge_jump = "ignore"\n'
    )
    monkeypatch.setenv("FORECAST_TRAIN_EPOCHS", "3")
    monkeypatch.setenv("FORECAST_TRAIN_MODEL", "lstm")
    assert shown(forecast(*show)) == {
        "home": (str(folder / "store"), str(path)),
        "train.model": ("lstm", "FORECAST_TRAIN_MODEL"),
        "train.horizon": ([5], str(path)),
        "train.epochs": (3, "FORECAST_TRAIN_EPOCHS"),
        "train.until": ("2017-12-31", str(path)),
        "data.check.strict": (True, str(path)),
        "checks.large_jump": ("ignore", str(path)),
    }
    table = forecast("config", "show").out
    assert re.search(r"train\.epochs +3 +FORECAST_TRAIN_EPOCHS", table)
    assert f"read: {path}" in table


def test_a_variable_with_a_wrong_name_is_pointed_out(
    forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be somebody else's, so that it is no error."""
    monkeypatch.setenv("FORECAST_TRAIN_EPOCH", "3")
    monkeypatch.setenv("FORECAST_TRAIN_EPOCHS", "3")
    run = forecast("config", "show")
    assert run.code == 0
    assert run.err == "warning: FORECAST_TRAIN_EPOCH: is the name of no setting\n"


def test_all_of_them_with_their_defaults(forecast: Forecast, folder: Path) -> None:
    """Every option of every command, and the policy of every check."""
    everything = shown(forecast("config", "show", "--all", "--format", "json"))
    assert everything["train.model"] == (None, "default")
    assert everything["backtest.cost_bps"] == (5.0, "default")
    assert everything["features.format"] == ("table", "default")
    assert everything["checks.large_jump"] == ("warn", "default")
    assert not any(key.endswith((".force", ".yes", ".open_lock", ".config")) for key in everything)
    assert "no forecast.toml here" in forecast("config", "show", "--all").out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[backtest]\njobs = 0\n", "backtest.jobs: expected a whole number from 1 to 256, not 0"),
        ("[data.check]\nstrict = 1\n", "data.check.strict: expected true or false, not 1"),
        ("[train]\ntime_budget = -5\n", "train.time_budget: -5 is not a number of seconds above"),
        ('[checks]\nbad_price = "warn"\n', "checks.bad_price: 'warn' is not possible"),
        ("home = 5\n", "home: expected a path, not 5"),
    ],
)
def test_show_checks_the_values_of_all_commands(
    forecast: Forecast, folder: Path, text: str, says: str
) -> None:
    """Those of commands that run at night, too."""
    (folder / "forecast.toml").write_text(text)
    run = forecast("config", "show")
    assert (run.code, run.out) == (78, "")
    assert says in run.err


def test_a_first_file_sets_nothing(forecast: Forecast, folder: Path) -> None:
    """It can be read, says what can be set, and is not overwritten unless one asks for it."""
    assert forecast("config", "init") == Run(0, "", "")
    path = folder / "forecast.toml"
    written = path.read_text()
    assert "# Bars ahead; repeat for several. Default: 1 and 5." in written
    assert list(shown(forecast("config", "show", "--format", "json"))) == ["home"]
    path.write_text("broken")
    assert forecast("config", "init").code == 73
    assert path.read_text() == "broken"
    assert forecast("config", "init", "--force").code == 0
    assert path.read_text() == written
    assert forecast("config", "init", "--output", "-").out == written


def test_a_first_file_uncommented_is_the_defaults(forecast: Forecast, folder: Path) -> None:
    """Every line that has a value is valid, and says what holds without it."""
    defaults = shown(forecast("config", "show", "--all", "--format", "json"))
    forecast("config", "init")
    path = folder / "forecast.toml"
    text = re.sub(r"^#(\w+ = )", r"\1", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)
    values = tomllib.loads(text)
    assert {"fetch", "train", "predict", "backtest", "checks"} <= set(values)
    set_now = shown(forecast("config", "show", "--format", "json"))
    del set_now["home"]
    assert len(set_now) > 40
    for key, (value, origin) in set_now.items():
        assert origin == str(path)
        assert value == defaults[key][0]


def test_a_first_file_names_every_option_of_its_sections(forecast: Forecast) -> None:
    """With a default or without."""
    lines = forecast("config", "init", "--output", "-").out.splitlines()
    everything = shown(forecast("config", "show", "--all", "--format", "json"))
    section, named = "", set()
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif match := re.match(r"#(\w+) =", line):
            named.add(f"{section}.{match[1]}")
    for key in everything:
        if key.split(".")[0] in {"fetch", "train", "predict", "backtest"}:
            assert key in named


def test_the_example_of_the_documentation_is_read_as_it_says(
    forecast: Forecast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, and what `config show` and `config init` print."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    wrong, show, init = re.findall(r"```console\n.*?\n(.*?)```", text, re.DOTALL)
    (folder / "forecast.toml").write_text(example)
    monkeypatch.setenv("FORECAST_TRAIN_SEEDS", "1")
    monkeypatch.setenv("COLUMNS", "300")
    printed = forecast("config", "show").out

    def rows(table: str) -> list[list[str]]:
        return [line.split() for line in table.splitlines() if line.strip(" ─")]

    assert rows(printed.replace(str(folder), "/srv/nightly")) == rows(show)
    assert forecast("config", "init", "--output", "-").out.startswith(init)
    (folder / "forecast.toml").write_text(example.replace("seeds", "sedes"))
    assert forecast("train") == Run(78, "", wrong)
