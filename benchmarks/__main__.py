"""Start-up, forecasting, training, accounting, measured in one run: minutes on two cores."""

import subprocess
import tempfile
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
    bars = BarStore(home).path("^GSPC", "1d")
    commands = {
        "forecast predict ^GSPC": python("-m", "forecast_cli", "predict", "^GSPC"),
        "forecast predict (6 symbols)": python("-m", "forecast_cli", "predict"),
        "script: load_model, read_parquet, predict": python(
            FOLDER / "keras_predict.py", model, bars
        ),
    }
    report("predict, cold", time_side_by_side(commands, home=home))


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
