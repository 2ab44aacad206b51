"""Options as settings: who goes before whom, and that a value arrives as it was written."""

from pathlib import Path
from typing import Any

import pytest
import typer

from forecast_cli.cli.app import app
from forecast_cli.cli.configured import parameters_of
from forecast_cli.cli.model_options import chosen_config
from forecast_cli.cli.options import Optimizer


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
    root = typer.main.get_command(app)
    return parameters_of(typer.Context(root, info_name="forecast"), command, list(arguments))


def test_a_command_s_parameters_without_a_call(folder: Path) -> None:
    """Typed ones, those of the file, and defaults, each as the function takes it."""
    (folder / "forecast.toml").write_text(
        'home = "store"\n[train]\nepochs = 7\nhorizon = [1, 5]\noptimizer = "sgd"\n'
    )
    given = called("train", "--model", "lstm", "--horizon", "21", "--horizon", "3")
    assert (given["model"], given["epochs"], given["horizons"]) == ("lstm", 7, [21, 3])
    assert (given["optimizer"], given["symbols"]) == (Optimizer.sgd, None)
    assert Path(given["home"]) == folder / "store"
    config = chosen_config(given)
    assert (config.horizons, config.epochs, config.optimizer) == ((3, 21), 7, "sgd")
