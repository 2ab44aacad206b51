"""The table of docs/cli-checklist.md, and the points of it that no module has for itself."""

import ast
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import ROOT, SAMPLE_DATA, Run

from forecast_cli.cli import console
from forecast_cli.cli.app import app
from forecast_cli.folders import user_folder

Forecast = Callable[..., Run]
_ROW = re.compile(r"^\| (\d+) \| (.+?) \| ([012]) \| (.+?) \| (.*) \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "cli-checklist.md").read_text()


def _contexts(ctx: typer.Context) -> Iterator[typer.Context]:
    yield ctx
    for name, below in getattr(ctx.command, "commands", {}).items():
        yield from _contexts(typer.Context(below, parent=ctx, info_name=name))


ROOT_CONTEXT = typer.Context(
    typer.main.get_command(app), info_name="forecast", help_option_names=["-h", "--help"]
)
CONTEXTS = list(_contexts(ROOT_CONTEXT))
COMMANDS = [ctx for ctx in CONTEXTS if not hasattr(ctx.command, "commands")]


def _options(ctx: typer.Context) -> list[Any]:
    return [each for each in ctx.command.params if each.param_type_name == "option"]


def test_each_point_is_there_and_each_full_score_is_shown() -> None:
    """44 points in order; the sum is right; a 2 names a test, and every named test exists."""
    rows = _ROW.findall(PAGE)
    assert [int(number) for number, *_ in rows] == list(range(1, 45))
    assert f"Together: {sum(int(score) for _, _, score, *_ in rows)} of 88." in PAGE
    for number, _, score, _, shown in rows:
        tests = re.findall(r"`(tests/test_\w+\.py)::(test_\w+)`", shown)
        assert tests or score != "2", number
        for file, name in tests:
            tree = ast.parse((ROOT / file).read_text())
            assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_command_answers_to_h_and_help(forecast: Forecast) -> None:
    """Groups, too."""
    for ctx in CONTEXTS:
        words = ctx.command_path.split()[1:]
        assert forecast(*words, "-h").out == forecast(*words, "--help").out != ""


def test_every_help_says_exit_codes_and_what_is_written() -> None:
    """Each command ends with the exit codes and names what it writes or removes."""
    for ctx in COMMANDS:
        assert "Exit codes: 0 done" in str(getattr(ctx.command, "epilog", "")), ctx.command_path
        said = re.search(r"[Ww]rites?\b|Removes|Changes nothing", str(ctx.command.help))
        assert said or "remove" in ctx.command_path or "prune" in ctx.command_path, ctx.command_path


def test_options_stand_in_panels() -> None:
    """All but those that every command has, which stand under Options."""
    everywhere = {"--help", "--config", "--verbose", "--no-color"}
    for ctx in COMMANDS:
        for option in _options(ctx):
            assert option.rich_help_panel or everywhere & {*option.opts}, (
                ctx.command_path, option.opts,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [(["predct"], "predict"), (["data", "lst"], "list"), (["predict", "--modle", "x"], "--model")],
)
def test_a_typo_gets_a_suggestion(
    forecast: Forecast, tmp_path: Path, arguments: list[str], suggested: str
) -> None:
    """Of commands, of options, and of the models that are trained."""
    run = forecast(*arguments)
    assert run.code == 2
    assert suggested in run.err
    folder = tmp_path / "models" / "nightly" / "20241231T220000Z-0123abcd"
    folder.mkdir(parents=True)
    (folder.parent / "LATEST").write_text(f"{folder.name}\n")
    run = forecast("predict", "--model", "nihgtly", "--home", tmp_path)
    assert run.code == 66
    assert "(trained: nightly)" in run.err
    assert "did you mean nightly?" in run.err


def test_an_option_is_the_same_in_every_command() -> None:
    """One long name, one short form and one kind of value, wherever the option is."""
    kinds: dict[str, set[tuple[Any, ...]]] = {}
    for ctx in COMMANDS:
        for option in _options(ctx):
            short = tuple(name for name in option.opts if not name.startswith("--"))
            kinds.setdefault(max(option.opts, key=len), set()).add((short, option.is_flag))
    assert [name for name, kind in kinds.items() if len(kind) > 1] == []


def test_short_forms_are_few_and_have_a_long_one() -> None:
    """-h, -q, -v and -y."""
    for ctx in COMMANDS:
        for option in _options(ctx):
            assert any(name.startswith("--") for name in option.opts)
            assert {name for name in option.opts if len(name) == 2} <= {"-h", "-q", "-v", "-y"}


def test_arguments_are_symbols_and_models() -> None:
    """Everything else is an option."""
    names = {
        each.name
        for ctx in COMMANDS
        for each in ctx.command.params
        if each.param_type_name == "argument"
    }
    assert names <= {"symbol", "symbols", "name", "first", "second"}


def test_a_dash_is_stdin_and_stdout(sample_home: Path, tmp_path: Path) -> None:
    """Prices from a pipe; and a first configuration into one."""
    program = [sys.executable, "-m", "forecast_cli"]
    environment = {"PATH": os.environ["PATH"], "FORECAST_HOME": str(tmp_path / "home")}
    fetched = subprocess.run(
        [*program, "fetch", "IBM", "--from", "-", "--json"],
        input=(SAMPLE_DATA / "IBM.csv").read_bytes(),
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b'"n_bars": 3270' in fetched.stdout, sample_home
    first = subprocess.run(
        [*program, "config", "init", "--output", "-"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[train]" in first.stdout


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_slow_work_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent for a second, then parts done and time left; never in a pipe or on TERM=dumb."""
    monkeypatch.setattr(console, "_SILENT_S", 0.1)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")

    def shown(stream: io.StringIO, seconds: float) -> str:
        monkeypatch.setattr(sys, "stderr", stream)
        with console.progress("fold", 4) as on_fold:
            time.sleep(seconds)
            on_fold(1)
            time.sleep(seconds)
        return stream.getvalue()

    assert shown(_Terminal(), 0.0) == ""
    assert re.search(r"fold 1 done of 4, 0:00:0\d left", shown(_Terminal(), 0.4))
    assert shown(io.StringIO(), 0.2) == ""
    monkeypatch.setenv("TERM", "dumb")
    assert shown(_Terminal(), 0.2) == ""


def test_folders_are_those_of_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Data, configuration, cache and state, each where its variable says."""
    for kind in ("data", "config", "cache", "state"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", str(tmp_path / kind))
        assert user_folder(kind) == tmp_path / kind / "forecast"


def test_no_option_takes_a_secret() -> None:
    """What needs a password is not asked: no key, token or password is an option."""
    secret = re.compile("password|secret|token|api|key|credential")
    for ctx in COMMANDS:
        assert not [each.name for each in _options(ctx) if secret.search(each.name)]
