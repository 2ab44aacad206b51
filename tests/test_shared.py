"""Options that commands share and none of them reads: --json, --symbols-from, -v, --no-color."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from conftest import Run

from forecast_cli.cli.app import app
from forecast_cli.cli.configured import Command, each_command
from forecast_cli.cli.shared import read_symbols
from forecast_cli.errors import MissingInputError, UsageError

Forecast = Callable[..., Run]


def commands() -> list[typer.Context]:
    """A context of every command of the program."""
    names = ["-h", "--help"]  # which commands keep from the first context that asks for them
    program = typer.main.get_command(app)
    return list(each_command(typer.Context(program, info_name="forecast", help_option_names=names)))


@pytest.mark.parametrize("ctx", commands(), ids=lambda ctx: ctx.command_path)
def test_every_command_has_the_shared_options(ctx: typer.Context) -> None:
    """-v and --no-color everywhere, --json wherever there is a --format of results."""
    assert isinstance(ctx.command, Command)
    names = {name for each in ctx.command.params for name in each.opts}
    assert {"-v", "--no-color", "--config"} <= names
    assert ("--json" in names) == any(each.name == "result_format" for each in ctx.command.params)


def test_json_is_format_json(forecast: Forecast, sample_home: Path) -> None:
    """The same bytes; the last of --json and --format holds."""
    long = forecast("data", "list", "--home", sample_home, "--format", "json")
    assert forecast("data", "list", "--home", sample_home, "--json").out == long.out
    last = forecast("data", "list", "--home", sample_home, "--json", "--format", "csv")
    assert last.out.startswith("symbol,")


def test_json_errors_are_an_object(forecast: Forecast, tmp_path: Path) -> None:
    """A script that asked for JSON gets JSON, whatever happens."""
    run = forecast("predict", "--home", tmp_path, "--json")
    assert run.code == 66
    assert json.loads(run.out)["error"]["code"] == 66


def test_symbols_come_from_a_file(forecast: Forecast, sample_home: Path, tmp_path: Path) -> None:
    """One per line behind those that were typed; remarks and empty lines are left out."""
    listed = tmp_path / "symbols.txt"
    listed.write_text("\ufeffaapl  # Apple\n\n# none here\n ^GSPC\r\n", encoding="utf-8")
    assert read_symbols(listed) == ["AAPL", "^GSPC"]
    run = forecast(
        "data", "check", "IBM", "--symbols-from", listed, "--home", sample_home, "--json"
    )
    assert [one["symbol"] for one in json.loads(run.out)["series"]] == ["IBM", "AAPL", "^GSPC"]


def test_symbols_come_from_a_pipe(sample_home: Path) -> None:
    """`-` is standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "forecast_cli", "data", "check", "--symbols-from", "-", "--json"],
        input="IBM\n",
        env={**os.environ, "FORECAST_HOME": str(sample_home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [one["symbol"] for one in json.loads(done.stdout)["series"]] == ["IBM"]


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"IBM\n../x\n", UsageError, "line 2: '../x' is not a symbol"),
        (b"# none\n", UsageError, "lists no symbol"),
        (b"\xff\xfeI\n", MissingInputError, "not text in UTF-8"),
        (None, MissingInputError, "No such file"),
    ],
)
def test_a_wrong_list_is_named(
    tmp_path: Path, content: bytes | None, error: type[Exception], says: str
) -> None:
    """File and line; an empty list is refused, since no symbols would mean all."""
    listed = tmp_path / "symbols.txt"
    if content is not None:
        listed.write_bytes(content)
    with pytest.raises(error, match=says):
        read_symbols(listed)


def test_v_says_what_is_used_and_vv_by_whom(forecast: Forecast, sample_home: Path) -> None:
    """On stderr, and nothing of it unless asked for."""
    silent, once, twice = (
        forecast("data", "check", "IBM", "--home", sample_home, "--json", *more)
        for more in ([], ["-v"], ["-vv"])
    )
    assert (silent.err, silent.out) == ("", once.out)
    assert f"store: {sample_home}" in once.err
    assert "took " in once.err
    assert "symbols" not in once.err
    assert "symbols = ['IBM'] (typed)" in twice.err


@pytest.mark.parametrize(
    ("arguments", "variables", "colours"),
    [
        ([], {}, 0),
        ([], {"FORCE_COLOR": "1"}, 1),
        ([], {"FORCE_COLOR": "1", "TERM": "dumb"}, 0),
        (["--no-color"], {"FORCE_COLOR": "1"}, 0),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, 0),
    ],
)
def test_colour_is_asked_for_and_left_out(
    arguments: list[str], variables: dict[str, str], colours: int
) -> None:
    """None in a pipe; FORCE_COLOR, NO_COLOR, TERM=dumb and --no-color are obeyed."""
    done = subprocess.run(
        [sys.executable, "-m", "forecast_cli", *arguments, "--help"],
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    cyan = re.search(r"\x1b\[(\d;)?36m", done.stdout)  # as the examples are
    assert bool(cyan) == bool(colours)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predict", "-h"], ["features"]])
@pytest.mark.parametrize(("stdout", "code"), [("| true", 141), ("> /dev/full", 74)])
def test_what_nobody_reads_is_no_fault_of_ours(
    arguments: list[str], stdout: str, code: int
) -> None:
    """141 for a closed pipe, 74 for a full disk, for help as for results; never a traceback."""
    program = " ".join([sys.executable, "-m", "forecast_cli", *arguments])
    script = f"({program}; echo $? >&2) {stdout}"
    if stdout.startswith("|"):
        script = f"(sleep 0.05; {program}; echo $? >&2) {stdout}"
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == str(code)
    assert "Traceback" not in done.stderr
