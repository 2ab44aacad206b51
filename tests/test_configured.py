"""Options as settings: who goes before whom, and that a value arrives as it was written."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.core import TyperCommand, TyperGroup

from forecast_cli.cli.app import app
from forecast_cli.cli.configured import Command, key_of, parameters_of
from forecast_cli.cli.model_options import chosen_config
from forecast_cli.cli.options import Optimizer
from forecast_cli.cli.setting_values import Parameter

Forecast = Callable[..., Run]
ROOT = cast("TyperGroup", typer.main.get_command(app))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; this user's settings lie in `user/forecast` beside it."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    return work


def called(command: str, *arguments: str) -> dict[str, Any]:
    """What a command's function would get."""
    return parameters_of(typer.Context(ROOT, info_name="forecast"), command, list(arguments))


def leaves(group: TyperGroup) -> Iterator[tuple[str, TyperCommand]]:
    """All commands of the program, by their full names."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((f"{name} {inner}", leaf) for inner, leaf in leaves(command))
        else:
            assert isinstance(command, TyperCommand)
            yield name, command


def test_each_level_goes_before_the_next(
    forecast: Forecast, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Default, this user's file, the working folder's, the environment, the flag."""

    def says(*flags: str) -> str:
        return forecast("data", "list", *flags).err

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "by_default"))
    of_user = tmp_path / "user/forecast/forecast.toml"
    of_user.parent.mkdir(parents=True)
    assert f"no bars are stored in {tmp_path / 'by_default/forecast'}" in says()
    of_user.write_text('home = "of_user"\n')
    assert str(of_user.parent / "of_user") in says()
    (folder / "forecast.toml").write_text('home = "of_project"\n')
    assert str(folder / "of_project") in says()
    monkeypatch.setenv("FORECAST_HOME", "/in/environment")
    assert "/in/environment" in says()
    assert "/on/the/line" in says("--home", "/on/the/line")


