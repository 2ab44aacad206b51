"""What may be loaded: the import budget of each command, in a fresh process, by module name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SAMPLE_DATA

from forecast_cli.config import model_config
from forecast_cli.data.covariates import CovariateStore, covariate
from forecast_cli.features.indicators import covariate_features
from forecast_cli.workflows.train import train

HEAVY = ("tensorflow", "keras", "pandas", "matplotlib", "scipy", "exchange_calendars")
PROBE = """
import json, sys
from forecast_cli.__main__ import main
try:
    main()
except SystemExit as left:
    code = left.code
sys.stdout.flush()
names = {name.split(".")[0] for name in sys.modules}
ours = {name for name in sys.modules if name.startswith(("forecast_cli.", "rich.", "importlib."))}
print(json.dumps([code, sorted(names | ours)]), file=sys.stderr)
"""


def _modules(home: Path, *arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        env={"PATH": os.environ["PATH"], "FORECAST_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample store with an LSTM in it."""
    config = model_config("lstm", horizons=(1,), lookback=5, epochs=1)
    folder = tmp_path_factory.mktemp("imports")
    (folder / "bars").symlink_to(sample_home / "bars")
    (folder / "calendars").symlink_to(sample_home / "calendars")
    train(["^GSPC"], config=config, home=folder)
    names = ("return", "rank_21", *covariate_features("^IXIC"), *covariate_features("mood"))
    config = model_config("linear", horizons=(1,), features=names, epochs=1)
    news = np.arange("1991-01-01", "2016-01-01", dtype="datetime64[D]").astype("datetime64[us]")
    CovariateStore(folder).write(covariate("mood", None, news, np.ones(len(news))))
    train(["^GSPC"], config=config, home=folder, name="seeing")
    (folder / "models" / "lstm" / "LATEST").touch()
    return folder


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["predict", "--help"], ["train", "--help"], ["fetch", "--help"],
     ["backtest", "--help"], ["features", "--help"], ["models", "--help"]],
)  # fmt: skip
def test_help_and_version_load_nothing_heavy(home: Path, arguments: list[str]) -> None:
    """Neither pandas, pyarrow, numpy nor TensorFlow: help is instant."""
    code, modules = _modules(home, *arguments)
    assert code == 0
    assert not modules & {*HEAVY, "pyarrow", "numpy", "onnxruntime"}


def test_help_of_the_program_loads_no_command(home: Path) -> None:
    """Neither a command nor its settings, nor what rich prints Markdown and tracebacks with."""
    code, modules = _modules(home, "--help")
    assert code == 0
    assert not modules & {"rich.markdown", "markdown_it", "pygments", "attr", "importlib.metadata"}
    ours = {name for name in modules if name.startswith("forecast_cli.")}
    assert ours == {
        "forecast_cli.__main__", "forecast_cli.cli", "forecast_cli.cli.app",
        "forecast_cli.cli.colour", "forecast_cli.cli.interruption", "forecast_cli.cli.program",
        "forecast_cli.errors",
    }  # fmt: skip


def test_a_command_loads_no_other(home: Path) -> None:
    """Each is imported when it is asked for; another one's options are not even looked at."""
    code, modules = _modules(home, "predict", "--help")
    assert code == 0
    assert {"forecast_cli.cli.predict", "rich.table"} <= modules
    assert not modules & {"forecast_cli.cli.fetch", "forecast_cli.cli.models", "markdown_it"}


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "parquet"])
def test_predict_loads_neither_tensorflow_keras_nor_pandas(
    home: Path, tmp_path: Path, form: str
) -> None:
    """An LSTM forecast takes numpy, pyarrow and ONNX Runtime, and no more, in every form.

    The first of these records it in the ledger, the others find it there.
    """
    output = str(tmp_path / "forecasts")
    code, modules = _modules(home, "predict", "^GSPC", "--format", form, "--output", output)
    assert code == 0
    assert not modules & set(HEAVY)
    assert {"onnxruntime", "pyarrow"} <= modules
    assert len(list((home / "ledger").glob("*.parquet"))) == 1


@pytest.mark.parametrize(
    "arguments",
    [["predict", "^GSPC", "--plot"], ["show", "^GSPC"]],
    ids=["plot", "show"],
)
def test_a_drawing_in_the_terminal_loads_no_pandas(home: Path, arguments: list[str]) -> None:
    """Nor matplotlib: it is text."""
    code, modules = _modules(home, *arguments)
    assert code == 0
    assert not modules & set(HEAVY)


def test_covariates_load_no_pandas_either(home: Path) -> None:
    """Other series, stored values and closing times are read as bars are."""
    code, modules = _modules(home, "predict", "^GSPC", "--model", "seeing")
    assert code == 0
    assert not modules & set(HEAVY)


def test_an_error_of_predict_is_as_quick(home: Path) -> None:
    """Saying that a model does not exist needs nothing heavy either."""
    code, modules = _modules(home, "predict", "--model", "none-such")
    assert code == 66
    assert not modules & set(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [["features"], ["data", "list"], ["data", "check"], ["data", "remove", "NONE", "--yes"],
     ["show", "^GSPC"], ["doctor", "--quick"]],
    ids=" ".join,
)  # fmt: skip
def test_what_only_looks_loads_nothing_heavy(home: Path, arguments: list[str]) -> None:
    """What is stored is read by numpy and pyarrow alone."""
    _, modules = _modules(home, *arguments)
    assert not modules & set(HEAVY)
    assert "numpy" in modules


@pytest.mark.parametrize("arguments", [["config", "show"], ["predict", "--as-of", "x"], ["prdict"]])
def test_settings_and_errors_load_no_numbers(home: Path, arguments: list[str]) -> None:
    """Neither settings nor a wrong command line need numpy, let alone more."""
    _, modules = _modules(home, *arguments)
    assert not modules & {*HEAVY, "numpy", "pyarrow", "onnxruntime"}


def test_score_loads_neither_tensorflow_keras_nor_pandas(home: Path) -> None:
    """Its tests are scipy's, its networks nobody's."""
    _, modules = _modules(home, "score")
    assert not modules & {"tensorflow", "keras", "pandas", "matplotlib", "exchange_calendars"}


def test_listing_models_loads_no_tensorflow(home: Path) -> None:
    """Manifests are read, networks are not."""
    code, modules = _modules(home, "models", "list")
    assert code == 0
    assert not modules & {"tensorflow", "keras"}


def test_doctor_loads_neither_tensorflow_keras_nor_pandas(home: Path) -> None:
    """Versions are read from metadata, canaries replayed by ONNX Runtime."""
    code, modules = _modules(home, "doctor")
    assert code == 0
    assert not modules & set(HEAVY)
    assert "onnxruntime" in modules


def test_fetch_loads_no_tensorflow(tmp_path: Path) -> None:
    """Reading files needs the calendars' pandas, but no network."""
    code, modules = _modules(tmp_path, "fetch", "--from", str(SAMPLE_DATA / "AAPL.csv"))
    assert code == 0
    assert not modules & {"tensorflow", "keras", "matplotlib", "onnxruntime"}


def test_the_interpreter_agrees(home: Path) -> None:
    """`python -X importtime`, which sees every import, names none of them."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "forecast_cli", "predict", "^GSPC"],
        env={"PATH": os.environ["PATH"], "FORECAST_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "numpy" in done.stderr
    for name in ("tensorflow", "keras", "pandas"):
        assert f" {name}\n" not in done.stderr
        assert f" {name}." not in done.stderr
