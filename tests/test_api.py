"""`import forecast_cli as fc`: the commands as functions, each loaded when it is first used."""

import json
import subprocess
import sys

import pytest
from test_imports import HEAVY

import forecast_cli as fc
from forecast_cli.config import model_config
from forecast_cli.evaluation.folds import FoldPlan
from forecast_cli.workflows.backtest import backtest
from forecast_cli.workflows.fetch import fetch
from forecast_cli.workflows.predict import predict
from forecast_cli.workflows.train import train

PROBE = """
import json, sys
import forecast_cli as fc
offered = dir(fc)
first = sorted({name.split(".")[0] for name in sys.modules})
fc.predict
then = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps([offered, first, then]))
"""


def test_the_functions_are_those_of_the_workflows() -> None:
    """The very same objects, so that types and help are theirs, too."""
    assert fc.fetch is fetch
    assert fc.train is train
    assert fc.predict is predict
    assert fc.backtest is backtest
    assert fc.model_config is model_config
    assert fc.FoldPlan is FoldPlan


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Not even numpy; and `fc.predict` neither pandas nor TensorFlow."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    offered, first, then = json.loads(done.stdout)
    assert offered == sorted(fc.__all__)
    assert not set(first) & {*HEAVY, "numpy", "pyarrow", "onnxruntime", "pydantic", "typer"}
    assert "numpy" in then
    assert not set(then) & set(HEAVY)


def test_what_does_not_exist_is_an_attribute_error() -> None:
    """As of any module, so that hasattr works and submodules are found."""
    with pytest.raises(AttributeError, match="module 'forecast_cli' has no attribute 'forecast'"):
        fc.forecast  # noqa: B018
