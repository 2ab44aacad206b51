"""The one door for all files: which files are opened and what their names say."""

import os
import stat
from datetime import date
from pathlib import Path

import pytest

from forecast_cli.data.reader import read_file, symbol_of
from forecast_cli.errors import BadDataError, MissingInputError

TODAY = date(2024, 12, 31)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("^GSPC.csv", "^GSPC"), ("%5EGSPC.csv.gz", "^GSPC"), ("VOD.L.csv", "VOD.L"), ("a.CSV", "a")],
)
def test_symbol_from_the_file_name(name: str, symbol: str) -> None:
    """Only the suffixes of files are cut off, not those of exchanges."""
    assert symbol_of(Path(name)) == symbol


def test_given_symbol_names_a_flat_file(tmp_path: Path) -> None:
    """A file may be called anything when its symbol is given."""
    path = tmp_path / "my prices (1).csv"
    path.write_text("Date,Close\n2024-03-07,1\n")
    with pytest.raises(BadDataError, match="is not a symbol"):
        read_file(path, today=TODAY)
    assert read_file(path, today=TODAY, symbol="AAPL")[0].bars.symbol == "AAPL"


def test_only_regular_files(tmp_path: Path) -> None:
    """A folder, a pipe, a device or nothing at all is refused at once (#45)."""
    os.mkfifo(tmp_path / "pipe.csv")
    assert stat.S_ISFIFO((tmp_path / "pipe.csv").stat().st_mode)
    for path in (tmp_path / "pipe.csv", tmp_path, Path("/dev/zero"), tmp_path / "none.csv"):
        with pytest.raises(MissingInputError):
            read_file(path, today=TODAY)
