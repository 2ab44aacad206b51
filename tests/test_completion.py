"""What a shell completes, asked of the shells themselves."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from forecast_cli.cli import completion
from forecast_cli.cli.app import app

FORECAST = Path(sys.executable).with_name("forecast")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a store, and nothing in them: names are all that is read."""
    folder = tmp_path_factory.mktemp("completion")
    for name in ("%5EGSPC", "AAPL", "AMZN"):
        (folder / "bars" / "interval=1d" / f"symbol={name}").mkdir(parents=True)
    (folder / "models" / "nightly" / "20241231T220000Z-0123abcd").mkdir(parents=True)
    (folder / "models" / ".swept").mkdir()
    return folder


def _environment(home: Path, **more: str) -> dict[str, str]:
    path = f"{FORECAST.parent}:{os.environ['PATH']}"
    return {"PATH": path, "FORECAST_HOME": str(home), "HOME": str(home), "TERM": "dumb", **more}


def _script(shell: str, home: Path) -> str:
    done = subprocess.run(
        [FORECAST],
        env=_environment(home, _FORECAST_COMPLETE=f"source_{shell}"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


CASES = [
    ("data show A", ["AAPL", "AMZN"]),
    ("predict --model n", ["nightly"]),
    ("models show nightly@", ["nightly@20241231T220000Z-0123abcd"]),
    ("train --model l", ["linear", "logistic", "lstm"]),
    ("backtest --model n", ["nightly"]),
    ("pre", ["predict"]),
    ("predict --js", ["--json"]),
]


@pytest.mark.parametrize(("typed", "offered"), [case for case in CASES if "@" not in case[0]])
def test_bash_completes(home: Path, typed: str, offered: list[str]) -> None:
    """Commands, options, stored symbols and trained models; bash itself takes words apart at @."""
    words = ["forecast", *typed.split(" ")]
    script = (
        f"{_script('bash', home)}\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}\n"
        '_forecast_completion forecast; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", script],
        env=_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.strip() for line in done.stdout.splitlines()] == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed here")
def test_fish_completes(home: Path) -> None:
    """The same words, in one shell that is asked case by case."""
    asked = "; echo ==; ".join(f"complete -C 'forecast {typed}'" for typed, _ in CASES)
    done = subprocess.run(
        [str(shutil.which("fish")), "--no-config", "-c", f"{_script('fish', home)}\n{asked}"],
        env=_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    parts = done.stdout.split("==\n")
    found = [[line.split("\t")[0] for line in part.splitlines()] for part in parts]
    assert found == [offered for _, offered in CASES]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed here")
def test_zsh_completes(home: Path) -> None:
    """In a terminal, after Tab: the only model's whole name."""
    (home / "forecast.zsh").write_text(
        f"autoload -Uz compinit; compinit -u -d {home}/dump\n{_script('zsh', home)}\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.execve(str(shutil.which("zsh")), ["zsh", "-f", "-i"], _environment(home))  # noqa: S606 - in a terminal of its own
    shown = _typed(terminal, f"source {home}/forecast.zsh; echo rea''dy\n", "ready")
    assert "ready" in shown, shown
    shown = _typed(terminal, "echo forecast; forecast predict --model nig\t", "nightly")
    assert "nightly" in shown, shown
    os.write(terminal, b"\x03exit\n")
    os.close(terminal)
    os.waitpid(child, 0)


def _typed(terminal: int, text: str, until: str) -> str:
    """What a terminal shows after some keys, read until a word or for ten seconds."""
    os.write(terminal, text.encode())
    shown, end = "", time.monotonic() + 10
    while until not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def test_nothing_there_is_nothing_offered(tmp_path: Path) -> None:
    """No store, or one that cannot be one: a shell that waits for words gets none, and no error."""
    root = typer.Context(
        typer.main.get_command(app), info_name="forecast", help_option_names=["-h", "--help"]
    )
    command = root.command.commands["predict"]  # type: ignore[attr-defined]
    (tmp_path / "file").touch()
    for home in (tmp_path / "none", tmp_path / "file"):
        ctx = typer.Context(command, parent=root, info_name="predict", resilient_parsing=True)
        ctx.params["home"] = home
        assert completion.stored_symbols(ctx, "") == []
        assert completion.trained_models(ctx, "x@") == []
