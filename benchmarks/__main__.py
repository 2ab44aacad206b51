"""Start-up, forecasting, training, accounting, measured in one run: minutes on two cores."""

import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.accounting import accounting
from benchmarks.ingest import ingest
from benchmarks.measuring import FOLDER, python, report, time_side_by_side
from forecast_cli.config import model_config
from forecast_cli.data.store import BarStore
from forecast_cli.workflows.fetch import fetch
from forecast_cli.workflows.train import train

SAMPLE_DATA = FOLDER.parent / "sample_data"
N_WINDOWS = 20_000
MAKE_KERAS_MODEL = """
import keras, sys
keras.Sequential([
    keras.Input((40, 10)), keras.layers.LSTM(24), keras.layers.Dense(3)
]).save(sys.argv[1])
"""


def main() -> None:
    """Print a JSON line and a table per job."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fetch([], source=str(SAMPLE_DATA), home=home, today=date.today())  # noqa: DTZ011 - the user's day
        train(["^GSPC"], config=model_config("lstm", epochs=2), home=home)
        start_up(home)
        predict_cold(home)
        predict_many(home)
        for network, epochs in (("linear", 20), ("cnn", 4), ("lstm", 4)):
            training(network, epochs, home)
        ingest(home)
        accounting()


def start_up(home: Path) -> None:
    """The help of the program beside the import of what prints it."""
    commands = {
        "python -c 'import typer'": python("-c", "import typer"),
        "forecast --help": python("-m", "forecast_cli", "--help"),
        "forecast --version": python("-m", "forecast_cli", "--version"),
    }
    report("start-up", time_side_by_side(commands, home=home))


def predict_cold(home: Path) -> None:
    """One symbol, a trained LSTM, a fresh process."""
    model = home / "lstm.keras"
    subprocess.run(python("-c", MAKE_KERAS_MODEL, model), check=True, capture_output=True)  # noqa: S603 - our own command
    store = BarStore(home)
    bars = store.path("^GSPC", "1d")
    network = next((home / "models" / "lstm").glob("*/model.onnx"))
    predict = python("-m", "forecast_cli", "predict", "^GSPC")
    commands = {
        "forecast predict ^GSPC": predict,
        "forecast predict ^GSPC --no-ledger": [*predict, "--no-ledger"],
        "lean script: pyarrow, numpy, onnxruntime": python(
            FOLDER / "onnx_predict.py", network, bars
        ),
        "script: load_model, read_parquet, predict": python(
            FOLDER / "keras_predict.py", model, bars
        ),
    }
    report("predict, cold", time_side_by_side(commands, home=home))


def predict_many(home: Path) -> None:
    """One symbol, 500 and 5,000, of 1,500 bars each; first forecasts, recorded and not."""
    store = BarStore(home)
    whole = store.read("^GSPC", "1d").take(slice(-1500, None))
    with store.batch():
        for number in range(5000):
            store.write(replace(whole, symbol=f"S{number:04}"))
    predict = python("-m", "forecast_cli", "predict", "--format", "csv")
    symbols = [f"S{number:04}" for number in range(5000)]
    afresh = f"import shutil; shutil.rmtree({str(home / 'ledger')!r}, True)"
    commands = {
        f"{kind}, {n} symbols": shell(python("-c", afresh), [*predict, *symbols[:n], *options])
        for kind, options in (("--no-ledger", ["--no-ledger"]), ("recorded", []))
        for n in (1, 500, 5000)
    }
    report("predict, many symbols", time_side_by_side(commands, home=home, repeats=3))


def shell(*commands: Sequence[str]) -> list[str]:
    """One command of several, one after another."""
    return ["/bin/sh", "-c", " && ".join(map(shlex.join, commands))]


def training(network: str, epochs: int, home: Path) -> None:
    """Whole processes, import of TensorFlow included."""
    arguments = (network, str(epochs), str(N_WINDOWS))
    commands = {
        f"{network}: our trainer, one thread": python("-m", "benchmarks.our_fit", *arguments),
        f"{network}: keras fit on materialised windows": python(
            FOLDER / "keras_fit.py", *arguments
        ),
    }
    job = f"train {network}, {N_WINDOWS:,} windows of 40 x 10, {epochs} epochs"
    report(job, time_side_by_side(commands, home=home, repeats=3))


if __name__ == "__main__":
    main()
