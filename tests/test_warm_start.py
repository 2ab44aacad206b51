"""A warm start is shown beside a full refit on the same folds, with what both took."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
from conftest import Run
from synthetic import autoregressive_bars

from forecast_cli.config import model_config
from forecast_cli.evaluation.folds import FoldPlan, cut_folds
from forecast_cli.evaluation.walk_forward import Candidate, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.models.baselines import EwmaHistory
from forecast_cli.workflows.entries import Entry
from forecast_cli.workflows.warm_start import cold_and_warm


def test_the_first_fold_is_the_same_and_the_later_ones_start_from_it() -> None:
    """Folds are counted, with their epochs; a second walk starts from nothing again."""
    config = model_config("linear", horizons=(1,), epochs=4)
    windows = build_windows(
        [autoregressive_bars("AAA", 1500, seed=1, coefficient=0.8)],
        horizons=(1,),
        lookback=config.lookback,
        features=config.features,
    )
    folds = list(cut_folds(windows, FoldPlan(folds=3)))
    entry = Entry(candidate=Candidate(name="linear", make=EwmaHistory), config=config)
    (cold, warm), meters = cold_and_warm([entry])
    assert (cold.candidate.name, warm.candidate.name) == ("linear", "linear warm")
    made = [walk_forward(each.candidate, folds).point[:, 0] for each in (cold, warm)]
    first = len(folds[0].test)
    np.testing.assert_array_equal(made[0][:first], made[1][:first])
    for start, stop in ((first, first + len(folds[1].test)), (first + len(folds[1].test), None)):
        assert (made[0][start:stop] != made[1][start:stop]).any()
    for meter in meters:
        assert meter.cost.fits == 3
        assert 3 <= meter.cost.epochs <= 12
        assert meter.cost.seconds > 0
    (_, again), _ = cold_and_warm([entry])
    np.testing.assert_array_equal(walk_forward(again.candidate, folds).point[:, 0], made[1])


def test_a_backtest_compares_both(
    forecast: Callable[..., Run], sample_home: Path, tmp_path: Path
) -> None:
    """On the same windows, each a trial of its own, and neither taken from the cache."""
    copytree(sample_home / "bars", tmp_path / "bars")
    options = ("--model", "linear", "--horizon", "1", "--epochs", "2", "--folds", "3")
    test = ("backtest", "^GSPC", *options, "--warm-start", "--home", tmp_path)
    both = json.loads(forecast(*test, "--format", "json").out)
    assert [(cost["model"], cost["fits"]) for cost in both["costs"]] == [
        ("linear", 3),
        ("linear warm", 3),
    ]
    assert {"linear", "linear warm"} <= {score["forecaster"] for score in both["scores"]}
    assert both["n_tried"] == 2
    text = forecast(*test).out
    assert "each fold started from the weights of the fold before" in text
    assert "2 different trials on these symbols so far" in text
