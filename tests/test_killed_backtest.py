"""A backtest that is killed goes on where it was: the same result, and nothing fitted twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from conftest import Run

from forecast_cli.features.windows import Windows
from forecast_cli.models.keras_forecaster import KerasForecaster

FOLDS = 6
BACKTEST = (
    *("backtest", "^GSPC", "--model", "linear", "--horizon", "1", "--epochs", "3"),
    *("--folds", str(FOLDS), "--format", "json"),
)
PATIENCE_S = 60.0


def _killed_after_a_fold(home: Path) -> int:
    """Run the program in a process of its own and kill it; how many folds it left behind."""
    command = [sys.executable, "-m", "forecast_cli", *BACKTEST, "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ)) as process:
        began = time.monotonic()
        while not _finished_folds(home):
            assert process.poll() is None, "it ended before its first fold was kept"
            assert time.monotonic() - began < PATIENCE_S, "no fold in a minute"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return _finished_folds(home)


def _finished_folds(home: Path) -> int:
    """Those that are whole: a file that is being written has a dot first."""
    return len(list((home / "cache" / "folds").glob("[!.]*")))


def test_killed_at_a_fold_it_goes_on_and_ends_the_same(
    forecast: Callable[..., Run],
    sample_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGKILL, then the same command: only the folds that were not finished are fitted."""
    fits: list[int] = []
    fit = KerasForecaster.fit

    def counted(self: KerasForecaster, train: Windows, validation: Windows) -> None:
        fits.append(len(train))
        fit(self, train, validation)

    monkeypatch.setattr(KerasForecaster, "fit", counted)

    def home(name: str) -> Path:
        copytree(sample_home / "bars", tmp_path / name / "bars")
        return tmp_path / name

    def finished(at: Path) -> dict[str, Any]:
        run = forecast(*BACKTEST, "--home", at)
        assert run.code == 0, run.err
        result: dict[str, Any] = json.loads(run.out)
        return result

    killed, unbroken = home("killed"), home("unbroken")
    n_finished = _killed_after_a_fold(killed)
    assert 1 <= n_finished < FOLDS
    resumed = finished(killed)
    assert len(fits) == FOLDS - n_finished
    whole = finished(unbroken)
    assert len(fits) == FOLDS - n_finished + FOLDS
    assert resumed == whole
    assert finished(killed) == whole
    assert len(fits) == FOLDS - n_finished + FOLDS
