# ruff: noqa: INP001 - a script beside its output, no package
"""Draw report.png, the picture of a report in the README: `make pictures`, with chromium on PATH.

The page is that of the command below on the sample data, as anyone gets it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

COMMAND = (
    "backtest ^GSPC ^IXIC --model linear --model lstm --horizon 1 --horizon 5 --folds 5"
    " --report report.html"
)
FOLDER = Path(__file__).parent
SAMPLE_DATA = FOLDER.parents[1] / "sample_data"
SIZE = (1200, 1160)
"""CSS pixels: the verdict and the first figure."""
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
    """Fetch, test, photograph, and keep as few colours as the page needs."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is not on PATH")
    with TemporaryDirectory() as name:
        folder = Path(name)
        _forecast(["fetch", "--from", str(SAMPLE_DATA)], folder)
        _forecast(COMMAND.split(), folder)
        shot = folder / "report.png"
        _run(
            [
                chromium,
                *OPTIONS,
                f"--user-data-dir={folder / 'profile'}",
                f"--window-size={SIZE[0]},{SIZE[1]}",
                f"--screenshot={shot}",
                (folder / "report.html").as_uri(),
            ],
            folder,
        )
        with Image.open(shot) as image:
            few = image.convert("RGB").quantize(
                COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
            )
            few.save(FOLDER / "report.png", optimize=True)


def _forecast(arguments: list[str], folder: Path) -> None:
    _run([sys.executable, "-m", "forecast_cli", *arguments], folder)


def _run(command: list[str], folder: Path) -> None:
    environment = os.environ | {"FORECAST_HOME": str(folder / "store")}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)  # noqa: S603 - our own commands


if __name__ == "__main__":
    main()
