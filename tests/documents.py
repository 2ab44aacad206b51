"""What the documents show a reader typing, run as he would, and what they say comes of it."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, Run, clean_environment

from forecast_cli.__main__ import main

DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Step:
    """A command of a page, and what the page says it prints; empty where it shows nothing."""

    command: str
    output: str


def steps_of(page: Path) -> list[Step]:
    """The commands in a page's console blocks, in order."""
    steps = []
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            while command.endswith("\\"):
                more, _, output = output.partition("\n")
                command = command[:-1] + more.removeprefix(">").strip()
            steps.append(Step(command, output))
    return steps


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language in a page."""
    pattern = rf"^```{language}[^\n]*\n(.*?)^```"
    return re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)


def scripts_of(page: Path) -> dict[str, str]:
    """The files that a page has its reader write, by name: blocks with a title."""
    pattern = r'^```(?:sh|toml) title="([^"]+)"\n(.*?)^```'
    return dict(re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE))


def play(page: Path, *, in_folder: Path) -> None:
    """Run every command of a page and compare what it prints with what the page says."""
    for name, script in scripts_of(page).items():
        (in_folder / name).write_text(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(in_folder)
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        clean_environment(patch, in_folder / "no_config")
        patch.setenv("FORECAST_HOME", "store")
        for step in steps_of(page):
            run = run_command(step.command)
            assert run.code == 0, f"{page.name}: {step.command}\n{run.err}"
            if step.output:
                parts = re.split(r"^\.\.\.$", step.output, flags=re.MULTILINE)
                shown = [shape(part) for part in parts]
                assert_shown(shape(run.out), shown, f"{page.name}: {step.command}")


def assert_shown(printed: list[str], shown: list[list[str]], where: str) -> None:
    """Each part of what a page shows is printed, in order; between two it leaves lines out."""
    first, *others = shown
    assert printed[: len(first)] == first, where
    rest = printed[len(first) :]
    for part in others:
        starts = [i for i in range(len(rest)) if rest[i : i + len(part)] == part]
        assert starts or not part, f"{where}\n{part}\nis not in\n{rest}"
        rest = rest[starts[0] + len(part) :] if part else []
    assert not rest, where


def run_command(command: str) -> Run:
    """One command of a page: the program in this process, all others in a shell."""
    program, *arguments = shlex.split(command)
    if program != "forecast" or {"|", ">"} & set(arguments):
        shell = ["/bin/bash", "-eu", "-o", "pipefail", "-c", command]
        done = subprocess.run(shell, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout, done.stderr)
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    assert isinstance(left.value.code, int)
    return Run(left.value.code, out.getvalue(), err.getvalue())


def shape(text: str) -> list[str]:
    """Words without numbers: another processor may round the last digit otherwise.

    Lines drawn of blocks are as many blocks, each of any height.
    """
    text = re.sub("[▂-█]", "▁", text)
    lines = (re.sub(r"[\d,.<-]*\d[\w,.:%-]*", "#", line) for line in text.splitlines())
    folded = (re.sub(r"[\s─░▒•]+", " ", line).replace("< #", "#").strip() for line in lines)
    return [re.sub(r"# %", "#", line) for line in folded if line]
