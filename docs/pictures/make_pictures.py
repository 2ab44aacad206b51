# ruff: noqa: INP001 - a script beside its output, no package
"""Draw report.png and board.png, the first screens of both pages: `make pictures`.

Chromium must be on PATH. The pages are those of the sample data, as anyone gets them.
"""

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from forecast_cli.data.store import BarStore
from forecast_cli.report.board_page import board_page
from forecast_cli.schema import DAILY
from forecast_cli.workflows.board import board
from forecast_cli.workflows.predict import predict
from forecast_cli.workflows.reading import read_series

COMMAND = (
    "backtest ^GSPC ^IXIC --model linear --model lstm --horizon 1 --horizon 5 --folds 5"
    " --report report.html"
)
FOLDER = Path(__file__).parent
SAMPLE_DATA = FOLDER.parents[1] / "sample_data"
SIZE = (1200, 1160)
"""CSS pixels: the verdict and the first figure."""
TRAINING = "train ^GSPC ^IXIC --model linear"
INDICES = ["^GSPC", "^IXIC"]
QUARTER = (date(2018, 9, 28), date(2018, 12, 31))
BOARD_SIZE = (1280, 1010)
COLOURS = 255
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--blink-settings=preferredColorScheme=1",
)


def main() -> None:
    """Fetch, test, photograph, and keep as few colours as the pages need."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not on PATH")
    with TemporaryDirectory() as name:
        folder = Path(name)
        _forecast(["fetch", "--from", str(SAMPLE_DATA)], folder)
        _forecast(COMMAND.split(), folder)
        _photograph(chromium, folder, "report", SIZE)
        _write_board(folder)
        _photograph(chromium, folder, "board", BOARD_SIZE)


def _write_board(folder: Path) -> None:
    """The board of two indices at the end of 2018, after a quarter of nightly forecasts."""
    home = folder / "store"
    _forecast([*TRAINING.split(), "--until", str(QUARTER[0])], folder)
    (bars, *_) = read_series(BarStore(home), INDICES, DAILY)
    first, last = (np.datetime64(day) for day in QUARTER)
    for cutoff in bars.timestamp[(bars.timestamp >= first) & (bars.timestamp <= last)].tolist():
        predict(INDICES, home=home, as_of=cutoff, now=_evening(cutoff))
    made = board(home, _evening(QUARTER[1]))
    (folder / "board.html").write_text(board_page(made))


def _evening(day: date) -> datetime:
    return datetime.combine(day, time(23, 30), UTC)


def _photograph(chromium: str, folder: Path, name: str, size: tuple[int, int]) -> None:
    shot = folder / f"{name}.png"
    _run(
        [
            chromium,
            *OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={shot}",
            (folder / f"{name}.html").as_uri(),
        ],
        folder,
    )
    with Image.open(shot) as image:
        few = image.convert("RGB").quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        few.save(FOLDER / f"{name}.png", optimize=True)


def _forecast(arguments: list[str], folder: Path) -> None:
    _run([sys.executable, "-m", "forecast_cli", *arguments], folder)


def _run(command: list[str], folder: Path) -> None:
    environment = os.environ | {"FORECAST_HOME": str(folder / "store")}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)  # noqa: S603 - our own commands


if __name__ == "__main__":
    main()
