"""What each command shows fits the terminal, from 40 to 200 columns, and nothing it says is cut."""

import io
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from conftest import SAMPLE_DATA, Run
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from forecast_cli.cli.tables import plain_table

Forecast = Callable[..., Run]


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample store with a small linear model of the two indices."""
    from forecast_cli.config import model_config  # noqa: PLC0415
    from forecast_cli.workflows.train import train  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("narrow")
    for name in ("bars", "calendars"):
        (folder / name).symlink_to(sample_home / name)
    config = model_config("linear", epochs=1)
    train(["^GSPC", "^IXIC"], config=config, home=folder, until=date(2017, 6, 30))
    return folder


SHOWN = {
    "fetch": ["fetch", "--from", str(SAMPLE_DATA)],
    "data list": ["data", "list"],
    "data show": ["data", "show", "^GSPC"],
    "data check": ["data", "check"],
    "train": ["train", "^GSPC", "--model", "linear", "--epochs", "1", "--name", "again"],
    "predict": ["predict", "--as-of", "2018-06-29", "--model", "linear"],
    "score": ["score", "--backfilled"],
    "backtest": ["backtest", "^GSPC", "--model", "linear", "--folds", "1", "--epochs", "1",
                 "--no-canaries"],
    "models list": ["models", "list"],
    "models show": ["models", "show", "linear"],
    "run": ["run", "--no-fetch", "--no-score", "--model", "linear", "--format", "table"],
    "features": ["features"],
    "config show": ["config", "show", "--all"],
    "doctor": ["doctor", "--quick"],
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_no_line_is_wider_than_the_terminal(
    forecast: Forecast,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """At 40, 80 and 200 columns; no word ends in an ellipsis, every symbol is whole."""
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path if name == "fetch" else home))
    for width in (40, 80, 200) if name not in {"train", "run"} else (40,):
        monkeypatch.setenv("COLUMNS", str(width))
        run = forecast(*SHOWN[name])
        assert run.out, run.err
        assert max(cell_len(line) for line in run.out.splitlines()) <= width
        assert "…" not in run.out
        if name in {"fetch", "data list", "predict"}:
            assert re.search(r"(^|\s)\^GSPC(\s|$)", run.out)


words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=14)


@given(
    rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=4),
    width=st.integers(40, 200),
)
def test_every_cell_is_there_at_every_width(rows: list[tuple[str, str, str]], width: int) -> None:
    """Whatever the table: lines fit, and reading on from line to line finds each key and value."""
    table = plain_table("symbol", "a", "some name", gap=1)
    for row in rows:
        table.add_row(*row)
    shown = io.StringIO()
    Console(file=shown, width=width, markup=False, emoji=False).print(table)
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for symbol, value, _ in rows:
        assert any(symbol in line for line in lines)
        assert any(value in line for line in lines)


def test_a_table_of_rows_becomes_blocks() -> None:
    """The key first, then its facts, none broken while it fits a line."""
    table = plain_table("bars", "symbol", "first day", "finding")
    table.add_row("1,234", "^GSPC", "2018-12-31", "the volume is 0 on two days of the year")
    shown = io.StringIO()
    Console(file=shown, width=30).print(table)
    assert [line.rstrip() for line in shown.getvalue().splitlines()] == [
        "",
        "^GSPC",
        "  bars 1,234,",
        "  first day 2018-12-31,",
        "  finding the volume is 0 on",
        "  two days of the year",
        "",
    ]
