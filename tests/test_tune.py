"""Tuning chooses on validation folds, goes on where it was stopped, and counts what it tried."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from synthetic import autoregressive_bars

from forecast_cli.config import model_config
from forecast_cli.data.bars import Bars
from forecast_cli.data.store import BarStore
from forecast_cli.data.trials import TrialLedger
from forecast_cli.errors import TryAgainError, UsageError
from forecast_cli.evaluation.folds import cut_history, validation_folds
from forecast_cli.files import locked
from forecast_cli.workflows.reading import windows_of
from forecast_cli.workflows.tune import TuneResult, options_of, tune


def _bars() -> Bars:
    return autoregressive_bars("AAA", 900, seed=3)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store with one series."""
    BarStore(tmp_path).write(_bars())
    return tmp_path


def _tune(home: Path, n_trials: int, until: date | None = None) -> TuneResult:
    return tune(
        [], network="linear", home=home, n_trials=n_trials, until=until, horizons=(1,), epochs=2
    )


def test_validation_folds_end_before_the_calibration_windows() -> None:
    """Every target that a choice is made on is known before the first calibration cutoff."""
    windows = windows_of([_bars()], model_config("linear", horizons=(1, 5))).known()
    moment = windows.known_from.max()
    folds = validation_folds(windows, moment)
    unseen = cut_history(windows, moment).calibration.cutoffs.min()
    assert len(folds) == 3
    for fold in folds:
        assert fold.history.train.known_from.max() <= fold.test.cutoffs.min()
        assert fold.test.known_from.max() <= unseen


def test_the_default_options_are_tried_first_and_the_best_come_first(home: Path) -> None:
    """So that the result can say what the search was worth."""
    result = _tune(home, 3)
    losses = [trial.loss for trial in result.trials if trial.loss is not None]
    assert len(result.trials) == 3
    assert losses == sorted(losses)
    default = model_config("linear")
    first = min(result.trials, key=lambda trial: trial.number)
    assert first.options == {
        "learning_rate": default.learning_rate,
        "batch_size": default.batch_size,
    }
    assert first.loss == result.default_loss
    assert result.config.learning_rate == result.trials[0].options["learning_rate"]


@pytest.mark.parametrize(
    ("network", "searched"),
    [
        ("logistic", {"learning_rate", "batch_size"}),
        ("mlp", {"learning_rate", "batch_size", "units", "layers", "dropout"}),
        ("cnn", {"learning_rate", "batch_size", "lookback", "filters", "layers", "dropout"}),
        ("lstm", {"learning_rate", "batch_size", "lookback", "units", "layers", "dropout"}),
    ],
)
def test_a_network_is_searched_for_the_options_that_it_has(
    network: str, searched: set[str]
) -> None:
    """No lookback where only the last bar is read; no sizes without hidden layers."""
    assert set(options_of(model_config(network))) == searched


def test_a_study_is_continued(home: Path) -> None:
    """Asked for four after two, it tries two more; asked again, none."""
    first = _tune(home, 2)
    second = _tune(home, 4)
    assert (first.n_new, second.n_new, len(second.trials)) == (2, 2, 4)
    options = [tuple(trial.options.values()) for trial in second.trials]
    assert len(set(options)) == 4
    assert _tune(home, 4).n_new == 0


def test_every_trial_is_counted(home: Path) -> None:
    """In the ledger that a Sharpe ratio is deflated by."""
    result = _tune(home, 3)
    assert result.n_tried_ever == 3
    assert TrialLedger(home).count(["AAA"], "1d") == 3


def test_what_comes_later_reaches_no_choice(home: Path) -> None:
    """Calibration windows, and bars after `until`, may be garbage: the losses stay the same."""
    whole = _bars()
    until = whole.timestamp[-100]
    expected = [(t.options, t.loss) for t in _tune(home, 2, until.item()).trials]
    windows = windows_of([whole.until(until)], model_config("linear", horizons=(1,))).known()
    start = cut_history(windows, until).calibration.cutoffs.min()
    factor = np.where(whole.timestamp > start, np.random.default_rng(0).uniform(0.5, 2, 900), 1.0)
    prices = {n: getattr(whole, n) * factor for n in ("open", "high", "low", "close", "adj_close")}
    garbage = Bars(**{**whole.__dict__, **prices})
    BarStore(home).write(garbage)
    assert [(t.options, t.loss) for t in _tune(home, 2, until.item()).trials] == expected


def test_two_runs_on_one_study_do_not_mix(home: Path) -> None:
    """The second one is told to try again later."""
    study = _tune(home, 1).study
    with locked(study), pytest.raises(TryAgainError, match="another run"):
        _tune(home, 2)


def test_without_the_extra_a_sentence_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And exit code 2."""
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(UsageError) as error:
        _tune(home, 1)
    assert error.value.fix == "pip install 'forecast-cli[tune]'"


def test_the_command_ends_with_the_command_that_trains(
    forecast: Callable[..., Run], home: Path
) -> None:
    """What was found can be used as it is printed."""
    options = ("--model", "linear", "--horizon", "1", "--epochs", "2", "--home", home)
    run = forecast("tune", "AAA", *options, "--trials", "2")
    assert run.code == 0
    assert "2 trials" in run.out
    command = " ".join(run.out.splitlines()[-2:]).split("forecast train ")[1].split()
    assert command[:7] == ["AAA", "--model", "linear", "--horizon", "1", "--epochs", "2"]
    trained = forecast("train", *command, "--home", home)
    assert trained.code == 0
    run = forecast("tune", "AAA", *options, "--trials", "2", "--format", "json")
    assert json.loads(run.out)["n_new"] == 0