def test_options_of_a_command_in_the_same_order(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key by key: what the nearer file does not say, the other one does."""

    def shown(*flags: str) -> tuple[Any, Any]:
        given = called("train", "--model", "mlp", *flags)
        return given["epochs"], given["batch_size"]

    assert shown() == (None, None)
    of_user = tmp_path / "user/forecast/forecast.toml"
    of_user.parent.mkdir(parents=True)
    of_user.write_text("[train]\nepochs = 1\nbatch_size = 1\n")
    assert shown() == (1, 1)
    (folder / "forecast.toml").write_text("[train]\nepochs = 2\n")
    assert shown() == (2, 1)
    monkeypatch.setenv("FORECAST_TRAIN_EPOCHS", "3")
    assert shown() == (3, 1)
    assert shown("--epochs", "4") == (4, 1)
    monkeypatch.setenv("FORECAST_TRAIN_EPOCHS", "")
    assert shown() == (2, 1)


def test_a_named_file_is_the_only_one(
    forecast: Forecast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config goes before FORECAST_CONFIG, and both before the working folder's file."""
    (folder / "forecast.toml").write_text("nonsense")
    for name, form in (("a.toml", "json"), ("b.toml", "table")):
        (folder / name).write_text(f'[features]\nformat = "{form}"\n')
    monkeypatch.setenv("FORECAST_CONFIG", "a.toml")
    assert forecast("features").out.startswith("{")
    assert not forecast("features", "--config", "b.toml").out.startswith("{")


def test_a_required_option_may_be_set(
    forecast: Forecast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call without arguments is one, then; a relative path starts at the file's folder."""
    assert forecast("fetch").code == 2
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/f.toml").write_text('[fetch]\nfrom = "prices"\n')
    monkeypatch.setenv("FORECAST_CONFIG", "elsewhere/f.toml")
    run = forecast("fetch")
    assert run.code == 66
    assert f"{folder / 'elsewhere/prices'}: no such file" in run.err


def test_words_that_are_no_paths_stay(folder: Path) -> None:
    """`yahoo`, and `-` for stdin and stdout; ~ is the user's folder."""
    (folder / "forecast.toml").write_text(
        '[fetch]\nfrom = "yahoo"\n[predict]\noutput = "-"\n[backtest]\nreport = "~/x.html"\n'
    )
    assert called("fetch")["source"] == "yahoo"
    assert called("predict")["output"] == Path("-")
    assert called("backtest", "--model", "mlp")["report"] == Path("~/x.html").expanduser()


def test_the_environment_calls_for_no_version_and_no_consent(
    forecast: Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORECAST_VERSION and FORECAST_HELP belong to others; consent is given in the call."""
    for name in ("VERSION", "HELP", "FEATURES_HELP", "DEBUG", "PREDICT_FORCE", "TRAIN_OPEN_LOCK"):
        monkeypatch.setenv(f"FORECAST_{name}", "1")
    run = forecast("features")
    assert run.code == 0
    assert "volatility" in run.out
    assert called("predict")["force"] is False
    assert called("train", "--model", "mlp")["open_lock"] is False


def test_help_reads_no_file(forecast: Forecast, folder: Path) -> None:
    """It speaks of the program, and is there when a file is broken."""
    clean = forecast("train", "--help").out
    (folder / "forecast.toml").write_text("nonsense")
    assert forecast("--version").code == 0
    assert forecast("train", "--help") == Run(0, clean, "")


def test_every_command_has_settings() -> None:
    """Except the one that writes a first file; every number has bounds, so that 1e99 has none."""
    for name, command in leaves(ROOT):
        assert isinstance(command, Command) or name == "config init", name
        for parameter in cast("list[Parameter]", command.params):
            info = parameter.type_descriptor
            if info.annotation in (int, float) and info.parameter_info.parser is None:
                assert parameter.min is not None, (name, parameter.name)
                assert parameter.max is not None, (name, parameter.name)


def test_a_command_s_parameters_without_a_call(folder: Path) -> None:
    """Typed ones, those of the file, and defaults, each as the function takes it."""
    (folder / "forecast.toml").write_text(
        'home = "store"\n[train]\nepochs = 7\nhorizon = [1, 5]\noptimizer = "sgd"\n'
    )
    given = called("train", "--model", "lstm", "--horizon", "21", "--horizon", "3")
    assert (given["model"], given["epochs"], given["horizons"]) == ("lstm", 7, [21, 3])
    assert (given["optimizer"], given["symbols"]) == (Optimizer.sgd, None)
    assert Path(given["home"]) == folder / "store"
    assert called("data check", "AAPL", "--strict")["symbols"] == ["AAPL"]
    config = chosen_config(given)
    assert (config.horizons, config.epochs, config.optimizer) == ((3, 21), 7, "sgd")


def test_the_settings_of_a_command_that_another_one_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads the file that the other one was told to read, and lacks what it lacks."""
    for name, epochs in (("forecast", 1), ("other", 2), ("third", 3)):
        (folder / f"{name}.toml").write_text(f"[train]\nmodel = 'mlp'\nepochs = {epochs}\n")
    monkeypatch.setenv("FORECAST_CONFIG", "third.toml")
    root = typer.Context(ROOT, info_name="forecast")
    features = ROOT.commands["features"]
    running = features.make_context("features", ["--config", "other.toml"], parent=root)
    assert parameters_of(cast("typer.Context", running), "train", [])["epochs"] == 2
    with pytest.raises(typer.BadParameter, match="source"):
        parameters_of(cast("typer.Context", running), "fetch", [])


def test_what_was_typed_wrong_is_a_matter_of_usage(forecast: Forecast, folder: Path) -> None:
    """Exit code 2, whatever is set; 78 only where the mistake is in a file."""
    (folder / "forecast.toml").write_text('[train]\nmodel = "mlp"\nepochs = 5\n')
    assert forecast("train", "--epochs", "0").code == 2
    assert forecast("predict", "--model", "../x").code == 2


@pytest.mark.parametrize("home", [{}, {"HOME": "/nonexistent"}])
def test_a_bare_environment(folder: Path, home: dict[str, str]) -> None:
    """No HOME, LANG=C, an unknown TZ: the real program reads the settings of its working folder."""
    (folder / "forecast.toml").write_text('home = "störe"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "forecast_cli", "data", "list"],
        env={"PATH": "/usr/bin", "LANG": "C", "TZ": "bogus", **home},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 66
    assert done.stdout == b""
    told = done.stderr.decode()
    assert told.startswith(f"error: no bars are stored in {folder / 'störe'}")


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
_DATES = st.dates(datetime(1900, 1, 1).date(), datetime(2100, 1, 1).date())  # noqa: DTZ001


def _values(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values of an option, as a TOML file has them."""
    kind = parameter.type_descriptor
    low, high = parameter.min, parameter.max
    annotation: Any = kind.annotation
    inner = annotation.__args__[0] if kind.is_list else annotation
    one: st.SearchStrategy[Any]
    if kind.choices:
        one = st.sampled_from([choice.value for choice in kind.choices])
    elif inner is int:
        one = st.integers(int(low or 0), int(high or 0))
    elif inner is float:
        one = st.floats(0.001 if low is None else low, 1e6 if high is None else high)
    elif inner is datetime:
        one = _DATES.map(str)
    else:
        one = st.booleans() if inner is bool else _TEXT
    return st.lists(one, min_size=1, max_size=3) if kind.is_list else one


def _plain(value: object) -> object:
    """A value as the file has it."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return str(value.date())
    return value.value if isinstance(value, Enum) else value


@pytest.mark.parametrize("command", ["train", "backtest", "fetch"])
def test_what_a_file_says_arrives(command: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any subset of a command's options, written as TOML, reaches the function as written."""
    (parameters,) = (leaf.params for name, leaf in leaves(ROOT) if name == command)
    options = {
        key: parameter
        for parameter in cast("list[Parameter]", parameters)
        if (key := key_of(parameter)) not in (None, "home")
    }
    required = {"model": st.just("mlp"), "from": st.just("yahoo")}
    path = tmp_path_factory.mktemp("written") / "any.toml"

    @given(
        st.fixed_dictionaries(
            {key: required[key] for key in options if key in required},
            optional={key: _values(each) for key, each in options.items() if key not in required},
        )
    )
    @settings(max_examples=40, deadline=None)
    def arrives(written: dict[str, Any]) -> None:
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in written.items()
        )
        path.write_text(f"[{command}]\n" + "".join(lines), encoding="utf-8")
        got = called(command, "--config", str(path))
        for key, parameter in options.items():
            value = got[parameter.name]
            if key not in written:
                assert value == parameter.default
            elif isinstance(value, Path):
                assert value == path.parent / os.path.expanduser(written[key])  # noqa: PTH111 - any text
            elif isinstance(value, list):
                said = written[key]
                assert _plain(value) == (said if isinstance(said, list) else [said])
            else:
                assert _plain(value) == written[key]

    arrives()
